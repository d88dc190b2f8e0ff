/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/personal.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/inbox/message.h"
#include "admin/inbox/print.h"
#include "admin/inbox/stored.h"
#include "lib/jsonout.h"
#include "report/page/reportjson.h"
#include "admin/out.h"
#include "admin/report/send.h"
#include "lib/clock.h"
#include "report/inbox/source.h"
#include "report/inbox/wire.h"
#include "store/personal.h"

enum { SHOWN_LINES = 20 };

const struct admin_option inbox_personal_options[] = {
    {"since", INBOX_SINCE, "WHEN",
     "that were received on this day, UTC, or later (30d): 2026-11-22, today, 7d"},
    {NULL, 0, NULL, NULL}};

const struct admin_option inbox_why_options[] = {
    {"since", INBOX_SINCE, "WHEN",
     "without an argument: those of this day, UTC, or later (all): 2026-11-22, today, 7d"},
    {NULL, 0, NULL, NULL}};

struct view {
	struct admin *admin;
	struct out_table *table;
	struct jsonout *json;
	bool failures;
	struct inbox_messages *messages; /* of complaints */
	int64_t since;                   /* of mail that could not be read; wall seconds */
	uint64_t count;
};

/* The file for personal data; NULL after the error was printed. *STATUS is the exit code. */
static struct sql *open_personal(struct admin *admin, int *status)
{
	struct ledger_settings settings;
	struct why why = {""};
	struct sql *sql = NULL;

	*status = inbox_settings(admin, &settings, &why);
	if (*status == ADMIN_DONE)
		sql = personal_open(settings.path, PERSONAL_READ, &why);
	if (sql == NULL && why.text[0] != '\0')
		admin_error(admin, "%s", why.text);
	if (sql == NULL && *status == ADMIN_DONE)
		*status = ADMIN_UNAVAILABLE;
	return sql;
}

static void add_feedback_json(struct view *view, const struct personal_feedback *f)
{
	const struct {
		const char *name, *text;
	} texts[] = {
	    {"id", reportjson_id(view->admin->arena, f->key)},
	    {"kind", f->kind},
	    {"trust", f->trust},
	    {"mail_from_domain", f->mail_from},
	    {"feedback_type", f->feedback_type},
	    {"reporter", f->reporter},
	    {"domain", f->domain},
	    {"source_ip", f->source_ip},
	    {"auth_failure", f->auth_failure},
	    {"identity_alignment", f->alignment},
	    {"delivery_result", f->delivery},
	    {"dkim_domain", f->dkim_domain},
	    {"dkim_selector", f->dkim_selector},
	    {"original_mail_from", f->sender},
	    {"original_rcpt_to", f->recipient},
	    {"message_id", f->message_id},
	    {"cfbl_feedback_id", f->feedback_id},
	};
	char time[CLOCK_TEXT_MAX];

	jsonout_object(view->json, NULL);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		jsonout_text(view->json, texts[i].name, texts[i].text);
	jsonout_text(view->json, "received", clock_utc_text(f->received, time));
	jsonout_text(view->json, "arrived",
		     f->arrived == 0 ? NULL : clock_utc_text(f->arrived, time));
	jsonout_int(view->json, "incidents", f->incidents);
	if (view->messages != NULL) {
		struct inbox_message message;

		inbox_messages_find(view->messages, f, &message);
		jsonout_bool(view->json, "confirmed", message.confirmed);
		jsonout_text(view->json, "queue_id", message.queue_id);
	}
	jsonout_end(view->json);
}

/* Of a complaint: the message in our log, and whether its id proves that it is ours. */
static void add_message_cell(struct view *view, const struct personal_feedback *f)
{
	struct inbox_message message;

	inbox_messages_find(view->messages, f, &message);
	out_cell(view->table, message.confirmed ? OUT_PLAIN : OUT_DIM, "%s%s",
		 inbox_or_dash(message.queue_id), message.confirmed ? " (confirmed)" : "");
}

static int show_feedback(void *arg, const struct personal_feedback *f)
{
	struct view *view = arg;
	char time[CLOCK_TEXT_MAX];

	view->count++;
	if (view->json != NULL) {
		add_feedback_json(view, f);
		return 0;
	}
	clock_utc_text(f->arrived == 0 ? f->received : f->arrived, time);
	out_cell(view->table, OUT_PLAIN, "%s", time);
	out_cell(view->table, OUT_PLAIN, "%s", inbox_or_dash(f->domain));
	out_cell(view->table, OUT_PLAIN, "%s", inbox_or_dash(f->source_ip));
	if (view->failures) {
		out_cell(view->table, OUT_BAD, "%s", inbox_or_dash(f->auth_failure));
		out_cell(view->table, OUT_PLAIN, "%s", inbox_or_dash(f->alignment));
	} else {
		out_cell(view->table,
			 f->feedback_type != NULL && strcmp(f->feedback_type, "not-spam") == 0
			     ? OUT_GOOD
			     : OUT_BAD,
			 "%s", inbox_or_dash(f->feedback_type));
		out_cell(view->table, OUT_PLAIN, "%s", inbox_or_dash(f->recipient));
	}
	out_cell(view->table, OUT_PLAIN, "%s%s%s", inbox_or_dash(f->dkim_domain),
		 f->dkim_selector == NULL ? "" : "/",
		 f->dkim_selector == NULL ? "" : f->dkim_selector);
	out_cell(view->table, OUT_PLAIN, "%s", inbox_or_dash(f->mail_from));
	out_cell(view->table, OUT_PLAIN, "%s", f->trust);
	if (view->messages != NULL)
		add_message_cell(view, f);
	return 0;
}

static void begin_view(struct view *view)
{
	static const char *const failures[] = {"ARRIVED",     "DOMAIN",    "SOURCE", "FAILURE",
					       "NOT ALIGNED", "SIGNATURE", "FROM",   "TRUST"};
	static const char *const complaints[] = {"ARRIVED", "DOMAIN",    "SOURCE",
						 "TYPE",    "RECIPIENT", "SIGNATURE",
						 "FROM",    "TRUST",     "MESSAGE"};
	struct arena *arena = view->admin->arena;

	if (view->admin->json) {
		view->json =
		    jsonout_new(arena, view->failures ? "inbox.failures" : "inbox.complaints");
		jsonout_array(view->json, "reports");
	} else {
		view->table = view->failures ? out_table_new(arena, failures, 8)
					     : out_table_new(arena, complaints, 9);
	}
}

static int end_view(struct view *view, int result, const struct why *why, const char *none)
{
	struct admin *admin = view->admin;

	if (result < 0) {
		admin_error(admin, "%s", why->text);
		return ADMIN_UNAVAILABLE;
	}
	if (admin->json)
		admin_print_json(admin, view->json);
	else
		out_table_print(view->table, stdout, admin_color(admin, stdout));
	if (!admin->json && view->count == 0)
		admin_note(admin, "%s", none);
	return ADMIN_DONE;
}

static int list_feedback(struct admin *admin, int argc, char **argv, bool failures)
{
	struct view view = {.admin = admin, .failures = failures};
	struct inbox_choice choice;
	int status = inbox_choice_read(admin, argc, argv, &choice);
	struct why why = {""};
	struct sql *sql;

	if (status != ADMIN_DONE)
		return status;
	sql = open_personal(admin, &status);
	if (sql == NULL)
		return status;
	if (!failures)
		view.messages = inbox_messages_open(admin);
	begin_view(&view);
	status = personal_list(sql, failures ? "failure" : "complaint", choice.domain, choice.since,
			       show_feedback, &view, &why);
	sql_close(sql);
	return end_view(&view, status, &why, "no such report was received");
}

int inbox_failures(struct admin *admin, int argc, char **argv)
{
	return list_feedback(admin, argc, argv, true);
}

int inbox_complaints(struct admin *admin, int argc, char **argv)
{
	return list_feedback(admin, argc, argv, false);
}

/* ---- inbox why ---- */

static int list_unreadable(void *arg, const struct personal_unreadable *u)
{
	struct view *view = arg;
	const char *id = reportjson_id(view->admin->arena, u->key);
	char time[CLOCK_TEXT_MAX];

	if (u->received < view->since)
		return 0;
	view->count++;
	clock_utc_text(u->received, time);
	if (view->json != NULL) {
		jsonout_object(view->json, NULL);
		jsonout_text(view->json, "id", id);
		jsonout_text(view->json, "received", time);
		jsonout_text(view->json, "name", u->name);
		jsonout_text(view->json, "mail_from_domain", u->mail_from);
		jsonout_text(view->json, "trust", u->trust);
		jsonout_int(view->json, "size", u->size);
		jsonout_text(view->json, "reason", u->reason);
		jsonout_end(view->json);
		return 0;
	}
	out_cell(view->table, OUT_PLAIN, "%s", id);
	out_cell(view->table, OUT_PLAIN, "%s", time);
	out_cell(view->table, OUT_PLAIN, "%s", inbox_or_dash(u->mail_from));
	out_cell(view->table, OUT_PLAIN, "%" PRId64, u->size);
	out_cell(view->table, OUT_BAD, "%s", u->reason);
	return 0;
}

/* The first lines of a mail, as far as a terminal should see them. */
static void print_beginning(struct arena *arena, struct span data)
{
	for (unsigned i = 0; i < SHOWN_LINES && !span_empty(data); i++) {
		const char *end = memchr(data.p, '\n', span_len(data));
		struct span line = {data.p, end == NULL ? data.end : end};
		const char *clean = wire_text(arena, line);

		fputs("  ", stdout);
		out_text(stdout, clean == NULL ? "" : clean);
		putchar('\n');
		data.p = end == NULL ? data.end : end + 1;
	}
}

static int print_unreadable(void *arg, const struct personal_unreadable *u)
{
	struct view *view = arg;
	char time[CLOCK_TEXT_MAX];

	if (view->json != NULL)
		return list_unreadable(arg, u);
	view->count++;
	printf("%s, received %s", reportjson_id(view->admin->arena, u->key),
	       clock_utc_text(u->received, time));
	printf(", %" PRId64 " bytes, from %s, DMARC %s\nreason: ", u->size,
	       inbox_or_dash(u->mail_from), u->trust);
	out_text(stdout, u->reason);
	puts("\nit begins:");
	print_beginning(view->admin->arena, u->data);
	return 0;
}

static int show_kept(struct admin *admin, const char *id, int64_t since)
{
	static const char *const headings[] = {"ID", "RECEIVED", "FROM", ">BYTES", "REASON"};
	struct view view = {.admin = admin, .since = since};
	struct why why = {""};
	int status;
	struct sql *sql = open_personal(admin, &status);

	if (sql == NULL)
		return status;
	view.table = out_table_new(admin->arena, headings, 5);
	if (admin->json) {
		view.json = jsonout_new(admin->arena, "inbox.why");
		jsonout_array(view.json, "unreadable");
	}
	status = personal_list_unreadable(sql, id, id == NULL ? list_unreadable : print_unreadable,
					  &view, &why);
	sql_close(sql);
	if (status == 0 && id != NULL && view.count == 0) {
		admin_error(admin, "\"%s\" is neither a file nor the id of a mail that is kept",
			    id);
		return ADMIN_NO_INPUT;
	}
	return end_view(&view, status, &why, "no mail that could not be read is kept");
}

/* A file is read as inbox read does, and only what went wrong is told. */
struct reasons {
	struct view view;
	uint64_t reports;
	struct why why;
};

static int visit_note(void *arg, enum inbox_part part, const void *record)
{
	struct reasons *reasons = arg;
	const char *text = ((const struct inbox_item *)record)->text;

	if (part != INBOX_PART_NOTE)
		return 0;
	if (reasons->view.json != NULL) {
		jsonout_text(reasons->view.json, NULL, text);
		return 0;
	}
	fputs("  remark: ", stdout);
	out_text(stdout, text);
	putchar('\n');
	return 0;
}

static int explain_report(struct reasons *reasons, const struct reader_result *result, unsigned i,
			  const struct source_item *item)
{
	const struct inbox_end *end = &reader_report(result, i)->end;
	const char *kind = inbox_kind_text((enum inbox_kind)end->kind);
	struct jsonout *json = reasons->view.json;
	int status;

	reasons->reports++;
	if (end->kind == INBOX_NOTHING)
		reasons->view.count++;
	if (json != NULL) {
		jsonout_object(json, NULL);
		jsonout_text(json, "name", item->path);
		jsonout_int(json, "message", (int64_t)item->number);
		jsonout_text(json, "kind", kind);
		jsonout_text(json, "reason", end->reason);
		jsonout_array(json, "remarks");
	} else {
		out_text(stdout, item->path);
		if (item->number > 0)
			printf(" message %" PRIu64, item->number);
		printf(": %s%s", kind, end->reason == NULL ? "" : ": ");
		out_text(stdout, end->reason == NULL ? "" : end->reason);
		putchar('\n');
	}
	status = reader_each(result, i, visit_note, reasons, &reasons->why);
	if (json != NULL) {
		jsonout_end(json);
		jsonout_end(json);
	}
	return status;
}

static int explain_item(void *arg, const struct source_item *item)
{
	struct reasons *reasons = arg;
	const char *slash = strrchr(item->path, '/');
	struct reader_result *result =
	    reader_read(item->fd, item->from, item->to, slash == NULL ? item->path : slash + 1,
			clock_wall(), &reasons->why);
	int status = result == NULL ? -1 : 0;

	for (unsigned i = 0; status == 0 && i < reader_count(result); i++)
		status = explain_report(reasons, result, i, item);
	reader_free(result);
	return status;
}

static int explain_file(struct admin *admin, const char *path)
{
	struct reasons reasons = {.view = {.admin = admin}};
	int failed;

	if (admin->json) {
		reasons.view.json = jsonout_new(admin->arena, "inbox.why");
		jsonout_array(reasons.view.json, "reports");
	}
	failed = source_each(path, explain_item, NULL, &reasons, &reasons.why);
	if (failed != 0) {
		admin_error(admin, "%s", reasons.why.text);
		return ADMIN_NO_INPUT;
	}
	if (admin->json)
		admin_print_json(admin, reasons.view.json);
	return reasons.view.count > 0 ? ADMIN_NO : ADMIN_DONE;
}

int inbox_why(struct admin *admin, int argc, char **argv)
{
	int32_t day = INT32_MIN;
	struct stat st;
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (!report_since_parse(optarg, &day))
			return admin_usage(
			    admin, "--since: \"%s\" is not a valid day (2026-11-22, 7d)", optarg);
	}
	if (argc - optind > 1)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind + 1]);
	if (optind < argc && day != INT32_MIN)
		return admin_usage(admin, "--since is for the list, without an argument");
	if (optind < argc && (strcmp(argv[optind], "-") == 0 || stat(argv[optind], &st) == 0))
		return explain_file(admin, argv[optind]);
	return show_kept(admin, optind < argc ? argv[optind] : NULL,
			 day == INT32_MIN ? INT64_MIN : clock_day_begin(day));
}
