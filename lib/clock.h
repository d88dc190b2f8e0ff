/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time. Deadlines are on the monotonic clock, in nanoseconds; dates are seconds since 1970, UTC.
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/span.h"

#define CLOCK_SECOND INT64_C(1000000000)
#define CLOCK_MS     INT64_C(1000000)

int64_t clock_mono(void); /* nanoseconds since an unnamed moment; never goes back */
int64_t clock_wall(void); /* seconds since 1970-01-01T00:00:00Z */

/* A day is a number: days since 1970-01-01, UTC. */
int32_t clock_day(int64_t wall);
int64_t clock_day_begin(int32_t day); /* wall seconds of its 00:00:00Z */

enum { CLOCK_TEXT_MAX = 40 };
const char *clock_day_text(int32_t day, char text[CLOCK_TEXT_MAX]);  /* 2026-11-22 */
const char *clock_utc_text(int64_t wall, char text[CLOCK_TEXT_MAX]); /* 2026-11-22T01:02:03Z */
bool clock_day_parse(struct span text, int32_t *day);                /* 2026-11-22, checked */

/*
 * How AMOUNT of something that was counted from BEGINS to ENDS (wall seconds) is shared among its
 * days, the first of which is *FIRST: a day or less counts for the day on which most of it lies, a
 * longer time is shared in proportion to what of it lies on each day. The number of SHARES, whose
 * sum is AMOUNT.
 */
enum { CLOCK_SPLIT_MAX = 40 };
unsigned clock_split(int64_t begins, int64_t ends, int64_t amount, int32_t *first,
		     int64_t shares[CLOCK_SPLIT_MAX]);

#endif
