/* What pushes say (docs/phone-protocol.md, "Push"). New strings, that the caller frees; NULL
 * without memory. */
#ifndef PUSH_TEXT_H
#define PUSH_TEXT_H

#include <stdint.h>

/* details: base64url, or NULL for a push service that takes no large bodies; expires: seconds since
 * 1970. */
char *push_text_request(const char *request, const char *details, int64_t expires);

char *push_text_over(const char *request);

char *push_text_test(void);

/*
 * The topic of all pushes about one request, so that a later one takes the place of an earlier one
 * that was not delivered yet. The push service learns nothing from it.
 */
char *push_topic(const char *request);

#endif
