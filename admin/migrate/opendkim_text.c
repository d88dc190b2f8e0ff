/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Line by line, every part a span of the text that was read. What the words mean is said by
 * opendkim.conf(5) and by the README of OpenDKIM.
 */
#include "admin/migrate/opendkim_text.h"

#include <stdlib.h>
#include <string.h>

static struct span text_until(struct span text, char delim)
{
	const char *found = span_empty(text) ? NULL : memchr(text.p, delim, span_len(text));

	return found == NULL ? text : span_make(text.p, (size_t)(found - text.p));
}

static struct span text_from(struct span text, const char *p)
{
	return span_make(p, (size_t)(text.end - p));
}

bool opendkim_line(struct span *rest, unsigned *line, struct span *name, struct span *value)
{
	while (!span_empty(*rest)) {
		struct span whole = text_until(*rest, '\n'),
			    text = span_trim(text_until(whole, '#'));
		const char *p = text.p;

		*rest = text_from(*rest, whole.end + (whole.end < rest->end));
		(*line)++;
		while (p < text.end && !char_is_wsp((unsigned char)*p))
			p++;
		*name = span_make(text.p, (size_t)(p - text.p));
		*value = span_trim(text_from(text, p));
		if (!span_empty(*name))
			return true;
	}
	return false;
}

static const struct {
	const char *prefix;
	enum opendkim_kind kind;
} kinds[] = {
    {"refile:", OPENDKIM_REFILE}, {"file:", OPENDKIM_FILE},    {"csl:", OPENDKIM_LIST},
    {"bdb:", OPENDKIM_OTHER},     {"db:", OPENDKIM_OTHER},     {"dsn:", OPENDKIM_OTHER},
    {"ldap:", OPENDKIM_OTHER},    {"ldaps:", OPENDKIM_OTHER},  {"ldapi:", OPENDKIM_OTHER},
    {"lua:", OPENDKIM_OTHER},     {"mdb:", OPENDKIM_OTHER},    {"memcache:", OPENDKIM_OTHER},
    {"erlang:", OPENDKIM_OTHER},  {"socket:", OPENDKIM_OTHER}, {"repute:", OPENDKIM_OTHER},
};

enum opendkim_kind opendkim_dataset(struct span value, struct span *where)
{
	*where = value;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (span_istarts(value, kinds[i].prefix)) {
			*where = span_trim(text_from(value, value.p + strlen(kinds[i].prefix)));
			return kinds[i].kind;
		}
	}
	if (!span_empty(value) && *value.p == '/')
		return OPENDKIM_FILE;
	return OPENDKIM_LIST;
}

/* A part that the next colon ends, taken off *REST. */
static struct span take_part(struct span *rest)
{
	struct span part = text_until(*rest, ':');

	*rest = text_from(*rest, part.end + (part.end < rest->end));
	return span_trim(part);
}

int opendkim_key_parse(struct span name, struct span value, struct opendkim_key *key,
		       struct why *why)
{
	key->name = name;
	key->domain = take_part(&value);
	key->selector = take_part(&value);
	key->path = take_part(&value);
	if (span_empty(key->domain) || span_empty(key->selector) || span_empty(key->path))
		return why_set(why, "not domain:selector:file");
	if (*key->path.p != '/' && *key->path.p != '%')
		return why_set(why, "the key is not the path of a file");
	return 0;
}

static int compare_spans(struct span a, struct span b)
{
	size_t shorter = span_len(a) < span_len(b) ? span_len(a) : span_len(b);
	int order = shorter == 0 ? 0 : memcmp(a.p, b.p, shorter);

	return order != 0 ? order : (span_len(a) > span_len(b)) - (span_len(a) < span_len(b));
}

static int compare_names(const void *a, const void *b)
{
	const struct opendkim_key *x = a, *y = b;

	return compare_spans(x->name, y->name);
}

void opendkim_keys_sort(struct opendkim_key *keys, unsigned count)
{
	if (count > 0)
		qsort(keys, count, sizeof *keys, compare_names);
}

const struct opendkim_key *opendkim_key_find(const struct opendkim_key *keys, unsigned count,
					     const struct opendkim_author *author,
					     struct span value, struct span *signer)
{
	struct opendkim_key wanted = {.name = take_part(&value)};

	if (span_eq(wanted.name, "%"))
		wanted.name = author->domain;
	if (signer != NULL)
		*signer = span_trim(value);
	return count == 0 ? NULL : bsearch(&wanted, keys, count, sizeof *keys, compare_names);
}

static bool has_char(struct span text, char c)
{
	return !span_empty(text) && memchr(text.p, c, span_len(text)) != NULL;
}

/* The user's part: "*" (or none) is everybody. */
static bool is_everybody(struct span user)
{
	return span_empty(user) || span_eq(user, "*");
}

/*
 * file:   user "@" domain / domain / user "@." domain / "." domain / "*", where "*" is not a
 * wildcard refile: a pattern with "*" anywhere, matched against the whole of user@domain
 *
 * Each of the two is often written as the other, and then never matches (tried with OpenDKIM 2.11).
 */
static int check_form(struct span text, struct span user, struct span domain,
		      enum opendkim_kind kind, struct why *why)
{
	if (kind == OPENDKIM_FILE && has_char(user, '*'))
		return why_set(why, "never matched: \"*\" is a wildcard only in a refile: table");
	if (kind == OPENDKIM_REFILE && (!has_char(text, '@') || *domain.p == '.'))
		return why_set(
		    why, "never matched: a refile: table is matched against a whole address, as "
			 "in *@example.com");
	return 0;
}

int opendkim_author_parse(struct span text, enum opendkim_kind kind, struct opendkim_author *author,
			  struct why *why)
{
	struct span user = text_until(text, '@'), domain = text;

	*author = (struct opendkim_author){.domain = span_make(text.end, 0)};
	if (span_eq(text, "*"))
		return 0;
	if (user.end < text.end)
		domain = text_from(text, user.end + 1);
	else
		user = span_make(text.p, 0);
	if (span_empty(domain) || has_char(domain, '@'))
		return why_set(why, "not an address or domain that can be listed here");
	if (check_form(text, user, domain, kind, why) == -1)
		return -1;
	author->some = !is_everybody(user);
	if (kind == OPENDKIM_REFILE && span_eq(domain, "*"))
		return 0;
	if (kind == OPENDKIM_REFILE && span_len(domain) > 2 && domain.p[0] == '*' &&
	    domain.p[1] == '.') {
		author->below = true;
		domain.p += 2;
	} else if (span_len(domain) > 1 && domain.p[0] == '.') {
		author->below = true;
		domain.p++;
	}
	if (*domain.p == '.' || has_char(domain, '*'))
		return why_set(why, "not an address or domain that can be listed here");
	author->domain = domain;
	return 0;
}
