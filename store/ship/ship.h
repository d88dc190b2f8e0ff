/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host has counted goes to the store that several hosts share.
 *
 * The ledger's file is the spool. What was added to a row since it was last shipped is put into a
 * batch; the batch is stored in the file, with its number, before it is sent, and the shared store
 * takes both in one transaction: after any failure the same batch is sent again, and counts once.
 * Nothing is deleted from the file before it is shipped, however long the shared store is
 * unreachable.
 *
 * A host that joins a shared store brings all that its ledger holds, reports that it has already
 * sent included (under a configuration of its own, so that they stay what they were).
 */
#ifndef STORE_SHIP_SHIP_H
#define STORE_SHIP_SHIP_H

#include "store/sql/sql.h"

struct ship_settings {
	const char *path;                 /* of the ledger's file; created when absent */
	const char *shared;               /* the URL of the shared store */
	const char *name;                 /* of this host, for people */
	void (*notice)(const char *text); /* what an administrator must know; or NULL */
};

struct ship;

/* One process of a host ships: NULL with *BUSY if another one does. The shared store need not be
 * reachable. */
struct ship *ship_open(const struct ship_settings *settings, bool *busy, struct why *why);
void ship_close(struct ship *ship); /* NULL is OK */

/*
 * Ships a batch, or a sign of life if there is nothing to ship. 1: there is more; 0: everything is
 * shipped; -1: failed, try again later. The first step connects, brings the shared schema up to
 * date and joins the store if the host is new to it.
 */
int ship_step(struct ship *ship, struct why *why);

/* Counts the rows that wait to be shipped; BATCHES: the number of the last batch. */
int ship_pending(struct ship *ship, int64_t *rows, int64_t *batches, struct why *why);

/* The host stops shipping: nothing is kept for it any longer. A file that never shipped is not
 * changed. */
int ship_leave(const char *path, struct why *why);

#endif
