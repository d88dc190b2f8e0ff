/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store that several hosts share: its tables, and how it is read. What a host counts comes into
 * it by store/ship/ship.h; reports are built and kept there (store/outbox.h) under a lease
 * (store/lease.h).
 *
 * Tables are those of the ledger, so that reports do not care where they are made; more columns and
 * tables are explained in shared.c. Only SQL that PostgreSQL, Citus, YugabyteDB and CockroachDB
 * share: natural keys that begin with the policy domain, no sequences, no advisory locks, no
 * triggers, no foreign keys; text, bytea and bigint.
 */
#ifndef STORE_SQL_SHARED_H
#define STORE_SQL_SHARED_H

#include "store/sql/sql.h"

enum {
	SHARED_ID_LEN = 16,
	SHARED_OWN = -1 /* policy.closed: its report was made by its host, before it came here */
};

enum shared_opening {
	SHARED_AS_IT_IS, /* an older schema is refused */
	SHARED_MIGRATE   /* and made when there is none */
};

/* A connection whose schema is this program's. NULL with the reason. */
struct sql *shared_open(const char *conninfo, enum shared_opening opening, bool read_only,
			struct why *why);

int shared_schema(void); /* the one this program makes */

/* Which store this is: another one has another ID. */
int shared_id(struct sql *sql, unsigned char id[SHARED_ID_LEN], struct why *why);

/* DB's clock, wall seconds, as SQL: hosts need not agree on the time. */
#define SHARED_NOW "CAST(extract(epoch FROM now()) AS bigint)"

/* Whether all hosts that we know have brought everything up to the end of DAY, or GRACE seconds
 * have passed since: 1, 0 (WHO: names of some that have not), -1. A host that was not heard of
 * since two days before is not waited for. */
int shared_is_complete(struct sql *sql, int32_t day, int64_t grace, struct arena *arena,
		       const char **who, struct why *why);

struct shared_host {
	const char *name, *id;
	int64_t seen;                     /* wall seconds, of the store's clock */
	int32_t through;                  /* the last day of which all is there; -1: none */
	int64_t sequence, rows, messages; /* of what came from it */
};
/* By name; their number, or -1. */
int shared_hosts(struct sql *sql, struct arena *arena, struct shared_host **list, struct why *why);

/* The configuration under which the rest of CONFIG goes when a report of it was built already, and
 * that under which a host's own earlier reports go (SALT: its id). */
void shared_derive(const unsigned char config[DRIVER_KEY_LEN], const void *salt, size_t len,
		   unsigned char derived[DRIVER_KEY_LEN]);

/* From now on nothing comes to this policy any more: what does, goes to a derived one. */
int shared_close_policy(struct sql *sql, const char *domain, int32_t day, const char *config,
			struct why *why);

#endif
