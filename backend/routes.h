/* The handlers of all routes, and where they are: paths below the issuer's URL. */
#ifndef ROUTES_H
#define ROUTES_H

#include "backend/http.h"

#define PATH_DISCOVERY "/.well-known/openid-configuration"
#define PATH_JWKS "/jwks"
#define PATH_BACKCHANNEL "/ciba/backchannel"
#define PATH_TOKEN "/ciba/token"
#define PATH_CANCEL "/ciba/cancel"
#define PATH_CODE "/ciba/code"
#define PATH_HOST_JOIN "/host/join"
#define PATH_PHONE "/phone/v1/"

/* discovery.c */
void discovery_show(struct http_call *http, void *context);
void discovery_show_keys(struct http_call *http, void *context);

/* health.c */
void health_show(struct http_call *http, void *context);

/* backchannel.c, token.c, cancel.c, code.c */
void backchannel_ask(struct http_call *http, void *context);
void token_ask(struct http_call *http, void *context);
void cancel_request(struct http_call *http, void *context);
void code_try(struct http_call *http, void *context);

/* phone_api.c, phone_device.c, enroll.c */
void phone_requests(struct http_call *http, void *context);
void phone_decide(struct http_call *http, void *context);
void phone_activity(struct http_call *http, void *context);
void phone_device(struct http_call *http, void *context);
void phone_remove(struct http_call *http, void *context);
void phone_test(struct http_call *http, void *context);
void enroll_show_invitation(struct http_call *http, void *context);
void enroll_device(struct http_call *http, void *context);

/* host_join.c */
void host_join(struct http_call *http, void *context);

#endif
