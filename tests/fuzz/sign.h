/* Signatures of the target's own, so that what stands behind them is reached. */
#ifndef SIGN_H
#define SIGN_H

#include "tests/fuzz/fuzz.h"

/* forge.h asserts as the unit tests do. */
#define assert_true(condition) MUST(condition)
#define assert_int_equal(one, other) MUST((one) == (other))
#include "tests/unit/forge.h"

#endif
