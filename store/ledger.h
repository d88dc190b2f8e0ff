/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger: aggregate data, counted. One row stands for all messages of a day that look alike to
 * a report; the row has a count. This module knows nothing of mail or RFCs: a row is texts and
 * numbers (report/tally.h makes rows from verdicts).
 *
 * One writer thread for each open ledger takes rows from a bounded queue and commits them in
 * groups. ledger_add() returns when the row is safe:
 *
 *   LEDGER_POWER    it is committed to the file and synchronized (SQLite, synchronous=FULL);
 *   LEDGER_PROCESS  it is in the process's journal (store/journal.h): it survives kill -9, and
 *                   reaches the file within a quarter of a second, or when the ledger is opened
 *                   next. A power failure may lose the last second or two.
 *
 * Several processes may have the same ledger open. A ledger is opened after fork, never before.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/why.h"
#include "store/row.h"

struct ledger;

enum ledger_durability { LEDGER_POWER, LEDGER_PROCESS };

struct ledger_settings {
	const char *path;   /* of the SQLite file; created (mode 0640) when absent */
	const char *shared; /* NULL, or the URL of a shared store to read instead of PATH */
	int64_t lease;      /* seconds; of an outbox in the shared store (store/lease.h) */
	bool read_only;     /* for the command: no writer, no change */
	enum ledger_durability durability;
	unsigned queue_rows;     /* limit of the queue; 0: 32768 (and always 15 MiB) */
	unsigned group_rows;     /* limit of one commit; 0: 16384 */
	int64_t message_seconds; /* how long lines of ledger_log() are kept; 0: not at all */
	int64_t message_rows;    /* and how many of them at most */
	int64_t message_bytes;   /* their file may grow to about this; 0: no limit */
	unsigned keep_days;      /* how many days before today are kept; 0: all */
	int64_t max_bytes;     /* the file may grow to this; 0: no limit. Days before yesterday make
				* room, the oldest first */
	unsigned day_rows;     /* of a policy domain and day; beyond it rows are condensed
				* (store/condense.h); 0: no limit */
	void (*on_wait)(void); /* called before ledger_add() waits for the writer; or NULL */
	void (*on_loss)(const char *text); /* says how much was lost to damage, or that the clock
					    * jumped, from any thread;
					    * NULL: what is damaged is left to one who can say it */
	void (*on_note)(const char *text); /* says what became of the log of messages, from any
					    * thread; or NULL */
	int64_t busy_wait; /* how long another process may hold the file; 0: 5 seconds */
};

const char *ledger_sqlite_version(void); /* "3.40.1" */

/* Opens it and, unless read-only, brings the schema up to date and starts the writer. First the
 * journals of killed processes are brought into the file (read-only: if it is writable). */
struct ledger *ledger_open(const struct ledger_settings *settings, struct why *why);
void ledger_close(struct ledger *ledger); /* commits what is queued; NULL is OK */

/* For a process that ends while its threads still run: waits until what was added is in the file or
 * DEADLINE passes. Later rows wait for their commit. */
void ledger_retire(struct ledger *ledger, int64_t deadline);

/*
 * Adds ROW->count to its row and waits until that is safe or DEADLINE (clock_mono()) passes. 0: it
 * is; WHY is then empty, or says why the file cannot be written now (the journal has the row, and
 * it is tried again for ever). 1: not yet: it is queued and the writer goes on trying; should it
 * give up, ledger_stats shows it. WHY is empty, or says what failed. -1: refused (the queue was
 * full till the deadline, the commit failed); not counted; WHY says why. LEDGER_POWER: a failing
 * commit is tried 5 times in about 2 seconds (each may wait for a lock); then its rows are given
 * up.
 *
 * While the ledger is known to fail, a row that the journal has no room for is refused at once. So
 * is one without a journal, but for one in a second, which finds out whether it still fails.
 */
int ledger_add(struct ledger *ledger, const struct ledger_row *row, int64_t deadline,
	       struct why *why);

/* Adds LINE to the log of messages (store/messages.h) soon; does not wait. A line is dropped when
 * the queue of lines is full. */
void ledger_log(struct ledger *ledger, int64_t at, const char *line);

struct ledger_stats {
	uint64_t rows;     /* committed */
	uint64_t groups;   /* commits */
	uint64_t failures; /* rows lost to a failed commit, a full queue or damage */
	uint64_t pending;  /* rows accepted and not committed yet */
	bool failing;      /* the last try to commit failed, for the reason last_error */
	char last_error[512];
};
void ledger_stats(struct ledger *ledger, struct ledger_stats *stats);

/* Deletes what is older than BEFORE_DAY, in short transactions. Returns the number of rows, or -1.
 * With keep_days the writer does so once a day. Rows that have not been shipped yet
 * (store/ship/ship.h) stay. Not for a read-only file. */
int64_t ledger_expire(struct ledger *ledger, int32_t before_day, struct why *why);

/* The same for what is more than KEEP_DAYS older than the newest row, or than today if that is
 * earlier. In a shared store today is the database's. */
int64_t ledger_expire_old(struct ledger *ledger, unsigned keep_days, struct why *why);

/* ---- reading: any thread, also while the writer works; in pages, so that no transaction stays
 * open during a visit and memory does not grow with the number of rows ---- */

/* Which days to visit. */
struct ledger_days_query {
	const char *domain; /* NULL: all */
	int32_t from_day, to_day;
	int64_t since;   /* wall seconds; only those whose first row came then or later */
	bool damaged;    /* visit also those whose rows do not add up to what was counted */
	bool unreported; /* only those without a report */
};

/* What is in a damaged file (store/integrity.h) and not to be trusted; WHY says which report. */
enum { LEDGER_DAMAGED = -2 };

/* Explains DAY, which is damaged. */
void ledger_explain_damage(const struct ledger_day *day, struct why *why);

/* Visits them, ordered by day, domain, since. Texts live during the call. A callback that returns
 * non-zero ends the reading; that value is returned. 0: all visited. -1 with WHY set: failed.
 * LEDGER_DAMAGED: one of them does not add up, and QUERY does not ask for those. */
typedef int ledger_day_visit(void *arg, const struct ledger_day *day);
int ledger_days(struct ledger *ledger, const struct ledger_days_query *query,
		ledger_day_visit *visit, void *arg, struct why *why);

/* The rows of KEY, ordered by source (as text). Their POLICY has only the domain. */
typedef int ledger_row_visit(void *arg, const struct ledger_row *row);
int ledger_rows(struct ledger *ledger, const struct ledger_key *key, ledger_row_visit *visit,
		void *arg, struct why *why);

#endif
