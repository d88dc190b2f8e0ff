/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bimi/record.h"

#include <string.h>

#include "mail/taglist.h"

static const char version[] = "v=BIMI1";

bool bimi_record_is(struct span text)
{
	size_t length = sizeof version - 1;

	return span_len(text) >= length && memcmp(text.p, version, length) == 0 &&
	       (span_len(text) == length || text.p[length] == ';' ||
		char_is_space((unsigned char)text.p[length]));
}

/* An https URI or nothing; the whole text is printable ASCII. */
static int read_uri(struct arena *arena, const struct tag *tag, const char **uri, struct why *why)
{
	struct span value = tag == NULL ? span_of("") : tag->value;

	*uri = arena_span(arena, value);
	if (span_empty(value))
		return 0;
	for (const char *p = value.p; p < value.end; p++) {
		if (*p <= ' ' || *p > '~')
			return why_set(why, "%.*s= has a byte that no URI has",
				       (int)span_len(tag->name), tag->name.p);
	}
	if (!span_istarts(value, "https://") || span_len(value) == strlen("https://"))
		return why_set(why, "%.*s= is not an https URI", (int)span_len(tag->name),
			       tag->name.p);
	return 0;
}

int bimi_record_parse(struct arena *arena, struct span text, struct bimi_record *record,
		      struct why *why)
{
	struct taglist list;
	const struct tag *location, *avp, *lps;

	memset(record, 0, sizeof *record);
	if (!bimi_record_is(text))
		return why_set(why, "it does not begin with \"v=BIMI1\"");
	if (taglist_parse(&list, text, why) == -1)
		return -1;
	location = taglist_find(&list, "l");
	avp = taglist_find(&list, "avp");
	if (location == NULL)
		return why_set(why, "l= is missing");
	if (avp != NULL && !span_eq(avp->value, "brand") && !span_eq(avp->value, "personal"))
		return why_set(why, "avp= is neither brand nor personal");
	if (read_uri(arena, location, &record->location, why) == -1 ||
	    read_uri(arena, taglist_find(&list, "a"), &record->authority, why) == -1)
		return -1;
	lps = taglist_find(&list, "lps");
	record->by_local_part = lps != NULL && !span_empty(lps->value);
	record->declined = *record->location == '\0' && *record->authority == '\0';
	return 0;
}
