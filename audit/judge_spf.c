/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about SPF. What an evaluation would count is in the facts, counted by the evaluator.
 */
#include <inttypes.h>
#include <string.h>

#include "audit/judge.h"
#include "policy/spf/spf.h"

enum { LONG = 450, WIDE_BITS = 16, WIDE_ADDRESSES = 100000 };

static void judge_no_record(struct judge *judge, const struct audit_spf *spf)
{
	const char *domain = judge->facts->domain;

	if (judge_skips(judge, AUDIT_SPF_NONE, &spf->txt))
		return;
	if (spf->count > 1)
		judge_find(judge, AUDIT_SPF_SEVERAL, domain, "%u SPF records", spf->count);
	else if (spf->blank_first)
		judge_find(judge, AUDIT_SPF_BLANK, domain, "\" v=spf1\" is not \"v=spf1\"");
	else if (judge->facts->mail.null) {
		judge_find(judge, AUDIT_SPF_NOT_NULL, domain,
			   "a null MX and no SPF record: others may use the name");
		judge_remedy(judge, domain, "TXT", "\"v=spf1 -all\"");
	} else {
		judge_find(judge, AUDIT_SPF_NONE, domain, "no SPF record");
		judge_remedy(judge, domain, "TXT", "\"v=spf1 mx -all\"");
	}
}

static void judge_syntax(struct judge *judge, const struct audit_spf *spf)
{
	judge_find(judge, spf->split ? AUDIT_SPF_SPLIT : AUDIT_SPF_SYNTAX, judge->facts->domain,
		   "%s", spf->syntax);
}

/* ---- limits ---- */

/* The first term with which the count passes the limit. */
static const struct audit_term *find_eleventh(const struct audit_spf *spf)
{
	const struct audit_term *found = NULL;

	for (unsigned i = 0; i < spf->term_count; i++) {
		const struct audit_term *term = &spf->terms[i];

		if (term->lookups > SPF_TERMS_MAX &&
		    (found == NULL || term->lookups < found->lookups))
			found = term;
	}
	return found;
}

static void judge_lookups(struct judge *judge, const struct audit_spf *spf)
{
	const struct audit_term *term = find_eleventh(spf);

	if (term == NULL)
		return;
	judge_find(judge, AUDIT_SPF_LOOKUPS, judge->facts->domain,
		   "%u lookups of at most %d; %s in the record of %s is number %u", spf->lookups,
		   SPF_TERMS_MAX, term->text, term->domain, term->lookups);
}

/* Each term that finds nothing for anybody; more than two make the record an error. */
static void judge_voids(struct judge *judge, const struct audit_spf *spf)
{
	enum audit_level level = spf->voids > SPF_VOIDS_MAX ? AUDIT_ERROR : AUDIT_WARN;

	for (unsigned i = 0; i < spf->term_count; i++) {
		const struct audit_term *term = &spf->terms[i];

		if (term->varies || !term->is_void || (!term->void6 && level != AUDIT_ERROR))
			continue;
		judge_find_as(judge, AUDIT_SPF_VOID, level, term->text,
			      "%s in the record of %s finds nothing: %u void lookups of at most %d",
			      term->text, term->domain, spf->voids, SPF_VOIDS_MAX);
	}
	if (spf->voids <= SPF_VOIDS_MAX && spf->voids6 > SPF_VOIDS_MAX)
		judge_find(judge, AUDIT_SPF_VOID, judge->facts->domain,
			   "for clients with IPv6, %u terms find nothing, of at most %d",
			   spf->voids6, SPF_VOIDS_MAX);
}

/* ---- terms ---- */

static void judge_term(struct judge *judge, const struct audit_spf *spf,
		       const struct audit_term *term)
{
	const char *domain = judge->facts->domain;

	(void)spf;
	if (term->kind == SPF_TERM_PTR)
		judge_find(judge, AUDIT_SPF_PTR, domain, "%s in the record of %s", term->text,
			   term->domain);
	if (term->loops)
		judge_find(judge, AUDIT_SPF_LOOP, domain, "%s in the record of %s", term->text,
			   term->domain);
	else if (term->temporary)
		judge_find_as(judge, AUDIT_SPF_INCLUDES_NOTHING, AUDIT_SKIP, domain,
			      "not known: %s in the record of %s: %s", term->text, term->domain,
			      term->fault);
	else if (term->fault != NULL)
		judge_find(judge,
			   term->kind == SPF_TERM_INCLUDE ? AUDIT_SPF_INCLUDES_NOTHING
							  : AUDIT_SPF_LOOKUPS,
			   domain, "%s", term->fault);
	if (term->kind != SPF_TERM_ALL && term->qualifier == '+' && term->bits4 < WIDE_BITS)
		judge_find_as(judge, AUDIT_SPF_WIDE, term->depth == 0 ? AUDIT_WARN : AUDIT_INFO,
			      domain, "%s in the record of %s", term->text, term->domain);
}

static bool has_redirect(const struct audit_spf *spf)
{
	return strstr(spf->record, "redirect=") != NULL;
}

static void judge_all(struct judge *judge, const struct audit_spf *spf)
{
	const char *domain = judge->facts->domain;

	switch (spf->all) {
	case '+':
		judge_find(judge, AUDIT_SPF_PLUS_ALL, domain, "\"+all\"");
		break;
	case '?':
		judge_find(judge, AUDIT_SPF_NEUTRAL_ALL, domain, "\"?all\"");
		break;
	case '\0':
		if (!has_redirect(spf))
			judge_find(judge, AUDIT_SPF_NO_ALL, domain,
				   "no \"all\": the result for others is neutral");
		else if (!spf->unknown && spf->term_count == 0)
			judge_find(judge, AUDIT_SPF_INCLUDES_NOTHING, domain,
				   "the redirect does not lead to a valid record");
		break;
	default:
		break;
	}
}

static void judge_width(struct judge *judge, const struct audit_spf *spf)
{
	const char *domain = judge->facts->domain;

	if (spf->own > WIDE_ADDRESSES)
		judge_find(judge, AUDIT_SPF_WIDE, domain,
			   "%" PRIu64 " IPv4 addresses may send by the domain's own record",
			   spf->own);
	if (spf->included > WIDE_ADDRESSES)
		judge_find_as(judge, AUDIT_SPF_WIDE, AUDIT_INFO, domain,
			      "%" PRIu64
			      " IPv4 addresses may send by records of others that it includes",
			      spf->included);
}

static void judge_record(struct judge *judge, const struct audit_spf *spf)
{
	const char *domain = judge->facts->domain;

	for (unsigned i = 0; i < spf->term_count; i++)
		judge_term(judge, spf, &spf->terms[i]);
	judge_lookups(judge, spf);
	judge_voids(judge, spf);
	judge_all(judge, spf);
	judge_width(judge, spf);
	if (strlen(spf->record) > LONG)
		judge_find(judge, AUDIT_SPF_LONG, domain, "%zu octets", strlen(spf->record));
	if (judge->facts->mail.null && strcmp(spf->record, "v=spf1 -all") != 0 &&
	    judge->facts->dkim.count == 0) {
		judge_find(judge, AUDIT_SPF_NOT_NULL, domain, "a null MX, and \"%s\"", spf->record);
		judge_remedy(judge, domain, "TXT", "\"v=spf1 -all\"");
	}
}

void judge_spf(struct judge *judge)
{
	const struct audit_spf *spf = &judge->facts->spf;

	if (spf->type99.count > 0)
		judge_find(judge, AUDIT_SPF_TYPE99, judge->facts->domain, "%u records of type SPF",
			   spf->type99.count);
	if (spf->record == NULL)
		judge_no_record(judge, spf);
	else if (spf->syntax != NULL)
		judge_syntax(judge, spf);
	else
		judge_record(judge, spf);
}
