/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass: split at ";", then at the first "=". A list holds at most TAGLIST_MAX tags, so looking
 * for a name twice is bounded work. Blanks are SP, HTAB, CR and LF in any order: this is a little
 * more than FWS, and what is signed or published with odd blanks still means the same list.
 */
#include "mail/taglist.h"

#include <assert.h>
#include <string.h>

/* RFC 6376 section 3.2: tag-name = ALPHA *ALNUMPUNC; ALNUMPUNC = ALPHA / DIGIT / "_" */
static bool name_ok(struct span name)
{
	if (span_empty(name) || !char_is_alpha((unsigned char)*name.p))
		return false;
	for (const char *p = name.p; p < name.end; p++)
		if (!char_is_alnum((unsigned char)*p) && *p != '_')
			return false;
	return true;
}

static int shown_length(struct span s)
{
	return span_len(s) > 40 ? 40 : (int)span_len(s);
}

static bool has_name(const struct taglist *list, struct span name)
{
	for (unsigned i = 0; i < list->count; i++)
		if (span_same(list->tags[i].name, name))
			return true;
	return false;
}

/* tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS] */
static int add_tag(struct taglist *list, struct span part, struct why *why)
{
	struct span text = span_trim(part), name = text;
	struct tag *tag = &list->tags[list->count];

	for (name.end = text.p; name.end < text.end && *name.end != '='; name.end++)
		;
	if (name.end == text.end)
		return why_set(why, "tag %u has no \"=\" (RFC 6376 section 3.2)", list->count + 1);
	tag->value = span_trim((struct span){name.end + 1, text.end});
	name = span_trim(name);
	if (!name_ok(name))
		return why_set(why, "tag %u does not have a valid name (RFC 6376 section 3.2)",
			       list->count + 1);
	if (has_name(list, name))
		return why_set(why, "tag %.*s= appears twice (RFC 6376 section 3.2)",
			       shown_length(name), name.p);
	assert(list->count < TAGLIST_MAX);
	tag->name = name;
	tag->whole = (struct span){name.p, part.end};
	list->count++;
	return 0;
}

/* tag-list = tag-spec *( ";" tag-spec ) [ ";" ] */
int taglist_parse(struct taglist *list, struct span text, struct why *why)
{
	struct span rest = text, part;
	bool more = true;

	list->count = 0;
	while (span_split(&rest, &more, ';', &part)) {
		if (!more && list->count > 0 && span_empty(span_trim(part)))
			return 0;
		if (span_empty(span_trim(part)))
			return why_set(why, "tag %u is empty (RFC 6376 section 3.2)",
				       list->count + 1);
		if (list->count == TAGLIST_MAX)
			return why_set(why, "more than %d tags", TAGLIST_MAX);
		if (add_tag(list, part, why) != 0)
			return -1;
	}
	return 0;
}

bool taglist_begins(struct span text, const char *version)
{
	size_t length = strlen(version);

	if (span_len(text) < length || memcmp(text.p, version, length) != 0)
		return false;
	text.p += length;
	while (!span_empty(text) && char_is_wsp(*text.p))
		text.p++;
	return !span_empty(text) && *text.p == ';';
}

const struct tag *taglist_find(const struct taglist *list, const char *name)
{
	for (unsigned i = 0; i < list->count; i++)
		if (span_eq(list->tags[i].name, name))
			return &list->tags[i];
	return NULL;
}

/* RFC 6376 section 3.2: tag-value = [ tval *( 1*(WSP / FWS) tval ) ]; tval = 1*VALCHAR;
 * VALCHAR = %x21-3A / %x3C-7E */
bool taglist_value_ok(struct span value, bool utf8)
{
	for (const char *p = value.p; p < value.end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c > ' ' && c < 127 && c != ';')
			continue;
		if (c == ';' || c == 127 || (c < ' ' && !char_is_space(c)) || (c > 127 && !utf8))
			return false;
	}
	return true;
}

unsigned taglist_instance(struct span text)
{
	uint64_t number;

	if (span_len(text) > 2 || !span_number(text, TAGLIST_INSTANCE_MAX, &number))
		return 0;
	return (unsigned)number;
}
