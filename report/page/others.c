/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/others.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "report/page/chart.h"
#include "report/page/html.h"

enum { KEY_OLD_DAYS = 365 };

static void begin_section(struct buf *to, const char *id, const char *title)
{
	buf_printf(to, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>\n", id, id, title);
}

/* ---- mail received here ---- */

static void put_preview(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Policy domain", ">Refused", ">Quarantined"};

	buf_printf(to,
		   "<p>With dmarc.enforce = \"strict\", <b>%" PRId64
		   "</b> of the messages that failed would have been refused, and <b>%" PRId64
		   "</b> more quarantined.</p>\n",
		   facts->would_refuse, facts->would_quarantine);
	if (facts->lenient_count == 0)
		return;
	page_table_begin(to, "Messages that strict enforcement would not have let in", headings, 3);
	for (unsigned i = 0; i < facts->lenient_count; i++) {
		buf_string(to, "<tr>");
		page_cell(to, facts->lenient[i].domain);
		page_number_cell(to, facts->lenient[i].refused);
		page_number_cell(to, facts->lenient[i].quarantined);
		buf_string(to, "</tr>\n");
	}
	page_table_end(to);
}

void page_received(struct buf *to, const struct page_facts *facts)
{
	static const char *const looks[PAGE_FATES] = {"good", "doubt", "held", "bad"};
	struct chart chart = {.title = "Messages received here by day",
			      .id = "in",
			      .first_day = facts->first_day,
			      .days = facts->days,
			      .count = PAGE_FATES};
	int64_t all = 0;

	begin_section(to, "received", "What was received here");
	for (unsigned i = 0; i < PAGE_FATES; i++) {
		all += facts->received_sums[i];
		chart.series[i] = (struct chart_series){name_text(page_fate_names, (int)i),
							looks[i], facts->received[i]};
	}
	if (all == 0) {
		buf_string(to, "<p>No message of a domain with a DMARC record was counted.</p>"
			       "</section>\n");
		return;
	}
	buf_printf(to, "<p>%" PRId64 " messages of domains with a DMARC record: ", all);
	for (unsigned i = 0; i < PAGE_FATES; i++) {
		buf_printf(to, "%s%" PRId64 " ", i == 0 ? "" : ", ", facts->received_sums[i]);
		html_text(to, name_text(page_fate_names, (int)i));
	}
	buf_string(to, ".</p>\n");
	chart_bars(to, &chart);
	put_preview(to, facts);
	buf_string(to, "</section>\n");
}

/* ---- TLS ---- */

static void put_sessions(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Domain", ">Sessions", ">Failed"};

	page_table_begin(to, "TLS sessions to your mail servers", headings, 3);
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct page_domain *domain = &facts->domains[i];

		if (domain->sessions == 0)
			continue;
		buf_string(to, "<tr>");
		page_cell(to, domain->name);
		page_number_cell(to, domain->sessions);
		page_number_cell(to, domain->failed_sessions);
		buf_string(to, "</tr>\n");
	}
	page_table_end(to);
}

static void put_tls_failures(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Domain", "Failure", "MX", ">Sessions"};

	page_table_begin(to, "TLS failures", headings, 4);
	for (unsigned i = 0; i < facts->tls_count; i++) {
		buf_string(to, "<tr>");
		page_cell(to, facts->tls[i].domain);
		page_cell(to, facts->tls[i].result_type);
		page_cell(to, facts->tls[i].mx_host);
		page_number_cell(to, facts->tls[i].failed);
		buf_string(to, "</tr>\n");
	}
	page_table_end(to);
}

static void put_tls_out(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Domain", ">Sessions", ">Failed"};
	struct chart chart = {.title = "TLS sessions from here by day",
			      .id = "tls-out",
			      .first_day = facts->first_day,
			      .days = facts->days,
			      .series = {{"successful", "good", facts->tls_out_done},
					 {"failed", "bad", facts->tls_out_fail}},
			      .count = 2};

	buf_string(to, "<h3>From here to other domains</h3>\n");
	if (facts->tls_out_count == 0) {
		buf_string(to, "<p>No session was counted (tls.reports).</p>\n");
		return;
	}
	chart_bars(to, &chart);
	page_table_begin(to, "TLS sessions to other domains", headings, 3);
	for (unsigned i = 0; i < facts->tls_out_count; i++) {
		buf_string(to, "<tr>");
		page_cell(to, facts->tls_out[i].domain);
		page_number_cell(to, facts->tls_out[i].sessions);
		page_number_cell(to, facts->tls_out[i].failed);
		buf_string(to, "</tr>\n");
	}
	page_table_end(to);
	if (facts->tls_out_domains > facts->tls_out_count)
		buf_printf(to, "<p>And %u more domains.</p>\n",
			   facts->tls_out_domains - facts->tls_out_count);
}

void page_tls(struct buf *to, const struct page_facts *facts)
{
	int64_t sessions = 0;

	for (unsigned i = 0; i < facts->domain_count; i++)
		sessions += facts->domains[i].sessions;
	begin_section(to, "tls", "TLS");
	buf_string(to, "<h3>To your domains, by received reports</h3>\n");
	if (sessions == 0)
		buf_string(to, "<p>No TLS report was received.</p>\n");
	else
		put_sessions(to, facts);
	if (facts->tls_count > 0)
		put_tls_failures(to, facts);
	if (facts->only == NULL)
		put_tls_out(to, facts);
	buf_string(to, "</section>\n");
}

/* ---- complaints and keys ---- */

void page_complaints(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Domain", ">Complaints", ">Failure reports",
					       ">Sent"};
	bool any = false;

	begin_section(to, "complaints", "Complaints and failure reports");
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct page_domain *domain = &facts->domains[i];

		if (domain->complaints == 0 && domain->failures == 0)
			continue;
		if (!any)
			page_table_begin(to, "Reports about single messages", headings, 4);
		any = true;
		buf_string(to, "<tr>");
		page_cell(to, domain->name);
		page_number_cell(to, domain->complaints);
		page_number_cell(to, domain->failures);
		page_number_cell(to, domain->sent);
		buf_string(to, "</tr>\n");
	}
	if (any)
		page_table_end(to);
	else
		buf_string(to, "<p>None was received.</p>\n");
	buf_string(to, "</section>\n");
}

static void put_finding(struct buf *to, const char *domain, const struct posture_finding *finding)
{
	buf_string(to, "<tr>");
	page_cell(to, domain);
	buf_string(to, "<td>");
	page_badge(to, strcmp(finding->level, "error") == 0 ? "bad" : "doubt", finding->level);
	buf_string(to, "</td>");
	page_cell(to, finding->rule);
	buf_string(to, "<td>");
	html_short(to, finding->text, 4 * PAGE_NAME_MAX);
	if (finding->remedy != NULL) {
		buf_string(to, "<div>Publish: <code>");
		html_text(to, finding->remedy);
		buf_string(to, "</code></div>");
	}
	buf_string(to, "</td></tr>\n");
}

static void put_findings(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Domain", "Level", "Rule", "Finding"};

	page_table_begin(to, "Findings of the last audit", headings, 4);
	for (unsigned i = 0; i < facts->posture_count; i++)
		for (unsigned n = 0; n < facts->postures[i].count; n++)
			put_finding(to, facts->postures[i].domain, &facts->postures[i].items[n]);
	page_table_end(to);
}

void page_posture(struct buf *to, const struct page_facts *facts)
{
	unsigned findings = 0, hints = 0;
	int64_t oldest = INT64_MAX;
	char text[CLOCK_TEXT_MAX];

	begin_section(to, "posture", "What is published about your domains");
	for (unsigned i = 0; i < facts->posture_count; i++) {
		const struct posture *posture = &facts->postures[i];

		findings += posture->count;
		hints += posture->hints;
		oldest = posture->at < oldest ? posture->at : oldest;
	}
	if (facts->posture_count == 0)
		buf_string(to,
			   "<p>No audit was kept. The timer countersign-audit.timer, which runs "
			   "countersign audit --watch, keeps them.</p></section>\n");
	else
		buf_printf(to,
			   "<p>Audited on %s or later: %u domains, %u findings and %u hints, which "
			   "countersign audit -v shows.</p>\n",
			   clock_utc_text(oldest, text), facts->posture_count, findings, hints);
	if (findings > 0)
		put_findings(to, facts);
	if (facts->posture_count > 0)
		buf_string(to, "</section>\n");
}

static void put_age(struct buf *to, const struct page_facts *facts, const struct page_key *key)
{
	int64_t days = (facts->generated - key->since) / 86400;

	if (key->since == 0) {
		buf_string(to, "<td>-</td>");
		return;
	}
	buf_printf(to, "<td class=\"n\">%" PRId64 "&#160;days", days);
	if (days > KEY_OLD_DAYS) {
		buf_string(to, " ");
		page_badge(to, "doubt", "rotate");
	}
	buf_string(to, "</td>");
}

void page_keys(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Domain", "Selector", "Type", "State", ">For"};

	begin_section(to, "keys", "Signing keys");
	if (facts->key_count == 0) {
		buf_string(to, "<p>There is none that this page could read.</p></section>\n");
		return;
	}
	page_table_begin(to, "Keys and how long they have been in their state", headings, 5);
	for (unsigned i = 0; i < facts->key_count; i++) {
		const struct page_key *key = &facts->keys[i];

		buf_string(to, "<tr>");
		page_cell(to, key->domain);
		page_cell(to, key->selector);
		page_cell(to, key->type);
		page_cell(to, key->state);
		put_age(to, facts, key);
		buf_string(to, "</tr>\n");
	}
	page_table_end(to);
	buf_string(to, "</section>\n");
}

/* ---- reporters, the daemon ---- */

void page_reporters(struct buf *to, const struct page_facts *facts)
{
	static const char *const headings[] = {"Organization", "Mail from", ">Reports",
					       ">Unverified",  ">Messages", "Last"};

	begin_section(to, "reporters", "Who reported");
	if (facts->reporter_count == 0)
		buf_string(to, "<p>Nobody.</p>\n");
	else
		page_table_begin(to, "Reporters", headings, 6);
	for (unsigned i = 0; i < facts->reporter_count; i++) {
		const struct page_reporter *reporter = &facts->reporters[i];

		buf_string(to, "<tr>");
		page_cell(to, reporter->org);
		page_cell(to, reporter->mail_from);
		page_number_cell(to, reporter->reports);
		page_number_cell(to, reporter->unverified);
		page_number_cell(to, reporter->messages);
		page_day_cell(to, reporter->last_day);
		buf_string(to, "</tr>\n");
	}
	if (facts->reporter_count > 0)
		page_table_end(to);
	if (facts->more_reporters)
		buf_string(to, "<p>There are more.</p>\n");
	buf_printf(
	    to,
	    "<p>%" PRId64
	    " mails could not be read as reports; see: countersign inbox why</p></section>\n",
	    facts->unreadable);
}

static void put_times(struct buf *to, const struct page_facts *facts)
{
	if (facts->daemon.answered == 0)
		return;
	buf_printf(to,
		   "<p>%" PRId64 " connections from the MTA are open. %" PRId64
		   " messages were answered after %.1f&#160;ms on average: %" PRId64
		   " within 100&#160;ms, %" PRId64 " after more than a second.</p>\n",
		   facts->daemon.connections, facts->daemon.answered,
		   (double)facts->daemon.average / 1000, facts->daemon.within_100_ms,
		   facts->daemon.over_second);
}

void page_daemon(struct buf *to, const struct page_facts *facts)
{
	char text[CLOCK_TEXT_MAX];

	begin_section(to, "daemon", "The daemon");
	if (!facts->daemon.known)
		buf_string(to, "<p>It is not running, or this user may not ask it.</p>\n");
	else
		buf_printf(to,
			   "<p>Running since %s: %" PRId64 " messages, %" PRId64
			   " not counted in the ledger.</p>\n",
			   clock_utc_text(facts->daemon.up_since, text), facts->daemon.messages,
			   facts->daemon.not_counted);
	put_times(to, facts);
	buf_printf(to, "<p>%" PRId64 " reports to other domains wait to be sent.</p></section>\n",
		   facts->daemon.due);
}
