/* QR codes on a terminal. */
#ifndef QR_H
#define QR_H

#include <stdio.h>

/* Prints text as a QR code of half blocks, dark on light whatever the terminal's own colours are.
 * Returns 0, or -1 where it cannot be made. */
int qr_print(FILE *out, const char *text);

#endif
