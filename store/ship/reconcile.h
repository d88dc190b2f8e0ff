/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compares what this host has shipped with what the shared store has of it. They differ when the
 * store goes back in time (a standby that lacked the last transactions was promoted, a backup was
 * restored), or when the ledger does.
 *
 *   the store went back    the batches that it lacks are sent again, in order. The file keeps each
 *                          for three days, and at least the last thousand. Older ones are lost; the
 *                          notice says how many messages that is.
 *   the ledger went back   what it had not shipped when it was copied has been shipped since, under
 *                          numbers that it does not know, and is not sent again. The notice says
 *                          how many messages that is. New counts are shipped as usual.
 *   a fork                 a server whose timeline is older than one seen before is refused.
 */
#ifndef STORE_SHIP_RECONCILE_H
#define STORE_SHIP_RECONCILE_H

#include "store/ship/spool.h"

/* To be called when the file is opened, before anything is counted in it. */
int ship_reconcile_begin(struct ship *ship, struct why *why);

/* To be called when the store is connected. */
int ship_reconcile_epoch(struct ship *ship, struct why *why);

/* To be called before a batch is made. 0: the store has everything that was shipped; 1: a batch was
 * sent again, and there is more to do; -1 with WHY. */
int ship_reconcile(struct ship *ship, struct why *why);

#endif
