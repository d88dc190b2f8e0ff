/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about the DMARC record that applies (RFC 9989), and its reports (RFC 9990).
 */
#include "audit/judge.h"
#include "mail/domain.h"
#include "policy/dmarc/treewalk.h"

static void judge_missing(struct judge *judge, const struct audit_dmarc *dmarc)
{
	const char *domain = judge->facts->domain;
	const char *name = arena_printf(judge->arena, "_dmarc.%s", domain);

	if (dmarc->unknown) {
		judge_find_as(judge, AUDIT_DMARC_NONE, AUDIT_SKIP, domain, "not known: %s",
			      dmarc->txt.reason != NULL ? dmarc->txt.reason : "a lookup failed");
		return;
	}
	if (dmarc->count > 1)
		judge_find(judge, AUDIT_DMARC_SEVERAL, name, "%u DMARC records", dmarc->count);
	else if (dmarc->fault != NULL)
		judge_find(judge, AUDIT_DMARC_SYNTAX, name, "%s", dmarc->fault);
	else
		judge_find(judge, AUDIT_DMARC_NONE, domain, "no record at %s or above", name);
	if (judge->facts->mail.null)
		judge_remedy(judge, name, "TXT", "\"v=DMARC1; p=reject\"");
	else
		judge_remedy(judge, name, "TXT", "\"v=DMARC1; p=none; rua=mailto:dmarc@%s\"",
			     domain);
}

static void judge_policy(struct judge *judge, const struct dmarc_record *record, const char *name)
{
	if (!record->has_p)
		judge_find(judge, AUDIT_DMARC_NO_P, name, "no p=");
	else if (record->p == DMARC_POLICY_NONE)
		judge_find(judge, AUDIT_DMARC_P_NONE, name, "p=none");
	if (record->has_sp && record->sp < record->p)
		judge_find(judge, AUDIT_DMARC_SP_WEAKER, name, "p=%s, sp=%s",
			   dmarc_policy_text(record->p), dmarc_policy_text(record->sp));
	if (!record->has_np && record->sp != DMARC_POLICY_REJECT)
		judge_find(judge, AUDIT_DMARC_NO_NP, name,
			   "no np=: sp= or p= (%s) counts for names that do not exist",
			   dmarc_policy_text(record->sp));
	if (record->testing)
		judge_find(judge, AUDIT_DMARC_TESTING, name, "t=y");
	if (record->psd == DMARC_PSD_YES)
		judge_find(judge, AUDIT_DMARC_PSD, name, "psd=y");
}

static void judge_notes(struct judge *judge, const struct dmarc_record *record, const char *name)
{
	if ((record->notes & DMARC_NOTE_BAD_VALUE) != 0 && record->faults != NULL)
		judge_find(judge, AUDIT_DMARC_SYNTAX, name, "%s", record->faults);
	if ((record->notes & DMARC_NOTE_HISTORIC) != 0)
		judge_find(judge, AUDIT_DMARC_REMOVED, name, "pct=, rf= or ri=");
	if ((record->notes & DMARC_NOTE_SIZE_SUFFIX) != 0)
		judge_find(judge, AUDIT_DMARC_SIZE, name, "\"!\" and a size in an address");
	if (record->rua == NULL)
		judge_find(judge, AUDIT_DMARC_NO_RUA, name, "no rua=");
	if (record->ruf != NULL)
		judge_find(judge, AUDIT_DMARC_RUF, name, "ruf=%s", record->ruf);
}

static void judge_report(struct judge *judge, const struct audit_dmarc *dmarc,
			 const struct audit_report *report)
{
	if (report->unknown) {
		judge_find_as(judge, AUDIT_DMARC_RUA_UNREACHABLE, AUDIT_SKIP, report->address,
			      "not known: %s", *report->why != '\0' ? report->why : report->host);
		return;
	}
	if (!report->reachable)
		judge_find(judge, AUDIT_DMARC_RUA_UNREACHABLE, report->address, "%s takes no mail",
			   report->host);
	if (report->authorised)
		return;
	judge_find(judge, AUDIT_DMARC_RUA_EXTERNAL, report->address, "%s", report->why);
	judge_remedy(
	    judge,
	    arena_printf(judge->arena, "%s._report._dmarc.%s", dmarc->found_at, report->host),
	    "TXT", "\"v=DMARC1\"");
}

void judge_dmarc(struct judge *judge)
{
	const struct audit_dmarc *dmarc = &judge->facts->dmarc;
	const char *domain = judge->facts->domain, *name;

	if (dmarc->at_apex)
		judge_find(judge, AUDIT_DMARC_APEX, domain, "it belongs at _dmarc.%s", domain);
	if (dmarc->labels > TREEWALK_MAX)
		judge_find(judge, AUDIT_DMARC_DEEP, domain, "%u labels", dmarc->labels);
	if (dmarc->record == NULL) {
		judge_missing(judge, dmarc);
		return;
	}
	name = arena_printf(judge->arena, "_dmarc.%s", dmarc->found_at);
	judge_policy(judge, dmarc->record, name);
	judge_notes(judge, dmarc->record, name);
	if (dmarc->bad_uri)
		judge_find(judge, AUDIT_DMARC_RUA_INVALID, name, "rua=%s", dmarc->record->rua);
	for (unsigned i = 0; i < dmarc->report_count; i++)
		judge_report(judge, dmarc, &dmarc->reports[i]);
}
