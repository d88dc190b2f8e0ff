/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign report`: the aggregate reports that the ledger holds, listed, shown, written as XML,
 * and sent (admin/report/send.c).
 *
 * A report is one policy domain, day and policy configuration. Domains seldom change their policy;
 * where one did, its configurations are numbered from 1 in the order in which they were first seen.
 * The daemon goes on writing meanwhile: everything is read in pages, and nothing is locked.
 */
#include "admin/admin.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/report/print.h"
#include "admin/report/send.h"
#include "context/context.h"
#include "lib/clock.h"
#include "lib/system/newfile.h"
#include "mail/domain.h"
#include "policy/dmarc/destination.h"
#include "report/aggregate.h"
#include "store/ledger.h"

enum { ROWS_SHOWN = 40, DAYS_MAX = 3650 };

/* ---- days: "today", "yesterday", "2026-11-22"; "7d" for --since ---- */

bool report_since_parse(const char *text, int32_t *day)
{
	struct span s = span_of(text);
	uint64_t days;

	if (span_len(s) > 1 && s.end[-1] == 'd') {
		s.end--;
		if (!span_number(s, DAYS_MAX, &days))
			return false;
		*day = clock_day(clock_wall()) - (int32_t)days;
		return true;
	}
	return report_day_parse(text, day);
}

static const char *day_text(struct arena *arena, int32_t day)
{
	char text[CLOCK_TEXT_MAX];

	return arena_string(arena, clock_day_text(day, text));
}

/* ---- the ledger of the settings ---- */

/* *STATUS is set where NULL is returned. */
struct ledger *report_ledger(struct admin *admin, bool local, int *status)
{
	const struct conf *conf = admin_conf(admin);
	struct ledger_settings settings;
	struct ledger *ledger;
	struct why why = {""};

	*status = ADMIN_CONFIG;
	if (conf == NULL)
		return NULL;
	if (context_store(conf, local, &settings, &why) != 0) {
		admin_error(admin, "%s", why.text);
		return NULL;
	}
	*status = ADMIN_UNAVAILABLE;
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL)
		admin_error(admin, "%s", why.text);
	return ledger;
}

/* ---- the day that is meant where none is named ---- */

enum { LOOK_BACK_DAYS = 366 };

static int note_day(void *arg, const struct ledger_day *day)
{
	int32_t *newest = arg;

	*newest = day->day;
	return 0;
}

/* Yesterday, whose reports are complete; where nothing was counted then (for DOMAIN; NULL: at all),
 * today, or else the newest day on which something was. */
static int find_day(struct ledger *ledger, const char *domain, int32_t *day, struct why *why)
{
	int32_t yesterday = clock_day(clock_wall()) - 1;
	const int32_t ranges[][2] = {{yesterday, yesterday},
				     {yesterday + 1, yesterday + 1},
				     {yesterday - LOOK_BACK_DAYS, yesterday - 1}};
	int32_t newest = INT32_MIN;

	*day = yesterday;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && newest == INT32_MIN; i++) {
		if (ledger_days(ledger,
				&(struct ledger_days_query){.domain = domain,
							    .from_day = ranges[i][0],
							    .to_day = ranges[i][1]},
				note_day, &newest, why) != 0)
			return -1;
	}
	if (newest != INT32_MIN)
		*day = newest;
	return 0;
}

static void tell_day(const struct admin *admin, int32_t day)
{
	int32_t today = clock_day(clock_wall());

	if (day == today)
		admin_note(admin,
			   "nothing was counted before today: this is what today has so far");
	else if (day < today - 1)
		admin_note(admin, "the newest day on which anything was counted: %s",
			   day_text(admin->arena, day));
}

/* ---- report list ---- */

enum { OPTION_LOCAL = 256, OPTION_DAY, OPTION_SINCE, OPTION_XML, OPTION_POLICY, OPTION_ROWS };

static const struct admin_option list_options[] = {
    {"day", OPTION_DAY, "DAY",
     "of this day, UTC: 2026-11-22, today or yesterday (default: the newest with data)"},
    {"since", OPTION_SINCE, "WHEN", "of this day and all later ones; 7d: of the last seven days"},
    {"local", OPTION_LOCAL, NULL, "what this host counted, not the shared store"},
    {NULL, 0, NULL, NULL}};

struct list {
	struct admin *admin;
	struct outbox *outbox;
	struct arena *arena; /* of the line */
	struct why why;
	struct out_table *table;
	struct jsonout *json;
	char domain[256]; /* of the line before, and its day and number */
	int32_t day;
	unsigned number;
	unsigned reports;
};

/* The number of a configuration among those of its domain and day. */
static unsigned next_number(struct list *list, const struct ledger_day *day)
{
	if (day->day != list->day || strcmp(day->policy.domain, list->domain) != 0)
		list->number = 0;
	list->day = day->day;
	snprintf(list->domain, sizeof list->domain, "%s", day->policy.domain);
	list->reports++;
	return ++list->number;
}

/* What became of a report: the state that needs most attention among its deliveries. */
static const struct outbox_delivery *worst_delivery(const struct outbox_delivery *deliveries,
						    int count)
{
	static const unsigned char rank[] = {
	    [OUTBOX_SENT] = 0,    [OUTBOX_SUPPRESSED] = 1, [OUTBOX_BUILT] = 2,
	    [OUTBOX_SENDING] = 3, [OUTBOX_DEFERRED] = 4,   [OUTBOX_FAILED] = 5,
	};
	const struct outbox_delivery *worst = NULL;

	for (int i = 0; i < count; i++)
		if (worst == NULL || rank[deliveries[i].state] > rank[worst->state])
			worst = &deliveries[i];
	return worst;
}

/* What in the record cannot be used, or NULL. */
static const char *find_unusable(struct arena *arena, const struct ledger_day *day)
{
	return day->policy.rua == NULL ? NULL
				       : destination_unusable(arena, span_of(day->policy.rua));
}

/* A day of which no report was built: what of it. */
static const char *day_words(struct arena *arena, const struct ledger_day *day)
{
	static const struct sender_settings all = {.domains = SENDER_ALL};
	const char *unusable;

	if (day->policy.rua == NULL)
		return "";
	if (sender_wish(&all, day) != SENDER_NO_ADDRESS)
		return "collected";
	unusable = find_unusable(arena, day);
	return arena_printf(arena, "no address that can be used: %s",
			    unusable == NULL ? day->policy.rua : unusable);
}

static const char *delivery_words(struct arena *arena, const struct outbox_delivery *delivery)
{
	const char *reply;
	char next[CLOCK_TEXT_MAX];

	reply = delivery->reply == NULL ? "" : delivery->reply;
	if (delivery->state == OUTBOX_DEFERRED)
		return arena_printf(arena, "deferred to %s (try %u): %s",
				    clock_utc_text(delivery->next, next), delivery->tries, reply);
	return arena_printf(arena, "%s%s%s", outbox_state_text(delivery->state),
			    reply[0] == '\0' ? "" : ": ", reply);
}

/* All COUNT deliveries of a report, of which WORST is one. */
static const char *state_words(struct arena *arena, const struct ledger_day *day,
			       const struct outbox_delivery *deliveries, int count,
			       const struct outbox_delivery *worst)
{
	const char *unusable = find_unusable(arena, day), *words;
	int sent = 0;

	if (worst == NULL)
		return day_words(arena, day);
	for (int i = 0; i < count; i++)
		sent += deliveries[i].state == OUTBOX_SENT;
	words = delivery_words(arena, worst);
	if (count > 1 && sent < count)
		words =
		    arena_printf(arena, "%d of %d sent; %s %s", sent, count, worst->address, words);
	return unusable == NULL ? words
				: arena_printf(arena, "%s; cannot be used: %s", words, unusable);
}

static void list_text(struct list *list, const struct ledger_day *day, unsigned number,
		      const struct outbox_delivery *deliveries, int count)
{
	static const enum out_style styles[] = {
	    [OUTBOX_SENT] = OUT_GOOD,     [OUTBOX_SUPPRESSED] = OUT_DIM, [OUTBOX_BUILT] = OUT_PLAIN,
	    [OUTBOX_SENDING] = OUT_PLAIN, [OUTBOX_DEFERRED] = OUT_WARN,  [OUTBOX_FAILED] = OUT_BAD,
	};
	const struct outbox_delivery *delivery = worst_delivery(deliveries, count);
	const char *state = state_words(list->arena, day, deliveries, count, delivery);
	const char *rua = day->policy.rua == NULL ? "(none wanted)" : day->policy.rua;
	double passed = report_percent(day->passed, day->messages);
	char text[CLOCK_TEXT_MAX];

	out_cell(list->table, OUT_PLAIN, "%s", clock_day_text(day->day, text));
	out_cell(list->table, OUT_PLAIN, "%s", day->policy.domain);
	out_cell(list->table, OUT_PLAIN, number == 1 ? "%s" : "%s (%u)", day->policy.p, number);
	out_cell(list->table, OUT_PLAIN, "%" PRId64, day->messages);
	out_cell(list->table, day->passed == day->messages ? OUT_GOOD : OUT_PLAIN, "%.1f", passed);
	out_cell(list->table, OUT_PLAIN, "%" PRId64, day->rows);
	out_cell(list->table, day->policy.rua == NULL ? OUT_DIM : OUT_PLAIN,
		 strlen(rua) > 48 ? "%.45s..." : "%.48s", rua);
	out_cell(list->table, delivery == NULL ? OUT_DIM : styles[delivery->state],
		 strlen(state) > 120 ? "%.117s..." : "%.120s", state);
}

static void list_delivery_json(struct jsonout *json, const struct outbox_delivery *delivery)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(json, NULL);
	jsonout_text(json, "address", delivery->address);
	jsonout_text(json, "sent_to",
		     delivery->sent_to == NULL ? delivery->address : delivery->sent_to);
	jsonout_text(json, "state", outbox_state_text(delivery->state));
	jsonout_int(json, "tries", delivery->tries);
	jsonout_text(json, "next",
		     delivery->next == 0 ? NULL : clock_utc_text(delivery->next, text));
	jsonout_text(json, "reply", delivery->reply);
	jsonout_end(json);
}

static void list_json(struct list *list, const struct ledger_day *day, unsigned number,
		      const struct outbox_delivery *deliveries, int count)
{
	const struct outbox_delivery *delivery = worst_delivery(deliveries, count);
	char text[CLOCK_TEXT_MAX];

	jsonout_object(list->json, NULL);
	jsonout_text(list->json, "day", clock_day_text(day->day, text));
	jsonout_text(list->json, "domain", day->policy.domain);
	jsonout_int(list->json, "policy_number", number);
	jsonout_text(list->json, "p", day->policy.p);
	jsonout_int(list->json, "messages", day->messages);
	jsonout_int(list->json, "passed", day->passed);
	jsonout_int(list->json, "rows", day->rows);
	jsonout_int(list->json, "quiet", day->quiet);
	jsonout_text(list->json, "rua", day->policy.rua);
	jsonout_text(list->json, "unusable", find_unusable(list->arena, day));
	jsonout_text(list->json, "state",
		     delivery == NULL ? "collected" : outbox_state_text(delivery->state));
	jsonout_array(list->json, "deliveries");
	for (int i = 0; i < count; i++)
		list_delivery_json(list->json, &deliveries[i]);
	jsonout_end(list->json);
	jsonout_end(list->json);
}

static int list_day(void *arg, const struct ledger_day *day)
{
	struct list *list = arg;
	unsigned number = next_number(list, day);
	const struct ledger_key key = ledger_day_key(day);
	struct outbox_delivery *deliveries = NULL;
	int count;

	arena_reset(list->arena);
	count = outbox_deliveries(list->outbox, &key, list->arena, &deliveries, &list->why);
	if (count < 0)
		return -1;
	assert(count == 0 || deliveries != NULL);
	if (list->json != NULL)
		list_json(list, day, number, deliveries, count);
	else
		list_text(list, day, number, deliveries, count);
	return 0;
}

static void start_list(struct list *list, int32_t from, int32_t to)
{
	static const char *const headings[] = {"DAY",    "DOMAIN", "POLICY", ">MESSAGES",
					       ">PASS%", ">ROWS",  "TO",     "STATE"};
	struct admin *admin = list->admin;

	if (admin->json) {
		list->json = jsonout_new(admin->arena, "report.list");
		jsonout_text(list->json, "from", day_text(admin->arena, from));
		jsonout_text(list->json, "to", day_text(admin->arena, to));
		jsonout_array(list->json, "reports");
	} else {
		list->table = out_table_new(admin->arena, headings, 8);
	}
}

static int print_list(struct admin *admin, struct ledger *ledger, struct outbox *outbox,
		      int32_t from, int32_t to)
{
	struct list list = {.admin = admin, .outbox = outbox, .arena = arena_new(0)};
	int result;

	start_list(&list, from, to);
	result = ledger_days(ledger, &(struct ledger_days_query){.from_day = from, .to_day = to},
			     list_day, &list, &list.why);
	arena_free(list.arena);
	if (result != 0) {
		admin_error(admin, "%s", list.why.text);
		return ADMIN_UNAVAILABLE;
	}
	if (admin->json)
		admin_print_json(admin, list.json);
	else
		out_table_print(list.table, stdout, admin_color(admin, stdout));
	if (!admin->json && list.reports == 0)
		admin_note(admin, "nothing was counted%s%s%s%s", from == to ? " on " : " from ",
			   day_text(admin->arena, from), from == to ? "" : " to ",
			   from == to ? "" : day_text(admin->arena, to));
	return ADMIN_DONE;
}

static int list_newest(struct admin *admin, struct ledger *ledger, struct outbox *outbox)
{
	struct why why = {""};
	int32_t day;
	int status;

	if (find_day(ledger, NULL, &day, &why) != 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	status = print_list(admin, ledger, outbox, day, day);
	tell_day(admin, day);
	return status;
}

static int cmd_list(struct admin *admin, int argc, char **argv)
{
	const char *day = NULL, *since = NULL;
	bool local = false;
	int32_t from = clock_day(clock_wall()) - 1, to;
	struct ledger *ledger;
	struct outbox *outbox;
	int c, status;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (c == OPTION_LOCAL)
			local = true;
		else
			*(c == OPTION_DAY ? &day : &since) = optarg;
	}
	if (optind < argc)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (day != NULL && since != NULL)
		return admin_usage(admin, "either --day or --since, not both");
	if (day != NULL && !report_day_parse(day, &from))
		return admin_usage(admin, "--day: \"%s\" is not a valid day (2026-11-22, today)",
				   day);
	if (since != NULL && !report_since_parse(since, &from))
		return admin_usage(admin, "--since: \"%s\" is not a valid day (2026-11-22, 7d)",
				   since);
	to = since != NULL ? clock_day(clock_wall()) : from;
	ledger = report_ledger(admin, local, &status);
	if (ledger == NULL)
		return status;
	outbox = report_outbox(admin, OUTBOX_READ, local, &status);
	if (outbox != NULL)
		status = day == NULL && since == NULL ? list_newest(admin, ledger, outbox)
						      : print_list(admin, ledger, outbox, from, to);
	outbox_close(outbox);
	ledger_close(ledger);
	return status;
}

/* ---- report show: which report ---- */

static const struct admin_option show_options[] = {
    {"day", OPTION_DAY, "DAY",
     "of this day, UTC: 2026-11-22, today or yesterday (default: the newest with data)"},
    {"policy", OPTION_POLICY, "N", "only the Nth policy of that day, where there were several"},
    {"rows", OPTION_ROWS, "N", "show the N rows with most messages (40); 0: all, by source"},
    {"xml", OPTION_XML, NULL,
     "print the report as it is sent (RFC 9990, or RFC 7489: reports.format)"},
    {"output", 'o', "DIR", "write the reports as XML files into DIR"},
    {"local", OPTION_LOCAL, NULL, "what this host counted, not the shared store"},
    {NULL, 0, NULL, NULL}};

struct show {
	struct report_view view;
	unsigned policy; /* 0: all */
	bool xml, local, day_named;
	const char *output;
};

static struct ledger_day copy_day(struct arena *arena, const struct ledger_day *day)
{
	struct ledger_day copy = *day;
	const char **texts[] = {&copy.policy.domain, &copy.policy.p,       &copy.policy.sp,
				&copy.policy.np,     &copy.policy.adkim,   &copy.policy.aspf,
				&copy.policy.fo,     &copy.policy.testing, &copy.policy.discovery,
				&copy.policy.rua,    &copy.policy.ruf,     &copy.policy.error};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_string(arena, *texts[i]);
	return copy;
}

static int collect_day(void *arg, const struct ledger_day *day)
{
	struct show *show = arg;
	struct arena *arena = show->view.admin->arena;

	show->view.seen++;
	if (show->policy != 0 && show->view.seen != show->policy)
		return 0;
	if ((show->view.count & (show->view.count - 1)) == 0) {
		struct ledger_day *old = show->view.reports;

		show->view.reports = arena_array(arena, 2 * show->view.count + 1, sizeof *old);
		if (show->view.count > 0)
			memcpy(show->view.reports, old, show->view.count * sizeof *old);
	}
	if (show->view.count == 0)
		show->view.first = show->view.seen;
	show->view.reports[show->view.count++] = copy_day(arena, day);
	return 0;
}

static int say_nothing_found(const struct show *show)
{
	const char *day = day_text(show->view.admin->arena, show->view.day);

	if (show->view.seen > 0)
		admin_error(show->view.admin, "no policy %u: %s had %u on %s", show->policy,
			    show->view.domain, show->view.seen, day);
	else
		admin_error(show->view.admin,
			    "nothing was counted for %s on %s; see: countersign report list"
			    " --since 30d",
			    show->view.domain, day);
	return ADMIN_NO;
}

/* ---- report show: as it is sent ---- */

static void set_reporter(struct show *show, const struct conf *conf)
{
	struct aggregate_reporter *reporter = &show->view.reporter;

	*reporter = context_sender(conf, NULL, show->view.admin->arena).reporter;
	if ((show->xml || show->output != NULL) &&
	    (conf->reports.org[0] == '\0' || conf->reports.from[0] == '\0'))
		admin_warning(show->view.admin,
			      "reports.org and reports.from are not both set: the report says"
			      " \"%s\", %s",
			      reporter->org_name, reporter->email);
}

static int show_xml(const struct show *show, struct why *why)
{
	if (show->view.count > 1) {
		admin_usage(
		    show->view.admin,
		    "%s had %u policies on that day, so there are %u reports: choose one with"
		    " --policy=1 to %u, or write all of them with --output=DIR",
		    show->view.domain, show->view.seen, show->view.seen, show->view.seen);
		return ADMIN_USAGE;
	}
	return aggregate_write(show->view.ledger, &show->view.reporter, &show->view.reports[0], 0,
			       stdout, NULL, why);
}

static int write_file(const struct show *show, const struct ledger_day *day, struct why *why)
{
	struct arena *arena = show->view.admin->arena;
	const char *name = aggregate_file_name(&show->view.reporter, day, "xml", arena);
	const char *path = arena_printf(arena, "%s/%s", show->output, name);
	struct newfile file;
	int result;

	if (newfile_open(&file, path, 0640, why) != 0)
		return -1;
	result =
	    aggregate_write(show->view.ledger, &show->view.reporter, day, 0, file.out, NULL, why);
	result = newfile_close(&file, result == 0, why);
	if (result == 0 && !show->view.admin->quiet)
		printf("%s\n", path);
	return result;
}

static int show_files(const struct show *show, struct why *why)
{
	int result = 0;

	for (unsigned i = 0; i < show->view.count && result == 0; i++)
		result = write_file(show, &show->view.reports[i], why);
	return result;
}

/* ---- report show: the command ---- */

static int show_reports(struct show *show)
{
	struct why why = {""};
	int result = 0;

	if (!show->day_named)
		result = find_day(show->view.ledger, show->view.domain, &show->view.day, &why);
	if (result == 0)
		result = ledger_days(show->view.ledger,
				     &(struct ledger_days_query){.domain = show->view.domain,
								 .from_day = show->view.day,
								 .to_day = show->view.day},
				     collect_day, show, &why);
	if (result == 0 && !show->day_named && show->view.count > 0)
		tell_day(show->view.admin, show->view.day);
	if (result == 0 && show->view.count == 0)
		return say_nothing_found(show);
	if (result != 0)
		;
	else if (show->output != NULL)
		result = show_files(show, &why);
	else if (show->xml)
		result = show_xml(show, &why);
	else if (show->view.admin->json)
		result = report_print_json(&show->view, &why);
	else
		result = report_print_text(&show->view, &why);
	if (result >= 0)
		return result == ADMIN_USAGE ? ADMIN_USAGE : ADMIN_DONE;
	admin_error(show->view.admin, "%s", why.text);
	return show->output != NULL || show->xml ? ADMIN_IO : ADMIN_UNAVAILABLE;
}

static bool parse_number(const char *text, uint64_t max, unsigned *number)
{
	uint64_t n;

	if (!span_number(span_of(text), max, &n))
		return false;
	*number = (unsigned)n;
	return true;
}

/* 0, or ADMIN_USAGE after the error was printed. */
static int read_show_option(struct show *show, int c)
{
	switch (c) {
	case OPTION_DAY:
		show->day_named = true;
		if (report_day_parse(optarg, &show->view.day))
			return 0;
		return admin_usage(show->view.admin,
				   "--day: \"%s\" is not a valid day (2026-11-22, today)", optarg);
	case OPTION_POLICY:
		if (parse_number(optarg, 1000000, &show->policy) && show->policy > 0)
			return 0;
		return admin_usage(show->view.admin, "--policy: \"%s\" is not a number from 1",
				   optarg);
	case OPTION_ROWS:
		if (parse_number(optarg, REPORT_PRINT_ROWS_MAX, &show->view.rows))
			return 0;
		return admin_usage(show->view.admin, "--rows: \"%s\" is not a number from 0 to %d",
				   optarg, REPORT_PRINT_ROWS_MAX);
	case OPTION_XML:
		show->xml = true;
		return 0;
	case OPTION_LOCAL:
		show->local = true;
		return 0;
	case 'o':
		show->output = optarg;
		return 0;
	default:
		return ADMIN_USAGE;
	}
}

static int cmd_show(struct admin *admin, int argc, char **argv)
{
	struct show show = {
	    .view = {.admin = admin, .day = clock_day(clock_wall()) - 1, .rows = ROWS_SHOWN}};
	int c, status;

	while ((c = admin_getopt(admin, argc, argv)) != -1)
		if (read_show_option(&show, c) != 0)
			return ADMIN_USAGE;
	if (argc - optind != 1)
		return admin_usage(admin, "give one domain; countersign report list names them");
	if (admin->json && (show.xml || show.output != NULL))
		return admin_usage(admin, "either --json or XML, not both");
	show.view.domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
	if (show.view.domain == NULL)
		return admin_usage(admin, "\"%s\" is not a valid domain name", argv[optind]);
	show.view.ledger = report_ledger(admin, show.local, &status);
	if (show.view.ledger == NULL)
		return status;
	set_reporter(&show, admin_conf(admin));
	status = show_reports(&show);
	ledger_close(show.view.ledger);
	return status;
}

const struct admin_verb cmd_report[] = {
    {"report", "build", "[DOMAIN]", "Build the reports that are due, and send nothing",
     report_build, report_build_options, false},
    {"report", "failures", "[DOMAIN]", "List the failure reports and what became of them",
     report_failures, report_failures_options, false},
    {"report", "list", "", "List the aggregate reports and what became of them", cmd_list,
     list_options, false},
    {"report", "retry", "[DOMAIN]", "Retry deferred and failed deliveries", report_retry,
     report_retry_options, false},
    {"report", "send", "[DOMAIN]", "Send the reports that are due", report_send,
     report_send_options, false},
    {"report", "show", "DOMAIN",
     "Show the report for a policy domain: what was received in its name", cmd_show, show_options,
     false},
    {"report", "suppress", "[NAME...]",
     "Stop sending reports about a domain or to an address; without a name: list them",
     report_suppress, NULL, false},
    {"report", "unsuppress", "NAME...", "Send reports there again", report_unsuppress, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};
