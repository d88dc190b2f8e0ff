/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store that several hosts share: its tables, and how it is read. Hosts ship to it what they
 * count (store/ship/ship.h); reports are built and kept there (store/outbox.h) under a lease
 * (store/lease.h); signing keys are there, sealed (store/keys/vault.h).
 *
 * It has the tables of the ledger, so that reports are built in the same way from either; shared.c
 * explains its further columns and tables. Only SQL that PostgreSQL, Citus, YugabyteDB and
 * CockroachDB share: natural keys that begin with the policy domain, no sequences, no advisory
 * locks, no triggers, no foreign keys; text, bytea and bigint.
 */
#ifndef STORE_SQL_SHARED_H
#define STORE_SQL_SHARED_H

#include "store/sql/sql.h"

enum {
	SHARED_ID_LEN = 16,
	SHARED_ROUNDS_MAX = 1000, /* reports of one policy and day */
	SHARED_OWN = -1 /* policy.closed: its host sent the report before it joined the store */
};

enum shared_opening {
	SHARED_AS_IT_IS, /* an older schema is refused */
	SHARED_MIGRATE   /* it is upgraded, or created when there is none */
};

/* A connection to a store with this program's schema. NULL with the reason. */
struct sql *shared_open(const char *conninfo, enum shared_opening opening, bool read_only,
			struct why *why);

int shared_schema(void); /* the version this program uses */

/* The store's ID: no two stores have the same. */
int shared_id(struct sql *sql, unsigned char id[SHARED_ID_LEN], struct why *why);

/* SQL for the store's clock, in wall seconds: the hosts' clocks may differ. */
#define SHARED_NOW "CAST(extract(epoch FROM now()) AS bigint)"

/* Have all known hosts shipped everything up to the end of DAY, or have GRACE seconds passed since?
 * 1, 0 (WHO: the names of some that have not), -1. A host that has not been seen since two days
 * before DAY is not waited for. */
int shared_is_complete(struct sql *sql, int32_t day, int64_t grace, struct arena *arena,
		       const char **who, struct why *why);

struct shared_host {
	const char *name, *id;
	int64_t seen;                     /* wall seconds, of the store's clock */
	int32_t through;                  /* the last day that is complete; -1: none */
	int64_t sequence, rows, messages; /* of what it has shipped */
};
/* All hosts, ordered by name. Returns their number, or -1. */
int shared_hosts(struct sql *sql, struct arena *arena, struct shared_host **list, struct why *why);

/* The configuration for rows of CONFIG that come after its report was built, and for reports that a
 * host had built by itself (SALT: its id). */
void shared_derive(const unsigned char config[DRIVER_KEY_LEN], const void *salt, size_t len,
		   unsigned char derived[DRIVER_KEY_LEN]);

/* From now on no rows are added to this policy; later ones go to a derived one. */
int shared_close_policy(struct sql *sql, const struct ledger_key *key, struct why *why);

#endif
