/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bimi/selector.h"

#include "lib/why.h"
#include "mail/taglist.h"

/* sub-domain *("." sub-domain), RFC 5321 section 4.1.2: what a DKIM selector is, too. */
static bool is_selector(struct span text)
{
	bool label = false;
	char last = '.';

	if (span_empty(text) || span_len(text) > BIMI_SELECTOR_MAX)
		return false;
	for (const char *p = text.p; p < text.end; last = *p++) {
		label = char_is_alnum((unsigned char)*p);
		if (label)
			continue;
		if ((*p == '.' && (last == '.' || last == '-')) || (*p == '-' && last == '.') ||
		    (*p != '.' && *p != '-'))
			return false;
	}
	return label;
}

const char *bimi_selector_parse(struct arena *arena, struct span value)
{
	const struct tag *selector;
	struct taglist list;
	struct why why;
	char *out;

	if (taglist_parse(&list, span_trim(value), &why) == -1 || list.count == 0 ||
	    !span_eq(list.tags[0].name, "v") || !span_eq(list.tags[0].value, "BIMI1"))
		return NULL;
	selector = taglist_find(&list, "s");
	if (selector == NULL || !is_selector(selector->value))
		return NULL;
	out = arena_span(arena, selector->value);
	for (char *p = out; *p != '\0'; p++)
		*p = (char)char_lower((unsigned char)*p);
	return out;
}
