/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/destinations.h"

#include <strings.h>

#include "lib/clock.h"
#include "policy/dmarc/destination.h"
#include "store/received.h"

enum { DOMAINS_MAX = 200, LOOKUPS = 60 };

struct checking {
	struct evaluate evaluate; /* with a scope for one domain */
	struct arena *arena;
	destinations_found *found;
	void *arg;
	const char *domains[DOMAINS_MAX];
	int64_t messages[DOMAINS_MAX];
	unsigned count;
};

/* What is over is not checked: those with most messages come first. */
static int keep_domain(void *arg, const char *domain, int64_t messages)
{
	struct checking *checking = arg;

	if (checking->count == DOMAINS_MAX)
		return 0;
	checking->domains[checking->count] = arena_string(checking->arena, domain);
	checking->messages[checking->count++] = messages;
	return 0;
}

static bool is_our_address(const struct checking *checking, const char *address)
{
	const struct conf_strings *ours = &checking->evaluate.conf->inbox.addresses;

	for (unsigned i = 0; i < ours->count; i++)
		if (strcasecmp(ours->items[i], address) == 0)
			return true;
	return false;
}

static void tell_finding(struct checking *checking, enum finding_kind kind, unsigned i,
			 const char *subject, const char *text)
{
	const struct finding finding = {kind, checking->domains[i], subject, checking->messages[i],
					text};

	checking->found(checking->arg, &finding);
}

/* RFC 9990 section 4: without the record, receivers send nothing; those that do not look send. */
static void check_agreement(struct checking *checking, unsigned i, const char *policy_domain,
			    struct destination to)
{
	struct evaluate *evaluate = &checking->evaluate;
	const char *host = to.host;
	struct why why = {""};

	if (destination_check(evaluate->scope, &evaluate->context->check.dmarc, checking->arena,
			      DESTINATION_RUA, policy_domain, &to, &why) != DESTINATION_NO)
		return;
	tell_finding(checking, FINDING_NOT_AUTHORIZED, i, host,
		     arena_printf(checking->arena,
				  "%s, so that most receivers send no report; publish"
				  " %s._report._dmarc.%s TXT \"v=DMARC1;\"",
				  why.text, policy_domain, host));
}

static void check_domain(struct checking *checking, unsigned i)
{
	struct destination list[DESTINATION_MAX];
	const char *domain = checking->domains[i];
	struct dmarc_verdict verdict;
	unsigned count = 0;
	bool asked = false;

	evaluate_dmarc(&checking->evaluate, domain, &verdict);
	if (verdict.published == NULL && verdict.result != AUTH_NONE)
		return; /* not known */
	if (verdict.published != NULL && verdict.published->rua != NULL)
		count = destination_parse(checking->arena, span_of(verdict.published->rua), list);
	for (unsigned n = 0; n < count; n++) {
		if (!is_our_address(checking, list[n].address))
			continue;
		asked = true;
		check_agreement(checking, i, verdict.published->domain, list[n]);
	}
	if (!asked)
		tell_finding(
		    checking, FINDING_NOT_ASKED, i, domain,
		    arena_printf(checking->arena,
				 "reports about %s come here, but its DMARC record names none"
				 " of inbox.addresses: they were sent by mistake, or are"
				 " forged",
				 domain));
}

int destinations_check(const struct evaluate *evaluate, struct sql *sql, const char *domain,
		       int32_t from_day, destinations_found *found, void *arg, struct why *why)
{
	struct arena *arena = evaluate->admin->arena;
	struct checking *checking = arena_make(arena, struct checking);

	if (evaluate->conf->inbox.addresses.count == 0)
		return 0;
	checking->evaluate = *evaluate;
	checking->arena = arena;
	checking->found = found;
	checking->arg = arg;
	if (received_domains(sql, domain, from_day, keep_domain, checking, why) != 0)
		return -1;
	for (unsigned i = 0; i < checking->count; i++) {
		checking->evaluate.scope =
		    dns_scope_new(evaluate->dns, LOOKUPS, evaluate->conf->dns.timeout);
		check_domain(checking, i);
		dns_scope_free(checking->evaluate.scope);
	}
	return 0;
}
