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

#endif
