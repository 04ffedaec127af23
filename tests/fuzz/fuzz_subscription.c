/* Push subscriptions, and the addresses that they may lead to. The first line is [push] services;
 * the first bytes are an address too. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "backend/push_subscription.h"
#include "common/config.h"
#include "common/json_text.h"
#include "tests/fuzz/fuzz.h"

static bool count_word(void *arg, const char *word)
{
    (void)push_service_valid(word);
    ++*(size_t *)arg;
    return true;
}

/* What two readers of a URL might read differently never passes. */
static void check_endpoint(const struct push_subscription *subscription)
{
    CURLU *parts = curl_url();
    char *scheme, *host, *port = NULL, *origin = NULL;

    MUST(curl_url_set(parts, CURLUPART_URL, subscription->endpoint, 0) == CURLUE_OK);
    MUST(curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    MUST(curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    (void)curl_url_get(parts, CURLUPART_PORT, &port, 0);
    MUST(asprintf(&origin, "%s://%s%s%s", scheme, host, port ? ":" : "", port ? port : "") > 0);
    MUST(strcmp(scheme, "https") == 0 && strcmp(origin, subscription->origin) == 0);
    MUST(!strchr(subscription->endpoint, '@') ||
         strchr(subscription->endpoint + 8, '/') < strchr(subscription->endpoint, '@'));
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    free(origin);
    curl_url_cleanup(parts);
}

/* Not the server's own network, by libc's words for it; nor an IPv4 address inside of an IPv6 one.
 */
static void check_addresses(const uint8_t *data, size_t size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6}, mapped = {.sin6_family = AF_INET6};
    const struct in6_addr *address = &v6.sin6_addr;
    struct push_addresses addresses = {.any = false};
    struct curl_sockaddr closed = {.family = AF_INET6, .addrlen = sizeof v6};
    uint32_t host;

    if (size < sizeof v6.sin6_addr)
        return;
    memcpy(&v4.sin_addr, data, sizeof v4.sin_addr);
    memcpy(&v6.sin6_addr, data, sizeof v6.sin6_addr);
    memcpy(&mapped.sin6_addr.s6_addr[12], data, 4);
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
    host = ntohl(v4.sin_addr.s_addr);
    if (push_address_public((const struct sockaddr *)&v4))
        MUST(!IN_MULTICAST(host) && !IN_BADCLASS(host) && host >> 24 != 127 && host >> 24 != 10 &&
             host >> 24 != 0 && host >> 16 != 0xc0a8 && host >> 20 != 0xac1 &&
             host >> 16 != 0xa9fe);
    if (push_address_public((const struct sockaddr *)&v6))
        MUST(!IN6_IS_ADDR_LOOPBACK(address) && !IN6_IS_ADDR_LINKLOCAL(address) &&
             !IN6_IS_ADDR_SITELOCAL(address) && !IN6_IS_ADDR_V4MAPPED(address) &&
             !IN6_IS_ADDR_V4COMPAT(address) && !IN6_IS_ADDR_MULTICAST(address) &&
             (address->s6_addr[0] & 0xfe) != 0xfc);
    MUST(!push_address_public((const struct sockaddr *)&mapped));
    memcpy(&closed.addr, &mapped, sizeof closed.addr); /* as much as tells what it is */
    MUST(push_open_socket(&addresses, CURLSOCKTYPE_ACCEPT, &closed) == CURL_SOCKET_BAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *services = fuzz_text(data, size), *body = services + strcspn(services, "\n");
    char why[PUSH_ENDPOINT_MAX + 256] = "", *text;
    struct push_subscription subscription;
    size_t words = 0;
    json_t *push;

    check_addresses(data, size);
    if (*body)
        *body++ = '\0';
    config_each(services, count_word, &words);
    push = json_text_object(body, strlen(body), 4096);
    text = push ? push_subscription_text(push, services, why, sizeof why) : NULL;
    MUST(!push || (text == NULL) == (why[0] != '\0'));
    if (text) {
        MUST(words > 0);
        MUST(push_subscription_parse(text, services, &subscription, why, sizeof why) == 0);
        MUST(strlen(text) <= 2048);
        check_endpoint(&subscription);
    }
    free(text);
    json_decref(push);
    free(services);
    return 0;
}
