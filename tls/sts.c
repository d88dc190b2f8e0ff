/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both texts are short, ASCII, and read strictly: a sender that guesses at a policy would deliver
 * where its owner did not want it.
 */
#include "tls/sts.h"

#include <string.h>

#include "lib/ip.h"
#include "lib/utf8.h"
#include "mail/domain.h"
#include "mail/taglist.h"

const struct name_code sts_mode_names[] = {
    {"none", STS_NONE}, {"testing", STS_TESTING}, {"enforce", STS_ENFORCE}, {NULL, 0}};

bool sts_record_is(struct span text)
{
	return taglist_begins(text, "v=STSv1");
}

/* sts-id = %s"id=" 1*32(ALPHA / DIGIT) */
static bool is_id(struct span id)
{
	if (span_empty(id) || span_len(id) > STS_ID_MAX)
		return false;
	for (; id.p < id.end; id.p++) {
		if (!char_is_alnum((unsigned char)*id.p))
			return false;
	}
	return true;
}

/* sts-ext-name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / "."), of a record and a policy */
static bool is_extension_name(struct span name)
{
	if (span_empty(name) || span_len(name) > 32 || !char_is_alnum((unsigned char)*name.p))
		return false;
	for (; name.p < name.end; name.p++) {
		if (!char_is_alnum((unsigned char)*name.p) && *name.p != '_' && *name.p != '-' &&
		    *name.p != '.')
			return false;
	}
	return true;
}

/* sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E) */
static bool is_extension_value(struct span value)
{
	if (span_empty(value))
		return false;
	for (; value.p < value.end; value.p++) {
		if (*value.p < 0x21 || *value.p > 0x7e || *value.p == ';' || *value.p == '=')
			return false;
	}
	return true;
}

static struct span trim_blanks(struct span text)
{
	while (!span_empty(text) && char_is_wsp(*text.p))
		text.p++;
	while (!span_empty(text) && char_is_wsp(text.end[-1]))
		text.end--;
	return text;
}

/* sts-field = sts-id / sts-extension. Of several id= the first counts. */
static int read_record_field(struct span field, struct span *id, struct why *why)
{
	struct span name, value = field;
	bool more = true;

	if (!span_split(&value, &more, '=', &name) || !more)
		return why_set(why, "a field has no \"=\" (RFC 8461 section 3.1)");
	if (span_eq(name, "id")) {
		if (!is_id(value))
			return why_set(why, "id= must be 1 to 32 letters and digits (RFC 8461 "
					    "section 3.1)");
		if (span_empty(*id))
			*id = value;
		return 0;
	}
	if (!is_extension_name(name) || !is_extension_value(value))
		return why_set(why, "a field is not \"name=value\" (RFC 8461 section 3.1)");
	return 0;
}

/* sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim] */
const char *sts_record_parse(struct arena *arena, struct span text, struct why *why)
{
	struct span id = {NULL, NULL}, field;
	bool more = true;

	if (!sts_record_is(text)) {
		why_set(why, "it does not begin with \"v=STSv1;\" (RFC 8461 section 3.1)");
		return NULL;
	}
	span_split(&text, &more, ';', &field); /* the version */
	while (span_split(&text, &more, ';', &field)) {
		field = trim_blanks(field);
		if (span_empty(field) && !more)
			break;
		if (read_record_field(field, &id, why) == -1)
			return NULL;
	}
	if (span_empty(id)) {
		why_set(why, "id= must be 1 to 32 letters and digits (RFC 8461 section 3.1)");
		return NULL;
	}
	return arena_span(arena, id);
}

/* ---- the policy ---- */

struct policy_reader {
	struct arena *arena;
	struct sts_policy *policy;
	bool version, mode, max_age; /* seen: the first of each counts */
};

bool sts_is_host_name(struct span name)
{
	for (const char *p = name.p; p < name.end; p++) {
		if (!char_is_alnum((unsigned char)*p) && *p != '-' && *p != '.' && *p != '_')
			return false;
	}
	return !span_empty(name);
}

/* sts-policy-mx-value = ["*."] Domain. An address is none that a host could have for a name:
 * Postfix would compare it with the addresses in a certificate. */
static int read_pattern(struct policy_reader *reader, struct span value, struct why *why)
{
	struct span name = value;
	const char *domain;
	struct ip ip;
	bool wild = span_istarts(value, "*.");

	name.p += wild ? 2 : 0;
	domain = sts_is_host_name(name) ? domain_to_ascii(reader->arena, name) : NULL;
	if (domain == NULL)
		return why_set(why, "mx: \"%.*s\" is not a host name or a pattern",
			       (int)(span_len(value) < 80 ? span_len(value) : 80), value.p);
	if (ip_parse(name, &ip))
		return 0;
	if (reader->policy->count == STS_PATTERNS_MAX)
		return why_set(why, "it has more than %d mx lines", STS_PATTERNS_MAX);
	reader->policy->patterns[reader->policy->count++] =
	    wild ? arena_printf(reader->arena, "*.%s", domain) : domain;
	return 0;
}

static int read_mode(struct policy_reader *reader, struct span value, struct why *why)
{
	for (const struct name_code *mode = sts_mode_names; mode->name != NULL; mode++) {
		if (!span_eq(value, mode->name))
			continue;
		reader->policy->mode = (enum sts_mode)mode->code;
		return 0;
	}
	return why_set(why, "mode is not enforce, testing or none");
}

/* sts-policy-max-age-value = 1*10(DIGIT) */
static int read_age(struct policy_reader *reader, struct span value, struct why *why)
{
	uint64_t number;

	if (span_len(value) > 10 || !span_number(value, UINT64_MAX, &number))
		return why_set(why, "max_age is not a number of at most 10 digits");
	reader->policy->max_age = number > STS_AGE_MAX ? STS_AGE_MAX : (uint32_t)number;
	return 0;
}

/* sts-policy-ext-value: UTF-8 without control characters */
static int check_extension(struct span key, struct span value, struct why *why)
{
	if (!is_extension_name(key) || span_empty(value))
		return why_set(why, "a line is not \"key: value\"");
	while (!span_empty(value)) {
		unsigned length = utf8_length(value);

		if (length == 0 || (unsigned char)*value.p < 0x20 || *value.p == 0x7f)
			return why_set(why, "a line has a byte that is not text");
		value.p += length;
	}
	return 0;
}

/* Only the first of each field but mx counts (section 3.2). */
static bool comes_first(bool *seen)
{
	bool first = !*seen;

	*seen = true;
	return first;
}

static int read_field(struct policy_reader *reader, struct span key, struct span value,
		      struct why *why)
{
	if (span_eq(key, "mx"))
		return read_pattern(reader, value, why);
	if (span_eq(key, "version")) {
		if (!comes_first(&reader->version) || span_eq(value, "STSv1"))
			return 0;
		return why_set(why, "version is not STSv1");
	}
	if (span_eq(key, "mode"))
		return comes_first(&reader->mode) ? read_mode(reader, value, why) : 0;
	if (span_eq(key, "max_age"))
		return comes_first(&reader->max_age) ? read_age(reader, value, why) : 0;
	return check_extension(key, value, why);
}

/* sts-policy-field *WSP, and before it sts-policy-term = LF / CRLF */
static int read_line(struct policy_reader *reader, struct span line, struct why *why)
{
	struct span key = line;

	if (!span_empty(line) && line.end[-1] == '\r')
		line.end--;
	while (!span_empty(line) && char_is_wsp(line.end[-1]))
		line.end--;
	if (span_empty(line))
		return 0;
	key.end = memchr(line.p, ':', span_len(line));
	if (key.end == NULL)
		return why_set(why, "a line has no \":\"");
	return read_field(reader, key, trim_blanks((struct span){key.end + 1, line.end}), why);
}

int sts_policy_parse(struct arena *arena, struct span text, struct sts_policy *policy,
		     struct why *why)
{
	struct policy_reader reader = {.arena = arena, .policy = policy};
	struct span line;
	bool more = true;

	memset(policy, 0, sizeof *policy);
	if (span_len(text) > STS_POLICY_MAX)
		return why_set(why, "it is longer than %d bytes", STS_POLICY_MAX);
	while (span_split(&text, &more, '\n', &line)) {
		if (read_line(&reader, line, why) == -1)
			return -1;
	}
	if (!reader.version || !reader.mode || !reader.max_age)
		return why_set(why, "%s is missing",
			       !reader.version ? "version"
			       : !reader.mode  ? "mode"
					       : "max_age");
	if (policy->count == 0 && policy->mode != STS_NONE)
		return why_set(why, "it has no mx line that names a host");
	return 0;
}

static bool matches_pattern(const char *pattern, const char *host)
{
	const char *dot;

	if (strncmp(pattern, "*.", 2) != 0)
		return domain_equal(pattern, host);
	dot = strchr(host, '.');
	return dot != NULL && dot > host && domain_equal(dot + 1, pattern + 2);
}

bool sts_policy_allows(const struct sts_policy *policy, const char *host)
{
	for (unsigned i = 0; i < policy->count; i++) {
		if (matches_pattern(policy->patterns[i], host))
			return true;
	}
	return false;
}
