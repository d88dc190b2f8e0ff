/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/domain.h"

#include "mail/domain.h"
#include "policy/bimi/gate.h"

/* How many BIMI records there are, TEXT being the last; -1 after a finding. */
static int find_texts(const struct bimi_domain *domain, const char *at, struct dns_scope *scope,
		      struct bimi_findings *findings, const char **text)
{
	const char *name = arena_printf(findings->arena, "%s._bimi.%s", domain->selector, at);
	const struct dns_answer *answer = dns_wait(dns_start(scope, name, DNS_TYPE_TXT));
	int count = 0;

	if (answer->status == DNS_TEMPFAIL) {
		bimi_found(findings, BIMI_RECORD_UNKNOWN, 0, "%s: %s", name, answer->reason);
		return -1;
	}
	for (unsigned i = 0; i < answer->count; i++) {
		struct span one = span_make(answer->records[i].text, answer->records[i].length);

		if (!bimi_record_is(one))
			continue;
		*text = arena_span(findings->arena, one);
		count++;
	}
	return count;
}

static void judge_text(struct bimi_domain *domain, struct bimi_findings *findings)
{
	struct why why;

	bimi_fact(findings, "record", span_of(domain->text));
	if (bimi_record_parse(findings->arena, span_of(domain->text), &domain->record, &why) ==
	    -1) {
		bimi_found(findings, BIMI_RECORD_SYNTAX, 0, "%s", why.text);
		domain->record = (struct bimi_record){.location = "", .authority = ""};
		return;
	}
	if (domain->record.declined)
		bimi_found(findings, BIMI_RECORD_DECLINED, 0, "l= and a= are empty");
	else if (*domain->record.location == '\0')
		bimi_found(findings, BIMI_RECORD_SYNTAX, 0, "l= is empty, and a= is not");
	else if (*domain->record.authority == '\0')
		bimi_found(findings, BIMI_RECORD_NO_CERTIFICATE, 0, "a= is empty");
	if (domain->record.by_local_part)
		bimi_found(findings, BIMI_RECORD_LOCAL_PART, 0,
			   "lps= is set: other records are for some senders");
}

static void find_record(struct bimi_domain *domain, const char *org, struct dns_scope *scope,
			struct bimi_findings *findings)
{
	const char *at = domain->name;
	int count = find_texts(domain, at, scope, findings, &domain->text);

	if (count == 0 && !domain_equal(org, at)) {
		at = org;
		count = find_texts(domain, at, scope, findings, &domain->text);
	}
	if (count == 0)
		bimi_found(findings, BIMI_RECORD_MISSING, 0, "no record %s._bimi.%s",
			   domain->selector, at);
	else if (count > 1)
		bimi_found(findings, BIMI_RECORD_SEVERAL, 0, "%s._bimi.%s has %d records",
			   domain->selector, at, count);
	if (count != 1) {
		domain->text = NULL;
		return;
	}
	domain->found = at;
	judge_text(domain, findings);
}

/* NEEDED: there must be a record at AT itself. */
static void check_gate(const struct bimi_domain *domain, const char *at, bool needed,
		       struct dns_scope *scope, struct bimi_findings *findings)
{
	const char *why;
	enum bimi_gate gate = bimi_gate_check(scope, domain->dmarc, findings->arena, at, &why);

	if (gate == BIMI_GATE_UNKNOWN)
		bimi_found(findings, BIMI_RECORD_UNKNOWN, 0, "%s", why);
	else if (gate == BIMI_GATE_CLOSED || (gate == BIMI_GATE_ABSENT && needed))
		bimi_found(findings, BIMI_DMARC_POLICY, 0, "%s", why);
}

static void look_up(struct bimi_domain *domain, struct dns_scope *scope,
		    struct bimi_findings *findings)
{
	struct why why;
	const char *org =
	    dmarc_org_domain(scope, domain->dmarc, findings->arena, domain->name, &why);

	domain->found = domain->text = NULL;
	domain->organization = org;
	domain->record = (struct bimi_record){.location = "", .authority = ""};
	if (org == NULL) {
		bimi_found(findings, BIMI_RECORD_UNKNOWN, 0, "%s", why.text);
		return;
	}
	check_gate(domain, org, true, scope, findings);
	if (!domain_equal(org, domain->name))
		check_gate(domain, domain->name, false, scope, findings);
	find_record(domain, org, scope, findings);
}

int bimi_domain_check(struct bimi_domain *domain, const struct inspect_tools *tools,
		      struct bimi_findings *findings, struct why *why)
{
	struct bimi_offer offer;

	look_up(domain, tools->web.scope, findings);
	if (domain->found == NULL)
		return 0;
	offer = (struct bimi_offer){domain->found, domain->selector, domain->record.location,
				    domain->record.authority, domain->organization};
	return bimi_inspect(tools, &offer, findings, why);
}
