/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/clock.h"

#include <string.h>

int64_t clock_mono(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

int64_t clock_wall(void)
{
	return (int64_t)time(NULL);
}

int32_t clock_day(int64_t wall)
{
	return (int32_t)((wall - (wall % 86400 + 86400) % 86400) / 86400);
}

int64_t clock_day_begin(int32_t day)
{
	return (int64_t)day * 86400;
}

const char *clock_utc_text(int64_t wall, char text[CLOCK_TEXT_MAX])
{
	time_t t = (time_t)wall;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
	return text;
}

const char *clock_day_text(int32_t day, char text[CLOCK_TEXT_MAX])
{
	clock_utc_text(clock_day_begin(day), text);
	text[strcspn(text, "T")] = '\0';
	return text;
}

bool clock_day_parse(struct span text, int32_t *day)
{
	char again[CLOCK_TEXT_MAX];
	uint64_t year, month, mday;
	struct tm tm = {0};

	if (span_len(text) != 10 || text.p[4] != '-' || text.p[7] != '-' ||
	    !span_number(span_make(text.p, 4), 9999, &year) ||
	    !span_number(span_make(text.p + 5, 2), 12, &month) ||
	    !span_number(span_make(text.p + 8, 2), 31, &mday) || year < 1970 || month == 0)
		return false;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)mday;
	*day = clock_day((int64_t)timegm(&tm));
	return span_eq(text, clock_day_text(*day, again));
}

unsigned clock_split(int64_t begins, int64_t ends, int64_t amount, int32_t *first,
		     int64_t shares[CLOCK_SPLIT_MAX])
{
	int64_t length = ends - begins, given = 0;
	unsigned days;

	*first = clock_day(begins);
	if (length <= 86400) {
		*first = clock_day(length > 0 ? begins + length / 2 : begins);
		shares[0] = amount;
		return 1;
	}
	days = (unsigned)(clock_day(ends - 1) - *first) + 1;
	if (days > CLOCK_SPLIT_MAX)
		days = CLOCK_SPLIT_MAX;
	for (unsigned i = 0; i < days; i++) {
		int64_t until = clock_day_begin(*first + (int32_t)i + 1);
		int64_t done =
		    i + 1 == days
			? amount
			: (int64_t)((double)amount * (double)(until - begins) / (double)length);

		shares[i] = done - given;
		given = done;
	}
	return days;
}
