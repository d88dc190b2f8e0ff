/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bimi/record.h"

#include <string.h>

#include "lib/buf.h"
#include "mail/taglist.h"

static const char version[] = "v=BIMI1";

bool bimi_record_is(struct span text)
{
	size_t length = sizeof version - 1;

	return span_len(text) >= length && memcmp(text.p, version, length) == 0 &&
	       (span_len(text) == length || text.p[length] == ';' ||
		char_is_space((unsigned char)text.p[length]));
}

/* The tag NAME is an https URI or nothing; the whole text is printable ASCII. */
static int read_uri(struct arena *arena, const struct taglist *list, const char *name,
		    const char **uri, struct why *why)
{
	const struct tag *tag = taglist_find(list, name);
	struct span value = tag == NULL ? span_of("") : tag->value;

	*uri = arena_span(arena, value);
	if (span_empty(value))
		return 0;
	for (const char *p = value.p; p < value.end; p++) {
		if (*p <= ' ' || *p > '~')
			return why_set(why, "%s= has a byte that no URI has", name);
	}
	if (!span_istarts(value, "https://") || span_len(value) == strlen("https://"))
		return why_set(why, "%s= is not an https URI", name);
	return 0;
}

/* Whether the path of URI ends as the names of other pictures than SVG do (section "Supported Image
 * Formats for l= tag"). */
static bool is_other_picture(const char *uri)
{
	static const char *const endings[] = {".png", ".jpg", ".jpeg", ".gif",  ".webp", ".bmp",
					      ".ico", ".tif", ".tiff", ".avif", ".heic", ".pdf"};
	struct span path = span_make(uri, strcspn(uri, "?#"));

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		size_t length = strlen(endings[i]);

		if (span_len(path) > length &&
		    span_ieq(span_make(path.end - length, length), endings[i]))
			return true;
	}
	return false;
}

int bimi_record_parse(struct arena *arena, struct span text, struct bimi_record *record,
		      struct why *why)
{
	struct taglist list;
	const struct tag *avp, *lps;

	memset(record, 0, sizeof *record);
	if (!bimi_record_is(text))
		return why_set(why, "it does not begin with \"v=BIMI1\"");
	if (taglist_parse(&list, text, why) == -1)
		return -1;
	if (!span_eq(list.tags[0].value, "BIMI1"))
		return why_set(why, "v= is not BIMI1");
	avp = taglist_find(&list, "avp");
	if (taglist_find(&list, "l") == NULL)
		return why_set(why, "l= is missing");
	if (read_uri(arena, &list, "l", &record->location, why) == -1 ||
	    read_uri(arena, &list, "a", &record->authority, why) == -1)
		return -1;
	if (is_other_picture(record->location))
		return why_set(why, "l= is not an SVG file");
	lps = taglist_find(&list, "lps");
	record->prefixes = lps == NULL ? "" : arena_span(arena, lps->value);
	record->by_local_part = lps != NULL;
	record->preference = avp == NULL || span_eq(avp->value, "brand") ? "brand"
			     : span_eq(avp->value, "personal")           ? "personal"
									 : "";
	record->declined = *record->location == '\0' && *record->authority == '\0';
	return 0;
}

enum { LABEL_MAX = 63 };

/* Up to "+"; "_" and "." as "-"; runs of "-" as one, none at the ends; nothing else but letters and
 * digits. "": there is no normal form. */
static const char *normalize_local(struct arena *arena, const char *local)
{
	struct buf out;

	buf_init(&out, arena, LABEL_MAX);
	for (; *local != '\0' && *local != '+'; local++) {
		int c = *local == '_' || *local == '.' ? '-' : char_lower((unsigned char)*local);

		if (c != '-' && !char_is_alnum(c))
			return "";
		if (c != '-' || (out.len > 0 && out.data[out.len - 1] != '-'))
			buf_char(&out, (char)c);
	}
	if (out.len > 0 && out.data[out.len - 1] == '-')
		out.len--;
	return out.failed ? "" : arena_span(arena, buf_view(&out));
}

const char *bimi_record_local(struct arena *arena, const char *prefixes, const char *local)
{
	const char *normal = normalize_local(arena, local);
	struct span rest = span_of(prefixes), prefix;
	bool more = true;

	if (*normal != '\0' && span_empty(span_trim(rest)))
		return normal;
	while (*normal != '\0' && span_split(&rest, &more, ',', &prefix)) {
		prefix = span_trim(prefix);
		if (!span_empty(prefix) && span_istarts(span_of(normal), arena_span(arena, prefix)))
			return normal;
	}
	return NULL;
}
