/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A source may be several flows: with another class when it signs, and once for each domain below.
 */
#include "report/page/sourceview.h"

#include <string.h>

#include "report/page/chart.h"
#include "report/page/html.h"
#include "report/page/json.h"
#include "report/sources/findings.h"

static bool is_wanted(const struct flow *flow, const struct path_request *request)
{
	return strcmp(flow->name, request->name) == 0 && strcmp(flow->domain, request->domain) == 0;
}

/* Calls VISIT with each flow of the source; how many there are. */
typedef void flow_visit(void *arg, const struct flow *flow);
static unsigned each_flow(const struct page_facts *facts, const struct path_request *request,
			  flow_visit *visit, void *arg)
{
	unsigned count = 0;

	for (unsigned i = 0; i < facts->domain_count; i++) {
		for (unsigned n = 0; n < facts->domains[i].flow_count; n++) {
			const struct flow *flow = facts->domains[i].flows[n];

			if (!is_wanted(flow, request))
				continue;
			count++;
			if (visit != NULL)
				visit(arg, flow);
		}
	}
	return count;
}

struct sourceview {
	struct buf *to;
	struct jsonout *json;
	const struct path_request *request;
	const struct page_facts *facts;
	struct arena *arena;
	int64_t *passed, *failed; /* by day */
};

/* ---- JSON ---- */

static void put_flow_json(void *arg, const struct flow *flow)
{
	struct sourceview *view = arg;

	page_json_flow(view->json, flow, view->arena);
}

static void put_addresses_json(void *arg, const struct flow *flow)
{
	struct sourceview *view = arg;

	for (unsigned i = 0; i < flow->address_count; i++)
		jsonout_text(view->json, NULL, flow->addresses[i]);
}

/* ---- HTML ---- */

static void add_days(void *arg, const struct flow *flow)
{
	struct sourceview *view = arg;

	for (const struct flow_day *day = flow->days; day != NULL; day = day->next) {
		int64_t at = day->day - view->facts->first_day;

		if (at < 0 || at >= view->facts->days)
			continue;
		view->passed[at] += day->passed;
		view->failed[at] += day->messages - day->passed;
	}
}

static void put_chart(struct sourceview *view)
{
	struct chart chart = {.title = "Messages by day",
			      .id = "source",
			      .first_day = view->facts->first_day,
			      .days = view->facts->days,
			      .count = 2};

	view->passed = arena_array(view->arena, view->facts->days, sizeof(int64_t));
	view->failed = arena_array(view->arena, view->facts->days, sizeof(int64_t));
	each_flow(view->facts, view->request, add_days, view);
	chart.series[0] = (struct chart_series){"passed", "good", view->passed};
	chart.series[1] = (struct chart_series){"failed", "bad", view->failed};
	chart_bars(view->to, &chart);
}

static void put_flow(void *arg, const struct flow *flow)
{
	struct sourceview *view = arg;
	struct buf *to = view->to;
	struct finding finding;

	buf_string(to, "<tr><th scope=\"row\">");
	html_text(to, source_class_text(flow->class));
	buf_string(to, "</th>");
	page_cell(to, flow->decision == FLOW_UNDECIDED
			  ? NULL
			  : name_text(flow_decision_names, (int)flow->decision));
	page_cell(to, flow->note);
	page_number_cell(to, flow->all.messages);
	page_number_cell(to, flow->all.passed);
	page_number_cell(to, flow->sure.messages);
	page_number_cell(to, flow->quarantined);
	page_number_cell(to, flow->rejected);
	page_day_cell(to, flow->first_day);
	page_day_cell(to, flow->last_day);
	buf_string(to, "</tr>\n");
	if (finding_of_flow(flow, view->arena, &finding)) {
		buf_string(to, "<tr class=\"finding\"><td colspan=\"10\">Finding: ");
		html_short(to, finding.text, 4 * PAGE_NAME_MAX);
		buf_string(to, "</td></tr>\n");
	}
}

static void put_addresses(void *arg, const struct flow *flow)
{
	struct sourceview *view = arg;

	for (unsigned i = 0; i < flow->address_count; i++) {
		buf_string(view->to, "<li>");
		html_text(view->to, flow->addresses[i]);
		buf_printf(view->to, ": <a href=\"%smessages?ip=", view->request->root);
		html_path(view->to, flow->addresses[i]);
		buf_string(view->to, "\">its messages to this host</a></li>\n");
	}
	if (flow->more_addresses)
		buf_string(view->to, "<li>and more</li>\n");
}

static void write_html(struct sourceview *view, struct page_frame *frame)
{
	static const char *const headings[] = {
	    "Class",          "Decision",     "Note",      ">Messages", ">Passed",
	    ">Authenticated", ">Quarantined", ">Rejected", "First",     "Last"};
	struct buf *to = view->to;

	frame->charts = true;
	frame->title =
	    arena_printf(view->arena, "%s as %s", view->request->name, view->request->domain);
	page_begin(to, frame);
	buf_string(to, "<main>\n");
	put_chart(view);
	page_table_begin(to, "What it sent, by received reports", headings, 10);
	each_flow(view->facts, view->request, put_flow, view);
	page_table_end(to);
	buf_string(to, "<h2>Addresses</h2>\n<ul>\n");
	each_flow(view->facts, view->request, put_addresses, view);
	buf_string(to, "</ul>\n<p>");
	page_link(to, view->request->root, PAGE_PATH("domain", view->request->domain));
	buf_string(to, "All sources of this domain</a></p>\n");
	page_end(to);
}

bool sourceview_write(struct buf *to, const struct path_request *request, struct page_frame *frame,
		      const struct page_facts *facts, struct arena *arena)
{
	struct sourceview view = {.to = to, .request = request, .facts = facts, .arena = arena};

	if (each_flow(facts, request, NULL, NULL) == 0)
		return false;
	if (!request->json) {
		write_html(&view, frame);
		return true;
	}
	view.json = jsonout_new(arena, "page.source");
	jsonout_text(view.json, "domain", request->domain);
	jsonout_array(view.json, "sources");
	each_flow(facts, request, put_flow_json, &view);
	jsonout_end(view.json);
	jsonout_array(view.json, "addresses");
	each_flow(facts, request, put_addresses_json, &view);
	jsonout_end(view.json);
	jsonout_write(view.json, to);
	return true;
}
