/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of messages: the line that was logged for each, kept in the ledger's file for a while, so
 * that a message can be looked up. It is a log, not a count: lines from the last quarter of a
 * second of a killed process may be missing (the system log has them).
 */
#ifndef STORE_MESSAGES_H
#define STORE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "store/ledger.h"

/* ---- for store/ledger.c: lines on their way into the file; each call under the ledger's lock ----
 */

struct messages_queue {
	struct messages_line *first, **last;
	size_t bytes;
	unsigned count;
};

struct messages_line *messages_line_new(int64_t at, const char *text);
void messages_queue_init(struct messages_queue *queue);

/* False: there is no room; LINE is freed. */
bool messages_put(struct messages_queue *queue, struct messages_line *line);

/* Takes all lines out of the queue. */
struct messages_line *messages_take(struct messages_queue *queue);
void messages_lines_free(struct messages_line *line); /* and all that follow it */

/* ---- reading ---- */

/* The newest first, from SINCE to before UNTIL (wall seconds). A visit that returns false ends the
 * reading. 0, or -1 with the reason. */
typedef bool messages_visit(void *arg, int64_t at, const char *line);
int messages_each(const struct ledger_settings *settings, int64_t since, int64_t until,
		  messages_visit *visit, void *arg, struct why *why);

#endif
