/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows that wait for the ledger's writer: a bounded list, and the groups that the writer takes from
 * it. Nothing here locks: the ledger's lock guards the list and the entries that a caller waits
 * for; a group belongs to the writer.
 *
 * An entry has a copy of its row, because the caller may stop waiting at its deadline. It belongs
 * to the caller until it is put, then to the writer while QUEUE_WAITING, then to the caller again.
 * If the caller has LEFT it, finishing frees it.
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "lib/lock.h"
#include "store/sql/driver.h"

enum queue_state { QUEUE_WAITING, QUEUE_COMMITTED, QUEUE_FAILED };

struct queue_entry {
	struct driver_row at;
	struct queue_entry *next;
	struct cond done; /* its state is no longer QUEUE_WAITING */
	size_t size;
	enum queue_state state;
	bool left;       /* the caller does not wait for it */
	uint64_t number; /* in the journal; 0: it is not there */
	char record[];   /* SIZE bytes for the journal (store/journal.h), with the texts of AT */
};
struct queue_entry *queue_entry_new(const struct ledger_row *row);
void queue_entry_free(struct queue_entry *entry);

struct queue {
	struct queue_entry *first, **last;
	unsigned rows, max_rows;
	size_t bytes;
};
void queue_init(struct queue *queue, unsigned max_rows); /* 0: 32768; and always 15 MiB */
bool queue_has_room(const struct queue *queue, const struct queue_entry *entry);
void queue_put(struct queue *queue, struct queue_entry *entry); /* queue_has_room() */

/* What is committed together. */
struct queue_group {
	struct queue_entry **entries;
	const struct driver_row **rows; /* after queue_group_merge */
	unsigned count, max;
};
void queue_group_init(struct queue_group *group, unsigned max); /* 0: 16384 */
void queue_group_free(struct queue_group *group);

/* Moves the oldest entries to GROUP, which must be empty. */
void queue_take(struct queue *queue, struct queue_group *group);
bool queue_group_add(struct queue_group *group,
		     struct queue_entry *entry); /* false: now it is full */

/* Sorts the group and sets ROWS, where equal rows are one with the sum of their counts. Returns
 * their number. To be called once for each group. */
unsigned queue_group_merge(struct queue_group *group);
uint64_t queue_group_number(const struct queue_group *group); /* the highest in the journal, or 0 */

/* Wakes the callers that wait, frees the entries that were left, and empties GROUP. */
void queue_group_finish(struct queue_group *group, bool committed);

#endif
