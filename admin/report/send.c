/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending by hand is what the daemon does each day, with each step printed. While the daemon sends,
 * it is refused: one process sends at a time. Suppressing and retrying only change what the next
 * sending finds.
 */
#include "admin/report/send.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/progress.h"
#include "context/context.h"
#include "admin/daemon/daemon.h"
#include "context/page_mail.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "policy/dmarc/destination.h"

enum { OPTION_DAY = 256, OPTION_DRY_RUN, OPTION_TO };
const struct admin_option report_send_options[] = {
    {"day", OPTION_DAY, "DAY",
     "of this day, UTC: 2026-11-22 or yesterday (default: the last three days, and what is due of"
     " earlier ones)"},
    {"dry-run", OPTION_DRY_RUN, NULL, "only print what would be sent, and to whom"},
    {"to", OPTION_TO, "ADDRESS", "send a copy to this address, and to nobody else"},
    {NULL, 0, NULL, NULL}};

const struct admin_option report_build_options[] = {
    {"day", OPTION_DAY, "DAY",
     "of this day, UTC: 2026-11-22 or yesterday (default: the last three)"},
    {"dry-run", OPTION_DRY_RUN, NULL, "only print what would be built, and for whom"},
    {NULL, 0, NULL, NULL}};

const struct admin_option report_failures_options[] = {
    {"day", OPTION_DAY, "DAY", "of this day, UTC (default: of the last ten days)"},
    {NULL, 0, NULL, NULL}};

const struct admin_option report_retry_options[] = {
    {"day", OPTION_DAY, "DAY", "of this day, UTC (default: of the last 30 days)"},
    {NULL, 0, NULL, NULL}};

bool report_day_parse(const char *text, int32_t *day)
{
	int32_t today = clock_day(clock_wall());

	if (strcmp(text, "today") == 0)
		*day = today;
	else if (strcmp(text, "yesterday") == 0)
		*day = today - 1;
	else
		return clock_day_parse(span_of(text), day);
	return true;
}

/* ---- which reports ---- */

static int read_options(struct report_choice *choice, int argc, char **argv)
{
	int c;

	while ((c = admin_getopt(choice->admin, argc, argv)) != -1) {
		if (c == OPTION_DAY)
			choice->day = optarg;
		else if (c == OPTION_DRY_RUN)
			choice->dry_run = true;
		else if (c == OPTION_TO)
			choice->copy_to = optarg;
		else
			return ADMIN_USAGE;
	}
	return 0;
}

int report_choice_read(struct report_choice *choice, int argc, char **argv)
{
	struct admin *admin = choice->admin;

	if (read_options(choice, argc, argv) != 0)
		return ADMIN_USAGE;
	if (argc - optind > 1)
		return admin_usage(admin, "give one domain, or none for all");
	if (optind < argc) {
		choice->domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
		if (choice->domain == NULL)
			return admin_usage(admin, "\"%s\" is not a valid domain name",
					   argv[optind]);
	}
	if (choice->day == NULL)
		return 0;
	if (!report_day_parse(choice->day, &choice->from))
		return admin_usage(
		    admin, "--day: \"%s\" is not a valid day (2026-11-22, yesterday)", choice->day);
	choice->to = choice->from;
	return 0;
}

/* ---- report send ---- */

struct show {
	struct report_choice choice;
	struct jsonout *json;
	unsigned shown;
	struct progress building, progress;
	unsigned all, left; /* mails of the run, and those that wait */
};

static bool look(void *arg, int64_t done, int64_t all)
{
	struct show *show = arg;

	return progress_show(&show->building, done, all);
}

/* Before each mail; how many there are in all is known from the first call of a run. */
static bool go_on(void *arg, unsigned left)
{
	struct show *show = arg;

	progress_end(&show->building);
	if (left > 0 && left < UINT32_MAX / 2) {
		if (left > show->left)
			show->all = left;
		show->left = left;
		progress_show(&show->progress, show->all - left, show->all);
	}
	return !progress_interrupted();
}

static const enum out_style style_of[] = {
    [OUTBOX_BUILT] = OUT_PLAIN,   [OUTBOX_SENDING] = OUT_WARN, [OUTBOX_SENT] = OUT_GOOD,
    [OUTBOX_DEFERRED] = OUT_WARN, [OUTBOX_FAILED] = OUT_BAD,   [OUTBOX_SUPPRESSED] = OUT_DIM,
};

static void tell_text(const struct show *show, const struct sender_event *event)
{
	bool color = admin_color(show->choice.admin, stdout);
	bool delivery = event->what != SENDER_BUILT;
	enum out_style style = delivery ? style_of[event->state] : OUT_PLAIN;
	const char *state = delivery               ? outbox_state_text(event->state)
			    : show->choice.dry_run ? "to build"
						   : "built";
	char day[CLOCK_TEXT_MAX];

	if (delivery && event->state == OUTBOX_BUILT)
		state = "to send";
	printf("%s  ", clock_day_text(event->day, day));
	out_text(stdout, event->domain);
	printf("  %s%s%s%s  ", out_on(style, color), event->what == SENDER_COPY ? "copy " : "",
	       state, out_off(style, color));
	if (!delivery)
		printf("%" PRId64 " messages, %s", event->messages, event->id);
	else
		out_text(stdout, event->address);
	if (event->reply != NULL && event->reply[0] != '\0') {
		printf("  ");
		out_text(stdout, event->reply);
	}
	printf("\n");
	fflush(stdout);
}

static void tell_json(const struct show *show, const struct sender_event *event)
{
	char day[CLOCK_TEXT_MAX];

	jsonout_object(show->json, NULL);
	jsonout_text(show->json, "day", clock_day_text(event->day, day));
	jsonout_text(show->json, "domain", event->domain);
	if (event->what == SENDER_BUILT) {
		jsonout_text(show->json, "what", "built");
		jsonout_text(show->json, "report_id", event->id);
		jsonout_int(show->json, "messages", event->messages);
	} else {
		jsonout_text(show->json, "what", event->what == SENDER_COPY ? "copy" : "delivery");
		jsonout_text(show->json, "kind", outbox_kind_text(event->kind));
		jsonout_text(show->json, "to", event->address);
		jsonout_text(show->json, "state", outbox_state_text(event->state));
		jsonout_text(show->json, "reply", event->reply);
	}
	jsonout_end(show->json);
}

static void tell_event(void *arg, const struct sender_event *event)
{
	struct show *show = arg;

	show->shown++;
	progress_end(&show->building);
	progress_end(&show->progress);
	if (show->json != NULL)
		tell_json(show, event);
	else if (!show->choice.admin->quiet || event->what == SENDER_DELIVERY)
		tell_text(show, event);
}

static void fill_daemon(void *arg, struct page_facts *facts)
{
	daemon_fill_page(arg, facts);
}

/* What the daemon would send besides reports. */
static int send_notices(const struct report_choice *choice, struct sending *sending,
			struct why *why)
{
	if (page_mail_put(sending, admin_conf(choice->admin), fill_daemon, choice->admin, why) != 0)
		return -1;
	return sender_notices(&sending->sender, why);
}

static int run_sender(const struct report_choice *choice, struct sending *sending, struct why *why)
{
	struct sender *sender = &sending->sender;
	int32_t yesterday = clock_day(clock_wall()) - 1;
	int32_t from = choice->day != NULL ? choice->from : yesterday - SENDER_BUILD_DAYS + 1;
	int32_t to = choice->day != NULL ? choice->to : yesterday;

	if (choice->copy_to != NULL)
		return sender_copy(sender, choice->domain, choice->day != NULL ? from : yesterday,
				   to, choice->copy_to, why);
	if (sender_build(sender, choice->domain, from, to, why) != 0 ||
	    (choice->day == NULL && sender_build_late(sender, choice->domain, why) != 0))
		return -1;
	if (choice->build_only)
		return 0;
	if (choice->day == NULL && sender_failures(sender, choice->domain, why) != 0)
		return -1;
	if (choice->day == NULL && choice->domain == NULL &&
	    send_notices(choice, sending, why) != 0)
		return -1;
	return sender_deliver(sender, choice->domain, choice->day != NULL ? from : 0, to, why);
}

static void sum_up(const struct show *show, const struct sender *sender)
{
	const struct admin *admin = show->choice.admin;

	if (show->shown == 0)
		admin_note(admin, "nothing is to be %s",
			   show->choice.build_only ? "built" : "sent");
	else if (sender->dry_run)
		admin_note(admin, "nothing was sent (--dry-run); hosts of other organizations are"
				  " asked whether they agree when it is sent");
	else
		admin_note(admin, "%u built, %u sent, %u deferred, %u failed, %u suppressed",
			   sender->built, sender->sent, sender->deferred, sender->failed,
			   sender->suppressed);
	if (sender->incomplete > 0)
		admin_warning(admin,
			      "%u reports wait for what other hosts have not shipped yet: %s",
			      sender->incomplete, sender->waiting_for.text);
	if (sender->damaged > 0)
		admin_error(admin, "%u reports are not made: %s", sender->damaged,
			    sender->damage.text);
	if (sender->stopped)
		admin_warning(admin, "the rest is left for later: %s", sender->stop_reason.text);
}

/* ---- what waits: the reports of a day are made when it is over ---- */

struct waiting {
	unsigned domains;
	int64_t messages;
	int64_t at; /* wall seconds: when they can be built */
};

static int count_waiting(void *arg, const struct ledger_day *day)
{
	struct waiting *waiting = arg;

	if (day->policy.rua == NULL)
		return 0;
	waiting->domains++;
	waiting->messages += day->messages;
	return 0;
}

/* Nothing is said where the ledger cannot be read: the sending has told that. */
static void read_waiting(const struct report_choice *choice, struct waiting *waiting)
{
	int64_t start = admin_conf(choice->admin)->reports.start / CLOCK_SECOND;
	int32_t today = clock_day(clock_wall());
	struct ledger *ledger;
	struct why why;
	int status;

	*waiting = (struct waiting){.at = clock_day_begin(today + 1) + start};
	ledger = report_ledger(choice->admin, false, &status);
	if (ledger != NULL &&
	    ledger_days(ledger,
			&(struct ledger_days_query){
			    .domain = choice->domain, .from_day = today, .to_day = today},
			count_waiting, waiting, &why) != 0)
		waiting->domains = 0;
	ledger_close(ledger);
}

static void tell_waiting(const struct admin *admin, const struct conf *conf,
			 const struct waiting *waiting)
{
	char text[CLOCK_TEXT_MAX];
	const char *at = clock_utc_text(waiting->at, text);

	if (waiting->domains == 0) {
		admin_note(admin, "nothing that was counted today asks for a report");
		return;
	}
	admin_note(admin,
		   "%u report%s on %" PRId64
		   " message%s of today can be built from %s on, when the "
		   "day is over",
		   waiting->domains, waiting->domains == 1 ? "" : "s", waiting->messages,
		   waiting->messages == 1 ? "" : "s", at);
	if (conf->reports.send)
		admin_note(admin,
			   "the daemon then sends %s within %" PRId64 " hours (reports.spread)",
			   waiting->domains == 1 ? "it" : "them",
			   conf->reports.spread / CLOCK_SECOND / 3600);
	else
		admin_note(admin,
			   "reports.send is off: run countersign report send then, or switch "
			   "it on");
}

static void json_waiting(struct jsonout *json, const struct waiting *waiting)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_end(json); /* the events */
	jsonout_object(json, "waiting");
	jsonout_int(json, "domains", waiting->domains);
	jsonout_int(json, "messages", waiting->messages);
	jsonout_text(json, "built_from", clock_utc_text(waiting->at, text));
	jsonout_end(json);
}

/* What a monitor needs to know: 0 all is well, 75 something will be tried again, 1 something will
 * not. */
static int exit_code(const struct sender *sender)
{
	if (sender->failed + sender->damaged > 0)
		return ADMIN_NO;
	return sender->deferred > 0 || sender->stopped || sender->incomplete > 0 ? ADMIN_TEMPORARY
										 : ADMIN_DONE;
}

static int send_reports(struct show *show, struct sending *sending)
{
	struct sender *sender = &sending->sender;
	struct waiting waiting;
	struct why why = {""};
	int result;

	result = run_sender(&show->choice, sending, &why);
	progress_end(&show->building);
	progress_end(&show->progress);
	read_waiting(&show->choice, &waiting);
	if (show->json != NULL) {
		json_waiting(show->json, &waiting);
		admin_print_json(show->choice.admin, show->json);
	}
	if (result != 0) {
		admin_error(show->choice.admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	sum_up(show, sender);
	if (show->shown == 0 && show->choice.copy_to == NULL)
		tell_waiting(show->choice.admin, admin_conf(show->choice.admin), &waiting);
	if (show->shown > 0 && sending->warning != NULL)
		admin_warning(show->choice.admin, "%s", sending->warning);
	return exit_code(sender);
}

static void begin_show(struct show *show)
{
	struct admin *admin = show->choice.admin;

	progress_catch();
	progress_begin(&show->building, admin, "policies of the days looked through");
	progress_begin(&show->progress, admin, "sending");
	if (!admin->json)
		return;
	show->json = jsonout_new(admin->arena, "report.send");
	jsonout_array(show->json, "events");
}

static int check_send(const struct report_choice *choice)
{
	struct destination list[DESTINATION_MAX];
	struct admin *admin = choice->admin;
	const char *uri;

	if (choice->copy_to != NULL && choice->dry_run)
		return admin_usage(admin, "either --to or --dry-run, not both");
	if (choice->copy_to == NULL)
		return choice->day == NULL || choice->to < clock_day(clock_wall())
			   ? 0
			   : admin_usage(admin, "--day: %s is not over", choice->day);
	uri = arena_printf(admin->arena, "mailto:%s", choice->copy_to);
	if (strpbrk(choice->copy_to, "%!?,") != NULL ||
	    destination_parse(admin->arena, span_of(uri), list) != 1)
		return admin_usage(admin, "--to: \"%s\" is not a valid e-mail address",
				   choice->copy_to);
	return 0;
}

static int run_command(struct admin *admin, bool build_only, int argc, char **argv)
{
	static const int exit_of[] = {[SENDING_CONFIG] = ADMIN_CONFIG,
				      [SENDING_BUSY] = ADMIN_TEMPORARY,
				      [SENDING_UNAVAILABLE] = ADMIN_UNAVAILABLE};
	struct show show = {.choice = {.admin = admin, .build_only = build_only}};
	struct sending sending = {
	    .sender = {.tell = tell_event, .go_on = go_on, .look = look, .arg = &show}};
	const struct conf *conf;
	enum sending_state state;
	struct why why = {""};
	int status;

	if (report_choice_read(&show.choice, argc, argv) != 0 || check_send(&show.choice) != 0)
		return ADMIN_USAGE;
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	begin_show(&show);
	state = sending_open(&sending, conf, NULL, show.choice.dry_run, &why);
	if (state != SENDING_READY) {
		admin_error(admin, "%s", why.text);
		return exit_of[state];
	}
	status = send_reports(&show, &sending);
	sending_close(&sending);
	return status;
}

int report_send(struct admin *admin, int argc, char **argv)
{
	return run_command(admin, false, argc, argv);
}

int report_build(struct admin *admin, int argc, char **argv)
{
	return run_command(admin, true, argc, argv);
}
