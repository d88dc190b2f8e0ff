/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record is read by one function, read_term, twice: spf_record_parse() runs it over the whole
 * record and keeps only what belongs to the record as a whole (redirect, exp, all);
 * spf_record_next() runs it again for one term at a time. A record can be 64 KiB of "a a a": an
 * array of its terms would be larger than everything else a message needs, for nothing.
 *
 * The mechanisms are a table: name, what may follow the name, RFC section.
 */
#include "policy/spf/record.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "policy/spf/macro.h"

enum argument {
	ARGUMENT_NONE,   /* all */
	ARGUMENT_DOMAIN, /* ":" domain-spec */
	ARGUMENT_MAYBE,  /* [ ":" domain-spec ] */
	ARGUMENT_HOST,   /* [ ":" domain-spec ] [ dual-cidr-length ] */
	ARGUMENT_NETWORK4,
	ARGUMENT_NETWORK6
};

struct kind {
	const char *name;
	enum argument argument;
	bool needs_dns;
	const char *section;
};

/* In the order of enum spf_kind; the mechanisms come first. */
static const struct kind kinds[] = {
    [SPF_TERM_ALL] = {"all", ARGUMENT_NONE, false, "5.1"},
    [SPF_TERM_INCLUDE] = {"include", ARGUMENT_DOMAIN, true, "5.2"},
    [SPF_TERM_A] = {"a", ARGUMENT_HOST, true, "5.3"},
    [SPF_TERM_MX] = {"mx", ARGUMENT_HOST, true, "5.4"},
    [SPF_TERM_PTR] = {"ptr", ARGUMENT_MAYBE, true, "5.5"},
    [SPF_TERM_IP4] = {"ip4", ARGUMENT_NETWORK4, false, "5.6"},
    [SPF_TERM_IP6] = {"ip6", ARGUMENT_NETWORK6, false, "5.6"},
    [SPF_TERM_EXISTS] = {"exists", ARGUMENT_DOMAIN, true, "5.7"},
    [SPF_TERM_REDIRECT] = {"redirect", ARGUMENT_DOMAIN, true, "6.1"},
    [SPF_TERM_EXP] = {"exp", ARGUMENT_DOMAIN, false, "6.2"},
    [SPF_TERM_UNKNOWN_MODIFIER] = {"modifier", ARGUMENT_NONE, false, "6"},
};

const char *spf_kind_section(enum spf_kind kind)
{
	return kinds[kind].section;
}

bool spf_term_needs_dns(const struct spf_term *term)
{
	return kinds[term->kind].needs_dns;
}

const char *spf_show(struct span text, char out[SPF_SHOW_MAX])
{
	size_t n = 0;

	for (; text.p < text.end && n < SPF_SHOW_MAX - 4; text.p++)
		out[n++] = *text.p >= 0x20 && *text.p < 0x7f ? *text.p : '?';
	memcpy(out + n, text.p < text.end ? "..." : "", text.p < text.end ? 4 : 1);
	return out;
}

/* ip4-cidr-length = "/" ("0" / %x31-39 0*1DIGIT), ip6-cidr-length likewise: no leading zero */
static bool read_bits(struct span digits, unsigned max, uint8_t *bits)
{
	uint64_t n;

	if (!span_number(digits, max, &n) || (*digits.p == '0' && span_len(digits) > 1))
		return false;
	*bits = (uint8_t)n;
	return true;
}

/* Takes "/" 1*DIGIT off the end of REST; DIGITS is what follows the slash. */
static bool take_length(struct span *rest, struct span *digits)
{
	const char *p = rest->end;

	while (p > rest->p && char_is_digit((unsigned char)p[-1]))
		p--;
	if (p == rest->end || p == rest->p || p[-1] != '/')
		return false;
	*digits = (struct span){p, rest->end};
	rest->end = p - 1;
	return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static bool read_dual_cidr(struct span *rest, struct spf_term *term)
{
	struct span digits;

	if (!take_length(rest, &digits))
		return true;
	if (rest->end > rest->p && rest->end[-1] == '/') {
		rest->end--;
		if (!read_bits(digits, 128, &term->bits6))
			return false;
		if (!take_length(rest, &digits))
			return true;
	}
	return read_bits(digits, 32, &term->bits4);
}

/* [ ":" domain-spec ] */
static const char *read_domain(struct span rest, struct spf_term *term, const char **at)
{
	*at = rest.p;
	if (span_empty(rest))
		return NULL;
	if (*rest.p != ':')
		return "a character that cannot follow the mechanism's name (section 4.6.1)";
	rest.p++;
	term->domain = rest;
	return spf_macro_domain_fault(rest, at);
}

/*
 * ip4 = "ip4" ":" ip4-network [ ip4-cidr-length ]
 * ip6 = "ip6" ":" ip6-network [ ip6-cidr-length ]
 *
 * ip6-network is as in RFC 4291 section 2.2. An IPv4-mapped one stays an IPv6 network: it can match
 * no client, because a mapped client is an IPv4 client (section 5).
 */
static const char *read_network(struct span rest, int family, struct spf_term *term)
{
	char copy[IP_TEXT_MAX];
	struct span digits;
	bool good = true;

	if (take_length(&rest, &digits))
		good = family == AF_INET ? read_bits(digits, 32, &term->bits4)
					 : read_bits(digits, 128, &term->bits6);
	if (!good)
		return "a prefix length that is out of range or has a leading zero (section 5.6)";
	if (span_empty(rest) || *rest.p != ':')
		return "no address (section 5.6)";
	rest.p++;
	if (span_len(rest) >= sizeof copy || memchr(rest.p, '\0', span_len(rest)) != NULL)
		return "not an address (section 5.6)";
	memcpy(copy, rest.p, span_len(rest));
	copy[span_len(rest)] = '\0';
	term->network.family = family == AF_INET ? 4 : 6;
	if (inet_pton(family, copy, term->network.bytes) != 1)
		return family == AF_INET ? "not an IPv4 address (section 5.6)"
					 : "not an IPv6 address (section 5.6)";
	return NULL;
}

static const char *read_argument(struct span rest, struct spf_term *term, const char **at)
{
	*at = rest.p;
	switch (kinds[term->kind].argument) {
	case ARGUMENT_NONE:
		return span_empty(rest) ? NULL : "all takes no argument (section 5.1)";
	case ARGUMENT_NETWORK4:
		return read_network(rest, AF_INET, term);
	case ARGUMENT_NETWORK6:
		return read_network(rest, AF_INET6, term);
	case ARGUMENT_HOST:
		if (!read_dual_cidr(&rest, term))
			return "a prefix length that is out of range or has a leading zero "
			       "(section 5.6)";
		break;
	case ARGUMENT_DOMAIN:
		if (span_empty(rest))
			return "no domain (section 4.6.1)";
		break;
	case ARGUMENT_MAYBE:
		break;
	}
	return read_domain(rest, term, at);
}

/*
 * directive = [ qualifier ] mechanism
 * qualifier = "+" / "-" / "?" / "~"
 * mechanism = ( all / include / a / mx / ptr / ip4 / ip6 / exists )
 */
static const char *read_mechanism(struct span text, struct spf_term *term, const char **at)
{
	struct span name;

	if (strchr("+-?~", *text.p) != NULL && *text.p != '\0')
		term->qualifier = *text.p++;
	name = (struct span){text.p, text.p};
	while (name.end < text.end && *name.end != ':' && *name.end != '/')
		name.end++;
	for (int kind = SPF_TERM_ALL; kind <= SPF_TERM_EXISTS; kind++) {
		if (!span_ieq(name, kinds[kind].name))
			continue;
		term->kind = (enum spf_kind)kind;
		return read_argument((struct span){name.end, text.end}, term, at);
	}
	*at = text.p;
	return "unknown mechanism (section 4.6.1)";
}

/*
 * modifier         = redirect / explanation / unknown-modifier
 * redirect         = "redirect" "=" domain-spec
 * explanation      = "exp" "=" domain-spec
 * unknown-modifier = name "=" macro-string, where name is not any known modifier
 */
static const char *read_modifier(struct span name, struct span value, struct spf_term *term,
				 const char **at)
{
	if (span_ieq(name, "redirect")) {
		term->kind = SPF_TERM_REDIRECT;
	} else if (span_ieq(name, "exp")) {
		term->kind = SPF_TERM_EXP;
	} else {
		term->kind = SPF_TERM_UNKNOWN_MODIFIER;
		return spf_macro_fault(value, SPF_MACRO_TERM, at);
	}
	term->domain = value;
	return spf_macro_domain_fault(value, at);
}

/*
 * directive / modifier: a modifier when a name and "=" begin the term
 * name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
 */
static const char *read_term(struct span text, struct spf_term *term, const char **at)
{
	struct span name = {text.p, text.p};

	memset(term, 0, sizeof *term);
	term->text = text;
	term->qualifier = '+';
	term->bits4 = 32;
	term->bits6 = 128;
	while (name.end < text.end &&
	       (char_is_alnum((unsigned char)*name.end) || strchr("-_.", *name.end) != NULL) &&
	       *name.end != '\0')
		name.end++;
	if (name.end < text.end && *name.end == '=' && !span_empty(name) &&
	    char_is_alpha((unsigned char)*name.p))
		return read_modifier(name, (struct span){name.end + 1, text.end}, term, at);
	return read_mechanism(text, term, at);
}

/* terms = *( 1*SP ( directive / modifier ) ), *SP at the end: the text of the next term */
static bool split_term(struct span *rest, struct span *text)
{
	while (rest->p < rest->end && *rest->p == ' ')
		rest->p++;
	if (rest->p == rest->end)
		return false;
	text->p = rest->p;
	while (rest->p < rest->end && *rest->p != ' ')
		rest->p++;
	text->end = rest->p;
	return true;
}

/* version = "v=spf1", followed by SP or the end (section 4.5) */
bool spf_record_is(struct span text)
{
	return span_istarts(text, "v=spf1") && (span_len(text) == 6 || text.p[6] == ' ');
}

/* Section 6: redirect and exp "MUST NOT appear in a record more than once each". */
static const char *keep_modifier(struct spf_record *record, const struct spf_term *term)
{
	struct span *kept;

	if (term->kind == SPF_TERM_ALL)
		record->has_all = true;
	if (term->kind != SPF_TERM_REDIRECT && term->kind != SPF_TERM_EXP)
		return NULL;
	kept = term->kind == SPF_TERM_REDIRECT ? &record->redirect : &record->exp;
	if (!span_empty(*kept))
		return "a second redirect= or exp= (section 6)";
	*kept = term->domain;
	return NULL;
}

int spf_record_parse(struct span text, struct spf_record *record, struct why *why)
{
	struct span rest, part;
	struct spf_term term;

	assert(spf_record_is(text));
	memset(record, 0, sizeof *record);
	record->text = text;
	record->terms = rest = (struct span){text.p + 6, text.end};
	while (split_term(&rest, &part)) {
		char shown[SPF_SHOW_MAX];
		const char *at = part.p;
		const char *fault = read_term(part, &term, &at);

		record->count++;
		if (fault == NULL)
			fault = keep_modifier(record, &term);
		if (fault != NULL)
			return why_set(why, "syntax error in term %u \"%s\", at byte %zu: %s",
				       record->count, spf_show(part, shown),
				       (size_t)(at - text.p) + 1, fault);
	}
	return 0;
}

bool spf_record_next(struct span *rest, struct spf_term *term)
{
	struct span part;
	const char *at;

	if (!split_term(rest, &part))
		return false;
	if (read_term(part, term, &at) != NULL)
		assert(!"a record that spf_record_parse() accepted");
	return true;
}

bool spf_term_matches(const struct spf_term *term, const struct ip *client)
{
	switch (term->kind) {
	case SPF_TERM_ALL:
		return true;
	case SPF_TERM_IP4:
		return ip_in_network(client, &term->network, term->bits4);
	case SPF_TERM_IP6:
		return ip_in_network(client, &term->network, term->bits6);
	case SPF_TERM_INCLUDE:
	case SPF_TERM_A:
	case SPF_TERM_MX:
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
	case SPF_TERM_REDIRECT:
	case SPF_TERM_EXP:
	case SPF_TERM_UNKNOWN_MODIFIER:
		return false;
	}
	assert(!"every kind is above");
	return false;
}
