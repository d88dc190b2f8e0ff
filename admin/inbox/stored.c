/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/stored.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/report/print.h"
#include "admin/report/send.h"
#include "context/context.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "report/json.h"
#include "report/page/reportjson.h"
#include "store/personal.h"
#include "store/received.h"

enum { SINCE_DAYS = 30, ROWS_SHOWN = 40 };

/* ---- the ledger ---- */

int inbox_settings(struct admin *admin, struct ledger_settings *settings, struct why *why)
{
	const struct conf *conf = admin_conf(admin);

	if (conf == NULL || context_store(conf, true, settings, why) != 0)
		return ADMIN_CONFIG;
	settings->busy_wait = 5 * CLOCK_SECOND;
	return ADMIN_DONE;
}

struct sql *inbox_ledger(struct admin *admin, int *status)
{
	const struct conf *conf = admin_conf(admin);
	struct sql *sql = NULL;
	struct why why = {""};

	*status = conf == NULL ? ADMIN_CONFIG : ADMIN_UNAVAILABLE;
	if (conf != NULL && conf->store.url[0] == '\0')
		*status = ADMIN_CONFIG;
	if (conf != NULL)
		sql = context_received(conf, true, &why);
	if (sql != NULL)
		*status = ADMIN_DONE;
	else if (why.text[0] != '\0')
		admin_error(admin, "%s", why.text);
	return sql;
}

int inbox_open_intake(struct admin *admin, struct intake *intake, struct why *why)
{
	const struct conf *conf = admin_conf(admin);
	struct ledger_settings settings;
	int status = inbox_settings(admin, &settings, why);

	if (status != ADMIN_DONE)
		return status;
	if (intake_open(intake, &settings, why) != 0)
		return ADMIN_TEMPORARY;
	if (strcmp(conf->authserv_id, "auto") != 0) /* only the daemon knows that one */
		intake->authserv_id = conf->authserv_id;
	intake->hash_addresses = conf->inbox.hash_addresses;
	return ADMIN_DONE;
}

static int fail_unavailable(const struct admin *admin, const struct why *why)
{
	admin_error(admin, "%s", why->text);
	return ADMIN_UNAVAILABLE;
}

/* ---- which reports ---- */

const struct admin_option inbox_list_options[] = {
    {"since", INBOX_SINCE, "WHEN",
     "that were received on this day, UTC, or later (30d): 2026-11-22, today, 7d"},
    {"failing", INBOX_FAILING, NULL, "only those in which something did not pass"},
    {NULL, 0, NULL, NULL}};

struct choice {
	struct admin *admin;
	struct received_query query;
	struct sql *sql;
	struct out_table *table;
	struct jsonout *json;
	uint64_t count;
};

int inbox_choice_read(struct admin *admin, int argc, char **argv, struct inbox_choice *choice)
{
	int32_t day = clock_day(clock_wall()) - SINCE_DAYS;
	int c;

	*choice = (struct inbox_choice){.domain = NULL};
	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (c == INBOX_FAILING)
			choice->failing = true;
		else if (c == INBOX_NOTE)
			choice->noted = true;
		else if (!report_since_parse(optarg, &day))
			return admin_usage(
			    admin, "--since: \"%s\" is not a valid day (2026-11-22, 7d)", optarg);
	}
	choice->since = clock_day_begin(day);
	if (argc - optind > 1)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind + 1]);
	if (optind == argc)
		return ADMIN_DONE;
	choice->domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
	return choice->domain != NULL
		   ? ADMIN_DONE
		   : admin_usage(admin, "\"%s\" is not a valid domain", argv[optind]);
}

static int read_choice(struct choice *choice, int argc, char **argv)
{
	struct inbox_choice wanted;
	int status = inbox_choice_read(choice->admin, argc, argv, &wanted);

	if (status != ADMIN_DONE)
		return status;
	choice->query.domain = wanted.domain;
	choice->query.since = wanted.since;
	choice->query.failing = wanted.failing;
	choice->sql = inbox_ledger(choice->admin, &status);
	return status;
}

static int end_choice(struct choice *choice, int result, const struct why *why)
{
	struct admin *admin = choice->admin;

	sql_close(choice->sql);
	if (result != 0)
		return fail_unavailable(admin, why);
	if (admin->json)
		admin_print_json(admin, choice->json);
	else
		out_table_print(choice->table, stdout, admin_color(admin, stdout));
	if (!admin->json && choice->count == 0)
		admin_note(admin, "no such report was received");
	return ADMIN_DONE;
}

/* ---- texts ---- */

static const char *time_or_null(int64_t at, char text[CLOCK_TEXT_MAX])
{
	return at == 0 ? NULL : clock_utc_text(at, text);
}

/* What deserves a look, in a few words. */
static const char *list_peculiarities(struct arena *arena, const struct received_report *r)
{
	const struct {
		bool is_so;
		const char *word;
	} words[] = {{r->repaired != 0, "repaired"},
		     {r->refused > 0, "rows refused"},
		     {r->overlaps > 0, "overlaps another"},
		     {r->ends - r->begins > 86400, "over a day"},
		     {r->messages == 0, "no messages"}};
	struct buf text;

	buf_init(&text, arena, 0);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i].is_so)
			buf_printf(&text, "%s%s", text.len == 0 ? "" : ", ", words[i].word);
	return buf_text(&text);
}

/* ---- inbox list ---- */

static int list_report(void *arg, const struct received_report *r)
{
	struct choice *choice = arg;
	struct arena *arena = choice->admin->arena;
	char text[CLOCK_TEXT_MAX];

	choice->count++;
	if (choice->json != NULL) {
		jsonout_object(choice->json, NULL);
		reportjson_head(choice->json, arena, r);
		jsonout_end(choice->json);
		return 0;
	}
	out_cell(choice->table, OUT_PLAIN, "%s", reportjson_id(arena, r->key));
	out_cell(choice->table, OUT_PLAIN, "%s",
		 r->begins == 0 ? "-" : clock_day_text(clock_day(r->begins), text));
	out_cell(choice->table, OUT_PLAIN, "%s", r->kind);
	out_cell(choice->table, OUT_PLAIN, "%s", r->domain);
	out_cell(choice->table, OUT_PLAIN, "%s", r->org);
	out_cell(choice->table, OUT_PLAIN, "%" PRId64, r->messages);
	if (r->messages == 0) /* neither pass nor fail */
		out_cell(choice->table, OUT_DIM, "-");
	else
		out_cell(choice->table, r->passed == r->messages ? OUT_GOOD : OUT_WARN, "%.1f",
			 report_percent(r->passed, r->messages));
	out_cell(choice->table, OUT_PLAIN, "%s", r->trust);
	out_cell(choice->table, OUT_DIM, "%s", list_peculiarities(arena, r));
	return 0;
}

int inbox_list(struct admin *admin, int argc, char **argv)
{
	static const char *const headings[] = {"ID",        "DAY",    "KIND",  "DOMAIN", "FROM",
					       ">MESSAGES", ">PASS%", "TRUST", "REMARKS"};
	struct choice choice = {.admin = admin};
	int status = read_choice(&choice, argc, argv);
	struct why why = {""};

	if (status != ADMIN_DONE)
		return status;
	if (admin->json) {
		choice.json = jsonout_new(admin->arena, "inbox.list");
		jsonout_array(choice.json, "reports");
	} else {
		choice.table = out_table_new(admin->arena, headings, 9);
	}
	return end_choice(
	    &choice, received_list(choice.sql, &choice.query, list_report, &choice, &why), &why);
}

/* ---- the failures of a TLS report ---- */

const char *inbox_or_dash(const char *text)
{
	return text == NULL || *text == '\0' ? "-" : text;
}

static void add_tls_cells(struct out_table *table, const struct received_tls *tls,
			  const struct received_tls_failure *failure)
{
	int64_t failed = failure == NULL ? tls->failed : failure->failed;

	out_cell(table, OUT_PLAIN, "%s", inbox_or_dash(tls->policy_domain));
	out_cell(table, OUT_PLAIN, "%s", inbox_or_dash(tls->policy_type));
	out_cell(table, OUT_PLAIN, "%s",
		 inbox_or_dash(failure != NULL && failure->mx_hostname != NULL
				   ? failure->mx_hostname
				   : tls->mx_host));
	out_cell(table, OUT_PLAIN, "%" PRId64, tls->successful);
	out_cell(table, failed > 0 ? OUT_BAD : OUT_GOOD, "%" PRId64, failed);
	out_cell(table, OUT_PLAIN, "%s",
		 inbox_or_dash(failure == NULL ? NULL : failure->result_type));
	out_cell(table, OUT_DIM, "%s", inbox_or_dash(failure == NULL ? NULL : failure->sending_ip));
}

/* ---- inbox tls ---- */

/* The reports, since their rows cannot be asked for while they are being read. */
struct tls_report {
	unsigned char key[DRIVER_KEY_LEN];
	const char *org;
	int64_t begins;
	struct tls_report *next;
};

struct tls_view {
	struct choice choice;
	struct tls_report *first, **last;
	const struct tls_report *report;
};

static int keep_report(void *arg, const struct received_report *r)
{
	struct tls_view *view = arg;
	struct tls_report *kept = arena_make(view->choice.admin->arena, struct tls_report);

	memcpy(kept->key, r->key, sizeof kept->key);
	kept->org = arena_string(view->choice.admin->arena, r->org);
	kept->begins = r->begins;
	*view->last = kept;
	view->last = &kept->next;
	return 0;
}

static int show_tls(void *arg, const struct received_tls *tls,
		    const struct received_tls_failure *failure)
{
	struct tls_view *view = arg;
	struct choice *choice = &view->choice;
	char text[CLOCK_TEXT_MAX];

	if (choice->query.failing && failure == NULL && tls->failed == 0)
		return 0;
	choice->count++;
	if (choice->json != NULL) {
		jsonout_object(choice->json, NULL);
		jsonout_text(choice->json, "begin", time_or_null(view->report->begins, text));
		jsonout_text(choice->json, "org_name", view->report->org);
		reportjson_tls(choice->json, tls, failure);
		jsonout_end(choice->json);
		return 0;
	}
	out_cell(choice->table, OUT_PLAIN, "%s",
		 view->report->begins == 0 ? "-"
					   : clock_day_text(clock_day(view->report->begins), text));
	out_cell(choice->table, OUT_PLAIN, "%s", view->report->org);
	add_tls_cells(choice->table, tls, failure);
	return 0;
}

int inbox_tls(struct admin *admin, int argc, char **argv)
{
	static const char *const headings[] = {"DAY",         "FROM",    "DOMAIN", "POLICY", "MX",
					       ">SUCCESSFUL", ">FAILED", "RESULT", "SENDER"};
	struct tls_view view = {.choice = {.admin = admin}};
	int status = read_choice(&view.choice, argc, argv), result;
	struct why why = {""};

	if (status != ADMIN_DONE)
		return status;
	if (admin->json) {
		view.choice.json = jsonout_new(admin->arena, "inbox.tls");
		jsonout_array(view.choice.json, "sessions");
	} else {
		view.choice.table = out_table_new(admin->arena, headings, 9);
	}
	view.last = &view.first;
	view.choice.query.kind = "tls";
	result = received_list(view.choice.sql, &view.choice.query, keep_report, &view, &why);
	for (view.report = view.first; result == 0 && view.report != NULL;
	     view.report = view.report->next)
		result = received_tls_rows(view.choice.sql, view.report->key, NULL, show_tls, &view,
					   &why);
	return end_choice(&view.choice, result, &why);
}

/* ---- inbox show ---- */

struct show {
	struct admin *admin;
	struct out_table *table;
	struct jsonout *json;
	uint64_t rows;
};

/* "example.com/s1=pass other.example=fail" */
static const char *results_text(struct arena *arena, const char *text)
{
	const struct json_list *list = json_list_parse(arena, text);
	struct buf all;

	buf_init(&all, arena, 0);
	for (unsigned i = 0; i < json_list_count(list); i++) {
		const char *domain = json_list_get(list, i, "domain");
		const char *selector = json_list_get(list, i, "selector");
		const char *result = json_list_get(list, i, "result");

		buf_printf(&all, "%s%s%s%s=%s", all.len == 0 ? "" : " ", inbox_or_dash(domain),
			   selector == NULL ? "" : "/", selector == NULL ? "" : selector,
			   inbox_or_dash(result));
	}
	return buf_text(&all);
}

static int show_row(void *arg, const struct received_row *row)
{
	struct show *show = arg;
	bool passes =
	    strcmp(row->dkim_aligned, "pass") == 0 || strcmp(row->spf_aligned, "pass") == 0;

	show->rows++;
	if (show->json != NULL) {
		reportjson_row(show->json, show->admin->arena, row);
		return 0;
	}
	if (show->rows > ROWS_SHOWN && show->admin->verbose == 0)
		return 0;
	out_cell(show->table, OUT_PLAIN, "%s", inbox_or_dash(row->source_ip));
	out_cell(show->table, OUT_PLAIN, "%" PRId64, row->messages);
	out_cell(show->table, passes ? OUT_GOOD : OUT_BAD, "%s", passes ? "pass" : "fail");
	out_cell(show->table, OUT_PLAIN, "%s", row->disposition);
	out_cell(show->table, OUT_PLAIN, "%s", inbox_or_dash(row->header_from));
	out_cell(show->table, OUT_PLAIN, "%s", results_text(show->admin->arena, row->dkim));
	out_cell(show->table, OUT_PLAIN, "%s", results_text(show->admin->arena, row->spf));
	return 0;
}

static int show_tls_row(void *arg, const struct received_tls *tls,
			const struct received_tls_failure *failure)
{
	struct show *show = arg;

	if (show->json == NULL) {
		add_tls_cells(show->table, tls, failure);
		return 0;
	}
	jsonout_object(show->json, NULL);
	reportjson_tls(show->json, tls, failure);
	jsonout_end(show->json);
	return 0;
}

static void print_line(const char *name, const char *value)
{
	printf("%-10s", name);
	out_text(stdout, value);
	putchar('\n');
}

static void print_report(struct show *show, const struct received_report *r)
{
	struct arena *arena = show->admin->arena;
	const struct json_list *remarks = json_list_parse(arena, r->remarks);
	char begin[CLOCK_TEXT_MAX] = "-", end[CLOCK_TEXT_MAX] = "-";

	print_line("report", arena_printf(arena, "%s (%s), id %s", reportjson_id(arena, r->key),
					  r->kind, r->report_id));
	print_line("from", arena_printf(arena, "%s%s%s%s", r->org, r->email == NULL ? "" : " <",
					inbox_or_dash(r->email), r->email == NULL ? "" : ">"));
	print_line("mail",
		   arena_printf(arena, "from %s, DMARC %s", inbox_or_dash(r->mail_from), r->trust));
	if (r->begins != 0)
		clock_utc_text(r->begins, begin);
	if (r->ends != 0)
		clock_utc_text(r->ends, end);
	print_line("time", arena_printf(arena, "%s to %s", begin, end));
	print_line("domain", r->domain);
	if (r->p != NULL)
		print_line("policy", arena_printf(arena, "p=%s sp=%s", r->p, inbox_or_dash(r->sp)));
	print_line("messages",
		   arena_printf(arena, "%" PRId64 ", %" PRId64 " passed", r->messages, r->passed));
	for (unsigned i = 0; i < json_list_count(remarks); i++)
		print_line("remark", inbox_or_dash(json_list_get(remarks, i, "text")));
}

static void begin_show(struct show *show, const struct received_report *r, bool tls)
{
	static const char *const rows[] = {"SOURCE",      ">MESSAGES", "DMARC", "DISPOSITION",
					   "HEADER FROM", "DKIM",      "SPF"};
	static const char *const sessions[] = {"DOMAIN",  "POLICY", "MX",    ">SUCCESSFUL",
					       ">FAILED", "RESULT", "SENDER"};
	struct arena *arena = show->admin->arena;

	if (!show->admin->json) {
		print_report(show, r);
		show->table = out_table_new(arena, tls ? sessions : rows, 7);
		return;
	}
	show->json = jsonout_new(arena, "inbox.show");
	reportjson_head(show->json, arena, r);
	reportjson_remarks(show->json, arena, r);
	jsonout_array(show->json, tls ? "sessions" : "records");
}

static int show_report(struct show *show, struct sql *sql, const struct received_report *r)
{
	bool tls = strcmp(r->kind, "tls") == 0;
	struct why why = {""};
	int result;

	begin_show(show, r, tls);
	result = tls ? received_tls_rows(sql, r->key, NULL, show_tls_row, show, &why)
		     : received_rows(sql, r->key, NULL, show_row, show, &why);
	if (result != 0)
		return fail_unavailable(show->admin, &why);
	if (show->json != NULL) {
		admin_print_json(show->admin, show->json);
		return ADMIN_DONE;
	}
	out_table_print(show->table, stdout, admin_color(show->admin, stdout));
	if (show->rows > ROWS_SHOWN && show->admin->verbose == 0)
		printf("... %" PRIu64 " more rows (-v)\n", show->rows - ROWS_SHOWN);
	return ADMIN_DONE;
}

int inbox_show(struct admin *admin, int argc, char **argv)
{
	struct show show = {.admin = admin};
	struct received_report report;
	struct why why = {""};
	int status = admin_args(admin, argc, argv, 1, 1), found;
	struct sql *sql = status == ADMIN_DONE ? inbox_ledger(admin, &status) : NULL;

	if (sql == NULL)
		return status;
	found = received_find(sql, argv[optind], admin->arena, &report, &why);
	if (found < 0) {
		status = fail_unavailable(admin, &why);
	} else if (found > 0) {
		admin_error(admin,
			    found == 1 ? "no report \"%s\"; see: countersign inbox list"
				       : "several reports begin with \"%s\"; give more of the id",
			    argv[optind]);
		status = ADMIN_NO;
	} else {
		status = show_report(&show, sql, &report);
	}
	sql_close(sql);
	return status;
}

/* ---- inbox expire ---- */

static int expire_reports(struct admin *admin, const struct intake *intake, int64_t *deleted,
			  int64_t *personal, struct why *why)
{
	const struct conf *conf = admin_conf(admin);
	int64_t now = clock_wall();

	*deleted = received_expire(intake->ledger, now - conf->inbox.keep / CLOCK_SECOND, why);
	if (*deleted >= 0)
		*personal = personal_expire(intake->personal,
					    now - conf->inbox.keep_personal / CLOCK_SECOND, why);
	return *deleted < 0 || *personal < 0 ? -1 : 0;
}

int inbox_expire(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 0, 0);
	int64_t deleted = 0, personal = 0;
	struct ledger_settings settings;
	struct intake intake = {.imports = false};
	struct why why = {""};

	if (status != ADMIN_DONE)
		return status;
	status = inbox_settings(admin, &settings, &why);
	if (status != ADMIN_DONE || intake_open(&intake, &settings, &why) != 0) {
		if (why.text[0] != '\0')
			admin_error(admin, "%s", why.text);
		return status == ADMIN_DONE ? ADMIN_UNAVAILABLE : status;
	}
	if (expire_reports(admin, &intake, &deleted, &personal, &why) != 0)
		status = fail_unavailable(admin, &why);
	else
		admin_note(admin, "%" PRId64 " reports deleted, %" PRId64 " about single messages",
			   deleted + personal, personal);
	intake_close(&intake);
	return status;
}
