/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only three things of a Received field matter here: whether there is a "from" clause, the name in
 * the "by" clause, and the addresses. The name in "from" is the client's own and proves nothing;
 * its address is what the MTA saw ("from HELO (name [address])" of Postfix and Sendmail).
 */
#include "policy/trace.h"

#include "lib/ip.h"
#include "policy/origin.h"

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
	if (!ip_parse(text, &ip) || !origin_is_loopback(&ip))
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
