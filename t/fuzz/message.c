/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admin/check/message: a file is a header of fields and a body, and nothing of it is lost. Written
 * out again it reads the same.
 */
#include <assert.h>

#include "admin/check/message.h"
#include "lib/buf.h"
#include "t/lib/fuzz.h"

static void write_out(const struct message_file *message, struct buf *out)
{
	for (unsigned i = 0; i < message->field_count; i++) {
		buf_span(out, message->fields[i].name);
		buf_char(out, ':');
		buf_span(out, message->fields[i].value);
		buf_string(out, "\r\n");
	}
	buf_string(out, "\r\n");
	buf_span(out, message->body);
}

static bool is_wire(struct span body)
{
	for (const char *p = body.p; p < body.end; p++)
		if (*p == '\n' && (p == body.p || p[-1] != '\r'))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct message_file message, again;
	struct buf out;

	message_parse(arena, span_make(data, size), &message);
	for (unsigned i = 0; i < message.field_count; i++) {
		struct span name = message.fields[i].name;

		assert(!span_empty(name) && !char_is_wsp((unsigned char)*name.p));
	}
	assert(message.size == size);
	buf_init(&out, arena, 0);
	write_out(&message, &out);
	message_parse(arena, buf_view(&out), &again);
	assert(again.field_count == message.field_count && again.broken_line == 0);
	for (unsigned i = 0; i < message.field_count; i++) {
		assert(span_same(again.fields[i].name, message.fields[i].name));
		assert(span_same(again.fields[i].value, message.fields[i].value));
	}
	if (is_wire(message.body))
		assert(span_same(again.body, message.body));
	arena_free(arena);
	return 0;
}
