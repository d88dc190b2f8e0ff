/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The zone that holds the domain, its name servers, and the services that mail programs look for.
 */
#include <string.h>

#include "audit/look.h"
#include "mail/domain.h"

/* ---- the zone ---- */

/* The nearest name at or above the domain with NS records. */
static const char *find_apex(const struct look *look, struct audit_answer *ns)
{
	const char *name = look->domain;

	for (; name != NULL && domain_labels(name) > 1; name = domain_parent(name)) {
		*ns = look_ask(look, name, DNS_TYPE_NS);
		if (ns->status == DNS_DATA)
			return name;
		if (ns->status == DNS_TEMPFAIL)
			return NULL;
	}
	return NULL;
}

void look_zone(const struct look *look)
{
	struct audit_zone *zone = &look->facts->zone;

	zone->apex = find_apex(look, &zone->ns);
	if (zone->apex == NULL)
		return;
	look_start(look, zone->apex, DNS_TYPE_SOA);
	look_start(look, zone->apex, DNS_TYPE_DS);
	for (unsigned i = 0; i < zone->ns.count && i < AUDIT_HOSTS_MAX; i++)
		look_start_host(look, zone->ns.records[i].text);
	for (unsigned i = 0; i < zone->ns.count && i < AUDIT_HOSTS_MAX; i++)
		look_host(look, zone->ns.records[i].text, &zone->hosts[zone->host_count++]);
	zone->soa = look_ask(look, zone->apex, DNS_TYPE_SOA);
	zone->ds = look_ask(look, zone->apex, DNS_TYPE_DS);
}

/* ---- RFC 6186 section 3, RFC 8314 section 5.1 ---- */

static const char *const labels[AUDIT_SERVICES] = {"_submissions", "_submission", "_imaps",
						   "_imap",        "_pop3s",      "_pop3"};

static const char *service_name(const struct look *look, unsigned i)
{
	return arena_printf(look->arena, "%s._tcp.%s", labels[i], look->domain);
}

void look_start_services(const struct look *look)
{
	for (unsigned i = 0; i < AUDIT_SERVICES; i++)
		look_start(look, service_name(look, i), DNS_TYPE_SRV);
	look_start(look, look_name(look, "autoconfig"), DNS_TYPE_A);
}

static void take_targets(const struct look *look, struct audit_service *service, bool wait)
{
	service->target_count = 0;
	for (unsigned i = 0; i < service->srv.count && i < AUDIT_TARGETS_MAX; i++) {
		const char *name = service->srv.records[i].text;

		if (strcmp(name, ".") == 0)
			continue;
		look_start_host(look, name);
		if (wait)
			look_host(look, name, &service->targets[service->target_count++]);
	}
}

void look_services(const struct look *look)
{
	struct audit_service *services = look->facts->services;

	for (unsigned i = 0; i < AUDIT_SERVICES; i++) {
		services[i].label = labels[i];
		services[i].srv = look_ask(look, service_name(look, i), DNS_TYPE_SRV);
		take_targets(look, &services[i], false);
	}
	for (unsigned i = 0; i < AUDIT_SERVICES; i++)
		take_targets(look, &services[i], true);
	look->facts->autoconfig = look_ask(look, look_name(look, "autoconfig"), DNS_TYPE_A);
}
