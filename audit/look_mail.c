/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where mail of the domain arrives, and where it leaves: MX hosts, addresses, their names, lists.
 */
#include <string.h>

#include "audit/look.h"
#include "lib/buf.h"
#include "mail/domain.h"
#include "policy/spf/iprev.h"

enum { ZONES_MAX = 4, SERVERS_MAX = 4 }; /* of MX hosts */

void look_start_mail(const struct look *look)
{
	look_start(look, look->domain, DNS_TYPE_MX);
	look_start(look, look->domain, DNS_TYPE_A);
	look_start(look, look->domain, DNS_TYPE_AAAA);
	look_start(look, look->domain, DNS_TYPE_TXT);
	look_start(look, look->domain, DNS_TYPE_SPF);
	look_start(look, look->domain, DNS_TYPE_NS);
	look_start(look, look->domain, DNS_TYPE_SOA);
	look_start(look, look->domain, DNS_TYPE_DS);
	if (look->settings->helo == NULL)
		return;
	look_start(look, look->settings->helo, DNS_TYPE_A);
	look_start(look, look->settings->helo, DNS_TYPE_AAAA);
	look_start(look, look->settings->helo, DNS_TYPE_TXT);
}

/* ---- MX ---- */

static const char *tlsa_name(const struct look *look, const char *host)
{
	return arena_printf(look->arena, "_25._tcp.%s", host);
}

static void add_host(struct audit_mail *mail, const struct dns_record *record)
{
	for (unsigned i = 0; i < mail->host_count; i++) {
		if (strcmp(mail->hosts[i].name, record->text) == 0) {
			mail->hosts[i].repeated = true;
			return;
		}
	}
	if (mail->host_count == AUDIT_HOSTS_MAX || strcmp(record->text, ".") == 0)
		return;
	mail->hosts[mail->host_count].name = record->text;
	mail->hosts[mail->host_count++].preference = record->preference;
}

/* ---- the name servers of MX hosts elsewhere ---- */

/* The nearest name above HOST that has name servers; those of the domain's own zone are looked at
 * in any case (audit/look_zone.c). */
static void look_host_zone(const struct look *look, struct audit_host *host)
{
	const char *name = domain_parent(host->name);

	if (domain_within(host->name, look->domain))
		return;
	for (; name != NULL && domain_labels(name) > 1; name = domain_parent(name)) {
		host->ns = look_ask(look, name, DNS_TYPE_NS);
		if (host->ns.count > 0)
			break;
	}
	for (unsigned i = 0; i < host->ns.count && i < SERVERS_MAX; i++)
		look_start(look, host->ns.records[i].text, DNS_TYPE_A);
	for (unsigned i = 0; i < host->ns.count && i < SERVERS_MAX; i++) {
		struct audit_answer answer = look_ask(look, host->ns.records[i].text, DNS_TYPE_A);

		if (answer.status == DNS_NXDOMAIN)
			host->unresolved = answer;
	}
}

static void look_hosts(const struct look *look)
{
	struct audit_mail *mail = &look->facts->mail;

	mail->mx = look_ask(look, look->domain, DNS_TYPE_MX);
	mail->a = look_ask(look, look->domain, DNS_TYPE_A);
	mail->aaaa = look_ask(look, look->domain, DNS_TYPE_AAAA);
	mail->null = mail->mx.count == 1 && strcmp(mail->mx.records[0].text, ".") == 0;
	for (unsigned i = 0; i < mail->mx.count; i++)
		add_host(mail, &mail->mx.records[i]);
	for (unsigned i = 0; i < mail->host_count; i++) {
		look_start_host(look, mail->hosts[i].name);
		look_start(look, tlsa_name(look, mail->hosts[i].name), DNS_TYPE_TLSA);
		if (i < ZONES_MAX && domain_parent(mail->hosts[i].name) != NULL)
			look_start(look, domain_parent(mail->hosts[i].name), DNS_TYPE_NS);
	}
	for (unsigned i = 0; i < mail->host_count; i++) {
		struct audit_host *host = &mail->hosts[i];

		look_host(look, host->name, host);
		host->tlsa = look_ask(look, tlsa_name(look, host->name), DNS_TYPE_TLSA);
	}
	for (unsigned i = 0; i < mail->host_count && i < ZONES_MAX; i++)
		look_host_zone(look, &mail->hosts[i]);
}

/* ---- addresses ---- */

static void add_address(struct audit_mail *mail, const struct ip *ip, const char *host, bool sends)
{
	struct audit_address *address;

	for (unsigned i = 0; i < mail->address_count; i++) {
		if (ip_equal(&mail->addresses[i].ip, ip)) {
			mail->addresses[i].sends |= sends;
			return;
		}
	}
	if (mail->address_count == AUDIT_ADDRESSES_MAX)
		return;
	address = &mail->addresses[mail->address_count++];
	*address = (struct audit_address){.ip = *ip, .host = host, .sends = sends};
}

static void add_answer(struct audit_mail *mail, const struct audit_answer *answer, const char *host)
{
	for (unsigned i = 0; i < answer->count; i++) {
		struct ip ip =
		    ip_from_bytes(answer->records[i].address, answer->type == DNS_TYPE_A ? 4 : 16);

		add_address(mail, &ip, host, false);
	}
}

static void collect_addresses(const struct look *look)
{
	const struct audit_settings *settings = look->settings;
	struct audit_mail *mail = &look->facts->mail;

	for (unsigned i = 0; i < settings->address_count; i++)
		add_address(mail, &settings->addresses[i], NULL, true);
	for (unsigned i = 0; i < mail->host_count; i++) {
		add_answer(mail, &mail->hosts[i].a, mail->hosts[i].name);
		add_answer(mail, &mail->hosts[i].aaaa, mail->hosts[i].name);
	}
}

/* RFC 5782 section 2.1: the address backwards below the list's zone. */
static const char *list_name(const struct look *look, const struct ip *ip, const char *zone)
{
	char name[IP_REVERSE_MAX];
	size_t tail = strlen(ip->family == 4 ? ".in-addr.arpa" : ".ip6.arpa");

	ip_reverse(ip, name);
	return arena_printf(look->arena, "%.*s.%s", (int)(strlen(name) - tail), name, zone);
}

static void ask_lists(const struct look *look, struct audit_address *address, bool wait)
{
	for (unsigned i = 0; i < look->facts->list_count; i++) {
		const char *zone = look->facts->lists[i].zone;
		const char *name = list_name(look, &address->ip, zone);

		look_start(look, name, DNS_TYPE_A);
		if (!wait)
			continue;
		address->listings[i].list = zone;
		address->listings[i].answer = look_ask(look, name, DNS_TYPE_A);
		address->listing_count = i + 1;
	}
}

/* RFC 8601 section 3: a name of the address that has the address. */
static void confirm_address(const struct look *look, struct audit_address *address)
{
	char reverse[IP_REVERSE_MAX];

	ip_reverse(&address->ip, reverse);
	address->ptr = look_ask(look, reverse, DNS_TYPE_PTR);
	address->unknown = address->ptr.status == DNS_TEMPFAIL;
	for (unsigned i = 0; i < address->ptr.count && i < IPREV_NAMES_MAX; i++) {
		switch (iprev_has(look->scope, &address->ip, address->ptr.records[i].text)) {
		case DNS_DATA:
			address->confirmed = true;
			break;
		case DNS_TEMPFAIL:
			address->unknown = true;
			break;
		case DNS_NODATA:
		case DNS_NXDOMAIN:
			break;
		}
	}
}

static void look_addresses(const struct look *look)
{
	struct audit_mail *mail = &look->facts->mail;

	collect_addresses(look);
	for (unsigned i = 0; i < mail->address_count; i++) {
		iprev_start(look->scope, &mail->addresses[i].ip);
		ask_lists(look, &mail->addresses[i], false);
	}
	for (unsigned i = 0; i < mail->address_count; i++) {
		confirm_address(look, &mail->addresses[i]);
		ask_lists(look, &mail->addresses[i], true);
	}
}

void look_mail(const struct look *look)
{
	struct audit_mail *mail = &look->facts->mail;
	const char *helo = look->settings->helo;

	look_hosts(look);
	look_addresses(look);
	mail->helo = helo;
	if (helo == NULL)
		return;
	mail->helo_a = look_ask(look, helo, DNS_TYPE_A);
	mail->helo_aaaa = look_ask(look, helo, DNS_TYPE_AAAA);
	look_spf(look, helo, &look->facts->helo_spf);
}
