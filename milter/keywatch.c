/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread that sleeps, and asks the process's resolver. The daemon cannot change the keys'
 * directory: who may sign is the administrator's to keep, and the log says what to type. That a
 * pending key's record was seen is noted in the ledger instead, under the key's number, so that a
 * restart while DNS is away costs no signature; another key with the same name is another number.
 *
 * It looks at the start, after a reload, every ten minutes, and soon after a message would have
 * been signed by a pending key, then only at the keys of that author. Keys that wait are asked for
 * at every other look; those that sign at the first look at a keyring and then once an hour, so
 * many of them that each has its turn within a day.
 *
 * Keys of the shared store are looked after by whichever host claims them (daemon/keys/copier.h);
 * here only those are looked at that a message has asked for.
 */
#include "milter/keywatch.h"

#include <string.h>

#include "keys/source.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "mail/domain.h"
#include "metrics/counters.h"
#include "policy/dkim/published.h"
#include "store/outbox.h"

enum {
	BATCH = 32,
	TURN_MIN = 256,
	TURNS_OF_A_DAY = 24,
	LOOKS_OF_AN_HOUR = 6,
	HINTS_MAX = 8,
	SOURCE_MAX = 64, /* keys of a source, at a look */
	DOMAIN_ROOM = 256
};
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
	const struct key_source *source; /* of the keys, or NULL */
	const struct signing_key **keys;
	unsigned count;
	unsigned signing;          /* number of keys that sign */
	unsigned from, turn;       /* of those, the first that is looked at, and how many */
	unsigned looked;           /* how many of them were */
	const struct hints *hints; /* only pending keys for these authors, or NULL */
	struct arena *arena;
	bool first; /* look at this keyring, or within an hour: keys that sign are looked at too */
	bool lost;  /* DNS answers nothing: the rest is left for another look */
	unsigned missing;             /* keys that sign, and whose record is absent or another */
	const char *example, *domain; /* of the first of them */
};

static bool is_hinted(const struct hints *hints, const char *domain)
{
	for (unsigned i = 0; hints != NULL && i < hints->count; i++)
		if (domain_within(hints->domains[i], domain))
			return true;
	return hints == NULL;
}

static void count_signing(void *arg, const struct signing_key *key, const char *path)
{
	struct round *round = arg;

	(void)path;
	round->turn += signing_key_signs(key);
}

static void pick_key(void *arg, const struct signing_key *key, const char *path)
{
	struct round *round = arg;

	(void)path;
	if (signing_key_signs(key)) {
		unsigned i = round->signing++;

		if (round->first && i >= round->from && i - round->from < round->turn)
			round->keys[round->count++] = key;
	} else if (signing_key_status(key).state == KEYSTATE_PENDING &&
		   is_hinted(round->hints, signing_key_domain(key))) {
		round->keys[round->count++] = key;
	}
}

/* The keys that wait, of DOMAIN and its parents. */
static void pick_from_source(struct round *round, const char *domain)
{
	for (; domain != NULL; domain = domain_parent(domain)) {
		struct signing_key *const *keys;
		int count =
		    round->source->find(round->source->arg, domain, round->arena, &keys, NULL);

		for (int i = 0; i < count && round->count < SOURCE_MAX; i++)
			if (signing_key_status(keys[i]).state == KEYSTATE_PENDING &&
			    !signing_key_signs(keys[i]))
				round->keys[round->count++] = keys[i];
	}
}

static void pick_hinted(struct round *round, const struct hints *hints)
{
	round->keys = arena_array(round->arena, SOURCE_MAX, sizeof *round->keys);
	for (unsigned i = 0; hints != NULL && i < hints->count; i++)
		pick_from_source(round, hints->domains[i]);
}

/* ---- what was seen, over restarts ---- */

/* Tokens of this name are nobody's address (report/envelope: a name with "@"). */
static const char *note_name(const struct signing_key *key, struct arena *arena)
{
	return arena_printf(arena, " key %016llx", (unsigned long long)signing_key_number(key));
}

static struct outbox *open_notes(const struct context *context, enum outbox_mode mode,
				 struct why *why)
{
	struct ledger_settings settings;
	bool busy;

	if (context->conf->store.url[0] == '\0' ||
	    context_store(context->conf, true, &settings, why) != 0)
		return NULL;
	return outbox_open(&settings, mode, &busy, why);
}

static int note_in_ledger(const struct signing_key *key, struct arena *arena, struct why *why)
{
	struct context *context = service_context(watch.service);
	struct outbox *outbox = open_notes(context, OUTBOX_CHANGE, why);
	const char *token;
	int result = why->text[0] == '\0' ? 0 : -1;

	if (outbox != NULL)
		result = outbox_token(outbox, note_name(key, arena), arena, &token, why);
	outbox_close(outbox);
	context_drop(context);
	return result;
}

/* Without a ledger, or if it cannot be written, the next restart looks again. */
static void note_seen(const struct round *round, const struct signing_key *key, struct arena *arena)
{
	struct why why = {""};
	int result = round->source == NULL
			 ? note_in_ledger(key, arena, &why)
			 : round->source->note_seen(round->source->arg, key, &why);

	if (result != 0)
		log_warning("key %s of %s: that its record was seen is not remembered: %s",
			    signing_key_selector(key), signing_key_domain(key), why.text);
}

struct recall {
	struct outbox *outbox;
	struct arena *arena;
	unsigned count;
};

static void recall_key(void *arg, const struct signing_key *key, const char *path)
{
	struct recall *recall = arg;

	(void)path;
	if (signing_key_status(key).state != KEYSTATE_PENDING || signing_key_signs(key) ||
	    outbox_has_token(recall->outbox, note_name(key, recall->arena), NULL) != 1)
		return;
	signing_key_wake(key);
	if (recall->count++ == 0)
		log_info("key %s of %s: the DNS has shown its record before, so it signs; to keep "
			 "that: countersign key activate %s %s",
			 signing_key_selector(key), signing_key_domain(key),
			 signing_key_domain(key), signing_key_selector(key));
}

/* Before mail comes. */
static void recall_seen(void)
{
	struct context *context = service_context(watch.service);
	struct recall recall = {.arena = arena_new(0)};

	if (context->outbound.keyring != NULL)
		recall.outbox = open_notes(context, OUTBOX_READ, NULL);
	if (recall.outbox != NULL)
		keyring_each(context->outbound.keyring, recall_key, &recall);
	if (recall.count > 1)
		log_info("%u pending keys sign, because the DNS has shown their records before",
			 recall.count);
	outbox_close(recall.outbox);
	arena_free(recall.arena);
	context_drop(context);
}

static void wake_key(const struct round *round, const struct signing_key *key, struct arena *arena)
{
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);

	signing_key_wake(key);
	log_info("key %s of %s: the DNS shows its record, so it signs; to keep that: countersign "
		 "key activate %s %s",
		 selector, domain, domain, selector);
	note_seen(round, key, arena);
}

static void judge_record(struct round *round, const struct signing_key *key,
			 const struct dns_answer *answer, struct arena *arena)
{
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);
	bool waits = !signing_key_signs(key);
	const char *detail;
	enum published published = published_judge(answer, key, arena, &detail);

	round->looked += !waits;
	if (published != PUBLISHED_UNKNOWN)
		signing_key_set_published(key, published == PUBLISHED_MATCHES);
	if (published == PUBLISHED_MATCHES && waits)
		wake_key(round, key, arena);
	if (published == PUBLISHED_MATCHES || published == PUBLISHED_UNKNOWN || !round->first)
		return;
	if (!waits && round->missing++ == 0) {
		round->domain = arena_printf(round->arena, " %s", domain);
		round->example = arena_printf(
		    round->arena, "key %s of %s signs, but its record in the DNS: %s%s%s", selector,
		    domain, published_text(published), detail == NULL ? "" : ", ",
		    detail == NULL ? "" : detail);
	} else if (waits && published != PUBLISHED_ABSENT) {
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
	round->lost = true;
	for (unsigned i = 0; i < count; i++) {
		const struct dns_answer *answer = dns_wait(lookups[i]);

		round->lost = round->lost && answer->status == DNS_TEMPFAIL;
		judge_record(round, round->keys[begin + i], answer, arena);
	}
	dns_scope_free(scope);
	arena_free(arena);
}

/* HINTS: only at what they are about, or NULL. With many keys that sign each look continues where
 * the last one ended. */
static void look_at_keys(bool first, const struct hints *hints)
{
	static unsigned from;
	struct context *context = service_context(watch.service);
	struct keyring *keyring = context->outbound.keyring; /* NULL: nothing is signed */
	struct arena *arena = arena_new(0);
	struct round round = {.first = first, .from = from, .hints = hints, .arena = arena};

	if (keyring != NULL)
		round.source = keyring_source(keyring);
	if (round.source != NULL) {
		pick_hinted(&round, hints);
	} else if (keyring != NULL) {
		round.keys = arena_array(arena, keyring_count(keyring), sizeof *round.keys);
		keyring_each(keyring, count_signing, &round);
		round.turn = round.turn / TURNS_OF_A_DAY + 1;
		if (round.turn < TURN_MIN)
			round.turn = TURN_MIN;
		keyring_each(keyring, pick_key, &round);
	}
	for (unsigned i = 0; i < round.count && !round.lost; i += BATCH)
		look_at_batch(&round, i, round.count - i < BATCH ? round.count - i : BATCH,
			      context->conf->dns.timeout);
	if (first)
		from = from + round.looked < round.signing ? from + round.looked : 0;
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
	recall_seen();
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
