/*
 * Sending by hand is what the daemon does each day, with each step printed. While the daemon sends,
 * it is refused: one process sends at a time. Suppressing and retrying only change what the next
 * sending finds.
 */
#include "admin/report_send.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/jsonout.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "milter/sending.h"
#include "policy/domain.h"
#include "report/destination.h"

enum { OPTION_DAY = 256, OPTION_DRY_RUN, OPTION_TO };
enum { RETRY_DAYS = 30 };

const struct admin_option report_send_options[] = {
    {"day", OPTION_DAY, "DAY",
     "of this day, UTC: 2026-11-22 or yesterday (default: the last three days, and what is due of"
     " earlier ones)"},
    {"dry-run", OPTION_DRY_RUN, NULL, "only print what would be sent, and to whom"},
    {"to", OPTION_TO, "ADDRESS", "send a copy to this address, and to nobody else"},
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

struct choice {
	struct admin *admin;
	const char *domain; /* NULL: all */
	int32_t from, to;
	const char *day;
	bool dry_run;
	const char *copy_to;
};

static int read_options(struct choice *choice, int argc, char **argv)
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

/* 0, or ADMIN_USAGE after the error was printed. */
static int read_choice(struct choice *choice, int argc, char **argv)
{
	struct admin *admin = choice->admin;

	if (read_options(choice, argc, argv) != 0)
		return ADMIN_USAGE;
	if (argc - optind > 1)
		return admin_usage(admin, "give one domain, or none for all");
	if (optind < argc) {
		choice->domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
		if (choice->domain == NULL)
			return admin_usage(admin, "\"%s\" is no domain name", argv[optind]);
	}
	if (choice->day == NULL)
		return 0;
	if (!report_day_parse(choice->day, &choice->from))
		return admin_usage(admin, "--day: \"%s\" is no day (2026-11-22, yesterday)",
				   choice->day);
	choice->to = choice->from;
	return 0;
}

/* ---- report send ---- */

struct show {
	struct choice choice;
	struct jsonout *json;
	unsigned shown;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static bool go_on(void *arg, unsigned left)
{
	(void)arg;
	(void)left;
	return !interrupted;
}

static const enum out_style style_of[] = {
    [OUTBOX_BUILT] = OUT_PLAIN,   [OUTBOX_SENDING] = OUT_WARN, [OUTBOX_SENT] = OUT_GOOD,
    [OUTBOX_DEFERRED] = OUT_WARN, [OUTBOX_FAILED] = OUT_BAD,   [OUTBOX_SUPPRESSED] = OUT_DIM,
};

static void tell_text(const struct show *show, const struct sender_event *event)
{
	bool color = admin_color(show->choice.admin, stdout);
	bool delivery = event->what == SENDER_DELIVERY;
	enum out_style style = delivery ? style_of[event->state] : OUT_PLAIN;
	const char *state = delivery               ? outbox_state_text(event->state)
			    : show->choice.dry_run ? "to build"
						   : "built";
	char day[CLOCK_TEXT_MAX];

	if (delivery && event->state == OUTBOX_BUILT)
		state = "to send";
	printf("%s  ", clock_day_text(event->day, day));
	out_text(stdout, event->domain);
	printf("  %s%s%s  ", out_on(style, color), state, out_off(style, color));
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
		jsonout_text(show->json, "what", "delivery");
		jsonout_text(show->json, "to", event->address);
		jsonout_text(show->json, "state", outbox_state_text(event->state));
		jsonout_text(show->json, "reply", event->reply);
	}
	jsonout_end(show->json);
}

static void tell(void *arg, const struct sender_event *event)
{
	struct show *show = arg;

	show->shown++;
	if (show->json != NULL)
		tell_json(show, event);
	else if (!show->choice.admin->quiet || event->what == SENDER_DELIVERY)
		tell_text(show, event);
}

static int run_sender(const struct choice *choice, struct sender *sender, struct why *why)
{
	int32_t yesterday = clock_day(clock_wall()) - 1;
	int32_t from = choice->day != NULL ? choice->from : yesterday - SENDER_BUILD_DAYS + 1;
	int32_t to = choice->day != NULL ? choice->to : yesterday;

	if (choice->copy_to != NULL)
		return sender_copy(sender, choice->domain, choice->day != NULL ? from : yesterday,
				   to, choice->copy_to, why);
	if (sender_build(sender, choice->domain, from, to, why) != 0)
		return -1;
	if (choice->day == NULL && sender_failures(sender, choice->domain, why) != 0)
		return -1;
	return sender_deliver(sender, choice->domain, choice->day != NULL ? from : 0, to, why);
}

static void sum_up(const struct show *show, const struct sender *sender)
{
	const struct admin *admin = show->choice.admin;

	if (show->shown == 0)
		admin_note(admin, "nothing is to be sent");
	else if (sender->dry_run)
		admin_note(admin, "nothing was sent (--dry-run); hosts of other organizations are"
				  " asked whether they agree when it is sent");
	else
		admin_note(admin, "%u built, %u sent, %u deferred, %u failed, %u suppressed",
			   sender->built, sender->sent, sender->deferred, sender->failed,
			   sender->suppressed);
	if (sender->stopped)
		admin_warning(admin, "the rest is left for later: %s", sender->stop_reason.text);
}

/* What a monitor needs to know: 0 all is well, 75 something will be tried again, 1 something will
 * not. */
static int exit_code(const struct sender *sender)
{
	if (sender->failed > 0)
		return ADMIN_NO;
	return sender->deferred > 0 || sender->stopped ? ADMIN_TEMPORARY : ADMIN_DONE;
}

static int send_reports(struct show *show, struct sending *sending)
{
	struct sender *sender = &sending->sender;
	struct why why = {""};
	int result;

	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	signal(SIGPIPE, SIG_IGN);
	sender->tell = tell;
	sender->go_on = go_on;
	sender->arg = show;
	if (show->choice.admin->json) {
		show->json = jsonout_new(show->choice.admin->arena, "report.send");
		jsonout_array(show->json, "events");
	}
	result = run_sender(&show->choice, sender, &why);
	if (show->json != NULL)
		jsonout_print(show->json, stdout);
	if (result != 0) {
		admin_error(show->choice.admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	sum_up(show, sender);
	if (show->shown > 0 && sending->warning != NULL)
		admin_warning(show->choice.admin, "%s", sending->warning);
	return exit_code(sender);
}

static int check_send(const struct choice *choice)
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
		return admin_usage(admin, "--to: \"%s\" is no mail address", choice->copy_to);
	return 0;
}

int report_send(struct admin *admin, int argc, char **argv)
{
	static const int exit_of[] = {[SENDING_CONFIG] = ADMIN_CONFIG,
				      [SENDING_BUSY] = ADMIN_TEMPORARY,
				      [SENDING_UNAVAILABLE] = ADMIN_UNAVAILABLE};
	struct show show = {.choice = {.admin = admin}};
	const struct conf *conf;
	struct sending sending;
	enum sending_state state;
	struct why why = {""};
	int status;

	if (read_choice(&show.choice, argc, argv) != 0 || check_send(&show.choice) != 0)
		return ADMIN_USAGE;
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	state = sending_open(&sending, conf, show.choice.dry_run, &why);
	if (state != SENDING_READY) {
		admin_error(admin, "%s", why.text);
		return exit_of[state];
	}
	status = send_reports(&show, &sending);
	sending_close(&sending);
	return status;
}

/* ---- the outbox of the settings ---- */

struct outbox *report_outbox(struct admin *admin, enum outbox_mode mode, int *status)
{
	const struct conf *conf = admin_conf(admin);
	struct ledger_settings settings = {.read_only = true};
	struct ledger *ledger = NULL;
	struct outbox *outbox = NULL;
	struct why why = {""};
	bool busy;

	*status = ADMIN_CONFIG;
	if (conf == NULL)
		return NULL;
	settings.path = conf->store.url[0] == '\0' ? NULL : ledger_url_path(conf->store.url, &why);
	if (settings.path == NULL) {
		admin_error(admin, "%s",
			    why.text[0] != '\0' ? why.text
						: "no ledger is kept: store.url is empty");
		return NULL;
	}
	*status = ADMIN_UNAVAILABLE;
	ledger = ledger_open(&settings, &why); /* it is the daemon that makes one */
	if (ledger != NULL)
		outbox = outbox_open(&settings, mode, &busy, &why);
	ledger_close(ledger);
	if (outbox == NULL)
		admin_error(admin, "%s", why.text);
	return outbox;
}

/* ---- report retry ---- */

static bool is_over(const struct outbox_delivery *delivery)
{
	return delivery->state == OUTBOX_FAILED || delivery->state == OUTBOX_DEFERRED ||
	       delivery->state == OUTBOX_SUPPRESSED;
}

static int retry_all(const struct choice *choice, struct outbox *outbox, struct why *why)
{
	struct outbox_delivery *list;
	int64_t now = clock_wall();
	int again = 0, count = outbox_range(outbox, choice->domain, choice->from, choice->to,
					    choice->admin->arena, &list, why);

	for (int i = 0; i < count; i++) {
		if (!is_over(&list[i]))
			continue;
		list[i].state = OUTBOX_DEFERRED;
		list[i].tries = 0;
		list[i].next = now;
		if (outbox_mark(outbox, &list[i], why) != 0)
			return -1;
		again++;
	}
	return count < 0 ? -1 : again;
}

int report_retry(struct admin *admin, int argc, char **argv)
{
	struct choice choice = {.admin = admin};
	struct outbox *outbox;
	struct why why = {""};
	int status, again;

	choice.to = clock_day(clock_wall());
	choice.from = choice.to - RETRY_DAYS;
	if (read_choice(&choice, argc, argv) != 0)
		return ADMIN_USAGE;
	outbox = report_outbox(admin, OUTBOX_CHANGE, &status);
	if (outbox == NULL)
		return status;
	again = retry_all(&choice, outbox, &why);
	outbox_close(outbox);
	if (again < 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	admin_note(admin,
		   "%d will be tried again; the daemon does it within half an hour, or:"
		   " countersign report send",
		   again);
	return again > 0 ? ADMIN_DONE : ADMIN_NO;
}

/* ---- report suppress, unsuppress ---- */

static int list_suppressions(struct admin *admin, struct outbox *outbox, struct why *why)
{
	static const char *const headings[] = {"NAME", "UNTIL", "REASON"};
	struct out_table *table = out_table_new(admin->arena, headings, 3);
	struct outbox_suppression *list;
	int count = outbox_suppressions(outbox, admin->arena, &list, why);
	unsigned shown = 0;

	for (int i = 0; i < count; i++) {
		char until[CLOCK_TEXT_MAX];

		if (list[i].until <= clock_wall())
			continue;
		out_cell(table, OUT_PLAIN, "%s", list[i].address);
		out_cell(table, OUT_PLAIN, "%s",
			 list[i].until == OUTBOX_FOR_EVER
			     ? "for ever"
			     : clock_day_text(clock_day(list[i].until), until));
		out_cell(table, OUT_PLAIN, "%s", list[i].reason == NULL ? "" : list[i].reason);
		shown++;
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
	if (count >= 0 && shown == 0)
		admin_note(admin, "nothing is suppressed");
	return count < 0 ? -1 : 0;
}

/* An address or a domain as the sender looks it up; NULL: neither. */
static const char *normal_name(struct admin *admin, const char *text)
{
	struct destination list[DESTINATION_MAX];

	if (strchr(text, '@') == NULL)
		return domain_to_ascii(admin->arena, span_of(text));
	text = arena_printf(admin->arena, "mailto:%s", text);
	return destination_parse(admin->arena, span_of(text), list) == 1 ? list[0].address : NULL;
}

static int change_suppression(struct admin *admin, struct outbox *outbox, const char *text,
			      bool suppress)
{
	struct outbox_suppression s = {.until = suppress ? OUTBOX_FOR_EVER : 0,
				       .reason = "by hand"};
	struct why why = {""};
	int result;

	s.address = normal_name(admin, text);
	if (s.address == NULL)
		return admin_usage(admin, "\"%s\" is neither an address nor a domain", text);
	result = outbox_suppress(outbox, &s, &why);
	if (result < 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	if (suppress || result == 1)
		return ADMIN_DONE;
	admin_error(admin, "%s was not suppressed", s.address);
	return ADMIN_NO;
}

int report_suppress(struct admin *admin, int argc, char **argv)
{
	struct outbox *outbox;
	struct why why = {""};
	int status = admin_args(admin, argc, argv, 0, -1);
	bool listing;

	if (status != 0)
		return status;
	listing = optind == argc;
	outbox = report_outbox(admin, listing ? OUTBOX_READ : OUTBOX_CHANGE, &status);
	if (outbox == NULL)
		return status;
	status = ADMIN_DONE;
	if (listing && list_suppressions(admin, outbox, &why) != 0) {
		admin_error(admin, "%s", why.text);
		status = ADMIN_UNAVAILABLE;
	}
	for (int i = optind; i < argc && status == ADMIN_DONE; i++)
		status = change_suppression(admin, outbox, argv[i], true);
	outbox_close(outbox);
	return status;
}

int report_unsuppress(struct admin *admin, int argc, char **argv)
{
	struct outbox *outbox;
	int status = admin_args(admin, argc, argv, 1, -1);

	if (status != 0)
		return status;
	outbox = report_outbox(admin, OUTBOX_CHANGE, &status);
	if (outbox == NULL)
		return status;
	status = ADMIN_DONE;
	for (int i = optind; i < argc && status == ADMIN_DONE; i++)
		status = change_suppression(admin, outbox, argv[i], false);
	outbox_close(outbox);
	return status;
}
