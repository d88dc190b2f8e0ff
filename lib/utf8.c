/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/utf8.h"

/* RFC 3629 section 4: what the first byte says about the second, and the length. The others are
 * %x80-BF. Overlong forms and surrogates do not fit. */
static const struct form {
	unsigned char first, last, second_min, second_max, length;
} forms[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static const struct form *find_form(unsigned char first)
{
	for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (first >= forms[i].first && first <= forms[i].last)
			return &forms[i];
	return NULL;
}

unsigned utf8_length(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	const struct form *form = span_empty(s) ? NULL : find_form(p[0]);

	if (form == NULL || span_len(s) < form->length)
		return 0;
	if (form->length > 1 && (p[1] < form->second_min || p[1] > form->second_max))
		return 0;
	for (unsigned i = 2; i < form->length; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return form->length;
}

/* The length of the clean character that S begins with, or 0. */
static unsigned clean_length(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned length;

	if (*p >= 0x20 && *p < 0x80)
		return 1;
	if (*p < 0x20)
		return *p == '\t' || *p == '\n' || *p == '\r';
	length = utf8_length(s);
	if (length == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
		return 0;
	return length;
}

bool utf8_is_clean(struct span text)
{
	unsigned length;

	for (; !span_empty(text); text.p += length) {
		length = clean_length(text);
		if (length == 0)
			return false;
	}
	return true;
}

void utf8_clean(struct buf *out, struct span text)
{
	while (!span_empty(text)) {
		unsigned length = clean_length(text);

		if (length > 0)
			buf_add(out, text.p, length);
		else
			buf_string(out, "\xef\xbf\xbd");
		if (length == 0) /* a character that is not allowed is replaced as a whole */
			length = utf8_length(text) > 0 ? utf8_length(text) : 1;
		text.p += length;
	}
}
