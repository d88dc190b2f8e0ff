/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/html.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/utf8.h"

enum { TITLE_MAX = 1000 }; /* characters */

/* The character of LENGTH bytes that P begins with (RFC 3629 section 3). */
static uint32_t decode_character(const char *p, unsigned length)
{
	static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)p[0] & first_bits[length];

	for (unsigned i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return code;
}

/* Characters that show nothing, or change how their neighbours are shown, and those that are none:
 * HTML does not allow U+FDD0 to U+FDEF and the last two of each plane. */
static bool is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
	    {0x00, 0x1f},     {0x7f, 0x9f},       {0xad, 0xad},     {0x34f, 0x34f},
	    {0x61c, 0x61c},   {0x115f, 0x1160},   {0x17b4, 0x17b5}, {0x180b, 0x180f},
	    {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f}, {0x3164, 0x3164},
	    {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
	    {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};

	if ((code & 0xfffe) == 0xfffe)
		return true;
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

static void put_visible(struct buf *to, uint32_t code, struct span bytes)
{
	if (is_hidden(code))
		buf_printf(to, "[U+%04" PRIX32 "]", code);
	else
		buf_span(to, bytes);
}

static void put_character(struct buf *to, uint32_t code, struct span bytes)
{
	switch (code) {
	case '&':
		buf_string(to, "&amp;");
		return;
	case '<':
		buf_string(to, "&lt;");
		return;
	case '>':
		buf_string(to, "&gt;");
		return;
	case '"':
		buf_string(to, "&quot;");
		return;
	case '\'':
		buf_string(to, "&#39;");
		return;
	default:
		put_visible(to, code, bytes);
	}
}

/* Writes up to MAX characters, each by PUT; what is left of TEXT. */
typedef void put_one(struct buf *to, uint32_t code, struct span bytes);
static struct span put_each(struct buf *to, struct span text, unsigned max, put_one *put)
{
	for (unsigned n = 0; n < max && !span_empty(text); n++) {
		unsigned length = utf8_length(text);

		if (length == 0) {
			buf_string(to, "\xef\xbf\xbd");
			text.p++;
			continue;
		}
		put(to, decode_character(text.p, length), (struct span){text.p, text.p + length});
		text.p += length;
	}
	return text;
}

static struct span put_text(struct buf *to, struct span text, unsigned max)
{
	return put_each(to, text, max, put_character);
}

void html_text(struct buf *to, const char *text)
{
	put_text(to, span_of(text == NULL ? "-" : text), UINT32_MAX);
}

/* The number of characters in TEXT, or MAX + 1 when there are more. */
static unsigned count_characters(struct span text, unsigned max)
{
	unsigned n = 0;

	for (; n <= max && !span_empty(text); n++) {
		unsigned length = utf8_length(text);

		text.p += length == 0 ? 1 : length;
	}
	return n;
}

void html_short(struct buf *to, const char *text, unsigned max)
{
	struct span all = span_of(text == NULL ? "-" : text), rest;

	if (count_characters(all, max) <= max) {
		put_text(to, all, max);
		return;
	}
	buf_string(to, "<span title=\"");
	rest = put_text(to, all, TITLE_MAX);
	buf_string(to, span_empty(rest) ? "\">" : "...\">");
	put_text(to, all, max - 1);
	buf_string(to, "\xe2\x80\xa6</span>");
}

void html_plain(struct buf *to, const char *text, unsigned max)
{
	struct span rest = put_each(to, span_of(text == NULL ? "-" : text), max, put_visible);

	if (!span_empty(rest))
		buf_string(to, "...");
}

/* The unreserved characters of RFC 3986 section 2.3 as they are, all others as %XX. A segment "."
 * or ".." leads elsewhere on this server (section 5.2.4), whatever its encoding. */
void html_path(struct buf *to, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (char_is_alnum(*p) || strchr("-._~", *p) != NULL)
			buf_char(to, (char)*p);
		else
			buf_printf(to, "%%%02X", *p);
	}
}

void html_number(struct buf *to, int64_t number)
{
	buf_printf(to, "%" PRId64, number);
}

void html_day(struct buf *to, int32_t day)
{
	char text[CLOCK_TEXT_MAX];

	buf_string(to, clock_day_text(day, text));
}
