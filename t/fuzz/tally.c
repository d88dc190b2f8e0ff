/* SPDX-License-Identifier: BSD-2-Clause */
/* report/tally: whatever strangers chose, a row holds clean text and lists that can be read. */
#include <assert.h>
#include <string.h>

#include "lib/utf8.h"
#include "report/json.h"
#include "report/tally.h"
#include "t/lib/fuzz.h"

/* Texts between NULs, one after the other. */
static const char *next(struct arena *arena, struct span *rest)
{
	const char *end = span_empty(*rest) ? NULL : memchr(rest->p, '\0', span_len(*rest));
	struct span text = {rest->p, end == NULL ? rest->end : end};

	rest->p = end == NULL ? rest->end : end + 1;
	return arena_span(arena, text);
}

static void check(const struct ledger_row *row, struct arena *arena)
{
	const char *const texts[] = {row->policy.domain, row->policy.fo,     row->policy.rua,
				     row->header_from,   row->envelope_from, row->envelope_to,
				     row->spf_domain,    row->dkim,          row->reasons};
	const struct json_list *dkim = json_list_parse(arena, row->dkim);

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert(texts[i] == NULL || utf8_is_clean(span_of(texts[i])));
	assert(dkim != NULL && json_list_parse(arena, row->reasons) != NULL);
	assert(json_list_count(dkim) == json_list_count(json_list_parse(arena, row->dkim_notes)));
	for (unsigned i = 0; i < json_list_count(dkim); i++)
		assert(json_list_get(dkim, i, "selector")[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make(data, size);
	struct arena *arena = arena_new(0);
	struct dkim_verdict dkim[4] = {{.result = AUTH_PASS}};
	struct dmarc_published published = {
	    .domain = next(arena, &rest), .fo = next(arena, &rest), .rua = next(arena, &rest)};
	struct verdict verdict = {.client = {.family = 4}, .dkim = dkim, .dkim_count = 4};
	struct ledger_row row;

	verdict.dmarc.published = &published;
	verdict.dmarc.author_domain = next(arena, &rest);
	verdict.mail_from = next(arena, &rest);
	verdict.spf.domain = next(arena, &rest);
	for (unsigned i = 0; i < 4; i++) {
		dkim[i].domain = next(arena, &rest);
		dkim[i].selector = next(arena, &rest);
		dkim[i].why = next(arena, &rest);
	}
	verdict.decision.override_count = 1;
	verdict.decision.overrides[0].comment = next(arena, &rest);
	if (tally_row(&verdict, next(arena, &rest), 0, arena, &row))
		check(&row, arena);
	arena_free(arena);
	return 0;
}
