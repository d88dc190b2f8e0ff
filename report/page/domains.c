/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/domains.h"

#include <inttypes.h>

#include "report/page/chart.h"
#include "report/page/html.h"
#include "report/sources/findings.h"

enum {
	FLOWS_SHOWN = 25,
	FLOWS_SHOWN_OF_MANY = 8, /* on a page of many domains */
	MANY_DOMAINS = 20,
	CHANGES_SHOWN = 30,
	FALLEN_BY = 20 /* per cent */
};

static double share_of(int64_t part, int64_t all)
{
	return all == 0 ? 0.0 : 100.0 * (double)part / (double)all;
}

/* ---- verdicts ---- */

static const char *verdict_look(enum advice_verdict verdict)
{
	static const char *const looks[] = {
	    [ADVICE_READY] = "good", [ADVICE_NOT_YET] = "doubt", [ADVICE_NO_DATA] = "none"};

	return looks[verdict];
}

static void put_advice(struct buf *to, enum advice_subject subject, const struct advice *advice)
{
	buf_string(to, "<li>");
	html_text(to, name_text(advice_subject_names, (int)subject));
	buf_string(to, " ");
	page_badge(to, verdict_look(advice->verdict),
		   name_text(advice_verdict_names, (int)advice->verdict));
	if (advice->verdict == ADVICE_NOT_YET)
		buf_printf(to, " %" PRId64 " of %" PRId64 " wanted messages would be affected",
			   advice->lost, advice->legitimate);
	buf_string(to, "</li>");
}

/* NAME as a link to the page at PATH, where there is one. */
static void put_name(struct buf *to, const char *root, const char *name, const char *const *path)
{
	if (root != NULL)
		page_link(to, root, path);
	html_short(to, name, PAGE_NAME_MAX);
	if (root != NULL)
		buf_string(to, "</a>");
}

static void put_verdict(struct buf *to, const char *root, const struct page_domain *domain)
{
	buf_string(to, "<li><b>");
	put_name(to, root, domain->name, PAGE_PATH("domain", domain->name));
	buf_string(to, "</b> ");
	if (domain->messages == 0)
		buf_string(to, "No aggregate report was received.");
	else
		buf_printf(
		    to,
		    "%" PRId64 " messages reported, %" PRId64 " passed (%.1f&#160;%%), %" PRId64
		    " withheld; %" PRId64 " authenticated reports of %" PRId64
		    " reporters about %" PRId64 " days.",
		    domain->messages, domain->passed, share_of(domain->passed, domain->messages),
		    domain->withheld, domain->coverage.reports, domain->coverage.reporters,
		    domain->coverage.days);
	if (domain->sent > 0)
		buf_printf(to, " %" PRId64 " were sent from here.", domain->sent);
	buf_string(to, "<ul class=\"advice\">");
	for (enum advice_subject s = 0; s < ADVICE_SUBJECTS; s++)
		put_advice(to, s, &domain->advices[s]);
	buf_string(to, "</ul></li>\n");
}

void page_verdicts(struct buf *to, const struct page_facts *facts)
{
	buf_string(to,
		   "<section aria-labelledby=\"verdicts\"><h2 id=\"verdicts\">Your domains: is a "
		   "stricter policy safe?</h2>\n");
	if (facts->domain_count == 0) {
		buf_string(
		    to, "<p>No report was received, and there is no signing key.</p></section>\n");
		return;
	}
	buf_string(to, "<ul class=\"domains\">\n");
	for (unsigned i = 0; i < facts->domain_count; i++)
		put_verdict(to, facts->root, &facts->domains[i]);
	buf_string(to, "</ul></section>\n");
}

/* ---- changes ---- */

/* Messages of FLOW in the days before CHANGED_DAY, or since. */
static struct flow_counts count_days(const struct flow *flow, int32_t changed_day, bool before)
{
	struct flow_counts counts = {0, 0, 0};

	for (const struct flow_day *day = flow->days; day != NULL; day = day->next) {
		if ((day->day < changed_day) != before)
			continue;
		counts.messages += day->messages;
		counts.passed += day->passed;
	}
	return counts;
}

const char *page_change(const struct flow *flow, int32_t changed_day, struct arena *arena)
{
	struct flow_counts before = count_days(flow, changed_day, true);
	struct flow_counts since = count_days(flow, changed_day, false);
	double fallen;

	if (before.messages == 0)
		return arena_printf(arena, "new: %" PRId64 " messages, %" PRId64 " passed",
				    since.messages, since.passed);
	if (since.messages == 0)
		return flow_is_legitimate(flow)
			   ? arena_printf(arena, "gone: %" PRId64 " messages before",
					  before.messages)
			   : NULL;
	fallen = share_of(before.passed, before.messages) - share_of(since.passed, since.messages);
	if (fallen < FALLEN_BY)
		return NULL;
	return arena_printf(arena, "passes less: %.1f %%, before %.1f %%",
			    share_of(since.passed, since.messages),
			    share_of(before.passed, before.messages));
}

void page_changes(struct buf *to, const struct page_facts *facts, struct arena *arena)
{
	static const char *const headings[] = {"Domain", "Source", "Class", "Change"};
	unsigned shown = 0, all = 0;

	buf_string(to,
		   "<section aria-labelledby=\"changes\"><h2 id=\"changes\">What changed since ");
	buf_string(to, facts->since_last_page ? "the last page, " : "");
	html_day(to, facts->changed_day);
	buf_string(to, "</h2>\n");
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct page_domain *domain = &facts->domains[i];

		for (unsigned n = 0; n < domain->flow_count; n++) {
			const struct flow *flow = domain->flows[n];
			const char *change = page_change(flow, facts->changed_day, arena);

			if (change == NULL || all++ >= CHANGES_SHOWN)
				continue;
			if (shown++ == 0)
				page_table_begin(to, "Sources that changed", headings, 4);
			buf_string(to, "<tr>");
			page_cell(to, domain->name);
			page_cell(to, flow->name);
			page_cell(to, source_class_text(flow->class));
			page_cell(to, change);
			buf_string(to, "</tr>\n");
		}
	}
	if (shown > 0)
		page_table_end(to);
	if (all == 0)
		buf_string(to,
			   "<p>No source is new or gone, and none passes less than before.</p>");
	else if (all > shown)
		buf_printf(to, "<p>And %u more.</p>", all - shown);
	buf_string(to, "</section>\n");
}

/* ---- sources ---- */

static void put_class(struct buf *to, const struct flow *flow)
{
	static const char *const looks[PAGE_GROUPS] = {"good", "doubt", "bad"};

	buf_string(to, "<td>");
	page_badge(to, looks[page_group_of(flow)], source_class_text(flow->class));
	if (flow->decision != FLOW_UNDECIDED) {
		buf_string(to, " decided: ");
		html_text(to, name_text(flow_decision_names, (int)flow->decision));
	}
	if (flow->note != NULL) {
		buf_string(to, " (");
		html_short(to, flow->note, PAGE_NAME_MAX);
		buf_string(to, ")");
	}
	buf_string(to, "</td>");
}

static void put_flow(struct buf *to, const char *root, const struct flow *flow, struct arena *arena)
{
	struct finding finding;

	buf_string(to, "<tr><th scope=\"row\">");
	put_name(to, root, flow->name, PAGE_PATH("domain", flow->domain, "source", flow->name));
	buf_string(to, "</th>");
	put_class(to, flow);
	page_number_cell(to, flow->all.messages);
	page_number_cell(to, flow->all.passed);
	page_number_cell(to, flow->quarantined + flow->rejected);
	page_day_cell(to, flow->last_day);
	buf_string(to, "<td>");
	html_text(to, flow->address_count == 0 ? NULL : flow->addresses[0]);
	if (flow->address_count > 1)
		buf_printf(to, " and %s%u more", flow->more_addresses ? "at least " : "",
			   flow->address_count - 1);
	buf_string(to, "</td></tr>\n");
	if (finding_of_flow(flow, arena, &finding)) {
		buf_string(to, "<tr class=\"finding\"><td colspan=\"7\">Finding: ");
		html_short(to, finding.text, 4 * PAGE_NAME_MAX);
		buf_string(to, "</td></tr>\n");
	}
}

static void put_domain(struct buf *to, const struct page_facts *facts, unsigned i,
		       struct arena *arena)
{
	static const char *const headings[] = {"Source",    ">Messages", ">Passed",
					       ">Withheld", "Last",      "Addresses"};
	static const char *const looks[PAGE_GROUPS] = {"good", "doubt", "bad"};
	const struct page_domain *domain = &facts->domains[i];
	struct chart chart = {
	    .title = arena_printf(arena, "Messages in the name of %s by day", domain->name),
	    .id = arena_printf(arena, "d%u", i),
	    .first_day = facts->first_day,
	    .days = facts->days,
	    .count = PAGE_GROUPS};
	const char *const all_headings[] = {headings[0], "Class",     headings[1], headings[2],
					    headings[3], headings[4], headings[5]};
	unsigned most = facts->domain_count > MANY_DOMAINS ? FLOWS_SHOWN_OF_MANY : FLOWS_SHOWN;
	int64_t rest = 0;

	buf_string(to, "<h3>");
	put_name(to, facts->root, domain->name, PAGE_PATH("domain", domain->name));
	buf_string(to, "</h3>\n");
	for (unsigned g = 0; g < PAGE_GROUPS; g++)
		chart.series[g] = (struct chart_series){name_text(page_group_names, (int)g),
							looks[g], domain->groups[g]};
	chart_bars(to, &chart);
	page_table_begin(to, arena_printf(arena, "Sources of mail in the name of %s", domain->name),
			 all_headings, 7);
	for (unsigned n = 0; n < domain->flow_count; n++)
		if (n < most)
			put_flow(to, facts->root, domain->flows[n], arena);
		else
			rest += domain->flows[n]->all.messages;
	page_table_end(to);
	if (domain->flow_count > most)
		buf_printf(to, "<p>%u further sources with %" PRId64 " messages.</p>\n",
			   domain->flow_count - most, rest);
}

void page_sources(struct buf *to, const struct page_facts *facts, struct arena *arena)
{
	bool any = false;

	buf_string(to, "<section aria-labelledby=\"sources\"><h2 id=\"sources\">Where mail in your "
		       "names came from</h2>\n");
	for (unsigned i = 0; i < facts->domain_count; i++) {
		if (facts->domains[i].flow_count == 0)
			continue;
		any = true;
		put_domain(to, facts, i, arena);
	}
	if (!any)
		buf_string(to, "<p>No aggregate report was received.</p>\n");
	buf_string(to, "</section>\n");
}
