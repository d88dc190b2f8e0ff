/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The batch that is being shipped from the ledger's file to the shared store.
 */
#ifndef STORE_SHIP_BATCH_H
#define STORE_SHIP_BATCH_H

#include "store/ship/spool.h"

enum { SHIP_BATCH_ROWS = 2000 }; /* small enough for the milter's writer to wait for the file */

/* The last day whose rows are all in the file. */
int32_t ship_batch_settled(void);

/* The number of rows in the current batch or a new one; 0: nothing to ship. */
int ship_batch_fix(struct ship *ship, int64_t *rows, struct why *why);

/* Counts the batch with that number, which the file still has, in the shared store unless it is in
 * already. Refused unless the one before is in, and where another batch has the number. */
int ship_batch_apply(struct ship *ship, int64_t sequence, struct why *why);

/* The last one is in: the file keeps it only until it is old (store/ship/reconcile.h). */
int ship_batch_forget(struct ship *ship, struct why *why);

#endif
