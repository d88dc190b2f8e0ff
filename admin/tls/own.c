/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sender of mail is played here: the same fetch, the same matching of names, the same
 * verification of a certificate as in tls/, and findings of each step.
 */
#include "admin/tls/own.h"

#include <assert.h>
#include <string.h>

#include "context/context.h"
#include "context/tls.h"
#include "lib/clock.h"
#include "lib/crypto/certificate.h"
#include "lib/net/transfer.h"
#include "tls/fetch.h"
#include "tls/level.h"
#include "tls/probe.h"

static const int64_t fetch_timeout = 30 * CLOCK_SECOND, probe_timeout = 15 * CLOCK_SECOND;
enum { WEEK = 7 * 86400 }; /* seconds */

const struct name_code own_result_names[] = {{"ok", OWN_OK},
					     {"warning", OWN_WARNING},
					     {"failed", OWN_FAILED},
					     {"unknown", OWN_UNKNOWN},
					     {NULL, 0}};

__attribute__((format(printf, 4, 5))) static void
add_finding(struct own *own, enum own_result result, const char *check, const char *format, ...)
{
	struct own_finding *finding = arena_make(own->admin->arena, struct own_finding);
	va_list ap;

	va_start(ap, format);
	*finding =
	    (struct own_finding){result, check, arena_vprintf(own->admin->arena, format, ap), NULL};
	va_end(ap);
	*own->last = finding;
	own->last = &finding->next;
	own->counts[result]++;
}

int own_open(struct own *own, struct admin *admin, const char *domain)
{
	const struct conf *conf = admin_conf(admin);
	struct dns_settings dns;
	struct why why = {""};

	if (conf == NULL)
		return ADMIN_CONFIG;
	*own = (struct own){.admin = admin, .domain = domain, .ca_file = context_ca_file(conf)};
	own->last = &own->first;
	dns = context_dns(conf);
	if (transfer_init(&why) == 0)
		own->dns = dns_new_unbound(&dns, &why);
	if (own->dns == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	if (dns.trust_anchor == NULL)
		admin_warning(admin, "dns.trust_anchor is not set: TLSA records are not compared");
	own->scope =
	    dns_scope_new(own->dns, LEVEL_LOOKUPS + 2 * ROUTE_HOSTS_MAX + 2, conf->dns.timeout);
	return ADMIN_DONE;
}

void own_close(struct own *own)
{
	dns_scope_free(own->scope);
	dns_free(own->dns);
}

/* ---- the record and the policy ---- */

void own_read_record(struct own *own)
{
	struct sts_discovery *found = &own->discovery;

	sts_discover(own->scope, own->admin->arena, own->domain, found);
	if (found->state == STS_ANNOUNCED)
		add_finding(own, OWN_OK, "record", "_mta-sts.%s has id %s", own->domain, found->id);
	else
		add_finding(own, found->state == STS_UNKNOWN ? OWN_UNKNOWN : OWN_FAILED, "record",
			    "%s", found->reason);
}

/* Why the addresses of HOST are not known; NULL: DNS says that there are none. */
static const char *address_fault(struct own *own, const char *host)
{
	static const enum dns_type types[] = {DNS_TYPE_AAAA, DNS_TYPE_A};

	for (unsigned t = 0; t < 2; t++) {
		const struct dns_answer *answer = dns_wait(dns_start(own->scope, host, types[t]));

		if (answer->status == DNS_TEMPFAIL)
			return answer->reason;
	}
	return NULL;
}

const char *own_fetch(struct own *own)
{
	struct arena *arena = own->admin->arena;
	struct ip addresses[DIAL_ADDRESSES_MAX];
	const char *host = arena_printf(arena, "mta-sts.%s", own->domain);
	struct fetch_request request = {.domain = own->domain,
					.addresses = addresses,
					.ca_file = own->ca_file,
					.timeout = fetch_timeout};
	const char *text = NULL, *fault;
	struct why why = {""};

	request.count = dial_find(own->scope, host, addresses);
	fault = request.count == 0 ? address_fault(own, host) : NULL;
	if (fault != NULL) {
		add_finding(own, OWN_UNKNOWN, "policy", "address of %s: %s", host, fault);
		return NULL;
	}
	if (fetch_policy(&request, arena, &text, &why) != FETCH_DONE) {
		add_finding(own, OWN_FAILED, "policy", "%s: %s", host, why.text);
		return NULL;
	}
	add_finding(own, OWN_OK, "policy", "%s serves a valid policy", host);
	return text;
}

/* ---- the MX hosts ---- */

int own_find_hosts(struct own *own)
{
	struct route *route = &own->route;

	route_look(own->scope, own->admin->arena, own->domain, route);
	if (route->cut)
		add_finding(own, OWN_UNKNOWN, "mx", "only the first %d MX hosts are checked",
			    ROUTE_HOSTS_MAX);
	switch (route->kind) {
	case ROUTE_MX:
	case ROUTE_IMPLICIT:
		return 0;
	case ROUTE_NULL:
		add_finding(own, OWN_FAILED, "mx", "%s accepts no mail (null MX)", own->domain);
		break;
	case ROUTE_ABSENT:
		add_finding(own, OWN_FAILED, "mx", "%s does not exist in DNS", own->domain);
		break;
	case ROUTE_UNKNOWN:
		add_finding(own, OWN_UNKNOWN, "mx", "%s", route->reason);
		break;
	case ROUTE_BOGUS:
		add_finding(own, OWN_FAILED, "mx", "%s", route->reason);
	}
	return -1;
}

/* RFC 6698 section 2.1, with the usages of RFC 7672 section 3.1: 3 names the host's own
 * certificate, 2 one of those above it. */
static bool matches_tlsa(struct arena *arena, const struct probe *probe,
			 const struct dns_record *tlsa)
{
	struct span data = span_make(tlsa->text, tlsa->length);
	unsigned usage = tlsa->numbers[0];
	unsigned end = usage == 3 && probe->count > 1 ? 1 : probe->count;

	if (usage != 2 && usage != 3)
		return false;
	for (unsigned i = 0; i < end; i++) {
		struct certificates *list;
		struct why why;

		if (certificate_read(arena, probe->chain[i], &list, &why) == 0 &&
		    certificate_matches_tlsa(list, 0, tlsa->numbers[1], tlsa->numbers[2], data))
			return true;
	}
	return false;
}

static void judge_tlsa(struct own *own, const struct route_host *host, const struct probe *probe)
{
	const struct dns_answer *answer;

	if (host->dane == HOST_DANE_NONE)
		return;
	if (host->dane == HOST_DANE_FAILED) {
		add_finding(own, OWN_FAILED, "tlsa", "%s: senders defer mail: %s", host->name,
			    host->reason);
		return;
	}
	if (host->dane == HOST_DANE_UNUSABLE) {
		add_finding(own, OWN_WARNING, "tlsa", "no record at %s can be used", host->tlsa);
		return;
	}
	if (probe->count == 0) {
		add_finding(own, OWN_UNKNOWN, "tlsa", "%s: no certificate to compare with",
			    host->tlsa);
		return;
	}
	answer = dns_wait(dns_start(own->scope, host->tlsa, DNS_TYPE_TLSA));
	for (unsigned i = 0; i < answer->count; i++) {
		if (matches_tlsa(own->admin->arena, probe, &answer->records[i])) {
			add_finding(own, OWN_OK, "tlsa", "%s matches the certificate", host->tlsa);
			return;
		}
	}
	add_finding(own, OWN_FAILED, "tlsa", "no record at %s matches the certificate of %s",
		    host->tlsa, host->name);
}

static void judge_certificate(struct own *own, const char *name, const struct probe *probe)
{
	switch (probe->outcome) {
	case PROBE_VERIFIED:
		add_finding(own, OWN_OK, "certificate", "%s has a certificate that verifies", name);
		break;
	case PROBE_REFUSED:
	case PROBE_PLAIN:
		add_finding(own, OWN_FAILED, "certificate", "%s: %s", name, probe->reason);
		break;
	case PROBE_UNREACHABLE:
		add_finding(own, OWN_UNKNOWN, "certificate", "%s: %s", name, probe->reason);
	}
}

static void connect_host(struct own *own, const struct route_host *host)
{
	struct ip addresses[DIAL_ADDRESSES_MAX];
	struct dial_target target = {.host = host->name,
				     .port = PROBE_PORT,
				     .addresses = addresses,
				     .ca_file = own->ca_file,
				     .timeout = probe_timeout};
	struct probe probe = {.outcome = PROBE_UNREACHABLE, .reason = "it has no address"};

	target.count = dial_find(own->scope, host->name, addresses);
	if (target.count > 0)
		probe_host(&target, own->admin->arena, &probe);
	judge_certificate(own, host->name, &probe);
	judge_tlsa(own, host, &probe);
}

/* ---- the policy against them ---- */

static void judge_values(struct own *own, const struct sts_policy *policy)
{
	const char *mode = name_text(sts_mode_names, (int)policy->mode);

	if (policy->mode == STS_ENFORCE && policy->max_age < WEEK)
		add_finding(own, OWN_WARNING, "mode",
			    "mode enforce with max_age %u: an attacker need not block the policy "
			    "for long; use weeks (RFC 8461 section 3.2)",
			    policy->max_age);
	else
		add_finding(own, OWN_OK, "mode", "mode %s, max_age %u", mode, policy->max_age);
}

static void judge_patterns(struct own *own, const struct sts_policy *policy)
{
	for (unsigned i = 0; i < policy->count; i++) {
		struct sts_policy one = {.count = 1, .patterns = {policy->patterns[i]}};
		bool used = false;

		for (unsigned h = 0; h < own->route.count; h++)
			used |= sts_policy_allows(&one, own->route.hosts[h].name);
		if (!used)
			add_finding(own, OWN_WARNING, "pattern", "no MX host matches \"mx: %s\"",
				    policy->patterns[i]);
	}
}

void own_judge(struct own *own, const struct sts_policy *policy, bool connect)
{
	judge_values(own, policy);
	if (policy->mode == STS_NONE)
		return;
	for (unsigned i = 0; i < own->route.count; i++) {
		const char *name = own->route.hosts[i].name;

		if (sts_policy_allows(policy, name))
			add_finding(own, OWN_OK, "mx", "%s is in the policy", name);
		else
			add_finding(own, OWN_FAILED, "mx", "%s matches no mx line of the policy",
				    name);
	}
	if (own->route.count > 0 && !own->route.cut)
		judge_patterns(own, policy);
	for (unsigned i = 0; connect && i < own->route.count; i++)
		connect_host(own, &own->route.hosts[i]);
}
