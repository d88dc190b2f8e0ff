/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cache shows how long it keeps a record on, not how long all others may: the TTL as it is
 * published is in the record's signature (RFC 4034 section 3.1.4).
 */
#include "audit/change/change.h"

#include "bimi/inspect.h"

static const char mark_purpose[] =
    "1.3.6.1.5.5.7.3.31"; /* id-kp-BrandIndicatorforMessageIdentification */

static void look_ttl(const struct look *direct, const struct audit_host *host, uint32_t *ttl)
{
	struct audit_answer answer = look_ask(direct, host->tlsa.name, DNS_TYPE_RRSIG);

	for (unsigned i = 0; i < answer.count; i++) {
		if (answer.records[i].preference == DNS_TYPE_TLSA &&
		    answer.records[i].serial > *ttl)
			*ttl = answer.records[i].serial;
	}
}

static void look_ttls(const struct look *look)
{
	const struct audit_mail *mail = &look->facts->mail;
	struct look_direct direct;
	bool signs = false;

	for (unsigned i = 0; i < mail->host_count && i < CHANGE_HOSTS_MAX; i++) {
		look->facts->change.ttl[i] = mail->hosts[i].tlsa.ttl;
		signs |= mail->hosts[i].tlsa.secure && mail->hosts[i].tlsa.count > 0;
	}
	if (!signs || !look_direct_open(look, &direct))
		return;
	for (unsigned i = 0; i < mail->host_count && i < CHANGE_HOSTS_MAX; i++) {
		if (mail->hosts[i].tlsa.count > 0)
			look_ttl(&direct.look, &mail->hosts[i], &look->facts->change.ttl[i]);
	}
	look_direct_close(look, &direct);
}

static void look_mark(const struct look *look)
{
	const struct audit_change *change = look->settings->change;
	struct change_facts *facts = &look->facts->change;
	const struct inspect_tools tools = {.web = {look->scope, look->settings->ca_file},
					    .now = look->settings->now};
	struct bimi_evidence evidence = {.pem = change->pem,
					 .roots = look->settings->mark_roots,
					 .logs = look->settings->mark_logs,
					 .logo = look->facts->probe.logo.bytes,
					 .domain = look->domain,
					 .organization = look_org(look),
					 .selector = "default",
					 .now = look->settings->now};
	struct why why = {""};

	if (change->chain == NULL || !certificate_has_purpose(change->chain, 0, mark_purpose))
		return;
	facts->mark = arena_make(look->arena, struct bimi_findings);
	bimi_findings_init(facts->mark, look->arena);
	if (bimi_inspect_evidence(&tools, &evidence, facts->mark, &why) == -1)
		facts->mark_fault = arena_string(look->arena, why.text);
}

static void look_key(const struct look *look)
{
	const struct audit_change *change = look->settings->change;
	struct change_facts *facts = &look->facts->change;
	const struct dns_answer *answer;
	const struct signing_key *key;
	struct why why = {""};

	if (span_empty(change->key))
		return;
	facts->key_name =
	    arena_printf(look->arena, "%s._domainkey.%s", change->selector, look->domain);
	key = signing_key_make(look->arena, look->domain, change->selector, change->key, &why);
	if (key == NULL) {
		facts->key_fault = arena_string(look->arena, why.text);
		return;
	}
	facts->key_record = signing_key_record(key);
	answer = dns_wait(published_start(look->scope, key));
	facts->published = published_judge(answer, key, look->arena, &facts->key_detail);
	facts->key_reason = arena_string(look->arena, answer->reason);
	facts->key_ttl = answer->ttl;
}

void change_look(const struct look *look)
{
	look_ttls(look);
	look_mark(look);
	look_key(look);
}
