/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys/keystate.h"

#include "lib/clock.h"
#include "lib/name.h"

static const struct name_code states[] = {
    {"pending", KEYSTATE_PENDING},
    {"active", KEYSTATE_ACTIVE},
    {"retired", KEYSTATE_RETIRED},
    {"revoked", KEYSTATE_REVOKED},
    {NULL, 0},
};

const char *keystate_text(enum keystate state)
{
	return name_text(states, (int)state);
}

/* Two digits and what follows them, taken off TIME. */
static bool take_two(struct span *time, char then, uint64_t max, int64_t *value)
{
	uint64_t number;

	if (span_len(*time) < 3 || time->p[2] != then ||
	    !span_number(span_make(time->p, 2), max, &number))
		return false;
	time->p += 3;
	*value = (int64_t)number;
	return true;
}

/* RFC 3339 section 5.6, UTC, whole seconds: date "T" 2DIGIT ":" 2DIGIT ":" 2DIGIT "Z" */
static bool read_time(struct span text, int64_t *wall)
{
	int64_t hours, minutes, seconds;
	int32_t day;

	if (span_len(text) != 20 || text.p[10] != 'T' ||
	    !clock_day_parse(span_make(text.p, 10), &day))
		return false;
	text.p += 11;
	if (!take_two(&text, ':', 23, &hours) || !take_two(&text, ':', 59, &minutes) ||
	    !take_two(&text, 'Z', 59, &seconds))
		return false;
	*wall = clock_day_begin(day) + hours * 3600 + minutes * 60 + seconds;
	return true;
}

int keystate_parse(struct span text, struct keystatus *status, struct why *why)
{
	struct span word = text = span_trim(text);
	int code;

	while (word.p < text.end && char_is_alpha((unsigned char)*word.p))
		word.p++;
	word = span_make(text.p, (size_t)(word.p - text.p));
	code = name_code(states, word, -1);
	if (code == -1)
		return why_set(why, "does not begin with pending, active, retired or revoked");
	*status = (struct keystatus){.state = (enum keystate)code};
	text = span_make(word.end, (size_t)(text.end - word.end));
	if (span_empty(text))
		return 0;
	if (!char_is_wsp((unsigned char)*text.p) || !read_time(span_trim(text), &status->since))
		return why_set(why, "the state is not followed by a time "
				    "such as 2026-11-22T22:45:00Z");
	return 0;
}

const char *keystate_print(struct keystatus status, struct arena *arena)
{
	char time[CLOCK_TEXT_MAX];

	if (status.since <= 0)
		return arena_printf(arena, "%s\n", keystate_text(status.state));
	return arena_printf(arena, "%s %s\n", keystate_text(status.state),
			    clock_utc_text(status.since, time));
}
