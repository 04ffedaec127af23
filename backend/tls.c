#include "backend/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/data.h"
#include "common/base64url.h"
#include "common/i18n.h"
#include "common/random.h"

#define TEN_YEARS (3650L * 24 * 60 * 60)

void tls_paths(const struct config *config, const char **certificate, const char **key)
{
    static char own_certificate[DATA_PATH_SIZE], own_key[DATA_PATH_SIZE];
    data_path(config, DATA_CERTIFICATE, own_certificate);
    data_path(config, DATA_CERTIFICATE_KEY, own_key);
    bool own = !config_is_set(config, "server", "certificate");
    *certificate = own ? own_certificate : config_text(config, "server", "certificate");
    *key = own ? own_key : config_text(config, "server", "certificate_key");
}

/* RFC 7301: HTTP/1.1 is what we speak. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl, (void)arg;
    static const unsigned char ours[] = "\x08http/1.1";
    return SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in,
                                 in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static const char *tls_fault(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : _("OpenSSL does not say why");
}

SSL_CTX *tls_server(const char *certificate, const char *key, char *why, size_t why_size)
{
    static const unsigned char context[] = "approve-server";
    ERR_clear_error();
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    const char *about = certificate;
    if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_set_session_id_context(tls, context, sizeof context - 1) != 1 ||
        SSL_CTX_use_certificate_chain_file(tls, certificate) != 1)
        goto failed;
    about = key;
    if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        goto failed;
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* Tickets carry a session, so that nothing is kept for a client that is away; a parked
     * connection keeps no buffers. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    return tls;
failed:
    snprintf(why, why_size, "%s: %s", about, tls_fault());
    SSL_CTX_free(tls);
    return NULL;
}

char *tls_pin(SSL_CTX *tls)
{
    X509 *certificate = SSL_CTX_get0_certificate(tls);
    unsigned char *bytes = NULL, hash[SHA256_DIGEST_LENGTH];
    if (!(X509_get_extension_flags(certificate) & EXFLAG_SS))
        return strdup("");
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
    if (len <= 0)
        return NULL;
    SHA256(bytes, (size_t)len, hash);
    OPENSSL_free(bytes);
    return base64url_encode(hash, sizeof hash);
}

static int add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int result = extension && X509_add_ext(certificate, extension, -1) ? 0 : -1;
    X509_EXTENSION_free(extension);
    return result;
}

static int fill_certificate(X509 *certificate, EVP_PKEY *key, const char *host)
{
    unsigned char serial[16], address[16];
    char names[300];
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    snprintf(names, sizeof names, "%s:%s", is_address ? "IP" : "DNS", host);
    if (random_bytes(serial, sizeof serial) < 0)
        return -1;
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    /* A common name has 64 characters at most, and nobody reads it where there are alternative
     * names. */
    X509_NAME *name = X509_get_subject_name(certificate);
    int result =
        number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) &&
                X509_set_version(certificate, X509_VERSION_3) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), TEN_YEARS) &&
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                           (const unsigned char *)"approve-server", -1, -1, 0) &&
                X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
                add_extension(certificate, NID_subject_alt_name, names) == 0 &&
                add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
                add_extension(certificate, NID_key_usage, "critical,digitalSignature") == 0 &&
                add_extension(certificate, NID_ext_key_usage, "serverAuth") == 0 &&
                X509_sign(certificate, key, EVP_sha256()) > 0
            ? 0
            : -1;
    BN_free(number);
    return result;
}

int tls_make_certificate(const struct config *config, const char *host, char *why, size_t why_size)
{
    char path[DATA_PATH_SIZE];
    X509 *certificate = X509_new();
    BIO *text = BIO_new(BIO_s_mem());
    struct jwk *key = NULL;
    char *pem = NULL;
    int result = -1;

    data_path(config, DATA_CERTIFICATE, path);
    if (data_make_key(config, DATA_CERTIFICATE_KEY, why, why_size) < 0 ||
        !(key = data_read_key(config, DATA_CERTIFICATE_KEY, why, why_size)))
        goto out;
    snprintf(why, why_size, _("%s: no certificate could be made"), path);
    if (!certificate || !text || fill_certificate(certificate, jwk_pkey(key), host) < 0 ||
        PEM_write_bio_X509(text, certificate) != 1 || BIO_write(text, "", 1) != 1)
        goto out;
    BIO_get_mem_data(text, &pem);
    result = data_write(path, pem, why, why_size);
out:
    BIO_free(text);
    X509_free(certificate);
    jwk_free(key);
    return result;
}
