/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What engines are given, and what two of them made of the same signature. An engine that cannot
 * verify a signature has no opinion of it; that is not a disagreement.
 */
#include "policy/dkim/engine.h"

#include <string.h>

#include "lib/buf.h"
#include "policy/dkim/canon.h"

/* ---- fields ---- */

/* Copies VALUE to TO, with room for one more byte a line, with folds as CRLF. */
static char *copy_value(char *to, struct span value)
{
	const char *lf;

	while ((lf = memchr(value.p, '\n', span_len(value))) != NULL) {
		size_t len = (size_t)(lf - value.p);

		memcpy(to, value.p, len);
		to += len;
		if (len == 0 || lf[-1] != '\r')
			*to++ = '\r';
		*to++ = '\n';
		value.p = lf + 1;
	}
	if (!span_empty(value))
		memcpy(to, value.p, span_len(value));
	return to + span_len(value);
}

static size_t lines_of(struct span text)
{
	const char *lf;
	size_t count = 0;

	for (; (lf = memchr(text.p, '\n', span_len(text))) != NULL; text.p = lf + 1)
		count++;
	return count;
}

/* "Name:value" with folds as CRLF, without a CRLF at the end. */
static struct span field_text(struct arena *arena, struct span name, struct span value)
{
	char *text, *to;

	if (span_len(value) >= 2 && value.end[-2] == '\r' && value.end[-1] == '\n')
		value.end -= 2;
	text = arena_alloc(arena, span_len(name) + span_len(value) + lines_of(value) + 1);
	memcpy(text, name.p, span_len(name));
	to = text + span_len(name);
	*to++ = ':';
	return (struct span){text, copy_value(to, value)};
}

/* The blanks before the colon belong to the text, for simple canonicalization. */
struct dkimengine_field *dkimengine_field_new(struct arena *arena, struct span name,
					      struct span value)
{
	struct dkimengine_field *field = arena_make(arena, struct dkimengine_field);

	field->text = field_text(arena, name, value);
	field->name = span_make(field->text.p, span_len(name));
	field->name.end = span_trim(field->name).end;
	field->value = (struct span){field->text.p + span_len(name) + 1, field->text.end};
	return field;
}

/* ---- disagreements ---- */

static const char *const result_texts[] = {
    [DKIMENGINE_OPEN] = "nothing",
    [DKIMENGINE_GOOD] = "good",
    [DKIMENGINE_BAD_SIGNATURE] = "wrong signature",
    [DKIMENGINE_BAD_BODY] = "other body",
    [DKIMENGINE_SHORT_BODY] = "short body",
    [DKIMENGINE_REFUSED] = "refused",
    [DKIMENGINE_BROKEN] = "broken",
};

static bool has_opinion(const struct dkimengine_task *task)
{
	return task->result != DKIMENGINE_OPEN && task->result != DKIMENGINE_REFUSED &&
	       task->result != DKIMENGINE_BROKEN;
}

static const char *partial_text(const struct dkimengine_task *task)
{
	return task->partial ? " in part" : "";
}

enum { FIELD_SHOWN = 1600, KEY_SHOWN = 1000 };

/* TEXT on one line of printable ASCII, at most MAX characters of it. */
static void put_text(struct buf *out, struct span text, size_t max)
{
	for (; text.p < text.end && max > 0; text.p++, max--)
		buf_char(out, *text.p < ' ' || *text.p > '~' ? '?' : *text.p);
}

/* What was verified, and with which key: the signature names the fields that it is over. */
static const char *evidence_text(struct arena *arena, const struct dkimengine_task *task,
				 const struct dns_answer *key)
{
	struct buf field, out;

	buf_init(&field, arena, 0);
	buf_init(&out, arena, 0);
	canon_header(&field, DKIMSIG_RELAXED, task->field->name, task->field->value);
	put_text(&out, span_make(field.data, field.len - 2), FIELD_SHOWN);
	for (unsigned i = 0; key != NULL && i < key->count; i++) {
		buf_string(&out, "; key \"");
		put_text(&out, span_make(key->records[i].text, key->records[i].length),
			 KEY_SHOWN / key->count);
		buf_char(&out, '"');
	}
	return buf_text(&out);
}

const char *dkimengine_disagreement(struct arena *arena, const struct dkimengine *one,
				    const struct dkimengine_task *task,
				    const struct dkimengine *other,
				    const struct dkimengine_task *other_task,
				    const struct dns_answer *key)
{
	if (!has_opinion(task) || !has_opinion(other_task) ||
	    (task->result == other_task->result && task->partial == other_task->partial))
		return NULL;
	return arena_printf(arena, "DKIM engines disagree: %s %s%s, %s %s%s; %s", one->name,
			    result_texts[task->result], partial_text(task), other->name,
			    result_texts[other_task->result], partial_text(other_task),
			    evidence_text(arena, task, key));
}
