/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending is in a process of its own: it waits for mail servers and for hours, and whatever goes
 * wrong in it cannot harm the milter. It keeps no state but the store's and the note of the mail
 * under way, so it may be killed.
 *
 * It is forked from the supervisor, which has no threads, no ledger and no network open. When the
 * supervisor is gone it ends, too: it looks for that between mails.
 */
#include "daemon/report_sender.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "context/page_mail.h"
#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "daemon/status.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "report/tls/build.h"

static const int64_t first_pause = 5 * CLOCK_SECOND;
static const int64_t pause_between = 1800 * CLOCK_SECOND;
static const int64_t pause_of_failures = 60 * CLOCK_SECOND;
static const int64_t pause_without_store = 300 * CLOCK_SECOND;

/* ---- in the process ---- */

static volatile sig_atomic_t term_came;
static const char *public_keys; /* of the last report_sender_start() */

static void on_term(int signal)
{
	(void)signal;
	term_came = 1;
}

static bool goes_on(void)
{
	return !term_came;
}

struct work {
	const struct conf *conf;
	struct sender *sender;
	int64_t failures_at; /* when failure reports are looked for next */
	pid_t parent;
};

static bool is_wanted(const struct work *work)
{
	return !term_came && getppid() == work->parent;
}

/* Failure reports are sent at once, between the aggregate reports. */
static void send_failures(struct work *work)
{
	struct why why = {""};

	if (!work->conf->failures.send || clock_mono() < work->failures_at)
		return;
	work->failures_at = clock_mono() + pause_of_failures;
	if (sender_failures(work->sender, NULL, &why) != 0)
		log_error("reports: %s", why.text);
}

/* When the sending begins on DAY. */
static int64_t begin_on(const struct conf *conf, int32_t day)
{
	return clock_day_begin(day) + conf->reports.start / CLOCK_SECOND;
}

/* Before each mail: waits for its share of the time that is left today. */
static bool wait_for_turn(void *arg, unsigned left)
{
	const struct timespec moment = {.tv_nsec = 200 * CLOCK_MS};
	struct work *work = arg;
	struct why why = {""};
	int64_t now = clock_wall();
	int64_t end =
	    begin_on(work->conf, clock_day(now)) + work->conf->reports.spread / CLOCK_SECOND;
	int64_t until = clock_mono();

	if (now < end)
		until += (end - now) * CLOCK_SECOND / (left + 1);
	while (is_wanted(work) && clock_mono() < until) {
		nanosleep(&moment, NULL);
		send_failures(work);
		if (outbox_keep(work->sender->outbox, &why) != 0) {
			log_warning("reports: %s", why.text);
			return false;
		}
	}
	return is_wanted(work);
}

static void count_event(const struct sender_event *event)
{
	static const enum count_outcome outcomes[] = {
	    [OUTBOX_BUILT] = COUNT_DEFERRED, [OUTBOX_SENDING] = COUNT_DEFERRED,
	    [OUTBOX_SENT] = COUNT_SENT,      [OUTBOX_DEFERRED] = COUNT_DEFERRED,
	    [OUTBOX_FAILED] = COUNT_FAILED,  [OUTBOX_SUPPRESSED] = COUNT_SUPPRESSED,
	};

	if (event->what != SENDER_DELIVERY)
		return;
	counters_count(METRIC_REPORTS_SENT, outcomes[event->state], 0, 0);
	if (event->state == OUTBOX_SENT)
		counters_set(METRIC_REPORT_SUCCESS_TIME, clock_wall());
}

static const char *const what_of[] = {[OUTBOX_AGGREGATE] = "report",
				      [OUTBOX_FAILURE] = "failure report",
				      [OUTBOX_TLS] = "TLS report",
				      [OUTBOX_NOTICE] = "notice"};

static void log_event(void *arg, const struct sender_event *event)
{
	const char *reply = event->reply == NULL ? "" : event->reply;
	char day[CLOCK_TEXT_MAX];

	(void)arg;
	count_event(event);
	clock_day_text(event->day, day);
	if (event->what == SENDER_BUILT)
		log_debug("%s %s of %s for %s: built", what_of[event->kind], event->id, day,
			  event->domain);
	else if (event->what == SENDER_COPY)
		log_info("copy of the report of %s for %s to %s: %s (%s)", day, event->domain,
			 event->address, outbox_state_text(event->state), reply);
	else if (event->state == OUTBOX_SENT)
		log_info("%s of %s for %s to %s: sent (%s)", what_of[event->kind], day,
			 event->domain, event->address, reply);
	else
		log_warning("%s of %s for %s to %s: %s (%s)", what_of[event->kind], day,
			    event->domain, event->address, outbox_state_text(event->state), reply);
}

/* Counts the reports that any later run will send. */
static void count_pending(const struct sender *sender, int32_t yesterday)
{
	const struct outbox_query query = {
	    .kind = OUTBOX_AGGREGATE, .to_day = yesterday, .now = INT64_MAX};
	int64_t pending;
	struct why why;

	if (outbox_due_count(sender->outbox, &query, &pending, &why) == 0)
		counters_set(METRIC_REPORTS_PENDING, pending);
}

static void fill_daemon(void *arg, struct page_facts *facts)
{
	(void)arg;
	status_fill_page(facts);
}

/* The page by mail, and what the audit has put into the outbox. A fault of them holds up no report.
 */
static int send_notices(struct sending *sending, const struct conf *conf)
{
	struct why why = {""};
	int result = page_mail_put(sending, conf, fill_daemon, NULL, &why);

	if (result == 0)
		result = sender_notices(&sending->sender, &why);
	if (result != 0)
		log_error("notices: %s", why.text);
	return result;
}

static int send_tls(struct sender *sender, int32_t yesterday, struct why *why)
{
	if (sender->sessions == NULL || sender->stopped)
		return 0;
	if (tls_report_build(sender, NULL, yesterday - SENDER_BUILD_DAYS + 1, yesterday, why) != 0)
		return -1;
	return sender_tls(sender, NULL, yesterday, why);
}

/* -1: the store failed. */
static int send_all(struct sender *sender)
{
	int32_t yesterday = clock_day(clock_wall()) - 1;
	struct why why = {""};
	int result = sender_build(sender, NULL, yesterday - SENDER_BUILD_DAYS + 1, yesterday, &why);

	if (result == 0)
		result = sender_build_late(sender, NULL, &why);
	if (result == 0)
		result = sender_deliver(sender, NULL, 0, yesterday, &why);
	if (result == 0)
		result = send_tls(sender, yesterday, &why);
	if (sender->incomplete > 0)
		log_info("reports: %u wait for what other hosts have not shipped yet: %s",
			 sender->incomplete, sender->waiting_for.text);
	if (sender->damaged > 0)
		log_error("reports: %u are not made: %s", sender->damaged, sender->damage.text);
	if (result != 0)
		log_error("reports: %s", why.text);
	count_pending(sender, yesterday);
	if (sender->stopped && !term_came)
		log_warning("reports: the rest is left for later: %s", sender->stop_reason.text);
	if (sender->built + sender->sent + sender->deferred + sender->failed > 0)
		log_info("reports: %u built, %u sent, %u deferred, %u failed, %u suppressed",
			 sender->built, sender->sent, sender->deferred, sender->failed,
			 sender->suppressed);
	return result;
}

static noreturn void run_sender(const struct conf *conf, pid_t parent)
{
	struct work work = {.conf = conf, .parent = parent};
	struct sending sending = {
	    .sender = {.tell = log_event, .go_on = wait_for_turn, .arg = &work}};
	struct why why = {""};
	enum sending_state state;
	int result;

	helper_take_signals(on_term);
	confined_enter(CONFINED_REPORTS, conf);
	state = sending_open(&sending, conf, public_keys, false, &why);
	if (state == SENDING_BUSY)
		log_debug("reports: %s", why.text);
	else if (state != SENDING_READY)
		log_error("reports: %s", why.text);
	if (state != SENDING_READY)
		daemon_exit(state == SENDING_UNAVAILABLE);
	sending.settings.server.go_on = goes_on;
	work.sender = &sending.sender;
	send_failures(&work);
	result = send_notices(&sending, conf);
	if (conf->reports.send && send_all(&sending.sender) != 0)
		result = -1;
	if (sending.sender.sent > 0 && sending.warning != NULL)
		log_warning("reports: %s", sending.warning);
	sending_close(&sending);
	daemon_exit(result != 0);
}

/* ---- in the supervisor ---- */

/* Nanoseconds until the run of this day may start; 0: it may. */
static int64_t until_due(const struct conf *conf)
{
	int64_t now = clock_wall(), start = begin_on(conf, clock_day(now));

	return now < start ? (start - now) * CLOCK_SECOND : 0;
}

/* Half an hour, or what failure reports may wait, but not past the next daily run. */
static int64_t next_pause(const struct conf *conf)
{
	int64_t between = conf->failures.send ? pause_of_failures : pause_between;
	int64_t now = clock_wall();
	int64_t daily = begin_on(conf, clock_day(now) + 1);
	int64_t pause = (daily - now) * CLOCK_SECOND;

	return pause < between ? pause : between;
}

static bool is_needed(const struct conf *conf)
{
	return conf->reports.send || conf->page.mail.count > 0 || conf->audit.mail.count > 0;
}

int64_t report_sender_start(struct helper *report_sender, const struct conf *conf, const char *keys,
			    const struct workers *workers)
{
	int64_t now = clock_mono();

	public_keys = keys;
	if (report_sender->pid != 0 || !is_needed(conf))
		return 0;
	if (report_sender->next_at == 0)
		report_sender->next_at = now + first_pause;
	if (report_sender->next_at > now)
		return report_sender->next_at;
	if (until_due(conf) > 0)
		return report_sender->next_at = now + until_due(conf);
	report_sender->next_at = now + next_pause(conf);
	helper_start(report_sender, "reports", run_sender, conf, workers);
	return report_sender->pid != 0 ? 0 : report_sender->next_at;
}

int64_t report_sender_look_after(struct helper *report_sender)
{
	long pid = (long)report_sender->pid;
	int status;
	int64_t next = helper_look_after(report_sender, &status);
	int64_t soon = clock_mono() + pause_without_store;

	if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && report_sender->next_at > soon)
		report_sender->next_at = soon;
	if (WIFSIGNALED(status))
		log_warning("reports: process %ld was killed by signal %d; the next one"
			    " sends what it had not finished",
			    pid, WTERMSIG(status));
	return next;
}
