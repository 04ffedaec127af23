/* The one table of all routes. */
#include "backend/routes.h"

#include "backend/admin.h"
#include "backend/server.h"
#include "backend/static.h"

#define FORM "application/x-www-form-urlencoded"
#define JOSE "application/jose"
#define MESSAGE_MAX 16384

const struct http_route server_routes[] = {
    {HTTP_GET, PATH_DISCOVERY, HTTP_ANYONE, NULL, 0, discovery_show},
    {HTTP_GET, PATH_JWKS, HTTP_ANYONE, NULL, 0, discovery_show_keys},
    {HTTP_POST, PATH_BACKCHANNEL, HTTP_ANYONE, FORM, MESSAGE_MAX, backchannel_ask},
    {HTTP_POST, PATH_TOKEN, HTTP_ANYONE, FORM, MESSAGE_MAX, token_ask},
    {HTTP_POST, PATH_CANCEL, HTTP_ANYONE, FORM, MESSAGE_MAX, cancel_request},
    {HTTP_POST, PATH_CODE, HTTP_ANYONE, FORM, MESSAGE_MAX, code_try},

    {HTTP_POST, PATH_PHONE "invitation", HTTP_ANYONE, JOSE, MESSAGE_MAX, enroll_show_invitation},
    {HTTP_POST, PATH_PHONE "enroll", HTTP_ANYONE, JOSE, MESSAGE_MAX, enroll_device},
    {HTTP_POST, PATH_PHONE "requests", HTTP_ANYONE, JOSE, MESSAGE_MAX, phone_requests},
    {HTTP_POST, PATH_PHONE "decide", HTTP_ANYONE, JOSE, MESSAGE_MAX, phone_decide},
    {HTTP_POST, PATH_PHONE "activity", HTTP_ANYONE, JOSE, MESSAGE_MAX, phone_activity},
    {HTTP_POST, PATH_PHONE "device", HTTP_ANYONE, JOSE, MESSAGE_MAX, phone_device},
    {HTTP_POST, PATH_PHONE "remove", HTTP_ANYONE, JOSE, MESSAGE_MAX, phone_remove},
    {HTTP_POST, PATH_PHONE "test", HTTP_ANYONE, JOSE, MESSAGE_MAX, phone_test},

    {HTTP_POST, PATH_HOST_JOIN, HTTP_ANYONE, "application/json", MESSAGE_MAX, host_join},
    {HTTP_POST, PATH_ADMIN "*", HTTP_ADMIN, "application/json", MESSAGE_MAX, admin_run},

    {HTTP_GET, "/healthz", HTTP_ANYONE, NULL, 0, health_show},

    {HTTP_GET, "/", HTTP_ANYONE, NULL, 0, static_get},
    {HTTP_GET, "/enroll", HTTP_ANYONE, NULL, 0, static_get},
    {HTTP_GET, "/lang/*", HTTP_ANYONE, NULL, 0, static_get},
    {HTTP_GET, "/screens/*", HTTP_ANYONE, NULL, 0, static_get},
    {HTTP_GET, "/*", HTTP_ANYONE, NULL, 0, static_get},
    {.path = NULL},
};
