/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one batch that is under way from the ledger's file to the shared store.
 */
#ifndef STORE_SHIP_BATCH_H
#define STORE_SHIP_BATCH_H

#include "store/ship/spool.h"

enum { SHIP_BATCH_ROWS = 2000 }; /* small enough for the milter's writer to wait for the file */

/* The last day whose rows are all in the file. */
int32_t ship_batch_settled(void);

/* The rows of the batch that is under way, or of a new one; 0: there is nothing to ship. */
int ship_batch_fix(struct ship *ship, int64_t *rows, struct why *why);

/* Counts the batch in the shared store unless it is in already. */
int ship_batch_apply(struct ship *ship, struct why *why);

/* It is in: the file need not keep it. */
int ship_batch_forget(struct ship *ship, struct why *why);

#endif
