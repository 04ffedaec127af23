#include "common/nearest.h"

#include <string.h>

enum { WORD_MAX = 40 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to insert, remove, replace or exchange with their neighbour (optimal string alignment).
 */
static unsigned edits_between(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned cost[WORD_MAX + 1][WORD_MAX + 1];

    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return WORD_MAX;
    for (unsigned i = 0; i <= a_len; i++) {
        for (unsigned j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            unsigned best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, cost[i - 2][j - 2] + 1);
            cost[i][j] = best;
        }
    }
    return cost[a_len][b_len];
}

void nearest_start(struct nearest *nearest, const char *typed)
{
    nearest->typed = typed;
    nearest->best = NULL;
    nearest->distance = 2 + (unsigned)strnlen(typed, WORD_MAX) / 3;
}

void nearest_offer(struct nearest *nearest, const char *word)
{
    unsigned edits = edits_between(nearest->typed, word);

    if (edits < nearest->distance) {
        nearest->best = word;
        nearest->distance = edits;
    }
}
