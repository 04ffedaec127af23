/* Text from outside, made safe to show. */
#ifndef SANITIZE_H
#define SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies src to dst of `size` bytes, NUL included: broken UTF-8, C0 and C1 control characters, DEL,
 * line and paragraph separators (U+2028, U+2029), bidirectional controls (U+061C, U+200E/F, U+202A
 * to U+202E, U+2066 to U+2069) and characters that are not seen (U+00AD, U+180E, U+200B, U+2060 to
 * U+206F, U+FEFF, U+FFF9 to U+FFFB, tags U+E0000 to U+E007F) become '?'. Cuts at a whole character.
 * src may be NULL (then ""). Returns the bytes written without the NUL.
 */
size_t sanitize_text(char *dst, size_t size, const char *src);

/* The same as one word of a line of log: blanks, which would let it say more than itself, become
 * '_', and "" becomes "-". Returns dst. */
const char *sanitize_word(char *dst, size_t size, const char *src);

/* True where sanitize_text would change nothing but the length. */
bool sanitize_is_clean(const char *text);

/* True where text has a C0 control character or DEL (sshd's junk answers have them). */
bool sanitize_has_control(const char *text);

#endif
