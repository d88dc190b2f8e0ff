/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host has shipped beside what the shared store has of it. They part when the store goes
 * back in time (a standby that lacked the last transactions was promoted, a backup was restored),
 * or when the ledger does.
 *
 *   the store went back    the batches that it lacks are sent again, in order. The file keeps each
 *                          for three days, and the last thousand. What it has no more is lost: the
 *                          notice says how many messages.
 *   the ledger went back   what it had not shipped when it was copied has been shipped since, under
 *                          numbers that it does not know: it is not sent again. The notice says how
 *                          many messages those are. What is counted from now on is shipped.
 *   a fork                 a server whose timeline is older than one seen before is refused.
 */
#ifndef STORE_SHIP_RECONCILE_H
#define STORE_SHIP_RECONCILE_H

#include "store/ship/spool.h"

/* When the file is opened, before anything is counted into it. */
int ship_reconcile_begin(struct ship *ship, struct why *why);

/* When the store is connected. */
int ship_reconcile_epoch(struct ship *ship, struct why *why);

/* Before a batch is fixed. 0: the store has all that was shipped; 1: a batch was sent again, and
 * there is more to do; -1. */
int ship_reconcile(struct ship *ship, struct why *why);

#endif
