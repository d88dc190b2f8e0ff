/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQL for SQLite. Not in a message's path: a few statements are kept prepared.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql/sqlite.h"

#include "lib/heap.h"

struct lite_rows {
	struct sql_rows rows;
	sqlite3_stmt *statement; /* NULL: CODE says why */
	int code;
};

struct sqlite *sqlite_of(struct sql *sql)
{
	assert(sql->ops == &sqlite_ops);
	return (struct sqlite *)sql;
}

static struct lite_rows *rows_of(const struct sql_rows *rows)
{
	return (struct lite_rows *)(uintptr_t)rows;
}

static int set_fault(struct sqlite *sqlite, int code, struct why *why)
{
	struct why unheard;

	sqlite->sql.fault = sqlite_explain(sqlite, code, why == NULL ? &unheard : why);
	return -1;
}

static void lite_close(struct sql *sql)
{
	sqlite_close(sqlite_of(sql));
}

static int lite_begin(struct sql *sql, struct why *why)
{
	int code = sqlite_begin(sqlite_of(sql));

	return code == SQLITE_OK ? 0 : set_fault(sqlite_of(sql), code, why);
}

static int lite_end(struct sql *sql, bool commit, struct why *why)
{
	int code = sqlite_end(sqlite_of(sql), commit ? SQLITE_OK : SQLITE_ABORT);

	return !commit || code == SQLITE_OK ? 0 : set_fault(sqlite_of(sql), code, why);
}

/* A code of SQLite. A value that memory is short for would be NULL, and the statement another one.
 */
static int bind_value(sqlite3_stmt *statement, unsigned n, const struct sql_value *value)
{
	char name[16];
	int at;

	snprintf(name, sizeof name, "$%u", n);
	at = sqlite3_bind_parameter_index(statement, name);
	if (at == 0)
		return SQLITE_OK; /* the statement does not use it */
	switch (value->kind) {
	case SQL_NULL:
		break;
	case SQL_TEXT:
		return sqlite3_bind_text(statement, at, value->data, -1, SQLITE_TRANSIENT);
	case SQL_INT:
		return sqlite3_bind_int64(statement, at, value->number);
	case SQL_BLOB:
		return sqlite3_bind_blob64(statement, at, value->data, value->len,
					   SQLITE_TRANSIENT);
	case SQL_KEY:
		return sqlite3_bind_blob(statement, at, value->key, DRIVER_KEY_LEN,
					 SQLITE_TRANSIENT);
	}
	return SQLITE_OK;
}

/* Reuses one of the last statements if the text is the same: some are run many times. */
static int take_statement(struct sqlite *sqlite, const char *text, sqlite3_stmt **statement)
{
	for (unsigned i = 0; i < SQLITE_KEPT; i++) {
		if (sqlite->kept[i] == NULL || strcmp(sqlite3_sql(sqlite->kept[i]), text) != 0)
			continue;
		*statement = sqlite->kept[i];
		sqlite->kept[i] = NULL;
		return SQLITE_OK;
	}
	return sqlite3_prepare_v2(sqlite->db, text, -1, statement, NULL);
}

/* A PRAGMA may do its work when it is prepared, so it is not kept. */
static void keep_statement(struct sqlite *sqlite, sqlite3_stmt *statement)
{
	unsigned place = 0;

	if (strncmp(sqlite3_sql(statement), "PRAGMA", 6) == 0) {
		sqlite3_finalize(statement);
		return;
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	while (place < SQLITE_KEPT && sqlite->kept[place] != NULL)
		place++;
	if (place == SQLITE_KEPT)
		place = sqlite->next_kept++ % SQLITE_KEPT;
	sqlite3_finalize(sqlite->kept[place]);
	sqlite->kept[place] = statement;
}

static struct sql_rows *lite_ask(struct sql *sql, const char *text, struct sql_values values)
{
	struct lite_rows *rows = heap_zero(sizeof *rows);

	rows->rows.sql = sql;
	rows->code = take_statement(sqlite_of(sql), text, &rows->statement);
	for (unsigned i = 0; i < values.count && rows->code == SQLITE_OK; i++)
		rows->code = bind_value(rows->statement, i + 1, &values.list[i]);
	return &rows->rows;
}

static int lite_next(struct sql_rows *base, struct why *why)
{
	struct lite_rows *rows = rows_of(base);

	if (rows->code == SQLITE_OK || rows->code == SQLITE_ROW)
		rows->code = sqlite3_step(rows->statement);
	if (rows->code == SQLITE_ROW)
		return 1;
	return rows->code == SQLITE_DONE ? 0 : set_fault(sqlite_of(base->sql), rows->code, why);
}

static void lite_drop(struct sql_rows *rows)
{
	if (rows_of(rows)->statement != NULL)
		keep_statement(sqlite_of(rows->sql), rows_of(rows)->statement);
	free(rows);
}

static int64_t lite_changes(const struct sql_rows *rows)
{
	return sqlite3_changes(sqlite_of(rows->sql)->db);
}

/* NULL may mean that memory is short. As everywhere, that ends the process. */
static void look_for_memory(const struct sql_rows *rows)
{
	if (sqlite3_errcode(sqlite_of(rows->sql)->db) == SQLITE_NOMEM)
		abort();
}

static const char *lite_text(struct sql_rows *rows, int column, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(rows_of(rows)->statement, column);

	if (text == NULL)
		look_for_memory(rows);
	*len = (size_t)sqlite3_column_bytes(rows_of(rows)->statement, column);
	return text;
}

static const void *lite_blob(struct sql_rows *rows, int column, size_t *len)
{
	const void *blob = sqlite3_column_blob(rows_of(rows)->statement, column);

	if (blob == NULL)
		look_for_memory(rows);
	*len = (size_t)sqlite3_column_bytes(rows_of(rows)->statement, column);
	return blob;
}

static int64_t lite_number(struct sql_rows *rows, int column)
{
	return sqlite3_column_int64(rows_of(rows)->statement, column);
}

/* SQLite has already waited for locks, and no other failure is temporary. */
static bool lite_recover(struct sql *sql, unsigned tries)
{
	(void)sql;
	(void)tries;
	return false;
}

const struct sql_ops sqlite_ops = {
    .close = lite_close,
    .begin = lite_begin,
    .end = lite_end,
    .ask = lite_ask,
    .next = lite_next,
    .drop = lite_drop,
    .changes = lite_changes,
    .text = lite_text,
    .blob = lite_blob,
    .number = lite_number,
    .recover = lite_recover,
};
