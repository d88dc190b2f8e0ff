/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/suppress.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"

enum {
	REFUSALS = 3, /* in a row */
	LONGEST = 365 * 86400,
	BOUNCE_DAYS = 30 /* a bounce belongs to a delivery of these days */
};

/* The pause after so many FAILURES; there is none before NEEDED of them. */
static int64_t pause_after(unsigned failures, unsigned needed, int64_t first)
{
	int64_t pause = first;

	assert(failures >= needed);
	for (unsigned i = needed; i < failures && pause < LONGEST; i++)
		pause *= 2;
	return pause < LONGEST ? pause : LONGEST;
}

/* Reads what is stored about ADDRESS; zeros if nothing is. */
static int look_up(struct outbox *outbox, const char *address, struct arena *arena,
		   struct outbox_suppression *s, struct why *why)
{
	assert(address != NULL);
	memset(s, 0, sizeof *s);
	if (outbox_suppression(outbox, address, arena, s, why) < 0)
		return -1;
	s->address = address;
	return 0;
}

int suppress_refusal(struct outbox *outbox, const char *address, const char *reply, int64_t first,
		     int64_t now, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct outbox_suppression s;
	int result = look_up(outbox, address, arena, &s, why);

	s.failures++;
	if (s.failures >= REFUSALS)
		s.until = now + pause_after(s.failures, REFUSALS, first);
	s.reason = arena_printf(arena, "it refused %u reports in a row: %s", s.failures, reply);
	if (result == 0)
		result = outbox_suppress(outbox, &s, why);
	arena_free(arena);
	return result < 0 ? -1 : 0;
}

int suppress_success(struct outbox *outbox, const char *address, int64_t first, int64_t now,
		     struct why *why)
{
	const struct outbox_suppression none = {.address = address};
	struct arena *arena = arena_new(0);
	struct outbox_suppression s;
	int result = look_up(outbox, address, arena, &s, why);

	arena_free(arena);
	if (result != 0 || (s.until > 0 && now < s.until + first))
		return result;
	return outbox_suppress(outbox, &none, why) < 0 ? -1 : 0;
}

/* The mail that bounced is the last one sent there. */
static int fail_delivery(struct outbox *outbox, const char *address, const char *text, int64_t now,
			 struct arena *arena, struct why *why)
{
	struct outbox_delivery *list, *last = NULL;
	int32_t today = clock_day(now);
	int count = outbox_range(outbox, NULL, today - BOUNCE_DAYS, today, arena, &list, why);

	for (int i = 0; i < count; i++) {
		const char *to = list[i].sent_to != NULL ? list[i].sent_to : list[i].address;

		if (list[i].state == OUTBOX_SENT && strcmp(to, address) == 0 &&
		    (last == NULL || list[i].tried > last->tried))
			last = &list[i];
	}
	if (last == NULL)
		return count < 0 ? -1 : 0;
	last->state = OUTBOX_FAILED;
	last->reply = text;
	return outbox_mark(outbox, last, why);
}

int suppress_bounce(struct outbox *outbox, const char *address, const struct inspection *bounce,
		    int64_t first, int64_t now, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct outbox_suppression s;
	int result = look_up(outbox, address, arena, &s, why);
	bool already = result == 0 && s.until > now;

	s.failures++;
	s.until = now + pause_after(s.failures, 1, first);
	s.reason = arena_printf(arena, "bounced: %s%s%s", bounce->status,
				bounce->status[0] != '\0' && bounce->text[0] != '\0' ? " " : "",
				bounce->text);
	if (result == 0)
		result = fail_delivery(outbox, address, s.reason, now, arena, why);
	if (result == 0 && !already)
		result = outbox_suppress(outbox, &s, why);
	arena_free(arena);
	return result < 0 ? -1 : already;
}
