/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both texts are short, ASCII, and read strictly: a sender that guesses at a policy would deliver
 * where its owner did not want it.
 */
#include "tls/sts.h"

#include <string.h>

#include "mail/domain.h"
#include "mail/taglist.h"

const struct name_code sts_mode_names[] = {
    {"none", STS_NONE}, {"testing", STS_TESTING}, {"enforce", STS_ENFORCE}, {NULL, 0}};

static const char version[] = "v=STSv1";

bool sts_record_is(struct span text)
{
	size_t length = sizeof version - 1;

	if (span_len(text) < length || memcmp(text.p, version, length) != 0)
		return false;
	text.p += length;
	while (!span_empty(text) && char_is_wsp(*text.p))
		text.p++;
	return !span_empty(text) && *text.p == ';';
}

/* sts-id = %s"id=" 1*32(ALPHA / DIGIT) */
static bool is_id(struct span id)
{
	if (span_empty(id) || span_len(id) > 32)
		return false;
	for (; id.p < id.end; id.p++) {
		if (!char_is_alnum((unsigned char)*id.p))
			return false;
	}
	return true;
}

const char *sts_record_parse(struct arena *arena, struct span text, struct why *why)
{
	struct taglist list;
	const struct tag *id;

	if (!sts_record_is(text)) {
		why_set(why, "it does not begin with \"v=STSv1;\" (RFC 8461 section 3.1)");
		return NULL;
	}
	if (taglist_parse(&list, text, why) == -1)
		return NULL;
	id = taglist_find(&list, "id");
	if (id == NULL || !is_id(id->value)) {
		why_set(why, "id= must be 1 to 32 letters and digits (RFC 8461 section 3.1)");
		return NULL;
	}
	return arena_span(arena, id->value);
}

/* ---- the policy ---- */

struct policy_reader {
	struct arena *arena;
	struct sts_policy *policy;
	bool version, mode, max_age; /* seen: the first of each counts */
};

static bool is_host_name(struct span name)
{
	for (const char *p = name.p; p < name.end; p++) {
		if (!char_is_alnum((unsigned char)*p) && *p != '-' && *p != '.' && *p != '_')
			return false;
	}
	return !span_empty(name);
}

/* sts-policy-mx-value = ["*."] Domain */
static int read_pattern(struct policy_reader *reader, struct span value, struct why *why)
{
	struct span name = value;
	const char *domain;
	bool wild = span_istarts(value, "*.");

	name.p += wild ? 2 : 0;
	domain = is_host_name(name) ? domain_to_ascii(reader->arena, name) : NULL;
	if (domain == NULL)
		return why_set(why, "mx: \"%.*s\" is not a host name or a pattern",
			       (int)(span_len(value) < 80 ? span_len(value) : 80), value.p);
	if (reader->policy->count == STS_PATTERNS_MAX)
		return why_set(why, "it has more than %d mx lines", STS_PATTERNS_MAX);
	reader->policy->patterns[reader->policy->count++] =
	    wild ? arena_printf(reader->arena, "*.%s", domain) : domain;
	return 0;
}

static int read_field(struct policy_reader *reader, struct span key, struct span value,
		      struct why *why)
{
	uint64_t number;
	int mode;

	if (span_eq(key, "mx"))
		return read_pattern(reader, value, why);
	if (span_eq(key, "version") && !reader->version) {
		reader->version = true;
		return span_eq(value, "STSv1") ? 0 : why_set(why, "version is not STSv1");
	}
	if (span_eq(key, "mode") && !reader->mode) {
		mode = name_code(sts_mode_names, value, -1);
		reader->mode = true;
		if (mode == -1)
			return why_set(why, "mode is not enforce, testing or none");
		reader->policy->mode = (enum sts_mode)mode;
	}
	if (span_eq(key, "max_age") && !reader->max_age) {
		reader->max_age = true;
		if (!span_number(value, STS_AGE_MAX, &number))
			return why_set(why, "max_age is not a number of at most %d", STS_AGE_MAX);
		reader->policy->max_age = (uint32_t)number;
	}
	return 0;
}

/* sts-policy-term = LF / CRLF */
static int read_line(struct policy_reader *reader, struct span line, struct why *why)
{
	struct span key = line;

	while (key.end > key.p && key.end[-1] == '\r')
		key.end--;
	line.end = key.end;
	if (span_empty(line))
		return 0;
	key.end = memchr(line.p, ':', span_len(line));
	if (key.end == NULL)
		return why_set(why, "a line has no \":\"");
	return read_field(reader, span_trim(key), span_trim((struct span){key.end + 1, line.end}),
			  why);
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
		return why_set(why, "it has no mx line");
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
