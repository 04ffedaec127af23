#include "helper/passed.h"

#include <stdio.h>
#include <string.h>

void passed_note(struct passed *passed, const char *service, int64_t began_ms)
{
    size_t at = 0;

    for (size_t i = 0; i < PASSED_MAX; i++) {
        if (strcmp(passed->services[i].service, service) == 0) {
            at = i;
            break;
        }
        if (passed->services[i].began_ms < passed->services[at].began_ms)
            at = i;
    }
    /* Of two that overlap the one that began later counts. */
    if (strcmp(passed->services[at].service, service) == 0 &&
        passed->services[at].began_ms > began_ms)
        return;
    snprintf(passed->services[at].service, sizeof(passed->services[at].service), "%s", service);
    passed->services[at].began_ms = began_ms;
}

int64_t passed_age(const struct passed *passed, const char *service, int64_t now_ms)
{
    for (size_t i = 0; i < PASSED_MAX; i++) {
        if (service[0] != 0 && strcmp(passed->services[i].service, service) == 0)
            return now_ms - passed->services[i].began_ms;
    }
    return -1;
}
