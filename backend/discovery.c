/* What hosts read before they ask: metadata (OpenID Connect Discovery 1.0; CIBA Core 1.0, section
 * 4) and the issuer's key. */
#include "backend/routes.h"
#include "backend/server.h"
#include "common/login.h"
#include "common/oauth.h"

static const struct {
    const char *member, *path;
} endpoints[] = {
    {"jwks_uri", PATH_JWKS},
    {"token_endpoint", PATH_TOKEN},
    {"backchannel_authentication_endpoint", PATH_BACKCHANNEL},
    {"pam_approve_cancel_endpoint", PATH_CANCEL},
    {"pam_approve_code_endpoint", PATH_CODE},
    {"pam_approve_host_endpoint", PATH_HOST_JOIN},
};

void discovery_show(struct http_call *http, void *context)
{
    const struct server *server = context;
    json_t *body = json_pack(
        "{ss, s[s], s[s], s[s], s[s], s[s], s[s], sb, s[s], s[], s[sssssssss], s[s]}", /* */
        "issuer", server->issuer, "backchannel_token_delivery_modes_supported", "poll",
        "grant_types_supported", OAUTH_GRANT_CIBA, "token_endpoint_auth_methods_supported",
        "private_key_jwt", "token_endpoint_auth_signing_alg_values_supported", "ES256",
        "id_token_signing_alg_values_supported", "ES256", "authorization_details_types_supported",
        LOGIN_DETAILS_TYPE, "backchannel_user_code_parameter_supported", 0,
        "subject_types_supported", "public", "response_types_supported", "claims_supported", "iss",
        "sub", "aud", "iat", "exp", "auth_time", "amr", "cnf", "device", "scopes_supported",
        "openid");
    for (size_t i = 0; body && i < sizeof endpoints / sizeof *endpoints; i++) {
        json_t *url = json_sprintf("%s%s", server->issuer, endpoints[i].path);
        if (json_object_set_new(body, endpoints[i].member, url) < 0) {
            json_decref(body);
            body = NULL;
        }
    }
    http_reply_json(http, 200, body);
}

void discovery_show_keys(struct http_call *http, void *context)
{
    const struct server *server = context;
    json_t *key = jwk_public_json(server->issuer_key);
    json_t *more = json_pack("{ss, ss, ss}", "kid", jwk_thumbprint(server->issuer_key), "use",
                             "sig", "alg", "ES256");
    json_t *body = NULL;
    if (key && more && json_object_update(key, more) == 0)
        body = json_pack("{s[O]}", "keys", key);
    json_decref(key);
    json_decref(more);
    http_reply_json(http, 200, body);
}
