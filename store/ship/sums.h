/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many messages of each day each host has counted and shipped, and how many of them the shared
 * store has taken: its table host_day, which store/ship/balance.h reads. So any one host can say
 * what is missing, and whose it is.
 */
#ifndef STORE_SHIP_SUMS_H
#define STORE_SHIP_SUMS_H

#include "store/ship/spool.h"

/* In the transaction that applies the batch with that number: what the store has of this host. */
int ship_sums_add(const struct ship *ship, int64_t sequence, struct sql *sql, struct why *why);

/* Tells the store the host's own sums if an hour has passed, or a day is over: of the last days,
 * and once a day of all. To be called when everything is shipped; SETTLED is the last day whose
 * rows are all in the file. */
int ship_sums_tell(struct ship *ship, int32_t settled, struct why *why);

/* They are to be told again, all of them. */
void ship_sums_forget(struct ship *ship);

#endif
