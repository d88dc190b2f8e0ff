/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about MX hosts, addresses, their names, and block lists.
 */
#include <stdio.h>
#include <string.h>

#include "audit/judge.h"
#include "lib/special.h"
#include "mail/domain.h"

/* ---- MX ---- */

static void judge_no_mx(struct judge *judge, const struct audit_mail *mail)
{
	const char *domain = judge->facts->domain;

	if (judge_skips(judge, AUDIT_MX_NONE, &mail->mx) ||
	    judge_skips(judge, AUDIT_MX_NONE, &mail->a) ||
	    judge_skips(judge, AUDIT_MX_NONE, &mail->aaaa))
		return;
	if (mail->a.count + mail->aaaa.count > 0) {
		judge_find(judge, AUDIT_MX_IMPLICIT, domain,
			   "no MX: mail goes to the address of %s itself", domain);
		judge_remedy(judge, domain, "MX", "10 %s.", domain);
		return;
	}
	judge_find(judge, AUDIT_MX_NONE, domain, "neither an MX nor an address");
	judge_remedy(judge, domain, "MX", "0 .");
}

static void judge_null(struct judge *judge, const struct audit_mail *mail)
{
	const char *domain = judge->facts->domain;

	if (!mail->null || !judge->sends)
		return;
	judge_find(judge, AUDIT_MX_NULL_BUT_SENDS, domain, "a null MX, and yet %s",
		   judge->facts->dkim.count > 0 ? "there is a key that signs for the domain"
						: "the SPF record lets somebody send");
	judge_remedy(judge, domain, "TXT", "\"v=spf1 -all\"");
}

static bool has_null(const struct audit_mail *mail)
{
	for (unsigned i = 0; i < mail->mx.count; i++) {
		if (strcmp(mail->mx.records[i].text, ".") == 0)
			return true;
	}
	return false;
}

static void judge_host_address(struct judge *judge, const struct audit_host *host)
{
	bool absent = host->a.status == DNS_NXDOMAIN && host->aaaa.status == DNS_NXDOMAIN;

	if (host->unresolved.name != NULL)
		judge_find(judge, AUDIT_MX_NO_SERVER, host->name,
			   "%s, a name server of %s, does not exist", host->unresolved.name,
			   host->ns.name);
	if (host->a.count + host->aaaa.count > 0 ||
	    judge_skips(judge, AUDIT_MX_NO_ADDRESS, &host->a) ||
	    judge_skips(judge, AUDIT_MX_NO_ADDRESS, &host->aaaa))
		return;
	if (absent)
		judge_find(judge, AUDIT_MX_DANGLING, host->name, "%s does not exist%s", host->name,
			   domain_within(host->name, judge->facts->domain)
			       ? ""
			       : ", and is not in this domain");
	else
		judge_find(judge, AUDIT_MX_NO_ADDRESS, host->name, "%s has neither A nor AAAA",
			   host->name);
}

static void judge_host(struct judge *judge, const struct audit_host *host)
{
	const char *domain = judge->facts->domain;

	if (host->repeated)
		judge_find(judge, AUDIT_MX_SAME_HOST, host->name, "%s is named more than once",
			   host->name);
	if (!judge_skips(judge, AUDIT_MX_CNAME, &host->cname) && host->cname.count > 0) {
		judge_find(judge, AUDIT_MX_CNAME, host->name, "%s is an alias of %s", host->name,
			   host->cname.records[0].text);
		judge_remedy(judge, domain, "MX", "%u %s.", host->preference,
			     host->cname.records[0].text);
	}
	judge_host_address(judge, host);
}

static void judge_mx(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;
	const char *domain = judge->facts->domain;
	bool v6 = false, unknown = false;

	if (mail->mx.count == 0) {
		judge_no_mx(judge, mail);
		return;
	}
	judge_null(judge, mail);
	if (mail->mx.count > 1 && has_null(mail)) {
		judge_find(judge, AUDIT_MX_NULL_WITH_OTHERS, domain, "\".\" beside other MX hosts");
		judge_remedy(judge, domain, "MX", "0 .");
	}
	for (unsigned i = 0; i < mail->host_count; i++) {
		judge_host(judge, &mail->hosts[i]);
		v6 |= mail->hosts[i].aaaa.count > 0;
		unknown |= mail->hosts[i].aaaa.status == DNS_TEMPFAIL;
	}
	if (mail->host_count == 1)
		judge_find(judge, AUDIT_MX_ONE_ONLY, domain, "only %s", mail->hosts[0].name);
	if (mail->host_count > 0 && !v6 && !unknown)
		judge_find(judge, AUDIT_MX_NO_V6, domain, "no AAAA at any MX host");
}

/* ---- addresses ---- */

/* Names of pools have the address in them: 4-3-2-1.pool.example, host-1.2.3.4.example. */
static bool looks_generic(struct judge *judge, const struct audit_address *address,
			  const char *name)
{
	const uint8_t *b = address->ip.bytes;

	if (address->ip.family != 4)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		char mark = "-."[i];
		const char *forward = arena_printf(judge->arena, "%u%c%u%c%u%c%u", b[0], mark, b[1],
						   mark, b[2], mark, b[3]);
		const char *backward = arena_printf(judge->arena, "%u%c%u%c%u%c%u", b[3], mark,
						    b[2], mark, b[1], mark, b[0]);

		if (strstr(name, forward) != NULL || strstr(name, backward) != NULL)
			return true;
	}
	return false;
}

static void judge_names(struct judge *judge, const struct audit_address *address, const char *ip)
{
	enum audit_level level = address->sends ? AUDIT_ERROR : AUDIT_INFO;
	const char *whose = address->host != NULL ? address->host : "sends mail";
	char reverse[IP_REVERSE_MAX];

	if (judge_skips(judge, AUDIT_PTR_NONE, &address->ptr))
		return;
	if (address->ptr.count == 0) {
		judge_find_as(judge, AUDIT_PTR_NONE, level, ip, "%s (%s) has no PTR record", ip,
			      whose);
		judge_remedy(judge, ip_reverse(&address->ip, reverse), "PTR", "%s.",
			     address->host != NULL           ? address->host
			     : judge->settings->helo != NULL ? judge->settings->helo
							     : judge->facts->domain);
		return;
	}
	if (!address->confirmed && address->unknown)
		judge_find_as(judge, AUDIT_PTR_UNCONFIRMED, AUDIT_SKIP, ip,
			      "not known: an address of %s", address->ptr.records[0].text);
	else if (!address->confirmed)
		judge_find_as(judge, AUDIT_PTR_UNCONFIRMED, level, ip,
			      "%s is %s, which does not have %s", ip, address->ptr.records[0].text,
			      ip);
	if (address->ptr.count > 1)
		judge_find(judge, AUDIT_PTR_SEVERAL, ip, "%u names, the first is %s",
			   address->ptr.count, address->ptr.records[0].text);
	if (address->sends && looks_generic(judge, address, address->ptr.records[0].text))
		judge_find(judge, AUDIT_PTR_GENERIC, ip, "%s is %s", ip,
			   address->ptr.records[0].text);
}

/* RFC 5782 section 5: the list says so of itself, or its answers are worth nothing. */
static bool is_list_usable(const struct audit_block_list *list)
{
	return list->must.status == DNS_DATA && list->must_not.status == DNS_NXDOMAIN;
}

/* Answers in 127.255.255.0/24 say that the question was refused, those outside 127/8 nothing. */
static bool is_code(const struct dns_record *record)
{
	const uint8_t *b = record->address;

	return b[0] == 127 && !(b[1] == 255 && b[2] == 255);
}

static void judge_listing(struct judge *judge, const struct audit_address *address,
			  const struct audit_listing *listing, const char *ip)
{
	for (unsigned i = 0; i < listing->answer.count; i++) {
		const struct dns_record *record = &listing->answer.records[i];

		if (is_code(record)) {
			judge_find_as(judge, AUDIT_DNSBL_LISTED,
				      address->sends ? AUDIT_ERROR : AUDIT_WARN, ip,
				      "%s is in %s (%s)", ip, listing->list,
				      audit_record_text(judge->arena, DNS_TYPE_A, record));
			return;
		}
	}
	if (listing->answer.count > 0)
		judge_find_as(judge, AUDIT_DNSBL_LISTED, AUDIT_SKIP, ip,
			      "not known: %s refuses to tell (%s)", listing->list,
			      audit_record_text(judge->arena, DNS_TYPE_A, listing->answer.records));
}

static void judge_lists(struct judge *judge, const struct audit_address *address, const char *ip)
{
	for (unsigned i = 0; i < address->listing_count; i++) {
		if (is_list_usable(&judge->facts->lists[i]))
			judge_listing(judge, address, &address->listings[i], ip);
	}
}

static void judge_addresses(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;

	for (unsigned i = 0; i < mail->address_count; i++) {
		const struct audit_address *address = &mail->addresses[i];
		char text[IP_TEXT_MAX];
		const char *ip = arena_string(judge->arena, ip_text(&address->ip, text));

		if (special_is_loopback(&address->ip))
			judge_find(judge, AUDIT_MX_LOOPBACK, ip, "%s is %s",
				   address->host != NULL ? address->host : "a sending address", ip);
		else if (!special_is_global(&address->ip))
			judge_find(judge, AUDIT_MX_PRIVATE, ip, "%s has %s",
				   address->host != NULL ? address->host : "the setting", ip);
		else
			judge_names(judge, address, ip);
		judge_lists(judge, address, ip);
	}
	for (unsigned i = 0; i < judge->facts->list_count; i++) {
		const struct audit_block_list *list = &judge->facts->lists[i];

		if (!is_list_usable(list))
			judge_find(judge, AUDIT_DNSBL_UNUSABLE, list->zone,
				   "%s must have 127.0.0.2 and must not have 127.0.0.1",
				   list->zone);
	}
}

/* ---- HELO ---- */

static bool is_some_name(const struct audit_mail *mail, const char *name)
{
	for (unsigned i = 0; i < mail->address_count; i++) {
		const struct audit_address *address = &mail->addresses[i];

		for (unsigned n = 0; address->sends && n < address->ptr.count; n++) {
			if (domain_equal(address->ptr.records[n].text, name))
				return true;
		}
	}
	return false;
}

static void judge_helo(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;
	const char *helo = mail->helo;

	if (helo == NULL)
		return;
	if (strchr(helo, '.') == NULL) {
		judge_find(judge, AUDIT_HELO_NOT_FQDN, helo, "\"%s\" has no domain", helo);
		return;
	}
	if (!judge_skips(judge, AUDIT_HELO_NOT_RESOLVING, &mail->helo_a) &&
	    mail->helo_a.count + mail->helo_aaaa.count == 0)
		judge_find(judge, AUDIT_HELO_NOT_RESOLVING, helo, "%s has neither A nor AAAA",
			   helo);
	if (judge->settings->address_count > 0 && !is_some_name(mail, helo))
		judge_find(judge, AUDIT_HELO_DIFFERS, helo, "no sending address has the name %s",
			   helo);
	if (!judge_skips(judge, AUDIT_SPF_HELO, &judge->facts->helo_spf.txt) &&
	    judge->facts->helo_spf.count == 0) {
		judge_find(judge, AUDIT_SPF_HELO, helo,
			   "bounces of %s are checked by its HELO name", helo);
		judge_remedy(judge, helo, "TXT", "\"v=spf1 a -all\"");
	}
}

void judge_mail(struct judge *judge)
{
	judge_mx(judge);
	judge_addresses(judge);
	judge_helo(judge);
}
