/* Message encryption for Web Push: RFC 8291 over one record of RFC 8188's aes128gcm. */
#ifndef PUSH_ENCRYPT_H
#define PUSH_ENCRYPT_H

#include <openssl/evp.h>
#include <stddef.h>

#define PUSH_POINT 65 /* an uncompressed P-256 point */
#define PUSH_AUTH 16  /* the subscription's authentication secret */
#define PUSH_SALT 16
#define PUSH_BODY_MAX 4096 /* what a push service must take (RFC 8030, section 7.2) */
#define PUSH_TEXT_MAX 3993 /* PUSH_BODY_MAX without header (86), delimiter (1) and tag (16) */

/* The keys of a subscription: who can read the message. */
struct push_receiver {
    unsigned char p256dh[PUSH_POINT];
    unsigned char auth[PUSH_AUTH];
};

/*
 * Reads both keys as a browser gives them (base64url). The point must be on the curve.
 * Returns 0 or -1.
 */
int push_receiver_parse(const char *p256dh, const char *auth, struct push_receiver *receiver);

/*
 * Encrypts len bytes for the receiver with a new key and salt. The text is padded to `padded` bytes
 * (len <= padded <= PUSH_TEXT_MAX), so that its length says little.
 * Returns the length of the body, 103 + padded, or -1.
 */
int push_encrypt(const struct push_receiver *receiver, const void *text, size_t len, size_t padded,
                 unsigned char body[PUSH_BODY_MAX]);

/* The same with the sender's key and salt given: for the RFC's own example. */
int push_encrypt_with(EVP_PKEY *sender, const unsigned char salt[PUSH_SALT],
                      const struct push_receiver *receiver, const void *text, size_t len,
                      size_t padded, unsigned char body[PUSH_BODY_MAX]);

/*
 * RFC 8188: one record of at most 4,096 bytes, after the header with salt, record size and key id
 * (at most 255 bytes). key is the input keying material. Returns the length written, or -1.
 */
int push_seal_record(const unsigned char *key, size_t key_len, const unsigned char salt[PUSH_SALT],
                     const void *key_id, size_t key_id_len, const void *text, size_t len,
                     size_t padded, unsigned char *body, size_t body_size);

#endif
