/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record is split at ";", its tags are collected by name, then each is read by its row of a
 * table. What does not fit the grammar of section 4.8 is dropped alone ("in favor of default values
 * ... or ignored outright"), so mail/taglist.h, which refuses a broken list whole, does not serve
 * here. Two things are not dropped: the version, which must be first, and a policy that is invalid,
 * which makes the record p=none or unusable (section 4.10.1).
 *
 * Names are read in either case, as the ABNF of RFC 7489 section 6.4 had them ("p" is such a
 * string): "P=Reject" is meant, and half a record must not be taken for a whole one.
 *
 * A tag that is there twice voids a list of DKIM (RFC 6376 section 3.2), but RFC 9989 has a grammar
 * of its own, for which a repetition is an error of that tag alone (section 4.8): equal values are
 * one; of different ones, the first list of URIs counts, and any other tag is invalid, since two
 * readers would not choose the same.
 */
#include "policy/dmarc/record.h"

#include <stddef.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/name.h"

struct parse {
	struct arena *arena;
	struct dmarc_record *record;
	const char *bad_policy; /* what is wrong with p, sp or np, or NULL */
	bool rua_valid;
	struct buf faults;
};

struct tag_rule {
	const char *name;
	/* False: the value is not valid. */
	bool (*read)(struct parse *parse, struct span value);
	bool first_counts; /* of several values; else they make the tag invalid */
};

/* A known tag as it was found. */
struct found {
	bool there, repeated, ambiguous;
	struct span value;
};

static struct span trim_wsp(struct span s)
{
	while (s.p < s.end && char_is_wsp(*s.p))
		s.p++;
	while (s.p < s.end && char_is_wsp(s.end[-1]))
		s.end--;
	return s;
}

/* dmarc-value = %x20-3A / %x3C-7E, at least one; ";" has already been removed */
static bool value_ok(struct span value)
{
	for (const char *p = value.p; p < value.end; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return !span_empty(value);
}

/* dmarc-version = "v" equals %s"DMARC1", up to the first ";" of *REST, which is taken off. */
static bool take_version(struct span *rest, bool *more)
{
	struct span part;
	const char *p;

	span_split(rest, more, ';', &part);
	p = part.p;
	if (p == part.end || char_lower((unsigned char)*p) != 'v')
		return false;
	for (p++; p < part.end && char_is_wsp(*p); p++)
		;
	if (p == part.end || *p != '=')
		return false;
	return span_eq(trim_wsp((struct span){p + 1, part.end}), "DMARC1");
}

/* ---- the values, section 4.8 ---- */

/* dmarc-request = "none" / "quarantine" / "reject" */
static bool read_policy(struct span value, enum dmarc_policy *policy, bool *has)
{
	int code = name_code(dmarc_policy_names, value, -1);

	if (code < 0)
		return false;
	*policy = (enum dmarc_policy)code;
	*has = true;
	return true;
}

static bool read_p(struct parse *parse, struct span value)
{
	return read_policy(value, &parse->record->p, &parse->record->has_p);
}

static bool read_sp(struct parse *parse, struct span value)
{
	return read_policy(value, &parse->record->sp, &parse->record->has_sp);
}

static bool read_np(struct parse *parse, struct span value)
{
	return read_policy(value, &parse->record->np, &parse->record->has_np);
}

static const struct name_code rors[] = {{"r", false}, {"s", true}, {NULL, 0}};
static const struct name_code yorn[] = {{"y", true}, {"n", false}, {NULL, 0}};
static const struct name_code psd[] = {
    {"y", DMARC_PSD_YES}, {"n", DMARC_PSD_NO}, {"u", DMARC_PSD_UNKNOWN}, {NULL, 0}};

static bool read_flag(const struct name_code *names, struct span value, bool *flag)
{
	int code = name_code(names, value, -1);

	if (code >= 0)
		*flag = code != 0;
	return code >= 0;
}

static bool read_adkim(struct parse *parse, struct span value)
{
	return read_flag(rors, value, &parse->record->adkim_strict);
}

static bool read_aspf(struct parse *parse, struct span value)
{
	return read_flag(rors, value, &parse->record->aspf_strict);
}

static bool read_t(struct parse *parse, struct span value)
{
	return read_flag(yorn, value, &parse->record->testing);
}

static bool read_psd(struct parse *parse, struct span value)
{
	int code = name_code(psd, value, -1);

	if (code >= 0)
		parse->record->psd = (enum dmarc_psd)code;
	return code >= 0;
}

/* dmarc-fo: "0", "1", "d" and "s", in any order, each once, not both "0" and "1". */
static bool read_fo(struct parse *parse, struct span value)
{
	static const char options[] = "01ds";
	struct span rest = value, part;
	bool more = true;
	unsigned seen = 0;

	while (span_split(&rest, &more, ':', &part)) {
		const char *option;

		if (span_len(part) != 1)
			return false;
		option = memchr(options, char_lower((unsigned char)*part.p), sizeof options - 1);
		if (option == NULL || (seen & 1u << (option - options)) != 0)
			return false;
		seen |= 1u << (option - options);
	}
	if ((seen & 3) == 3)
		return false;
	parse->record->fo = arena_lower(parse->arena, value);
	return true;
}

/* ---- dmarc-urilist ---- */

/* obs-dmarc-report-size = "!" 1*DIGIT [ "k" / "m" / "g" / "t" ]: where it begins, or the end. */
static const char *size_suffix(struct span uri)
{
	const char *p = uri.end;

	if (p > uri.p && strchr("kmgtKMGT", p[-1]) != NULL)
		p--;
	if (p == uri.p || !char_is_digit(p[-1]))
		return uri.end;
	while (p > uri.p && char_is_digit(p[-1]))
		p--;
	return p > uri.p && p[-1] == '!' ? p - 1 : uri.end;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) (RFC 3986 section 3.1): its end, or NULL */
static const char *scheme_end(struct span uri)
{
	const char *p = uri.p;

	if (p == uri.end || !char_is_alpha((unsigned char)*p))
		return NULL;
	while (p < uri.end &&
	       (char_is_alnum((unsigned char)*p) || *p == '+' || *p == '-' || *p == '.'))
		p++;
	return p < uri.end && *p == ':' ? p : NULL;
}

/* RFC 3986 section 2: unreserved / reserved / pct-encoded; "," cannot be there and "!" must not. */
static bool uri_chars_ok(struct span s)
{
	static const char marks[] = "-._~:/?#[]@$&'()*+;=";

	for (const char *p = s.p; p < s.end; p++) {
		if (*p == '%') {
			if (s.end - p < 3 || char_hex((unsigned char)p[1]) < 0 ||
			    char_hex((unsigned char)p[2]) < 0)
				return false;
			p += 2;
		} else if (!char_is_alnum((unsigned char)*p) &&
			   memchr(marks, *p, sizeof marks - 1) == NULL) {
			return false;
		}
	}
	return true;
}

/* dmarc-uri / obs-dmarc-uri. A mailto: is one only with an address. */
static bool uri_ok(struct span uri, struct dmarc_record *record)
{
	const char *colon, *at;

	if (size_suffix(uri) != uri.end) {
		record->notes |= DMARC_NOTE_SIZE_SUFFIX;
		uri.end = size_suffix(uri);
	}
	colon = scheme_end(uri);
	if (colon == NULL || colon + 1 == uri.end ||
	    !uri_chars_ok((struct span){colon + 1, uri.end}))
		return false;
	if (!span_ieq((struct span){uri.p, colon}, "mailto"))
		return true;
	at = memchr(colon + 1, '@', (size_t)(uri.end - colon - 1));
	return at != NULL && at > colon + 1 && at + 1 < uri.end;
}

/* Keeps the list as published; true when all of it is valid. */
static bool read_uris(struct parse *parse, struct span value, const char **text, bool *any)
{
	struct span rest = value, part;
	bool more = true, all = true;

	while (span_split(&rest, &more, ',', &part)) {
		if (uri_ok(trim_wsp(part), parse->record))
			*any = true;
		else
			all = false;
	}
	*text = arena_span(parse->arena, value);
	return all;
}

static bool read_rua(struct parse *parse, struct span value)
{
	return read_uris(parse, value, &parse->record->rua, &parse->rua_valid);
}

static bool read_ruf(struct parse *parse, struct span value)
{
	bool any = false;

	return read_uris(parse, value, &parse->record->ruf, &any);
}

static bool read_historic(struct parse *parse, struct span value)
{
	(void)value;
	parse->record->notes |= DMARC_NOTE_HISTORIC;
	return true;
}

/* ---- the record ---- */

enum { POLICY_TAGS = 3 }; /* the first rows of the table */
enum { FAULTS_MAX = 300 };

static const struct tag_rule rules[] = {
    {"p", read_p, false},         {"sp", read_sp, false},       {"np", read_np, false},
    {"adkim", read_adkim, false}, {"aspf", read_aspf, false},   {"t", read_t, false},
    {"psd", read_psd, false},     {"fo", read_fo, false},       {"rua", read_rua, true},
    {"ruf", read_ruf, true},      {"pct", read_historic, true}, {"rf", read_historic, true},
    {"ri", read_historic, true},
};
enum { RULES = sizeof rules / sizeof rules[0] };

static unsigned find_rule(struct span name)
{
	unsigned i = 0;

	while (i < RULES && !span_ieq(name, rules[i].name))
		i++;
	return i;
}

static void add_fault(struct parse *parse, const char *subject, const char *text)
{
	parse->record->notes |= DMARC_NOTE_BAD_VALUE;
	if (parse->faults.len > 0)
		buf_string(&parse->faults, "; ");
	buf_printf(&parse->faults, "%s%s", subject, text);
}

/* dmarc-tag = 1*ALPHA equals 1*dmarc-value. Unknown ones are ignored (section 4.8). */
static void collect_tag(struct parse *parse, struct span part, struct found *found)
{
	const char *equals = memchr(part.p, '=', span_len(part));
	struct span value;
	unsigned i;

	if (equals == NULL) {
		if (!span_empty(trim_wsp(part)))
			add_fault(parse, "a part of it has no \"=\"", "");
		return;
	}
	i = find_rule(trim_wsp((struct span){part.p, equals}));
	if (i == RULES)
		return;
	value = trim_wsp((struct span){equals + 1, part.end});
	found += i;
	if (!found->there) {
		*found = (struct found){.there = true, .value = value};
		return;
	}
	found->repeated = true;
	if (!rules[i].first_counts && !span_isame(value, found->value))
		found->ambiguous = true;
}

static void read_tag(struct parse *parse, unsigned i, const struct found *found)
{
	const char *fault = "= is not valid";

	if (found->ambiguous) {
		fault = "= appears twice with different values";
	} else if (value_ok(found->value) && rules[i].read(parse, found->value)) {
		if (found->repeated)
			add_fault(parse, rules[i].name, "= appears twice");
		return;
	}
	add_fault(parse, rules[i].name, fault);
	if (i < POLICY_TAGS)
		parse->bad_policy = arena_printf(parse->arena, "%s%s", rules[i].name, fault);
}

/* Section 4.10.1: without a valid p=, or with an invalid sp= or np=, no policy can be taken from a
 * record unless it has a valid rua=. With one, a missing p= is none (section 4.7), and with an
 * invalid policy all of them are. Then np falls back to sp, and sp to p. */
static void settle_policy(const struct parse *parse, struct why *why)
{
	struct dmarc_record *r = parse->record;

	r->usable = (r->has_p && parse->bad_policy == NULL) || parse->rua_valid;
	if (!r->usable)
		why_set(why, "%s, and there is no valid rua= (RFC 9989 section 4.10.1)",
			parse->bad_policy != NULL ? parse->bad_policy : "there is no p=");
	if (parse->bad_policy != NULL) {
		r->has_p = r->has_sp = r->has_np = false;
	} else if (!r->has_p) {
		r->notes |= DMARC_NOTE_MISSING_P;
	}
	if (!r->has_p)
		r->p = DMARC_POLICY_NONE;
	if (!r->has_sp)
		r->sp = r->p;
	if (!r->has_np)
		r->np = r->sp;
	if (r->ruf == NULL)
		r->fo = "0"; /* section 4.7: fo is ignored without ruf */
}

/* For people: HTAB becomes a space, what is not printable "?". */
static const char *copy_printable(struct arena *arena, struct span text)
{
	char *copy = arena_span(arena, text);

	for (size_t i = 0; i < span_len(text); i++) {
		if (copy[i] == '\t')
			copy[i] = ' ';
		else if (copy[i] < ' ' || copy[i] > '~')
			copy[i] = '?';
	}
	return copy;
}

/* dmarc-record = dmarc-version *(dmarc-sep dmarc-tag) [dmarc-sep] */
int dmarc_record_parse(struct arena *arena, struct span text, struct dmarc_record *record,
		       struct why *why)
{
	struct parse parse = {.arena = arena, .record = record};
	struct found found[RULES] = {{.there = false}};
	struct span rest = text, part;
	bool more = true;

	memset(record, 0, sizeof *record);
	record->fo = "0";
	buf_init(&parse.faults, arena, FAULTS_MAX);
	if (!take_version(&rest, &more))
		return why_set(why, "it does not begin with v=DMARC1");
	record->text = copy_printable(arena, text);
	while (span_split(&rest, &more, ';', &part))
		collect_tag(&parse, part, found);
	for (unsigned i = 0; i < RULES; i++)
		if (found[i].there)
			read_tag(&parse, i, &found[i]);
	settle_policy(&parse, why);
	record->faults = parse.faults.len > 0 ? buf_text(&parse.faults) : NULL;
	return 0;
}
