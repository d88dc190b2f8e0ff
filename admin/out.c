/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/out.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "lib/buf.h"

static const char *const codes[] = {
    [OUT_PLAIN] = "",       [OUT_GOOD] = "\033[32m", [OUT_WARN] = "\033[33m",
    [OUT_BAD] = "\033[31m", [OUT_DIM] = "\033[2m",   [OUT_BOLD] = "\033[1m",
};

const char *out_on(enum out_style style, bool color)
{
	return color ? codes[style] : "";
}

const char *out_off(enum out_style style, bool color)
{
	return color && style != OUT_PLAIN ? "\033[0m" : "";
}

/* Adds TEXT as it may be printed to OUT; returns how many columns of a terminal it takes. */
static unsigned add_printable(const char *text, struct buf *out)
{
	const char *end = text + strlen(text);
	mbstate_t state = {0};
	unsigned width = 0;

	while (text < end) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, (size_t)(end - text), &state);
		int columns = n == 0 || n > (size_t)(end - text) ? -1 : wcwidth(c);

		if (columns < 0) {
			memset(&state, 0, sizeof state);
			n = 1;
			columns = 4;
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
		} else {
			buf_add(out, text, n);
		}
		width += (unsigned)columns;
		text += n;
	}
	return width;
}

void out_text(FILE *stream, const char *text)
{
	struct buf out;

	buf_init(&out, NULL, 0);
	add_printable(text, &out);
	fputs(buf_text(&out), stream);
	buf_free(&out);
}

struct cell {
	const char *text;
	unsigned width;
	enum out_style style;
};

struct column {
	bool right;
	unsigned width;
};

struct out_table {
	struct arena *arena;
	struct column *columns;
	unsigned column_count;
	struct cell *cells; /* the headings are the first row */
	unsigned count, cap;
};

static void add_cell(struct out_table *table, enum out_style style, const char *text)
{
	struct column *column = &table->columns[table->count % table->column_count];
	struct cell *cell;
	struct buf out;

	if (table->count == table->cap) {
		struct cell *old = table->cells;

		table->cap = table->cap == 0 ? 64 : table->cap * 2;
		table->cells = arena_array(table->arena, table->cap, sizeof *table->cells);
		if (table->count > 0)
			memcpy(table->cells, old, table->count * sizeof *old);
	}
	buf_init(&out, table->arena, 0);
	cell = &table->cells[table->count++];
	cell->width = add_printable(text, &out);
	cell->text = buf_text(&out);
	cell->style = style;
	if (cell->width > column->width)
		column->width = cell->width;
}

struct out_table *out_table_new(struct arena *arena, const char *const *headings, unsigned columns)
{
	struct out_table *table = arena_make(arena, struct out_table);

	assert(columns > 0);
	table->arena = arena;
	table->columns = arena_array(arena, columns, sizeof *table->columns);
	table->column_count = columns;
	for (unsigned i = 0; i < columns; i++) {
		table->columns[i].right = headings[i][0] == '>';
		add_cell(table, OUT_BOLD, headings[i] + table->columns[i].right);
	}
	return table;
}

void out_cell(struct out_table *table, enum out_style style, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_cell(table, style, arena_vprintf(table->arena, format, ap));
	va_end(ap);
}

static void print_cell(const struct out_table *table, unsigned i, FILE *stream, bool color)
{
	const struct cell *cell = &table->cells[i];
	const struct column *column = &table->columns[i % table->column_count];
	bool last = i % table->column_count == table->column_count - 1;
	int pad = (int)(column->width - cell->width);

	fprintf(stream, "%*s%s%s%s", column->right ? pad : 0, "", out_on(cell->style, color),
		cell->text, out_off(cell->style, color));
	if (last)
		fputc('\n', stream);
	else
		fprintf(stream, "%*s", (column->right ? 0 : pad) + 2, "");
}

void out_table_print(const struct out_table *table, FILE *stream, bool color)
{
	assert(table->count % table->column_count == 0);
	if (table->count == table->column_count)
		return;
	for (unsigned i = 0; i < table->count; i++)
		print_cell(table, i, stream, color);
}
