/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign tls report list|show|send`: the TLS sessions that were counted, and the reports
 * about them. Each host counts and reports its own.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/progress.h"
#include "admin/report/send.h"
#include "admin/tls/command.h"
#include "context/sending.h"
#include "lib/clock.h"
#include "report/tls/build.h"

enum { OPTION_DAY = 256, OPTION_DRY_RUN, LIST_DAYS = 7 };

const struct admin_option tls_report_options[] = {
    {"day", OPTION_DAY, "DAY",
     "of this day, UTC: 2026-11-22, today or yesterday (list: default the last seven days)"},
    {"dry-run", OPTION_DRY_RUN, NULL, "send: only print what would be built and sent"},
    {NULL, 0, NULL, NULL}};

struct report_command {
	struct admin *admin;
	const char *domain; /* or NULL */
	bool day_given, dry_run;
	int32_t from, to;
	struct sending sending;
	struct jsonout *json; /* or NULL */
	struct out_table *table;
	unsigned shown;
	struct why why;
};

/* ---- list ---- */

struct deliveries {
	struct outbox_delivery *items;
	int count;
};

static struct deliveries find_deliveries(struct report_command *command,
					 const struct sessions_day *day)
{
	const struct sender *sender = &command->sending.sender;
	const struct ledger_key key = {day->domain, day->day, TLS_REPORT_CONFIG};
	struct deliveries found = {NULL, 0};

	found.count = outbox_deliveries(sender->own != NULL ? sender->own : sender->outbox, &key,
					command->admin->arena, &found.items, &command->why);
	return found;
}

static void list_json(const struct report_command *command, const struct sessions_day *day,
		      const struct deliveries *deliveries)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(command->json, NULL);
	jsonout_text(command->json, "day", clock_day_text(day->day, text));
	jsonout_text(command->json, "domain", day->domain);
	jsonout_int(command->json, "successful", day->successful);
	jsonout_int(command->json, "failed", day->failed);
	jsonout_array(command->json, "deliveries");
	for (int i = 0; i < deliveries->count; i++) {
		const struct outbox_delivery *delivery = &deliveries->items[i];

		jsonout_object(command->json, NULL);
		jsonout_text(command->json, "to", delivery->address);
		jsonout_text(command->json, "state", outbox_state_text(delivery->state));
		jsonout_int(command->json, "tries", delivery->tries);
		jsonout_text(command->json, "reply", delivery->reply);
		jsonout_end(command->json);
	}
	jsonout_end(command->json);
	jsonout_end(command->json);
}

static void list_row(const struct report_command *command, const struct sessions_day *day,
		     const struct outbox_delivery *delivery)
{
	char text[CLOCK_TEXT_MAX];

	out_cell(command->table, OUT_PLAIN, "%s", clock_day_text(day->day, text));
	out_cell(command->table, OUT_PLAIN, "%s", day->domain);
	out_cell(command->table, OUT_PLAIN, "%" PRId64, day->successful);
	out_cell(command->table, day->failed > 0 ? OUT_BAD : OUT_PLAIN, "%" PRId64, day->failed);
	out_cell(command->table, OUT_PLAIN, "%s", delivery == NULL ? "" : delivery->address);
	out_cell(command->table, OUT_PLAIN, "%s%s%s",
		 delivery == NULL ? "" : outbox_state_text(delivery->state),
		 delivery == NULL || delivery->reply == NULL ? "" : ": ",
		 delivery == NULL || delivery->reply == NULL ? "" : delivery->reply);
}

static int list_day(void *arg, const struct sessions_day *day)
{
	struct report_command *command = arg;
	struct deliveries deliveries = find_deliveries(command, day);

	if (deliveries.count < 0)
		return -1;
	command->shown++;
	if (command->json != NULL) {
		list_json(command, day, &deliveries);
		return 0;
	}
	list_row(command, day, deliveries.count == 0 ? NULL : &deliveries.items[0]);
	for (int i = 1; i < deliveries.count; i++)
		list_row(command, day, &deliveries.items[i]);
	return 0;
}

static int list_reports(struct report_command *command)
{
	static const char *const headings[] = {"DAY",     "DOMAIN", ">SUCCESSFUL",
					       ">FAILED", "TO",     "STATE"};
	struct admin *admin = command->admin;

	if (admin->json) {
		command->json = jsonout_new(admin->arena, "tls.report.list");
		jsonout_array(command->json, "days");
	} else {
		command->table = out_table_new(admin->arena, headings, 6);
	}
	if (sessions_days(command->sending.sender.sessions, command->domain, command->from,
			  command->to, list_day, command, &command->why) != 0)
		return ADMIN_UNAVAILABLE;
	if (admin->json) {
		jsonout_end(command->json);
		admin_print_json(admin, command->json);
		return ADMIN_DONE;
	}
	out_table_print(command->table, stdout, admin_color(admin, stdout));
	if (command->shown == 0)
		admin_note(admin, "no TLS sessions were counted");
	return ADMIN_DONE;
}

/* ---- show ---- */

static int show_session(void *arg, const struct session *session)
{
	struct report_command *command = arg;

	command->shown++;
	printf("%8" PRId64 "  %-10s  %-7s  ", session->count,
	       name_text(session_kind_names, (int)session->kind),
	       name_text(session_source_names, (int)session->source));
	out_text(stdout, session->kind == SESSION_DETAIL ? session->detail : session->policy);
	printf("\n");
	return 0;
}

/* The report itself with --json, else what was counted for it. */
static int show_report(struct report_command *command)
{
	struct sender *sender = &command->sending.sender;
	struct document_sum sum;
	int result;

	if (command->admin->json) {
		result = tls_report_write(sender, command->domain, command->from, stdout, &sum,
					  &command->why);
		return result < 0 ? ADMIN_UNAVAILABLE : ADMIN_DONE;
	}
	if (sessions_each(sender->sessions, command->domain, command->from, show_session, command,
			  &command->why) != 0)
		return ADMIN_UNAVAILABLE;
	if (command->shown == 0)
		admin_note(command->admin, "no TLS sessions with %s were counted on that day",
			   command->domain);
	return ADMIN_DONE;
}

/* ---- send ---- */

static void tell_event(void *arg, const struct sender_event *event)
{
	struct report_command *command = arg;
	bool built = event->what == SENDER_BUILT;
	const char *state = built              ? command->dry_run ? "to build" : "built"
			    : command->dry_run ? "to send"
					       : outbox_state_text(event->state);
	char day[CLOCK_TEXT_MAX];

	command->shown++;
	clock_day_text(event->day, day);
	if (command->json != NULL) {
		jsonout_object(command->json, NULL);
		jsonout_text(command->json, "day", day);
		jsonout_text(command->json, "domain", event->domain);
		jsonout_text(command->json, "state", state);
		jsonout_text(command->json, "report_id", built ? event->id : NULL);
		jsonout_text(command->json, "to", built ? NULL : event->address);
		jsonout_text(command->json, "reply", built ? NULL : event->reply);
		jsonout_end(command->json);
		return;
	}
	printf("%s  %s  %s  ", day, event->domain, state);
	if (built)
		printf("%" PRId64 " sessions", event->messages);
	else
		out_text(stdout, event->address);
	if (event->reply != NULL) {
		printf("  ");
		out_text(stdout, event->reply);
	}
	printf("\n");
}

static bool goes_on(void *arg, unsigned left)
{
	(void)arg;
	(void)left;
	return !progress_interrupted();
}

static int sum_up(const struct report_command *command)
{
	const struct sender *sender = &command->sending.sender;
	const struct admin *admin = command->admin;

	if (command->shown == 0)
		admin_note(admin, "nothing is to be sent");
	else if (!command->dry_run)
		admin_note(admin, "%u built, %u sent, %u deferred, %u failed, %u suppressed",
			   sender->built, sender->sent, sender->deferred, sender->failed,
			   sender->suppressed);
	if (sender->stopped)
		admin_warning(admin, "the rest is left for later: %s", sender->stop_reason.text);
	if (sender->failed > 0)
		return ADMIN_NO;
	return sender->deferred > 0 || sender->stopped ? ADMIN_TEMPORARY : ADMIN_DONE;
}

static int send_reports(struct report_command *command)
{
	struct sender *sender = &command->sending.sender;
	int32_t yesterday = clock_day(clock_wall()) - 1;
	int32_t from = command->day_given ? command->from : yesterday - SENDER_BUILD_DAYS + 1;
	int32_t to = command->day_given ? command->to : yesterday;

	progress_catch();
	if (command->admin->json) {
		command->json = jsonout_new(command->admin->arena, "tls.report.send");
		jsonout_array(command->json, "events");
	}
	if (tls_report_build(sender, command->domain, from, to, &command->why) != 0 ||
	    sender_tls(sender, command->domain, to, &command->why) != 0)
		return ADMIN_UNAVAILABLE;
	if (command->json != NULL) {
		jsonout_end(command->json);
		admin_print_json(command->admin, command->json);
	}
	return sum_up(command);
}

/* ---- the command ---- */

static const struct {
	const char *name;
	int (*run)(struct report_command *command);
	bool sends, needs_domain;
} verbs[] = {{"list", list_reports, false, false},
	     {"show", show_report, false, true},
	     {"send", send_reports, true, false}};

static int read_options(struct report_command *command, int argc, char **argv)
{
	int letter;

	while ((letter = admin_getopt(command->admin, argc, argv)) != -1) {
		if (letter == OPTION_DRY_RUN)
			command->dry_run = true;
		else if (letter != OPTION_DAY)
			return ADMIN_USAGE;
		else if (!report_day_parse(optarg, &command->from))
			return admin_usage(
			    command->admin,
			    "--day: \"%s\" is not a valid day (2026-11-22, yesterday)", optarg);
		else
			command->day_given = true;
	}
	if (command->day_given)
		command->to = command->from;
	return 0;
}

static int open_sending(struct report_command *command, bool reads)
{
	static const int exits[] = {[SENDING_CONFIG] = ADMIN_CONFIG,
				    [SENDING_BUSY] = ADMIN_TEMPORARY,
				    [SENDING_UNAVAILABLE] = ADMIN_UNAVAILABLE};
	const struct conf *conf = admin_conf(command->admin);
	enum sending_state state;

	if (conf == NULL)
		return ADMIN_CONFIG;
	if (!conf->tls.reports) {
		admin_error(command->admin, "tls.reports is not true: no TLS sessions are counted");
		return ADMIN_CONFIG;
	}
	command->sending.sender =
	    (struct sender){.tell = tell_event, .go_on = goes_on, .arg = command};
	state = sending_open(&command->sending, conf, NULL, reads, &command->why);
	if (state == SENDING_READY)
		return ADMIN_DONE;
	admin_error(command->admin, "%s", command->why.text);
	return exits[state];
}

static int run_verb(struct report_command *command, unsigned verb)
{
	int status = open_sending(command, !verbs[verb].sends || command->dry_run);

	if (status != ADMIN_DONE)
		return status;
	status = verbs[verb].run(command);
	if (status == ADMIN_UNAVAILABLE)
		admin_error(command->admin, "%s", command->why.text);
	sending_close(&command->sending);
	return status;
}

int tls_report(struct admin *admin, int argc, char **argv)
{
	int32_t today = clock_day(clock_wall());
	struct report_command command = {
	    .admin = admin, .from = today - LIST_DAYS + 1, .to = today, .why = {""}};
	unsigned verb = 0, count = sizeof verbs / sizeof verbs[0];

	if (read_options(&command, argc, argv) != 0)
		return ADMIN_USAGE;
	while (optind < argc && verb < count && strcmp(argv[optind], verbs[verb].name) != 0)
		verb++;
	if (optind == argc || verb == count || argc - optind > 2)
		return admin_usage(admin, "list, show or send, and one domain at most");
	if (command.dry_run && !verbs[verb].sends)
		return admin_usage(admin, "only send has the option --dry-run");
	if (command.day_given && verbs[verb].sends && command.to >= today)
		return admin_usage(admin, "--day: this day is not over");
	if (argc - optind == 2) {
		command.domain = tls_read_domain(admin, argv[optind + 1]);
		if (command.domain == NULL)
			return ADMIN_BAD_INPUT;
	} else if (verbs[verb].needs_domain) {
		return admin_usage(admin, "missing argument: DOMAIN");
	}
	if (verbs[verb].needs_domain && !command.day_given)
		command.from = today - 1;
	return run_verb(&command, verb);
}
