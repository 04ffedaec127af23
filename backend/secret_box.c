#include "backend/secret_box.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/random.h"

#define NONCE 12
#define TAG 16

char *secret_box_seal(const unsigned char key[32], const char *device, const void *secret,
                      size_t len)
{
    unsigned char box[NONCE + SECRET_BOX_MAX + TAG];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    char *sealed = NULL;
    int some;

    if (!context || len > SECRET_BOX_MAX || random_bytes(box, NONCE) < 0 ||
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, box) != 1 ||
        EVP_EncryptUpdate(context, NULL, &some, (const unsigned char *)device,
                          (int)strlen(device)) != 1 ||
        EVP_EncryptUpdate(context, box + NONCE, &some, secret, (int)len) != 1 ||
        EVP_EncryptFinal_ex(context, box + NONCE + len, &some) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG, box + NONCE + len) != 1)
        goto out;
    sealed = base64url_encode(box, NONCE + len + TAG);
out:
    EVP_CIPHER_CTX_free(context);
    return sealed;
}

int secret_box_open(const unsigned char key[32], const char *device, const char *sealed,
                    void *secret, size_t size)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char *box = NULL, rest[TAG];
    size_t box_len, len = 0;
    int some, result = -1;

    if (!context || base64url_decode(sealed, strlen(sealed), &box, &box_len) < 0 ||
        box_len < NONCE + TAG || (len = box_len - NONCE - TAG) > size ||
        EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, box) != 1 ||
        EVP_DecryptUpdate(context, NULL, &some, (const unsigned char *)device,
                          (int)strlen(device)) != 1 ||
        EVP_DecryptUpdate(context, secret, &some, box + NONCE, (int)len) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, box + NONCE + len) != 1 ||
        EVP_DecryptFinal_ex(context, rest, &some) != 1)
        goto out;
    result = (int)len;
out:
    if (result < 0)
        secret_wipe(secret, size);
    EVP_CIPHER_CTX_free(context);
    free(box);
    return result;
}
