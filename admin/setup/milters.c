/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/milters.h"

#include <string.h>

#include "lib/buf.h"

static bool is_divider(char c)
{
	return c == ',' || char_is_space((unsigned char)c);
}

static void skip_dividers(struct span *s)
{
	while (s->p < s->end && is_divider(*s->p))
		s->p++;
}

/* Behind the brace that closes the one at P, or END. */
static const char *behind_braces(const char *p, const char *end)
{
	unsigned depth = 0;

	for (; p < end; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p + 1;
	}
	return end;
}

/* A word, or what is in braces, off *REST. */
static struct span take_word(struct span *rest)
{
	const char *begin = rest->p, *p = begin;

	while (p < rest->end && !is_divider(*p))
		p = *p == '{' ? behind_braces(p, rest->end) : p + 1;
	rest->p = p;
	return span_make(begin, (size_t)(p - begin));
}

/* Without the braces around S. */
static struct span strip_braces(struct span s)
{
	if (!span_empty(s) && *s.p == '{') {
		s.p++;
		if (!span_empty(s) && s.end[-1] == '}')
			s.end--;
	}
	return s;
}

bool milters_next(struct span *rest, struct milter_item *item)
{
	skip_dividers(rest);
	if (span_empty(*rest))
		return false;
	item->text = take_word(rest);
	item->settings = strip_braces(item->text);
	skip_dividers(&item->settings);
	item->address = take_word(&item->settings);
	return true;
}

/* "name=value", "{ name = value }" */
static bool split_setting(struct span text, struct span *name, struct span *value)
{
	const char *equals;

	text = strip_braces(text);
	equals = span_empty(text) ? NULL : memchr(text.p, '=', span_len(text));
	if (equals == NULL)
		return false;
	*name = span_trim(span_make(text.p, (size_t)(equals - text.p)));
	*value = span_trim(span_make(equals + 1, (size_t)(text.end - equals - 1)));
	return true;
}

bool milters_setting(const struct milter_item *item, const char *wanted, struct span *value)
{
	struct span rest = item->settings, name, found;

	skip_dividers(&rest);
	for (; !span_empty(rest); skip_dividers(&rest)) {
		if (split_setting(take_word(&rest), &name, &found) && span_eq(name, wanted)) {
			*value = found;
			return true;
		}
	}
	return false;
}

bool milters_path(struct span address, struct span *path)
{
	const char *colon = span_empty(address) ? NULL : memchr(address.p, ':', span_len(address));

	*path = address;
	if (span_istarts(address, "unix:") || span_istarts(address, "local:"))
		path->p = colon + 1;
	else if (span_empty(address) || *address.p != '/')
		return false;
	return !span_empty(*path);
}

const char *milters_add(struct arena *arena, struct span list, const char *ours,
			milters_drop *drops, void *arg)
{
	struct milter_item item;
	struct buf out;

	buf_init(&out, arena, 0);
	while (milters_next(&list, &item)) {
		if (drops != NULL && drops(arg, item.address))
			continue;
		buf_string(&out, out.len == 0 ? "" : ", ");
		buf_span(&out, item.text);
	}
	if (ours != NULL)
		buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ", ours);
	return buf_text(&out);
}
