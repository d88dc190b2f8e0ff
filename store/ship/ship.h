/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host has counted goes to the store that several hosts share.
 *
 * The ledger's file is the spool. What was added to a row since it was last shipped is put into a
 * batch; the batch is fixed in the file, with its number, before it is sent, and the shared store
 * takes it and its number in one transaction: whatever fails when, it is sent again as it was, and
 * counts once. Nothing that was not shipped is deleted from the file, however long the shared store
 * is away.
 *
 * A host that comes to a shared store brings all its ledger holds, reports that it has already
 * sent included (under a configuration of its own, so that they stay what they were).
 */
#ifndef STORE_SHIP_SHIP_H
#define STORE_SHIP_SHIP_H

#include "store/sql/sql.h"

struct ship_settings {
	const char *path;   /* of the ledger's file; it is made when absent */
	const char *shared; /* the URL of the shared store */
	const char *name;   /* of this host, for people */
};

struct ship;

/* One process of a host ships: NULL with *BUSY when another does. The shared store need not be
 * there. */
struct ship *ship_open(const struct ship_settings *settings, bool *busy, struct why *why);
void ship_close(struct ship *ship); /* NULL is fine */

/*
 * A batch, or a sign of life where there is nothing to ship. 1: there is more; 0: all that was
 * there is shipped; -1: failed, to be tried again later. The first one connects, brings the shared
 * schema up to date and, for a host that is new to it, finds all there is to ship.
 */
int ship_step(struct ship *ship, struct why *why);

/* Rows that wait to be shipped, and the number of the last batch. */
int ship_pending(struct ship *ship, int64_t *rows, int64_t *batches, struct why *why);

/* This host does not ship any more: nothing needs to be kept for it. A file that never shipped is
 * left as it is. */
int ship_leave(const char *path, struct why *why);

#endif
