/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about MTA-STS, TLS-RPT, DANE and BIMI, as far as the DNS shows them.
 */
#include <string.h>

#include "audit/judge.h"

enum { DAY = 86400 };

static const char *name_below(struct judge *judge, const char *prefix)
{
	return arena_printf(judge->arena, "%s.%s", prefix, judge->facts->domain);
}

static void judge_sts(struct judge *judge, const struct audit_tls *tls)
{
	const char *name = name_below(judge, "_mta-sts");

	if (judge_skips(judge, AUDIT_STS_NONE, &tls->sts))
		return;
	if (tls->sts_count == 0) {
		if (judge->facts->mail.null)
			return;
		judge_find(judge, AUDIT_STS_NONE, name, "no MTA-STS record");
		judge_remedy(judge, name, "TXT", "\"v=STSv1; id=1\"");
		return;
	}
	if (tls->sts_count > 1)
		judge_find(judge, AUDIT_STS_SEVERAL, name, "%u MTA-STS records", tls->sts_count);
	if (tls->sts_fault != NULL)
		judge_find(judge, AUDIT_STS_ID, name, "%s", tls->sts_fault);
	if (judge_skips(judge, AUDIT_STS_HOST, &tls->sts_a) ||
	    judge_skips(judge, AUDIT_STS_HOST, &tls->sts_aaaa))
		return;
	if (tls->sts_a.count + tls->sts_aaaa.count == 0)
		judge_find(judge, AUDIT_STS_HOST, tls->sts_a.name, "%s has no address",
			   tls->sts_a.name);
}

static void judge_rpt(struct judge *judge, const struct audit_tls *tls)
{
	const char *name = name_below(judge, "_smtp._tls");

	if (judge_skips(judge, AUDIT_RPT_NONE, &tls->rpt))
		return;
	if (tls->rpt_count == 0 && !judge->facts->mail.null) {
		judge_find(judge, AUDIT_RPT_NONE, name, "no TLS-RPT record");
		judge_remedy(judge, name, "TXT", "\"v=TLSRPTv1; rua=mailto:tls-reports@%s\"",
			     judge->facts->domain);
	}
	if (tls->rpt_count > 1)
		judge_find(judge, AUDIT_RPT_SEVERAL, name, "%u TLS-RPT records", tls->rpt_count);
	if (tls->rpt_fault != NULL)
		judge_find(judge, AUDIT_RPT_SYNTAX, name, "%s", tls->rpt_fault);
	for (unsigned i = 0; i < tls->report_count; i++) {
		const struct audit_report *report = &tls->reports[i];

		if (report->unknown)
			judge_find_as(judge, AUDIT_RPT_UNREACHABLE, AUDIT_SKIP, report->address,
				      "not known: whether %s takes mail", report->host);
		else if (!report->reachable)
			judge_find(judge, AUDIT_RPT_UNREACHABLE, report->address,
				   "%s takes no mail", report->host);
	}
}

/* ---- DANE ---- */

/* RFC 7671 section 4: digests have a length, and the numbers have meanings. */
static const char *tlsa_fault(const struct dns_record *tlsa)
{
	static const size_t lengths[] = {0, 32, 64};

	if (tlsa->numbers[0] > 3)
		return "its usage is not known";
	if (tlsa->numbers[1] > 1)
		return "its selector is not known";
	if (tlsa->numbers[2] > 2)
		return "its matching type is not known";
	if (lengths[tlsa->numbers[2]] != 0 && tlsa->length != lengths[tlsa->numbers[2]])
		return "its digest has not the length of its matching type";
	return NULL;
}

static void judge_tlsa(struct judge *judge, const struct audit_answer *answer)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		const struct dns_record *tlsa = &answer->records[i];
		const char *fault = tlsa_fault(tlsa);
		const char *text = audit_record_text(judge->arena, DNS_TYPE_TLSA, tlsa);

		if (fault != NULL)
			judge_find(judge, AUDIT_DANE_UNUSABLE, answer->name, "%s: %s", text, fault);
		else if (tlsa->numbers[0] < 2)
			judge_find(judge, AUDIT_DANE_USAGE, answer->name, "%s", text);
		else
			usable++;
	}
	if (usable == 1)
		judge_find(judge, AUDIT_DANE_NO_NEXT, answer->name,
			   "one usable record: publish that of the next key two TTLs before it is "
			   "used");
	if (answer->ttl >= DAY)
		judge_find(
		    judge, AUDIT_DANE_TTL, answer->name,
		    "its TTL is a day or longer: a new key has to wait for two of them; make "
		    "it an hour");
	if (judge->settings->validates && !answer->secure)
		judge_find(judge, AUDIT_DANE_INSECURE, answer->name,
			   "the answer is not signed: senders do not use it");
}

static void judge_dane(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;
	const struct audit_zone *zone = &judge->facts->zone;
	unsigned with = 0, unknown = 0;

	for (unsigned i = 0; i < mail->host_count; i++) {
		const struct audit_answer *answer = &mail->hosts[i].tlsa;

		unknown += judge_skips(judge, AUDIT_DANE_NONE, answer);
		with += answer->count > 0;
		if (answer->count > 0)
			judge_tlsa(judge, answer);
	}
	if (with > 0 && with + unknown < mail->host_count)
		judge_find(judge, AUDIT_DANE_MIXED, judge->facts->domain, "%u of %u MX hosts", with,
			   mail->host_count);
	if (zone->ds.name == NULL || judge_skips(judge, AUDIT_DANE_UNSIGNED, &zone->ds))
		return;
	if (zone->ds.count == 0)
		judge_find(judge, AUDIT_DANE_UNSIGNED, zone->apex, "%s has no DS record",
			   zone->apex);
	else if (with == 0 && unknown == 0 && mail->host_count > 0)
		judge_find(judge, AUDIT_DANE_NONE, judge->facts->domain, "no TLSA record");
}

/* ---- BIMI ---- */

static const char *gate_fault(const struct audit_dmarc *dmarc)
{
	if (dmarc->record == NULL)
		return "there is no DMARC record";
	if (dmarc->record->p == DMARC_POLICY_NONE)
		return "p=none";
	if (dmarc->record->sp == DMARC_POLICY_NONE)
		return "sp=none";
	return dmarc->record->testing ? "t=y" : NULL;
}

static void judge_bimi(struct judge *judge, const struct audit_tls *tls)
{
	const char *name = name_below(judge, "default._bimi");
	const char *gate = gate_fault(&judge->facts->dmarc);

	if (judge_skips(judge, AUDIT_BIMI_SYNTAX, &tls->bimi) || tls->bimi_count == 0)
		return;
	if (tls->bimi_count > 1)
		judge_find(judge, AUDIT_BIMI_SEVERAL, name, "%u BIMI records", tls->bimi_count);
	else if (tls->bimi_fault != NULL)
		judge_find(judge, AUDIT_BIMI_SYNTAX, name, "%s", tls->bimi_fault);
	else if (!tls->mark.declined && *tls->mark.authority == '\0')
		judge_find(judge, AUDIT_BIMI_NO_CERTIFICATE, name, "a= is empty");
	if (gate != NULL && !tls->mark.declined && !judge->facts->dmarc.unknown)
		judge_find(judge, AUDIT_BIMI_GATE, name, "%s", gate);
}

void judge_remedy_tlsa(struct judge *judge, const char *name, const struct certificates *chain,
		       const struct dns_record *record)
{
	struct dns_record wanted = *record;
	unsigned which = wanted.numbers[0] == 3 ? 0 : certificate_count(chain) - 1;
	struct span data;

	if (!certificate_tlsa_data(chain, which, wanted.numbers[1], wanted.numbers[2], &data))
		return;
	wanted.text = data.p;
	wanted.length = span_len(data);
	judge_remedy(judge, name, "TLSA", "%s",
		     audit_record_text(judge->arena, DNS_TYPE_TLSA, &wanted));
}

void judge_tls(struct judge *judge)
{
	judge_sts(judge, &judge->facts->tls);
	judge_rpt(judge, &judge->facts->tls);
	judge_dane(judge);
	judge_bimi(judge, &judge->facts->tls);
}
