/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_host(), RFC 7208 sections 4 to 6: one small function for each mechanism, in a table; the
 * terms of a record from left to right; redirect as a loop; include as recursion.
 *
 * The recursion is bounded because each include is charged to the ten terms of the whole
 * evaluation. An evaluation reads at most eleven records, each once for its syntax and once for
 * its terms, and everything that asks DNS goes through spf_eval.c, which counts.
 */
#include "policy/spf/spf.h"

#include <assert.h>
#include <string.h>

#include "mail/domain.h"
#include "policy/spf/eval.h"
#include "policy/spf/libspf2.h"
#include "policy/spf/prefetch.h"

enum { MECHANISM_MAX = 255 };

static enum auth_result check_host(struct spf_eval *eval, const char *domain);

static bool address_matches(const struct spf_eval *eval, const struct spf_term *term,
			    const struct dns_answer *answer)
{
	const struct ip *client = &eval->values.client;
	unsigned bits = client->family == 6 ? term->bits6 : term->bits4;

	for (unsigned i = 0; i < answer->count; i++) {
		struct ip ip = spf_address(&answer->records[i], spf_address_type(client));

		if (ip_in_network(client, &ip, bits))
			return true;
	}
	return false;
}

/* Section 5.3, and the part of 5.4 that it shares */
static enum spf_match match_host(struct spf_eval *eval, const struct spf_term *term,
				 const char *name)
{
	const struct dns_answer *answer;
	enum spf_match match =
	    spf_eval_lookup(eval, name, spf_address_type(&eval->values.client), &answer);

	if (match != SPF_MATCH_YES)
		return match;
	return address_matches(eval, term, answer) ? SPF_MATCH_YES : SPF_MATCH_NO;
}

/* Section 5.4. More than ten names are an error whichever of them would match: the order in which
 * DNS gives them is chance, and a result must not be. */
static enum spf_match match_mx(struct spf_eval *eval, const struct spf_term *term, const char *name)
{
	enum dns_type type = spf_address_type(&eval->values.client);
	const struct dns_answer *answer;
	enum spf_match match = spf_eval_lookup(eval, name, DNS_TYPE_MX, &answer);

	if (match != SPF_MATCH_YES)
		return match;
	if (answer->count > SPF_MX_MAX) {
		spf_eval_why(eval, "%s has more than %d MX records (RFC 7208 section 4.6.4)", name,
			     SPF_MX_MAX);
		return SPF_MATCH_PERMERROR;
	}
	for (unsigned i = 0; i < answer->count; i++)
		dns_start(eval->scope, answer->records[i].text, type);
	match = SPF_MATCH_NO;
	for (unsigned i = 0; i < answer->count && match == SPF_MATCH_NO; i++) {
		if (strcmp(answer->records[i].text, ".") != 0) /* RFC 7505: no mail here */
			match = match_host(eval, term, answer->records[i].text);
	}
	return match;
}

/* Section 5.5 */
static enum spf_match match_ptr(struct spf_eval *eval, const struct spf_term *term,
				const char *name)
{
	(void)term;
	return spf_eval_ptr(eval, name);
}

/* Section 5.7: always A, whatever the client's address is */
static enum spf_match match_exists(struct spf_eval *eval, const struct spf_term *term,
				   const char *name)
{
	const struct dns_answer *answer;

	(void)term;
	return spf_eval_lookup(eval, name, DNS_TYPE_A, &answer);
}

/* For a survey, which no limit ends: is the record of NAME one of those around this term? */
static bool surrounds_itself(struct spf_eval *eval, const char *name)
{
	if (eval->request->survey == NULL)
		return false;
	for (unsigned i = 0; i <= eval->depth; i++) {
		if (domain_equal(eval->around[i], name)) {
			eval->looped = true;
			spf_eval_why(eval, "the record of %s includes itself", name);
			return true;
		}
	}
	return false;
}

/* Section 5.2, the table of results */
static enum spf_match match_include(struct spf_eval *eval, const struct spf_term *term,
				    const char *name)
{
	const char *domain = eval->values.domain;
	enum auth_result result;
	char shown[SPF_SHOW_MAX];

	if (surrounds_itself(eval, name))
		return SPF_MATCH_PERMERROR;
	eval->depth++;
	result = check_host(eval, name);
	assert(eval->depth > 0);
	eval->depth--;
	eval->values.domain = domain;
	switch (result) {
	case AUTH_PASS:
		spf_eval_why(eval, "%s of %s: %s", spf_show(term->text, shown), domain,
			     eval->out->why);
		return SPF_MATCH_YES;
	case AUTH_FAIL:
	case AUTH_SOFTFAIL:
	case AUTH_NEUTRAL:
		return SPF_MATCH_NO;
	case AUTH_TEMPERROR:
		return SPF_MATCH_TEMPERROR;
	case AUTH_NONE:
	case AUTH_PERMERROR:
	case AUTH_POLICY:
		break;
	}
	spf_eval_why(eval, "%s of %s: %s (RFC 7208 section 5.2)", spf_show(term->text, shown),
		     domain, eval->out->why);
	return SPF_MATCH_PERMERROR;
}

typedef enum spf_match match_function(struct spf_eval *eval, const struct spf_term *term,
				      const char *name);

/* clang-format off */
static match_function *const match_functions[] = {
    [SPF_TERM_INCLUDE] = match_include,
    [SPF_TERM_A] = match_host,
    [SPF_TERM_MX] = match_mx,
    [SPF_TERM_PTR] = match_ptr,
    [SPF_TERM_EXISTS] = match_exists,
};
/* clang-format on */

static enum spf_match match_with_dns(struct spf_eval *eval, const struct spf_term *term)
{
	const char *name;
	char shown[SPF_SHOW_MAX];

	assert(term->kind <= SPF_TERM_EXISTS && match_functions[term->kind] != NULL);
	if (!spf_eval_charge(eval, term->domain))
		return SPF_MATCH_PERMERROR;
	spf_eval_trace(eval, "%s: lookup %u of %d", spf_show(term->text, shown), eval->out->terms,
		       SPF_TERMS_MAX);
	switch (spf_eval_name(eval, term->domain, &name)) {
	case SPF_NAME_OK:
		return match_functions[term->kind](eval, term, name);
	case SPF_NAME_NO_MATCH:
		return SPF_MATCH_NO;
	case SPF_NAME_MALFORMED:
		break;
	}
	if (term->kind != SPF_TERM_INCLUDE)
		return SPF_MATCH_NO;
	spf_eval_why(eval, "%s of %s does not expand to a domain name (RFC 7208 section 5.2)",
		     spf_show(term->text, shown), eval->values.domain);
	return SPF_MATCH_PERMERROR;
}

static enum spf_match match_term(struct spf_eval *eval, const struct spf_term *term)
{
	static const char *const texts[] = {"no match", "match", "temperror", "permerror"};
	enum spf_match match;
	char shown[SPF_SHOW_MAX];

	if (spf_term_needs_dns(term))
		match = match_with_dns(eval, term);
	else
		match = spf_term_matches(term, &eval->values.client) ? SPF_MATCH_YES : SPF_MATCH_NO;
	spf_eval_trace(eval, "%s: %s (RFC 7208 section %s)", spf_show(term->text, shown),
		       texts[match], spf_kind_section(term->kind));
	return match;
}

/* A term can be as long as a record; nobody wants that in a log line. */
static const char *mechanism_text(struct arena *arena, struct span text)
{
	if (span_len(text) > MECHANISM_MAX)
		text.end = text.p + MECHANISM_MAX;
	return arena_span(arena, text);
}

/* Section 4.6.2, and qualifiers */
static enum auth_result match_result(struct spf_eval *eval, const struct spf_record *record,
				     const struct spf_term *term)
{
	char shown[SPF_SHOW_MAX], client[IP_TEXT_MAX];

	if (eval->depth == 0) {
		eval->out->mechanism = mechanism_text(eval->arena, term->text);
		eval->exp = record->exp;
		eval->exp_domain = eval->values.domain;
	}
	if (term->kind != SPF_TERM_INCLUDE)
		spf_eval_why(eval, "%s matches %s of the record of %s",
			     ip_text(&eval->values.client, client), spf_show(term->text, shown),
			     eval->values.domain);
	switch (term->qualifier) {
	case '-':
		return AUTH_FAIL;
	case '~':
		return AUTH_SOFTFAIL;
	case '?':
		return AUTH_NEUTRAL;
	default:
		return AUTH_PASS;
	}
}

/* Whether what the term asks for is known without a message (section 7.2). */
static bool term_varies(const struct spf_term *term)
{
	return term->kind == SPF_TERM_PTR || spf_macro_uses(term->domain, "sliphv");
}

static void tell_survey(const struct spf_eval *eval, const struct spf_term *term,
			enum spf_match match, unsigned lookups, unsigned voids)
{
	const struct spf_survey *survey = eval->request->survey;
	struct spf_survey_term told = {.domain = eval->values.domain,
				       .term = *term,
				       .depth = eval->depth,
				       .lookups = lookups,
				       .voids = eval->out->voids,
				       .varies = term_varies(term),
				       .temporary = match == SPF_MATCH_TEMPERROR,
				       .loops = eval->looped};

	if (spf_term_needs_dns(term))
		told.lookups += 1 + spf_macro_uses(term->domain, "p");
	told.is_void = term->kind != SPF_TERM_INCLUDE && eval->out->voids > voids;
	if (match == SPF_MATCH_TEMPERROR || match == SPF_MATCH_PERMERROR)
		told.fault = eval->out->why;
	survey->term(survey->arg, &told);
}

/* Nothing but "all", after which no term counts (section 5.1), and the bound end a survey. */
static enum spf_match survey_term(struct spf_eval *eval, const struct spf_term *term)
{
	unsigned lookups = eval->out->terms, voids = eval->out->voids;
	enum spf_match match;

	eval->looped = false;
	match = match_term(eval, term);
	tell_survey(eval, term, match, lookups, voids);
	eval->looped = false;
	if (term->kind == SPF_TERM_ALL || eval->out->terms > SPF_SURVEY_TERMS)
		return match;
	return SPF_MATCH_NO;
}

/* The terms of one record. False: none matched; else RESULT is what the record says. */
static bool match_terms(struct spf_eval *eval, const struct spf_record *record,
			enum auth_result *result)
{
	struct span rest = record->terms;
	struct spf_term term;

	while (spf_record_next(&rest, &term)) {
		if (term.kind > SPF_TERM_EXISTS)
			continue; /* a modifier */
		switch (eval->request->survey != NULL ? survey_term(eval, &term)
						      : match_term(eval, &term)) {
		case SPF_MATCH_NO:
			continue;
		case SPF_MATCH_YES:
			*result = match_result(eval, record, &term);
			return true;
		case SPF_MATCH_TEMPERROR:
			*result = AUTH_TEMPERROR;
			return true;
		case SPF_MATCH_PERMERROR:
			*result = AUTH_PERMERROR;
			return true;
		}
	}
	return false;
}

/* Section 6.1. False: RESULT; else the evaluation goes on with DOMAIN. */
static bool follow_redirect(struct spf_eval *eval, const struct spf_record *record,
			    const char **domain, enum auth_result *result)
{
	const char *from = eval->values.domain;

	*result = AUTH_PERMERROR;
	if (!spf_eval_charge(eval, record->redirect))
		return false;
	switch (spf_eval_name(eval, record->redirect, domain)) {
	case SPF_NAME_OK:
		spf_eval_trace(eval, "redirect=%s: lookup %u of %d (RFC 7208 section 6.1)", *domain,
			       eval->out->terms, SPF_TERMS_MAX);
		return true;
	case SPF_NAME_NO_MATCH:
		spf_eval_why(eval,
			     "redirect= of %s does not apply to a local part that is not "
			     "ASCII (RFC 8616 section 4)",
			     from);
		*result = AUTH_NEUTRAL;
		return false;
	case SPF_NAME_MALFORMED:
		break;
	}
	spf_eval_why(
	    eval, "redirect= of %s does not expand to a domain name (RFC 7208 section 6.1)", from);
	return false;
}

/* Section 4.7 */
static enum auth_result no_match(struct spf_eval *eval)
{
	char client[IP_TEXT_MAX];

	if (eval->depth == 0)
		eval->out->mechanism = "default";
	spf_eval_why(eval, "no mechanism of the record of %s matches %s (RFC 7208 section 4.7)",
		     eval->values.domain, ip_text(&eval->values.client, client));
	return AUTH_NEUTRAL;
}

static enum auth_result check_host(struct spf_eval *eval, const char *domain)
{
	struct spf_record record;
	enum auth_result result;
	bool redirected = false;

	for (;;) {
		eval->values.domain = domain;
		assert(eval->depth <= SPF_SURVEY_TERMS + 1);
		eval->around[eval->depth] = domain;
		result = spf_eval_record(eval, domain, &record);
		if (result == AUTH_NONE && redirected) {
			spf_eval_why(eval, "redirect: %s: permerror (RFC 7208 section 6.1)",
				     eval->out->why);
			return AUTH_PERMERROR;
		}
		if (result != AUTH_PASS)
			return result;
		if (match_terms(eval, &record, &result))
			return result;
		if (record.has_all || span_empty(record.redirect))
			return no_match(eval);
		if (!follow_redirect(eval, &record, &domain, &result))
			return result;
		redirected = true;
	}
}

void spf_check(struct dns_scope *scope, const struct spf_request *request, struct arena *arena,
	       struct spf_verdict *out)
{
	struct spf_eval eval;

	if (!spf_eval_begin(&eval, scope, request, arena, out))
		return;
	out->result = check_host(&eval, out->domain);
	if (out->result == AUTH_FAIL)
		spf_eval_explain(&eval);
	spf_eval_end(&eval);
}

void spf_start(struct dns_scope *scope, const struct spf_request *request, struct arena *arena)
{
	struct spf_macro_values values;

	if (spf_eval_identity(arena, request, &values) == NULL)
		spf_prefetch(scope, &values, arena);
}

/* libspf2 tells the result, not the term that led to it. That is for people, and for them our own
 * evaluation says it, as long as it comes to the same result; the answers are all there already. */
static void explain_libspf2(struct dns_scope *scope, const struct spf_request *request,
			    struct arena *arena, struct spf_verdict *out)
{
	struct spf_request silent = *request;
	struct spf_verdict ours;

	silent.trace = NULL;
	spf_check(scope, &silent, arena, &ours);
	if (ours.result != out->result || ours.mechanism == NULL)
		return;
	out->mechanism = ours.mechanism;
	out->why = ours.why;
	if (request->trace != NULL)
		request->trace(
		    request->trace_arg,
		    arena_printf(arena,
				 "libspf2 does not say which term; the native engine says: %s",
				 ours.why));
}

void spf_check_with(enum spf_engine engine, struct dns_scope *scope,
		    const struct spf_request *request, struct arena *arena, struct spf_verdict *out,
		    const char **disagreement)
{
	struct spf_request silent = *request;
	struct spf_verdict second;

	*disagreement = NULL;
	switch (engine) {
	case SPF_ENGINE_NATIVE:
		spf_check(scope, request, arena, out);
		return;
	case SPF_ENGINE_LIBSPF2:
		spf_libspf2_check(scope, request, arena, out);
		explain_libspf2(scope, request, arena, out);
		return;
	case SPF_ENGINE_BOTH:
		break;
	}
	silent.trace = NULL;
	spf_check(scope, request, arena, out);
	spf_libspf2_check(scope, &silent, arena, &second);
	if (second.result != out->result)
		*disagreement = spf_eval_disagreement(arena, scope, request, out, &second);
}
