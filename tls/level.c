/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/level.h"

#include <string.h>

#include "lib/ip.h"

enum { TTL_MIN = 10, TTL_MAX = 3600 };

const struct name_code level_names[] = {{"default", LEVEL_DEFAULT},
					{"dane-only", LEVEL_DANE_ONLY},
					{"dane", LEVEL_DANE},
					{"secure", LEVEL_SECURE},
					{"defer", LEVEL_DEFER},
					{"exception", LEVEL_EXCEPTION},
					{NULL, 0}};

/* ---- the key ---- */

const char *level_domain(struct arena *arena, struct span key, const char **reason)
{
	const char *domain;
	struct ip ip;

	*reason = NULL;
	if (span_empty(key) || *key.p == '[')
		*reason = "a host in brackets is not looked up by MX, so no policy applies to it";
	else if (*key.p == '.')
		*reason = "policies are for a domain, never for those below it (RFC 8461 section "
			  "3.4)";
	else if (ip_parse(key, &ip))
		*reason = "an address has no policy";
	else if (memchr(key.p, ':', span_len(key)) != NULL)
		*reason = "a next hop with a port has no policy";
	if (*reason != NULL)
		return NULL;
	domain = domain_to_ascii(arena, key);
	if (domain == NULL)
		*reason = "it is not a domain name";
	else if (domain_parent(domain) == NULL)
		*reason = "a name of one label has no policy";
	return *reason == NULL ? domain : NULL;
}

/* ---- DANE ---- */

struct host_counts {
	unsigned usable, unusable, failed, none;
	const struct route_host *first_failed;
};

/* Of hosts that have an address. */
static struct host_counts count_hosts(const struct route *route)
{
	struct host_counts counts = {0};

	for (unsigned i = 0; i < route->count; i++) {
		const struct route_host *host = &route->hosts[i];

		if (!host->reachable)
			continue;
		counts.usable += host->dane == HOST_DANE_USABLE;
		counts.unusable += host->dane == HOST_DANE_UNUSABLE;
		counts.none += host->dane == HOST_DANE_NONE;
		if (host->dane == HOST_DANE_FAILED && counts.failed++ == 0)
			counts.first_failed = host;
	}
	return counts;
}

static bool enforces(const struct level *level)
{
	return level->held.present && level->held.policy.mode == STS_ENFORCE;
}

static void settle(struct level *level, enum level_kind kind, const char *reason)
{
	level->kind = kind;
	level->reason = reason;
}

static void defer_for(struct level *level, struct arena *arena, const struct host_counts *counts)
{
	settle(level, LEVEL_DEFER,
	       arena_printf(arena,
			    "whether %s has TLSA records could not be found out (%s), and it must "
			    "not be used before (RFC 7672 section 2.1)",
			    counts->first_failed->name, counts->first_failed->reason));
}

/* What DANE demands whatever MTA-STS says. False: nothing. */
static bool settle_by_dane(const struct level_settings *settings, struct arena *arena,
			   struct level *level)
{
	const struct host_counts counts = count_hosts(&level->route);

	if (counts.usable > 0 && counts.none + counts.unusable == 0 && !level->route.cut) {
		settle(level, settings->dane_fallback ? LEVEL_DANE : LEVEL_DANE_ONLY,
		       "every host that can be reached has TLSA records");
		return true;
	}
	if (counts.usable + counts.none + counts.unusable == 0 && counts.failed > 0) {
		defer_for(level, arena, &counts);
		return true;
	}
	return false;
}

/* Hosts differ. Where MTA-STS is enforced, too, a host without TLSA records must not be used on
 * the word of DANE alone, nor one with them on that of MTA-STS. */
static bool settle_mixed(struct arena *arena, struct level *level)
{
	const struct host_counts counts = count_hosts(&level->route);

	if (counts.usable + counts.failed + counts.unusable == 0)
		return false;
	if (!enforces(level)) {
		settle(level, LEVEL_DANE,
		       counts.usable > 0     ? "some hosts have TLSA records"
		       : counts.unusable > 0 ? "there are TLSA records of which none can be used, "
					       "so the connection must be encrypted (RFC 7672 "
					       "section 2.2)"
					     : "the TLSA records of some hosts could not be "
					       "found out, and those must not be used");
		return true;
	}
	if (counts.usable > 0) {
		settle(level, LEVEL_DANE_ONLY,
		       "some hosts have TLSA records, and MTA-STS allows no host that is not "
		       "authenticated, so only those are used");
		return true;
	}
	if (counts.failed > 0) {
		defer_for(level, arena, &counts);
		return true;
	}
	return false; /* none can be used: MTA-STS demands more */
}

/* ---- MTA-STS ---- */

static bool is_allowed_anywhere(const struct level *level)
{
	const struct route *route = &level->route;

	if (route->kind == ROUTE_UNKNOWN || route->cut)
		return true;
	for (unsigned i = 0; i < route->count; i++) {
		if (sts_policy_allows(&level->held.policy, route->hosts[i].name))
			return true;
	}
	return false;
}

static void settle_by_sts(struct arena *arena, struct level *level)
{
	const struct sts_held *held = &level->held;

	if (!held->present)
		settle(level, LEVEL_DEFAULT,
		       held->reason != NULL ? held->reason
		       : level->discovery.state == STS_ANNOUNCED
			   ? "no MTA-STS policy could be obtained (RFC 8461 section 3.3)"
			   : level->discovery.reason);
	else if (held->policy.mode != STS_ENFORCE)
		settle(level, LEVEL_DEFAULT,
		       arena_printf(arena, "the MTA-STS policy has mode %s",
				    name_text(sts_mode_names, (int)held->policy.mode)));
	else if (!is_allowed_anywhere(level))
		settle(level, LEVEL_DEFER,
		       "no MX host is one that the MTA-STS policy allows (RFC 8461 section 5)");
	else
		settle(level, LEVEL_SECURE, "the MTA-STS policy has mode enforce");
}

/* ---- all of it ---- */

/* False: the route decides nothing. */
static bool settle_by_route(struct level *level)
{
	switch (level->route.kind) {
	case ROUTE_NULL:
		settle(level, LEVEL_DEFAULT, "the domain accepts no mail (RFC 7505)");
		return true;
	case ROUTE_ABSENT:
		settle(level, LEVEL_DEFAULT, "the domain does not exist");
		return true;
	case ROUTE_BOGUS:
		settle(level, LEVEL_DEFER, level->route.reason);
		return true;
	case ROUTE_MX:
	case ROUTE_IMPLICIT:
	case ROUTE_UNKNOWN:
		break;
	}
	return false;
}

static const struct level_exception *find_exception(const struct level_settings *settings,
						    const char *domain)
{
	for (unsigned i = 0; i < settings->exception_count; i++) {
		if (domain_pattern_matches(&settings->exceptions[i].domain, domain))
			return &settings->exceptions[i];
	}
	return NULL;
}

static void bound_ttl(struct level *level)
{
	uint32_t ttl = level->route.ttl;

	if (level->discovered && level->discovery.ttl < ttl)
		ttl = level->discovery.ttl;
	level->ttl = ttl < TTL_MIN ? TTL_MIN : ttl > TTL_MAX ? TTL_MAX : ttl;
}

void level_decide(const struct level_settings *settings, struct dns_scope *scope,
		  struct arena *arena, const char *domain, sts_source *source, void *arg,
		  struct level *level)
{
	const struct level_exception *exception = find_exception(settings, domain);

	memset(level, 0, sizeof *level);
	level->domain = domain;
	if (exception != NULL) {
		settle(level, LEVEL_EXCEPTION, "an exception in tls.exceptions");
		level->word = exception->level;
		level->ttl = TTL_MAX;
		return;
	}
	route_start(scope, domain);
	sts_discover_start(scope, arena, domain);
	level->looked = true;
	route_look(scope, arena, domain, &level->route);
	if (!settle_by_route(level) && !settle_by_dane(settings, arena, level)) {
		level->discovered = true;
		sts_discover(scope, arena, domain, &level->discovery);
		source(arg, arena, domain, &level->discovery, &level->held);
		if (!settle_mixed(arena, level))
			settle_by_sts(arena, level);
	}
	bound_ttl(level);
}
