#include "phone/terminal/host_codes.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/command.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "phone/terminal/screen.h"

#define FILE_MAX (128 * 1024)
#define LABEL "pam-approve-host-code.v1."

void host_codes_wipe(struct host_codes *codes)
{
    secret_wipe(codes, sizeof(*codes));
}

/* --- the file --- */

static int read_root(struct host_codes *codes, const json_t *json)
{
    const char *text = json_text_string(json, "root", 43);
    unsigned char *bytes = NULL;
    size_t len = 0;
    int result = -1;

    if (text && base64url_decode(text, strlen(text), &bytes, &len) == 0 && len == HOST_CODES_ROOT) {
        memcpy(codes->root, bytes, len);
        codes->has_root = true;
        result = 0;
    }
    secret_wipe(bytes, len);
    free(bytes);
    return result;
}

static int read_host(struct host_codes *codes, const json_t *entry)
{
    struct host_code *item = &codes->items[codes->count];
    const char *host = json_text_string(entry, "host", sizeof(item->host) - 1);
    const char *name = json_text_string(entry, "name", sizeof(item->name) - 1);
    const char *key = json_text_string(entry, "key", sizeof(item->key) - 1);

    if (codes->count == HOST_CODES_MAX || !host || !name || !key || !sanitize_is_clean(name) ||
        json_text_integer(entry, "used", 0, TIME_MOST, &item->used) < 0)
        return -1;
    strcpy(item->host, host);
    strcpy(item->name, name);
    strcpy(item->key, key);
    codes->count++;
    return 0;
}

int host_codes_load(const struct handset *handset, struct host_codes *codes, char *why,
                    size_t why_size)
{
    char *text = NULL;
    size_t len = 0, index;
    json_t *json = NULL;
    const json_t *list, *entry;
    int result = -1;

    memset(codes, 0, sizeof(*codes));
    if (!handset_has(handset->dir, HANDSET_HOSTS))
        return 0;
    if (handset_read(handset, HANDSET_HOSTS, FILE_MAX, &text, &len, why, why_size) < 0)
        return -1;
    snprintf(why, why_size, _("%s/%s is damaged. Delete it: the next approvals make it anew."),
             handset->dir, HANDSET_HOSTS);
    json = json_text_object(text, len, FILE_MAX);
    list = json_object_get(json, "hosts");
    if (!json_is_array(list) || read_root(codes, json) < 0)
        goto out;
    json_array_foreach(list, index, entry)
    {
        if (read_host(codes, entry) < 0)
            goto out;
    }
    result = 0;
out:
    json_decref(json);
    secret_free(text);
    return result;
}

static int save(const struct handset *handset, const struct host_codes *codes, char *why,
                size_t why_size)
{
    char *root = base64url_encode(codes->root, sizeof(codes->root)), *text;
    json_t *list = json_array();
    json_t *json = json_pack("{s:i,s:s,s:O}", "v", 1, "root", root, "hosts", list);
    int result;

    for (size_t i = 0; i < codes->count; i++) {
        const struct host_code *item = &codes->items[i];
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:I}", "host", item->host, "name", item->name,
                                        "key", item->key, "used", (json_int_t)item->used));
    }
    text = json && json_array_size(list) == codes->count ? json_text_dump(json) : NULL;
    result = handset_write(handset, HANDSET_HOSTS, text, why, why_size);
    json_decref(json);
    json_decref(list);
    secret_free(text);
    secret_free(root);
    return result;
}

/* --- secrets --- */

const struct host_code *host_codes_find(const struct host_codes *codes, const char *host)
{
    const struct host_code *named = NULL;

    for (size_t i = codes->count; i-- > 0;) {
        if (!strcmp(codes->items[i].host, host))
            return &codes->items[i];
        if (!strcmp(codes->items[i].name, host))
            named = &codes->items[i];
    }
    return named;
}

int host_codes_secret(const unsigned char root[HOST_CODES_ROOT], const char *jkt, const char *host,
                      const char *host_key, unsigned char secret[SEAL_SECRET])
{
    char text[sizeof(LABEL) + BASE64URL_SHA256 + 1 + 64 + 1 + BASE64URL_SHA256];
    unsigned char mac[32];
    unsigned len = sizeof(mac);
    int result = -1;

    snprintf(text, sizeof(text), LABEL "%s.%s.%s", jkt, host, host_key);
    if (HMAC(EVP_sha256(), root, HOST_CODES_ROOT, (unsigned char *)text, strlen(text), mac, &len) &&
        len == sizeof(mac)) {
        memcpy(secret, mac, SEAL_SECRET);
        result = 0;
    }
    secret_wipe(mac, sizeof(mac));
    return result;
}

/* Puts the host at the head of the list; the longest unused gives way. */
static void note_host(struct host_codes *codes, const struct login *login, const char *host_key,
                      int64_t now)
{
    struct host_code *item = codes->items;
    size_t at = 0;

    while (at < codes->count && strcmp(codes->items[at].host, login->host) != 0)
        at++;
    if (at == HOST_CODES_MAX)
        at--;
    else if (at == codes->count)
        codes->count++;
    memmove(item + 1, item, at * sizeof(*item));
    memcpy(item->host, login->host, sizeof(item->host));
    memcpy(item->name, login->host_name, sizeof(item->name));
    snprintf(item->key, sizeof(item->key), "%s", host_key);
    item->used = now;
}

static char *seal(const struct handset *handset, const struct sign_in *request,
                  const struct jwk *host_key, struct host_codes *codes)
{
    const char *jkt = jwk_thumbprint(handset->key), *hkt = jwk_thumbprint(host_key);
    unsigned char secret[SEAL_SECRET];
    char hash[BASE64URL_SHA256 + 1], why[768], *sealed = NULL;

    if (host_codes_load(handset, codes, why, sizeof(why)) < 0) {
        screen_error(EXIT_OK, why);
        return NULL;
    }
    if (!codes->has_root && random_bytes(codes->root, sizeof(codes->root)) < 0)
        return NULL;
    note_host(codes, &request->login, hkt, handset_now(handset));
    /* First on our disk: a host shall have no secret that its phone has not. */
    if (save(handset, codes, why, sizeof(why)) < 0)
        screen_error(EXIT_OK, why);
    else if (login_hash(request->details, request->details_len, hash) == 0 &&
             host_codes_secret(codes->root, jkt, request->login.host, hkt, secret) == 0)
        sealed = seal_secret(host_key, hash, jkt, secret);
    secret_wipe(secret, sizeof(secret));
    return sealed;
}

char *host_codes_seal(const struct handset *handset, const struct sign_in *request)
{
    /* NULL, too, where the point is not on the curve */
    struct jwk *host_key = jwk_from_json(request->login.host_key);
    struct host_codes *codes = host_key ? malloc(sizeof(*codes)) : NULL;
    char *sealed = NULL;

    if (codes) {
        sealed = seal(handset, request, host_key, codes);
        host_codes_wipe(codes);
    }
    free(codes);
    jwk_free(host_key);
    return sealed;
}
