/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every engine does alike: values from a word, transactions that are tried again.
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

static int attempt(struct sql *sql, sql_body *body, void *arg, struct why *why)
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
	int result = attempt(sql, body, arg, why);

	for (unsigned tries = 1; result < 0 && sql->ops->recover(sql, tries); tries++)
		result = attempt(sql, body, arg, why);
	return result;
}

/* ---- statements ---- */

struct values {
	struct sql_value list[SQL_VALUES_MAX];
	unsigned char keys[SQL_VALUES_MAX][DRIVER_KEY_LEN];
	unsigned count;
};

static struct sql_value config_value(const char *config, unsigned char key[DRIVER_KEY_LEN])
{
	if (config == NULL || !driver_config_parse(config, key))
		return (struct sql_value){.kind = SQL_NULL};
	return (struct sql_value){.kind = SQL_BLOB, .data = key, .len = DRIVER_KEY_LEN};
}

static struct sql_value text_value(const char *text)
{
	return (struct sql_value){.kind = text == NULL ? SQL_NULL : SQL_TEXT, .data = text};
}

static void read_values(struct values *values, const char *word, va_list ap)
{
	for (unsigned i = 0; word[i] != '\0'; i++) {
		struct sql_value *value = &values->list[i];

		assert(i < SQL_VALUES_MAX);
		*value = (struct sql_value){.kind = SQL_INT};
		switch (word[i]) {
		case 't':
			*value = text_value(va_arg(ap, const char *));
			break;
		case 'k':
			*value = config_value(va_arg(ap, const char *), values->keys[i]);
			break;
		case 'b':
			value->kind = SQL_BLOB;
			value->data = va_arg(ap, const void *);
			value->len = va_arg(ap, size_t);
			break;
		default:
			value->number = va_arg(ap, int64_t);
			if (word[i] == 'z' && value->number == 0)
				value->kind = SQL_NULL;
		}
		values->count = i + 1;
	}
}

static struct sql_rows *ask(struct sql *sql, const char *text, const char *word, va_list ap)
{
	struct values values = {.count = 0};

	read_values(&values, word, ap);
	return sql->ops->ask(sql, text, values.list, values.count);
}

struct sql_rows *sql_ask(struct sql *sql, const char *text, const char *word, ...)
{
	struct sql_rows *rows;
	va_list ap;

	va_start(ap, word);
	rows = ask(sql, text, word, ap);
	va_end(ap);
	return rows;
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

int64_t sql_do(struct sql *sql, struct why *why, const char *text, const char *word, ...)
{
	struct sql_rows *rows;
	int64_t changes;
	va_list ap;
	int more;

	va_start(ap, word);
	rows = ask(sql, text, word, ap);
	va_end(ap);
	while ((more = sql->ops->next(rows, why)) == 1)
		;
	changes = more < 0 ? -1 : sql->ops->changes(rows);
	sql->ops->drop(rows);
	return changes;
}

int sql_number(struct sql *sql, int64_t *number, struct why *why, const char *text,
	       const char *word, ...)
{
	struct sql_rows *rows;
	va_list ap;
	int more;

	va_start(ap, word);
	rows = ask(sql, text, word, ap);
	va_end(ap);
	more = sql_next(rows, why);
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
