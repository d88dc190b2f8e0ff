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

/* Adds the batch to the shared store unless it is there already. */
int ship_batch_apply(struct ship *ship, struct why *why);

/* Removes the batch, which was applied, from the file. */
int ship_batch_forget(struct ship *ship, struct why *why);

#endif
