/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the ledger's file what was stored in it? SQLite's own checks find pages that do not hang
 * together, not a digit that has changed. So the file has sums of its own: a row's key is the
 * digest of its texts (store/packed.h), a policy's configuration that of the policy, and the table
 * `total` has what the rows of each report must add up to. ledger_days() and ledger_rows() compare
 * them, too: what does not add up is never reported.
 */
#ifndef STORE_INTEGRITY_H
#define STORE_INTEGRITY_H

#include "lib/buf.h"
#include "store/sql/sqlite.h"

/* DRIVER_CAUSE_NONE: it can be opened, its schema is of this version, and SQLite's quick_check,
 * which reads the whole file, finds nothing. Otherwise the cause, and the reason in WHY. For
 * `countersign doctor`: read-only, also while others write. */
enum driver_cause integrity_check(const struct ledger_settings *settings, struct why *why);

/* The same for the start of the daemon: of a file over 64 MiB only the pages of small tables are
 * looked at. The sums are compared from the newest day on, about until DEADLINE (clock_mono()). */
enum driver_cause integrity_glance(const struct ledger_settings *settings, int64_t deadline,
				   struct why *why);

/* TEXT is SQLite's quick_check or integrity_check, of the file at PATH. */
enum driver_cause integrity_pages(struct sql *sql, const char *text, const char *path,
				  struct why *why);

/* What such a check SAID is that a page could not be read: the disk's fault, not the file's. */
bool integrity_is_unread(const char *said);

/* Reads everything: how many rows, and how many policies, are not what was stored. */
int integrity_count(struct sql *sql, int64_t *rows, int64_t *policies, struct why *why);

/* Is it what was stored? A row of tally, with its key; one of policy, with its configuration. RUA,
 * RUF and ERROR are not looked at. */
bool integrity_of_row(const struct driver_row *row);
bool integrity_of_policy(const struct driver_row *row);

/* Conditions of SQL on a row of tally or policy, for connections to a ledger's file that
 * integrity_install() was called for; a code of SQLite. */
int integrity_install(sqlite3 *db);
#define INTEGRITY_TALLY  "is_intact_tally"
#define INTEGRITY_POLICY "is_intact_policy"
void integrity_condition(struct buf *to, const char *function);

#endif
