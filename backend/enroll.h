/* What enrolment and later changes of a device have in common. */
#ifndef ENROLL_H
#define ENROLL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "backend/server.h"

#define DEVICE_NAME_MAX 64 /* bytes */

/* The member `name`, 1 to 64 bytes, made safe to show. */
bool enroll_read_name(const json_t *payload, char name[DEVICE_NAME_MAX + 1]);

/* Adds `vapid` where there is push. body may be NULL. Returns it, or NULL without memory. */
json_t *enroll_add_vapid(const struct server *server, json_t *body);

#endif
