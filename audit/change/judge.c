/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules change.*: a certificate that is to be used is compared with the TLSA records, the
 * MTA-STS policy and the services of the domain, as senders and mail programs will compare it.
 */
#include <string.h>

#include "audit/change/change.h"
#include "lib/clock.h"

static const struct audit_change *change_of(const struct judge *judge)
{
	return judge->settings->change;
}

/* ---- which hosts ---- */

/* Whether HOST will have the certificate. */
static bool is_host(const struct judge *judge, const char *host)
{
	const struct audit_change *change = change_of(judge);

	if (change->host_count == 0)
		return certificate_has_name(change->chain, 0, host);
	for (unsigned i = 0; i < change->host_count; i++) {
		if (strcmp(change->hosts[i], host) == 0)
			return true;
	}
	return false;
}

/* ---- DANE ---- */

static bool is_usable(const struct dns_record *tlsa)
{
	return tlsa->numbers[0] == 2 || tlsa->numbers[0] == 3;
}

static bool matches_change(const struct judge *judge, const struct dns_record *tlsa)
{
	const struct certificates *chain = change_of(judge)->chain;
	unsigned end = tlsa->numbers[0] == 3 ? 1 : certificate_count(chain);

	for (unsigned i = 0; i < end; i++) {
		if (certificate_matches_tlsa(chain, i, tlsa->numbers[1], tlsa->numbers[2],
					     span_make(tlsa->text, tlsa->length)))
			return true;
	}
	return false;
}

/* The first record of the same kind as WHICH that the certificate matches, or NULL. */
static const struct dns_record *find_match(const struct judge *judge,
					   const struct audit_answer *tlsa, unsigned which)
{
	for (unsigned i = 0; i < tlsa->count; i++) {
		if (memcmp(tlsa->records[i].numbers, tlsa->records[which].numbers,
			   sizeof tlsa->records[i].numbers) == 0 &&
		    matches_change(judge, &tlsa->records[i]))
			return &tlsa->records[i];
	}
	return NULL;
}

static bool is_first_of_kind(const struct audit_answer *tlsa, unsigned which)
{
	for (unsigned i = 0; i < which; i++) {
		if (memcmp(tlsa->records[i].numbers, tlsa->records[which].numbers,
			   sizeof tlsa->records[i].numbers) == 0)
			return false;
	}
	return true;
}

/* As judge_remedy() has it. */
static const char *record_line(struct arena *arena, const char *name,
			       const struct dns_record *record)
{
	return arena_printf(arena, "%s. IN TLSA %s", name,
			    audit_record_text(arena, DNS_TYPE_TLSA, record));
}

void change_each_tlsa(const struct audit_facts *facts, struct arena *arena, change_visit *visit,
		      void *arg)
{
	for (unsigned i = 0; i < facts->mail.host_count; i++) {
		const struct audit_answer *tlsa = &facts->mail.hosts[i].tlsa;

		for (unsigned n = 0; n < tlsa->count; n++)
			visit(arg, record_line(arena, tlsa->name, &tlsa->records[n]));
	}
}

/* RFC 7671 section 8.1: the record of the next key is to be there for two TTLs, until no
 * cache has the set without it. */
static void judge_wait(struct judge *judge, const char *host, const struct audit_answer *tlsa,
		       const struct dns_record *match, uint32_t ttl)
{
	const struct audit_change *change = change_of(judge);
	const char *line = record_line(judge->arena, tlsa->name, match);
	int64_t since = change->since != NULL ? change->since(change->memory, line) : 0;
	int64_t now = judge->settings->now, ready = (since == 0 ? now : since) + 2 * (int64_t)ttl;
	char text[CLOCK_TEXT_MAX];

	if (change->waited || now >= ready)
		return;
	judge_find(judge, AUDIT_CHANGE_WAIT, host,
		   "%s: the record of the new certificate %s; wait until %s (%lld s): its TTL is "
		   "%u s, and caches need two",
		   host, since == 0 ? "is seen for the first time" : "is new",
		   clock_utc_text(ready, text), (long long)(ready - now), ttl);
}

/* Each kind of record must match by itself (RFC 7671 section 8). */
static void judge_kind(struct judge *judge, const struct audit_host *host, unsigned which,
		       uint32_t ttl)
{
	const struct dns_record *kind = &host->tlsa.records[which];
	const struct dns_record *match = find_match(judge, &host->tlsa, which);

	if (match != NULL) {
		judge_wait(judge, host->name, &host->tlsa, match, ttl);
		return;
	}
	judge_find(judge, AUDIT_CHANGE_TLSA, host->name,
		   "%s: no %u %u %u record is of the new certificate; publish it beside the others "
		   "and wait %u s, two TTLs",
		   host->name, kind->numbers[0], kind->numbers[1], kind->numbers[2], 2 * ttl);
	judge_remedy_tlsa(judge, host->tlsa.name, change_of(judge)->chain, kind);
}

static void judge_tlsa(struct judge *judge, const struct audit_host *host, uint32_t ttl)
{
	const struct audit_answer *tlsa = &host->tlsa;

	if (judge_skips(judge, AUDIT_CHANGE_TLSA, tlsa))
		return;
	if (judge->settings->validates && !tlsa->secure)
		return; /* nobody uses them */
	for (unsigned i = 0; i < tlsa->count; i++) {
		if (!is_usable(&tlsa->records[i]))
			continue;
		if (is_first_of_kind(tlsa, i))
			judge_kind(judge, host, i, ttl);
		if (find_match(judge, tlsa, i) != NULL && !matches_change(judge, &tlsa->records[i]))
			judge_find(judge, AUDIT_CHANGE_OLD, host->name,
				   "%s: after the change, remove %s", host->name,
				   record_line(judge->arena, tlsa->name, &tlsa->records[i]));
	}
}

/* ---- MTA-STS, mail programs ---- */

/* Why those who know only the roots do not accept the certificate for HOST; NULL: they do. */
static const char *web_fault(struct judge *judge, const char *host)
{
	struct why why = {""};

	if (certificate_serves(change_of(judge)->chain, judge->settings->ca_file, host,
			       judge->settings->now, &why) == 0)
		return NULL;
	return arena_string(judge->arena, why.text);
}

static void judge_sts(struct judge *judge, const char *host)
{
	const struct probe_policy *found = &judge->facts->probe.policy;
	const char *fault;

	if (found->text == NULL && judge->facts->tls.sts_count == 1) {
		judge_find_as(judge, AUDIT_CHANGE_STS, AUDIT_SKIP, host,
			      "not known: the MTA-STS policy could not be fetched: %s",
			      found->document.fault != NULL ? found->document.fault : "no address");
		return;
	}
	if (found->text == NULL || found->policy.mode == STS_NONE ||
	    !sts_policy_allows(&found->policy, host))
		return;
	fault = web_fault(judge, host);
	if (fault != NULL)
		judge_find_as(judge, AUDIT_CHANGE_STS,
			      found->policy.mode == STS_ENFORCE ? AUDIT_ERROR : AUDIT_WARN, host,
			      "%s: the policy needs a certificate that senders accept: %s", host,
			      fault);
}

/* The web server of the policy itself. */
static bool judge_policy_host(struct judge *judge)
{
	const char *host = arena_printf(judge->arena, "mta-sts.%s", judge->facts->domain);
	const char *fault;

	if (judge->facts->tls.sts_count == 0 || !is_host(judge, host))
		return false;
	fault = web_fault(judge, host);
	if (fault != NULL)
		judge_find(judge, AUDIT_CHANGE_STS, host,
			   "%s: senders could not get the MTA-STS policy: %s", host, fault);
	return true;
}

static bool judge_services(struct judge *judge)
{
	bool used = false;

	for (unsigned i = 0; i < AUDIT_SERVICES; i++) {
		const struct audit_service *service = &judge->facts->services[i];

		for (unsigned n = 0; n < service->target_count; n++) {
			const char *host = service->targets[n].name, *fault;

			if (!is_host(judge, host))
				continue;
			used = true;
			fault = web_fault(judge, host);
			if (fault != NULL)
				judge_find(judge, AUDIT_CHANGE_CLIENT, service->srv.name,
					   "%s: mail programs do not accept it: %s", host, fault);
		}
	}
	return used;
}

/* ---- the certificate ---- */

static void judge_dates(struct judge *judge)
{
	int64_t now = judge->settings->now;
	struct certificate own;
	char text[CLOCK_TEXT_MAX];

	certificate_describe(change_of(judge)->chain, 0, &own);
	if (now < own.not_before)
		judge_find(judge, AUDIT_CHANGE_DATES, own.subject, "it begins at %s",
			   clock_utc_text(own.not_before, text));
	else if (now >= own.not_after)
		judge_find(judge, AUDIT_CHANGE_DATES, own.subject, "it ended at %s",
			   clock_utc_text(own.not_after, text));
}

static void judge_chain(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;
	bool used = false;

	judge_dates(judge);
	if (judge_skips(judge, AUDIT_CHANGE_HOST, &mail->mx))
		return;
	for (unsigned i = 0; i < mail->host_count && i < CHANGE_HOSTS_MAX; i++) {
		if (!is_host(judge, mail->hosts[i].name))
			continue;
		used = true;
		judge_tlsa(judge, &mail->hosts[i], judge->facts->change.ttl[i]);
		judge_sts(judge, mail->hosts[i].name);
	}
	used |= judge_policy_host(judge);
	used |= judge_services(judge);
	if (!used)
		judge_find(judge, AUDIT_CHANGE_HOST, judge->facts->domain,
			   "no MX host or server of %s is %s", judge->facts->domain,
			   change_of(judge)->host_count > 0
			       ? "one of those of --host"
			       : "among its names; if one will have it, name it with --host");
}

static void judge_mark(struct judge *judge, const struct change_facts *facts)
{
	const char *domain = judge->facts->domain;

	if (facts->mark_fault != NULL)
		judge_find_as(judge, AUDIT_CHANGE_BIMI, AUDIT_SKIP, domain, "not known: %s",
			      facts->mark_fault);
	for (unsigned i = 0; i < facts->mark->count; i++) {
		const struct bimi_finding *finding = &facts->mark->items[i];

		if (bimi_rule_weight(finding->rule) == BIMI_FAULT)
			judge_find(judge, AUDIT_CHANGE_BIMI, domain, "%s: %s; %s",
				   bimi_rule_name(finding->rule), finding->text,
				   bimi_rule_remedy(finding->rule));
	}
}

/* ---- DKIM ---- */

static void judge_key(struct judge *judge, const struct change_facts *facts)
{
	const char *name = facts->key_name;

	if (facts->key_fault != NULL) {
		judge_find(judge, AUDIT_CHANGE_DKIM, name, "%s", facts->key_fault);
		return;
	}
	switch (facts->published) {
	case PUBLISHED_MATCHES:
		return;
	case PUBLISHED_UNKNOWN:
		judge_find_as(judge, AUDIT_CHANGE_DKIM, AUDIT_SKIP, name, "not known: TXT %s: %s",
			      name, facts->key_reason);
		return;
	case PUBLISHED_ABSENT:
		judge_find(judge, AUDIT_CHANGE_DKIM, name,
			   "the record of the key is missing; publish it, and wait %u s, for which "
			   "caches may know that there was none",
			   facts->key_ttl);
		break;
	case PUBLISHED_DIFFERS:
	case PUBLISHED_REVOKED:
		judge_find(judge, AUDIT_CHANGE_DKIM, name,
			   "%s; use a selector of its own for a new key, or mail that is under way "
			   "fails; once changed, caches have what was there for %u s",
			   facts->published == PUBLISHED_REVOKED ? "the key is revoked"
			   : facts->key_detail != NULL           ? facts->key_detail
								 : "another key is published",
			   facts->key_ttl);
		break;
	}
	if (facts->key_record != NULL)
		judge_remedy(judge, name, "TXT", "\"%s\"", facts->key_record);
}

void change_judge(struct judge *judge)
{
	const struct change_facts *facts = &judge->facts->change;

	if (facts->mark != NULL)
		judge_mark(judge, facts);
	else if (change_of(judge)->chain != NULL)
		judge_chain(judge);
	if (facts->key_name != NULL)
		judge_key(judge, facts);
}
