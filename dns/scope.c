/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One unit of work: its lookups, their answers, the hooks that follow them, the waiting.
 *
 * A lookup is settled once: by the cache, by the answer to its question, or by the deadline. Then
 * its hooks join the scope's queue, and one thread at a time runs that queue: the one that settles,
 * unless another is at it already, which then goes on. So hooks never nest and never run two at a
 * time, however deep the chain is that they follow.
 *
 * A scope has one reference for its owner and one for each lookup that a question knows as its
 * waiter; dns_scope_free() takes back those that it can, and the last one frees the memory.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum { BUCKETS = 32, ARENA_CAP = 1 << 30 };

struct hook {
	struct hook *next;
	struct dns_lookup *lookup;
	dns_follow *follow;
	const void *arg;
};

struct hooks {
	struct hook *first, **last;
};

struct dns_lookup {
	struct dns_lookup *next; /* in the order of their start */
	struct dns_lookup *next_in_bucket;
	struct dns_scope *scope;
	struct waiter waiter;
	struct key key;
	struct answer *answer; /* NULL: under way */
	struct hooks hooks;    /* to run when it is there */
	unsigned waiting;      /* threads in dns_wait */
	bool asked;            /* a question knows it, or its answer is about to arrive */
	bool cached;
	int64_t start;
	int64_t end;
};

struct dns_scope {
	struct dns *dns;
	unsigned budget;
	int64_t max_wait;
	atomic_uint references;

	struct lock lock; /* for the rest */
	struct cond changed;
	struct arena *arena;
	bool has_deadline;
	bool closed;
	bool running; /* a thread runs the queue of hooks */
	struct hooks queue;
	int64_t deadline;
	unsigned started;
	struct dns_lookup *first, **last;
	struct dns_lookup *buckets[BUCKETS];
};

struct dns_scope *dns_scope_new(struct dns *dns, unsigned budget, int64_t max_wait)
{
	struct dns_scope *scope = heap_zero(sizeof *scope);

	assert(dns != NULL && max_wait >= 0);
	scope->dns = dns;
	scope->budget = budget;
	scope->max_wait = max_wait;
	atomic_init(&scope->references, 1);
	lock_init(&scope->lock);
	cond_init(&scope->changed);
	scope->arena = arena_new(ARENA_CAP);
	scope->queue.last = &scope->queue.first;
	scope->last = &scope->first;
	resolver_scopes(dns, 1);
	return scope;
}

static void drop_scope(struct dns_scope *scope)
{
	if (atomic_fetch_sub(&scope->references, 1) != 1)
		return;
	for (struct dns_lookup *lookup = scope->first; lookup != NULL; lookup = lookup->next)
		answer_drop(lookup->answer);
	arena_free(scope->arena);
	cond_done(&scope->changed);
	lock_done(&scope->lock);
	free(scope);
}

void dns_scope_free(struct dns_scope *scope)
{
	if (scope == NULL)
		return;
	lock_take(&scope->lock);
	scope->closed = true;
	while (scope->running)
		cond_wait(&scope->changed, &scope->lock);
	for (struct dns_lookup *lookup = scope->first; lookup != NULL; lookup = lookup->next) {
		if (lookup->asked && resolver_forget(scope->dns, &lookup->waiter))
			drop_scope(scope);
	}
	lock_drop(&scope->lock);
	resolver_scopes(scope->dns, -1);
	drop_scope(scope);
}

void dns_scope_deadline(struct dns_scope *scope, int64_t deadline)
{
	lock_take(&scope->lock);
	scope->has_deadline = true;
	scope->deadline = deadline;
	cond_wake_all(&scope->changed);
	lock_drop(&scope->lock);
}

/* ---- settling and following; the scope's lock is held ---- */

static void queue_hook(struct hooks *hooks, struct hook *hook)
{
	hook->next = NULL;
	*hooks->last = hook;
	hooks->last = &hook->next;
}

/* Takes the reference to ANSWER. */
static void settle_lookup(struct dns_lookup *lookup, struct answer *answer, int64_t end)
{
	struct dns_scope *scope = lookup->scope;
	struct hook *next;

	assert(lookup->answer == NULL);
	lookup->answer = answer;
	lookup->end = end;
	if (answer->public.status == DNS_TEMPFAIL)
		resolver_count(scope->dns, COUNT_FAILURES);
	for (struct hook *hook = lookup->hooks.first; hook != NULL; hook = next) {
		next = hook->next;
		queue_hook(&scope->queue, hook);
	}
	if (lookup->waiting > 0)
		cond_wake_all(&scope->changed);
}

/* Gives the lock up while a hook runs. */
static void run_hooks(struct dns_scope *scope)
{
	if (scope->running)
		return;
	scope->running = true;
	while (scope->queue.first != NULL && !scope->closed) {
		struct hook *hook = scope->queue.first;

		scope->queue.first = hook->next;
		if (hook->next == NULL)
			scope->queue.last = &scope->queue.first;
		lock_drop(&scope->lock);
		hook->follow(scope, hook->lookup, hook->arg);
		lock_take(&scope->lock);
	}
	scope->running = false;
	if (scope->closed)
		cond_wake_all(&scope->changed);
}

static struct dns_lookup *lookup_of(struct waiter *waiter)
{
	return (struct dns_lookup *)((char *)waiter - offsetof(struct dns_lookup, waiter));
}

/* The answer to the lookup's question, in the thread of the back end. */
static void take_answer(struct waiter *waiter, struct answer *answer)
{
	struct dns_lookup *lookup = lookup_of(waiter);
	struct dns_scope *scope = lookup->scope;

	lock_take(&scope->lock);
	lookup->asked = false;
	if (lookup->answer == NULL && !scope->closed) {
		settle_lookup(lookup, answer_take(answer), clock_mono());
		run_hooks(scope);
	}
	lock_drop(&scope->lock);
	drop_scope(scope);
}

/* ---- starting; the scope's lock is held ---- */

static struct dns_lookup *find_lookup(struct dns_scope *scope, const struct key *key)
{
	struct dns_lookup *lookup = scope->buckets[key->hash % BUCKETS];

	while (lookup != NULL && !key_same(&lookup->key, key))
		lookup = lookup->next_in_bucket;
	return lookup;
}

static struct dns_lookup *add_lookup(struct dns_scope *scope, const struct key *key)
{
	struct dns_lookup *lookup = arena_make(scope->arena, struct dns_lookup);

	lookup->scope = scope;
	lookup->key = *key;
	lookup->key.name = arena_copy(scope->arena, key->name, key->length);
	lookup->hooks.last = &lookup->hooks.first;
	lookup->start = clock_mono();
	lookup->next_in_bucket = scope->buckets[key->hash % BUCKETS];
	scope->buckets[key->hash % BUCKETS] = lookup;
	*scope->last = lookup;
	scope->last = &lookup->next;
	resolver_count(scope->dns, COUNT_LOOKUPS);
	return lookup;
}

static void settle_new(struct dns_lookup *lookup, struct question **begin)
{
	struct dns_scope *scope = lookup->scope;
	struct answer *answer = &answer_no_budget;

	if (scope->started < scope->budget) {
		scope->started++;
		lookup->waiter.arrived = take_answer;
		atomic_fetch_add(&scope->references, 1);
		answer =
		    resolver_ask(scope->dns, &lookup->key, lookup->start, &lookup->waiter, begin);
		lookup->asked = answer == NULL;
		if (lookup->asked)
			return;
		atomic_fetch_sub(&scope->references, 1);
		lookup->cached = answer != &answer_crowded;
	}
	settle_lookup(lookup, answer, lookup->start);
}

/* A name that DNS cannot carry, cut to the length of one that it can, for the explanation. */
static void impossible_key(struct key *key, const char *name, enum dns_type type,
			   char copy[DNS_NAME_MAX + 1])
{
	memset(key, 0, sizeof *key);
	key->name = copy;
	key->length = strnlen(name, DNS_NAME_MAX);
	key->type = type;
	for (size_t i = 0; i < key->length; i++)
		copy[i] = (char)char_lower((unsigned char)name[i]);
}

static void follow_later(struct dns_lookup *lookup, dns_follow *follow, const void *arg)
{
	struct hook *hook = arena_make(lookup->scope->arena, struct hook);

	hook->lookup = lookup;
	hook->follow = follow;
	hook->arg = arg;
	queue_hook(lookup->answer != NULL ? &lookup->scope->queue : &lookup->hooks, hook);
}

/* ---- what a scope's owner calls ---- */

struct dns_lookup *dns_start_follow(struct dns_scope *scope, const char *name, enum dns_type type,
				    dns_follow *follow, const void *arg)
{
	char copy[DNS_NAME_MAX + 1];
	struct question *begin = NULL;
	struct dns_lookup *lookup;
	struct key key;
	bool possible = key_init(&key, resolver_seed(scope->dns), name, type, copy);

	if (!possible)
		impossible_key(&key, name, type, copy);
	lock_take(&scope->lock);
	lookup = find_lookup(scope, &key);
	if (lookup == NULL) {
		lookup = add_lookup(scope, &key);
		if (possible)
			settle_new(lookup, &begin);
		else
			settle_lookup(lookup, &answer_impossible, lookup->start);
	}
	if (follow != NULL) {
		follow_later(lookup, follow, arg);
		run_hooks(scope);
	}
	lock_drop(&scope->lock);
	if (begin != NULL)
		resolver_begin(begin);
	return lookup;
}

struct dns_lookup *dns_start(struct dns_scope *scope, const char *name, enum dns_type type)
{
	return dns_start_follow(scope, name, type, NULL, NULL);
}

static void wait_for(struct dns_lookup *lookup)
{
	struct dns_scope *scope = lookup->scope;
	int64_t begun = clock_mono();
	bool in_time = true;

	resolver_waits(scope->dns);
	lookup->waiting++;
	while (lookup->answer == NULL && in_time) {
		in_time = cond_wait_until(&scope->changed, &scope->lock,
					  scope->has_deadline ? scope->deadline
							      : begun + scope->max_wait);
	}
	lookup->waiting--;
	if (lookup->answer == NULL) {
		settle_lookup(lookup, resolver_no_time(scope->dns), clock_mono());
		run_hooks(scope);
	}
}

const struct dns_answer *dns_wait(struct dns_lookup *lookup)
{
	struct dns_scope *scope = lookup->scope;
	const struct dns_answer *answer;

	lock_take(&scope->lock);
	if (lookup->answer == NULL)
		wait_for(lookup);
	answer = &lookup->answer->public;
	lock_drop(&scope->lock);
	return answer;
}

const struct dns_answer *dns_lookup_answer(struct dns_lookup *lookup)
{
	struct dns_scope *scope = lookup->scope;
	const struct dns_answer *answer;

	lock_take(&scope->lock);
	answer = lookup->answer != NULL ? &lookup->answer->public : NULL;
	lock_drop(&scope->lock);
	return answer;
}

const char *dns_lookup_name(const struct dns_lookup *lookup)
{
	return lookup->key.name;
}

/* ---- for the explanation ---- */

void dns_scope_each(struct dns_scope *scope, dns_visit *visit, void *arg)
{
	lock_take(&scope->lock);
	for (struct dns_lookup *lookup = scope->first; lookup != NULL; lookup = lookup->next) {
		const struct dns_answer *answer =
		    lookup->answer != NULL ? &lookup->answer->public : NULL;
		int64_t end = lookup->end;

		lock_drop(&scope->lock);
		visit(arg, lookup->key.name, lookup->key.type, answer, lookup->cached,
		      lookup->start, end);
		lock_take(&scope->lock);
	}
	lock_drop(&scope->lock);
}

unsigned dns_scope_lookups(struct dns_scope *scope)
{
	unsigned started;

	lock_take(&scope->lock);
	started = scope->started;
	lock_drop(&scope->lock);
	return started;
}
