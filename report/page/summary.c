/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/summary.h"

#include <assert.h>
#include <inttypes.h>

#include "lib/clock.h"
#include "report/page/domains.h"
#include "report/page/html.h"
#include "report/page/page.h"

enum { DOMAINS_SHOWN = 50, CHANGES_SHOWN = 30, FINDINGS_SHOWN = 50 };

static void put_rest(struct buf *to, unsigned all, unsigned shown)
{
	if (all > shown)
		buf_printf(to, "  and %u more\n", all - shown);
}

static void put_advice(struct buf *to, enum advice_subject subject, const struct advice *advice)
{
	buf_printf(to, "    %s: %s", name_text(advice_subject_names, (int)subject),
		   name_text(advice_verdict_names, (int)advice->verdict));
	if (advice->verdict == ADVICE_NOT_YET)
		buf_printf(to, " (%" PRId64 " of %" PRId64 " wanted messages would be affected)",
			   advice->lost, advice->legitimate);
	buf_char(to, '\n');
}

static void put_domains(struct buf *to, const struct page_facts *facts)
{
	buf_string(to, "Your domains, by received reports:\n");
	for (unsigned i = 0; i < facts->domain_count && i < DOMAINS_SHOWN; i++) {
		const struct page_domain *domain = &facts->domains[i];

		buf_string(to, "  ");
		html_plain(to, domain->name, PAGE_NAME_MAX);
		buf_printf(to,
			   ": %" PRId64 " messages, %" PRId64 " passed, %" PRId64
			   " withheld; TLS: %" PRId64 " of %" PRId64 " sessions failed\n",
			   domain->messages, domain->passed, domain->withheld,
			   domain->failed_sessions, domain->sessions);
		for (enum advice_subject s = 0; s < ADVICE_SUBJECTS && domain->messages > 0; s++)
			put_advice(to, s, &domain->advices[s]);
	}
	if (facts->domain_count == 0)
		buf_string(to, "  no report was received, and the domain has no signing key\n");
	put_rest(to, facts->domain_count, DOMAINS_SHOWN);
}

static void put_changes(struct buf *to, const struct page_facts *facts, struct arena *arena)
{
	unsigned all = 0;
	char day[CLOCK_TEXT_MAX];

	buf_printf(to, "\nWhat changed since %s:\n", clock_day_text(facts->changed_day, day));
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct page_domain *domain = &facts->domains[i];

		for (unsigned n = 0; n < domain->flow_count; n++) {
			const struct flow *flow = domain->flows[n];
			const char *change = page_change(flow, facts->changed_day, arena);

			if (change == NULL || all++ >= CHANGES_SHOWN)
				continue;
			buf_string(to, "  ");
			html_plain(to, domain->name, PAGE_NAME_MAX);
			buf_string(to, ": ");
			html_plain(to, flow->name, PAGE_NAME_MAX);
			buf_printf(to, " (%s): %s\n", source_class_text(flow->class), change);
		}
	}
	if (all == 0)
		buf_string(to, "  no source is new or gone, and none passes less than before\n");
	put_rest(to, all, CHANGES_SHOWN);
}

static void put_received(struct buf *to, const struct page_facts *facts)
{
	buf_string(to, "\nReceived here, of domains with a DMARC record:");
	for (unsigned i = 0; i < PAGE_FATES; i++)
		buf_printf(to, "%s %" PRId64 " %s", i == 0 ? "" : ",", facts->received_sums[i],
			   name_text(page_fate_names, (int)i));
	buf_printf(to,
		   "\n  strict enforcement would have refused %" PRId64 " and quarantined %" PRId64
		   " more\n",
		   facts->would_refuse, facts->would_quarantine);
}

static void put_postures(struct buf *to, const struct page_facts *facts)
{
	unsigned all = 0;

	buf_string(to, "\nWhat the last audit found:\n");
	for (unsigned i = 0; i < facts->posture_count; i++) {
		const struct posture *posture = &facts->postures[i];

		for (unsigned n = 0; n < posture->count; n++) {
			const struct posture_finding *finding = &posture->items[n];

			if (all++ >= FINDINGS_SHOWN)
				continue;
			buf_printf(to, "  %s: %s %s: ", posture->domain, finding->level,
				   finding->rule);
			html_plain(to, finding->text, 4 * PAGE_NAME_MAX);
			if (finding->remedy != NULL) {
				buf_string(to, "\n    publish: ");
				html_plain(to, finding->remedy, UINT32_MAX);
			}
			buf_char(to, '\n');
		}
	}
	if (all == 0)
		buf_string(to, facts->posture_count == 0 ? "  none was kept\n" : "  nothing\n");
	put_rest(to, all, FINDINGS_SHOWN);
}

void summary_text(struct buf *to, const struct page_facts *facts, struct arena *arena)
{
	char first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];

	assert(facts->days > 0 && facts->changed_day >= facts->first_day);
	buf_printf(to,
		   "Mail of %s from %s to %s (UTC). The whole page is attached, for a browser.\n\n",
		   facts->only == NULL ? facts->host : facts->only,
		   clock_day_text(facts->first_day, first),
		   clock_day_text(facts->first_day + (int32_t)facts->days - 1, last));
	put_domains(to, facts);
	put_changes(to, facts, arena);
	put_received(to, facts);
	put_postures(to, facts);
}
