/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each part of the evidence adds its findings: the flows of aggregate reports, the selectors that
 * reporters saw against what this host signed, TLS reports, complaints against what was sent.
 */
#include "admin/inbox/findings.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/inbox/destinations.h"
#include "admin/inbox/facts.h"
#include "admin/inbox/stored.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/report/send.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "metrics/found.h"
#include "report/sent.h"
#include "report/sources/findings.h"
#include "store/personal.h"

enum { COUNTS_MAX = 4096 };

_Static_assert((int)FINDING_KINDS == FOUND_KINDS && (int)SOURCE_CLASSES == FOUND_CLASSES,
	       "a note has a number for each");

const struct admin_option inbox_findings_options[] = {
    {"since", INBOX_SINCE, "WHEN",
     "by reports about this day, UTC, or later (30d): 2026-11-22, today, 7d"},
    {"note", INBOX_NOTE, NULL, "note the numbers for the metrics of the daemon"},
    {NULL, 0, NULL, NULL}};

/* Something that is counted, under two names. */
struct count {
	const char *domain, *subject;
	int64_t messages;
};

struct counts {
	struct count items[COUNTS_MAX]; /* what is over is left out */
	unsigned count;
};

struct finding_view {
	struct admin *admin;
	struct inbox_choice choice;
	struct sql *sql;
	struct reporters *reporters;
	struct jsonout *json;
	struct counts *counts;
	int32_t first_sent; /* the first day of the outbound tally, or INT32_MAX */
	unsigned found;
	struct found numbers;
};

/* ---- what is found ---- */

static void show_finding(struct finding_view *view, const struct finding *finding)
{
	const bool color = view->json == NULL && admin_color(view->admin, stdout);
	const char *kind = name_text(finding_kind_names, (int)finding->kind);

	view->found++;
	view->numbers.findings[finding->kind]++;
	if (view->json == NULL) {
		printf("%s%s%s: ", out_on(OUT_WARN, color), kind, out_off(OUT_WARN, color));
		out_text(stdout, finding->domain);
		fputs(": ", stdout);
		out_text(stdout, finding->text);
		putchar('\n');
		return;
	}
	jsonout_object(view->json, NULL);
	jsonout_text(view->json, "finding", kind);
	jsonout_text(view->json, "domain", finding->domain);
	jsonout_text(view->json, "subject", finding->subject);
	jsonout_int(view->json, "messages", finding->messages);
	jsonout_text(view->json, "text", finding->text);
	jsonout_end(view->json);
}

static void add_count(struct finding_view *view, const char *domain, const char *subject,
		      int64_t messages)
{
	struct counts *counts = view->counts;
	unsigned i = 0;

	while (i < counts->count && (strcmp(counts->items[i].domain, domain) != 0 ||
				     strcmp(counts->items[i].subject, subject) != 0))
		i++;
	if (i == COUNTS_MAX)
		return;
	if (i == counts->count)
		counts->items[counts->count++] =
		    (struct count){arena_string(view->admin->arena, domain),
				   arena_string(view->admin->arena, subject), 0};
	counts->items[i].messages += messages;
}

/* ---- flows ---- */

static int find_in_flows(struct finding_view *view, const struct source_facts *facts,
			 struct why *why)
{
	struct flow *flows;
	struct finding finding;

	if (gather_flows(view->sql, view->choice.domain, clock_day(view->choice.since), facts,
			 view->reporters, view->admin->arena, &flows, why) != 0)
		return -1;
	for (; flows != NULL; flows = flows->next) {
		view->numbers.rows[flows->class] += flows->rows;
		view->numbers.passed[flows->class] += flows->all.passed;
		view->numbers.failed[flows->class] += flows->all.messages - flows->all.passed;
		if (finding_of_flow(flows, view->admin->arena, &finding))
			show_finding(view, &finding);
	}
	return 0;
}

/* ---- selectors ---- */

static int add_signed(void *arg, const struct sent *sent)
{
	if (sent->domain[0] != '\0')
		add_count(arg, sent->domain, sent->selector, sent->signatures);
	return 0;
}

static int note_first_sent(void *arg, const struct sent *sent)
{
	struct finding_view *view = arg;

	view->first_sent = sent->day < view->first_sent ? sent->day : view->first_sent;
	return 0;
}

/* Before its first whole day the tally says nothing about what was signed. */
static int read_first_day(struct finding_view *view, struct why *why)
{
	int32_t from = clock_day(view->choice.since), today = clock_day(clock_wall());

	view->first_sent = INT32_MAX;
	for (int32_t day = from; day <= today && view->first_sent == INT32_MAX; day++) {
		const struct sent_query query = {NULL, day, day};

		if (sent_sum(view->sql, &query, note_first_sent, view, why) != 0)
			return -1;
	}
	return 0;
}

static void judge_use(struct finding_view *view, const struct selector_use *use)
{
	const struct counts *counts = view->counts;

	for (unsigned i = 0; i < counts->count; i++) {
		const struct count *signatures = &counts->items[i];
		struct finding finding = {
		    .kind = FINDING_REPLAY, .domain = use->domain, .messages = use->passed};

		if (strcmp(signatures->domain, use->domain) != 0 ||
		    strcmp(signatures->subject, use->selector) != 0 ||
		    !finding_is_replay(use->passed, signatures->messages))
			continue;
		finding.subject =
		    arena_printf(view->admin->arena, "%s/%s", use->domain, use->selector);
		finding.text = arena_printf(
		    view->admin->arena,
		    "reporters counted %" PRId64 " passes of %s, but your hosts signed %" PRId64
		    " messages with it: mail is replayed or forwarded to many, or somebody else"
		    " has the key",
		    use->passed, finding.subject, signatures->messages);
		show_finding(view, &finding);
	}
}

/* Where several hosts sign, the shared store has what all of them signed. */
static int find_replays(struct finding_view *view, struct why *why)
{
	struct selector_use *uses = NULL;
	struct sent_query sent = {NULL, 0, INT32_MAX};

	if (read_first_day(view, why) != 0)
		return -1;
	if (view->first_sent == INT32_MAX)
		return 0;
	sent.from_day = view->first_sent;
	view->counts->count = 0;
	if (sent_sum(view->sql, &sent, add_signed, view, why) != 0 ||
	    gather_selectors(view->sql, view->choice.domain, view->first_sent + 1, view->reporters,
			     view->admin->arena, &uses, why) != 0)
		return -1;
	for (; uses != NULL; uses = uses->next)
		judge_use(view, uses);
	return 0;
}

/* ---- TLS ---- */

struct tls_reading {
	struct finding_view *view;
	struct why *why;
	int status;
};

static int add_failure(void *arg, const struct received_tls *tls,
		       const struct received_tls_failure *failure)
{
	const char *mx;

	if (failure == NULL || failure->failed == 0)
		return 0;
	mx = failure->mx_hostname != NULL ? failure->mx_hostname : tls->mx_host;
	add_count(arg, inbox_or_dash(tls->policy_domain), inbox_or_dash(mx), failure->failed);
	return 0;
}

static int add_tls_report(void *arg, const struct received_report *report)
{
	struct tls_reading *reading = arg;

	if (strcmp(report->trust, "pass") != 0 ||
	    reporters_standing(reading->view->reporters, report->domain, report->mail_from) ==
		REPORTER_STRANGER)
		return 0;
	reading->status = received_tls_rows(reading->view->sql, report->key, NULL, add_failure,
					    reading->view, reading->why);
	return reading->status;
}

static int find_tls_failures(struct finding_view *view, struct why *why)
{
	const struct received_query query = {.kind = "tls",
					     .domain = view->choice.domain,
					     .since = view->choice.since,
					     .failing = true};
	struct tls_reading reading = {view, why, 0};

	view->counts->count = 0;
	if (received_list(view->sql, &query, add_tls_report, &reading, why) != 0)
		return -1;
	for (unsigned i = 0; i < view->counts->count; i++) {
		const struct count *failed = &view->counts->items[i];
		struct finding finding = {FINDING_TLS, failed->domain, failed->subject,
					  failed->messages, NULL};

		finding.text = arena_printf(
		    view->admin->arena,
		    "%" PRId64
		    " TLS sessions to %s failed; see: countersign inbox tls %s --failing",
		    failed->messages, failed->subject, failed->domain);
		show_finding(view, &finding);
	}
	return 0;
}

/* ---- complaints ---- */

/* By the signature of the message, which is the stream; without one by its From domain. As with
 * all evidence, only what came in authenticated mail counts. */
static int add_complaint(void *arg, const struct personal_feedback *f)
{
	if (strcmp(f->trust, "pass") != 0 ||
	    (f->feedback_type != NULL && strcmp(f->feedback_type, "not-spam") == 0))
		return 0;
	if (f->dkim_domain != NULL && f->dkim_selector != NULL)
		add_count(arg, f->dkim_domain, f->dkim_selector, f->incidents);
	else if (f->domain != NULL)
		add_count(arg, f->domain, "", f->incidents);
	return 0;
}

struct stream {
	const struct count *complaints;
	int64_t messages;
};

static int add_to_stream(void *arg, const struct sent *sent)
{
	struct stream *stream = arg;
	const struct count *c = stream->complaints;
	bool by_from = c->subject[0] == '\0';

	if (by_from
		? strcmp(sent->header_from, c->domain) == 0
		: strcmp(sent->domain, c->domain) == 0 && strcmp(sent->selector, c->subject) == 0)
		stream->messages += by_from ? sent->messages : sent->signatures;
	return 0;
}

static int judge_stream(struct finding_view *view, const struct count *complaints, struct why *why)
{
	const struct sent_query query = {NULL, clock_day(view->choice.since), INT32_MAX};
	struct stream stream = {complaints, 0};
	struct finding finding = {.domain = complaints->domain,
				  .subject = complaints->domain,
				  .messages = complaints->messages};

	if (sent_sum(view->sql, &query, add_to_stream, &stream, why) != 0)
		return -1;
	if (!finding_of_complaints(complaints->messages, stream.messages, &finding.kind))
		return 0;
	if (complaints->subject[0] != '\0')
		finding.subject = arena_printf(view->admin->arena, "%s/%s", complaints->domain,
					       complaints->subject);
	finding.text = arena_printf(view->admin->arena,
				    "%" PRId64 " complaints about %" PRId64
				    " messages of the stream %s: %.2f %%, receivers"
				    " ask for less than 0.1 %% and block from 0.3 %% on",
				    complaints->messages, stream.messages, finding.subject,
				    100.0 * (double)complaints->messages / (double)stream.messages);
	show_finding(view, &finding);
	return 0;
}

/* Without the file for personal data no complaint came. */
static struct sql *open_complaints(struct finding_view *view, int *status, struct why *why)
{
	struct ledger_settings settings;
	struct sql *sql;

	*status = inbox_settings(view->admin, &settings, why) == ADMIN_DONE ? 0 : -1;
	if (*status != 0)
		return NULL;
	sql = personal_open(settings.path, PERSONAL_READ, why);
	if (sql == NULL) {
		struct stat st;
		const char *path = arena_printf(view->admin->arena, "%s-personal", settings.path);

		*status = stat(path, &st) == 0 ? -1 : 0;
	}
	return sql;
}

static int find_complaints(struct finding_view *view, struct why *why)
{
	int status;
	struct sql *personal = open_complaints(view, &status, why);

	if (personal == NULL)
		return status;
	view->counts->count = 0;
	status = personal_list(personal, "complaint", view->choice.domain, view->choice.since,
			       add_complaint, view, why);
	sql_close(personal);
	for (unsigned i = 0; i < view->counts->count && status == 0; i++)
		status = judge_stream(view, &view->counts->items[i], why);
	return status;
}

/* ---- destinations ---- */

static void show_destination(void *arg, const struct finding *finding)
{
	show_finding(arg, finding);
}

/* ---- all of it ---- */

static int note_numbers(struct finding_view *view)
{
	struct ledger_settings settings;
	struct why why = {""};

	view->numbers.at = clock_wall();
	if (inbox_settings(view->admin, &settings, &why) == ADMIN_DONE &&
	    found_write(settings.path, &view->numbers, &why) == 0)
		return ADMIN_DONE;
	admin_error(view->admin, "%s", why.text);
	return ADMIN_UNAVAILABLE;
}

static int find_all(struct finding_view *view)
{
	struct inbox_facts known;
	struct source_facts facts;
	struct why why = {""};
	int status = inbox_facts_open(&known, view->admin), failed;

	if (status != ADMIN_DONE) {
		inbox_facts_close(&known);
		return status;
	}
	facts = site_facts(known.site, 0);
	view->reporters =
	    reporters_read(view->sql, view->choice.domain, clock_day(view->choice.since),
			   site_reporter_rules(known.site), view->admin->arena, &why);
	failed =
	    view->reporters == NULL || find_in_flows(view, &facts, &why) != 0 ||
	    find_replays(view, &why) != 0 || find_tls_failures(view, &why) != 0 ||
	    find_complaints(view, &why) != 0 ||
	    destinations_check(&known.evaluate, view->sql, view->choice.domain,
			       clock_day(view->choice.since), show_destination, view, &why) != 0;
	inbox_facts_close(&known);
	if (!failed)
		return view->found > 0 ? ADMIN_NO : ADMIN_DONE;
	admin_error(view->admin, "%s", why.text);
	return ADMIN_UNAVAILABLE;
}

int inbox_findings(struct admin *admin, int argc, char **argv)
{
	struct finding_view view = {.admin = admin};
	int status = inbox_choice_read(admin, argc, argv, &view.choice);

	if (status == ADMIN_DONE && view.choice.noted && view.choice.domain != NULL)
		return admin_usage(admin, "--note is about all domains: \"%s\" is one too many",
				   view.choice.domain);
	if (status == ADMIN_DONE)
		view.sql = inbox_ledger(admin, &status);
	if (view.sql == NULL)
		return status;
	view.counts = arena_make(admin->arena, struct counts);
	if (admin->json) {
		view.json = jsonout_new(admin->arena, "inbox.findings");
		jsonout_array(view.json, "findings");
	}
	status = find_all(&view);
	sql_close(view.sql);
	if (view.choice.noted && (status == ADMIN_DONE || status == ADMIN_NO) &&
	    note_numbers(&view) != ADMIN_DONE)
		status = ADMIN_UNAVAILABLE;
	if (status == ADMIN_UNAVAILABLE || status == ADMIN_CONFIG)
		return status;
	if (admin->json)
		admin_print_json(admin, view.json);
	else if (view.found == 0)
		admin_note(admin, "received reports show nothing that needs action");
	return status;
}
