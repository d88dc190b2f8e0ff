/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that speaks SQL, for code that is not in a message's path. Implemented for SQLite
 * (store/sql/sqlite_sql.c) and PostgreSQL (store/sql/pg.c).
 *
 * Statements use the SQL that both understand, with $1, $2 ... for values. A connection belongs to
 * one thread. Only one statement at a time may have rows left to read.
 */
#ifndef STORE_SQL_SQL_H
#define STORE_SQL_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/why.h"
#include "store/sql/driver.h"

struct sql;
struct sql_rows;

/* A value for $1, $2 ... of a statement, made by the functions below. */
struct sql_value {
	enum { SQL_NULL, SQL_TEXT, SQL_INT, SQL_BLOB, SQL_KEY } kind;
	const void *data; /* TEXT: ends with NUL; BLOB: never NULL */
	size_t len;       /* BLOB */
	int64_t number;   /* INT */
	unsigned char key[DRIVER_KEY_LEN];
};
struct sql_values {
	const struct sql_value *list;
	unsigned count;
};

enum { SQL_VALUES_MAX = 40 };

/* SQL_VALUES(sql_text(domain), sql_int(day)): valid until the end of the block. */
#define SQL_LIST(...) ((const struct sql_value[]){__VA_ARGS__})
#define SQL_VALUES(...)                                                                            \
	((struct sql_values){SQL_LIST(__VA_ARGS__),                                                \
			     sizeof SQL_LIST(__VA_ARGS__) / sizeof(struct sql_value)})
#define SQL_NO_VALUES ((struct sql_values){NULL, 0})

static inline struct sql_value sql_text(const char *text) /* NULL gives NULL */
{
	return (struct sql_value){.kind = text == NULL ? SQL_NULL : SQL_TEXT, .data = text};
}

static inline struct sql_value sql_int(int64_t number)
{
	return (struct sql_value){.kind = SQL_INT, .number = number};
}

static inline struct sql_value sql_int_or_null(int64_t number) /* 0 gives NULL */
{
	return (struct sql_value){.kind = number == 0 ? SQL_NULL : SQL_INT, .number = number};
}

static inline struct sql_value sql_blob(const void *data, size_t len)
{
	return (struct sql_value){.kind = SQL_BLOB, .data = len == 0 ? "" : data, .len = len};
}

struct sql_value sql_key(const unsigned char key[DRIVER_KEY_LEN]);
struct sql_value sql_config(const char *digits); /* NULL unless they are a configuration's */

/* The newest day that has rows; but not one a month after all others: a clock that was ahead for a
 * moment has made it, and nothing is old by it. */
#define SQL_NEWEST_DAY                                                                             \
	"SELECT CASE WHEN newest - previous > 30 THEN previous ELSE newest END FROM (SELECT"       \
	" (SELECT MAX(day) FROM policy) AS newest,"                                                \
	" (SELECT MAX(day) FROM policy WHERE day < (SELECT MAX(day) FROM policy)) AS previous)"    \
	" AS days"

/* Of a row P of policy: nobody still waits for it. What is to be reported or sent is kept for
 * five days whatever store.keep is: sending is not given up before that. */
#define SQL_OF_POLICY(x) x ".domain = p.domain AND " x ".day = p.day AND " x ".config = p.config"
#define SQL_MAY_EXPIRE                                                                             \
	"(p.day < (" SQL_NEWEST_DAY ") - 5 OR ((p.rua IS NULL OR EXISTS"                           \
	" (SELECT 1 FROM report AS r WHERE " SQL_OF_POLICY(                                        \
	    "r") ")) AND NOT EXISTS"                                                               \
		 " (SELECT 1 FROM delivery AS v WHERE " SQL_OF_POLICY(                             \
		     "v") " AND v.next IS NOT NULL)))"

struct sql_ops {
	void (*close)(struct sql *sql);
	int (*begin)(struct sql *sql, struct why *why);
	int (*end)(struct sql *sql, bool commit, struct why *why);
	struct sql_rows *(*ask)(struct sql *sql, const char *text, struct sql_values values);
	int (*next)(struct sql_rows *rows, struct why *why);
	void (*drop)(struct sql_rows *rows);
	int64_t (*changes)(const struct sql_rows *rows); /* after the last row */
	const char *(*text)(struct sql_rows *rows, int column, size_t *len);
	const void *(*blob)(struct sql_rows *rows, int column, size_t *len);
	int64_t (*number)(struct sql_rows *rows, int column);
	bool (*recover)(struct sql *sql, unsigned tries);
};

/* A driver's own struct begins with it. */
struct sql {
	const struct sql_ops *ops;
	enum driver_outcome fault; /* of the last call that failed */
};
struct sql_rows {
	struct sql *sql;
};

void sql_close(struct sql *sql); /* NULL is OK */

/*
 * Runs BODY in a transaction, which is committed when BODY returns 0 or more; returns that value.
 * After a conflict with another transaction or a lost connection everything is done again, so BODY
 * must also be right when an earlier try was committed without the answer arriving. -1 with WHY
 * set: failed.
 */
typedef int sql_body(void *arg, struct sql *sql, struct why *why);
int sql_transact(struct sql *sql, sql_body *body, void *arg, struct why *why);

/* Runs a statement that returns rows. Never NULL: sql_next reports a failure. */
struct sql_rows *sql_ask(struct sql *sql, const char *text, struct sql_values values);

/* Goes to the next row: 1; 0 at the end; -1 with WHY set. ROWS is freed unless 1. */
int sql_next(struct sql_rows *rows, struct why *why);
void sql_drop(struct sql_rows *rows); /* frees ROWS before its end */

/*
 * All rows, one after the other, until a visitor has had enough:
 *
 *	struct sql_walk walk = sql_walk_begin(sql_ask(sql, text, values));
 *
 *	while (sql_walk_next(&walk, why) != NULL)
 *		walk.status = visit(arg, sql_text_at(walk.rows, 0, walk.arena));
 *	return sql_walk_end(&walk);
 *
 * A status that is not 0 ends it and is what sql_walk_end returns; else 0, or -1 with WHY set. The
 * arena is emptied with each row.
 */
struct sql_walk {
	struct sql_rows *rows;
	struct arena *arena;
	int status, more;
};
struct sql_walk sql_walk_begin(struct sql_rows *rows); /* takes ROWS */
struct sql_rows *sql_walk_next(struct sql_walk *walk, struct why *why);
int sql_walk_end(struct sql_walk *walk);

/* Runs a statement and ignores its rows. Returns how many it changed, or -1. */
int64_t sql_do(struct sql *sql, struct why *why, const char *text, struct sql_values values);
/* The same; returns 0 or -1. */
int sql_run(struct sql *sql, struct why *why, const char *text, struct sql_values values);

/* Reads the first column of the only row. 0; 1: there is no row; -1 with WHY set. */
int sql_number(struct sql *sql, int64_t *number, struct why *why, const char *text,
	       struct sql_values values);

/* Columns of the current row. Texts are copied; NULL gives NULL, or 0. */
const char *sql_text_at(struct sql_rows *rows, int column, struct arena *arena);
int64_t sql_int_at(struct sql_rows *rows, int column);
const void *sql_blob_at(struct sql_rows *rows, int column, size_t *len); /* until the next row */
void sql_key_at(struct sql_rows *rows, int column, unsigned char key[DRIVER_KEY_LEN]);
const char *sql_config_at(struct sql_rows *rows, int column, struct arena *arena); /* digits */

#endif
