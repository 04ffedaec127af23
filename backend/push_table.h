/* The requests whose phones were told of them, by auth_req_id, until their end is told too. */
#ifndef PUSH_TABLE_H
#define PUSH_TABLE_H

#include "backend/push_private.h"

/* A phone that a request is pushed to. */
struct phone {
    struct pushed *pushed;
    char *device;
    struct push_delivery *delivery; /* while it is on its way */
    bool counted;                   /* in pushed->unsure */
    bool answered;
    bool shows; /* its push was taken, and it was not told of the end */
};

/* A request, and what its phones know of it. */
struct pushed {
    struct push_requests *requests;
    struct pushed *next; /* in its bucket */
    char *id, *request, *user, *details;
    int64_t ends;
    struct phone *phones;
    size_t count;
    size_t unsure; /* pushes of which nothing is known yet */
    bool reached;  /* some phone has it */
    bool over;
};

#define PUSH_BUCKETS 1024

struct push_requests {
    struct push *push;
    struct event *sweep;
    struct pushed *buckets[PUSH_BUCKETS];
};

/* For callbacks of the store: the request may be gone when they come. */
struct push_ask {
    struct push_requests *requests;
    char id[];
};

/* NULL without memory. The caller frees it. */
struct push_ask *push_ask_new(struct push_requests *requests, const char *id);

/* The link to the request, or to where it would be put: *link is NULL where there is none. */
struct pushed **pushed_find(struct push_requests *requests, const char *id);

/* A new entry; all is copied. NULL without memory. */
struct pushed *pushed_add(struct push_requests *requests, const char *id, const char *request,
                          const char *user, const char *details, int64_t ends);

/* Takes it out of the table and frees it; what is on its way is cancelled. */
void pushed_remove(struct pushed **link);

/* NULL where the request is not pushed to this device. */
struct phone *pushed_phone(struct pushed *pushed, const char *device);

bool pushed_on_its_way(const struct pushed *pushed);

#endif
