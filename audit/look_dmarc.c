/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMARC record that applies to the domain, found as for a message, and where its reports go.
 */
#include <string.h>

#include "audit/look.h"
#include "audit/reports.h"
#include "mail/domain.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dmarc/treewalk.h"

void look_start_dmarc(const struct look *look)
{
	dmarc_start_author(look->scope, look->settings->dmarc, look->domain);
	look_start(look, look_name(look, "_dmarc"), DNS_TYPE_TXT);
}

static bool is_dmarc(const struct look *look, const struct dns_record *record)
{
	struct dmarc_record parsed;

	return dmarc_record_parse(look->arena, look_text(record), &parsed, NULL) == 0;
}

static unsigned count_records(const struct look *look, const struct audit_answer *answer)
{
	unsigned count = 0;

	for (unsigned i = 0; i < answer->count; i++)
		count += is_dmarc(look, &answer->records[i]);
	return count;
}

/* What the walk saw above the domain; a record at the domain itself wins (RFC 9989 section 4.10).
 */
static void look_above(const struct look *look, const struct treewalk_path *path)
{
	struct audit_dmarc *dmarc = &look->facts->dmarc;

	dmarc->others = arena_array(look->arena, TREEWALK_MAX, sizeof *dmarc->others);
	for (unsigned i = 0; i < path->count; i++) {
		const char *name = path->names[i]->name;

		if (domain_equal(name, look->domain))
			continue;
		dmarc->others[dmarc->other_count++] =
		    look_ask(look, arena_printf(look->arena, "_dmarc.%s", name), DNS_TYPE_TXT);
	}
}

static void find_record(const struct look *look, const struct treewalk_path *path)
{
	struct audit_dmarc *dmarc = &look->facts->dmarc;
	const char *org = treewalk_org(path);

	dmarc->unknown = path->unknown > 0 && org == NULL;
	for (unsigned i = 0; i < path->count; i++) {
		const struct treewalk_name *at = path->names[i];
		bool applies = domain_equal(at->name, look->domain) ||
			       (org != NULL && domain_equal(at->name, org));

		if (!applies)
			continue;
		if (at->status == DNS_TEMPFAIL)
			dmarc->unknown = true;
		else if (dmarc->fault == NULL)
			dmarc->fault = arena_string(look->arena, at->fault);
		if (at->record == NULL || dmarc->record != NULL || dmarc->unknown)
			continue;
		dmarc->found_at = arena_string(look->arena, at->name);
		dmarc->record = at->record;
	}
}

static void look_reports(const struct look *look)
{
	struct audit_dmarc *dmarc = &look->facts->dmarc;
	const struct dmarc_record *record = dmarc->record;

	if (record == NULL || dmarc->found_at == NULL)
		return;
	dmarc->report_count = reports_look(look, record->rua, dmarc->found_at, dmarc->reports);
	dmarc->bad_uri =
	    record->rua != NULL && dmarc->report_count < reports_count(span_of(record->rua));
}

void look_dmarc(const struct look *look)
{
	struct audit_dmarc *dmarc = &look->facts->dmarc;
	struct treewalk walk = {.scope = look->scope,
				.arena = look->arena,
				.psd_domains = look->settings->dmarc->psd_domains,
				.psd_count = look->settings->dmarc->psd_count};
	struct treewalk_path path;
	struct audit_answer apex = look_ask(look, look->domain, DNS_TYPE_TXT);

	dmarc->txt = look_ask(look, look_name(look, "_dmarc"), DNS_TYPE_TXT);
	dmarc->count = count_records(look, &dmarc->txt);
	dmarc->at_apex = count_records(look, &apex) > 0;
	dmarc->labels = domain_labels(look->domain);
	treewalk_run(&walk, look->domain, &path);
	look_above(look, &path);
	find_record(look, &path);
	look_reports(look);
}

const char *look_org(const struct look *look)
{
	struct why why;

	return dmarc_org_domain(look->scope, look->settings->dmarc, look->arena, look->domain,
				&why);
}
