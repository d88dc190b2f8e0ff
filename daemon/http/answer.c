/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All memory of a request is one arena. The ledger is opened for each request, to be read only: no
 * transaction of it lasts longer than a page takes, and one that was moved away is noticed.
 */
#include "daemon/http/answer.h"

#include <string.h>
#include <strings.h>

#include "context/context.h"
#include "context/page.h"
#include "daemon/status.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "report/page/json.h"
#include "report/page/mailview.h"
#include "report/page/path.h"
#include "report/page/reportview.h"
#include "report/page/sourceview.h"

/* The DNS is not asked for longer than that for one page; the next one knows what came. */
static const int64_t dns_patience = 3 * CLOCK_SECOND;
static const int64_t search_patience = 2 * CLOCK_SECOND;

struct answer {
	const struct answering *answering;
	struct path_request request;
	struct page_frame frame;
	struct arena *arena;
	struct buf *body;
	bool more;
};

/* Each: the HTTP status; other than 200 with WHY, and what is in the body is dropped. */

static unsigned collect_facts(struct answer *answer, struct page_facts *facts, struct why *why)
{
	const struct page_inputs inputs = {.conf = answer->answering->conf,
					   .site = answer->answering->site,
					   .deadline = clock_mono() + dns_patience};

	*facts = (struct page_facts){.only = answer->request.domain, .root = answer->request.root};
	page_set_days(facts, answer->request.days);
	answer->frame.first_day = facts->first_day;
	answer->frame.days = facts->days;
	if (page_collect(facts, &inputs, answer->arena, why) != 0)
		return 503;
	status_fill_page(facts);
	return 200;
}

static unsigned answer_page(struct answer *answer, struct why *why)
{
	struct page_facts facts;
	unsigned status = collect_facts(answer, &facts, why);
	struct jsonout *json;

	if (status != 200)
		return status;
	if (facts.only != NULL && facts.domain_count == 0)
		return why_set(why, "nothing is known of this domain"), 404;
	if (answer->request.json) {
		json = jsonout_new(answer->arena, "page");
		page_json(json, &facts, answer->arena);
		jsonout_write(json, answer->body);
	} else {
		page_write(answer->body, &facts, answer->arena);
	}
	return 200;
}

static unsigned answer_source(struct answer *answer, struct why *why)
{
	struct page_facts facts;
	unsigned status = collect_facts(answer, &facts, why);

	if (status != 200)
		return status;
	if (sourceview_write(answer->body, &answer->request, &answer->frame, &facts, answer->arena))
		return 200;
	return why_set(why, "no such source in these days"), 404;
}

typedef int report_view(struct buf *to, const struct path_request *request,
			struct page_frame *frame, struct sql *sql, struct arena *arena, bool *more,
			struct why *why);

static unsigned answer_by(struct answer *answer, report_view *view, struct why *why)
{
	struct sql *sql = context_received(answer->answering->conf, true, why);
	int status;

	if (sql == NULL)
		return 503;
	status = view(answer->body, &answer->request, &answer->frame, sql, answer->arena,
		      &answer->more, why);
	sql_close(sql);
	if (status > 0)
		why_set(why, "no such report, or several: give more digits");
	return status == 0 ? 200 : status > 0 ? 404 : 503;
}

static unsigned answer_reports(struct answer *answer, struct why *why)
{
	return answer_by(answer, reportview_list, why);
}

static unsigned answer_report(struct answer *answer, struct why *why)
{
	return answer_by(answer, reportview_one, why);
}

static unsigned answer_messages(struct answer *answer, struct why *why)
{
	struct ledger_settings settings;

	if (context_store(answer->answering->conf, true, &settings, why) != 0)
		return 503;
	settings.read_only = true;
	return mailview_write(answer->body, &answer->request, &answer->frame, &settings,
			      clock_mono() + search_patience, answer->arena, &answer->more,
			      why) == 0
		   ? 200
		   : 503;
}

static unsigned (*const answers[PATH_KINDS])(struct answer *answer, struct why *why) = {
    [PATH_HOME] = answer_page,     [PATH_DOMAIN] = answer_page,
    [PATH_SOURCE] = answer_source, [PATH_REPORTS] = answer_reports,
    [PATH_REPORT] = answer_report, [PATH_MESSAGES] = answer_messages,
};

/* The first media type of the field decides; a browser names text/html first. */
static bool wants_json(const char *accept)
{
	static const char type[] = "application/json";

	return accept != NULL && strncasecmp(accept, type, sizeof type - 1) == 0;
}

static void write_refusal(struct http_reply *reply, unsigned code, const struct why *why, bool json)
{
	struct arena *arena = arena_new(0);
	struct jsonout *out;

	buf_clear(&reply->body);
	reply->code = code;
	reply->type = json ? "application/json" : "text/plain; charset=utf-8";
	if (json) {
		out = jsonout_new(arena, "error");
		jsonout_text(out, "error", why->text);
		jsonout_write(out, &reply->body);
	} else {
		buf_printf(&reply->body, "%s\n", why->text);
	}
	arena_free(arena);
}

/* The target's query with the number of the next part. Only what may stand in a URL (RFC 3986
 * section 2) gets into a field. */
static void link_next(struct buf *link, const char *target, unsigned page)
{
	static const char allowed[] = "-._~:/?@!$&'()*+,;=%";
	struct span query = {strchr(target, '?'), target + strlen(target)}, one;
	bool more = query.p != NULL;

	for (const char *p = target; *p != '\0'; p++)
		if (!char_is_alnum((unsigned char)*p) && strchr(allowed, *p) == NULL)
			return;
	buf_string(link, "<?");
	if (more)
		query.p++;
	while (span_split(&query, &more, '&', &one)) {
		if (span_empty(one) || span_istarts(one, "page="))
			continue;
		buf_span(link, one);
		buf_char(link, '&');
	}
	buf_printf(link, "page=%u>; rel=\"next\"", page + 1);
}

void answer_request(struct answering *answering, const struct http_request *request,
		    struct http_reply *reply)
{
	struct answer answer = {
	    .answering = answering, .arena = arena_new(0), .body = &reply->body};
	struct why why = {""};
	unsigned status = path_parse(span_of(request->target), answer.arena, &answer.request, &why);

	answer.request.json = answer.request.json || wants_json(request->accept);
	answer.frame = (struct page_frame){
	    .root = answer.request.root, .generated = clock_wall(), .version = VERSION};
	if (status == 200)
		status = answers[answer.request.kind](&answer, &why);
	if (status == 503) {
		log_warning("page: %s", why.text);
		why_set(&why, "the ledger cannot be read now; the log says why");
	}
	if (answer.more && answer.request.page < PATH_PAGE_MAX)
		link_next(&reply->link, request->target, answer.request.page);
	if (status != 200)
		write_refusal(reply, status, &why, answer.request.json);
	else
		reply->type = answer.request.json ? "application/json" : "text/html; charset=utf-8";
	arena_free(answer.arena);
}
