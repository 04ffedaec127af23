/* "Did you mean": the known word that is nearest to a mistyped one. */
#ifndef NEAREST_H
#define NEAREST_H

struct nearest {
    const char *typed;
    const char *best; /* NULL: nothing is near enough */
    unsigned
        distance; /* edits; a word must need fewer: one and a third of the letters may be wrong */
};

void nearest_start(struct nearest *nearest, const char *typed);

/* Offers a word that would have been right. It is borrowed. */
void nearest_offer(struct nearest *nearest, const char *word);

#endif
