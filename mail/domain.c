/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One form for every domain name, so that the rest of the program compares with strcmp.
 *
 * A name that is ASCII already, which nearly all are, is checked and lowered here. Only a name with
 * bytes over 127 goes to libidn2 (UTS #46, non-transitional: "ß" stays a letter of its own), and
 * what comes back passes the same check: the mapping can produce dots and ASCII that no host has.
 * A-labels are not decoded: whether "xn--..." is a proper one is for the DNS to know.
 */
#include "mail/domain.h"

#include <assert.h>
#include <idn2.h>
#include <string.h>

enum {
	LABEL_MAX = 63,
	NAME_MAX_LEN = 253,
	UNICODE_MAX = 1024 /* bytes of a name worth converting; a longer one cannot become 253 */
};

static bool domain_char(int c)
{
	return char_is_alnum(c) || c == '-' || c == '_';
}

/* RFC 1035 section 2.3.4 */
bool domain_has_labels(struct span name, bool (*is_allowed)(int c))
{
	size_t label = 0;

	if (span_len(name) > NAME_MAX_LEN)
		return false;
	for (const char *p = name.p; p < name.end; p++) {
		if (*p == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_allowed((unsigned char)*p) || ++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0;
}

/* RFC 5321 section 2.3.5 with "_", which DNS names in mail have; no final dot. */
static bool domain_valid(struct span name)
{
	return domain_has_labels(name, domain_char);
}

static const char *from_ascii(struct arena *arena, struct span name)
{
	if (!span_empty(name) && name.end[-1] == '.')
		name.end--;
	return domain_valid(name) ? arena_lower(arena, name) : NULL;
}

static const char *from_unicode(struct arena *arena, struct span name)
{
	const int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
	const char *text, *result;
	uint8_t *ascii = NULL;

	if (span_len(name) > UNICODE_MAX || memchr(name.p, '\0', span_len(name)) != NULL)
		return NULL;
	text = arena_span(arena, name);
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, flags) != IDN2_OK)
		return NULL;
	result = from_ascii(arena, span_of((const char *)ascii));
	idn2_free(ascii);
	return result;
}

const char *domain_to_ascii(struct arena *arena, struct span text)
{
	for (const char *p = text.p; p < text.end; p++) {
		if ((unsigned char)*p > 127)
			return from_unicode(arena, text);
	}
	return from_ascii(arena, text);
}

const char *domain_parse(struct arena *arena, struct span text, struct why *why)
{
	const char *domain = domain_to_ascii(arena, text);

	if (domain == NULL)
		why_set(why, "\"%.*s\" is not a valid domain", (int)span_len(text), text.p);
	return domain;
}

unsigned domain_labels(const char *domain)
{
	unsigned labels = *domain != '\0';

	for (; *domain != '\0'; domain++)
		labels += *domain == '.';
	return labels;
}

const char *domain_last(const char *domain, unsigned labels)
{
	assert(labels > 0);
	for (unsigned have = domain_labels(domain); have > labels; have--)
		domain = domain_parent(domain);
	return domain;
}

const char *domain_parent(const char *domain)
{
	const char *dot = strchr(domain, '.');

	return dot == NULL ? NULL : dot + 1;
}

bool domain_equal(const char *a, const char *b)
{
	assert(a != NULL && b != NULL);
	return span_isame(span_of(a), span_of(b));
}

bool domain_is_below(const char *domain, const char *parent)
{
	size_t length = strlen(domain), suffix = strlen(parent);

	return length > suffix && domain[length - suffix - 1] == '.' &&
	       domain_equal(domain + length - suffix, parent);
}

bool domain_within(const char *domain, const char *parent)
{
	return domain_equal(domain, parent) || domain_is_below(domain, parent);
}

const char *domain_of_address(struct arena *arena, const char *address)
{
	const char *at = NULL;
	bool quoted = false;

	for (const char *p = address; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && quoted && p[1] != '\0')
			p++;
		else if (*p == '@' && !quoted)
			at = p;
	}
	return at == NULL ? NULL : domain_to_ascii(arena, span_of(at + 1));
}

bool domain_pattern_parse(struct arena *arena, struct span text, struct domain_pattern *pattern)
{
	*pattern = (struct domain_pattern){NULL, false};
	if (span_eq(text, "*"))
		return true;
	pattern->below = span_istarts(text, "*.");
	if (pattern->below)
		text.p += 2;
	pattern->domain = domain_to_ascii(arena, text);
	return pattern->domain != NULL;
}

bool domain_pattern_matches(const struct domain_pattern *pattern, const char *domain)
{
	if (pattern->domain == NULL)
		return true;
	assert(domain != NULL);
	return pattern->below ? domain_within(domain, pattern->domain)
			      : domain_equal(domain, pattern->domain);
}
