/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/authres. Reading: a field that plainly begins with our id is ours. Writing: whatever the
 * texts of a verdict are, the field follows the grammar and is recognised as ours.
 */
#include <assert.h>

#include "mail/authres_read.h"
#include "policy/authres.h"
#include "t/lib/authres_grammar.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size), body = span_trim(text);
	struct arena *arena = arena_new(0);
	const char *copy = arena_span(arena, text);
	const char *id = authres_is_token(span_of(copy)) && size <= 253 ? copy : "mx.example";
	struct dkim_verdict dkim = {
	    .domain = copy, .selector = copy, .algorithm = copy, .signature = copy, .why = copy};
	struct verdict v = {.client = {.family = 4},
			    .helo = copy,
			    .mail_from = copy,
			    .dkim = &dkim,
			    .dkim_count = 1};
	const char *value;

	if (span_istarts(body, "mx.example;") || span_istarts(body, "mx.example ") ||
	    span_empty(body))
		assert(authres_is_ours(text, "mx.example"));
	v.iprev = (struct iprev_verdict){AUTH_PASS, copy, copy};
	v.spf = (struct spf_verdict){.result = AUTH_FAIL, .domain = copy, .why = copy};
	v.spf_helo = v.spf;
	v.dmarc = (struct dmarc_verdict){.author_domain = copy, .why = copy};
	dkim.result = (enum auth_result)(size % 8);
	value = authres_write(arena, id, &v);
	assert(authres_grammar(arena, span_of(value)) != NULL);
	assert(authres_is_ours(span_of(value), id));
	arena_free(arena);
	return 0;
}
