/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about the zone's name servers, DNSSEC, and the services that mail programs look for.
 */
#include <string.h>

#include "audit/judge.h"
#include "lib/clock.h"

static void judge_server(struct judge *judge, const struct audit_host *host)
{
	if (!judge_skips(judge, AUDIT_NS_CNAME, &host->cname) && host->cname.count > 0)
		judge_find(judge, AUDIT_NS_CNAME, host->name, "%s is an alias of %s", host->name,
			   host->cname.records[0].text);
	if (host->a.count + host->aaaa.count > 0 ||
	    judge_skips(judge, AUDIT_NS_NO_ADDRESS, &host->a) ||
	    judge_skips(judge, AUDIT_NS_NO_ADDRESS, &host->aaaa))
		return;
	judge_find(judge, AUDIT_NS_NO_ADDRESS, host->name, "%s has neither A nor AAAA", host->name);
}

/* ---- what each name server says ---- */

/* It answers, but not with the zone: to libunbound a refusal is SERVFAIL. Silence is not known to
 * be the server's fault: this host may have no way to it. */
static bool is_lame(const struct audit_answer *soa)
{
	return soa->status == DNS_NODATA || soa->status == DNS_NXDOMAIN ||
	       (soa->status == DNS_TEMPFAIL && strcmp(soa->reason, "SERVFAIL") == 0);
}

static const char *server_text(struct judge *judge, const struct audit_server *server)
{
	char text[IP_TEXT_MAX];

	return arena_printf(judge->arena, "%s (%s)", server->host, ip_text(&server->ip, text));
}

static void judge_lame(struct judge *judge, const struct audit_server *server)
{
	const char *apex = judge->facts->zone.apex;
	char text[IP_TEXT_MAX];

	if (is_lame(&server->soa))
		judge_find(judge, AUDIT_NS_LAME, server->host,
			   "%s has no zone %s; to see it: dig +norecurse @%s %s SOA",
			   server_text(judge, server), apex, ip_text(&server->ip, text), apex);
	else if (server->soa.status == DNS_TEMPFAIL)
		judge_find_as(judge, AUDIT_NS_LAME, AUDIT_SKIP, server->host, "not known: %s: %s",
			      server_text(judge, server), server->soa.reason);
}

/* RFC 1982 section 3.2, with 32 bits: the later of two serials. */
static bool is_later(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(0x80000000);
}

/* The one with the latest zone; NULL: none has it. */
static const struct audit_server *find_latest(const struct audit_zone *zone)
{
	const struct audit_server *latest = NULL;

	for (unsigned i = 0; i < zone->server_count; i++) {
		const struct audit_server *server = &zone->servers[i];

		if (server->soa.count == 1 &&
		    (latest == NULL ||
		     is_later(server->soa.records[0].serial, latest->soa.records[0].serial)))
			latest = server;
	}
	return latest;
}

static bool is_same_mx(const struct audit_answer *a, const struct audit_answer *b)
{
	if (a->status != b->status || a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (a->records[i].preference != b->records[i].preference ||
		    strcmp(a->records[i].text, b->records[i].text) != 0)
			return false;
	}
	return true;
}

/* "10 mx1.example.org. 20 mx2.example.org." */
static const char *mx_text(struct judge *judge, const struct audit_answer *mx)
{
	const char *all = mx->count == 0 ? "no MX" : "";

	for (unsigned i = 0; i < mx->count; i++)
		all = arena_printf(judge->arena, "%s%s%s", all, i == 0 ? "" : ", ",
				   audit_record_text(judge->arena, DNS_TYPE_MX, &mx->records[i]));
	return all;
}

static void judge_differences(struct judge *judge, const struct audit_server *server,
			      const struct audit_server *latest)
{
	const char *domain = judge->facts->domain;
	uint32_t serial = server->soa.records[0].serial, last = latest->soa.records[0].serial;

	if (serial != last)
		judge_find(judge, AUDIT_SOA_DIFFERS, server->host,
			   "%s has serial %u, %s has %u; if it stays so, transfer the zone again",
			   server_text(judge, server), serial, latest->host, last);
	if (server->mx.status == DNS_TEMPFAIL || latest->mx.status == DNS_TEMPFAIL ||
	    is_same_mx(&server->mx, &latest->mx))
		return;
	judge_find(judge, AUDIT_MX_DIFFERS, server->host, "%s has %s; %s has %s",
		   server_text(judge, server), mx_text(judge, &server->mx), latest->host,
		   mx_text(judge, &latest->mx));
	if (latest->mx.count > 0)
		judge_remedy(judge, domain, "MX", "%s",
			     audit_record_text(judge->arena, DNS_TYPE_MX, &latest->mx.records[0]));
}

/* A signature that ends later, for the same type, makes up for this one. */
static bool is_superseded(const struct audit_answer *rrsig, const struct dns_record *record)
{
	for (unsigned i = 0; i < rrsig->count; i++) {
		if (rrsig->records[i].preference == record->preference &&
		    is_later(rrsig->records[i].ends, record->ends))
			return true;
	}
	return false;
}

/* Signers renew at a tenth of a signature's life at the latest, and some of them make signatures
 * that live for hours: days alone say nothing. */
static void judge_signatures(struct judge *judge, const struct audit_server *server)
{
	const char *apex = judge->facts->zone.apex;
	const struct dns_record *first = NULL;
	int32_t least = INT32_MAX;
	char text[CLOCK_TEXT_MAX];

	for (unsigned i = 0; i < server->rrsig.count; i++) {
		const struct dns_record *record = &server->rrsig.records[i];
		int32_t left = (int32_t)(record->ends - (uint32_t)judge->settings->now);

		if (left < (int64_t)(record->ends - record->begins) / 10 && left < least &&
		    !is_superseded(&server->rrsig, record)) {
			first = record;
			least = left;
		}
	}
	if (first != NULL)
		judge_find_as(
		    judge, AUDIT_DNSSEC_EXPIRING, least > 0 ? AUDIT_WARN : AUDIT_ERROR,
		    server->host,
		    "%s: a signature (type %u) ends at %s; sign the zone again: rndc sign "
		    "%s, or knotc zone-sign %s",
		    server_text(judge, server), first->preference,
		    clock_utc_text(judge->settings->now + least, text), apex, apex);
	else if (server->soa.count > 0)
		(void)judge_skips(judge, AUDIT_DNSSEC_EXPIRING, &server->rrsig);
}

static void judge_name_servers(struct judge *judge)
{
	const struct audit_zone *zone = &judge->facts->zone;
	const struct audit_server *latest = find_latest(zone);

	for (unsigned i = 0; i < zone->server_count; i++) {
		judge_lame(judge, &zone->servers[i]);
		judge_signatures(judge, &zone->servers[i]);
		if (zone->servers[i].soa.count == 1)
			judge_differences(judge, &zone->servers[i], latest);
	}
}

/* ---- services ---- */

enum { PORT_SMTP = 25 };

/* "_imap" is without TLS at the start, "_imaps" has it: they stand side by side in the facts. */
static void judge_pair(struct judge *judge, const struct audit_service *implicit,
		       const struct audit_service *explicit)
{
	bool offered = explicit->target_count > 0;

	if (offered && implicit->srv.count == 0 &&
	    !judge_skips(judge, AUDIT_SRV_PLAIN_ONLY, &implicit->srv))
		judge_find(judge, AUDIT_SRV_PLAIN_ONLY, explicit->srv.name, "no %s beside %s",
			   implicit->label, explicit->label);
}

static void judge_service(struct judge *judge, const struct audit_service *service)
{
	(void)judge_skips(judge, AUDIT_SRV_NO_ADDRESS, &service->srv);
	for (unsigned i = 0; i < service->srv.count; i++) {
		if (service->srv.records[i].port == PORT_SMTP)
			judge_find(judge, AUDIT_SRV_PORT, service->srv.name, "port 25");
	}
	for (unsigned i = 0; i < service->target_count; i++) {
		const struct audit_host *host = &service->targets[i];

		if (host->cname.count > 0)
			judge_find(judge, AUDIT_SRV_CNAME, service->srv.name,
				   "%s is an alias of %s", host->name, host->cname.records[0].text);
		if (host->a.count + host->aaaa.count > 0 ||
		    judge_skips(judge, AUDIT_SRV_NO_ADDRESS, &host->a) ||
		    judge_skips(judge, AUDIT_SRV_NO_ADDRESS, &host->aaaa))
			continue;
		judge_find(judge, AUDIT_SRV_NO_ADDRESS, service->srv.name,
			   "%s has neither A nor AAAA", host->name);
	}
}

void judge_zone(struct judge *judge)
{
	const struct audit_zone *zone = &judge->facts->zone;
	const struct audit_service *services = judge->facts->services;

	if (zone->bogus)
		judge_find(judge, AUDIT_DANE_BOGUS, judge->facts->domain,
			   "an answer did not pass validation");
	else if (zone->keyless != NULL)
		judge_find(judge, AUDIT_DANE_BOGUS, zone->keyless,
			   "%s has a DS record, but no DNSKEY", zone->keyless);
	else if (zone->unproven)
		judge_find_as(judge, AUDIT_DANE_BOGUS, AUDIT_SKIP, judge->facts->domain,
			      "not known: a key to validate answers was not had");
	if (zone->apex == NULL)
		(void)judge_skips(judge, AUDIT_NS_ONE_ONLY, &zone->ns);
	else if (zone->ns.count == 1)
		judge_find(judge, AUDIT_NS_ONE_ONLY, zone->apex, "only %s",
			   zone->ns.records[0].text);
	for (unsigned i = 0; i < zone->host_count; i++)
		judge_server(judge, &zone->hosts[i]);
	judge_name_servers(judge);
	for (unsigned i = 0; i < AUDIT_SERVICES; i++)
		judge_service(judge, &services[i]);
	for (unsigned i = 0; i < AUDIT_SERVICES; i += 2)
		judge_pair(judge, &services[i], &services[i + 1]);
}
