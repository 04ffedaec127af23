#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base64url.h"
#include "common/https.h"
#include "common/jwk.h"

/* Servers on loopback, each a child process that answers by path. */
enum server { PLAIN, TLS, ANONYMOUS, SERVERS };
static struct {
    int port;
    pid_t child;
} servers[SERVERS];
static char *right_pin, *wrong_pin;

static void write_answer(const char *path, const char *request, BIO *out)
{
    if (strcmp(path, "/ok") == 0) {
        BIO_puts(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: 11\r\n\r\n{\"ok\":true}");
    } else if (strcmp(path, "/busy") == 0) {
        BIO_puts(out, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/redirect") == 0) {
        BIO_puts(out, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/cut") == 0) {
        BIO_puts(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true}");
    } else if (strcmp(path, "/full") == 0 || strcmp(path, "/long") == 0) {
        BIO_puts(out, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < HTTPS_ANSWER_MAX / 1024; i++)
            BIO_printf(out, "%01024d", i);
        if (path[1] == 'l')
            BIO_puts(out, "x");
    } else if (strcmp(path, "/echo") == 0) {
        const char *body = strstr(request, "\r\n\r\n") + 4, *type = strstr(request, "Content-Type");
        BIO_printf(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%.4s|%.*s|%s", request,
                   type ? (int)strcspn(type, "\r") : 0, type ? type : "", body);
    } else if (strcmp(path, "/slow") == 0) {
        sleep(5);
    }
}

static void serve_one(BIO *bio)
{
    char request[4096] = "", path[64] = "";
    int len = 0, got;

    while (!strstr(request, "\r\n\r\n") &&
           (got = BIO_read(bio, request + len, (int)sizeof(request) - 1 - len)) > 0)
        len += got;
    sscanf(request, "%*s %60s", path);
    if (strncmp(request, "POST", 4) == 0 && strstr(request, "\r\n\r\n")[4] == '\0') {
        BIO_read(bio, request + len, (int)sizeof(request) - 1 - len);
    }
    write_answer(path, request, bio);
    (void)BIO_flush(bio);
    BIO_ssl_shutdown(bio);
}

static void serve(int listener, SSL_CTX *tls)
{
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        BIO *bio = BIO_new_socket(fd, BIO_CLOSE);
        if (tls) {
            BIO *layer = BIO_new_ssl(tls, 0);
            bio = BIO_push(layer, bio);
        }
        serve_one(bio);
        BIO_free_all(bio);
    }
}

static void start(enum server server, SSL_CTX *tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 16), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    servers[server].port = ntohs(address.sin_port);
    servers[server].child = fork();
    if (servers[server].child == 0)
        serve(listener, tls);
    close(listener);
}

/* A certificate that nobody signed, valid for the names that we use. */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static char *pin_of(EVP_PKEY *key)
{
    unsigned char *der = NULL, digest[32];
    int len = i2d_PUBKEY(key, &der);

    assert_int_equal(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
    return base64url_encode(digest, sizeof(digest));
}

static int start_all(void **state)
{
    struct jwk *key = jwk_new_p256(), *other = jwk_new_p256();
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method()), *anonymous = SSL_CTX_new(TLS_server_method());
    X509 *certificate = make_certificate(jwk_pkey(key));

    (void)state;
    right_pin = pin_of(jwk_pkey(key));
    wrong_pin = pin_of(jwk_pkey(other));
    assert_int_equal(SSL_CTX_use_certificate(tls, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, jwk_pkey(key)), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(anonymous, "aNULL:@SECLEVEL=0"), 1);
    SSL_CTX_set_max_proto_version(anonymous, TLS1_2_VERSION);
    start(PLAIN, NULL);
    start(TLS, tls);
    start(ANONYMOUS, anonymous);
    X509_free(certificate);
    SSL_CTX_free(tls);
    SSL_CTX_free(anonymous);
    jwk_free(key);
    jwk_free(other);
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) {
        kill(servers[i].child, SIGKILL);
        waitpid(servers[i].child, NULL, 0);
    }
    free(right_pin);
    free(wrong_pin);
    return 0;
}

static int call(struct https_answer *answer, enum server server, const char *path, const char *pin,
                const char *body)
{
    char url[128];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", server == PLAIN ? "http" : "https",
             servers[server].port, path);
    https_answer_init(answer);
    return https_call(url, pin, "application/x-test", body, 2000, answer);
}

static void says_which_urls_may_be_used(void **state)
{
    static const char *const good[] = {
        "https://approve.example.org",
        "https://10.0.0.1:8443/x?y=z",
        "HTTPS://example.org/",
        "http://127.0.0.1:8700",
        "http://127.9.9.9",
        "http://localhost:80/a",
        "http://[::1]:8700",
        "https://[2001:db8::1]/",
    };
    static const char *const wrong[] = {
        "",
        "approve.example.org",
        "/x",
        "http://approve.example.org",
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "https://user:pw@example.org",
        "http://[::2]/",
        "http://[::ffff:10.0.0.1]/",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "gopher://localhost/",
        "https://",
        "https://a b/",
        "https://example.org/#part",
        "javascript:alert(1)",
    };
    char why[256];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (!https_url_allowed(good[i], why, sizeof(why)))
            fail_msg("refused: %s", why);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        why[0] = '\0';
        if (https_url_allowed(wrong[i], why, sizeof(why)))
            fail_msg("taken: %s", wrong[i]);
        assert_int_equal(strncmp(why, wrong[i], strlen(wrong[i])), 0);
    }
}

static void gets_and_posts(void **state)
{
    struct https_answer answer;

    (void)state;
    assert_int_equal(call(&answer, PLAIN, "/ok", NULL, NULL), 0);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"ok\":true}");
    assert_int_equal(answer.len, 11);
    assert_string_equal(answer.content_type, "application/json");
    assert_int_equal(answer.retry_after, 0);
    assert_string_equal(answer.error, "");
    https_answer_free(&answer);

    assert_int_equal(call(&answer, PLAIN, "/echo", "", "a=1&b=2"), 0);
    assert_string_equal(answer.body, "POST|Content-Type: application/x-test|a=1&b=2");
    https_answer_free(&answer);

    assert_int_equal(call(&answer, PLAIN, "/busy", NULL, NULL), 0);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after, 7);
    assert_string_equal(answer.body, "");
    https_answer_free(&answer);
}

static void knows_the_types_of_json(void **state)
{
    static const struct {
        const char *type;
        bool json;
    } types[] = {
        {"application/json", true},
        {"Application/JSON;charset=utf-8", true},
        {"application/json ; charset=utf-8", true},
        {"application/jwk-set+json", true},
        {"application/problem+json; charset=utf-8", true},
        {"", false},
        {"application", false},
        {"application/", false},
        {"application/+json", false},
        {"application/json5", false},
        {"application/jsonp", false},
        {"application/xml; a=+json", false},
        {"text/json", false},
        {"text/html", false},
    };
    struct https_answer answer = {.status = 200};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        snprintf(answer.content_type, sizeof(answer.content_type), "%s", types[i].type);
        if (https_answer_is_json(&answer) != types[i].json)
            fail_msg("\"%s\"", types[i].type);
    }
}

static void follows_no_redirect(void **state)
{
    struct https_answer answer;

    (void)state;
    assert_int_equal(call(&answer, PLAIN, "/redirect", NULL, NULL), 0);
    assert_int_equal(answer.status, 302);
    https_answer_free(&answer);
}

static void an_answer_that_is_cut_or_late_is_none(void **state)
{
    struct https_answer answer;

    (void)state;
    assert_int_equal(call(&answer, PLAIN, "/cut", NULL, NULL), -1);
    assert_int_equal(answer.status, 0);
    assert_non_null(strstr(answer.error, "/cut: "));
    https_answer_free(&answer);
    assert_int_equal(call(&answer, PLAIN, "/empty", NULL, NULL), -1);
    assert_int_equal(answer.status, 0);
    https_answer_free(&answer);
    https_answer_init(&answer);
    assert_int_equal(https_call("http://127.0.0.1:1/", NULL, NULL, NULL, 2000, &answer), -1);
    assert_non_null(strstr(answer.error, "http://127.0.0.1:1/: "));
    https_answer_free(&answer);
}

static void an_answer_is_bounded(void **state)
{
    struct https_answer answer;

    (void)state;
    assert_int_equal(call(&answer, PLAIN, "/full", NULL, NULL), 0);
    assert_int_equal(answer.len, HTTPS_ANSWER_MAX);
    https_answer_free(&answer);
    assert_int_equal(call(&answer, PLAIN, "/long", NULL, NULL), -1);
    assert_int_equal(answer.status, 0);
    assert_non_null(strstr(answer.error, "more than 262144 bytes"));
    https_answer_free(&answer);
}

static void a_pin_says_who_the_server_is(void **state)
{
    struct https_answer answer;

    (void)state;
    assert_int_equal(call(&answer, TLS, "/ok", right_pin, NULL), 0);
    assert_int_equal(answer.status, 200);
    https_answer_free(&answer);
    assert_int_equal(call(&answer, TLS, "/ok", wrong_pin, NULL), -1);
    assert_int_equal(answer.status, 0);
    https_answer_free(&answer);
    assert_int_equal(call(&answer, ANONYMOUS, "/ok", right_pin, NULL), -1);
    assert_int_equal(answer.status, 0);
    https_answer_free(&answer);
}

static void without_a_pin_a_certificate_must_be_signed(void **state)
{
    struct https_answer answer;

    (void)state;
    assert_int_equal(call(&answer, TLS, "/ok", NULL, NULL), -1);
    https_answer_free(&answer);
    assert_int_equal(call(&answer, TLS, "/ok", "", NULL), -1);
    assert_non_null(strcasestr(answer.error, "certificate"));
    https_answer_free(&answer);
}

static void a_malformed_pin_is_refused(void **state)
{
    static const char *const pins[] = {"AAAA", "sha256//AAAA", "not a pin", "="};
    struct https_answer answer;

    (void)state;
    for (size_t i = 0; i < COUNT(pins); i++) {
        assert_int_equal(call(&answer, TLS, "/ok", pins[i], NULL), -1);
        assert_non_null(strstr(answer.error, "key"));
        https_answer_free(&answer);
    }
}

static void the_environment_sets_no_proxy(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY",
                                        "all_proxy"};
    struct https_answer answer;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    assert_int_equal(call(&answer, PLAIN, "/ok", NULL, NULL), 0);
    https_answer_free(&answer);
    assert_int_equal(call(&answer, TLS, "/ok", right_pin, NULL), 0);
    https_answer_free(&answer);
    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
}

static void waits_no_longer_than_told(void **state)
{
    struct https_answer answer;
    char url[64];

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/slow", servers[PLAIN].port);
    https_answer_init(&answer);
    assert_int_equal(https_call(url, NULL, NULL, NULL, 200, &answer), -1);
    assert_non_null(strcasestr(answer.error, "timed out"));
    https_answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_which_urls_may_be_used),
        cmocka_unit_test(gets_and_posts),
        cmocka_unit_test(knows_the_types_of_json),
        cmocka_unit_test(follows_no_redirect),
        cmocka_unit_test(an_answer_that_is_cut_or_late_is_none),
        cmocka_unit_test(an_answer_is_bounded),
        cmocka_unit_test(a_pin_says_who_the_server_is),
        cmocka_unit_test(without_a_pin_a_certificate_must_be_signed),
        cmocka_unit_test(a_malformed_pin_is_refused),
        cmocka_unit_test(the_environment_sets_no_proxy),
        cmocka_unit_test(waits_no_longer_than_told), /* last: its server sleeps */
    };
    return cmocka_run_group_tests_name("https", tests, start_all, stop_all);
}
