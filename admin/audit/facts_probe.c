/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What servers said, as JSON.
 */
#include "admin/audit/facts.h"

#include "lib/clock.h"

static void put_document(struct jsonout *out, const char *key,
			 const struct probe_document *document)
{
	jsonout_object(out, key);
	jsonout_text(out, "url", document->url);
	jsonout_bool(out, "reached", document->reached);
	jsonout_text(out, "fault", document->fault);
}

static void put_policy(struct jsonout *out, const struct probe_policy *policy)
{
	if (policy->document.url == NULL)
		return;
	put_document(out, "policy", &policy->document);
	jsonout_text(out, "text", policy->text);
	jsonout_end(out);
}

static void put_mark(struct jsonout *out, const char *key, const struct probe_mark *mark)
{
	if (mark->document.url == NULL)
		return;
	put_document(out, key, &mark->document);
	jsonout_array(out, "faults");
	for (unsigned i = 0; mark->findings != NULL && i < mark->findings->count; i++) {
		const struct bimi_finding *finding = &mark->findings->items[i];

		if (bimi_rule_weight(finding->rule) != BIMI_FAULT)
			continue;
		jsonout_object(out, NULL);
		jsonout_text(out, "rule", bimi_rule_name(finding->rule));
		jsonout_text(out, "text", finding->text);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_end(out);
}

/* ---- mail servers ---- */

static const struct name_code ways[] = {{"no way", PROBE_WAY_NONE},
					{"refused", PROBE_WAY_REFUSED},
					{"silent", PROBE_WAY_SILENT},
					{"speaks", PROBE_WAY_SPEAKS},
					{NULL, 0}};
static const struct name_code answers[] = {
    {"unknown", PROBE_UNKNOWN}, {"no", PROBE_NO}, {"yes", PROBE_YES}, {NULL, 0}};

static void put_tls(struct jsonout *out, const struct probe_tls *tls)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(out, "tls");
	jsonout_bool(out, "done", tls->done);
	jsonout_text(out, "fault", tls->fault);
	jsonout_text(out, "version", tls->version);
	jsonout_text(out, "chain_fault", tls->chain_fault);
	jsonout_bool(out, "named", tls->named);
	jsonout_text(out, "ends",
		     tls->not_after == 0 ? NULL : clock_utc_text(tls->not_after, text));
	jsonout_end(out);
}

static void put_server(struct jsonout *out, const char *host, const struct ip *ip,
		       enum probe_way way, const char *reason)
{
	char text[IP_TEXT_MAX];

	jsonout_object(out, NULL);
	jsonout_text(out, "host", host);
	jsonout_text(out, "address", ip_text(ip, text));
	jsonout_text(out, "way", name_text(ways, (int)way));
	jsonout_text(out, "reason", reason);
}

static void put_answer(struct jsonout *out, const char *key, enum probe_answer answer)
{
	jsonout_text(out, key, name_text(answers, (int)answer));
}

static void put_smtp(struct jsonout *out, const struct probe_smtp *smtp)
{
	put_server(out, smtp->host, &smtp->ip, smtp->way, smtp->reason);
	jsonout_text(out, "banner", smtp->banner);
	jsonout_text(out, "name", smtp->name);
	jsonout_bool(out, "starttls", smtp->starttls);
	jsonout_bool(out, "requiretls", smtp->requiretls);
	put_tls(out, &smtp->tls);
	put_answer(out, "x25519mlkem768", smtp->hybrid);
	put_answer(out, "old_tls", smtp->accepts_old);
	put_answer(out, "starttls_injection", smtp->injects);
	put_answer(out, "smuggling", smtp->smuggles);
	jsonout_end(out);
}

static void put_client(struct jsonout *out, const struct probe_client *client)
{
	put_server(out, client->host, &client->ip, client->way, client->reason);
	jsonout_text(out, "service", client->service);
	jsonout_int(out, "port", client->port);
	jsonout_bool(out, "starttls", client->starttls);
	put_tls(out, &client->tls);
	jsonout_end(out);
}

void facts_probe_json(struct jsonout *out, const struct probe_facts *facts)
{
	jsonout_object(out, "probe");
	put_policy(out, &facts->policy);
	put_mark(out, "logo", &facts->logo);
	put_mark(out, "certificate", &facts->certificate);
	if (facts->autoconfig.url != NULL) {
		put_document(out, "autoconfig", &facts->autoconfig);
		jsonout_end(out);
	}
	jsonout_array(out, "smtp");
	for (unsigned i = 0; i < facts->smtp_count; i++)
		put_smtp(out, &facts->smtp[i]);
	jsonout_end(out);
	jsonout_array(out, "clients");
	for (unsigned i = 0; i < facts->client_count; i++)
		put_client(out, &facts->clients[i]);
	jsonout_end(out);
	jsonout_end(out);
}
