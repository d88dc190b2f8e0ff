/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/dkim/write.h"

#include <assert.h>
#include <string.h>

#include "lib/codec/base64.h"

enum { LINE_MAX_COLUMNS = 78, TAB_COLUMNS = 8 };

void sigwriter_begin(struct sigwriter *writer, struct arena *arena, const char *field)
{
	buf_init(&writer->out, arena, 0);
	buf_char(&writer->out, ' ');
	writer->column = strlen(field) + strlen(": ");
}

static void fold_line(struct sigwriter *writer)
{
	buf_add(&writer->out, "\r\n\t", 3);
	writer->column = TAB_COLUMNS;
}

void sigwriter_piece(struct sigwriter *writer, const char *blank, struct span text)
{
	if (writer->column + strlen(blank) + span_len(text) > LINE_MAX_COLUMNS) {
		fold_line(writer);
	} else {
		buf_string(&writer->out, blank);
		writer->column += strlen(blank);
	}
	buf_span(&writer->out, text);
	writer->column += span_len(text);
}

void sigwriter_tag(struct sigwriter *writer, const char *name, const char *value)
{
	const char *text = arena_printf(writer->out.arena, "%s=%s;", name, value);

	sigwriter_piece(writer, writer->out.len > 1 ? " " : "", span_of(text));
}

void sigwriter_number(struct sigwriter *writer, const char *name, int64_t value)
{
	sigwriter_tag(writer, name, arena_printf(writer->out.arena, "%lld", (long long)value));
}

static const char *base64_text(struct arena *arena, const void *data, size_t len)
{
	struct buf text;

	buf_init(&text, arena, 0);
	base64_encode(&text, data, len);
	return buf_text(&text);
}

void sigwriter_data(struct sigwriter *writer, const char *name, const void *data, size_t len)
{
	sigwriter_tag(writer, name, base64_text(writer->out.arena, data, len));
}

const char *sigwriter_algorithm(const struct signing_key *key)
{
	return signing_key_type(key) == CRYPT_ED25519 ? "ed25519-sha256" : "rsa-sha256";
}

void sigwriter_open(struct sigwriter *writer)
{
	fold_line(writer);
	sigwriter_piece(writer, "", span_of("b="));
}

void sigwriter_signature(struct sigwriter *writer, struct span signature)
{
	struct span text =
	    span_of(base64_text(writer->out.arena, signature.p, span_len(signature)));

	while (!span_empty(text)) {
		size_t room = LINE_MAX_COLUMNS - writer->column;
		size_t n = span_len(text) < room ? span_len(text) : room;

		sigwriter_piece(writer, "", span_make(text.p, n));
		text.p += n;
		if (!span_empty(text))
			fold_line(writer);
	}
}
