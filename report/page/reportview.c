/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row more than a page shows is asked for: it tells that there is another part.
 */
#include "report/page/reportview.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "report/json.h"
#include "report/page/html.h"
#include "report/page/reportjson.h"

struct viewing {
	struct buf *to;
	struct jsonout *json; /* NULL: HTML */
	const struct path_request *request;
	struct arena *arena;
	unsigned rows;
};

static struct received_part part_of(const struct path_request *request)
{
	return (struct received_part){(int64_t)(request->page - 1) * VIEW_ROWS, VIEW_ROWS + 1};
}

void reportview_parts(struct buf *to, const char *query, unsigned page, bool more)
{
	if (page == 1 && !more)
		return;
	buf_string(to, "<nav aria-label=\"Parts\"><ul>");
	if (page > 1) {
		buf_string(to, "<li><a href=\"?");
		html_text(to, query);
		buf_printf(to, "page=%u\">Back</a></li>", page - 1);
	}
	buf_printf(to, "<li>Part %u</li>", page);
	if (more && page < PATH_PAGE_MAX) {
		buf_string(to, "<li><a href=\"?");
		html_text(to, query);
		buf_printf(to, "page=%u\" rel=\"next\">More</a></li>", page + 1);
	}
	buf_string(to, "</ul></nav>\n");
}

static void put_time_cell(struct buf *to, int64_t at)
{
	char text[CLOCK_TEXT_MAX];

	page_cell(to, at == 0 ? NULL : clock_utc_text(at, text));
}

/* ---- the list ---- */

static int list_report(void *arg, const struct received_report *r)
{
	struct viewing *viewing = arg;
	struct buf *to = viewing->to;
	const char *id = reportjson_id(viewing->arena, r->key);

	if (++viewing->rows > VIEW_ROWS)
		return 0;
	if (viewing->json != NULL) {
		jsonout_object(viewing->json, NULL);
		reportjson_head(viewing->json, viewing->arena, r);
		jsonout_end(viewing->json);
		return 0;
	}
	buf_string(to, "<tr><th scope=\"row\">");
	page_link(to, viewing->request->root, PAGE_PATH("report", id));
	html_text(to, id);
	buf_string(to, "</a></th>");
	put_time_cell(to, r->received);
	page_cell(to, r->kind);
	page_cell(to, r->domain);
	page_cell(to, r->org);
	page_number_cell(to, r->messages);
	page_number_cell(to, r->passed);
	page_cell(to, r->trust);
	buf_string(to, "</tr>\n");
	return 0;
}

/* What a link to another part must have again. */
static const char *list_parameters(const struct path_request *request, struct arena *arena)
{
	return arena_printf(
	    arena, "since=%ud&%s%s%s%s", request->days, request->failing ? "failing=1&" : "",
	    request->domain == NULL ? "" : "domain=",
	    request->domain == NULL ? "" : request->domain, request->domain == NULL ? "" : "&");
}

int reportview_list(struct buf *to, const struct path_request *request, struct page_frame *frame,
		    struct sql *sql, struct arena *arena, bool *more, struct why *why)
{
	static const char *const headings[] = {"Id",   "Received",  "Kind",    "Domain",
					       "From", ">Messages", ">Passed", "Trust"};
	const struct received_query query = {
	    .domain = request->domain,
	    .since = clock_day_begin(clock_day(clock_wall()) - (int32_t)request->days),
	    .failing = request->failing,
	    .part = part_of(request)};
	struct viewing viewing = {.to = to, .request = request, .arena = arena};
	int status;

	if (request->json) {
		viewing.json = jsonout_new(arena, "inbox.list");
		jsonout_array(viewing.json, "reports");
	} else {
		frame->title =
		    request->domain == NULL
			? "Received reports"
			: arena_printf(arena, "Received reports about %s", request->domain);
		page_begin(to, frame);
		buf_string(to, "<main>\n");
		page_table_begin(to, "Received reports, the newest first", headings, 8);
	}
	status = received_list(sql, &query, list_report, &viewing, why);
	*more = viewing.rows > VIEW_ROWS;
	if (status != 0)
		return -1;
	if (request->json) {
		jsonout_write(viewing.json, to);
		return 0;
	}
	page_table_end(to);
	reportview_parts(to, list_parameters(request, arena), request->page, *more);
	page_end(to);
	return 0;
}

/* ---- one report ---- */

/* "example.com/s1=pass other.example=fail" */
static void put_results_cell(struct viewing *viewing, const char *text)
{
	const struct json_list *list = json_list_parse(viewing->arena, text);
	struct buf all;

	buf_init(&all, viewing->arena, 0);
	for (unsigned i = 0; i < json_list_count(list); i++) {
		const char *domain = json_list_get(list, i, "domain");
		const char *selector = json_list_get(list, i, "selector");
		const char *result = json_list_get(list, i, "result");

		buf_printf(&all, "%s%s%s%s=%s", all.len == 0 ? "" : " ",
			   domain == NULL ? "-" : domain, selector == NULL ? "" : "/",
			   selector == NULL ? "" : selector, result == NULL ? "-" : result);
	}
	page_cell(viewing->to, all.len == 0 ? NULL : buf_text(&all));
}

static int show_row(void *arg, const struct received_row *row)
{
	struct viewing *viewing = arg;
	bool passes =
	    strcmp(row->dkim_aligned, "pass") == 0 || strcmp(row->spf_aligned, "pass") == 0;

	if (++viewing->rows > VIEW_ROWS)
		return 0;
	if (viewing->json != NULL) {
		reportjson_row(viewing->json, viewing->arena, row);
		return 0;
	}
	buf_string(viewing->to, "<tr>");
	page_cell(viewing->to, row->source_ip);
	page_number_cell(viewing->to, row->messages);
	buf_string(viewing->to, "<td>");
	page_badge(viewing->to, passes ? "good" : "bad", passes ? "pass" : "fail");
	buf_string(viewing->to, "</td>");
	page_cell(viewing->to, row->disposition);
	page_cell(viewing->to, row->header_from);
	page_cell(viewing->to, row->envelope_from);
	put_results_cell(viewing, row->dkim);
	put_results_cell(viewing, row->spf);
	buf_string(viewing->to, "</tr>\n");
	return 0;
}

static int show_tls(void *arg, const struct received_tls *tls,
		    const struct received_tls_failure *failure)
{
	struct viewing *viewing = arg;

	if (++viewing->rows > VIEW_ROWS)
		return 0;
	if (viewing->json != NULL) {
		jsonout_object(viewing->json, NULL);
		reportjson_tls(viewing->json, tls, failure);
		jsonout_end(viewing->json);
		return 0;
	}
	buf_string(viewing->to, "<tr>");
	page_cell(viewing->to, tls->policy_domain);
	page_cell(viewing->to, tls->policy_type);
	page_cell(viewing->to, failure != NULL && failure->mx_hostname != NULL
				   ? failure->mx_hostname
				   : tls->mx_host);
	page_number_cell(viewing->to, tls->successful);
	page_number_cell(viewing->to, failure == NULL ? tls->failed : failure->failed);
	page_cell(viewing->to, failure == NULL ? NULL : failure->result_type);
	page_cell(viewing->to, failure == NULL ? NULL : failure->sending_ip);
	page_cell(viewing->to, failure == NULL ? NULL : failure->information);
	buf_string(viewing->to, "</tr>\n");
	return 0;
}

static void put_fact(struct buf *to, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(to, "<li><b>%s:</b> ", name);
	html_short(to, value, 4 * PAGE_NAME_MAX);
	buf_string(to, "</li>\n");
}

static void put_head(struct viewing *viewing, const struct received_report *r)
{
	const struct json_list *remarks = json_list_parse(viewing->arena, r->remarks);
	struct buf *to = viewing->to;
	char begin[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];

	buf_string(to, "<ul>\n");
	put_fact(to, "From", r->org);
	put_fact(to, "Address in the report", r->email);
	put_fact(to, "Sent by", r->mail_from);
	put_fact(to, "DMARC of that mail", r->trust);
	put_fact(to, "Identifier", r->report_id);
	put_fact(to, "Kind", r->kind);
	if (r->begins != 0 && r->ends != 0)
		put_fact(to, "Time",
			 arena_printf(viewing->arena, "%s to %s", clock_utc_text(r->begins, begin),
				      clock_utc_text(r->ends, end)));
	put_fact(to, "Policy", r->p);
	put_fact(to, "Policy for subdomains", r->sp);
	put_fact(to, "Messages or sessions",
		 arena_printf(viewing->arena, "%" PRId64 ", %" PRId64 " passed", r->messages,
			      r->passed));
	for (unsigned i = 0; i < json_list_count(remarks); i++)
		put_fact(to, "Remark", json_list_get(remarks, i, "text"));
	buf_string(to, "</ul>\n");
}

static void begin_one(struct viewing *viewing, const struct received_report *r,
		      struct page_frame *frame, bool tls)
{
	static const char *const rows[] = {"Source",      ">Messages",     "DMARC", "Disposition",
					   "Header From", "Envelope From", "DKIM",  "SPF"};
	static const char *const sessions[] = {"Domain",  "Policy", "MX",     ">Successful",
					       ">Failed", "Result", "Sender", "Information"};

	if (viewing->request->json) {
		viewing->json = jsonout_new(viewing->arena, "inbox.show");
		reportjson_head(viewing->json, viewing->arena, r);
		reportjson_remarks(viewing->json, viewing->arena, r);
		jsonout_array(viewing->json, tls ? "sessions" : "records");
		return;
	}
	frame->title = arena_printf(viewing->arena, "Report about %s", r->domain);
	page_begin(viewing->to, frame);
	buf_string(viewing->to, "<main>\n");
	put_head(viewing, r);
	page_table_begin(viewing->to, tls ? "Sessions" : "Rows, those with most messages first",
			 tls ? sessions : rows, 8);
}

int reportview_one(struct buf *to, const struct path_request *request, struct page_frame *frame,
		   struct sql *sql, struct arena *arena, bool *more, struct why *why)
{
	struct viewing viewing = {.to = to, .request = request, .arena = arena};
	const struct received_part part = part_of(request);
	struct received_report report;
	int found = received_find(sql, request->name, arena, &report, why);
	bool tls;

	*more = false;
	if (found != 0)
		return found < 0 ? -1 : 1;
	tls = strcmp(report.kind, "tls") == 0;
	begin_one(&viewing, &report, frame, tls);
	if ((tls ? received_tls_rows(sql, report.key, &part, show_tls, &viewing, why)
		 : received_rows(sql, report.key, &part, show_row, &viewing, why)) != 0)
		return -1;
	*more = viewing.rows > VIEW_ROWS;
	if (request->json) {
		jsonout_write(viewing.json, to);
		return 0;
	}
	page_table_end(to);
	reportview_parts(to, "", request->page, *more);
	page_end(to);
	return 0;
}
