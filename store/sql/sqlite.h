/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to an SQLite file, between the files that share it: store/sql/sqlite.c opens it,
 * store/sql/sqlite_sql.c speaks SQL over it (store/sql/sql.h), store/sql/sqlite_write.c is the
 * driver of the ledger's writer.
 */
#ifndef STORE_SQL_SQLITE_H
#define STORE_SQL_SQLITE_H

#include <sqlite3.h>

#include "store/sql/driver.h"
#include "store/sql/sql.h"

struct sqlite {
	struct sql sql; /* comes first: a struct sql * with sqlite_ops is one of these */
	sqlite3 *db;
	char *path;
	bool read_only;
	int64_t message_seconds, message_rows, message_bytes; /* bounds, as in the settings */
	int64_t max_bytes;
	unsigned day_rows;
	int64_t busy_wait, busy_until;
	char fault[160];    /* SQLite's words for what a rollback followed; "" otherwise */
	sqlite3_stmt *kept; /* the last statement of sql_ask, or NULL */
	struct sqlite_writer *writer; /* store/sql/sqlite_write.c's own, or NULL */
};

extern const struct sql_ops sqlite_ops;

/* SQL was opened by sqlite_sql(). */
struct sqlite *sqlite_of(struct sql *sql);

void sqlite_close(struct sqlite *sqlite); /* finalizes all of its statements */

/* BEGIN IMMEDIATE. Then, with the code of what was done: COMMIT, or ROLLBACK where CODE is not
 * SQLITE_OK; the code of all together. */
int sqlite_begin(struct sqlite *sqlite);
int sqlite_end(struct sqlite *sqlite, int code);

/* Sets WHY to what CODE means for a person. */
enum driver_outcome sqlite_explain(struct sqlite *sqlite, int code, struct why *why);

/* Somebody moved the file away: what is written now would be lost with it. */
bool sqlite_has_moved(struct sqlite *sqlite);

#endif
