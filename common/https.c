#include "common/https.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base64url.h"
#include "common/i18n.h"

enum { PIN_BYTES = 32, PIN_BASE64 = 45, PIN_TEXT = 64 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort(); /* only without memory at the start */
}

/* A host as libcurl writes it: addresses in their usual form, IPv6 in brackets. */
static bool is_loopback(const char *host)
{
    struct in_addr address;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool https_url_allowed(const char *url, char *why, size_t why_size)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *fragment = NULL;
    bool allowed = false;

    if (!parts || curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        snprintf(why, why_size, _("%s: not a URL such as https://approve.example.org"), url);
        goto out;
    }
    if (curl_url_get(parts, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK) {
        snprintf(why, why_size, _("%s: a URL with # cannot be used here"), url);
        goto out;
    }
    allowed = strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_loopback(host));
    if (!allowed)
        snprintf(why, why_size, _("%s: must start with https:// (http:// is for this host only)"),
                 url);

out:
    curl_free(fragment);
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return allowed;
}

/* libcurl's form of a pin. False where it is none. */
static bool pin_for_curl(const char *pin, char out[PIN_TEXT])
{
    unsigned char *bytes, encoded[PIN_BASE64];
    size_t len;
    bool right = base64url_decode(pin, strlen(pin), &bytes, &len) == 0 && len == PIN_BYTES;

    if (right) {
        EVP_EncodeBlock(encoded, bytes, PIN_BYTES);
        snprintf(out, PIN_TEXT, "sha256//%s", (char *)encoded);
    }
    free(bytes);
    return right;
}

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
    struct https_answer *answer = arg;
    size_t more = size * count;

    if (more > HTTPS_ANSWER_MAX - answer->len)
        return 0;
    char *body = realloc(answer->body, answer->len + more + 1);
    if (!body)
        return 0;
    memcpy(body + answer->len, data, more);
    answer->body = body;
    answer->len += more;
    body[answer->len] = '\0';
    return more;
}

/* Where packets are lost, the system would go on sending a request after its caller gave up, and a
 * phone would ring for a login that is over (tcp(7)). */
static int limit_unsent(void *unused, curl_socket_t fd, curlsocktype purpose)
{
    const unsigned int ms = HTTPS_UNSENT_MS;

    (void)unused;
    (void)purpose;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms,
                     sizeof ms); /* a Unix socket has none */
    return CURL_SOCKOPT_OK;
}

#define SET(option, value) (curl_easy_setopt(handle, option, value) == CURLE_OK)

/* With a pin the key alone says who the server is: its certificate needs nobody's signature. */
static bool set_identity(CURL *handle, const char *pin)
{
    char pinned[PIN_TEXT];

    if (!pin || !*pin)
        return true; /* libcurl's default: the system's certificates, and the host's name */
    return pin_for_curl(pin, pinned) && SET(CURLOPT_PINNEDPUBLICKEY, pinned) &&
           SET(CURLOPT_SSL_VERIFYPEER, 0L) && SET(CURLOPT_SSL_VERIFYHOST, 0L);
}

CURL *https_handle(const char *url, const char *pin, long timeout_ms, struct https_answer *answer)
{
    pthread_once(&once, set_up_curl);
    if (!https_url_allowed(url, answer->error, sizeof(answer->error)))
        return NULL;
    CURL *handle = curl_easy_init();
    if (handle && set_identity(handle, pin) && SET(CURLOPT_URL, url) &&
        SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
        SET(CURLOPT_NOPROXY, "*") && SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
        SET(CURLOPT_TCP_NODELAY, 1L) && SET(CURLOPT_NOSIGNAL, 1L) &&
        SET(CURLOPT_SOCKOPTFUNCTION, limit_unsent) && SET(CURLOPT_TIMEOUT_MS, timeout_ms) &&
        SET(CURLOPT_ERRORBUFFER, answer->error) && SET(CURLOPT_USERAGENT, "pam_approve/" VERSION) &&
        SET(CURLOPT_WRITEFUNCTION, collect) && SET(CURLOPT_WRITEDATA, answer))
        return handle;
    curl_easy_cleanup(handle);
    snprintf(answer->error, sizeof(answer->error),
             _("%s: no connection can be set up; is the server's key (43 characters) right?"), url);
    return NULL;
}

/* What went wrong, in front of it the URL. */
static void set_error(struct https_answer *answer, CURL *handle, CURLcode code)
{
    char what[CURL_ERROR_SIZE], *url = NULL;

    if (code == CURLE_WRITE_ERROR) /* collect refused */
        snprintf(what, sizeof(what), _("the answer has more than %d bytes"), HTTPS_ANSWER_MAX);
    else if (code == CURLE_SSL_CONNECT_ERROR &&
             answer->error[0]) /* OpenSSL's words alone say little */
        snprintf(what, sizeof(what), "%s: %.200s", curl_easy_strerror(code), answer->error);
    else
        snprintf(what, sizeof(what), "%.*s", CURL_ERROR_SIZE - 1,
                 answer->error[0] ? answer->error : curl_easy_strerror(code));
    curl_easy_getinfo(handle, CURLINFO_EFFECTIVE_URL, &url);
    snprintf(answer->error, sizeof(answer->error), "%.*s: %s", HTTPS_URL_SHOWN, url ? url : "",
             what);
}

void https_answer_finish(struct https_answer *answer, CURL *handle, CURLcode code)
{
    char *content_type = NULL;
    curl_off_t retry_after = 0;

    answer->status = 0;
    if (code != CURLE_OK) {
        set_error(answer, handle, code);
        return;
    }
    answer->error[0] = '\0';
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &content_type);
    curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after);
    snprintf(answer->content_type, sizeof(answer->content_type), "%s",
             content_type ? content_type : "");
    answer->retry_after = retry_after > 0 && retry_after < 86400 ? (long)retry_after : 0;
}

bool https_answer_is_json(const struct https_answer *answer)
{
    static const char start[] = "application/", plain[] = "json", made[] = "+json";
    const size_t plain_len = sizeof(plain) - 1, made_len = sizeof(made) - 1;
    const char *type = answer->content_type, *subtype = type + sizeof(start) - 1;
    size_t len;

    if (strncasecmp(type, start, sizeof(start) - 1) != 0)
        return false;
    len = strcspn(subtype, "; \t");
    if (len > made_len && strncasecmp(subtype + len - made_len, made, made_len) == 0)
        return true;
    return len == plain_len && strncasecmp(subtype, plain, plain_len) == 0;
}

void https_answer_fault(const char *url, const struct https_answer *answer, const char *what,
                        char *out, size_t size)
{
    char retry[64] = "", type[128];

    if (answer->status == 0) { /* libcurl's own words, behind the URL */
        snprintf(out, size, "%s", answer->error);
        return;
    }
    if (what[0] == 0 && answer->status >= 300 && answer->status < 400)
        what = "a redirect, which is not followed";
    if (what[0] == 0 && answer->status == 200) {
        snprintf(type, sizeof type, "not of type application/json, but %s",
                 answer->content_type[0] != 0 ? answer->content_type : "of none");
        what = type;
    }
    if (answer->retry_after > 0)
        snprintf(retry, sizeof retry, ", to be asked again in %ld s", answer->retry_after);
    snprintf(out, size, "%.*s: status %ld%s%.175s%s", HTTPS_URL_SHOWN, url, answer->status,
             what[0] != 0 ? ": " : "", what, retry);
}

void https_answer_init(struct https_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->body = calloc(1, 1);
    if (!answer->body)
        abort();
}

void https_answer_free(struct https_answer *answer)
{
    free(answer->body);
    memset(answer, 0, sizeof(*answer));
}

int https_call(const char *url, const char *pin, const char *content_type, const char *body,
               long timeout_ms, struct https_answer *answer)
{
    CURL *handle = https_handle(url, pin, timeout_ms, answer);
    struct curl_slist *headers = NULL;
    char header[128];
    int result = -1;

    if (!handle)
        return -1;
    if (body) {
        snprintf(header, sizeof(header), "Content-Type: %s", content_type);
        headers = curl_slist_append(NULL, header);
        if (!headers || !SET(CURLOPT_HTTPHEADER, headers) || !SET(CURLOPT_POSTFIELDS, body))
            goto out;
    }
    https_answer_finish(answer, handle, curl_easy_perform(handle));
    if (answer->status != 0)
        result = 0;

out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(handle);
    return result;
}
