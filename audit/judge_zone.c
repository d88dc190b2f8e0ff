/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about the zone's name servers, DNSSEC, and the services that mail programs look for.
 */
#include <string.h>

#include "audit/judge.h"

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
	if (zone->apex == NULL)
		(void)judge_skips(judge, AUDIT_NS_ONE_ONLY, &zone->ns);
	else if (zone->ns.count == 1)
		judge_find(judge, AUDIT_NS_ONE_ONLY, zone->apex, "only %s",
			   zone->ns.records[0].text);
	for (unsigned i = 0; i < zone->host_count; i++)
		judge_server(judge, &zone->hosts[i]);
	for (unsigned i = 0; i < AUDIT_SERVICES; i++)
		judge_service(judge, &services[i]);
	for (unsigned i = 0; i < AUDIT_SERVICES; i += 2)
		judge_pair(judge, &services[i], &services[i + 1]);
}
