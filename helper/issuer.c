#include "helper/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/login.h"
#include "helper/call.h"

#define KEEP_MS (3600 * 1000)
#define KEYS_AGAIN_MS (60 * 1000)
#define KEYS_MAX 32

struct waiter {
    struct waiter *next;
    issuer_done *done;
    void *arg;
};

struct issuer {
    unsigned references;
    struct transfers *transfers;
    char url[257];
    char pin[BASE64URL_SHA256 + 1];
    bool ours;
    long timeout_ms;
    struct issuer_endpoints endpoints;
    int64_t ready_at; /* clock_mono_ms; 0: never */
    int64_t keys_at;
    size_t key_count;
    struct jwk *keys[KEYS_MAX];
    char kids[KEYS_MAX][128];
    struct waiter *waiters;
    struct transfer *transfer; /* document or keys on their way */
    bool busy;
    char fault[HTTPS_FAULT_MAX];
};

struct issuer *issuer_new(struct transfers *transfers, const struct host *host)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);

    if (issuer == NULL)
        return NULL;
    issuer->references = 1;
    issuer->transfers = transfers;
    strcpy(issuer->url, host->issuer);
    strcpy(issuer->pin, host->server_key);
    issuer->ours = host->provider == PROVIDER_APPROVE;
    issuer->timeout_ms = host->timeout * 1000;
    return issuer;
}

struct issuer *issuer_ref(struct issuer *issuer)
{
    issuer->references++;
    return issuer;
}

static void free_keys(struct issuer *issuer)
{
    while (issuer->key_count > 0)
        jwk_free(issuer->keys[--issuer->key_count]);
}

void issuer_unref(struct issuer *issuer)
{
    if (issuer == NULL || --issuer->references > 0)
        return;
    if (issuer->transfer != NULL)
        transfer_cancel(issuer->transfer);
    while (issuer->waiters != NULL) {
        struct waiter *waiter = issuer->waiters;

        issuer->waiters = waiter->next;
        free(waiter);
    }
    free_keys(issuer);
    free(issuer);
}

bool issuer_is_of(const struct issuer *issuer, const struct host *host)
{
    return strcmp(issuer->url, host->issuer) == 0 && strcmp(issuer->pin, host->server_key) == 0 &&
           issuer->ours == (host->provider == PROVIDER_APPROVE) &&
           issuer->timeout_ms == host->timeout * 1000;
}

const struct issuer_endpoints *issuer_endpoints(const struct issuer *issuer)
{
    return &issuer->endpoints;
}

const char *issuer_fault(const struct issuer *issuer)
{
    return issuer->fault;
}

bool issuer_is_busy(const struct issuer *issuer)
{
    return issuer->busy;
}

/* --- the document --- */

static bool read_origin(const char *url, char *origin, size_t size)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
    bool read = parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
                (size_t)snprintf(origin, size, "%s://%s:%s", scheme, host, port) < size;

    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_url_cleanup(parts);
    return read;
}

bool issuer_same_origin(const char *issuer, const char *url)
{
    char ours[ISSUER_URL_MAX], theirs[ISSUER_URL_MAX];

    return read_origin(issuer, ours, sizeof ours) && read_origin(url, theirs, sizeof theirs) &&
           strcasecmp(ours, theirs) == 0;
}

static int read_endpoint(const json_t *document, const char *issuer, const char *name,
                         bool required, char endpoint[ISSUER_URL_MAX], char *why, size_t why_size)
{
    const char *url = json_text_string(document, name, ISSUER_URL_MAX - 1);

    endpoint[0] = 0;
    if (url == NULL && !required && json_object_get(document, name) == NULL)
        return 0;
    if (url == NULL) {
        snprintf(why, why_size, _("its discovery document has no %s"), name);
        return -1;
    }
    if (!issuer_same_origin(issuer, url)) {
        snprintf(why, why_size, _("its %s is elsewhere: %.200s"), name, url);
        return -1;
    }
    strcpy(endpoint, url);
    return 0;
}

int issuer_read_document(const char *text, size_t len, const char *issuer, bool ours,
                         struct issuer_endpoints *endpoints, char *why, size_t why_size)
{
    json_t *document = json_text_object(text, len, HTTPS_ANSWER_MAX);
    const char *named = json_text_string(document, "issuer", 256);
    int result = -1;

    if (document == NULL) {
        snprintf(why, why_size, _("its discovery document is not JSON, or has a member twice"));
        return -1;
    }
    if (named == NULL || strcmp(named, issuer) != 0) {
        snprintf(why, why_size, _("its discovery document is of another issuer: %.200s"),
                 named != NULL ? named : "(none)");
        goto out;
    }
    endpoints->takes_details = json_text_has(
        json_object_get(document, "authorization_details_types_supported"), LOGIN_DETAILS_TYPE);
    if (ours && !endpoints->takes_details) {
        snprintf(why, why_size,
                 _("it is no approve-server (set provider = ciba for another provider)"));
        goto out;
    }
    if (read_endpoint(document, issuer, "backchannel_authentication_endpoint", true,
                      endpoints->backchannel, why, why_size) != 0 ||
        read_endpoint(document, issuer, "token_endpoint", true, endpoints->token, why, why_size) !=
            0 ||
        read_endpoint(document, issuer, "jwks_uri", true, endpoints->jwks, why, why_size) != 0 ||
        read_endpoint(document, issuer, "pam_approve_cancel_endpoint", ours, endpoints->cancel, why,
                      why_size) != 0 ||
        read_endpoint(document, issuer, "pam_approve_code_endpoint", ours, endpoints->code, why,
                      why_size) != 0)
        goto out;
    result = 0;
out:
    json_decref(document);
    return result;
}

/* --- keys --- */

static int read_keys(struct issuer *issuer, const char *text, size_t len)
{
    json_t *document = json_text_object(text, len, HTTPS_ANSWER_MAX);
    const json_t *list = json_object_get(document, "keys"), *item;
    size_t index;

    if (!json_is_array(list)) {
        json_decref(document);
        return -1;
    }
    free_keys(issuer);
    json_array_foreach(list, index, item)
    {
        const char *kid = json_text_string(item, "kid", sizeof issuer->kids[0] - 1);
        struct jwk *key = issuer->key_count < KEYS_MAX ? jwk_from_json(item) : NULL;

        if (key == NULL)
            continue; /* of a kind that we do not use */
        strcpy(issuer->kids[issuer->key_count], kid != NULL ? kid : "");
        issuer->keys[issuer->key_count++] = key;
    }
    json_decref(document);
    return issuer->key_count > 0 ? 0 : -1;
}

/* A token without kid is tried with all keys (another provider may have a single one). */
bool issuer_verify(const struct issuer *issuer, const struct jws *jws, unsigned allowed,
                   bool *known)
{
    *known = false;
    for (size_t i = 0; i < issuer->key_count; i++) {
        if (jws->kid[0] != 0 ? strcmp(jws->kid, issuer->kids[i]) != 0 : issuer->ours)
            continue;
        *known = true;
        if (jws_verify(jws, issuer->keys[i], allowed))
            return true;
    }
    return false;
}

/* --- fetching --- */

/* The list is taken off first: a callback may ask again. The issuer stays alive until all were
 * called. */
static void call_waiters(struct issuer *issuer, bool ready)
{
    issuer_ref(issuer);
    while (issuer->waiters != NULL && issuer->transfer == NULL) {
        struct waiter *waiter = issuer->waiters;
        issuer_done *done = waiter->done;
        void *arg = waiter->arg;

        issuer->waiters = waiter->next;
        free(waiter);
        done(arg, ready);
    }
    issuer_unref(issuer);
}

static bool is_good(const struct https_answer *answer)
{
    return answer->status == 200 && https_answer_is_json(answer);
}

static void fail(struct issuer *issuer, const char *url, const struct https_answer *answer,
                 const char *why)
{
    issuer->busy = answer != NULL && answer->status == CALL_TOO_MANY;
    if (answer != NULL && !is_good(answer))
        https_answer_fault(url, answer, "", issuer->fault, sizeof issuer->fault);
    else
        snprintf(issuer->fault, sizeof issuer->fault, "%.200s: %.250s", url, why);
    call_waiters(issuer, false);
}

static void on_keys(void *arg, const struct https_answer *answer)
{
    struct issuer *issuer = arg;

    issuer->transfer = NULL;
    if (!is_good(answer) || read_keys(issuer, answer->body, answer->len) != 0) {
        issuer->ready_at = 0;
        fail(issuer, issuer->endpoints.jwks, answer,
             "its keys are not JSON, or none of them can be used");
        return;
    }
    issuer->ready_at = clock_mono_ms();
    call_waiters(issuer, true);
}

static void fetch_keys(struct issuer *issuer)
{
    issuer->keys_at = clock_mono_ms();
    issuer->transfer = transfer_start(issuer->transfers, issuer->endpoints.jwks, issuer->pin, NULL,
                                      issuer->timeout_ms, on_keys, issuer);
    if (issuer->transfer == NULL)
        fail(issuer, issuer->endpoints.jwks, NULL, "no memory");
}

static void on_document(void *arg, const struct https_answer *answer)
{
    struct issuer *issuer = arg;
    char why[300] = "";

    issuer->transfer = NULL;
    if (!is_good(answer) ||
        issuer_read_document(answer->body, answer->len, issuer->url, issuer->ours,
                             &issuer->endpoints, why, sizeof why) != 0) {
        fail(issuer, issuer->url, answer, why);
        return;
    }
    fetch_keys(issuer);
}

static void fetch_document(struct issuer *issuer)
{
    char url[ISSUER_URL_MAX];

    issuer->ready_at = 0;
    snprintf(url, sizeof url, "%s/.well-known/openid-configuration", issuer->url);
    issuer->transfer = transfer_start(issuer->transfers, url, issuer->pin, NULL, issuer->timeout_ms,
                                      on_document, issuer);
    if (issuer->transfer == NULL)
        fail(issuer, url, NULL, "no memory");
}

void issuer_fetch(struct issuer *issuer, bool newer_keys, issuer_done *done, void *arg)
{
    int64_t now = clock_mono_ms();
    bool ready = issuer->ready_at != 0 && now - issuer->ready_at < KEEP_MS;
    struct waiter *waiter;

    if (issuer->transfer == NULL && ready &&
        (!newer_keys || now - issuer->keys_at < KEYS_AGAIN_MS)) {
        done(arg, !newer_keys);
        return;
    }
    waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        done(arg, false);
        return;
    }
    *waiter = (struct waiter){.next = issuer->waiters, .done = done, .arg = arg};
    issuer->waiters = waiter;
    if (issuer->transfer != NULL)
        return;
    if (ready)
        fetch_keys(issuer);
    else
        fetch_document(issuer);
}

void issuer_forget(struct issuer *issuer, const void *arg)
{
    for (struct waiter **link = &issuer->waiters; *link != NULL;) {
        struct waiter *waiter = *link;

        if (waiter->arg == arg) {
            *link = waiter->next;
            free(waiter);
        } else {
            link = &waiter->next;
        }
    }
}
