/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that speaks SQL, whichever the engine: what files that keep more than the hot path
 * in a store are written over. Implemented for SQLite (store/sql/sqlite_sql.c) and PostgreSQL
 * (store/sql/pg.c).
 *
 * Statements are in what both understand, with $1, $2 ... for values. A connection belongs to one
 * thread. One statement at a time has rows to read.
 */
#ifndef STORE_SQL_SQL_H
#define STORE_SQL_SQL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/why.h"
#include "store/sql/driver.h"

struct sql;
struct sql_rows;

struct sql_value {
	enum { SQL_NULL, SQL_TEXT, SQL_INT, SQL_BLOB } kind;
	const void *data; /* TEXT: with a NUL behind it */
	size_t len;       /* BLOB */
	int64_t number;
};

enum { SQL_VALUES_MAX = 40 };

struct sql_ops {
	void (*close)(struct sql *sql);
	int (*begin)(struct sql *sql, struct why *why);
	int (*end)(struct sql *sql, bool commit, struct why *why);
	struct sql_rows *(*ask)(struct sql *sql, const char *text, const struct sql_value *values,
				unsigned count);
	int (*next)(struct sql_rows *rows, struct why *why);
	void (*drop)(struct sql_rows *rows);
	int64_t (*changes)(const struct sql_rows *rows); /* after the last row */
	const char *(*text)(struct sql_rows *rows, int column, size_t *len);
	const void *(*blob)(struct sql_rows *rows, int column, size_t *len);
	int64_t (*number)(struct sql_rows *rows, int column);
	bool (*recover)(struct sql *sql, unsigned tries);
};

/* The beginning of a driver's own struct. */
struct sql {
	const struct sql_ops *ops;
	enum driver_outcome fault; /* of the last call that failed */
};
struct sql_rows {
	struct sql *sql;
};

void sql_close(struct sql *sql); /* NULL is fine */

/*
 * BODY in a transaction, which is committed when BODY returns 0 or more; that value is returned.
 * Where the engine says that the same may succeed now (a conflict with another transaction, a lost
 * connection), it is all done again: what BODY does is right also when an earlier try was committed
 * without our hearing of it. -1 with WHY set: failed.
 */
typedef int sql_body(void *arg, struct sql *sql, struct why *why);
int sql_transact(struct sql *sql, sql_body *body, void *arg, struct why *why);

/*
 * A statement with its values, by WORD, one letter each: t const char * (NULL gives NULL), i
 * int64_t, z int64_t whose 0 gives NULL, k const char *: a config as hexadecimal digits, b const
 * void * and size_t: bytes. Never NULL: what is wrong is told by sql_next.
 */
struct sql_rows *sql_ask(struct sql *sql, const char *text, const char *word, ...);

/* The next row: 1, 0 at the end, -1 with WHY set. ROWS is gone unless 1. */
int sql_next(struct sql_rows *rows, struct why *why);
void sql_drop(struct sql_rows *rows); /* leaves the rest unread */

/* A statement whose rows are of no interest: how many it changed, or -1. */
int64_t sql_do(struct sql *sql, struct why *why, const char *text, const char *word, ...);

/* The first column of the only row, a number. 0: read; 1: there is no row; -1. */
int sql_number(struct sql *sql, int64_t *number, struct why *why, const char *text,
	       const char *word, ...);

/* Columns of the current row. Texts are copied; NULL gives NULL, or 0. */
const char *sql_text_at(struct sql_rows *rows, int column, struct arena *arena);
int64_t sql_int_at(struct sql_rows *rows, int column);
const void *sql_blob_at(struct sql_rows *rows, int column, size_t *len); /* until the next row */
void sql_key_at(struct sql_rows *rows, int column, unsigned char key[DRIVER_KEY_LEN]);
const char *sql_config_at(struct sql_rows *rows, int column, struct arena *arena); /* digits */

#endif
