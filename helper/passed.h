/* When the helper last let somebody pass, by service: what `approvectl keep` asks for. In memory
 * only. */
#ifndef PASSED_H
#define PASSED_H

#include <stdint.h>

#include "common/login.h"

#define PASSED_MAX 64 /* services; the longest unused one gives way */

struct passed {
    struct {
        char service[sizeof((struct login *)0)->service]; /* "": free */
        int64_t began_ms; /* clock_boot_ms: its START's connection */
    } services[PASSED_MAX];
};

/* Somebody passed for the service, over a connection made at began_ms. */
void passed_note(struct passed *passed, const char *service, int64_t began_ms);

/* Milliseconds at now_ms since the connection of the last one to pass was made; -1: nobody has. */
int64_t passed_age(const struct passed *passed, const char *service, int64_t now_ms);

#endif
