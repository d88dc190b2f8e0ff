/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two questions in this order: may the message show an indicator at all (who wrote it is proved by
 * an aligned DKIM signature, and the domain protects its name), and is there a record that offers
 * one. The first is answered from the verdict and from records that DMARC has already looked up.
 */
#include "policy/bimi/check.h"

#include <assert.h>
#include <string.h>

#include "mail/domain.h"
#include "mail/taglist.h"
#include "policy/bimi/record.h"
#include "policy/bimi/selector.h"
#include "policy/dkim/signature.h"
#include "policy/dmarc/treewalk.h"

static const char selector_field[] = "BIMI-Selector";

struct bimi_check {
	const struct dmarc_rules *rules;
	struct bimi_check_dns dns;
	struct arena *arena;
	unsigned selector_fields;
	const char *selector; /* of the last of them; NULL: none, or not valid */
	const char *author;
};

struct bimi_check *bimi_check_new(const struct dmarc_rules *rules, const struct bimi_check_dns *dns,
				  struct arena *arena)
{
	struct bimi_check *check = arena_make(arena, struct bimi_check);

	check->rules = rules;
	check->dns = *dns;
	check->arena = arena;
	return check;
}

/* ---- lookups ahead of time ---- */

void bimi_check_header(struct bimi_check *check, struct span name, struct span value)
{
	if (!span_ieq(span_trim(name), selector_field))
		return;
	check->selector_fields++;
	check->selector = bimi_selector_parse(check->arena, value);
}

/* What the message claims; NULL: nothing that can be looked up. Of several fields none counts. */
static const char *claimed_selector(const struct bimi_check *check)
{
	return check->selector_fields == 1 ? check->selector : NULL;
}

static struct dns_lookup *start_lookup(const struct bimi_check *check, const char *selector,
				       const char *domain)
{
	return dns_start(check->dns.assertions,
			 arena_printf(check->arena, "%s._bimi.%s", selector, domain), DNS_TYPE_TXT);
}

void bimi_check_end_of_headers(struct bimi_check *check, const char *author)
{
	check->author = author;
	if (author == NULL)
		return;
	start_lookup(check, BIMI_SELECTOR_DEFAULT, author);
	if (claimed_selector(check) != NULL)
		start_lookup(check, claimed_selector(check), author);
}

static void start_fallback(const struct bimi_check *check, const char *selector, const char *org)
{
	const struct dns_answer *answer =
	    dns_lookup_answer(start_lookup(check, selector, check->author));

	if (answer == NULL || answer->status == DNS_NODATA || answer->status == DNS_NXDOMAIN)
		start_lookup(check, selector, org);
}

static const char *find_org(const struct bimi_check *check, const char *domain, struct why *why)
{
	return dmarc_org_domain(check->dns.policies, check->rules, check->arena, domain, why);
}

void bimi_check_start_org(struct bimi_check *check)
{
	const char *org = NULL;
	struct why why;

	if (check->author != NULL)
		org = find_org(check, check->author, &why);
	if (org == NULL || domain_equal(org, check->author))
		return;
	start_fallback(check, BIMI_SELECTOR_DEFAULT, org);
	if (claimed_selector(check) != NULL)
		start_fallback(check, claimed_selector(check), org);
}

/* ---- may it show an indicator? ("Authentication Requirements") ---- */

static void set_result(struct bimi_verdict *out, enum bimi_result result, const char *why)
{
	out->result = result;
	out->why = why;
}

/* RFC 7489 section 6.3; RFC 9989 has no pct=, so only the text has it. */
static bool is_for_all_mail(const char *text)
{
	const struct tag *pct;
	struct taglist list;
	struct why why;

	if (taglist_parse(&list, span_of(text), &why) == -1)
		return false;
	pct = taglist_find(&list, "pct");
	return pct == NULL || span_eq(pct->value, "100");
}

/* Why the policy that a record states does not protect its domain; or NULL. */
static const char *find_weakness(const struct dmarc_record *record)
{
	if (!record->usable)
		return "is not valid";
	if (record->p == DMARC_POLICY_NONE)
		return "has p=none";
	if (record->sp == DMARC_POLICY_NONE)
		return "has sp=none";
	if (record->testing)
		return "is for tests only, t=y";
	if (record->p == DMARC_POLICY_QUARANTINE && !is_for_all_mail(record->text))
		return "is not for all mail, pct=";
	return NULL;
}

/* The record of DOMAIN; true: it protects the domain. */
static bool check_policy(const struct bimi_check *check, const char *domain,
			 struct bimi_verdict *out)
{
	struct treewalk walk = {.scope = check->dns.policies,
				.arena = check->arena,
				.psd_domains = check->rules->psd_domains,
				.psd_count = check->rules->psd_count};
	const struct treewalk_name *at = treewalk_look(&walk, domain);
	const char *weakness;

	if (at->status == DNS_TEMPFAIL) {
		set_result(out, BIMI_TEMPERROR,
			   arena_printf(check->arena, "_dmarc.%s: %s", domain, at->fault));
		return false;
	}
	weakness = at->record == NULL ? "does not exist" : find_weakness(at->record);
	if (weakness == NULL)
		return true;
	set_result(out, BIMI_SKIPPED,
		   arena_printf(check->arena, "the DMARC record of %s %s", domain, weakness));
	return false;
}

/* The policy that applies to the author, and that of its organizational domain. */
static bool check_policies(const struct bimi_check *check, const struct dmarc_verdict *dmarc,
			   const char *org, struct bimi_verdict *out)
{
	assert(dmarc->result == AUTH_PASS && dmarc->published != NULL);
	return check_policy(check, dmarc->published->domain, out) &&
	       (domain_equal(org, dmarc->published->domain) || check_policy(check, org, out));
}

static bool is_eligible(const struct dmarc_author *author, const struct dmarc_verdict *dmarc,
			struct bimi_verdict *out)
{
	if (author->error != NULL || author->fields != 1 || author->domain_count != 1)
		set_result(out, BIMI_SKIPPED, "From does not name one domain");
	else if (dmarc->result == AUTH_TEMPERROR)
		set_result(out, BIMI_TEMPERROR, dmarc->why);
	else if (dmarc->result != AUTH_PASS)
		set_result(out, BIMI_SKIPPED, "the message does not pass DMARC");
	else if (!dmarc->dkim_aligned)
		set_result(out, BIMI_SKIPPED, "no aligned DKIM signature passes");
	else
		return true;
	return false;
}

/* ---- which selector? ("BIMI-Selector Header") ---- */

static bool signs_selector(const struct dkim_verdict *dkim)
{
	struct span rest = dkim->headers, name;
	bool more = true;

	while (dkimsig_next_name(&rest, &more, &name))
		if (span_ieq(name, selector_field))
			return true;
	return false;
}

static bool is_aligned(const struct bimi_check *check, const struct dmarc_verdict *dmarc,
		       const char *domain, const char *org)
{
	const char *other;
	struct why why;

	if (domain_equal(domain, check->author))
		return true;
	if (dmarc->published->adkim_strict || !domain_within(domain, org))
		return false;
	other = find_org(check, domain, &why);
	return other != NULL && domain_equal(other, org);
}

/* The sender's choice counts when an aligned signature that passes covers the field. */
static const char *choose_selector(const struct bimi_check *check, const struct verdict *verdict,
				   const char *org)
{
	const char *claimed = claimed_selector(check);

	for (unsigned i = 0; claimed != NULL && i < verdict->dkim_count; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];

		if (dkim->result == AUTH_PASS && signs_selector(dkim) &&
		    is_aligned(check, &verdict->dmarc, dkim->domain, org))
			return claimed;
	}
	return BIMI_SELECTOR_DEFAULT;
}

/* ---- the record ("Assertion Record Discovery") ---- */

static struct span text_of(const struct dns_record *record)
{
	return span_make(record->text, record->length);
}

/* How many BIMI records there are at DOMAIN, TEXT being the last; -1: DNS did not answer. Sets
 * the place in OUT. */
static int look_up(const struct bimi_check *check, const char *domain, struct span *text,
		   struct bimi_verdict *out)
{
	const struct dns_answer *answer = dns_wait(start_lookup(check, out->selector, domain));
	int count = 0;

	out->domain = domain;
	if (answer->status == DNS_TEMPFAIL) {
		set_result(out, BIMI_TEMPERROR,
			   arena_printf(check->arena, "%s._bimi.%s: %s", out->selector, domain,
					answer->reason));
		return -1;
	}
	for (unsigned i = 0; i < answer->count; i++) {
		if (!bimi_record_is(text_of(&answer->records[i])))
			continue;
		*text = text_of(&answer->records[i]);
		count++;
	}
	return count;
}

static void judge_record(const struct bimi_check *check, struct span text, struct bimi_verdict *out)
{
	struct bimi_record record;
	struct why why;

	if (bimi_record_parse(check->arena, text, &record, &why) == -1) {
		set_result(out, BIMI_FAIL,
			   arena_printf(check->arena, "the record is not valid: %s", why.text));
		return;
	}
	out->location = record.location;
	out->authority = record.authority;
	if (record.declined)
		set_result(out, BIMI_DECLINED, "the domain wants no indicator");
	else if (record.by_local_part)
		set_result(out, BIMI_SKIPPED, "the record has lps=, which is not evaluated");
	else
		set_result(out, BIMI_SKIPPED, "the indicator has not been checked");
}

static void find_record(const struct bimi_check *check, const char *org, struct bimi_verdict *out)
{
	struct span text = span_of("");
	int count = look_up(check, check->author, &text, out);

	if (count == 0 && !domain_equal(org, check->author))
		count = look_up(check, org, &text, out);
	if (count == 1)
		judge_record(check, text, out);
	else if (count > 1)
		set_result(out, BIMI_NONE,
			   arena_printf(check->arena, "%s._bimi.%s has %d records", out->selector,
					out->domain, count));
	else if (count == 0)
		set_result(out, BIMI_NONE,
			   arena_printf(check->arena, "no record %s._bimi.%s", out->selector, org));
}

void bimi_check_finish(struct bimi_check *check, const struct dmarc_author *author,
		       const struct verdict *verdict, struct bimi_verdict *out)
{
	struct why why;
	const char *org;

	*out = (struct bimi_verdict){
	    .evaluated = true, .domain = "", .selector = "", .location = "", .authority = ""};
	if (!is_eligible(author, &verdict->dmarc, out))
		return;
	org = find_org(check, check->author, &why);
	if (org == NULL) {
		set_result(out, BIMI_TEMPERROR, arena_string(check->arena, why.text));
		return;
	}
	if (!check_policies(check, &verdict->dmarc, org, out))
		return;
	out->selector = choose_selector(check, verdict, org);
	find_record(check, org, out);
}
