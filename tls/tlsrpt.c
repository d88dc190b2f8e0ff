/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tlsrpt.h"

#include <string.h>

#include "mail/taglist.h"

bool tlsrpt_record_is(struct span text)
{
	return taglist_begins(text, "v=TLSRPTv1");
}

/* tlsrpt-uri = URI, of which section 3 has mailto and https */
static int check_uri(struct span uri, struct why *why)
{
	uri = span_trim(uri);
	if (span_istarts(uri, "mailto:") && memchr(uri.p, '@', span_len(uri)) != NULL)
		return 0;
	if (span_istarts(uri, "https://") && span_len(uri) > strlen("https://"))
		return 0;
	return why_set(
	    why, "rua= has \"%.*s\", which is neither mailto: nor https: (RFC 8460 section 3)",
	    (int)(span_len(uri) < 80 ? span_len(uri) : 80), uri.p);
}

const char *tlsrpt_record_parse(struct arena *arena, struct span text, struct why *why)
{
	struct taglist list;
	const struct tag *rua;
	struct span rest, uri;
	bool more = true;

	if (!tlsrpt_record_is(text)) {
		why_set(why, "it does not begin with \"v=TLSRPTv1;\" (RFC 8460 section 3)");
		return NULL;
	}
	if (taglist_parse(&list, text, why) == -1)
		return NULL;
	rua = taglist_find(&list, "rua");
	if (rua == NULL) {
		why_set(why, "rua= is missing (RFC 8460 section 3)");
		return NULL;
	}
	for (rest = rua->value; span_split(&rest, &more, ',', &uri);) {
		if (check_uri(uri, why) == -1)
			return NULL;
	}
	return arena_span(arena, rua->value);
}
