/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One reader of tokens (next_token) serves the check of the syntax, the question which letters are
 * used, and the expansion, so that they cannot disagree. Nothing is stored: a value is cut into
 * parts by walking it, forwards or backwards.
 *
 * Hostile input: a record of 64 KiB can hold thousands of macros and a local part can be as long
 * as an SMTP line, so an expansion has a bound on what it reads (WORK_MAX) and on what it writes
 * (NAME_EXPANSION_MAX, or the caller's). A name beyond the bound cannot be a name that exists.
 */
#include "policy/spf/macro.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "dns/dns.h"
#include "mail/domain.h"

enum {
	WORK_MAX = 64 * 1024,
	NAME_EXPANSION_MAX = 8 * 1024,
	KEEP_ALL = 1000000,
	VALUE_MAX = 80 /* of a value that is made here: 32 nibbles with dots, or a number */
};

_Static_assert((int)VALUE_MAX >= (int)IP_TEXT_MAX, "an address fits");

struct token {
	struct span literal; /* a run of literal characters, or what %% %_ %- stand for */
	char letter;         /* lower case; 0: a literal */
	bool is_macro;       /* also for %% %_ %-: a macro-expand */
	bool escape;
	bool reverse;
	unsigned keep;
	struct span delimiters;
};

static bool literal_char(unsigned char c, enum spf_macro_place place)
{
	return (c > 0x20 && c < 0x7f && c != '%') || (c == ' ' && place == SPF_MACRO_TEXT);
}

static bool known_letter(char lower, enum spf_macro_place place)
{
	return (lower != '\0' && strchr("slodipvh", lower) != NULL) ||
	       (place == SPF_MACRO_TEXT && lower != '\0' && strchr("crt", lower) != NULL);
}

/* transformers = *DIGIT [ "r" ]; a number must not be zero, and one over 127 keeps every part */
static const char *read_transformers(struct span *rest, struct token *token)
{
	bool digits = false;

	token->keep = 0;
	while (rest->p < rest->end && char_is_digit((unsigned char)*rest->p)) {
		digits = true;
		if (token->keep < KEEP_ALL)
			token->keep = token->keep * 10 + (unsigned)(*rest->p - '0');
		rest->p++;
	}
	if (digits && token->keep == 0)
		return "a macro keeps 0 parts (section 7.1)";
	if (!digits)
		token->keep = KEEP_ALL;
	token->reverse = rest->p < rest->end && (*rest->p == 'r' || *rest->p == 'R');
	rest->p += token->reverse;
	return NULL;
}

/* macro-expand = "%{" macro-letter transformers *delimiter "}"; REST begins after "%{" */
static const char *read_macro(struct span *rest, enum spf_macro_place place, struct token *token)
{
	const char *fault;

	if (rest->p == rest->end)
		return "\"%{\" without an end (section 7.1)";
	token->letter = (char)char_lower((unsigned char)*rest->p);
	token->escape = token->letter != *rest->p;
	if (!known_letter(token->letter, place))
		return known_letter(token->letter, SPF_MACRO_TEXT)
			   ? "macro letters c, r, t are for the explanation's text (section 7.2)"
			   : "unknown macro letter (section 7.2)";
	rest->p++;
	fault = read_transformers(rest, token);
	if (fault != NULL)
		return fault;
	token->delimiters.p = rest->p;
	while (rest->p < rest->end && *rest->p != '\0' && strchr(".-+,/_=", *rest->p) != NULL)
		rest->p++;
	token->delimiters.end = rest->p;
	if (rest->p == rest->end || *rest->p != '}')
		return "\"%{\" without an end, or with a character that is not a delimiter "
		       "(section 7.1)";
	rest->p++;
	return NULL;
}

/* macro-expand = ... / "%%" / "%_" / "%-"; REST begins after the "%" */
static const char *read_percent(struct span *rest, enum spf_macro_place place, struct token *token)
{
	char c = rest->p < rest->end ? *rest->p : '\0';

	token->is_macro = true;
	if (c == '{') {
		rest->p++;
		return read_macro(rest, place, token);
	}
	if (c == '%')
		token->literal = span_of("%");
	else if (c == '_')
		token->literal = span_of(" ");
	else if (c == '-')
		token->literal = span_of("%20");
	else
		return "\"%\" not followed by {, %, _ or - (section 7.1)";
	rest->p++;
	return NULL;
}

/*
 * macro-string   = *( macro-expand / macro-literal )
 * explain-string = *( macro-string / SP )
 * macro-literal  = %x21-24 / %x26-7E
 *
 * Takes one token off REST, which is not empty. Returns the fault, or NULL.
 */
static const char *next_token(struct span *rest, enum spf_macro_place place, struct token *token)
{
	const char *begin = rest->p;

	memset(token, 0, sizeof *token);
	if (*rest->p == '%') {
		rest->p++;
		return read_percent(rest, place, token);
	}
	while (rest->p < rest->end && literal_char((unsigned char)*rest->p, place))
		rest->p++;
	token->literal = (struct span){begin, rest->p};
	return rest->p == begin ? "a character that is not visible ASCII (section 7.1)" : NULL;
}

const char *spf_macro_fault(struct span text, enum spf_macro_place place, const char **at)
{
	struct token token;

	while (text.p < text.end) {
		const char *begin = text.p;
		const char *fault = next_token(&text, place, &token);

		if (fault != NULL) {
			*at = begin;
			return fault;
		}
	}
	return NULL;
}

/*
 * toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
 */
static bool toplabel_ok(struct span label)
{
	bool other_than_digit = false;

	if (span_empty(label) || *label.p == '-' || label.end[-1] == '-')
		return false;
	for (const char *p = label.p; p < label.end; p++) {
		if (!char_is_alnum((unsigned char)*p) && *p != '-')
			return false;
		other_than_digit |= !char_is_digit((unsigned char)*p);
	}
	return other_than_digit;
}

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand; LAST is the literal at the end */
static bool domain_end_ok(struct span last)
{
	const char *dot;

	if (!span_empty(last) && last.end[-1] == '.')
		last.end--;
	for (dot = last.end; dot > last.p && dot[-1] != '.'; dot--)
		;
	return dot > last.p && toplabel_ok((struct span){dot, last.end});
}

/* domain-spec = macro-string domain-end */
const char *spf_macro_domain_fault(struct span text, const char **at)
{
	struct span whole = text;
	struct token token = {0};
	struct ip ip;

	*at = text.p;
	if (span_empty(text))
		return "an empty domain (section 7.1)";
	while (text.p < text.end) {
		const char *fault;

		*at = text.p;
		fault = next_token(&text, SPF_MACRO_TERM, &token);
		if (fault != NULL)
			return fault;
	}
	if (token.is_macro || domain_end_ok(token.literal))
		return NULL;
	*at = whole.p;
	if (ip_parse(whole, &ip))
		return "an address where a domain is expected; use ip4: or ip6: (section 5.6)";
	return "the domain does not end in a dot and a top-level label, or a macro (section 7.1)";
}

bool spf_macro_uses(struct span text, const char *letters)
{
	struct token token;

	while (text.p < text.end) {
		if (next_token(&text, SPF_MACRO_TEXT, &token) != NULL)
			return false;
		if (token.letter != '\0' && strchr(letters, token.letter) != NULL)
			return true;
	}
	return false;
}

/* ---- expansion ---- */

/* "i": dotted quad, or the nibbles of an IPv6 address with dots (section 7.3) */
static const char *dotted_text(const struct ip *ip, char out[VALUE_MAX])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	if (ip->family != 6)
		return ip_text(ip, out);
	for (unsigned i = 0; i < 16; i++) {
		*p++ = hex[ip->bytes[i] >> 4];
		*p++ = '.';
		*p++ = hex[ip->bytes[i] & 15];
		*p++ = i < 15 ? '.' : '\0';
	}
	return out;
}

static const char *value_of(char letter, const struct spf_macro_values *values,
			    char made[VALUE_MAX])
{
	switch (letter) {
	case 's':
		return values->sender;
	case 'l':
		return values->local;
	case 'o':
		return values->sender_domain;
	case 'd':
		return values->domain;
	case 'h':
		return values->helo;
	case 'p':
		return values->validated == NULL ? "unknown" : values->validated;
	case 'r':
		return values->receiver == NULL ? "unknown" : values->receiver;
	case 'v':
		return values->client.family == 6 ? "ip6" : "in-addr";
	case 'i':
		return dotted_text(&values->client, made);
	case 'c':
		return ip_text(&values->client, made);
	case 't':
		snprintf(made, VALUE_MAX, "%lld", (long long)values->now);
		return made;
	}
	assert(!"a letter that known_letter() knows");
	return "";
}

/* Section 7.3: "Uppercase macros expand exactly as the lowercase macros, and are then URL escaped"
 */
static void put_escaped(struct buf *out, struct span part, bool escape)
{
	for (const char *p = part.p; p < part.end; p++) {
		unsigned char c = (unsigned char)*p;

		if (!escape || char_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
			buf_char(out, *p);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static bool is_delimiter(char c, struct span delimiters)
{
	if (span_empty(delimiters))
		return c == '.';
	return memchr(delimiters.p, c, span_len(delimiters)) != NULL;
}

/* The parts from left to right, the last KEEP of them, joined with dots. */
static void put_forward(struct buf *out, struct span value, const struct token *token)
{
	struct span part = {value.end, value.end};
	unsigned dots = 0;

	while (part.p > value.p &&
	       (dots += is_delimiter(part.p[-1], token->delimiters)) < token->keep)
		part.p--;
	for (part.end = part.p; part.end < value.end; part.end++) {
		if (!is_delimiter(*part.end, token->delimiters))
			continue;
		put_escaped(out, part, token->escape);
		buf_char(out, '.');
		part.p = part.end + 1;
	}
	put_escaped(out, part, token->escape);
}

/* The parts from right to left, the last KEEP of them: the first KEEP of the value, backwards. */
static void put_reversed(struct buf *out, struct span value, const struct token *token)
{
	struct span part = {value.p, value.p};
	unsigned dots = 0;

	while (part.end < value.end &&
	       (dots += is_delimiter(*part.end, token->delimiters)) < token->keep)
		part.end++;
	for (part.p = part.end; part.p > value.p; part.p--) {
		if (!is_delimiter(part.p[-1], token->delimiters))
			continue;
		put_escaped(out, part, token->escape);
		buf_char(out, '.');
		part.end = part.p - 1;
	}
	put_escaped(out, part, token->escape);
}

bool spf_macro_expand(struct buf *out, struct span text, enum spf_macro_place place,
		      const struct spf_macro_values *values)
{
	char made[VALUE_MAX];
	struct token token;
	size_t work = 0;

	while (text.p < text.end) {
		if (next_token(&text, place, &token) != NULL)
			return false;
		if (token.letter == '\0') {
			buf_span(out, token.literal);
		} else {
			struct span value = span_of(value_of(token.letter, values, made));

			work += span_len(value);
			if (work > WORK_MAX)
				return false;
			(token.reverse ? put_reversed : put_forward)(out, value, &token);
		}
		if (out->failed)
			return false;
	}
	return true;
}

static bool is_printable(int c)
{
	return c >= 0x20 && c <= 0x7e;
}

bool spf_macro_name_ok(struct span name)
{
	return domain_has_labels(name, is_printable);
}

/* Section 7.3: "the left side is truncated to fit, by removing successive domain labels" */
static struct span cut_left(struct span name)
{
	while (span_len(name) > DNS_NAME_MAX) {
		const char *dot = memchr(name.p, '.', span_len(name));

		if (dot == NULL)
			return name;
		name.p = dot + 1;
	}
	return name;
}

enum spf_name spf_macro_name(struct buf *out, struct span spec,
			     const struct spf_macro_values *values)
{
	struct span name;

	assert(out->len == 0);
	if (values->local_is_eai && spf_macro_uses(spec, "sl"))
		return SPF_NAME_NO_MATCH;
	if (out->max > NAME_EXPANSION_MAX)
		out->max = NAME_EXPANSION_MAX;
	if (!spf_macro_expand(out, spec, SPF_MACRO_TERM, values))
		return SPF_NAME_MALFORMED;
	if (out->len > 0 && out->data[out->len - 1] == '.')
		out->len--;
	name = cut_left(buf_view(out));
	if (!spf_macro_name_ok(name))
		return SPF_NAME_MALFORMED;
	out->len = span_len(name);
	memmove(out->data, name.p, out->len);
	for (size_t i = 0; i < out->len; i++)
		out->data[i] = (char)char_lower((unsigned char)out->data[i]);
	return SPF_NAME_OK;
}
