/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to an SQLite file. store/sql/sqlite.c opens it, store/sql/sqlite_sql.c speaks SQL
 * over it (store/sql/sql.h), store/sql/sqlite_write.c is the driver of the ledger's writer.
 */
#ifndef STORE_SQL_SQLITE_H
#define STORE_SQL_SQLITE_H

#include <sqlite3.h>

#include "store/sql/driver.h"
#include "store/sql/sql.h"

enum { SQLITE_KEPT = 16 };

struct sqlite {
	struct sql sql; /* first: a struct sql * can be cast to this one */
	sqlite3 *db;
	char *path;
	const struct driver_schema *schema;
	bool read_only;
	int64_t max_bytes;
	unsigned day_rows;
	int64_t busy_wait, busy_until;
	char fault[160];                 /* SQLite's message before a rollback, or "" */
	sqlite3_stmt *kept[SQLITE_KEPT]; /* the last statements of sql_ask, or NULL */
	unsigned next_kept;              /* whose place the next one takes */
	struct sqlite_writer *writer;    /* private to store/sql/sqlite_write.c, or NULL */
};

extern const struct sql_ops sqlite_ops;

/* SQL must come from sqlite_sql(). */
struct sqlite *sqlite_of(struct sql *sql);

void sqlite_close(struct sqlite *sqlite); /* finalizes all of its statements */

/* BEGIN IMMEDIATE; then COMMIT, or ROLLBACK if CODE is not SQLITE_OK. Return SQLite's code, or CODE
 * after a rollback. */
int sqlite_begin(struct sqlite *sqlite);
int sqlite_end(struct sqlite *sqlite, int code);

/* Explains CODE in WHY. */
enum driver_outcome sqlite_explain(struct sqlite *sqlite, int code, struct why *why);

/* The file was moved away or deleted: what is written now would be lost. */
bool sqlite_has_moved(struct sqlite *sqlite);

#endif
