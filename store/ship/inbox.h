/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received reports, the outbound tally and the operator's decisions on their way to the shared
 * store.
 *
 * None needs a number to count once. A report is known by its content: the store takes it with its
 * rows and the sums of its days in one transaction, or has it already, from an earlier try or from
 * another host. Of the tally the store has rows of each host, and takes the whole count. A decision
 * moves there.
 */
#ifndef STORE_SHIP_INBOX_H
#define STORE_SHIP_INBOX_H

#include "store/ship/spool.h"

/* Ships some of what waits. 1: there is more; 0: nothing waits; -1 with WHY. */
int ship_inbox(struct ship *ship, struct why *why);

/* The store is another one, or has gone back: all is offered to it again. */
int ship_inbox_again(struct sql *local, struct why *why);

/* Deletes the reports in the store that were received before BEFORE (wall seconds), and the tally
 * of days before BEFORE_DAY. Should be later than hosts do, which might ship a report again. */
int ship_inbox_expire(const char *url, int64_t before, int32_t before_day, struct why *why);

#endif
