/* What the parts of push.h share. */
#ifndef PUSH_PRIVATE_H
#define PUSH_PRIVATE_H

#include "backend/push_device.h"
#include "backend/server.h"
#include "backend/vapid.h"

struct push_requests; /* the requests whose phones were told: push_table.h */

struct push {
    struct server *server;
    struct vapid *vapid;
    struct push_sender *sender;
    struct push_outbox *outbox;
    struct push_requests *requests;
};

struct push_requests *push_requests_new(struct push *push);
void push_requests_free(struct push_requests *requests); /* NULL is fine */

#endif
