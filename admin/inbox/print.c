/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/print.h"

#include <inttypes.h>
#include <string.h>

#include "admin/out.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "report/inbox/wire.h"
#include "report/json.h"

enum { ROWS_SHOWN = 40 };

static const char *time_text(int64_t at, char text[CLOCK_TEXT_MAX])
{
	return at == INBOX_NO_TIME ? NULL : clock_utc_text(at, text);
}

/* ---- JSON ---- */

struct json_print {
	struct buf line;
	const char *list;  /* open at depth 1, or NULL */
	const char *inner; /* open at depth 2, in the last object of LIST */
	bool record_open;  /* that object */
	unsigned items;    /* of the innermost list */
};

static void put_member(struct buf *line, const char *name, const char *text)
{
	buf_printf(line, ",\"%s\":", name);
	json_put_text(line, text);
}

static void put_field(struct buf *line, const void *record, const struct inbox_field *field)
{
	char text[CLOCK_TEXT_MAX];

	switch (field->type) {
	case INBOX_TEXT:
		put_member(line, field->name, inbox_field_text(record, field));
		break;
	case INBOX_NUMBER:
		buf_printf(line, ",\"%s\":%" PRId64, field->name,
			   inbox_field_number(record, field));
		break;
	case INBOX_TIME:
		put_member(line, field->name, time_text(inbox_field_number(record, field), text));
		break;
	}
}

static void close_lists(struct json_print *print, unsigned depth)
{
	if (print->inner != NULL && depth < 2) {
		buf_char(&print->line, ']');
		print->inner = NULL;
	}
	if (print->record_open && depth < 2) {
		buf_char(&print->line, '}');
		print->record_open = false;
	}
	if (print->list != NULL && depth < 1) {
		buf_char(&print->line, ']');
		print->list = NULL;
	}
}

/* Opens the list LIST where it is another than the one that is open. */
static void open_list(struct json_print *print, const char **open, const char *list)
{
	if (*open != NULL && strcmp(*open, list) == 0) {
		buf_char(&print->line, ',');
		return;
	}
	if (*open != NULL)
		buf_char(&print->line, ']');
	buf_printf(&print->line, ",\"%s\":[", list);
	*open = list;
}

/* The fields as an object; a list of texts has the texts alone. CLOSED: nothing can follow. */
static void put_object(struct buf *line, const struct inbox_shape *shape, const void *record,
		       bool closed)
{
	size_t begin = line->len;

	if (shape->fields[1].name == NULL) {
		json_put_text(line, inbox_field_text(record, shape->fields));
		return;
	}
	for (const struct inbox_field *field = shape->fields; field->name != NULL; field++)
		put_field(line, record, field);
	if (!line->failed)
		line->data[begin] = '{';
	if (closed)
		buf_char(line, '}');
}

static void flush_line(struct json_print *print)
{
	fwrite(print->line.data, 1, print->line.len, stdout);
	buf_clear(&print->line);
}

static int print_part(void *arg, enum inbox_part part, const void *record)
{
	struct json_print *print = arg;
	const struct inbox_shape *shape = &inbox_shapes[part];

	close_lists(print, shape->depth);
	if (shape->depth == 0) {
		for (const struct inbox_field *field = shape->fields; field->name != NULL; field++)
			put_field(&print->line, record, field);
	} else if (shape->depth == 1) {
		open_list(print, &print->list, shape->list);
		print->record_open = shape->fields[1].name != NULL;
		put_object(&print->line, shape, record, false);
	} else {
		open_list(print, &print->inner, shape->list);
		put_object(&print->line, shape, record, true);
	}
	if (print->line.len > 32768)
		flush_line(print);
	return 0;
}

int inbox_print_json(const struct reader_result *result, unsigned i,
		     const struct inbox_place *place, struct why *why)
{
	const struct inbox_end *end = &reader_report(result, i)->end;
	struct json_print print = {.list = NULL};
	char now[CLOCK_TEXT_MAX];
	struct buf *line = &print.line;
	struct buf clean;
	int status;

	buf_init(line, NULL, 0);
	buf_init(&clean, NULL, 0);
	buf_printf(line, "{\"schema\":\"countersign.inbox.read/1\",\"version\":\"%s\"", VERSION);
	put_member(line, "generated", clock_utc_text(clock_wall(), now));
	put_member(line, "kind", inbox_kind_text((enum inbox_kind)end->kind));
	wire_clean(&clean, span_of(place->file));
	put_member(line, "file", buf_text(&clean));
	if (place->message > 0)
		buf_printf(line, ",\"message\":%" PRIu64, place->message);
	if (end->reason != NULL)
		put_member(line, "reason", end->reason);
	if (place->ledger != NULL)
		put_member(line, "ledger", place->ledger);
	buf_printf(line, ",\"repaired\":%s", end->repaired ? "true" : "false");
	status = reader_each(result, i, print_part, &print, why);
	close_lists(&print, 0);
	flush_line(&print);
	buf_free(&clean);
	buf_free(line);
	return status;
}

/* ---- text ---- */

struct text_print {
	struct admin *admin;
	const char *list;
	uint64_t rows;
};

static void print_value(const void *record, const struct inbox_field *field)
{
	char text[CLOCK_TEXT_MAX];
	const char *value = NULL;

	if (field->type == INBOX_NUMBER)
		printf("%" PRId64, inbox_field_number(record, field));
	else
		value = field->type == INBOX_TEXT
			    ? inbox_field_text(record, field)
			    : time_text(inbox_field_number(record, field), text);
	if (value != NULL)
		out_text(stdout, value);
}

static bool has_value(const void *record, const struct inbox_field *field)
{
	if (field->type == INBOX_TEXT)
		return inbox_field_text(record, field) != NULL;
	return field->type == INBOX_NUMBER || inbox_field_number(record, field) != INBOX_NO_TIME;
}

static void print_head(const struct inbox_shape *shape, const void *record)
{
	for (const struct inbox_field *field = shape->fields; field->name != NULL; field++) {
		if (!has_value(record, field))
			continue;
		printf("  %-24s", field->name);
		print_value(record, field);
		putchar('\n');
	}
}

/* One line: "name=value name=value". */
static void print_record(const struct inbox_shape *shape, const void *record)
{
	bool alone = shape->fields[1].name == NULL;

	printf("%*s%s:", shape->depth == 1 ? 2 : 6, "", shape->list);
	for (const struct inbox_field *field = shape->fields; field->name != NULL; field++) {
		if (!has_value(record, field))
			continue;
		printf(alone ? " " : " %s=", field->name);
		print_value(record, field);
	}
	putchar('\n');
}

static int print_text_part(void *arg, enum inbox_part part, const void *record)
{
	struct text_print *print = arg;
	const struct inbox_shape *shape = &inbox_shapes[part];

	if (shape->depth == 0) {
		print_head(shape, record);
		return 0;
	}
	if (part == INBOX_PART_ROW || part == INBOX_PART_TLS_POLICY)
		print->rows++;
	if (print->rows <= ROWS_SHOWN || print->admin->verbose > 0)
		print_record(shape, record);
	return 0;
}

int inbox_print_text(struct admin *admin, const struct reader_result *result, unsigned i,
		     const struct inbox_place *place, struct why *why)
{
	const struct inbox_end *end = &reader_report(result, i)->end;
	struct text_print print = {.admin = admin};
	bool color = admin_color(admin, stdout);
	enum out_style style = end->kind == INBOX_NOTHING ? OUT_BAD : OUT_BOLD;
	int status;

	out_text(stdout, place->file);
	if (place->message > 0)
		printf(" message %" PRIu64, place->message);
	printf(": %s%s%s%s", out_on(style, color), inbox_kind_text((enum inbox_kind)end->kind),
	       out_off(style, color), end->repaired ? " (repaired)" : "");
	if (end->reason != NULL) {
		fputs(": ", stdout);
		out_text(stdout, end->reason);
	}
	if (place->ledger != NULL)
		printf(", %s", place->ledger);
	putchar('\n');
	status = reader_each(result, i, print_text_part, &print, why);
	if (print.rows > ROWS_SHOWN && admin->verbose == 0)
		printf("  ... %" PRIu64 " more (-v or --json)\n", print.rows - ROWS_SHOWN);
	return status;
}
