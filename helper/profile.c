#include "helper/profile.h"

#include <string.h>

static const struct profile profiles[] = {
#define PROFILE(service, show, wait, limit, flags, line) {service, show, wait, limit, flags, line},
#include "helper/profile.def"
#undef PROFILE
};

#define PROFILE_COUNT (sizeof profiles / sizeof *profiles)

const struct profile *profile_at(size_t index)
{
    return index < PROFILE_COUNT ? &profiles[index] : NULL;
}

bool profile_is_known(const char *service)
{
    return strcmp(profile_find(service)->service, service) == 0;
}

const struct profile *profile_find(const char *service)
{
    const struct profile *found = &profiles[PROFILE_COUNT - 1]; /* "other" is the last row */

    for (size_t i = 0; i < PROFILE_COUNT; i++) {
        if (strcmp(profiles[i].service, service) == 0)
            found = &profiles[i];
    }
    return found;
}
