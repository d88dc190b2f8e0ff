/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that the cache does not have: threads that look up DNS, have policies fetched, and keep
 * both. Nothing here waits longer than SOLVE_PATIENCE.
 */
#ifndef TLS_SOLVE_H
#define TLS_SOLVE_H

#include "lib/clock.h"
#include "store/ledger.h"
#include "tls/known.h"
#include "tls/fetcher.h"

#define SOLVE_PATIENCE (4 * CLOCK_SECOND)

struct solve_settings {
	struct level_settings level;
	struct arena *arena; /* that holds LEVEL, which threads use until the process ends */
	struct dns *dns;
	int fetcher;                          /* the socket to tls/fetcher.h */
	const struct ledger_settings *ledger; /* NULL: policies are only in memory */
	bool shared;                          /* the ledger also gets what other hosts fetch */
	/* called by any thread */
	void (*on_solved)(void *arg, const char *domain); /* the cache has the answer */
	void (*on_fetched)(enum fetch_outcome outcome, const char *domain, const char *reason);
	void (*on_level)(const struct level *level); /* what was decided */
	void (*on_trouble)(const char *reason);      /* of the ledger */
	void *arg;
};

struct solver;

/* Reads the policies of the ledger into CACHE and starts the threads. SETTINGS and CACHE live as
 * long as it; so do the threads until the process ends. */
struct solver *solver_new(const struct solve_settings *settings, struct known *cache);

/* Begins to solve DOMAIN, in the form of level_domain(); FRESH: whatever is held, its policy is
 * asked for. Nothing happens if it is being solved already. */
void solver_add(struct solver *solver, const char *domain, bool fresh);

#endif
