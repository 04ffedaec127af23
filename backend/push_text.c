#include "backend/push_text.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "backend/push_send.h"
#include "common/base64url.h"
#include "common/json_text.h"

static char *dump(json_t *json)
{
    char *text = json ? json_text_dump(json) : NULL;

    json_decref(json);
    return text;
}

char *push_text_request(const char *request, const char *details, int64_t expires)
{
    return dump(json_pack("{s:s, s:s, s:I, s:s*}", "type", "request", "request", request, "expires",
                          (json_int_t)expires, "details", details));
}

char *push_text_over(const char *request)
{
    return dump(json_pack("{s:s, s:s}", "type", "over", "request", request));
}

char *push_text_test(void)
{
    return dump(json_pack("{s:s}", "type", "test"));
}

char *push_topic(const char *request)
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (EVP_Digest(request, strlen(request), hash, NULL, EVP_sha256(), NULL) != 1)
        return NULL;
    return base64url_encode(hash, PUSH_TOPIC_MAX / 4 * 3);
}
