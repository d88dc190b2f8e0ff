/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lease decides which process may build and send reports from a store that several hosts share: a
 * row with an expiry, on the store's clock. A process that lost its lease while it was asleep
 * notices before it changes anything: each change renews the lease in the same transaction, and the
 * term in the row tells a new holder from an old one.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/sql/sql.h"

struct lease {
	char holder[160]; /* host, process and random digits: unique */
	int64_t term;     /* 0: not held */
	int64_t seconds;
	int64_t renewed; /* clock_mono() */
};

/* 0: LEASE is held for SECONDS. 1: another process holds it, WHY says who. -1: failed. */
int lease_take(struct lease *lease, int64_t seconds, struct sql *sql, struct why *why);

/* In a transaction: renews the lease. -1: another process has taken over. */
int lease_hold(struct lease *lease, struct sql *sql, struct why *why);

/* The same in its own transaction, if a third of the time has passed. 0, -1. */
int lease_keep(struct lease *lease, struct sql *sql, struct why *why);

void lease_drop(struct lease *lease, struct sql *sql);

#endif
