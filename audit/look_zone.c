/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The zone that holds the domain, its name servers, and the services that mail programs look for.
 */
#include <string.h>

#include "audit/look.h"
#include "lib/clock.h"
#include "lib/special.h"
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

/* ---- each name server ---- */

enum { QUESTIONS = 3, PATIENCE_SECONDS = 3 };

/* An address that only this host or its network has is not asked: a stranger's zone names it. */
static void add_servers(struct audit_zone *zone, const char *host,
			const struct audit_answer *addresses)
{
	for (unsigned i = 0; i < addresses->count && zone->server_count < AUDIT_SERVERS_MAX; i++) {
		struct ip ip = ip_from_bytes(addresses->records[i].address,
					     addresses->type == DNS_TYPE_A ? 4 : 16);

		if (special_is_global(&ip))
			zone->servers[zone->server_count++] =
			    (struct audit_server){.host = host, .ip = ip};
	}
}

/* Without validation and without random case: neither is the server's to answer for. */
static void start_direct(const struct look *look, const struct audit_server *server,
			 unsigned budget, struct look_direct *direct)
{
	char text[IP_TEXT_MAX];
	const char *address = ip_text(&server->ip, text);
	const struct dns_settings settings = {
	    .servers = &address, .server_count = 1, .caps = DNS_CAPS_OFF, .cache_entries = 16};

	direct->dns = dns_new_unbound(&settings, &direct->why);
	if (direct->dns == NULL)
		return;
	direct->look = *look;
	direct->look.scope = dns_scope_new(direct->dns, budget, PATIENCE_SECONDS * CLOCK_SECOND);
	dns_scope_deadline(direct->look.scope, clock_mono() + PATIENCE_SECONDS * CLOCK_SECOND);
	look_start(&direct->look, look->facts->zone.apex, DNS_TYPE_SOA);
	look_start(&direct->look, look->domain, DNS_TYPE_MX);
	if (look->facts->zone.ds.count > 0)
		look_start(&direct->look, look->facts->zone.apex, DNS_TYPE_RRSIG);
}

static struct audit_answer take_direct(const struct look_direct *direct, const char *name,
				       enum dns_type type, struct arena *arena)
{
	if (direct->dns != NULL)
		return look_ask(&direct->look, name, type);
	return (struct audit_answer){.name = name,
				     .type = type,
				     .status = DNS_TEMPFAIL,
				     .reason = arena_string(arena, direct->why.text)};
}

static void end_direct(struct look_direct *direct, unsigned *lookups)
{
	if (direct->dns == NULL)
		return;
	*lookups += dns_scope_lookups(direct->look.scope);
	dns_scope_free(direct->look.scope);
	dns_free(direct->dns);
}

/* Asks all of them at once; what the budget does not allow fails. */
static void ask_servers(const struct look *look)
{
	struct audit_zone *zone = &look->facts->zone;
	unsigned used = dns_scope_lookups(look->scope) + look->facts->lookups;
	unsigned budget = look->settings->budget;
	struct look_direct *directs;

	for (unsigned i = 0; i < zone->host_count; i++) {
		add_servers(zone, zone->hosts[i].name, &zone->hosts[i].a);
		add_servers(zone, zone->hosts[i].name, &zone->hosts[i].aaaa);
	}
	directs = arena_array(look->arena, AUDIT_SERVERS_MAX, sizeof *directs);
	for (unsigned i = 0; i < zone->server_count; i++) {
		bool allowed = used + QUESTIONS <= budget;

		used += allowed ? QUESTIONS : 0;
		start_direct(look, &zone->servers[i], allowed ? QUESTIONS : 0, &directs[i]);
	}
	for (unsigned i = 0; i < zone->server_count; i++) {
		struct audit_server *server = &zone->servers[i];

		server->soa = take_direct(&directs[i], zone->apex, DNS_TYPE_SOA, look->arena);
		server->mx = take_direct(&directs[i], look->domain, DNS_TYPE_MX, look->arena);
		if (zone->ds.count > 0)
			server->rrsig =
			    take_direct(&directs[i], zone->apex, DNS_TYPE_RRSIG, look->arena);
		end_direct(&directs[i], &look->facts->lookups);
	}
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

void look_name_servers(const struct look *look)
{
	if (look->settings->name_servers && look->facts->zone.apex != NULL)
		ask_servers(look);
}

/* ---- DNSSEC's chain ---- */

/*
 * A key that was not had may be missing or its answer lost; what tells them apart is the same
 * question without validation. A zone with a DS and without DNSKEY is bogus for everybody (RFC 4035
 * section 5.2); as long as a question has no answer, nothing is said.
 */
static const char *find_keyless(const struct look *direct)
{
	const char *name;

	for (name = direct->domain; name != NULL; name = domain_parent(name)) {
		look_start(direct, name, DNS_TYPE_DS);
		look_start(direct, name, DNS_TYPE_DNSKEY);
	}
	for (name = direct->domain; name != NULL; name = domain_parent(name)) {
		struct audit_answer ds = look_ask(direct, name, DNS_TYPE_DS);
		struct audit_answer key = look_ask(direct, name, DNS_TYPE_DNSKEY);

		if (ds.status == DNS_DATA &&
		    (key.status == DNS_NODATA || key.status == DNS_NXDOMAIN))
			return name;
	}
	return NULL;
}

bool look_direct_open(const struct look *look, struct look_direct *direct)
{
	unsigned used = dns_scope_lookups(look->scope) + look->facts->lookups;
	unsigned budget = look->settings->budget;
	struct dns_settings settings;

	*direct = (struct look_direct){.look = *look};
	if (look->settings->resolver == NULL || used >= budget)
		return false;
	settings = *look->settings->resolver;
	settings.trust_anchor = NULL;
	direct->dns = dns_new_unbound(&settings, &direct->why);
	if (direct->dns == NULL)
		return false;
	direct->look.scope =
	    dns_scope_new(direct->dns, budget - used, PATIENCE_SECONDS * CLOCK_SECOND);
	dns_scope_deadline(direct->look.scope, clock_mono() + PATIENCE_SECONDS * CLOCK_SECOND);
	return true;
}

void look_direct_close(const struct look *look, struct look_direct *direct)
{
	end_direct(direct, &look->facts->lookups);
}

void look_chain(const struct look *look)
{
	struct look_direct direct;

	if (!look->facts->zone.unproven || look->facts->zone.bogus ||
	    !look_direct_open(look, &direct))
		return;
	look->facts->zone.keyless = find_keyless(&direct.look);
	look_direct_close(look, &direct);
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
