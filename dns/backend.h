/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where answers come from when the cache has none. A back end is a struct that begins with this
 * one; the resolver owns it.
 */
#ifndef DNS_BACKEND_H
#define DNS_BACKEND_H

#include "dns/answer.h"
#include "dns/key.h"

struct question;
struct backend;

struct backend_calls {
	/* Begins to ask, from any thread, without waiting; resolver_answered() follows exactly
	 * once, in any thread, from inside start too. */
	void (*start)(struct backend *backend, struct question *question);
	/* Answers every question still open with a failure, then frees everything. */
	void (*free)(struct backend *backend);
};

struct backend {
	const struct backend_calls *calls;
	const char *servers;     /* whom it asks, for a person; or NULL */
	bool caps;               /* whether in random case */
	atomic_bool unreachable; /* none of the servers answers at present */
};

/* SETTINGS may be NULL. The resolver takes BACKEND. */
struct dns *resolver_new(const struct dns_settings *settings, struct backend *backend);
struct backend *resolver_backend(struct dns *dns);

const struct key *resolver_question(const struct question *question);

/* QUESTION ends here. Takes the reference to ANSWER. The back end must hold no lock. */
void resolver_answered(struct question *question, struct answer *answer);

#endif
