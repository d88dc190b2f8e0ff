/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver: the cache, the questions under way and the back end.
 *
 * A question is one (name, type) that the back end is asked; whoever wants the same meanwhile joins
 * it as a waiter (single flight). Its answer goes into the cache first and to the waiters then.
 *
 * Locks, in the order in which they are taken: a scope's, the questions', a cache shard's. None is
 * held while the back end or a waiter is called.
 */
#include "dns/resolver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/backend.h"
#include "dns/cache.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum {
	QUESTIONS_MAX = 8192, /* under way at one time */
	BUCKETS = 4096,
	ENTRIES_DEFAULT = 65536,
	ENTRY_BYTES = 1024, /* the cache's bound in bytes: this for each entry */
	REASON_MAX = 256,
	TTL_DEFAULT = 86400,
	NEGATIVE_TTL_DEFAULT = 900
};

struct question {
	struct question *next; /* in its bucket */
	struct dns *dns;
	struct waiter *waiters;
	unsigned age; /* dns->age when it began */
	int64_t start;
	struct key key;
	char name[];
};

struct dns {
	struct backend *backend;
	struct cache *cache;
	struct answer *no_time, *unreachable;
	struct key_seed seed;
	uint32_t max_ttl;
	uint32_t max_negative_ttl;
	void (*on_wait)(void);
	void (*on_answer)(enum dns_type type, enum dns_status status, int64_t nanoseconds);
	atomic_int holders; /* beside the owner; scopes are among them */
	atomic_ullong counts[COUNTS];

	struct lock lock; /* for the rest, and the waiters' lists */
	unsigned age;     /* changes with each flush: older answers are not kept */
	unsigned under_way;
	struct question *buckets[BUCKETS];
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

/* For a lookup whose time is over. Not for the cache: the answer may still come. */
static struct answer *make_late_answer(const char *what, const char *servers)
{
	struct answer *answer;
	char reason[REASON_MAX];

	snprintf(reason, sizeof reason, "%s%s%s", what, servers == NULL ? "" : " from ",
		 servers == NULL ? "" : servers);
	answer = answer_failure(reason);
	answer->public.ttl = 0;
	return answer;
}

struct dns *resolver_new(const struct dns_settings *settings, struct backend *backend)
{
	static const struct dns_settings none;
	struct dns *dns = heap_zero(sizeof *dns);
	unsigned entries;

	if (settings == NULL)
		settings = &none;
	entries = or_default(settings->cache_entries, ENTRIES_DEFAULT);
	dns->backend = backend;
	dns->cache = cache_new(entries, (size_t)entries * ENTRY_BYTES);
	dns->no_time = make_late_answer("no answer in time", backend->servers);
	dns->unreachable = make_late_answer("unreachable: no answer", backend->servers);
	key_seed_init(&dns->seed);
	dns->on_wait = settings->on_wait;
	dns->on_answer = settings->on_answer;
	dns->max_ttl = or_default(settings->max_ttl, TTL_DEFAULT);
	dns->max_negative_ttl = or_default(settings->max_negative_ttl, NEGATIVE_TTL_DEFAULT);
	lock_init(&dns->lock);
	return dns;
}

void dns_free(struct dns *dns)
{
	if (dns == NULL)
		return;
	assert(atomic_load(&dns->holders) == 0);
	dns->backend->calls->free(dns->backend);
	assert(dns->under_way == 0);
	cache_free(dns->cache);
	answer_drop(dns->no_time);
	answer_drop(dns->unreachable);
	lock_done(&dns->lock);
	free(dns);
}

struct dns *dns_take(struct dns *dns)
{
	atomic_fetch_add(&dns->holders, 1);
	return dns;
}

void dns_drop(struct dns *dns)
{
	int before = atomic_fetch_sub(&dns->holders, 1);

	assert(before > 0);
	(void)before;
}

bool dns_is_idle(struct dns *dns)
{
	bool idle;

	lock_take(&dns->lock);
	idle = dns->under_way == 0;
	lock_drop(&dns->lock);
	return idle && atomic_load(&dns->holders) == 0;
}

struct backend *resolver_backend(struct dns *dns)
{
	return dns->backend;
}

const struct key_seed *resolver_seed(struct dns *dns)
{
	return &dns->seed;
}

const struct key *resolver_question(const struct question *question)
{
	return &question->key;
}

struct answer *resolver_no_time(struct dns *dns)
{
	return answer_take(atomic_load(&dns->backend->unreachable) ? dns->unreachable
								   : dns->no_time);
}

void resolver_waits(struct dns *dns)
{
	if (dns->on_wait != NULL)
		dns->on_wait();
}

void resolver_scopes(struct dns *dns, int change)
{
	atomic_fetch_add(&dns->holders, change);
}

void resolver_count(struct dns *dns, enum resolver_count what)
{
	atomic_fetch_add_explicit(&dns->counts[what], 1, memory_order_relaxed);
}

/* ---- questions under way; dns->lock is held ---- */

static bool can_join(const struct question *question, const struct key *key)
{
	return question->age == question->dns->age && key_same(&question->key, key);
}

static void join_question(struct question *question, struct waiter *waiter)
{
	waiter->next = question->waiters;
	waiter->link = &question->waiters;
	if (waiter->next != NULL)
		waiter->next->link = &waiter->next;
	question->waiters = waiter;
}

static void leave_question(struct waiter *waiter)
{
	assert(waiter->link != NULL && *waiter->link == waiter);
	*waiter->link = waiter->next;
	if (waiter->next != NULL)
		waiter->next->link = waiter->link;
	waiter->link = NULL;
}

static struct question *question_new(struct dns *dns, const struct key *key)
{
	struct question *question = heap_alloc(sizeof *question + key->length + 1);

	memcpy(question->name, key->name, key->length + 1);
	question->key = *key;
	question->key.name = question->name;
	question->dns = dns;
	question->waiters = NULL;
	question->age = dns->age;
	question->start = clock_mono();
	return question;
}

/* The answer may have come since the caller missed it in the cache: it goes there first, so one
 * more look with the lock held is enough to never ask twice. */
static struct answer *ask_locked(struct dns *dns, const struct key *key, int64_t now,
				 struct waiter *waiter, struct question **begin)
{
	struct question **bucket = &dns->buckets[key->hash % BUCKETS];
	struct question *question = *bucket;
	struct answer *answer;

	while (question != NULL && !can_join(question, key))
		question = question->next;
	if (question != NULL) {
		resolver_count(dns, COUNT_SHARED);
		join_question(question, waiter);
		return NULL;
	}
	answer = cache_get(dns->cache, key, now);
	if (answer != NULL) {
		resolver_count(dns, COUNT_HITS);
		return answer;
	}
	if (dns->under_way == QUESTIONS_MAX)
		return &answer_crowded;
	dns->under_way++;
	question = question_new(dns, key);
	question->next = *bucket;
	*bucket = question;
	join_question(question, waiter);
	*begin = question;
	return NULL;
}

/* ---- asking and answering ---- */

struct answer *resolver_ask(struct dns *dns, const struct key *key, int64_t now,
			    struct waiter *waiter, struct question **begin)
{
	struct answer *answer = cache_get(dns->cache, key, now);

	*begin = NULL;
	if (answer != NULL) {
		resolver_count(dns, COUNT_HITS);
		return answer;
	}
	lock_take(&dns->lock);
	answer = ask_locked(dns, key, now, waiter, begin);
	lock_drop(&dns->lock);
	return answer;
}

void resolver_begin(struct question *question)
{
	struct backend *backend = question->dns->backend;

	resolver_count(question->dns, COUNT_QUERIES);
	backend->calls->start(backend, question);
}

bool resolver_forget(struct dns *dns, struct waiter *waiter)
{
	bool waiting;

	lock_take(&dns->lock);
	waiting = waiter->link != NULL;
	if (waiting)
		leave_question(waiter);
	lock_drop(&dns->lock);
	return waiting;
}

static void limit_ttl(const struct dns *dns, struct answer *answer)
{
	uint32_t max = answer->public.status == DNS_DATA ? dns->max_ttl : dns->max_negative_ttl;

	if (atomic_load_explicit(&answer->references, memory_order_relaxed) != 0 &&
	    answer->public.ttl > max)
		answer->public.ttl = max;
}

/* Takes the question off the table; its waiters are the caller's, and no longer to be forgotten. */
static struct waiter *close_question(struct dns *dns, struct question *question,
				     struct answer *answer)
{
	struct question **link = &dns->buckets[question->key.hash % BUCKETS];

	lock_take(&dns->lock);
	if (question->age == dns->age)
		cache_put(dns->cache, &question->key, answer, clock_mono());
	while (*link != question)
		link = &(*link)->next;
	*link = question->next;
	dns->under_way--;
	for (struct waiter *waiter = question->waiters; waiter != NULL; waiter = waiter->next)
		waiter->link = NULL;
	lock_drop(&dns->lock);
	return question->waiters;
}

void resolver_answered(struct question *question, struct answer *answer)
{
	struct dns *dns = question->dns;
	struct waiter *waiter, *next;

	assert(answer != NULL);
	limit_ttl(dns, answer);
	if (dns->on_answer != NULL)
		dns->on_answer(question->key.type, answer->public.status,
			       clock_mono() - question->start);
	waiter = close_question(dns, question, answer);
	for (; waiter != NULL; waiter = next) {
		next = waiter->next;
		waiter->arrived(waiter, answer);
	}
	answer_drop(answer);
	free(question);
}

/* ---- the resolver as a whole ---- */

const char *dns_servers(const struct dns *dns)
{
	return dns->backend->servers;
}

bool dns_caps(const struct dns *dns)
{
	return dns->backend->caps;
}

void dns_flush(struct dns *dns)
{
	lock_take(&dns->lock);
	dns->age++;
	lock_drop(&dns->lock);
	cache_flush(dns->cache);
}

void dns_stats(struct dns *dns, struct dns_stats *stats)
{
	stats->lookups = atomic_load(&dns->counts[COUNT_LOOKUPS]);
	stats->hits = atomic_load(&dns->counts[COUNT_HITS]);
	stats->shared = atomic_load(&dns->counts[COUNT_SHARED]);
	stats->queries = atomic_load(&dns->counts[COUNT_QUERIES]);
	stats->failures = atomic_load(&dns->counts[COUNT_FAILURES]);
	stats->entries = cache_entries(dns->cache);
}
