/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MTA-STS policies of other domains in the ledger's file, so that they outlive a restart (RFC 8461
 * section 5.1: a policy that was obtained is honoured until it expires). With a shared store each
 * host also has those that the others fetched (store/ship/policies.h).
 */
#ifndef STORE_POLICIES_H
#define STORE_POLICIES_H

#include "store/sql/sql.h"

enum policies_state {
	POLICIES_OWN,    /* fetched here; the shared store does not have it yet, if there is one */
	POLICIES_SHARED, /* fetched here */
	POLICIES_TAKEN   /* another host's */
};

struct policies_row {
	const char *domain;
	const char *id;           /* of the record when it was fetched */
	const char *text;         /* as it was served */
	int64_t fetched, expires; /* wall seconds */
	int64_t used; /* when mail for the domain was last sent from here, to the day; or 0 */
	enum policies_state state;
};

int policies_put(struct sql *sql, const struct policies_row *row, struct why *why);
int policies_note_use(struct sql *sql, const char *domain, int64_t used, struct why *why);
int policies_expire(struct sql *sql, int64_t now, struct why *why); /* removes what has expired */

/* Each policy, in the order of domains; DOMAIN: only that one, or NULL. A value other than 0 of
 * VISIT ends the reading and is returned. Texts live during the call. */
typedef int policies_visit(void *arg, const struct policies_row *row);
int policies_each(struct sql *sql, const char *domain, policies_visit *visit, void *arg,
		  struct why *why);

#endif
