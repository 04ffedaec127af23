#include "helper/profile.h"

#include <string.h>

#include "common/columns.h"
#include "common/i18n.h"

static const struct profile profiles[] = {
#define PROFILE(service, show, wait, limit, flags, line, command, help)                            \
    {service, show, wait, limit, flags, line, command, help},
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

static const char *number_shown(const struct profile *profile)
{
    if ((profile->flags & PROFILE_NOBODY) != 0)
        return "refused, as nobody could answer";
    if ((profile->flags & PROFILE_BLIND) != 0)
        return "no number can be shown: asked with number = off, otherwise refused";
    return profile->show == SHOW_PROMPT ? "number inside the prompt"
                                        : "number as a text, then a wait";
}

void profile_print_scdoc(FILE *out)
{
    for (size_t i = 0; i < PROFILE_COUNT; i++) {
        const struct profile *profile = &profiles[i];

        fputs("*", out);
        columns_scdoc(out, profile->service);
        fputs("*\n\t", out);
        columns_scdoc(out, profile->help);
        fputs(": ", out);
        columns_scdoc(out, number_shown(profile));
        if ((profile->flags & PROFILE_NOBODY) == 0)
            fprintf(out, "; %d s, in all at most %d s", profile->wait, profile->limit);
        fputs(".\n\n", out);
    }
}
