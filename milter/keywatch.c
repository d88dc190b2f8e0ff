/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread that sleeps, and asks the process's resolver. It writes no file: who may sign is the
 * administrator's to keep (the daemon cannot change the keys' directory). So a key that it woke
 * sleeps again after a restart until its record is seen again, and the log says what to type.
 *
 * It looks at the start, after a reload, every ten minutes, and soon after a message would have
 * been signed by a pending key, then only at the keys of that author. Pending keys are asked for at
 * every other look, active ones at the first look at a keyring and then once an hour, ACTIVE_MAX of
 * them at a time.
 */
#include "milter/keywatch.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "mail/domain.h"
#include "metrics/counters.h"
#include "policy/dkim/published.h"

enum { BATCH = 32, ACTIVE_MAX = 256, LOOKS_OF_AN_HOUR = 6, HINTS_MAX = 8, DOMAIN_ROOM = 256 };
static const int64_t INTERVAL = 600 * CLOCK_SECOND;
static const int64_t HINT_INTERVAL = 5 * CLOCK_SECOND;

/* Authors whose mail would have been signed by a pending key. */
struct hints {
	char domains[HINTS_MAX][DOMAIN_ROOM];
	unsigned count;
};

static struct {
	struct lock lock;
	struct cond cond;
	bool asked;
	struct hints hints;
	int64_t looked; /* when the last look began */
	struct service *service;
} watch;

/* What is to be looked up. */
struct round {
	const struct signing_key **keys;
	unsigned count, active;
	unsigned from;             /* the first of the active keys that are looked at */
	const struct hints *hints; /* only pending keys for these authors, or NULL */
	struct arena *arena;
	bool first; /* look at this keyring, or within an hour: active keys are looked at too */
	unsigned missing;             /* active keys whose record is absent or another */
	const char *example, *domain; /* of the first of them */
};

static bool is_hinted(const struct hints *hints, const char *domain)
{
	for (unsigned i = 0; hints != NULL && i < hints->count; i++)
		if (domain_within(hints->domains[i], domain))
			return true;
	return hints == NULL;
}

static void pick_key(void *arg, const struct signing_key *key, const char *path)
{
	struct round *round = arg;
	enum keystate state = signing_key_status(key).state;

	(void)path;
	if (state == KEYSTATE_PENDING && !signing_key_signs(key)) {
		if (is_hinted(round->hints, signing_key_domain(key)))
			round->keys[round->count++] = key;
	} else if (state == KEYSTATE_ACTIVE && round->first) {
		unsigned i = round->active++;

		if (i >= round->from && i - round->from < ACTIVE_MAX)
			round->keys[round->count++] = key;
	}
}

static void wake_key(const struct signing_key *key)
{
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);

	signing_key_wake(key);
	log_info("key %s of %s: the DNS shows its record, so it signs; to keep that: countersign "
		 "key activate %s %s",
		 selector, domain, domain, selector);
}

static void judge_record(struct round *round, const struct signing_key *key,
			 const struct dns_answer *answer, struct arena *arena)
{
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);
	bool pending = signing_key_status(key).state == KEYSTATE_PENDING;
	const char *detail;
	enum published published = published_judge(answer, key, arena, &detail);

	if (published != PUBLISHED_UNKNOWN)
		signing_key_set_published(key, published == PUBLISHED_MATCHES);
	if (published == PUBLISHED_MATCHES && pending)
		wake_key(key);
	if (published == PUBLISHED_MATCHES || published == PUBLISHED_UNKNOWN || !round->first)
		return;
	if (!pending && round->missing++ == 0) {
		round->domain = arena_printf(round->arena, " %s", domain);
		round->example = arena_printf(
		    round->arena, "key %s of %s signs, but its record in the DNS: %s%s%s", selector,
		    domain, published_text(published), detail == NULL ? "" : ", ",
		    detail == NULL ? "" : detail);
	} else if (pending && published != PUBLISHED_ABSENT) {
		log_warning("key %s of %s waits, and its record in the DNS: %s%s%s", selector,
			    domain, published_text(published), detail == NULL ? "" : ", ",
			    detail == NULL ? "" : detail);
	}
}

/* One line for all keys and all workers, once an hour. */
static void tell_missing(const struct round *round)
{
	const char *line = round->example, *mark;

	if (round->missing == 0)
		return;
	if (round->missing > 1)
		line = arena_printf(round->arena,
				    "%u keys sign that the DNS does not show; the first: %s",
				    round->missing, line);
	mark = arena_printf(round->arena, "%lld %s", (long long)(clock_wall() / 3600), line);
	if (counters_tell_first(COUNTERS_PUBLISHED, mark))
		log_warning("%s; see: countersign key check%s", line,
			    round->missing > 1 ? "" : round->domain);
}

static void look_at_batch(struct round *round, unsigned begin, unsigned count, int64_t timeout)
{
	struct dns *dns = service_dns(watch.service);
	struct dns_scope *scope = dns_scope_new(dns, count, timeout);
	struct dns_lookup *lookups[BATCH];
	struct arena *arena = arena_new(0);

	dns_drop(dns);
	dns_scope_deadline(scope, clock_mono() + timeout);
	for (unsigned i = 0; i < count; i++)
		lookups[i] = published_start(scope, round->keys[begin + i]);
	for (unsigned i = 0; i < count; i++)
		judge_record(round, round->keys[begin + i], dns_wait(lookups[i]), arena);
	dns_scope_free(scope);
	arena_free(arena);
}

/* HINTS: only at what they are about, or NULL. With many active keys each look continues where the
 * last one ended. */
static void look_at_keys(bool first, const struct hints *hints)
{
	static unsigned from;
	struct context *context = service_context(watch.service);
	struct keyring *keyring = context->outbound.keyring; /* NULL: nothing is signed */
	struct arena *arena = arena_new(0);
	struct round round = {.first = first, .from = from, .hints = hints, .arena = arena};

	if (keyring != NULL) {
		round.keys = arena_array(arena, keyring_count(keyring), sizeof *round.keys);
		keyring_each(keyring, pick_key, &round);
	}
	for (unsigned i = 0; i < round.count; i += BATCH)
		look_at_batch(&round, i, round.count - i < BATCH ? round.count - i : BATCH,
			      context->conf->dns.timeout);
	if (first)
		from = from + ACTIVE_MAX < round.active ? from + ACTIVE_MAX : 0;
	tell_missing(&round);
	arena_free(arena);
	context_drop(context);
}

enum wake { WAKE_TIME, WAKE_ASKED, WAKE_HINTS };

/* Until the time has come, somebody asked, or there are hints, which go to HINTS. */
static enum wake sleep_until(int64_t deadline, struct hints *hints)
{
	enum wake wake;

	lock_take(&watch.lock);
	while (!watch.asked && watch.hints.count == 0 &&
	       cond_wait_until(&watch.cond, &watch.lock, deadline))
		continue;
	wake = watch.asked ? WAKE_ASKED : watch.hints.count > 0 ? WAKE_HINTS : WAKE_TIME;
	*hints = watch.hints;
	watch.asked = false;
	watch.hints.count = 0;
	watch.looked = clock_mono();
	lock_drop(&watch.lock);
	return wake;
}

static void *watch_keys(void *arg)
{
	unsigned looks = 0;
	struct hints hints;
	enum wake wake;

	(void)arg;
	for (;;) {
		int64_t next = clock_mono() + INTERVAL;

		look_at_keys(looks % LOOKS_OF_AN_HOUR == 0, NULL);
		while ((wake = sleep_until(next, &hints)) == WAKE_HINTS)
			look_at_keys(false, &hints);
		looks = wake == WAKE_ASKED ? 0 : looks + 1;
	}
	return NULL;
}

int keywatch_start(struct service *service, struct why *why)
{
	pthread_t thread;

	watch.service = service;
	lock_init(&watch.lock);
	cond_init(&watch.cond);
	if (thread_start(&thread, watch_keys, NULL) != 0)
		return why_set(why, "cannot start the thread that watches the keys");
	pthread_detach(thread);
	return 0;
}

void keywatch_look(void)
{
	lock_take(&watch.lock);
	watch.asked = true;
	cond_wake_one(&watch.cond);
	lock_drop(&watch.lock);
}

void keywatch_hint(const char *author)
{
	struct hints *hints = &watch.hints;
	size_t size = strlen(author) + 1;

	lock_take(&watch.lock);
	if (clock_mono() - watch.looked > HINT_INTERVAL && hints->count < HINTS_MAX &&
	    size <= DOMAIN_ROOM) {
		memcpy(hints->domains[hints->count++], author, size);
		cond_wake_one(&watch.cond);
	}
	lock_drop(&watch.lock);
}
