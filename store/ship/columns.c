/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A column is one value of each row: the literal of an array, so that a statement brings any number
 * of rows.
 */
#include "store/ship/columns.h"

#include <assert.h>

#include "lib/utf8.h"
#include "store/sql/driver.h"

enum { CONFIG_COLUMN = 2 };

static const struct ship_column policy_columns[] = {
    {"domain", 't'},  {"day", 'i'},       {"config", 'b'}, {"since", 'i'},
    {"closed", 'i'},  {"p", 't'},         {"sp", 't'},     {"np", 't'},
    {"adkim", 't'},   {"aspf", 't'},      {"fo", 't'},     {"rua", 't'},
    {"testing", 't'}, {"discovery", 't'}, {"ruf", 't'},    {"error", 't'},
};
static const struct ship_column tally_columns[] = {
    {"domain", 't'},      {"day", 'i'},         {"config", 'b'},      {"source_ip", 't'},
    {"row_key", 'b'},     {"messages", 'i'},    {"quiet", 'i'},       {"dkim_aligned", 't'},
    {"spf_aligned", 't'}, {"disposition", 't'}, {"header_from", 't'}, {"envelope_from", 't'},
    {"envelope_to", 't'}, {"spf_domain", 't'},  {"spf_result", 't'},  {"reasons", 't'},
    {"dkim", 't'},        {"dkim_notes", 't'},  {"spf_note", 't'},
};

const struct ship_table ship_policy_table = {"policy", policy_columns,
					     sizeof policy_columns / sizeof policy_columns[0]};
const struct ship_table ship_tally_table = {"tally", tally_columns,
					    sizeof tally_columns / sizeof tally_columns[0]};

void ship_columns_init(struct ship_columns *columns, const struct ship_table *table, unsigned count,
		       struct arena *arena)
{
	assert(count <= SHIP_COLUMNS_MAX && count <= table->count);
	columns->table = table;
	columns->count = count;
	for (unsigned i = 0; i < count; i++) {
		buf_init(&columns->texts[i], arena, 0);
		buf_char(&columns->texts[i], '{');
	}
}

static void add_separator(struct buf *to)
{
	if (to->len > 1)
		buf_char(to, ',');
}

/* The other side refuses a batch with what is not UTF-8: none must ever be in it. */
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

static void add_value(struct buf *to, char kind, struct sql_rows *rows, int at)
{
	size_t len;

	if (kind == 'i') {
		add_number(to, sql_int_at(rows, at));
	} else if (kind == 't') {
		const char *text = rows->sql->ops->text(rows, at, &len);

		add_text(to, text, len);
	} else {
		const unsigned char *bytes = sql_blob_at(rows, at, &len);

		add_bytes(to, bytes, len);
	}
}

struct sql_value ship_columns_value(struct sql_rows *rows, int at, char kind, struct arena *arena)
{
	struct sql_value value = {.kind = SQL_NULL};
	const void *data;

	if (kind == 'b') {
		data = sql_blob_at(rows, at, &value.len);
		value.kind = SQL_BLOB;
		value.data = arena_copy(arena, data == NULL ? "" : data, value.len);
		return value;
	}
	value.data = sql_text_at(rows, at, arena);
	if (value.data != NULL)
		value.kind = kind == 't' ? SQL_TEXT : SQL_INT;
	value.number = sql_int_at(rows, at);
	return value;
}

void ship_columns_add(struct ship_columns *columns, struct sql_rows *rows,
		      const unsigned char *config)
{
	for (unsigned i = 0; i < columns->count; i++)
		if (i == CONFIG_COLUMN)
			add_bytes(&columns->texts[i], config, DRIVER_KEY_LEN);
		else
			add_value(&columns->texts[i], columns->table->columns[i].kind, rows,
				  (int)i);
}

struct sql_rows *ship_columns_insert(struct ship_columns *columns, struct sql *sql,
				     const char *conflict, struct arena *arena)
{
	struct sql_value values[SHIP_COLUMNS_MAX];
	struct buf names, types;

	buf_init(&names, arena, 0);
	buf_init(&types, arena, 0);
	for (unsigned i = 0; i < columns->count; i++) {
		const char *comma = i == 0 ? "" : ", ";
		char kind = columns->table->columns[i].kind;

		buf_printf(&names, "%s%s", comma, columns->table->columns[i].name);
		buf_printf(&types, "%s$%u::%s[]", comma, i + 1,
			   kind == 't'   ? "text"
			   : kind == 'i' ? "bigint"
					 : "bytea");
		buf_char(&columns->texts[i], '}');
		values[i] = sql_text(buf_text(&columns->texts[i]));
	}
	return sql_ask(sql,
		       arena_printf(arena, "INSERT INTO %s (%s) SELECT * FROM unnest(%s) %s",
				    columns->table->name, buf_text(&names), buf_text(&types),
				    conflict),
		       (struct sql_values){values, columns->count});
}
