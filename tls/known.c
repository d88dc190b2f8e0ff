/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash table under one lock, and beside it a small one in memory that the next process has, too.
 * A policy is kept as its text, which is small, and read again when
 * the answer is made again; the answers that most domains have are shared texts.
 */
#include "tls/known.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum {
	BUCKETS = 65536,
	DAY = 86400,
	TAKEN_DELAY = 3600, /* of renewing what another host has fetched and should renew */
	IN_USE = 14 * DAY,  /* after the last mail */
	FIRST_PAUSE = 300,  /* after a failure, RFC 8461 section 3.3; then doubled */
	LONGEST_PAUSE = 6 * 3600,
	OTHER_ID_PAUSE = 30, /* with another id, which a stranger may change as he likes */
	AGE_MIN = 60         /* a policy that ends at once would be fetched for each mail */
};

static const int64_t aging = 5 * CLOCK_SECOND;

struct policy {
	int64_t fetched, renew, expires;
	char *text;
	char id[STS_ID_MAX + 1];
};

struct failure {
	int64_t at;
	unsigned count; /* in a row */
	char id[STS_ID_MAX + 1];
	char reason[160];
};

struct entry {
	struct entry *next;
	struct policy *policy;   /* or NULL */
	struct failure *failure; /* of the last fetch, or NULL */
	char *answers[ANSWER_MAPS];
	int64_t until, used;
	enum level_kind kind;
	bool fetching;
	char domain[];
};

/* One process writes at a time. VERSION is odd while it does; if it dies then, it stays odd until
 * the next answer is put there. */
struct shared {
	atomic_uint version;
	uint8_t kind;
	int64_t until;
	char domain[120];
	char answers[ANSWER_MAPS][400];
};

enum { SHARED_COUNT = KNOWN_SHARED_BYTES / sizeof(struct shared) };

struct known {
	struct lock lock;      /* for all of it */
	struct shared *shared; /* or NULL */
	struct cond fetched;
	struct entry *buckets[BUCKETS];
	uint64_t entries, policies;
	uint64_t overdue; /* as in struct known_stats */
	int64_t oldest;
	unsigned sweep; /* the bucket in which room is looked for next */
};

struct known *known_new(void *shared)
{
	struct known *cache = heap_zero(sizeof *cache);

	cache->shared = shared;
	lock_init(&cache->lock);
	cond_init(&cache->fetched);
	return cache;
}

/* ---- entries; the lock is held ---- */

static unsigned bucket_of(struct span domain)
{
	uint32_t hash = 2166136261u;

	for (; domain.p < domain.end; domain.p++)
		hash = (hash ^ (unsigned char)*domain.p) * 16777619u;
	return hash % BUCKETS;
}

static struct entry *find_entry(const struct known *cache, struct span domain)
{
	struct entry *entry = cache->buckets[bucket_of(domain)];

	while (entry != NULL && !span_eq(domain, entry->domain))
		entry = entry->next;
	return entry;
}

static bool is_common(const char *answer)
{
	return answer == NULL || strncmp(answer, "NOTFOUND ", 9) == 0 ||
	       strcmp(answer, "OK dane-only") == 0 || strcmp(answer, "OK dane") == 0;
}

/* Common answers are shared texts, so that only others are freed. */
static char *keep_answer(const char *answer)
{
	static char nothing[] = "NOTFOUND ", only[] = "OK dane-only", dane[] = "OK dane";
	char *copy;

	if (is_common(answer))
		return answer[0] == 'N' ? nothing : strcmp(answer, only) == 0 ? only : dane;
	copy = heap_strdup(answer);
	return copy;
}

static void drop_answers(struct entry *entry)
{
	for (unsigned i = 0; i < ANSWER_MAPS; i++) {
		/* one text for several maps is freed with the first, and not looked at after that
		 */
		if (i > 0 && entry->answers[i] == entry->answers[0])
			continue;
		if (!is_common(entry->answers[i]))
			free(entry->answers[i]);
	}
	memset(entry->answers, 0, sizeof entry->answers);
	entry->until = 0;
}

static void drop_policy(struct known *cache, struct entry *entry)
{
	if (entry->policy == NULL)
		return;
	free(entry->policy->text);
	free(entry->policy);
	entry->policy = NULL;
	cache->policies--;
}

static void free_entry(struct known *cache, struct entry *entry)
{
	drop_answers(entry);
	drop_policy(cache, entry);
	free(entry->failure);
	free(entry);
	cache->entries--;
}

static bool is_needed(const struct entry *entry)
{
	return entry->policy != NULL || entry->fetching;
}

/* Drops entries without a policy, from some bucket on, until one is gone. */
static void make_room(struct known *cache)
{
	for (unsigned tries = 0; tries < BUCKETS && cache->entries >= KNOWN_ENTRIES_MAX; tries++) {
		struct entry **link = &cache->buckets[cache->sweep++ % BUCKETS];

		while (*link != NULL) {
			struct entry *entry = *link;

			if (is_needed(entry)) {
				link = &entry->next;
				continue;
			}
			*link = entry->next;
			free_entry(cache, entry);
		}
	}
}

static struct entry *make_entry(struct known *cache, const char *domain)
{
	struct entry *entry = find_entry(cache, span_of(domain)), **bucket;
	size_t length = strlen(domain);

	if (entry != NULL)
		return entry;
	make_room(cache);
	entry = heap_zero(sizeof *entry + length + 1);
	memcpy(entry->domain, domain, length + 1);
	bucket = &cache->buckets[bucket_of(span_of(domain))];
	entry->next = *bucket;
	*bucket = entry;
	cache->entries++;
	return entry;
}

/* ---- answers that outlive the process; the lock is held ---- */

static struct shared *shared_slot(const struct known *cache, struct span domain)
{
	return cache->shared == NULL ? NULL : &cache->shared[bucket_of(domain) % SHARED_COUNT];
}

static void put_shared(const struct known *cache, const char *domain, enum level_kind kind,
		       const char *const answers[ANSWER_MAPS], int64_t until)
{
	struct shared *slot = shared_slot(cache, span_of(domain));
	unsigned version;

	if (slot == NULL || strlen(domain) >= sizeof slot->domain)
		return;
	version = atomic_load(&slot->version) | 1;
	atomic_store(&slot->version, version);
	atomic_thread_fence(memory_order_seq_cst);
	snprintf(slot->domain, sizeof slot->domain, "%s", domain);
	slot->kind = (uint8_t)kind;
	slot->until = until;
	for (unsigned i = 0; i < ANSWER_MAPS; i++) {
		if (strlen(answers[i]) >= sizeof slot->answers[i])
			slot->until = 0;
		snprintf(slot->answers[i], sizeof slot->answers[i], "%s", answers[i]);
	}
	atomic_store(&slot->version, version + 1);
}

static void drop_shared(const struct known *cache, const char *domain)
{
	struct shared *slot = shared_slot(cache, span_of(domain));

	if (slot != NULL && strcmp(slot->domain, domain) == 0)
		slot->until = 0;
}

static bool answer_shared(const struct known *cache, struct span domain, enum answer_map map,
			  struct buf *out, enum level_kind *kind)
{
	const struct shared *slot = shared_slot(cache, domain);

	if (slot == NULL || atomic_load(&slot->version) % 2 != 0 ||
	    !span_eq(domain, slot->domain) || clock_mono() >= slot->until)
		return false;
	buf_string(out, slot->answers[map]);
	*kind = (enum level_kind)slot->kind;
	return true;
}

/* ---- answers ---- */

bool known_answer(struct known *cache, struct span domain, enum answer_map map, struct buf *out,
		  enum level_kind *kind, bool *ages)
{
	const struct entry *entry;
	bool found;

	lock_take(&cache->lock);
	entry = find_entry(cache, domain);
	found = entry != NULL && entry->answers[map] != NULL && clock_mono() < entry->until;
	if (found) {
		buf_string(out, entry->answers[map]);
		*kind = entry->kind;
		*ages = entry->until - clock_mono() < aging;
	} else {
		found = *ages = answer_shared(cache, domain, map, out, kind);
	}
	lock_drop(&cache->lock);
	return found;
}

void known_keep_answers(struct known *cache, const char *domain, enum level_kind kind,
			const char *const answers[ANSWER_MAPS], int64_t until)
{
	struct entry *entry;

	lock_take(&cache->lock);
	entry = make_entry(cache, domain);
	drop_answers(entry);
	for (unsigned i = 0; i < ANSWER_MAPS; i++)
		entry->answers[i] = i > 0 && strcmp(answers[i], answers[0]) == 0
					? entry->answers[0]
					: keep_answer(answers[i]);
	entry->kind = kind;
	entry->until = until;
	put_shared(cache, domain, kind, answers, until);
	lock_drop(&cache->lock);
}

void known_forget_answers(struct known *cache, const char *domain)
{
	struct entry *entry;

	lock_take(&cache->lock);
	entry = find_entry(cache, span_of(domain));
	if (entry != NULL)
		drop_answers(entry);
	drop_shared(cache, domain);
	lock_drop(&cache->lock);
}

/* ---- policies ---- */

void known_put_policy(struct known *cache, const struct policies_row *row)
{
	struct policy *policy = heap_zero(sizeof *policy);
	struct entry *entry;

	assert(strlen(row->id) <= STS_ID_MAX);
	policy->text = heap_strdup(row->text);
	memcpy(policy->id, row->id, strlen(row->id) + 1);
	policy->fetched = row->fetched;
	policy->renew = row->fetched + DAY + (row->state == POLICIES_TAKEN ? TAKEN_DELAY : 0);
	policy->expires = row->expires;
	if (policy->expires < policy->fetched + AGE_MIN)
		policy->expires = policy->fetched + AGE_MIN;
	lock_take(&cache->lock);
	entry = make_entry(cache, row->domain);
	drop_policy(cache, entry);
	entry->policy = policy;
	if (row->used > entry->used)
		entry->used = row->used;
	cache->policies++;
	lock_drop(&cache->lock);
}

void known_held(struct known *cache, struct arena *arena, const char *domain, int64_t now,
		struct sts_held *held)
{
	const struct entry *entry;
	struct why why;

	memset(held, 0, sizeof *held);
	lock_take(&cache->lock);
	entry = find_entry(cache, span_of(domain));
	if (entry != NULL && entry->policy != NULL && entry->policy->expires > now) {
		held->text = arena_string(arena, entry->policy->text);
		held->id = arena_string(arena, entry->policy->id);
		held->fetched = entry->policy->fetched;
		held->renew = entry->policy->renew;
		held->expires = entry->policy->expires;
	}
	lock_drop(&cache->lock);
	held->present = held->text != NULL &&
			sts_policy_parse(arena, span_of(held->text), &held->policy, &why) == 0;
}

bool known_note_use(struct known *cache, const char *domain, int64_t now)
{
	struct entry *entry;
	bool first = false;

	lock_take(&cache->lock);
	entry = find_entry(cache, span_of(domain));
	if (entry != NULL) {
		first = clock_day(entry->used) != clock_day(now);
		entry->used = now;
	}
	lock_drop(&cache->lock);
	return first;
}

static bool is_due(const struct entry *entry, int64_t now)
{
	return entry->policy != NULL && !entry->fetching && entry->used + IN_USE > now &&
	       entry->policy->renew <= now;
}

static void note_age(struct known *cache, const struct entry *entry, int64_t now)
{
	const struct policy *policy = entry->policy;

	if (policy == NULL || entry->used + IN_USE <= now)
		return;
	cache->overdue += policy->renew + DAY <= now;
	if (cache->oldest == 0 || policy->fetched < cache->oldest)
		cache->oldest = policy->fetched;
}

unsigned known_list_due(struct known *cache, struct arena *arena, int64_t now, const char **domains,
			unsigned max)
{
	unsigned count = 0;

	lock_take(&cache->lock);
	cache->overdue = 0;
	cache->oldest = 0;
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct entry *entry = cache->buckets[i]; entry != NULL; entry = entry->next) {
			if (entry->policy != NULL && entry->policy->expires <= now)
				drop_policy(cache, entry);
			note_age(cache, entry, now);
			if (count < max && is_due(entry, now))
				domains[count++] = arena_string(arena, entry->domain);
		}
	}
	lock_drop(&cache->lock);
	return count;
}

/* ---- fetches ---- */

/* Wall seconds from which on ID may be asked for again. */
static int64_t pause_end(const struct failure *failure, const char *id)
{
	int64_t pause = FIRST_PAUSE;

	if (strcmp(failure->id, id) != 0)
		return failure->at + OTHER_ID_PAUSE;
	for (unsigned i = 1; i < failure->count && pause < LONGEST_PAUSE; i++)
		pause *= 2;
	return failure->at + (pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE);
}

enum known_fetch known_begin_fetch(struct known *cache, const char *domain, const char *id,
				   int64_t now, struct why *why)
{
	enum known_fetch result = KNOWN_FETCH_BEGINS;
	struct entry *entry;

	lock_take(&cache->lock);
	entry = make_entry(cache, domain);
	if (entry->fetching) {
		result = KNOWN_FETCH_RUNS;
	} else if (entry->failure != NULL && now < pause_end(entry->failure, id)) {
		result = KNOWN_FETCH_WAITS;
		why_set(why, "%s", entry->failure->reason);
	} else {
		entry->fetching = true;
	}
	lock_drop(&cache->lock);
	return result;
}

static void note_failure(struct entry *entry, const char *id, const char *reason, int64_t now)
{
	struct failure *failure = entry->failure;

	if (failure == NULL)
		failure = entry->failure = heap_zero(sizeof *failure);
	if (strcmp(failure->id, id) != 0)
		failure->count = 0;
	failure->count++;
	failure->at = now;
	snprintf(failure->id, sizeof failure->id, "%s", id);
	snprintf(failure->reason, sizeof failure->reason, "%.*s", (int)sizeof failure->reason - 1,
		 reason);
}

void known_end_fetch(struct known *cache, const char *domain, const char *id,
		     enum fetch_outcome outcome, const struct why *why, int64_t now)
{
	struct entry *entry;

	lock_take(&cache->lock);
	entry = find_entry(cache, span_of(domain));
	if (entry != NULL) {
		entry->fetching = false;
		if (outcome != FETCH_DONE) {
			note_failure(entry, id, why->text, now);
		} else {
			free(entry->failure);
			entry->failure = NULL;
		}
	}
	cond_wake_all(&cache->fetched);
	lock_drop(&cache->lock);
}

void known_wait_fetch(struct known *cache, const char *domain, int64_t deadline, struct why *why)
{
	struct entry *entry;

	why_set(why, "%s", "");
	lock_take(&cache->lock);
	entry = find_entry(cache, span_of(domain));
	while (entry != NULL && entry->fetching) {
		if (!cond_wait_until(&cache->fetched, &cache->lock, deadline))
			break;
		entry = find_entry(cache, span_of(domain));
	}
	if (entry != NULL && entry->fetching)
		why_set(why, "the web server has not answered yet");
	else if (entry != NULL && entry->failure != NULL)
		why_set(why, "%s", entry->failure->reason);
	lock_drop(&cache->lock);
}

void known_stats(struct known *cache, struct known_stats *stats)
{
	lock_take(&cache->lock);
	stats->entries = cache->entries;
	stats->policies = cache->policies;
	stats->overdue = cache->overdue;
	stats->oldest = cache->oldest;
	lock_drop(&cache->lock);
}
