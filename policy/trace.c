/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only three things of a Received field matter here: whether there is a "from" clause, the name in
 * the "by" clause, and the addresses. The name in "from" is the client's own and proves nothing;
 * its address is what the MTA saw ("from HELO (name [address])" of Postfix and Sendmail).
 *
 * trace_client() reads a field of a relay that is believed, but whose client may choose its HELO
 * and name: only the place of the address in the field tells the one from the other.
 */
#include "policy/trace.h"

#include <string.h>

#include "lib/ip.h"

struct trace {
	struct span first; /* the first word outside of comments */
	struct span by;    /* the word after the first "by" */
	bool foreign;      /* an address that is not loopback */
	unsigned addresses;
};

static void note_word(struct trace *trace, struct span word, bool *after_by)
{
	if (span_empty(trace->first))
		trace->first = word;
	if (*after_by && span_empty(trace->by))
		trace->by = word;
	*after_by = span_ieq(word, "by");
}

/* address-literal (RFC 5321 section 4.1.3), from its "["; returns its end. */
static const char *note_address(struct trace *trace, const char *p, const char *end)
{
	struct span text = {p + 1, p + 1};
	struct ip ip;

	while (text.end < end && *text.end != ']')
		text.end++;
	p = text.end < end ? text.end + 1 : end;
	if (span_istarts(text, "IPv6:"))
		text.p += 5;
	trace->addresses++;
	if (!ip_parse(text, &ip) || !ip_is_loopback(&ip))
		trace->foreign = true;
	return p;
}

static void read_field(struct trace *trace, struct span value)
{
	unsigned depth = 0;
	bool after_by = false;

	for (const char *p = value.p; p < value.end && (*p != ';' || depth > 0);) {
		struct span word = {p, p};

		if (*p == '[') {
			p = note_address(trace, p, value.end);
			continue;
		}
		while (word.end < value.end && !char_is_space((unsigned char)*word.end) &&
		       *word.end != '(' && *word.end != ')' && *word.end != '[' && *word.end != ';')
			word.end++;
		if (depth == 0 && !span_empty(word))
			note_word(trace, word, &after_by);
		if (span_empty(word)) {
			depth += *p == '(';
			depth -= *p == ')' && depth > 0;
			word.end++;
		}
		p = word.end;
	}
}

bool trace_is_local(struct span value, const char *host)
{
	struct trace trace = {.foreign = false};

	read_field(&trace, value);
	if (trace.foreign || span_empty(trace.by) ||
	    !(span_ieq(trace.by, host) || span_ieq(trace.by, "localhost")))
		return false;
	return span_ieq(trace.first, "by") || trace.addresses > 0;
}

/* ---- the client of a relay ---- */

static void skip_blanks(struct span *rest)
{
	while (rest->p < rest->end && char_is_space((unsigned char)*rest->p))
		rest->p++;
}

/* Up to a blank, a parenthesis, ";" or, where STOP is not 0, that. */
static struct span take_word(struct span *rest, char stop)
{
	struct span word = {rest->p, rest->p};

	while (word.end < rest->end && !char_is_space((unsigned char)*word.end) &&
	       *word.end != '(' && *word.end != ')' && *word.end != ';' &&
	       (stop == '\0' || *word.end != stop))
		word.end++;
	rest->p = word.end;
	return word;
}

/* A comment with what is nested in it, without its parentheses. A quoted-pair is a doubt. */
static bool take_comment(struct span *rest, struct span *content)
{
	unsigned depth = 0;

	if (rest->p == rest->end || *rest->p != '(')
		return false;
	*content = (struct span){rest->p + 1, rest->p + 1};
	for (const char *p = rest->p; p < rest->end && *p != '\\'; p++) {
		depth += *p == '(';
		depth -= *p == ')';
		if (depth == 0) {
			content->end = p;
			rest->p = p + 1;
			return true;
		}
	}
	return false;
}

/* address-literal = "[" ( IPv4 / "IPv6:" IPv6 ) "]" */
static bool take_literal(struct span *rest, struct ip *ip)
{
	const char *close =
	    rest->p < rest->end && *rest->p == '[' ? memchr(rest->p, ']', span_len(*rest)) : NULL;
	struct span text;

	if (close == NULL)
		return false;
	text = (struct span){rest->p + 1, close};
	if (span_istarts(text, "IPv6:"))
		text.p += strlen("IPv6:");
	rest->p = close + 1;
	return ip_parse(text, ip);
}

/* The HELO that Exim writes after the address. */
static void find_helo(struct span rest, struct span *helo)
{
	while (rest.p < rest.end) {
		struct span word;

		skip_blanks(&rest);
		word = take_word(&rest, '\0');
		if (span_istarts(word, "helo=")) {
			*helo = (struct span){word.p + strlen("helo="), word.end};
			return;
		}
		rest.p += rest.p < rest.end;
	}
}

/* The content of the comment after "from" and the word *HELO. */
static bool read_tcp_info(struct span content, struct ip *ip, struct span *helo)
{
	struct span rest = content, name;

	skip_blanks(&rest);
	if (ip_parse(span_trim(content), ip))
		return true;
	if (span_istarts(rest, "helo=") && !span_empty(*helo) && *helo->p == '[') {
		struct span literal = *helo;

		find_helo(rest, helo);
		return take_literal(&literal, ip) && span_empty(literal);
	}
	name = take_word(&rest, '[');
	if (!span_empty(name) && (rest.p == rest.end || *rest.p == '['))
		return false; /* an address that is a part of a word */
	skip_blanks(&rest);
	if (!take_literal(&rest, ip))
		return false;
	if (span_empty(name))
		find_helo(rest, helo);
	return rest.p == rest.end || char_is_space((unsigned char)*rest.p) || *rest.p == ':';
}

static bool has_address(struct span content)
{
	struct ip ip;

	return (!span_empty(content) && memchr(content.p, '[', span_len(content)) != NULL) ||
	       ip_parse(span_trim(content), &ip);
}

/* Comments that say nothing of the client, then "by". */
static bool comes_to_by(struct span *rest)
{
	struct span content;

	for (skip_blanks(rest); rest->p < rest->end && *rest->p == '('; skip_blanks(rest))
		if (!take_comment(rest, &content) || has_address(content))
			return false;
	return span_ieq(take_word(rest, '\0'), "by");
}

enum trace_client trace_client(struct span value, struct ip *ip, struct span *helo)
{
	struct span rest = value, content;

	skip_blanks(&rest);
	if (rest.p < rest.end && *rest.p == '(')
		return comes_to_by(&rest) ? TRACE_SUBMITTED : TRACE_UNREADABLE;
	content = take_word(&rest, '\0');
	if (span_ieq(content, "by"))
		return TRACE_SUBMITTED;
	if (!span_ieq(content, "from"))
		return TRACE_UNREADABLE;
	skip_blanks(&rest);
	*helo = take_word(&rest, '\0');
	skip_blanks(&rest);
	if (span_empty(*helo) || !take_comment(&rest, &content) ||
	    !read_tcp_info(content, ip, helo) || !comes_to_by(&rest))
		return TRACE_UNREADABLE;
	return TRACE_CLIENT;
}
