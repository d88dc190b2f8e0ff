/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/probe/reply.h"

#include <string.h>

enum { SHOWN_MAX = 200 };

bool reply_parse(struct span line, struct reply_line *out)
{
	size_t length = span_len(line);

	if (length < 3 || line.p[0] < '2' || line.p[0] > '5' || !char_is_digit(line.p[1]) ||
	    !char_is_digit(line.p[2]) || (length > 3 && line.p[3] != ' ' && line.p[3] != '-'))
		return false;
	out->code = (unsigned)((line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + line.p[2] - '0');
	out->more = length > 3 && line.p[3] == '-';
	out->text = (struct span){line.p + (length > 3 ? 4 : 3), line.end};
	return true;
}

/* Takes the first word off *REST, which is empty at the end. */
static struct span take_word(struct span *rest)
{
	struct span word;

	while (!span_empty(*rest) && char_is_wsp(*rest->p))
		rest->p++;
	word = (struct span){rest->p, rest->p};
	while (word.end < rest->end && !char_is_wsp(*word.end))
		word.end++;
	rest->p = word.end;
	return word;
}

bool reply_offers(struct span text, const char *keyword)
{
	return span_ieq(take_word(&text), keyword);
}

struct span reply_name(struct span text)
{
	struct span word = take_word(&text);

	for (const char *p = word.p; p < word.end; p++) {
		if (!char_is_alnum((unsigned char)*p) && strchr("-._[]:", *p) == NULL)
			return span_of("");
	}
	return span_len(word) > 255 || memchr(word.p, '\0', span_len(word)) != NULL ? span_of("")
										    : word;
}

const char *reply_clean(struct arena *arena, struct span text)
{
	char *copy;

	if (span_len(text) > SHOWN_MAX)
		text.end = text.p + SHOWN_MAX;
	copy = arena_copy(arena, text.p, span_len(text));
	for (size_t i = 0; i < span_len(text); i++) {
		if (copy[i] < ' ' || copy[i] > '~')
			copy[i] = '?';
	}
	return copy;
}

bool reply_is_tagged(struct span line, const char *tag)
{
	return span_eq(take_word(&line), tag);
}

bool reply_is_ok(struct span line, const char *tag)
{
	struct span first = take_word(&line);

	if (tag == NULL)
		return span_eq(first, "+OK");
	return span_eq(first, tag) && span_ieq(take_word(&line), "OK");
}

bool reply_has_word(struct span line, const char *word)
{
	while (!span_empty(line)) {
		if (span_ieq(take_word(&line), word))
			return true;
	}
	return false;
}
