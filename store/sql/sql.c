/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all engines have in common: running a statement to its end, trying a transaction again.
 */
#include "store/sql/sql.h"

#include <assert.h>
#include <string.h>

void sql_close(struct sql *sql)
{
	if (sql != NULL)
		sql->ops->close(sql);
}

/* ---- transactions ---- */

static int attempt_transaction(struct sql *sql, sql_body *body, void *arg, struct why *why)
{
	int result;

	sql->fault = DRIVER_BROKEN; /* unless a call of the engine fails */
	if (sql->ops->begin(sql, why) != 0)
		return -1;
	result = body(arg, sql, why);
	if (sql->ops->end(sql, result >= 0, result >= 0 ? why : NULL) != 0)
		return -1;
	return result;
}

int sql_transact(struct sql *sql, sql_body *body, void *arg, struct why *why)
{
	int result = attempt_transaction(sql, body, arg, why);

	for (unsigned tries = 1; result < 0 && sql->ops->recover(sql, tries); tries++)
		result = attempt_transaction(sql, body, arg, why);
	return result;
}

/* ---- statements ---- */

struct sql_value sql_key(const unsigned char key[DRIVER_KEY_LEN])
{
	struct sql_value value = {.kind = SQL_KEY};

	memcpy(value.key, key, DRIVER_KEY_LEN);
	return value;
}

struct sql_value sql_config(const char *digits)
{
	struct sql_value value = {.kind = SQL_KEY};

	if (digits == NULL || !driver_config_parse(digits, value.key))
		value.kind = SQL_NULL;
	return value;
}

struct sql_rows *sql_ask(struct sql *sql, const char *text, struct sql_values values)
{
	assert(values.count <= SQL_VALUES_MAX && (values.count == 0 || values.list != NULL));
	return sql->ops->ask(sql, text, values);
}

int sql_next(struct sql_rows *rows, struct why *why)
{
	int more = rows->sql->ops->next(rows, why);

	if (more != 1)
		rows->sql->ops->drop(rows);
	return more;
}

void sql_drop(struct sql_rows *rows)
{
	rows->sql->ops->drop(rows);
}

int64_t sql_do(struct sql *sql, struct why *why, const char *text, struct sql_values values)
{
	struct sql_rows *rows = sql_ask(sql, text, values);
	int64_t changes;
	int more;

	while ((more = sql->ops->next(rows, why)) == 1)
		;
	changes = more < 0 ? -1 : sql->ops->changes(rows);
	sql->ops->drop(rows);
	return changes;
}

int sql_run(struct sql *sql, struct why *why, const char *text, struct sql_values values)
{
	return sql_do(sql, why, text, values) < 0 ? -1 : 0;
}

int sql_number(struct sql *sql, int64_t *number, struct why *why, const char *text,
	       struct sql_values values)
{
	struct sql_rows *rows = sql_ask(sql, text, values);
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : 1;
	*number = sql_int_at(rows, 0);
	sql_drop(rows);
	return 0;
}

/* ---- columns ---- */

const char *sql_text_at(struct sql_rows *rows, int column, struct arena *arena)
{
	size_t len;
	const char *text = rows->sql->ops->text(rows, column, &len);

	return text == NULL ? NULL : arena_copy(arena, text, len);
}

int64_t sql_int_at(struct sql_rows *rows, int column)
{
	return rows->sql->ops->number(rows, column);
}

const void *sql_blob_at(struct sql_rows *rows, int column, size_t *len)
{
	return rows->sql->ops->blob(rows, column, len);
}

void sql_key_at(struct sql_rows *rows, int column, unsigned char key[DRIVER_KEY_LEN])
{
	size_t len;
	const void *blob = sql_blob_at(rows, column, &len);

	memset(key, 0, DRIVER_KEY_LEN);
	if (blob != NULL && len == DRIVER_KEY_LEN)
		memcpy(key, blob, DRIVER_KEY_LEN);
}

const char *sql_config_at(struct sql_rows *rows, int column, struct arena *arena)
{
	unsigned char key[DRIVER_KEY_LEN];
	char text[LEDGER_CONFIG_MAX];

	sql_key_at(rows, column, key);
	driver_config_text(key, text);
	return arena_string(arena, text);
}

/* ---- walks ---- */

struct sql_walk sql_walk_begin(struct sql_rows *rows)
{
	return (struct sql_walk){.rows = rows, .arena = arena_new(0), .more = 1};
}

struct sql_rows *sql_walk_next(struct sql_walk *walk, struct why *why)
{
	assert(walk->more == 1); /* else the rows are gone */
	arena_reset(walk->arena);
	if (walk->status != 0)
		sql_drop(walk->rows);
	walk->more = walk->status != 0 ? 0 : sql_next(walk->rows, why);
	return walk->more == 1 ? walk->rows : NULL;
}

int sql_walk_end(struct sql_walk *walk)
{
	assert(walk->more != 1); /* it was gone through */
	arena_free(walk->arena);
	return walk->status != 0 ? walk->status : walk->more;
}
