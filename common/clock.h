/* The time. Tests link a fake one. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define TIME_MOST 253402300799 /* seconds since 1970: the end of the year 9999 */

/* Seconds since 1970. */
int64_t clock_wall(void);

/* Milliseconds since 1970. */
int64_t clock_wall_ms(void);

/* Milliseconds of a clock that never jumps. */
int64_t clock_mono_ms(void);

/* Milliseconds since boot; sleep counts. */
int64_t clock_boot_ms(void);

#endif
