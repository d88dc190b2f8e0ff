/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/inbox_check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

#include "report/inbox/wire.h"

static void check_record(struct inbox_check *check, enum inbox_part part, const void *record)
{
	alignas(max_align_t) char again[INBOX_RECORD_MAX];
	enum inbox_part read;
	struct buf one, two;

	buf_init(&one, check->arena, 0);
	buf_init(&two, check->arena, 0);
	wire_write(&one, part, record);
	assert(wire_read(check->arena, buf_view(&one), &read, again) && read == part);
	wire_write(&two, part, again);
	assert(span_same(buf_view(&one), buf_view(&two)));
}

int inbox_check_visit(void *arg, enum inbox_part part, const void *record)
{
	struct inbox_check *check = arg;

	if (part == INBOX_PART_RESTART) {
		check->records = check->heads = 0;
		return 0;
	}
	check_record(check, part, record);
	check->records++;
	if (part == INBOX_PART_END) {
		const struct inbox_end *end = record;

		assert((end->kind == INBOX_NOTHING) == (end->reason != NULL));
		check->ends++;
		check->records = 0;
	} else if (inbox_shapes[part].depth == 0 && part != INBOX_PART_MAIL) {
		check->heads++;
	}
	return 0;
}

int inbox_check_text(void *arg, enum inbox_part part, const void *record)
{
	struct inbox_check *check = arg;

	inbox_check_visit(check, part, record);
	if (part == INBOX_PART_RESTART) {
		buf_clear(&check->text);
		return 0;
	}
	buf_string(&check->text, part == INBOX_PART_END            ? "end"
				 : inbox_shapes[part].list != NULL ? inbox_shapes[part].list
								   : "head");
	for (const struct inbox_field *f = inbox_shapes[part].fields; f->name != NULL; f++) {
		if (f->type == INBOX_TEXT && inbox_field_text(record, f) != NULL)
			buf_printf(&check->text, " %s=%s", f->name, inbox_field_text(record, f));
		else if (f->type != INBOX_TEXT && inbox_field_number(record, f) != INBOX_NO_TIME)
			buf_printf(&check->text, " %s=%" PRId64, f->name,
				   inbox_field_number(record, f));
	}
	buf_char(&check->text, '\n');
	return 0;
}
