/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/rate: nobody makes us ask one host, for one domain, or in all more often than the limits
 * say. */
#include "bimi/rate.h"
#include "lib/clock.h"
#include "t/lib/tap.h"

static const int64_t minute = 60 * CLOCK_SECOND;
static struct arena *arena;

static const char *take_fetch(struct bimi_rate *rate, const char *domain, const char *location,
			      const char *authority, int64_t now)
{
	struct bimi_offer offer = {domain, "default", location, authority, domain};

	return name_text(bimi_rate_names, (int)bimi_rate_take(rate, &offer, now));
}

/* How many of COUNT records are fetched at NOW; %u of DOMAIN and LOCATION is their number. */
static int count_open(struct bimi_rate *rate, const char *domain, const char *location,
		      unsigned count, int64_t now)
{
	int open = 0;

	for (unsigned i = 0; i < count; i++) {
		const char *of = arena_printf(arena, "n%u%s", i, domain);
		const char *from = arena_printf(arena, "https://%s%u%s", location, i, "/l.svg");
		struct bimi_offer offer = {of, "default", from, "", of};

		open += bimi_rate_take(rate, &offer, now) == BIMI_RATE_OPEN;
	}
	return open;
}

static void test_limits(void)
{
	const struct bimi_rate_limits limits = {100, 10, 20};
	struct bimi_rate *rate = bimi_rate_new(&limits, arena);
	const int64_t later = 2000 * minute;

	is_int(count_open(rate, ".evil.test", "h", 50, 0), 10, "names below one domain");
	is_text(take_fetch(rate, "x.EVIL.test", "https://a.test/", "", 0), "domain",
		"which is why another is not");
	is_text(take_fetch(rate, "evil.test", "https://a.test/", "", 6 * minute), "open",
		"one more after a tenth of an hour");
	is_text(take_fetch(rate, "evil.test", "https://a.test/", "", 6 * minute), "domain",
		"but one");
	is_int(count_open(rate, ".evil.test", "h", 50, 1000 * minute), 10,
	       "after hours no more at once than in one");
	for (int i = 0; i < 20; i++)
		is_text(take_fetch(rate, arena_printf(arena, "d%d.test", i),
				   "https://victim.test/x", "https://victim.test/y", later),
			"open", "record %d of a host", i);
	is_text(take_fetch(rate, "more.test", "https://victim.test/z", "", later), "host",
		"not the next");
	is_text(take_fetch(rate, "more.test", "https://a.test/", "https://VICTIM.test?", later),
		"host", "nor by its certificate");
	is_text(take_fetch(rate, "more.test", "https://a.test/", "https://b.test", later), "open",
		"what was refused does not count for others");
	is_int(count_open(rate, ".test", "h", 200, later) > 50, 1, "other domains are fetched");
	is_text(take_fetch(rate, "fresh.test", "https://c.test/", "", later), "all",
		"until it is enough");
}

static void test_suffixes(void)
{
	const struct bimi_rate_limits limits = {10000, 1, 10000};
	struct bimi_rate *rate = bimi_rate_new(&limits, arena);

	is_text(take_fetch(rate, "a.co.uk", "https://h/", "", 0), "open", "a.co.uk");
	is_text(take_fetch(rate, "b.co.uk", "https://h/", "", 0), "open", "b.co.uk is another");
	is_text(take_fetch(rate, "x.y.b.co.uk", "https://h/", "", 0), "domain",
		"its names are not");
	is_text(take_fetch(rate, "test", "https://h/", "", 0), "open", "one label");
	is_text(take_fetch(rate, "test", "https://h/", "", 0), "domain", "again");
}

static void test_many(void)
{
	const struct bimi_rate_limits limits = {1000000, 1, 1000000};
	struct bimi_rate *rate = bimi_rate_new(&limits, arena);

	is_text(take_fetch(rate, "first.test", "", "", 0), "open", "the first");
	for (unsigned i = 0; i < 5000; i++)
		take_fetch(rate, arena_printf(arena, "name%u.test", i), "", "", 1);
	is_int(1, 1, "more domains than there is room for");
}

int main(void)
{
	arena = arena_new(0);
	test_limits();
	test_suffixes();
	test_many();
	arena_free(arena);
	return tap_done();
}
