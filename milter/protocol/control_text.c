/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/protocol/control_text.h"

#include <string.h>

const struct name_code control_verbs[] = {
    {"status", CONTROL_STATUS},           {"metrics", CONTROL_METRICS},
    {"reload", CONTROL_RELOAD},           {"log-level", CONTROL_LOG_LEVEL},
    {"cache-flush", CONTROL_CACHE_FLUSH}, {NULL, 0},
};

const struct name_code control_codes[] = {
    {"ok", CONTROL_OK},   {"no", CONTROL_NO}, {"denied", CONTROL_DENIED},
    {"bad", CONTROL_BAD}, {NULL, 0},
};

enum { HEAD_MAX = 24 };

static bool is_visible(struct span s)
{
	for (; s.p < s.end; s.p++) {
		if (*s.p <= ' ' || *s.p > '~')
			return false;
	}
	return true;
}

int control_parse_request(struct span line, struct control_request *request, struct why *why)
{
	struct span rest = line, verb, argument = {line.end, line.end};
	bool more = true;
	int found;

	if (span_split(&rest, &more, ' ', &verb) && more)
		argument = rest;
	if (!is_visible(verb) || !is_visible(argument))
		return why_set(why, "not a request");
	found = name_code(control_verbs, verb, -1);
	if (found < 0)
		return why_set(why, "unknown request; this daemon is version %s", VERSION);
	if (span_len(argument) >= sizeof request->argument)
		return why_set(why, "the argument is too long");
	request->verb = (enum control_verb)found;
	memcpy(request->argument, argument.p, span_len(argument));
	request->argument[span_len(argument)] = '\0';
	return 0;
}

void control_put_request(struct buf *out, enum control_verb verb, const char *argument)
{
	buf_string(out, name_text(control_verbs, (int)verb));
	if (argument[0] != '\0')
		buf_printf(out, " %s", argument);
	buf_char(out, '\n');
}

void control_put_answer(struct buf *out, enum control_code code, struct span body)
{
	buf_printf(out, "%s %zu\n", name_text(control_codes, (int)code), span_len(body));
	buf_span(out, body);
}

int control_parse_answer(struct span text, enum control_code *code, struct span *body)
{
	const char *lf = span_empty(text) ? NULL : memchr(text.p, '\n', span_len(text));
	struct span head, word;
	bool more = true;
	uint64_t length;
	int found;

	if (lf == NULL)
		return span_len(text) < HEAD_MAX ? 0 : -1;
	head = (struct span){text.p, lf};
	if (!span_split(&head, &more, ' ', &word) || !more)
		return -1;
	found = name_code(control_codes, word, -1);
	if (found < 0 || !span_number(head, CONTROL_ANSWER_MAX, &length))
		return -1;
	*code = (enum control_code)found;
	body->p = lf + 1;
	body->end = text.end;
	if (span_len(*body) < length)
		return 0;
	return span_len(*body) == length ? 1 : -1;
}
