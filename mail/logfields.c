/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/logfields.h"

#include <string.h>

#include "lib/buf.h"

/* line = id ":" *( SP key "=" value )
 * key = 1*( ALPHA / DIGIT / "_" )
 * value = *( plain / DQUOTE *( qchar / "\" qchar / "\x" 2HEXDIG ) DQUOTE ) */

static bool read_key(struct span *rest, struct span *key)
{
	*key = (struct span){rest->p, rest->p};
	while (key->end < rest->end &&
	       (char_is_alnum((unsigned char)*key->end) || *key->end == '_'))
		key->end++;
	if (span_empty(*key) || key->end == rest->end || *key->end != '=')
		return false;
	rest->p = key->end + 1;
	return true;
}

/* *P points after the backslash; is left on the last byte of what it stood for. */
static bool read_escape(const char **p, const char *end, struct buf *out)
{
	int high, low;

	if (*p == end)
		return false;
	if (**p != 'x') {
		buf_char(out, **p);
		return true;
	}
	if (end - *p < 3)
		return false;
	high = char_hex((unsigned char)(*p)[1]);
	low = char_hex((unsigned char)(*p)[2]);
	*p += 2;
	if (high < 0 || low < 0)
		return false;
	buf_char(out, high == 0 && low == 0 ? '?' : (char)(high << 4 | low));
	return true;
}

/* To the blank behind it. */
static bool read_value(struct span *rest, struct buf *out)
{
	bool quoted = false;
	const char *p;

	for (p = rest->p; p < rest->end && (quoted || *p != ' '); p++) {
		if (*p == '"') {
			quoted = !quoted;
		} else if (quoted && *p == '\\') {
			p++;
			if (!read_escape(&p, rest->end, out))
				return false;
		} else if (*p == '\0') {
			return false;
		} else {
			buf_char(out, *p);
		}
	}
	rest->p = p;
	return !quoted;
}

static bool add_field(struct arena *arena, struct logfields *out, const char *key,
		      const char *value)
{
	for (unsigned i = 0; i < out->count; i++) {
		if (strcmp(out->items[i].key, key) != 0)
			continue;
		out->items[i].value = arena_printf(arena, "%s, %s", out->items[i].value, value);
		return true;
	}
	if (out->count == LOGFIELDS_MAX)
		return false;
	out->items[out->count].key = key;
	out->items[out->count++].value = value;
	return true;
}

bool logfields_parse(struct arena *arena, struct span line, struct logfields *out)
{
	struct span rest = line, key, id;
	bool more = true;

	out->count = 0;
	if (!span_split(&rest, &more, ':', &id) || !more || span_empty(id) ||
	    memchr(id.p, ' ', span_len(id)) != NULL || memchr(id.p, '\0', span_len(id)) != NULL)
		return false;
	add_field(arena, out, "qid", arena_span(arena, id));
	while (!span_empty(rest)) {
		struct buf value;

		if (*rest.p++ != ' ' || !read_key(&rest, &key))
			return false;
		buf_init(&value, arena, 0);
		if (!read_value(&rest, &value) ||
		    !add_field(arena, out, arena_span(arena, key), buf_text(&value)))
			return false;
	}
	return true;
}

const char *logfields_get(const struct logfields *fields, const char *key)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (strcmp(fields->items[i].key, key) == 0)
			return fields->items[i].value;
	return NULL;
}

static bool match_address(struct span value, const char *wanted)
{
	struct span bare = {value.p + 1, value.end - 1};
	const char *at = bare.end;

	if (span_ieq(value, wanted) || span_ieq(bare, wanted))
		return true;
	while (at > bare.p && at[-1] != '@')
		at--;
	return at > bare.p && span_ieq((struct span){at, bare.end}, wanted);
}

static bool is_bracketed(struct span value)
{
	return span_len(value) >= 2 && *value.p == '<' && value.end[-1] == '>';
}

static bool match_item(struct span item, const char *wanted)
{
	struct span part;
	bool more = true;

	if (is_bracketed(item))
		return match_address(item, wanted);
	if (span_ieq(item, wanted))
		return true;
	for (unsigned i = 0; i < 2 && span_split(&item, &more, '/', &part); i++)
		if (span_ieq(part, wanted))
			return true;
	return false;
}

bool logfields_match(const char *value, const char *wanted)
{
	struct span rest = span_of(value), item;
	bool more = true;

	if (is_bracketed(rest) && match_address(rest, wanted))
		return true;
	if (span_ieq(rest, wanted))
		return true;
	while (span_split(&rest, &more, ',', &item))
		if (match_item(span_trim(item), wanted))
			return true;
	return false;
}
