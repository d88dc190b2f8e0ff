/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All hosts are asked about at once. A host's TLSA records are looked for where its addresses are
 * secure, first at the name that its aliases lead to, then at its own name (RFC 7672 section
 * 2.2.3). Where the addresses are not secure TLSA is not asked for: name servers that fail at
 * unknown types are common there, and what they said would not count.
 */
#include "tls/route.h"

#include <string.h>

static const size_t digest_lengths[] = {0, 32, 64}; /* of matching types (RFC 7671 section 5) */
enum { ALIASES_MAX = 2 };

struct look {
	struct dns_scope *scope;
	struct arena *arena;
	struct route *route;
};

static struct dns_lookup *start_tlsa(const struct look *look, const char *host)
{
	return dns_start(look->scope, arena_printf(look->arena, "_25._tcp.%s", host),
			 DNS_TYPE_TLSA);
}

static const struct dns_answer *wait_for(const struct look *look, struct dns_lookup *lookup)
{
	const struct dns_answer *answer = dns_wait(lookup);

	if (answer->ttl < look->route->ttl)
		look->route->ttl = answer->ttl;
	return answer;
}

static const struct dns_answer *ask(const struct look *look, const char *name, enum dns_type type)
{
	return wait_for(look, dns_start(look->scope, name, type));
}

/* RFC 7672 section 3.1.3: usages 0 and 1 are not for SMTP. */
static bool is_usable(const struct dns_record *tlsa)
{
	if (tlsa->numbers[0] != 2 && tlsa->numbers[0] != 3)
		return false;
	if (tlsa->numbers[1] > 1 || tlsa->numbers[2] > 2 || tlsa->length == 0)
		return false;
	return tlsa->numbers[2] == 0 || tlsa->length == digest_lengths[tlsa->numbers[2]];
}

static enum host_dane judge_records(const struct dns_answer *answer)
{
	for (unsigned i = 0; i < answer->count; i++) {
		if (is_usable(&answer->records[i]))
			return HOST_DANE_USABLE;
	}
	return HOST_DANE_UNUSABLE;
}

/* True: HOST is judged by what is at BASE. */
static bool judge_base(const struct look *look, struct route_host *host, const char *base)
{
	struct dns_lookup *lookup = start_tlsa(look, base);
	const struct dns_answer *answer = wait_for(look, lookup);

	if (answer->status == DNS_TEMPFAIL) {
		host->dane = HOST_DANE_FAILED;
		host->tlsa = arena_string(look->arena, dns_lookup_name(lookup));
		host->reason =
		    arena_printf(look->arena, "TLSA at %s: %s", host->tlsa, answer->reason);
		return true;
	}
	if (answer->status != DNS_DATA || !answer->secure)
		return false;
	host->dane = judge_records(answer);
	host->tlsa = arena_string(look->arena, dns_lookup_name(lookup));
	return true;
}

/* The name that NAME's aliases lead to, or NULL: it is not an alias. *SECURE: the first of them. */
static const char *follow_aliases(const struct look *look, const char *name, bool *secure)
{
	const char *end = NULL;

	*secure = false;
	for (unsigned i = 0; i < ALIASES_MAX; i++) {
		const struct dns_answer *answer = ask(look, name, DNS_TYPE_CNAME);

		if (answer->status != DNS_DATA)
			break;
		if (i == 0)
			*secure = answer->secure;
		name = end = answer->records[0].text;
	}
	return end;
}

/* Whether the addresses of HOST, if it has any, are secure. */
static bool look_addresses(const struct look *look, struct route_host *host)
{
	const struct dns_answer *a = ask(look, host->name, DNS_TYPE_A);
	const struct dns_answer *aaaa = ask(look, host->name, DNS_TYPE_AAAA);
	const char *reason = a->status == DNS_TEMPFAIL      ? a->reason
			     : aaaa->status == DNS_TEMPFAIL ? aaaa->reason
							    : "it does not exist";

	host->reachable = a->count + aaaa->count > 0;
	if (!host->reachable)
		host->reason = arena_printf(look->arena, "no address: %s", reason);
	return (a->count > 0 && a->secure) || (aaaa->count > 0 && aaaa->secure);
}

static void look_tlsa(const struct look *look, struct route_host *host)
{
	bool secure_alias, secure = look_addresses(look, host);
	const char *end;

	if (!host->reachable)
		return;
	end = follow_aliases(look, host->name, &secure_alias);
	if (secure && end != NULL && judge_base(look, host, end))
		return;
	if (secure || secure_alias)
		(void)judge_base(look, host, host->name);
}

static void look_hosts(const struct look *look)
{
	struct route *route = look->route;

	for (unsigned i = 0; i < route->count; i++) {
		(void)dns_start(look->scope, route->hosts[i].name, DNS_TYPE_A);
		(void)dns_start(look->scope, route->hosts[i].name, DNS_TYPE_AAAA);
		(void)dns_start(look->scope, route->hosts[i].name, DNS_TYPE_CNAME);
	}
	for (unsigned i = 0; i < route->count; i++) {
		if (look_addresses(look, &route->hosts[i]))
			(void)start_tlsa(look, route->hosts[i].name);
	}
	for (unsigned i = 0; i < route->count; i++)
		look_tlsa(look, &route->hosts[i]);
}

/* In the order of preference. */
static void add_host(const struct look *look, const char *name, uint16_t preference)
{
	struct route *route = look->route;
	unsigned at = route->count;

	if (route->count == ROUTE_HOSTS_MAX) {
		route->cut = true;
		return;
	}
	for (; at > 0 && route->hosts[at - 1].preference > preference; at--)
		route->hosts[at] = route->hosts[at - 1];
	route->hosts[at] =
	    (struct route_host){.name = arena_string(look->arena, name), .preference = preference};
	route->count++;
}

/* RFC 7505 section 3: a null MX is alone; beside others "." is nothing that mail can go to. */
static void read_hosts(const struct look *look, const struct dns_answer *answer)
{
	for (unsigned i = 0; i < answer->count; i++) {
		const struct dns_record *mx = &answer->records[i];

		if (strcmp(mx->text, ".") != 0)
			add_host(look, mx->text, mx->preference);
	}
	look->route->kind = look->route->count == 0 ? ROUTE_NULL : ROUTE_MX;
}

void route_start(struct dns_scope *scope, const char *domain)
{
	(void)dns_start(scope, domain, DNS_TYPE_MX);
}

void route_look(struct dns_scope *scope, struct arena *arena, const char *domain,
		struct route *route)
{
	struct look look = {scope, arena, route};
	const struct dns_answer *answer;

	memset(route, 0, sizeof *route);
	route->ttl = UINT32_MAX;
	answer = ask(&look, domain, DNS_TYPE_MX);
	route->secure = answer->secure;
	switch (answer->status) {
	case DNS_DATA:
		read_hosts(&look, answer);
		break;
	case DNS_NODATA:
		route->kind = ROUTE_IMPLICIT;
		add_host(&look, domain, 0);
		break;
	case DNS_NXDOMAIN:
		route->kind = ROUTE_ABSENT;
		break;
	case DNS_TEMPFAIL:
		route->kind = answer->bogus || answer->unproven ? ROUTE_BOGUS : ROUTE_UNKNOWN;
		route->reason = arena_printf(arena, "MX of %s: %s", domain, answer->reason);
		break;
	}
	if (route->secure && route->count > 0)
		look_hosts(&look);
}
