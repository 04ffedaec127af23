#include "backend/push_encrypt.h"

#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/ecdh.h"
#include "common/random.h"

#define HASH 32
#define TAG 16
#define KEY 16
#define NONCE 12
#define RECORD 4096
#define HEADER (PUSH_SALT + 4 + 1)
#define LAST_RECORD 2 /* the delimiter of a text's last record (RFC 8188, section 2) */

static int derive_shared(EVP_PKEY *own, const unsigned char point[PUSH_POINT],
                         unsigned char shared[ECDH_SHARED])
{
    EVP_PKEY *peer = ecdh_import(point);
    int result = peer ? ecdh_shared(own, peer, shared) : -1;

    EVP_PKEY_free(peer);
    return result;
}

/* HKDF (RFC 5869): extract is this with the salt as key; expand of up to 32 bytes is this with info
 * || 1. */
static int hash_keyed(const void *key, size_t key_len, const void *data, size_t len,
                      unsigned char out[HASH])
{
    unsigned out_len = HASH;

    return HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len) && out_len == HASH ? 0
                                                                                              : -1;
}

static int encrypt_record(const unsigned char key[KEY], const unsigned char nonce[NONCE],
                          const void *text, size_t len, size_t padded, unsigned char *out)
{
    static const unsigned char zeros[RECORD];
    static const unsigned char delimiter = LAST_RECORD;
    int result = -1, n, at = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

    if (!cipher || EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key, nonce) != 1)
        goto out;
    if (EVP_EncryptUpdate(cipher, out, &n, text, (int)len) != 1)
        goto out;
    at += n;
    if (EVP_EncryptUpdate(cipher, out + at, &n, &delimiter, 1) != 1)
        goto out;
    at += n;
    if (EVP_EncryptUpdate(cipher, out + at, &n, zeros, (int)(padded - len)) != 1)
        goto out;
    at += n;
    if (EVP_EncryptFinal_ex(cipher, out + at, &n) != 1)
        goto out;
    at += n;
    if (EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, out + at) != 1)
        goto out;
    result = at + TAG;
out:
    EVP_CIPHER_CTX_free(cipher);
    return result;
}

int push_seal_record(const unsigned char *key, size_t key_len, const unsigned char salt[PUSH_SALT],
                     const void *key_id, size_t key_id_len, const void *text, size_t len,
                     size_t padded, unsigned char *body, size_t body_size)
{
    static const char key_info[] = "Content-Encoding: aes128gcm\0\1";
    static const char nonce_info[] = "Content-Encoding: nonce\0\1";
    static const unsigned char record_size[4] = {0, 0, RECORD >> 8, RECORD & 0xff};
    unsigned char prk[HASH], record_key[HASH], nonce[HASH];
    size_t header = HEADER + key_id_len;
    int result = -1, sealed;

    if (key_id_len > 255 || padded < len || padded > RECORD - TAG - 1 ||
        body_size < header + padded + 1 + TAG)
        goto out;
    if (hash_keyed(salt, PUSH_SALT, key, key_len, prk) ||
        hash_keyed(prk, HASH, key_info, sizeof key_info - 1, record_key) ||
        hash_keyed(prk, HASH, nonce_info, sizeof nonce_info - 1, nonce))
        goto out;
    memcpy(body, salt, PUSH_SALT);
    memcpy(body + PUSH_SALT, record_size, sizeof record_size);
    body[HEADER - 1] = (unsigned char)key_id_len;
    if (key_id_len)
        memcpy(body + HEADER, key_id, key_id_len);
    sealed = encrypt_record(record_key, nonce, text, len, padded, body + header);
    if (sealed < 0)
        goto out;
    result = (int)header + sealed;
out:
    secret_wipe(prk, sizeof prk);
    secret_wipe(record_key, sizeof record_key);
    secret_wipe(nonce, sizeof nonce);
    return result;
}

int push_encrypt_with(EVP_PKEY *sender, const unsigned char salt[PUSH_SALT],
                      const struct push_receiver *receiver, const void *text, size_t len,
                      size_t padded, unsigned char body[PUSH_BODY_MAX])
{
    /* key_info (RFC 8291, section 3.4), both public keys, and expand's counter. */
    unsigned char info[14 + 2 * PUSH_POINT + 1] = "WebPush: info";
    unsigned char point[PUSH_POINT], shared[ECDH_SHARED], prk[HASH], key[HASH];
    int result = -1;

    if (ecdh_export(sender, point))
        goto out;
    memcpy(info + 14, receiver->p256dh, PUSH_POINT);
    memcpy(info + 14 + PUSH_POINT, point, PUSH_POINT);
    info[sizeof info - 1] = 1;
    if (derive_shared(sender, receiver->p256dh, shared) ||
        hash_keyed(receiver->auth, PUSH_AUTH, shared, ECDH_SHARED, prk) ||
        hash_keyed(prk, HASH, info, sizeof info, key))
        goto out;
    result = push_seal_record(key, HASH, salt, point, PUSH_POINT, text, len, padded, body,
                              PUSH_BODY_MAX);
out:
    secret_wipe(shared, sizeof shared);
    secret_wipe(prk, sizeof prk);
    secret_wipe(key, sizeof key);
    return result;
}

int push_encrypt(const struct push_receiver *receiver, const void *text, size_t len, size_t padded,
                 unsigned char body[PUSH_BODY_MAX])
{
    unsigned char salt[PUSH_SALT];
    EVP_PKEY *sender = NULL;
    int result = -1;

    if (random_bytes(salt, sizeof salt))
        goto out;
    sender = ecdh_new();
    if (!sender)
        goto out;
    result = push_encrypt_with(sender, salt, receiver, text, len, padded, body);
out:
    EVP_PKEY_free(sender);
    return result;
}

static int decode_exact(const char *text, unsigned char *out, size_t len)
{
    unsigned char *bytes = NULL;
    size_t got = 0;
    int result = -1;

    if (text && base64url_decode(text, strlen(text), &bytes, &got) == 0 && got == len) {
        memcpy(out, bytes, len);
        result = 0;
    }
    free(bytes);
    return result;
}

int push_receiver_parse(const char *p256dh, const char *auth, struct push_receiver *receiver)
{
    EVP_PKEY *key;

    if (decode_exact(p256dh, receiver->p256dh, PUSH_POINT) ||
        decode_exact(auth, receiver->auth, PUSH_AUTH))
        return -1;
    key = ecdh_import(receiver->p256dh);
    if (!key)
        return -1;
    EVP_PKEY_free(key);
    return 0;
}
