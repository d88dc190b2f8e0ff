/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scope asks of the resolver: an answer now, or a call when it arrives.
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include "dns/answer.h"
#include "dns/key.h"

struct question;

/* Part of a lookup while it waits for a question. */
struct waiter {
	struct waiter *next, **link; /* LINK is NULL when it waits for nothing */
	void (*arrived)(struct waiter *waiter, struct answer *answer); /* may take ANSWER */
};

const struct key_seed *resolver_seed(struct dns *dns);
struct answer *resolver_no_time(struct dns *dns);  /* for a lookup at its deadline; takes a ref */
void resolver_waits(struct dns *dns);              /* a thread is about to wait for an answer */
void resolver_scopes(struct dns *dns, int change); /* one more, one less */

/*
 * The answer (with a reference) when it is in the cache or when there is no asking; else NULL, and
 * WAITER->arrived is called once, in any thread. If a new question is needed it is put in *BEGIN:
 * the caller gives it to resolver_begin() as soon as it holds no lock.
 */
struct answer *resolver_ask(struct dns *dns, const struct key *key, int64_t now,
			    struct waiter *waiter, struct question **begin);
void resolver_begin(struct question *question);

/* True: WAITER->arrived has not been called and will not be. False: it has, or is about to be. */
bool resolver_forget(struct dns *dns, struct waiter *waiter);

enum resolver_count {
	COUNT_LOOKUPS,
	COUNT_HITS,
	COUNT_SHARED,
	COUNT_QUERIES,
	COUNT_FAILURES,
	COUNTS
};
void resolver_count(struct dns *dns, enum resolver_count what);

#endif
