/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of messages: the line that was logged for each, kept for a while in a file of its own
 * beside the ledger's (LEDGER-messages), so that a message can be looked up. It is a log, not a
 * count, and may be lost without harm: lines from the last quarter of a second of a killed process
 * may be missing (the system log has them), a line that cannot be written is dropped, and a damaged
 * or missing file is begun again.
 */
#ifndef STORE_MESSAGES_H
#define STORE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "store/ledger.h"
#include "store/sql/driver.h"

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

/* ---- the file, as its writer has it: one thread ---- */

struct messages_file;

/* Of SETTINGS the path, the bounds of the log, busy_wait and on_note count; they must live as long.
 * The file is opened with the first line. */
struct messages_file *messages_file_new(const struct ledger_settings *settings);
void messages_file_free(struct messages_file *file); /* NULL is OK */

/* Adds LINES, and deletes what is beyond the bounds, a part at a time. What fails is said once. */
void messages_write(struct messages_file *file, const struct messages_line *lines);

/* Deletes what is too old, also while there are no new lines. For now and then. */
void messages_expire(struct messages_file *file);

/* ---- upkeep, by the path of the ledger ---- */

/* DRIVER_CAUSE_NONE: the log can be read, or there is none. Otherwise WHY explains. A file over 64
 * MiB is not read as a whole. */
enum driver_cause messages_check(const char *ledger, struct why *why);

/* Copies the lines that LEDGER has if it is of schema 15 or older: the first step of its migration,
 * before anybody has it open. Says in WHY how many, or why not. WHY is empty: it is newer. */
void messages_adopt(const char *ledger, struct why *why);

void messages_remove(const char *ledger);

struct messages_facts {
	const char *path; /* lives in the arena */
	int64_t lines, bytes;
};
/* 0 (all 0: there is no log yet), or -1 with WHY. */
int messages_facts(const char *ledger, struct arena *arena, struct messages_facts *facts,
		   struct why *why);

/* ---- reading ---- */

/* The newest first, from SINCE to before UNTIL (wall seconds). A visit that returns false ends the
 * reading. 0, or -1 with the reason. */
typedef bool messages_visit(void *arg, int64_t at, const char *line);
int messages_each(const struct ledger_settings *settings, int64_t since, int64_t until,
		  messages_visit *visit, void *arg, struct why *why);

#endif
