/* What an administrator writes, by the tables as shipped. The first byte says what the rest is: 'h'
 * host.conf, 'p' pinned phones, 's' server.conf, 'n' a network, a line end, an address. */
#include "backend/server.h"
#include "backend/server_url.h"
#include "common/sanitize.h"
#include "helper/host.h"
#include "helper/policy.h"
#include "tests/fuzz/fuzz.h"

#define WHY_SIZE 8192

static void check_host(const struct host *host)
{
    static const char *const services[] = {"sshd", "sudo", "gdm-password", "swaylock", "s*d"};
    const struct policy_caller stranger = {.user = "zoe", .rhost = "", .known = false};
    char why[WHY_SIZE];

    MUST(host->id[0] && strlen(host->id) <= 64 && host->issuer[0]);
    MUST(sanitize_is_clean(host->name) && host->timeout >= 1 && host->timeout <= 30);
    MUST(host->provider == PROVIDER_APPROVE || host->trust == TRUST_BACKEND);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        struct policy policy;

        policy_find(host, services[i], &policy);
        MUST(policy.life >= 10 && policy.life <= 600);
        MUST(policy.wait >= 5 && policy.wait <= policy.profile->limit);
        MUST(strlen(policy.except) <= 4096 && strlen(policy.except_networks) <= 4096);
        policy_groups_free(policy_groups(&policy));
        /* Whom NSS does not know, from nowhere, only `ask = no` leaves out. */
        MUST(policy_excepts(&policy, &stranger, why, sizeof why) == !policy.ask);
    }
}

static void take_host(const char *text)
{
    char why[WHY_SIZE] = "";
    struct config *config = config_parse("f", text, host_options, why, sizeof why);
    struct host *host = config ? host_from_config(config, why, sizeof why) : NULL;

    MUST((host == NULL) == (why[0] != '\0'));
    if (host)
        check_host(host);
    host_unref(host);
}

static void take_pins(const char *text)
{
    struct host *host = calloc(1, sizeof *host);
    char why[WHY_SIZE] = "";

    MUST(host);
    host->references = 1;
    if (host_read_pins(host, "f", text, why, sizeof why) < 0)
        MUST(why[0]);
    for (size_t i = 0; i < host->pin_count; i++) {
        MUST(host->pins[i].user[0] && strlen(host->pins[i].thumbprint) == 43);
        MUST(host_has_pin(host, host->pins[i].user, host->pins[i].thumbprint));
    }
    host_unref(host);
}

/* Plain http stays on this machine. */
static void take_server(const char *text)
{
    struct server_listen list[SERVER_LISTEN_MAX];
    struct server_address address;
    struct server_url url;
    char why[WHY_SIZE] = "";
    struct config *config = config_parse("f", text, server_options, why, sizeof why);
    int count = config ? server_listen_list(config, list, why, sizeof why) : -1;

    bool tls = config && server_needs_certificate(config);

    MUST((count < 0) == (why[0] != '\0'));
    for (int i = 0; i < count; i++) {
        MUST(!list[i].tls || tls);
        MUST(server_url_parse(config_text(config, "server", "url"), &url, why, sizeof why) == 0);
        if (!list[i].is_unix && !url.tls) {
            MUST(!list[i].tls);
            MUST(server_address_parse(list[i].text, &address, why, sizeof why) == 0);
            MUST(address.loopback);
        }
    }
    config_free(config);
}

static void take_network(char *text)
{
    char why[WHY_SIZE] = "", *address = strchr(text, '\n');

    if (!address)
        return;
    *address++ = '\0';
    if (policy_network_is_valid(text, why, sizeof why)) {
        MUST(!why[0]);
        /* All of it is in, and a name is in none. */
        text[strcspn(text, "/")] = '\0';
        char *own = strdup(text);
        text[strlen(text)] = '/';
        MUST(policy_network_has(text, own) && !policy_network_has(text, "localhost"));
        free(own);
    } else {
        MUST(why[0]);
    }
    (void)policy_network_has(text, address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);

    switch (*text) {
    case 'h':
        take_host(text + 1);
        break;
    case 'p':
        take_pins(text + 1);
        break;
    case 's':
        take_server(text + 1);
        break;
    case 'n':
        take_network(text + 1);
    }
    free(text);
    return 0;
}
