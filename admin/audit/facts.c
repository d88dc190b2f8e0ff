/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts as JSON, part by part: first the answers as they came, then what was read from them.
 */
#include "admin/audit/facts.h"

#include "audit/audit.h"
#include "lib/clock.h"

struct writer {
	struct jsonout *out;
	struct arena *arena;
};

static void put_answer(const struct writer *to, const char *key, const struct audit_answer *answer)
{
	if (answer->name == NULL)
		return;
	jsonout_object(to->out, key);
	jsonout_text(to->out, "name", answer->name);
	jsonout_text(to->out, "type", dns_type_text(answer->type));
	jsonout_text(to->out, "status", dns_status_text(answer->status));
	if (answer->reason != NULL)
		jsonout_text(to->out, "reason", answer->reason);
	jsonout_bool(to->out, "secure", answer->secure);
	jsonout_array(to->out, "records");
	for (unsigned i = 0; i < answer->count; i++)
		jsonout_text(to->out, NULL,
			     audit_record_text(to->arena, answer->type, &answer->records[i]));
	jsonout_end(to->out);
	jsonout_end(to->out);
}

static void put_host(const struct writer *to, const struct audit_host *host)
{
	jsonout_object(to->out, NULL);
	jsonout_text(to->out, "host", host->name);
	put_answer(to, "cname", &host->cname);
	put_answer(to, "a", &host->a);
	put_answer(to, "aaaa", &host->aaaa);
	put_answer(to, "tlsa", &host->tlsa);
	put_answer(to, "ns", &host->ns);
	put_answer(to, "unresolved", &host->unresolved);
	jsonout_end(to->out);
}

static void put_hosts(const struct writer *to, const struct audit_host *hosts, unsigned count)
{
	jsonout_array(to->out, "hosts");
	for (unsigned i = 0; i < count; i++)
		put_host(to, &hosts[i]);
	jsonout_end(to->out);
}

/* ---- mail ---- */

static void put_address(const struct writer *to, const struct audit_address *address)
{
	char text[IP_TEXT_MAX];

	jsonout_object(to->out, NULL);
	jsonout_text(to->out, "address", ip_text(&address->ip, text));
	jsonout_text(to->out, "host", address->host);
	jsonout_bool(to->out, "sends", address->sends);
	put_answer(to, "ptr", &address->ptr);
	jsonout_bool(to->out, "confirmed", address->confirmed);
	jsonout_array(to->out, "block_lists");
	for (unsigned i = 0; i < address->listing_count; i++)
		put_answer(to, NULL, &address->listings[i].answer);
	jsonout_end(to->out);
	jsonout_end(to->out);
}

static void put_mail(const struct writer *to, const struct audit_mail *mail)
{
	jsonout_object(to->out, "mail");
	put_answer(to, "mx", &mail->mx);
	put_answer(to, "a", &mail->a);
	put_answer(to, "aaaa", &mail->aaaa);
	jsonout_bool(to->out, "null_mx", mail->null);
	put_hosts(to, mail->hosts, mail->host_count);
	jsonout_array(to->out, "addresses");
	for (unsigned i = 0; i < mail->address_count; i++)
		put_address(to, &mail->addresses[i]);
	jsonout_end(to->out);
	jsonout_text(to->out, "helo", mail->helo);
	put_answer(to, "helo_a", &mail->helo_a);
	put_answer(to, "helo_aaaa", &mail->helo_aaaa);
	jsonout_end(to->out);
}

static void put_block_lists(const struct writer *to, const struct audit_facts *facts)
{
	jsonout_array(to->out, "block_lists");
	for (unsigned i = 0; i < facts->list_count; i++) {
		jsonout_object(to->out, NULL);
		jsonout_text(to->out, "zone", facts->lists[i].zone);
		put_answer(to, "must_be_listed", &facts->lists[i].must);
		put_answer(to, "must_not_be_listed", &facts->lists[i].must_not);
		jsonout_end(to->out);
	}
	jsonout_end(to->out);
}

/* ---- SPF, DKIM, DMARC ---- */

static void put_term(const struct writer *to, const struct audit_term *term)
{
	jsonout_object(to->out, NULL);
	jsonout_text(to->out, "domain", term->domain);
	jsonout_text(to->out, "term", term->text);
	jsonout_int(to->out, "depth", term->depth);
	jsonout_int(to->out, "lookups", term->lookups);
	jsonout_bool(to->out, "void", term->is_void);
	jsonout_bool(to->out, "void_ipv6", term->void6);
	jsonout_bool(to->out, "varies", term->varies);
	jsonout_bool(to->out, "loops", term->loops);
	jsonout_text(to->out, "fault", term->fault);
	jsonout_end(to->out);
}

static void put_spf(const struct writer *to, const char *key, const struct audit_spf *spf)
{
	const char all[] = {spf->all, '\0'};

	if (spf->txt.name == NULL)
		return;
	jsonout_object(to->out, key);
	put_answer(to, "txt", &spf->txt);
	put_answer(to, "type99", &spf->type99);
	jsonout_int(to->out, "records", spf->count);
	jsonout_text(to->out, "record", spf->record);
	jsonout_text(to->out, "syntax", spf->syntax);
	jsonout_int(to->out, "lookups", spf->lookups);
	jsonout_int(to->out, "voids", spf->voids);
	jsonout_int(to->out, "voids_ipv6", spf->voids6);
	jsonout_text(to->out, "all", *all == '\0' ? NULL : all);
	jsonout_int(to->out, "addresses_own", (int64_t)spf->own);
	jsonout_int(to->out, "addresses_included", (int64_t)spf->included);
	jsonout_array(to->out, "terms");
	for (unsigned i = 0; i < spf->term_count; i++)
		put_term(to, &spf->terms[i]);
	jsonout_end(to->out);
	jsonout_end(to->out);
}

static void put_key(const struct writer *to, const struct audit_key *key)
{
	char since[CLOCK_TEXT_MAX];

	jsonout_object(to->out, NULL);
	jsonout_text(to->out, "selector", key->selector);
	jsonout_text(to->out, "type", key->type);
	jsonout_int(to->out, "bits", key->bits);
	jsonout_text(to->out, "state", keystate_text(key->status.state));
	jsonout_text(to->out, "since",
		     key->status.since == 0 ? NULL : clock_utc_text(key->status.since, since));
	put_answer(to, "txt", &key->txt);
	jsonout_text(to->out, "published", published_text(key->published));
	jsonout_text(to->out, "detail", key->detail);
	jsonout_text(to->out, "fault", key->fault);
	jsonout_bool(to->out, "testing", key->testing);
	jsonout_bool(to->out, "sha256", key->sha256);
	jsonout_bool(to->out, "tlsrpt", key->tlsrpt);
	jsonout_end(to->out);
}

static void put_stranger(const struct writer *to, const struct audit_stranger *stranger)
{
	char day[CLOCK_TEXT_MAX];

	jsonout_object(to->out, NULL);
	jsonout_text(to->out, "selector", stranger->selector);
	jsonout_int(to->out, "messages", stranger->messages);
	jsonout_text(to->out, "last_day", clock_day_text(stranger->last_day, day));
	put_answer(to, "txt", &stranger->txt);
	jsonout_text(to->out, "type", stranger->type);
	jsonout_int(to->out, "bits", stranger->bits);
	jsonout_text(to->out, "fault", stranger->fault);
	jsonout_end(to->out);
}

static void put_dkim(const struct writer *to, const struct audit_dkim *dkim)
{
	jsonout_object(to->out, "dkim");
	put_answer(to, "wildcard", &dkim->wildcard);
	jsonout_bool(to->out, "wildcard_revoked", dkim->revoked);
	jsonout_array(to->out, "keys");
	for (unsigned i = 0; i < dkim->count; i++)
		put_key(to, &dkim->keys[i]);
	jsonout_end(to->out);
	jsonout_array(to->out, "strangers");
	for (unsigned i = 0; i < dkim->stranger_count; i++)
		put_stranger(to, &dkim->strangers[i]);
	jsonout_end(to->out);
	jsonout_end(to->out);
}

static void put_reports(const struct writer *to, const struct audit_report *reports, unsigned count)
{
	jsonout_array(to->out, "reports");
	for (unsigned i = 0; i < count; i++) {
		jsonout_object(to->out, NULL);
		jsonout_text(to->out, "address", reports[i].address);
		jsonout_bool(to->out, "known", !reports[i].unknown);
		jsonout_bool(to->out, "reachable", reports[i].reachable);
		jsonout_bool(to->out, "authorised", reports[i].authorised);
		jsonout_end(to->out);
	}
	jsonout_end(to->out);
}

static void put_dmarc_record(const struct writer *to, const struct dmarc_record *record)
{
	jsonout_text(to->out, "record", record->text);
	jsonout_text(to->out, "p", dmarc_policy_text(record->p));
	jsonout_text(to->out, "sp", dmarc_policy_text(record->sp));
	jsonout_text(to->out, "np", dmarc_policy_text(record->np));
	jsonout_bool(to->out, "testing", record->testing);
	jsonout_text(to->out, "rua", record->rua);
	jsonout_text(to->out, "ruf", record->ruf);
	jsonout_text(to->out, "faults", record->faults);
}

static void put_dmarc(const struct writer *to, const struct audit_dmarc *dmarc)
{
	jsonout_object(to->out, "dmarc");
	put_answer(to, "txt", &dmarc->txt);
	jsonout_array(to->out, "above");
	for (unsigned i = 0; i < dmarc->other_count; i++)
		put_answer(to, NULL, &dmarc->others[i]);
	jsonout_end(to->out);
	jsonout_int(to->out, "records", dmarc->count);
	jsonout_bool(to->out, "at_domain_itself", dmarc->at_apex);
	jsonout_bool(to->out, "known", !dmarc->unknown);
	jsonout_text(to->out, "policy_domain", dmarc->found_at);
	jsonout_text(to->out, "fault", dmarc->fault);
	if (dmarc->record != NULL)
		put_dmarc_record(to, dmarc->record);
	put_reports(to, dmarc->reports, dmarc->report_count);
	jsonout_end(to->out);
}

/* ---- TLS, BIMI ---- */

static void put_tls(const struct writer *to, const struct audit_tls *tls)
{
	jsonout_object(to->out, "mta_sts");
	put_answer(to, "txt", &tls->sts);
	put_answer(to, "a", &tls->sts_a);
	put_answer(to, "aaaa", &tls->sts_aaaa);
	jsonout_int(to->out, "records", tls->sts_count);
	jsonout_text(to->out, "id", tls->sts_id);
	jsonout_text(to->out, "fault", tls->sts_fault);
	jsonout_end(to->out);
	jsonout_object(to->out, "tlsrpt");
	put_answer(to, "txt", &tls->rpt);
	jsonout_int(to->out, "records", tls->rpt_count);
	jsonout_text(to->out, "rua", tls->rua);
	jsonout_text(to->out, "fault", tls->rpt_fault);
	put_reports(to, tls->reports, tls->report_count);
	jsonout_end(to->out);
	jsonout_object(to->out, "bimi");
	put_answer(to, "txt", &tls->bimi);
	jsonout_int(to->out, "records", tls->bimi_count);
	jsonout_text(to->out, "location", tls->mark.location);
	jsonout_text(to->out, "authority", tls->mark.authority);
	jsonout_text(to->out, "fault", tls->bimi_fault);
	jsonout_end(to->out);
}

/* ---- the zone, services ---- */

static void put_server(const struct writer *to, const struct audit_server *server)
{
	char text[IP_TEXT_MAX];

	jsonout_object(to->out, NULL);
	jsonout_text(to->out, "host", server->host);
	jsonout_text(to->out, "address", ip_text(&server->ip, text));
	put_answer(to, "soa", &server->soa);
	if (server->soa.count == 1)
		jsonout_int(to->out, "serial", server->soa.records[0].serial);
	put_answer(to, "mx", &server->mx);
	put_answer(to, "rrsig", &server->rrsig);
	jsonout_end(to->out);
}

static void put_zone(const struct writer *to, const struct audit_zone *zone)
{
	jsonout_object(to->out, "zone");
	jsonout_text(to->out, "apex", zone->apex);
	put_answer(to, "ns", &zone->ns);
	put_answer(to, "soa", &zone->soa);
	put_answer(to, "ds", &zone->ds);
	jsonout_bool(to->out, "bogus", zone->bogus);
	jsonout_bool(to->out, "unproven", zone->unproven);
	jsonout_text(to->out, "keyless", zone->keyless);
	put_hosts(to, zone->hosts, zone->host_count);
	jsonout_array(to->out, "servers");
	for (unsigned i = 0; i < zone->server_count; i++)
		put_server(to, &zone->servers[i]);
	jsonout_end(to->out);
	jsonout_end(to->out);
}

static void put_services(const struct writer *to, const struct audit_facts *facts)
{
	jsonout_array(to->out, "services");
	for (unsigned i = 0; i < AUDIT_SERVICES; i++) {
		const struct audit_service *service = &facts->services[i];

		jsonout_object(to->out, NULL);
		jsonout_text(to->out, "service", service->label);
		put_answer(to, "srv", &service->srv);
		put_hosts(to, service->targets, service->target_count);
		jsonout_end(to->out);
	}
	jsonout_end(to->out);
	put_answer(to, "autoconfig", &facts->autoconfig);
}

void facts_json(struct jsonout *out, struct arena *arena, const struct audit_facts *facts)
{
	const struct writer to = {out, arena};

	jsonout_text(out, "domain", facts->domain);
	put_zone(&to, &facts->zone);
	put_mail(&to, &facts->mail);
	put_block_lists(&to, facts);
	put_spf(&to, "spf", &facts->spf);
	put_spf(&to, "helo_spf", &facts->helo_spf);
	put_dkim(&to, &facts->dkim);
	put_dmarc(&to, &facts->dmarc);
	put_tls(&to, &facts->tls);
	put_services(&to, facts);
	if (facts->probed)
		facts_probe_json(out, &facts->probe);
}
