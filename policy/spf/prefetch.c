/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows the records as they arrive: each TXT answer is read with the same functions as the
 * evaluation's (spf_record_next, spf_term_matches, spf_macro_name), and what its terms name is
 * asked for at once, so that the whole tree takes as long as its deepest chain.
 *
 * Only asking, no deciding: a term whose name cannot be known yet (%{p}) is left to the
 * evaluation, and terms after one that matches without DNS are not asked for. At most ten terms
 * are followed in the whole tree, in the order in which the answers come; a tree in which that is
 * too little gives permerror anyway, or costs the evaluation one more round.
 *
 * This code runs in the resolver's thread: it shares nothing but `struct ahead`, whose counters
 * are only touched inside follow functions, which never run two at a time for one scope.
 */
#include "policy/spf/prefetch.h"

#include <assert.h>
#include <string.h>

#include "policy/spf/eval.h"
#include "policy/spf/iprev.h"

struct ahead {
	struct spf_macro_values values;
	unsigned *terms; /* how many more may be followed */
	unsigned *hosts;
};

static void follow_txt(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg);

static void follow_mx(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	const struct ahead *ahead = arg;
	const struct dns_answer *answer = dns_lookup_answer(lookup);

	if (answer == NULL || answer->count > SPF_MX_MAX)
		return;
	for (unsigned i = 0; i<answer->count && * ahead->hosts> 0; i++) {
		if (strcmp(answer->records[i].text, ".") == 0)
			continue;
		--*ahead->hosts;
		dns_start(scope, answer->records[i].text, spf_address_type(&ahead->values.client));
	}
}

static void ask_ahead(struct dns_scope *scope, const struct ahead *ahead, enum spf_kind kind,
		      const char *name)
{
	switch (kind) {
	case SPF_TERM_INCLUDE:
	case SPF_TERM_REDIRECT:
		dns_start_follow(scope, name, DNS_TYPE_TXT, follow_txt, ahead);
		break;
	case SPF_TERM_A:
		dns_start(scope, name, spf_address_type(&ahead->values.client));
		break;
	case SPF_TERM_MX:
		dns_start_follow(scope, name, DNS_TYPE_MX, follow_mx, ahead);
		break;
	case SPF_TERM_EXISTS:
		dns_start(scope, name, DNS_TYPE_A);
		break;
	case SPF_TERM_PTR:
		iprev_start(scope, &ahead->values.client);
		break;
	case SPF_TERM_ALL:
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
	case SPF_TERM_EXP:
	case SPF_TERM_UNKNOWN_MODIFIER:
		break; /* ask nothing */
	}
}

static void ask_for_term(struct dns_scope *scope, const struct ahead *ahead, const char *domain,
			 enum spf_kind kind, struct span spec)
{
	struct spf_macro_values values = ahead->values;
	struct buf name;

	if (*ahead->terms == 0)
		return;
	assert(*ahead->terms <= SPF_TERMS_MAX);
	--*ahead->terms;
	values.domain = domain;
	buf_init(&name, NULL, 0);
	if (spf_macro_uses(spec, "p"))
		iprev_start(scope, &ahead->values.client);
	else if (span_empty(spec))
		ask_ahead(scope, ahead, kind, domain);
	else if (spf_macro_name(&name, spec, &values) == SPF_NAME_OK)
		ask_ahead(scope, ahead, kind, buf_text(&name));
	buf_free(&name);
}

static void follow_txt(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	const struct ahead *ahead = arg;
	const struct dns_answer *answer = dns_lookup_answer(lookup);
	const char *domain = dns_lookup_name(lookup);
	struct spf_record record;
	struct spf_term term;
	struct span rest, text;

	if (answer == NULL || spf_eval_select(answer, &text) != 1 ||
	    spf_record_parse(text, &record, NULL) < 0)
		return;
	rest = record.terms;
	while (*ahead->terms > 0 && spf_record_next(&rest, &term)) {
		if (spf_term_matches(&term, &ahead->values.client))
			return;
		if (term.kind <= SPF_TERM_EXISTS && spf_term_needs_dns(&term))
			ask_for_term(scope, ahead, domain, term.kind, term.domain);
	}
	if (!record.has_all && !span_empty(record.redirect))
		ask_for_term(scope, ahead, domain, SPF_TERM_REDIRECT, record.redirect);
}

void spf_prefetch(struct dns_scope *scope, const struct spf_macro_values *values,
		  struct arena *arena)
{
	struct ahead *ahead = arena_make(arena, struct ahead);

	ahead->values = *values;
	ahead->terms = arena_make(arena, unsigned);
	ahead->hosts = arena_make(arena, unsigned);
	*ahead->terms = SPF_TERMS_MAX;
	*ahead->hosts = SPF_PREFETCH_HOSTS;
	dns_start_follow(scope, values->domain, DNS_TYPE_TXT, follow_txt, ahead);
}
