/* What all connections of approve-helper share. */
#ifndef HELPER_H
#define HELPER_H

#include <event2/event.h>
#include <stddef.h>

#include "helper/bound.h"
#include "helper/ciba.h"
#include "helper/host.h"
#include "helper/lookup.h"
#include "helper/passed.h"
#include "helper/quota.h"
#include "helper/recent.h"

struct session;

struct helper {
    struct event_base *base;
    struct host_file *host_file;
    struct ciba *ciba;
    struct lookups *lookups;
    struct recent *recent;
    struct passed passed;
    struct bound *bound; /* NULL: no codes bound to this host */
    struct session *sessions;
    struct quotas *quotas;
};

#endif
