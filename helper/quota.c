#include "helper/quota.h"

#include <stdlib.h>

/* One for each uid that can have something counted, and no fewer. */
#define USERS (QUOTA_OTHERS_MAX + QUOTA_BUSY_ALL)

/* A rate is kept as the time when everything used so far is made good. */
struct user {
    uid_t uid; /* 0: nobody's */
    size_t count;
    int64_t starts, lines;
    unsigned left_out;
};

struct quotas {
    size_t root, others;
    struct user users[USERS];
};

struct quotas *quotas_new(void)
{
    return calloc(1, sizeof(struct quotas));
}

void quotas_free(struct quotas *quotas)
{
    free(quotas);
}

static const struct user *find(const struct quotas *quotas, uid_t uid)
{
    for (size_t i = 0; i < USERS; i++) {
        if (quotas->users[i].uid == uid)
            return &quotas->users[i];
    }
    return NULL;
}

static int64_t busy_until(const struct user *user)
{
    return user->starts > user->lines ? user->starts : user->lines;
}

/* The uid's own entry. Else a new one, in the place of one with nothing counted that has used the
 * least: whoever owns thousands of uids gets rid of no debt by using them. */
static struct user *enter(struct quotas *quotas, uid_t uid)
{
    const struct user *known = find(quotas, uid);
    struct user *place = NULL;

    if (known != NULL)
        return &quotas->users[known - quotas->users];
    for (size_t i = 0; i < USERS; i++) {
        struct user *user = &quotas->users[i];

        if (user->count == 0 && (place == NULL || busy_until(user) < busy_until(place)))
            place = user;
    }
    if (place != NULL)
        *place = (struct user){.uid = uid};
    return place;
}

enum quota_room quota_room(const struct quotas *quotas, uid_t uid)
{
    const struct user *user = uid != 0 ? find(quotas, uid) : NULL;
    size_t all = quotas->root + quotas->others, others = uid != 0 ? quotas->others : 0;
    size_t own = user != NULL ? user->count : 0;

    if (all >= QUOTA_ALL_MAX + QUOTA_BUSY_ALL || others >= QUOTA_OTHERS_MAX + QUOTA_BUSY_ALL ||
        own >= QUOTA_USER_MAX + QUOTA_BUSY_USER)
        return QUOTA_NONE;
    if (all >= QUOTA_ALL_MAX || others >= QUOTA_OTHERS_MAX || own >= QUOTA_USER_MAX)
        return QUOTA_BUSY;
    return QUOTA_ROOM;
}

void quota_charge(struct quotas *quotas, uid_t uid)
{
    struct user *user = uid != 0 ? enter(quotas, uid) : NULL;

    *(uid != 0 ? &quotas->others : &quotas->root) += 1;
    if (user != NULL)
        user->count++;
}

void quota_release(struct quotas *quotas, uid_t uid)
{
    struct user *user = uid != 0 ? enter(quotas, uid) : NULL;

    *(uid != 0 ? &quotas->others : &quotas->root) -= 1;
    if (user != NULL && user->count > 0)
        user->count--;
}

size_t quota_total(const struct quotas *quotas)
{
    return quotas->root + quotas->others;
}

static bool use(int64_t *until, int64_t now, int64_t each, int64_t most)
{
    int64_t from = *until > now ? *until : now;

    if (from + each > now + most * each)
        return false;
    *until = from + each;
    return true;
}

bool quota_start(struct quotas *quotas, uid_t uid, int64_t now)
{
    struct user *user = uid != 0 ? enter(quotas, uid) : NULL;

    return uid == 0 || (user != NULL && use(&user->starts, now, QUOTA_START_MS, QUOTA_STARTS));
}

bool quota_line(struct quotas *quotas, uid_t uid, int64_t now, unsigned *left_out)
{
    struct user *user = uid != 0 ? enter(quotas, uid) : NULL;

    *left_out = 0;
    if (user == NULL)
        return uid == 0;
    if (!use(&user->lines, now, QUOTA_LINE_MS, QUOTA_LINES)) {
        user->left_out++;
        return false;
    }
    *left_out = user->left_out;
    user->left_out = 0;
    return true;
}
