/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines are compared as `countersign message find` does. A log may have millions of lines and is
 * in no order but that of time, so a search ends after a while and is continued by a link.
 */
#include "report/page/mailview.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "report/page/html.h"
#include "report/page/reportview.h"
#include "store/messages.h"

enum { LINES_MAX = 200000, LINES_PER_CLOCK = 256 };

struct finding_mail {
	const struct path_request *request;
	struct arena *arena, *line_arena;
	struct jsonout *json; /* NULL: HTML */
	struct buf *to;
	int64_t deadline;
	unsigned skip, rows, lines;
	bool more;
	int64_t reached; /* wall seconds of the last line, when the search ended early; or 0 */
};

/* ---- JSON ---- */

static bool is_number(const char *key)
{
	static const char *const numbers[] = {"size", "dns", "ms", "rcpts"};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strcmp(key, numbers[i]) == 0)
			return true;
	return false;
}

void mailview_json(struct jsonout *json, const char *time, const struct logfields *fields)
{
	jsonout_object(json, NULL);
	jsonout_text(json, "time", time);
	for (unsigned i = 0; i < fields->count; i++) {
		uint64_t number;

		if (is_number(fields->items[i].key) &&
		    span_number(span_of(fields->items[i].value), INT64_MAX, &number))
			jsonout_int(json, fields->items[i].key, (int64_t)number);
		else
			jsonout_text(json, fields->items[i].key, fields->items[i].value);
	}
	jsonout_end(json);
}

/* ---- HTML ---- */

static const char *look_of(const char *action)
{
	if (action == NULL)
		return "none";
	if (strcmp(action, "accept") == 0)
		return "good";
	return strcmp(action, "reject") == 0 ? "bad" : "doubt";
}

static void put_row(struct finding_mail *finding, const char *time, const struct logfields *fields)
{
	static const char *const keys[] = {"qid", "ip", "from", "hfrom", "spf", "dkim", "dmarc"};
	enum { KEYS = sizeof keys / sizeof keys[0] };
	const char *action = logfields_get(fields, "action");
	struct buf *to = finding->to;

	buf_string(to, "<tr><th scope=\"row\">");
	html_text(to, time);
	buf_string(to, "</th>");
	for (size_t i = 0; i < KEYS; i++)
		page_cell(to, logfields_get(fields, keys[i]));
	buf_string(to, "<td>");
	page_badge(to, look_of(action), action == NULL ? "-" : action);
	buf_printf(to,
		   "</td></tr>\n<tr><td colspan=\"%d\"><details><summary>All fields</summary>"
		   "<table><tbody>",
		   (int)KEYS + 2);
	for (unsigned i = 0; i < fields->count; i++) {
		buf_string(to, "<tr><th scope=\"row\">");
		html_text(to, fields->items[i].key);
		buf_string(to, "</th><td>");
		html_short(to, fields->items[i].value, 8 * PAGE_NAME_MAX);
		buf_string(to, "</td></tr>");
	}
	buf_string(to, "</tbody></table></details></td></tr>\n");
}

static const char *find_wanted(const struct path_request *request, const char *key)
{
	for (unsigned i = 0; i < request->wanted_count; i++)
		if (strcmp(request->wanted[i].key, key) == 0)
			return request->wanted[i].value;
	return NULL;
}

static void put_form(struct buf *to, const struct path_request *request)
{
	static const char *const labels[PATH_WANTED_MAX] = {
	    "Queue ID", "Sender", "From domain", "Client",     "HELO",
	    "Login",    "Origin", "SPF",         "DKIM",       "ARC",
	    "DMARC",    "Policy", "Action",      "Message-ID", "Recipient"};

	buf_string(to, "<form method=\"get\" action=\"messages\">\n");
	for (unsigned i = 0; path_message_keys[i] != NULL; i++) {
		const char *value = find_wanted(request, path_message_keys[i]);

		buf_printf(to,
			   "<label>%s <input type=\"text\" name=\"%s\" maxlength=\"%d\" value=\"",
			   labels[i], path_message_keys[i], PATH_VALUE_MAX);
		html_text(to, value == NULL ? "" : value);
		buf_string(to, "\"></label>\n");
	}
	buf_string(to, "<button type=\"submit\">Search</button></form>\n");
}

/* ---- the search ---- */

static bool is_wanted(const struct path_request *request, const struct logfields *fields)
{
	for (unsigned i = 0; i < request->wanted_count; i++) {
		const char *value = logfields_get(fields, request->wanted[i].key);

		if (value == NULL || !logfields_match(value, request->wanted[i].value))
			return false;
	}
	return true;
}

static bool is_over(const struct finding_mail *finding)
{
	return finding->lines >= LINES_MAX ||
	       (finding->lines % LINES_PER_CLOCK == 0 && clock_mono() >= finding->deadline);
}

static bool visit_line(void *arg, int64_t at, const char *line)
{
	struct finding_mail *finding = arg;
	struct logfields fields;
	char time[CLOCK_TEXT_MAX];

	arena_reset(finding->line_arena);
	finding->lines++;
	if (logfields_parse(finding->line_arena, span_of(line), &fields) &&
	    is_wanted(finding->request, &fields)) {
		if (finding->rows == VIEW_ROWS) {
			finding->more = true;
			return false;
		}
		if (finding->skip > 0) {
			finding->skip--;
		} else {
			finding->rows++;
			clock_utc_text(at, time);
			if (finding->json != NULL)
				mailview_json(finding->json, time, &fields);
			else
				put_row(finding, time, &fields);
		}
	}
	if (is_over(finding))
		finding->reached = at;
	return finding->reached == 0;
}

/* The search of REQUEST as parameters, each with "&" after it. */
static const char *search_parameters(const struct path_request *request, struct arena *arena)
{
	struct buf text;

	buf_init(&text, arena, 0);
	for (unsigned i = 0; i < request->wanted_count; i++) {
		buf_printf(&text, "%s=", request->wanted[i].key);
		html_path(&text, request->wanted[i].value);
		buf_char(&text, '&');
	}
	return buf_text(&text);
}

static void put_end(struct finding_mail *finding)
{
	const char *query = search_parameters(finding->request, finding->arena);
	const struct path_request *request = finding->request;
	char text[CLOCK_TEXT_MAX];
	struct buf *to = finding->to;

	page_table_end(to);
	if (finding->rows == 0 && finding->reached == 0)
		buf_string(to, "<p>No such message.</p>\n");
	if (finding->reached != 0) {
		buf_printf(to, "<p>Searched back to %s. <a href=\"?",
			   clock_utc_text(finding->reached, text));
		html_text(to, query);
		buf_printf(to, "before=%" PRId64 "\">Search older messages</a></p>\n",
			   finding->reached +
			       (finding->reached + 1 < request->before || request->before == 0));
	} else {
		if (request->before != 0)
			query = arena_printf(finding->arena, "%sbefore=%" PRId64 "&", query,
					     request->before);
		reportview_parts(to, query, request->page, finding->more);
	}
	page_end(to);
}

static void begin_output(struct finding_mail *finding, struct page_frame *frame)
{
	static const char *const headings[] = {"Time", "Queue ID", "Client", "From",  "Author",
					       "SPF",  "DKIM",     "DMARC",  "Action"};

	if (finding->request->json) {
		finding->json = jsonout_new(finding->arena, "message.find");
		jsonout_array(finding->json, "messages");
		return;
	}
	frame->title = "Messages";
	frame->form = true;
	page_begin(finding->to, frame);
	buf_string(finding->to, "<main>\n");
	put_form(finding->to, finding->request);
	page_table_begin(finding->to, "Messages, the newest first, in UTC", headings, 9);
}

int mailview_write(struct buf *to, const struct path_request *request, struct page_frame *frame,
		   const struct ledger_settings *settings, int64_t deadline, struct arena *arena,
		   bool *more, struct why *why)
{
	struct finding_mail finding = {.request = request,
				       .arena = arena,
				       .line_arena = arena_new(0),
				       .to = to,
				       .deadline = deadline,
				       .skip = (request->page - 1) * VIEW_ROWS};
	int64_t until = request->before == 0 ? INT64_MAX : request->before;
	int status;

	begin_output(&finding, frame);
	status = messages_each(settings, 0, until, visit_line, &finding, why);
	arena_free(finding.line_arena);
	*more = finding.more;
	if (status != 0)
		return -1;
	if (request->json)
		jsonout_write(finding.json, to);
	else
		put_end(&finding);
	return 0;
}
