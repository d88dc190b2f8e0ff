/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/wire.h"

#include <assert.h>
#include <string.h>

#include "lib/utf8.h"

/* ---- texts ---- */

/* Code points that steer a terminal or turn the direction of text. */
static const struct {
	uint32_t first, last;
} unwanted[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff},
};

static uint32_t decode_character(struct span text, unsigned length)
{
	const unsigned char *p = (const unsigned char *)text.p;

	switch (length) {
	case 1:
		return p[0];
	case 2:
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	case 3:
		return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	default:
		return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 |
		       (p[3] & 0x3fu);
	}
}

/* The length of the character that TEXT begins with if it may stay; else 0, and *SKIP has it. */
static unsigned wanted_length(struct span text, unsigned *skip)
{
	unsigned length;
	uint32_t point;

	if (*text.p >= ' ' && *text.p < 0x7f) /* nearly all */
		return 1;
	length = utf8_length(text);
	*skip = length > 0 ? length : 1;
	if (length == 0)
		return 0;
	point = decode_character(text, length);
	for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
		if (point >= unwanted[i].first && point <= unwanted[i].last)
			return 0;
	return length;
}

bool wire_is_clean(struct span text)
{
	unsigned length, skip;

	for (; !span_empty(text); text.p += length) {
		length = wanted_length(text, &skip);
		if (length == 0)
			return false;
	}
	return true;
}

void wire_clean(struct buf *out, struct span text)
{
	size_t begin = out->len;
	bool blank = false;

	text = span_trim(text);
	while (!span_empty(text)) {
		unsigned skip = 1, length;

		if (char_is_space((unsigned char)*text.p)) {
			blank = true;
			text.p++;
			continue;
		}
		length = wanted_length(text, &skip);
		if (out->len - begin + length + 4 > WIRE_TEXT_MAX)
			return;
		if (blank)
			buf_char(out, ' ');
		blank = false;
		if (length > 0)
			buf_add(out, text.p, length);
		else
			buf_string(out, "\xef\xbf\xbd");
		text.p += length > 0 ? length : skip;
	}
}

const char *wire_text(struct arena *arena, struct span text)
{
	struct buf clean;

	buf_init(&clean, arena, 0);
	wire_clean(&clean, text);
	return clean.len == 0 ? NULL : buf_text(&clean);
}

/* ---- frames ---- */

static void put_number(struct buf *out, uint64_t number, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		buf_char(out, (char)(number >> (8 * (i - 1))));
}

static bool take_number(struct span *rest, unsigned bytes, uint64_t *number)
{
	if (span_len(*rest) < bytes)
		return false;
	for (*number = 0; bytes > 0; bytes--)
		*number = *number << 8 | (unsigned char)*rest->p++;
	return true;
}

void wire_write(struct buf *out, enum inbox_part part, const void *record)
{
	size_t begin = out->len, length;

	put_number(out, 0, WIRE_HEADER);
	buf_char(out, (char)part);
	for (const struct inbox_field *field = part < INBOX_PARTS ? inbox_shapes[part].fields
								  : NULL;
	     field != NULL && field->name != NULL; field++) {
		const char *text;

		if (field->type != INBOX_TEXT) {
			put_number(out, (uint64_t)inbox_field_number(record, field), 8);
			continue;
		}
		text = inbox_field_text(record, field);
		put_number(out, text == NULL ? UINT32_MAX : strlen(text), 4);
		buf_string(out, text == NULL ? "" : text);
	}
	if (out->failed)
		return;
	length = out->len - begin - WIRE_HEADER;
	assert(length <= WIRE_FRAME_MAX);
	for (unsigned i = 0; i < WIRE_HEADER; i++)
		out->data[begin + i] = (char)(length >> (8 * (WIRE_HEADER - 1 - i)));
}

int wire_length(struct span bytes)
{
	uint64_t length;

	if (!take_number(&bytes, WIRE_HEADER, &length))
		return 0;
	return length < 1 || length > WIRE_FRAME_MAX ? -1 : (int)length + WIRE_HEADER;
}

static bool take_text(struct arena *arena, struct span *rest, const char **text)
{
	uint64_t length;
	struct span bytes;

	*text = NULL;
	if (!take_number(rest, 4, &length))
		return false;
	if (length == UINT32_MAX)
		return true;
	if (length > WIRE_TEXT_MAX || length > span_len(*rest))
		return false;
	bytes = span_make(rest->p, (size_t)length);
	rest->p += length;
	*text = arena_span(arena, bytes);
	return wire_is_clean(bytes);
}

static bool take_field(struct arena *arena, struct span *rest, const struct inbox_field *field,
		       void *record)
{
	char *to = (char *)record + field->offset;
	uint64_t number;
	const char *text;

	if (field->type == INBOX_TEXT) {
		if (!take_text(arena, rest, &text))
			return false;
		memcpy(to, &text, sizeof text);
	} else {
		if (!take_number(rest, 8, &number))
			return false;
		memcpy(to, &number, sizeof number);
	}
	return true;
}

bool wire_read(struct arena *arena, struct span frame, enum inbox_part *part, void *record)
{
	uint64_t length, kind;

	if (!take_number(&frame, WIRE_HEADER, &length) || length != span_len(frame) ||
	    !take_number(&frame, 1, &kind))
		return false;
	*part = (enum inbox_part)kind;
	memset(record, 0, INBOX_RECORD_MAX);
	if (kind == INBOX_PART_RESTART)
		return span_empty(frame);
	if (kind >= INBOX_PARTS)
		return false;
	for (const struct inbox_field *field = inbox_shapes[kind].fields; field->name != NULL;
	     field++)
		if (!take_field(arena, &frame, field, record))
			return false;
	return span_empty(frame);
}
