/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows on their way from those who count to the ledger's writer: a bounded list, and the groups
 * that the writer takes from it. Nothing here locks: the list and the entries that somebody waits
 * for are guarded by the ledger's lock, a group belongs to the writer.
 *
 * A row is copied when its entry is made, for its caller may leave at the deadline. An entry
 * belongs to its caller until it is put, then to the writer while QUEUE_WAITING; afterwards to the
 * caller again or, when that has left it, to nobody: finishing frees it.
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "lib/lock.h"
#include "store/sql/driver.h"

enum queue_state { QUEUE_WAITING, QUEUE_COMMITTED, QUEUE_FAILED };

struct queue_entry {
	struct driver_row at;
	struct queue_entry *next;
	struct cond done; /* finished */
	size_t size;
	enum queue_state state;
	bool left;       /* by its caller */
	uint64_t number; /* in the journal; 0: it is not there */
	char record[]; /* SIZE bytes for the journal (store/journal.h); the texts of AT are there */
};
struct queue_entry *queue_entry_new(const struct ledger_row *row);
void queue_entry_free(struct queue_entry *entry);

struct queue {
	struct queue_entry *first, **last;
	unsigned rows, max_rows;
	size_t bytes;
};
void queue_init(struct queue *queue, unsigned max_rows); /* 0: 32768; 15 MiB in any case */
bool queue_has_room(const struct queue *queue, const struct queue_entry *entry);
void queue_put(struct queue *queue, struct queue_entry *entry); /* there is room */

/* What is committed together. */
struct queue_group {
	struct queue_entry **entries;
	const struct driver_row **rows; /* after queue_group_merge */
	unsigned count, max;
};
void queue_group_init(struct queue_group *group, unsigned max); /* 0: 4096 */
void queue_group_free(struct queue_group *group);

/* Fills GROUP, which is empty, with what was put first. */
void queue_take(struct queue *queue, struct queue_group *group);
bool queue_group_add(struct queue_group *group,
		     struct queue_entry *entry); /* false: it is full now */

/* Sorts ROWS as a driver wants them; equal ones become one, with the sum of their counts. How many
 * there are. Once for each group. */
unsigned queue_group_merge(struct queue_group *group);
uint64_t queue_group_number(const struct queue_group *group); /* the highest in the journal, or 0 */

/* Tells those who wait, frees what was left, and empties GROUP. */
void queue_group_finish(struct queue_group *group, bool committed);

#endif
