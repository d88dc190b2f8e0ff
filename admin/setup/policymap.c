/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/policymap.h"

#include <string.h>

#include "lib/buf.h"

enum { MAJOR_WITH_ATTRIBUTES = 3, MINOR_WITH_ATTRIBUTES = 10 };

/* "3.7.11", "3.10-20250101" */
const char *policymap_name(const char *mail_version)
{
	uint64_t numbers[2] = {0, 0};
	const char *p = mail_version;

	for (unsigned i = 0; i < 2; i++) {
		const char *begin = p;

		while (char_is_digit((unsigned char)*p))
			p++;
		if (!span_number(span_make(begin, (size_t)(p - begin)), 1000, &numbers[i]))
			return "policy";
		if (*p == '.')
			p++;
	}
	return numbers[0] > MAJOR_WITH_ATTRIBUTES ||
		       (numbers[0] == MAJOR_WITH_ATTRIBUTES && numbers[1] >= MINOR_WITH_ATTRIBUTES)
		   ? "policy310"
		   : "policy";
}

bool policymap_has_reports(const char *mail_version)
{
	return strcmp(policymap_name(mail_version), "policy310") == 0;
}

/* The next map of a list that blanks and commas divide. */
static bool next_map(struct span *rest, struct span *map)
{
	while (!span_empty(*rest) && (char_is_space((unsigned char)*rest->p) || *rest->p == ','))
		rest->p++;
	map->p = rest->p;
	while (!span_empty(*rest) && !char_is_space((unsigned char)*rest->p) && *rest->p != ',')
		rest->p++;
	map->end = rest->p;
	return !span_empty(*map);
}

static bool has_map(const char *list, struct span wanted)
{
	struct span rest = span_of(list), map;

	while (next_map(&rest, &map)) {
		if (span_same(map, wanted))
			return true;
	}
	return false;
}

/* The name behind "socketmap:ADDRESS:", or an empty span. */
static struct span name_at(struct arena *arena, struct span map, const char *address)
{
	const char *prefix = arena_printf(arena, "socketmap:%s:", address);

	if (!span_istarts(map, prefix))
		return span_of("");
	return (struct span){map.p + strlen(prefix), map.end};
}

const char *policymap_find(struct arena *arena, const char *list, const char *address)
{
	struct span rest = span_of(list), map;

	while (next_map(&rest, &map)) {
		struct span name = name_at(arena, map, address);

		if (!span_empty(name))
			return arena_span(arena, name);
	}
	return NULL;
}

static void add_map(struct buf *out, struct span map)
{
	buf_string(out, out->len == 0 ? "" : ", ");
	buf_span(out, map);
}

const char *policymap_add(const struct postfix *postfix, struct arena *arena, const char *address)
{
	const char *list = postfix_setting(postfix, arena, "smtp_tls_policy_maps");
	const char *name = policymap_name(postfix_setting(postfix, arena, "mail_version"));
	const char *found = policymap_find(arena, list, address);
	struct span rest = span_of(list), map;
	struct buf out;

	if (found != NULL && strcmp(found, name) == 0)
		return list;
	buf_init(&out, arena, 0);
	while (next_map(&rest, &map)) {
		if (span_empty(name_at(arena, map, address)))
			add_map(&out, map);
	}
	add_map(&out, span_of(arena_printf(arena, "socketmap:%s:%s", address, name)));
	return buf_text(&out);
}

const char *policymap_without(struct arena *arena, const char *list, const char *after,
			      const char *before)
{
	struct span rest = span_of(list), map;
	struct buf out;

	buf_init(&out, arena, 0);
	while (next_map(&rest, &map)) {
		if (!has_map(after, map) || (before != NULL && has_map(before, map)))
			add_map(&out, map);
	}
	return buf_text(&out);
}

bool policymap_has_roots(const struct postfix *postfix, struct arena *arena)
{
	return *postfix_setting(postfix, arena, "smtp_tls_CAfile") != '\0' ||
	       *postfix_setting(postfix, arena, "smtp_tls_CApath") != '\0' ||
	       strcmp(postfix_setting(postfix, arena, "tls_append_default_CA"), "yes") == 0;
}
