/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may build and send reports from a store that several hosts share: one process at a time, by a
 * row with a time, on the store's clock. A process that lost its lease while it slept notices
 * before it changes anything: each change holds the lease in its own transaction, and the row's
 * term tells a new holder from the old one.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/sql/sql.h"

struct lease {
	char holder[160]; /* host, process, and what makes it one of a kind */
	int64_t term;     /* 0: not held */
	int64_t seconds;
	int64_t renewed; /* clock_mono() */
};

/* 0: LEASE is held for SECONDS. 1: another process holds it, WHY says who. -1: failed. */
int lease_take(struct lease *lease, int64_t seconds, struct sql *sql, struct why *why);

/* In a transaction: held for another while. -1: another process has taken over. */
int lease_hold(struct lease *lease, struct sql *sql, struct why *why);

/* The same in a transaction of its own, once a third of the time is over. 0, -1. */
int lease_keep(struct lease *lease, struct sql *sql, struct why *why);

void lease_drop(struct lease *lease, struct sql *sql);

#endif
