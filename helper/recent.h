/* Refusals of the last minute: the same user, service and source are not asked about again, because
 * sudo and sshd run the module several times. */
#ifndef RECENT_H
#define RECENT_H

#include <stdbool.h>
#include <stdint.h>

#define RECENT_SECONDS 60
#define RECENT_MAX 1024 /* refusals remembered; the oldest gives way */

struct recent;

struct recent *recent_new(void);
void recent_free(struct recent *recent);

/* now: milliseconds of clock_mono_ms. rhost: the remote address, "" for a local
 * login; all of an IPv6 /64 are one source (common/address.h). */
void recent_add(struct recent *recent, const char *user, const char *service, const char *rhost,
                int64_t now);
bool recent_has(const struct recent *recent, const char *user, const char *service,
                const char *rhost, int64_t now);

#endif
