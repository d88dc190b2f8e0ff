/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two questions in this order: may the message show an indicator at all (who wrote it is proved by
 * an aligned DKIM signature, and the domain protects its name), and is there a record that offers
 * one. The first is answered from the verdict and from records that DMARC has already looked up.
 */
#include "policy/bimi/check.h"

#include <assert.h>
#include <string.h>

#include "mail/address.h"
#include "mail/domain.h"
#include "policy/bimi/gate.h"
#include "policy/bimi/record.h"
#include "policy/bimi/selector.h"
#include "policy/dkim/signature.h"

const struct name_code bimi_state_names[] = {{"unseen", BIMI_UNSEEN},
					     {"good", BIMI_GOOD},
					     {"bad", BIMI_BAD},
					     {"unavailable", BIMI_UNAVAILABLE},
					     {NULL, 0}};

static const char selector_field[] = "BIMI-Selector";

struct bimi_check {
	const struct bimi_rules *rules;
	const struct dmarc_rules *dmarc;
	struct bimi_check_dns dns;
	struct arena *arena;
	unsigned selector_fields;
	const char *selector; /* of the last of them; NULL: none, or not valid */
	const char *author;
	unsigned from_fields;
	const char *local; /* of the author; NULL: not one address */
};

struct bimi_check *bimi_check_new(const struct bimi_rules *rules, const struct dmarc_rules *dmarc,
				  const struct bimi_check_dns *dns, struct arena *arena)
{
	struct bimi_check *check = arena_make(arena, struct bimi_check);

	check->rules = rules;
	check->dmarc = dmarc;
	check->dns = *dns;
	check->arena = arena;
	return check;
}

/* ---- lookups ahead of time ---- */

static void read_author(struct bimi_check *check, struct span value)
{
	struct address_list list;
	struct why why;

	check->local = NULL;
	if (check->from_fields++ == 0 && address_parse(check->arena, value, &list, &why) == 0 &&
	    list.count == 1)
		check->local = list.addresses[0].local;
}

void bimi_check_header(struct bimi_check *check, struct span name, struct span value)
{
	if (span_ieq(span_trim(name), "From"))
		read_author(check, value);
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
	return dmarc_org_domain(check->dns.policies, check->dmarc, check->arena, domain, why);
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

/* The record of DOMAIN; true: it protects the domain. */
static bool check_policy(const struct bimi_check *check, const char *domain,
			 struct bimi_verdict *out)
{
	const char *why;
	enum bimi_gate gate =
	    bimi_gate_check(check->dns.policies, check->dmarc, check->arena, domain, &why);

	if (gate == BIMI_GATE_OPEN)
		return true;
	set_result(out, gate == BIMI_GATE_UNKNOWN ? BIMI_TEMPERROR : BIMI_SKIPPED, why);
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

/* DMARC counts domains; here two addresses of one are too many. */
static bool has_one_author(const struct bimi_check *check, const struct dmarc_author *author)
{
	return author->error == NULL && author->fields == 1 && author->domain_count == 1 &&
	       check->from_fields == 1 && check->local != NULL;
}

static bool is_eligible(const struct bimi_check *check, const struct dmarc_author *author,
			const struct dmarc_verdict *dmarc, struct bimi_verdict *out)
{
	if (!has_one_author(check, author))
		set_result(out, BIMI_SKIPPED, "From does not name one address");
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

/* ---- what it offers ---- */

static bool is_listed(const struct domain_pattern *patterns, unsigned count, const char *org)
{
	for (unsigned i = 0; i < count; i++)
		if (domain_pattern_matches(&patterns[i], org))
			return true;
	return false;
}

static void judge_known(const struct bimi_check *check, const struct bimi_record *record,
			const char *org, const struct bimi_known *known, struct bimi_verdict *out)
{
	const struct bimi_rules *rules = check->rules;

	if (known->state == BIMI_UNSEEN)
		set_result(out, BIMI_SKIPPED, "not yet checked");
	else if (known->state == BIMI_UNAVAILABLE)
		set_result(out, BIMI_TEMPERROR, known->why);
	else if (known->state == BIMI_BAD)
		set_result(out, BIMI_FAIL, known->why);
	else if (!known->certified && rules->certificate &&
		 !is_listed(rules->allow, rules->allow_count, org))
		set_result(out, BIMI_SKIPPED, "no mark certificate");
	else
		set_result(out, BIMI_PASS, known->certified ? "" : "no mark certificate");
	out->refused = out->result == BIMI_FAIL && known->refused;
	if (out->result != BIMI_PASS)
		return;
	out->certified = known->certified;
	out->preference = record->preference;
	out->mark_type = known->mark_type;
	out->digest = known->digest;
	out->indicator = rules->indicator ? known->indicator : "";
}

static void judge_record(const struct bimi_check *check, const struct bimi_record *record,
			 const char *org, struct bimi_verdict *out)
{
	const struct bimi_rules *rules = check->rules;
	struct bimi_offer offer = {out->domain, out->selector, record->location, record->authority,
				   org};
	struct bimi_known known;

	out->location = record->location;
	out->authority = record->authority;
	if (record->declined) {
		set_result(out, BIMI_DECLINED, "the domain wants no indicator");
	} else if (*record->location == '\0') {
		set_result(out, BIMI_FAIL, "l= is empty, and a= is not");
	} else if (is_listed(rules->deny, rules->deny_count, org)) {
		set_result(out, BIMI_SKIPPED, "bimi.deny has the domain");
	} else if (rules->find == NULL) {
		set_result(out, BIMI_SKIPPED, "the indicator has not been checked");
	} else {
		rules->find(rules->find_arg, &offer, check->arena, &known);
		judge_known(check, record, org, &known, out);
	}
}

/* ---- the record ---- */

static int read_record(const struct bimi_check *check, struct span text, struct bimi_record *record,
		       struct bimi_verdict *out)
{
	struct why why;

	if (bimi_record_parse(check->arena, text, record, &why) == 0)
		return 0;
	set_result(out, BIMI_FAIL,
		   arena_printf(check->arena, "the record is not valid: %s", why.text));
	return -1;
}

/* The record for the author's local part, where RECORD has one: it takes the place of RECORD if it
 * is valid. False: DNS did not answer, as OUT has it. */
static bool prefer_local(const struct bimi_check *check, struct bimi_record *record,
			 struct bimi_verdict *out)
{
	const char *selector =
	    check->from_fields != 1 || check->local == NULL || !record->by_local_part
		? NULL
		: bimi_record_local(check->arena, record->prefixes, check->local);
	struct bimi_verdict at = *out;
	struct bimi_record other;
	struct span text;
	struct why why;
	int count;

	if (selector == NULL)
		return true;
	at.selector = selector;
	count = look_up(check, out->domain, &text, &at);
	if (count == -1)
		*out = at;
	if (count == 1 && bimi_record_parse(check->arena, text, &other, &why) == 0) {
		out->selector = selector;
		*record = other;
	}
	return count != -1;
}

static void find_record(const struct bimi_check *check, const char *org, struct bimi_verdict *out)
{
	struct span text = span_of("");
	int count = look_up(check, check->author, &text, out);
	struct bimi_record record;

	if (count == 0 && !domain_equal(org, check->author))
		count = look_up(check, org, &text, out);
	if (count == 1) {
		if (read_record(check, text, &record, out) == 0 &&
		    prefer_local(check, &record, out))
			judge_record(check, &record, org, out);
	} else if (count > 1) {
		set_result(out, BIMI_NONE,
			   arena_printf(check->arena, "%s._bimi.%s has %d records", out->selector,
					out->domain, count));
	} else if (count == 0) {
		set_result(out, BIMI_NONE,
			   arena_printf(check->arena, "no record %s._bimi.%s", out->selector, org));
	}
}

void bimi_check_finish(struct bimi_check *check, const struct dmarc_author *author,
		       const struct verdict *verdict, struct bimi_verdict *out)
{
	struct why why;
	const char *org;

	*out = (struct bimi_verdict){.evaluated = true,
				     .domain = "",
				     .selector = "",
				     .location = "",
				     .authority = "",
				     .preference = "",
				     .mark_type = "",
				     .digest = "",
				     .indicator = ""};
	if (!is_eligible(check, author, &verdict->dmarc, out))
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
