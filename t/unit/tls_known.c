/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/known: when a policy is asked for, how long it and its answers are kept. */
#include "tls/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "t/lib/tap.h"

#define POLICY "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n"

enum { NOW = 1000000000, DAY = 86400 };

static struct known *known;

static void put_policy(const char *domain, int64_t fetched, int64_t used)
{
	const struct policies_row row = {.domain = domain,
					 .id = "1",
					 .text = POLICY,
					 .fetched = fetched,
					 .expires = fetched + 30 * DAY,
					 .used = used};

	known_put_policy(known, &row);
}

static void fail_fetch(const char *domain, const char *id, int64_t now)
{
	struct why why = {"HTTP status 404"};

	known_end_fetch(known, domain, id, FETCH_ERROR, &why, now);
}

static enum known_fetch begin(const char *domain, const char *id, int64_t now)
{
	struct why why;

	return known_begin_fetch(known, domain, id, now, &why);
}

/* RFC 8461 section 3.3 */
static void test_pauses(void)
{
	static const int64_t pauses[] = {300, 600, 1200, 2400};
	int64_t now = NOW;
	struct why why = {""};

	is_int(begin("a.example", "1", now), KNOWN_FETCH_BEGINS, "the first fetch begins");
	is_int(begin("a.example", "1", now), KNOWN_FETCH_RUNS, "one at a time");
	is_int(begin("b.example", "1", now), KNOWN_FETCH_BEGINS, "but of each domain");
	for (unsigned i = 0; i < 4; i++) {
		fail_fetch("a.example", "1", now);
		is_int(begin("a.example", "1", now + pauses[i] - 1), KNOWN_FETCH_WAITS,
		       "failure %u: not before %d seconds", i + 1, (int)pauses[i]);
		now += pauses[i];
		is_int(begin("a.example", "1", now), KNOWN_FETCH_BEGINS, "then again");
	}
	fail_fetch("a.example", "1", now);
	is_int(known_begin_fetch(known, "a.example", "1", now + 60, &why), KNOWN_FETCH_WAITS,
	       "a pause");
	is_text(why.text, "HTTP status 404", "with the reason");
	is_int(begin("a.example", "2", now + 29), KNOWN_FETCH_WAITS, "another id: soon");
	is_int(begin("a.example", "2", now + 30), KNOWN_FETCH_BEGINS, "but not at once");
	fail_fetch("a.example", "2", now + 30);
	is_int(begin("a.example", "2", now + 330), KNOWN_FETCH_BEGINS,
	       "failures of another id are counted from the first");
	for (unsigned i = 0; i < 12; i++)
		fail_fetch("a.example", "2", now);
	is_int(begin("a.example", "2", now + 6 * 3600), KNOWN_FETCH_BEGINS,
	       "six hours are the longest pause");
}

static void test_policies(struct arena *arena)
{
	struct sts_held held;

	put_policy("p.example", NOW, NOW);
	known_held(known, arena, "p.example", NOW + 30 * DAY - 1, &held);
	ok(held.present && held.policy.mode == STS_ENFORCE, "held until it expires");
	is_text(held.id, "1", "with its id");
	known_held(known, arena, "p.example", NOW + 30 * DAY, &held);
	ok(!held.present, "and then no more");
	known_held(known, arena, "q.example", NOW, &held);
	ok(!held.present, "none of another domain");
	ok(!known_note_use(known, "p.example", NOW + 1), "noted once a day");
	ok(known_note_use(known, "p.example", NOW + DAY), "and again on the next");
}

/* Another host's: that host renews it. */
static void test_taken(struct arena *arena)
{
	const struct policies_row row = {.domain = "taken.example",
					 .id = "1",
					 .text = POLICY,
					 .fetched = NOW - DAY,
					 .expires = NOW + DAY,
					 .used = NOW,
					 .state = POLICIES_TAKEN};
	const char *domains[4];
	struct sts_held held;

	known_put_policy(known, &row);
	is_int(known_list_due(known, arena, NOW + 3599, domains, 4), 1, "another host's waits");
	is_int(known_list_due(known, arena, NOW + 3600, domains, 4), 2, "for an hour");
	known_held(known, arena, "taken.example", NOW, &held);
	is_int(held.renew, NOW + 3600, "which the answers know, too");
}

static void test_renewal(struct arena *arena)
{
	const char *domains[4];
	struct known_stats stats;

	put_policy("old.example", NOW - DAY, NOW - DAY);
	put_policy("new.example", NOW - DAY + 60, NOW);
	put_policy("unused.example", NOW - DAY, NOW - 14 * DAY);
	is_int(known_list_due(known, arena, NOW, domains, 4), 1, "one is due");
	is_text(domains[0], "old.example", "that is a day old and in use");
	(void)begin("old.example", "1", NOW);
	is_int(known_list_due(known, arena, NOW, domains, 4), 0, "not while it is fetched");
	test_taken(arena);
	known_list_due(known, arena, NOW + DAY, domains, 4);
	known_stats(known, &stats);
	is_int(stats.overdue, 1, "one should have been renewed a day ago");
	is_int(stats.oldest, NOW - DAY, "it is the oldest in use");
}

static const char *answer(const char *domain, enum answer_map map, struct arena *arena)
{
	enum level_kind kind = LEVEL_DEFAULT;
	bool ages = false;
	struct buf out;

	buf_init(&out, arena, 0);
	return known_answer(known, span_of(domain), map, &out, &kind, &ages) ? buf_text(&out)
									     : NULL;
}

static void test_answers(struct arena *arena)
{
	const char *const two[] = {"OK secure match=a servername=hostname",
				   "OK secure match=a servername=hostname policy_type=sts"};
	const char *const same[] = {"OK dane-only", "OK dane-only"};
	const char *const temporary[] = {"TEMP no answer", "TEMP no answer"};
	int64_t later = clock_mono() + 60 * CLOCK_SECOND;

	known_keep_answers(known, "x.example", LEVEL_SECURE, two, later);
	is_text(answer("x.example", ANSWER_POLICY, arena), two[0], "an answer");
	is_text(answer("x.example", ANSWER_POLICY_310, arena), two[1], "of each map");
	known_keep_answers(known, "x.example", LEVEL_DANE_ONLY, same, later);
	is_text(answer("x.example", ANSWER_POLICY_310, arena), same[1], "is replaced");
	known_forget_answers(known, "x.example");
	is_text(answer("x.example", ANSWER_POLICY, arena), NULL, "and forgotten");
	for (unsigned i = 0; i < 2; i++) /* a sanitizer watches */
		known_keep_answers(known, "x.example", LEVEL_DEFER, temporary, later);
	is_text(answer("x.example", ANSWER_POLICY_310, arena), temporary[1],
		"one text for both maps is replaced by another");
	known_forget_answers(known, "x.example");
	known_keep_answers(known, "x.example", LEVEL_SECURE, two, clock_mono() - 1);
	is_text(answer("x.example", ANSWER_POLICY, arena), NULL, "it is not given when it is old");
}

/* The next process has what the last one knew. */
static void test_shared(struct arena *arena)
{
	const char *const two[] = {"OK secure match=a servername=hostname", "OK dane"};
	static struct known *before, *after; /* they live as long as their processes */
	void *shared = calloc(1, KNOWN_SHARED_BYTES);
	struct known *first = known;

	known = before = known_new(shared);
	known_keep_answers(known, "x.example", LEVEL_SECURE, two, INT64_MAX);
	known_keep_answers(known, "y.example", LEVEL_SECURE, two, INT64_MAX);
	known_keep_answers(known, "z.example", LEVEL_SECURE, two, clock_mono() - 1);
	known_forget_answers(known, "y.example");
	known = after = known_new(shared);
	is_text(answer("x.example", ANSWER_POLICY, arena), two[0], "of the process before");
	is_text(answer("x.example", ANSWER_POLICY_310, arena), two[1], "of each map");
	is_text(answer("y.example", ANSWER_POLICY, arena), NULL, "what was forgotten is");
	is_text(answer("z.example", ANSWER_POLICY, arena), NULL, "so is what is old");
	is_text(answer("w.example", ANSWER_POLICY, arena), NULL, "and nothing is made up");
	ok(after != before, "they are two");
	known = first;
}

static void test_room(void)
{
	const char *const answers[] = {"NOTFOUND ", "NOTFOUND "};
	struct known_stats stats;
	struct arena *arena = arena_new(0);
	struct sts_held held;
	char domain[64];

	for (unsigned i = 0; i < KNOWN_ENTRIES_MAX + 1000; i++) {
		snprintf(domain, sizeof domain, "d%u.example", i);
		known_keep_answers(known, domain, LEVEL_DEFAULT, answers, INT64_MAX);
	}
	known_stats(known, &stats);
	ok(stats.entries <= KNOWN_ENTRIES_MAX, "no more entries than are allowed");
	known_held(known, arena, "new.example", NOW, &held);
	ok(held.present, "policies stay");
	arena_free(arena);
}

int main(void)
{
	struct arena *arena = arena_new(0);

	known = known_new(NULL);
	test_pauses();
	test_policies(arena);
	test_renewal(arena);
	test_answers(arena);
	test_shared(arena);
	test_room();
	arena_free(arena);
	return tap_done();
}
