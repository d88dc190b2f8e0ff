/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A column is an array literal with one value for each row, so that one statement inserts any
 * number of rows.
 */
#include "store/ship/columns.h"

#include <assert.h>

#include "lib/utf8.h"

void ship_columns_init(struct ship_columns *columns, const struct schema_table *table, unsigned max,
		       struct arena *arena)
{
	columns->table = table;
	columns->list = schema_list(table, SCHEMA_OF_SHARED);
	if (columns->list.count > max)
		columns->list.count = max;
	for (unsigned i = 0; i < columns->list.count; i++) {
		buf_init(&columns->texts[i], arena, 0);
		buf_char(&columns->texts[i], '{');
	}
}

static void add_separator(struct buf *to)
{
	if (to->len > 1)
		buf_char(to, ',');
}

/* The server refuses a batch that holds anything but UTF-8. */
static void add_text(struct buf *to, const char *text, size_t len)
{
	struct buf clean;

	add_separator(to);
	if (text == NULL) {
		buf_string(to, "NULL");
		return;
	}
	buf_init(&clean, NULL, 0);
	utf8_clean(&clean, span_make(text, len));
	buf_char(to, '"');
	for (size_t i = 0; i < clean.len; i++) {
		if (clean.data[i] == '"' || clean.data[i] == '\\')
			buf_char(to, '\\');
		buf_char(to, clean.data[i]);
	}
	buf_char(to, '"');
	buf_free(&clean);
}

static void add_bytes(struct buf *to, const unsigned char *bytes, size_t len)
{
	add_separator(to);
	buf_string(to, "\"\\\\x");
	for (size_t i = 0; i < len; i++)
		buf_printf(to, "%02x", bytes[i]);
	buf_char(to, '"');
}

static void add_number(struct buf *to, int64_t number)
{
	add_separator(to);
	buf_printf(to, "%lld", (long long)number);
}

static void add_value(struct buf *to, enum schema_type type, struct sql_rows *rows, int at)
{
	const char *text;
	const void *bytes;
	size_t len;

	switch (type) {
	case SCHEMA_TEXT:
		text = rows->sql->ops->text(rows, at, &len);
		add_text(to, text, len);
		break;
	case SCHEMA_INT:
	case SCHEMA_DAY:
		add_number(to, sql_int_at(rows, at));
		break;
	case SCHEMA_KEY:
	case SCHEMA_BYTES:
		bytes = sql_blob_at(rows, at, &len);
		add_bytes(to, bytes, len);
		break;
	}
}

void ship_columns_add(struct ship_columns *columns, struct sql_rows *rows,
		      const unsigned char *config)
{
	for (unsigned i = 0; i < columns->list.count; i++) {
		const struct schema_column *column = columns->list.at[i];

		if (column->role == SCHEMA_CONFIG)
			add_bytes(&columns->texts[i], config, DRIVER_KEY_LEN);
		else
			add_value(&columns->texts[i], column->type, rows, (int)i);
	}
}

struct sql_rows *ship_columns_insert(struct ship_columns *columns, struct sql *sql,
				     const char *rest, struct arena *arena)
{
	const struct schema_list *list = &columns->list;
	struct sql_value values[SCHEMA_COLUMNS_MAX];
	struct buf text;

	assert(list->count == schema_list(columns->table, SCHEMA_OF_SHARED).count);
	buf_init(&text, arena, 0);
	buf_printf(&text, "INSERT INTO %s (", columns->table->name);
	schema_names(&text, list, 0, list->count, "");
	buf_string(&text, ") SELECT * FROM unnest(");
	for (unsigned i = 0; i < list->count; i++) {
		buf_printf(&text, "%s$%u::%s[]", i == 0 ? "" : ", ", i + 1,
			   schema_type_name(list->at[i], SCHEMA_SHARED));
		buf_char(&columns->texts[i], '}');
		values[i] = sql_text(buf_text(&columns->texts[i]));
	}
	buf_char(&text, ')');
	schema_conflict(&text, columns->table);
	buf_string(&text, rest);
	return sql_ask(sql, buf_text(&text), (struct sql_values){values, list->count});
}
