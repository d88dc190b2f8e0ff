/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the domain says of TLS on the way to it (MTA-STS, TLS-RPT), and of its mark (BIMI).
 */
#include <string.h>

#include "audit/look.h"
#include "audit/reports.h"
#include "tls/tlsrpt.h"

void look_start_tls(const struct look *look)
{
	look_start(look, look_name(look, "_mta-sts"), DNS_TYPE_TXT);
	look_start(look, look_name(look, "mta-sts"), DNS_TYPE_A);
	look_start(look, look_name(look, "mta-sts"), DNS_TYPE_AAAA);
	look_start(look, look_name(look, "_smtp._tls"), DNS_TYPE_TXT);
	look_start(look, look_name(look, "default._bimi"), DNS_TYPE_TXT);
}

/* The records of ANSWER that IS takes for its own: their number, and the last one. */
static unsigned select_records(const struct audit_answer *answer, bool (*is)(struct span text),
			       struct span *last)
{
	unsigned count = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		struct span text = look_text(&answer->records[i]);

		if (!is(text))
			continue;
		count++;
		*last = text;
	}
	return count;
}

static void look_sts(const struct look *look, struct audit_tls *tls)
{
	struct span text = span_of("");
	struct why why = {""};

	tls->sts = look_ask(look, look_name(look, "_mta-sts"), DNS_TYPE_TXT);
	tls->sts_a = look_ask(look, look_name(look, "mta-sts"), DNS_TYPE_A);
	tls->sts_aaaa = look_ask(look, look_name(look, "mta-sts"), DNS_TYPE_AAAA);
	tls->sts_count = select_records(&tls->sts, sts_record_is, &text);
	if (tls->sts_count != 1)
		return;
	tls->sts_id = sts_record_parse(look->arena, text, &why);
	tls->sts_fault = tls->sts_id == NULL ? arena_string(look->arena, why.text) : NULL;
}

static void look_rpt(const struct look *look, struct audit_tls *tls)
{
	struct span text = span_of("");
	struct why why = {""};

	tls->rpt = look_ask(look, look_name(look, "_smtp._tls"), DNS_TYPE_TXT);
	tls->rpt_count = select_records(&tls->rpt, tlsrpt_record_is, &text);
	if (tls->rpt_count != 1)
		return;
	tls->rua = tlsrpt_record_parse(look->arena, text, &why);
	tls->rpt_fault = tls->rua == NULL ? arena_string(look->arena, why.text) : NULL;
	tls->report_count = reports_look(look, tls->rua, NULL, tls->reports);
}

static void look_bimi(const struct look *look, struct audit_tls *tls)
{
	struct span text = span_of("");
	struct why why = {""};

	tls->mark = (struct bimi_record){.location = "", .authority = ""};
	tls->bimi = look_ask(look, look_name(look, "default._bimi"), DNS_TYPE_TXT);
	tls->bimi_count = select_records(&tls->bimi, bimi_record_is, &text);
	if (tls->bimi_count == 1 && bimi_record_parse(look->arena, text, &tls->mark, &why) == -1)
		tls->bimi_fault = arena_string(look->arena, why.text);
}

void look_tls(const struct look *look)
{
	look_sts(look, &look->facts->tls);
	look_rpt(look, &look->facts->tls);
	look_bimi(look, &look->facts->tls);
}
