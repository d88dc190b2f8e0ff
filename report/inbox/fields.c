/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/fields.h"

#include <string.h>

#include "lib/buf.h"

static struct span take_line(struct span *rest)
{
	const char *end = memchr(rest->p, '\n', span_len(*rest));
	struct span line = {rest->p, end == NULL ? rest->end : end};

	rest->p = end == NULL ? rest->end : end + 1;
	if (!span_empty(line) && line.end[-1] == '\r')
		line.end--;
	return line;
}

static bool is_continuation(struct span rest)
{
	return !span_empty(rest) && char_is_wsp((unsigned char)*rest.p);
}

static struct span unfold_field(struct arena *arena, struct span first, struct span *rest)
{
	struct buf value;

	if (!is_continuation(*rest))
		return span_trim(first);
	buf_init(&value, arena, 0);
	buf_span(&value, first);
	while (is_continuation(*rest)) {
		struct span line = take_line(rest);

		if (span_empty(span_trim(line)))
			break;
		buf_char(&value, ' ');
		buf_span(&value, span_trim(line));
	}
	return span_trim(buf_view(&value));
}

static struct span name_of(struct span line, const char *colon)
{
	struct span name = {line.p, colon};

	for (const char *p = name.p; p < name.end; p++)
		if (*p <= ' ' || *p > '~')
			return span_make(name.p,
					 char_is_wsp((unsigned char)*p) &&
						 span_empty(span_trim((struct span){p, name.end}))
					     ? (size_t)(p - name.p)
					     : 0);
	return name;
}

struct fields *fields_parse(struct arena *arena, struct span text)
{
	struct fields *fields = arena_make(arena, struct fields);

	while (!span_empty(text) && fields->count < FIELDS_MAX) {
		struct span line = take_line(&text);
		const char *colon = memchr(line.p, ':', span_len(line));
		struct field *field = &fields->items[fields->count];

		if (span_empty(line) && fields->count > 0)
			break;
		if (colon == NULL)
			continue;
		field->name = name_of(line, colon);
		field->value = unfold_field(arena, (struct span){colon + 1, line.end}, &text);
		if (!span_empty(field->name))
			fields->count++;
	}
	return fields;
}

const struct field *fields_next(const struct fields *fields, const char *name, unsigned *at)
{
	for (unsigned i = at == NULL ? 0 : *at; i < fields->count; i++)
		if (span_ieq(fields->items[i].name, name)) {
			if (at != NULL)
				*at = i + 1;
			return &fields->items[i];
		}
	return NULL;
}

struct span fields_get(const struct fields *fields, const char *name)
{
	const struct field *field = fields_next(fields, name, NULL);

	return field == NULL ? span_of(NULL) : field->value;
}

unsigned fields_count(const struct fields *fields, const char *name)
{
	unsigned at = 0, count = 0;

	while (fields_next(fields, name, &at) != NULL)
		count++;
	return count;
}
