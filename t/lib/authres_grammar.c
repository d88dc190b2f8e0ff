/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Written from the ABNF alone and apart from policy/authres.c, so that both cannot be wrong in the
 * same way.
 */
#include "t/lib/authres_grammar.h"

#include <string.h>

#include "lib/buf.h"

struct checker {
	const char *p, *end;
	struct buf out;
};

/* comment, with one level of nesting for each call; what we write has none */
static bool comment(struct checker *c)
{
	for (c->p++; c->p < c->end && *c->p != ')'; c->p++) {
		if (*c->p == '\\' || *c->p == '(' || (*c->p < ' ' && !char_is_space(*c->p)))
			return false;
	}
	return c->p < c->end && *c->p++ == ')';
}

static bool cfws(struct checker *c)
{
	bool any = false;

	while (c->p < c->end && (char_is_space(*c->p) || *c->p == '(')) {
		any = true;
		if (*c->p == '(' ? !comment(c) : (c->p++, false))
			return false;
	}
	return any;
}

static bool literal(struct checker *c, char want)
{
	if (c->p == c->end || *c->p != want)
		return false;
	buf_char(&c->out, *c->p++);
	return true;
}

/* Keyword = Ldh-str (RFC 5321 section 4.1.2) */
static bool keyword(struct checker *c)
{
	const char *start = c->p;

	while (c->p < c->end && (char_is_alnum(*c->p) || *c->p == '-'))
		buf_char(&c->out, *c->p++);
	return c->p > start && c->p[-1] != '-';
}

static bool quoted_string(struct checker *c)
{
	buf_char(&c->out, *c->p++);
	for (; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p == '\\')
			buf_char(&c->out, *c->p++);
		if (c->p == c->end || *c->p < ' ' || *c->p > '~')
			return false;
		buf_char(&c->out, *c->p);
	}
	return literal(c, '"');
}

/* value = token / quoted-string */
static bool value(struct checker *c)
{
	const char *start = c->p;

	if (c->p < c->end && *c->p == '"')
		return quoted_string(c);
	while (c->p<c->end && * c->p> ' ' && *c->p < 127 &&
	       strchr("()<>@,;:\\\"/[]?=", *c->p) == NULL)
		buf_char(&c->out, *c->p++);
	return c->p > start;
}

/* propspec = ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue; pvalue = [CFWS] value [CFWS] */
static bool propspec(struct checker *c)
{
	static const char *const ptypes[] = {"smtp.", "header.", "body.", "policy.", NULL};
	unsigned i = 0;

	while (ptypes[i] != NULL && !span_istarts((struct span){c->p, c->end}, ptypes[i]))
		i++;
	return ptypes[i] != NULL && keyword(c) && literal(c, '.') && keyword(c) &&
	       literal(c, '=') && value(c);
}

/* resinfo = [CFWS] ";" methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ] */
static bool resinfo(struct checker *c)
{
	cfws(c);
	if (!literal(c, ';'))
		return false;
	cfws(c);
	if (!keyword(c) || !literal(c, '=') || !keyword(c))
		return false;
	while (cfws(c) && c->p < c->end && *c->p != ';') {
		buf_char(&c->out, ' ');
		if (!propspec(c))
			return false;
	}
	return true;
}

static bool can_be_folded(struct span line)
{
	bool quoted = false;

	for (const char *p = line.p; p < line.end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ' ' && !quoted)
			return true;
	}
	return false;
}

static bool lines_ok(struct span text)
{
	size_t prefix = sizeof "Authentication-Results: " - 1;
	struct span line;
	bool more = true, first = true;

	while (span_split(&text, &more, '\n', &line)) {
		struct span inner = span_trim(line);

		if (!first && (span_empty(line) || *line.p != '\t' || span_len(inner) == 0))
			return false;
		if (memchr(line.p, '\r', span_len(line)) != NULL || span_len(line) > 998)
			return false;
		if (prefix + span_len(line) > 78 && can_be_folded(inner))
			return false;
		first = false;
		prefix = 0;
	}
	return true;
}

const char *authres_grammar(struct arena *arena, struct span text)
{
	struct checker c = {.p = text.p, .end = text.end};
	unsigned results = 0;

	buf_init(&c.out, arena, 0);
	if (!lines_ok(text) || !value(&c))
		return NULL;
	while (c.p < c.end) {
		if (!resinfo(&c))
			return NULL;
		results++;
	}
	return results > 0 ? buf_text(&c.out) : NULL;
}
