/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread, one poll loop. Signals become bytes in a pipe.
 *
 * The settings a worker runs with are the text of what was validated, never the file: a worker
 * that dies while the file is broken is replaced like any other.
 *
 * How new settings are agreed on is in reload.c, how workers live and die in workers.c; here is
 * what follows from what they say.
 */
#include "daemon/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/checker.h"
#include "daemon/daemon.h"
#include "conf/errors.h"
#include "context/context.h"
#include "daemon/http/exporter.h"
#include "daemon/http/pages.h"
#include "daemon/http/receiver.h"
#include "daemon/keys/copier.h"
#include "daemon/keys/manager.h"
#include "daemon/measure.h"
#include "daemon/notify.h"
#include "daemon/opinion/service.h"
#include "daemon/reload.h"
#include "daemon/rights/confined.h"
#include "daemon/bimi/fetcher.h"
#include "daemon/report_reader.h"
#include "daemon/report_sender.h"
#include "daemon/shipper.h"
#include "daemon/status.h"
#include "daemon/tls/service.h"
#include "daemon/workers.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "metrics/exposition.h"

enum { KEPT = 6 };

static const struct helper_kind *const kept_kinds[KEPT] = {
    &pages_kind,        &report_reader_kind, &receiver_kind,
    &bimi_fetcher_kind, &shipper_kind,       &copier_kind,
};

struct supervisor {
	const struct supervisor_options *options;
	struct workers workers;
	struct conf *conf; /* the last good settings, and as text */
	char *text;
	struct reload reload;
	struct keymanager keys;
	struct keyprocess *loading; /* for the settings in use; or NULL */
	struct why key_failure;     /* why it could not be had last */
	struct helper report_sender;
	struct exporter exporter;
	struct control *control;
	struct helper kept[KEPT]; /* those of kept_kinds */
	struct tls_service tls;
	struct opinion_service opinion;
	int signal_fd;
	bool hup;
	unsigned terms;
	bool ready; /* every worker was, once */
	bool stopping;
	bool quitting; /* without waiting for messages */
	int code;
	int64_t ping_every;
	int64_t ping_at;
	int64_t measure_at;
	int64_t commit_deadline; /* for the workers to use new settings; 0: all do */
	unsigned told_round;     /* of reloads */
};

enum { SIGNAL_READ, SIGNAL_WRITE, REPORT }; /* in workers.private_fds */

static const int64_t quit_grace = 6 * CLOCK_SECOND;
static const int64_t commit_patience = 10 * CLOCK_SECOND;
static const int64_t measure_every = 10 * CLOCK_SECOND;

/* ---- signals ---- */

static int signal_write = -1;

static void on_signal(int signal)
{
	unsigned char byte = (unsigned char)signal;
	int error = errno;
	ssize_t n;

	do
		n = write(signal_write, &byte, 1);
	while (n < 0 && errno == EINTR);
	errno = error;
}

static int take_signals(struct supervisor *s)
{
	static const int wanted[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fds[2];

	if (channel_pair(fds) != 0)
		return -1;
	s->signal_fd = fds[0];
	signal_write = fds[1];
	s->workers.private_fds[SIGNAL_READ] = fds[0];
	s->workers.private_fds[SIGNAL_WRITE] = fds[1];
	for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		sigaction(wanted[i], &action, NULL);
	return 0;
}

static void read_signals(struct supervisor *s)
{
	unsigned char bytes[64];
	ssize_t n;

	while ((n = read(s->signal_fd, bytes, sizeof bytes)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (bytes[i] == SIGHUP)
				s->hup = true;
			else if (bytes[i] != SIGCHLD)
				s->terms++;
		}
	}
}

/* ---- the start report ---- */

static void list_names(const struct supervisor *s, struct buf *out)
{
	for (const struct slot *slot = s->workers.slots; slot != NULL; slot = slot->next) {
		buf_string(out, out->len == 0 ? "" : ", ");
		buf_string(out, slot->listener.name);
	}
}

/* To the process that waits for the start; only the first report is sent. */
static void report_start(struct supervisor *s, int code, const char *text)
{
	daemon_report(s->workers.private_fds[REPORT], code, text);
	s->workers.private_fds[REPORT] = -1;
}

static void start_failed(struct supervisor *s, int code, const char *reason)
{
	struct why line;

	log_error("not started: %s", reason);
	why_set(&line, "countersignd: %s\n", reason);
	if (s->workers.private_fds[REPORT] < 0 && !log_reaches_stderr())
		fputs(line.text, stderr);
	report_start(s, code, line.text);
	s->code = code;
}

/* ---- stopping ---- */

static void close_all(struct supervisor *s, int64_t patience)
{
	while (s->workers.slots != NULL)
		workers_close_slot(&s->workers, s->workers.slots, patience);
}

/* All but those of Postfix's lookups and of the second opinion. The sender of reports may finish.
 */
static void stop_helpers(struct supervisor *s, int64_t patience)
{
	helper_stop(&s->report_sender, patience);
	exporter_stop(&s->exporter);
	for (unsigned i = 0; i < KEPT; i++)
		helper_stop(&s->kept[i], kept_kinds[i]->patience);
}

static void drain_all(struct supervisor *s)
{
	unsigned long seconds = (unsigned long)(s->conf->drain / CLOCK_SECOND);

	s->stopping = true;
	log_info("stopping: messages under way have %lu seconds", seconds);
	notify_send("STOPPING=1\nEXTEND_TIMEOUT_USEC=%lu\nSTATUS=finishing messages under way",
		    (seconds + 10) * 1000000);
	reload_drop(&s->reload);
	stop_helpers(s, s->conf->drain);
	tls_service_stop(&s->tls);
	opinion_stop(&s->opinion);
	close_all(s, s->conf->drain + WORKERS_DRAIN_GRACE);
}

static void stop_now(struct supervisor *s)
{
	int64_t soon = clock_mono() + quit_grace;

	s->stopping = true;
	s->quitting = true;
	reload_drop(&s->reload);
	stop_helpers(s, quit_grace);
	tls_service_stop(&s->tls);
	opinion_stop(&s->opinion);
	close_all(s, quit_grace);
	for (struct member *member = s->workers.members; member != NULL; member = member->next) {
		channel_send(&member->channel, CHANNEL_QUIT, "");
		if (member->kill_at > soon)
			member->kill_at = soon;
	}
}

/* ---- metrics ---- */

static void count_workers(const struct supervisor *s)
{
	int64_t ready = 0;

	for (const struct slot *slot = s->workers.slots; slot != NULL; slot = slot->next)
		ready += slot->member != NULL && slot->member->state == MEMBER_READY;
	counters_set(METRIC_WORKERS, ready);
}

/* At intervals, for readers of the shared counters. */
static int64_t measure_at_times(struct supervisor *s)
{
	int64_t now = clock_mono();

	if (now < s->measure_at)
		return s->measure_at;
	measure_process();
	return s->measure_at = now + measure_every;
}

/* ---- keys ---- */

static void close_supervisor_files(const void *workers)
{
	socket_disinherit();
	workers_close_files(workers);
}

/* As main.c says it of the other settings. */
static void fail_keys(struct supervisor *s, const char *option, const char *reason)
{
	struct conf_errors errors;
	struct why text;

	conf_errors_init(&errors);
	conf_refuse(s->conf, &errors, option, "%s", reason);
	why_set(&text, "1 error in %s\n%s:%u: %s", s->options->settings_path, errors.items[0].file,
		errors.items[0].line, errors.items[0].text);
	conf_errors_free(&errors);
	start_failed(s, EX_CONFIG, text.text);
	stop_now(s);
}

/* Said once for each reason. */
static void complain_of_keys(struct supervisor *s, const char *reason)
{
	if (strcmp(s->key_failure.text, reason) != 0)
		log_error("there is no key process, so messages that are to be signed wait: %s",
			  reason);
	why_set(&s->key_failure, "%s", reason);
}

/* Starts a key process for the settings in use where there is none. Returns when it is due, or 0.
 */
static int64_t want_keys(struct supervisor *s)
{
	struct why why;

	if (s->loading != NULL || s->keys.current != NULL || !context_uses_keys(s->conf) ||
	    (s->stopping && s->workers.members == NULL))
		return 0;
	if (keymanager_is_stuck(&s->keys) && !s->stopping) {
		log_error("the process that starts key processes is gone: the daemon ends, to be "
			  "started again");
		s->code = EX_SOFTWARE;
		drain_all(s);
		return 0;
	}
	if (s->keys.next_at > clock_mono())
		return s->keys.next_at;
	s->loading = keymanager_launch(&s->keys, s->conf, &why);
	if (s->loading != NULL)
		return 0;
	complain_of_keys(s, why.text);
	s->keys.next_at = clock_mono() + CLOCK_SECOND;
	return s->keys.next_at;
}

static void note_loaded(void *arg, struct keyprocess *process)
{
	struct supervisor *s = arg;

	if (process == s->reload.process) {
		reload_ask(&s->reload);
		return;
	}
	if (s->key_failure.text[0] != '\0')
		log_info("key process %ld signs", process->pid);
	s->key_failure.text[0] = '\0';
	s->loading = NULL;
	keymanager_switch(&s->keys, process);
	for (struct member *member = s->workers.members; member != NULL; member = member->next)
		channel_send_file(&member->channel, CHANNEL_REKEY, process->text,
				  keymanager_connect(process));
}

static void note_unloaded(void *arg, struct keyprocess *process, const char *option,
			  const char *reason)
{
	struct supervisor *s = arg;
	struct why text;

	if (process == s->reload.process) {
		reload_refuse_keys(&s->reload, option, reason);
		return;
	}
	s->loading = NULL;
	why_set(&text, "%s: %s", option, reason);
	if (!s->ready && !s->stopping)
		fail_keys(s, option, reason);
	else
		complain_of_keys(s, text.text);
	keymanager_pause(&s->keys);
	if (s->keys.next_at < clock_mono() + CLOCK_SECOND)
		s->keys.next_at = clock_mono() + CLOCK_SECOND;
}

static void note_lost(void *arg)
{
	struct supervisor *s = arg;

	keymanager_pause(&s->keys);
}

/* Other settings came while it was loading. */
static void drop_loading(struct supervisor *s)
{
	keymanager_discard(&s->keys, s->loading);
	s->loading = NULL;
}

static void open_keys(struct supervisor *s)
{
	const struct keymanager_events events = {note_loaded, note_unloaded, note_lost, s};

	keymanager_init(&s->keys, &events, s->options->launcher_fd,
			(pid_t)s->options->launcher_pid);
	s->keys.socket = s->options->launcher_socket;
	s->keys.clean = close_supervisor_files;
	s->keys.clean_arg = &s->workers;
	s->workers.keys = &s->keys;
}

/* ---- reload ---- */

static void report_reload(struct supervisor *s)
{
	struct buf names;

	daemon_log(s->conf);
	daemon_log_level(s->conf);
	buf_init(&names, NULL, 0);
	list_names(s, &names);
	log_info("reloaded: listening on %s; settings %s", buf_text(&names),
		 s->options->settings_path);
	notify_send("READY=1\nSTATUS=ready on %s", buf_text(&names));
	buf_free(&names);
}

/* Mail does not depend on the control socket: a failure is only logged. */
static void open_control(struct supervisor *s)
{
	struct why why;

	if (control_listen(s->control, s->conf->control.socket, s->conf->control.group, &why) != 0)
		log_warning("no control socket, so countersign status, reload, log-level and cache "
			    "do not work: %s",
			    why.text);
}

/* Mail that comes in does not depend on them: a failure is only logged. */
static void reopen_tls(struct supervisor *s)
{
	struct why why;

	tls_service_stop(&s->tls);
	if (tls_service_open(&s->tls, s->conf, &why) != 0)
		log_error("tls.listen: %s", why.text);
}

/* Answers the clients that wait for the reload. */
static void answer_reloads(struct supervisor *s)
{
	const struct reload_outcome *outcome = &s->reload.outcome;

	if (outcome->round > s->told_round)
		control_answer_held(s->control, outcome->round,
				    outcome->accepted ? CONTROL_OK : CONTROL_NO,
				    buf_view(&outcome->text));
	s->told_round = outcome->round;
}

static bool all_use_new_settings(const struct supervisor *s)
{
	for (const struct member *member = s->workers.members; member != NULL;
	     member = member->next) {
		if (member->commits)
			return clock_mono() >= s->commit_deadline;
	}
	return true;
}

/* The new settings are in effect once the reload is reported. */
static void continue_reload(struct supervisor *s)
{
	if (s->hup && s->ready && s->reload.conf == NULL && s->commit_deadline == 0) {
		s->hup = false;
		reload_begin(&s->reload);
	}
	if (reload_agreed(&s->reload)) {
		drop_loading(s);
		reload_commit(&s->reload, &s->conf, &s->text);
		stop_helpers(s, s->conf->drain); /* the next ones have the new settings */
		reopen_tls(s);
		opinion_follow(&s->opinion, s->conf);
		s->commit_deadline = clock_mono() + commit_patience;
	}
	if (s->commit_deadline != 0 && all_use_new_settings(s)) {
		s->commit_deadline = 0;
		report_reload(s);
		open_control(s);
	}
	if (s->commit_deadline == 0)
		answer_reloads(s);
}

/* ---- the control socket ---- */

static void answer_text(struct control_client *client, enum control_code code, const char *text)
{
	control_answer(client, code, span_of(text));
}

static void answer_status(struct supervisor *s, struct control_client *client,
			  enum control_verb verb)
{
	struct status_facts facts = {s->options->settings_path, &s->workers, &s->reload, &s->keys};
	struct buf out;

	count_workers(s);
	measure_process();
	buf_init(&out, NULL, CONTROL_ANSWER_MAX);
	if (verb == CONTROL_STATUS)
		status_write(&out, &facts);
	else
		exposition_write(&out, EXPOSITION_TEXT);
	control_answer(client, CONTROL_OK, buf_view(&out));
	buf_free(&out);
}

/* A reload that is under way may have read the file before it was changed: the next one counts. */
static void reload_for(struct supervisor *s, struct control_client *client)
{
	if (s->stopping) {
		answer_text(client, CONTROL_NO, "the daemon is stopping\n");
		return;
	}
	s->hup = true;
	control_hold(client, s->reload.round + 1);
}

static void change_level(struct control_client *client, const char *name)
{
	int level = name_code(log_level_names, span_of(name), -1);

	if (level < 0) {
		answer_text(client, CONTROL_BAD,
			    "the level is one of error, warning, info, debug\n");
		return;
	}
	log_set_level((enum log_level)level);
	log_warning("log level %s, until the next reload", name);
	answer_text(client, CONTROL_OK, "");
}

static void flush_caches(struct supervisor *s, struct control_client *client, const char *cache)
{
	static const struct name_code caches[] = {{"dns", 0}, {"keys", 1}, {"all", 2}, {NULL, 0}};
	unsigned told;

	if (name_code(caches, span_of(cache), -1) < 0) {
		answer_text(client, CONTROL_BAD, "the cache is one of dns, keys, all\n");
		return;
	}
	told = workers_tell(&s->workers, CHANNEL_FLUSH, cache);
	log_info("cache %s: flushed in %u workers", cache, told);
	answer_text(client, CONTROL_OK, "");
}

static void obey_request(void *arg, struct control_client *client,
			 const struct control_request *request)
{
	struct supervisor *s = arg;

	switch (request->verb) {
	case CONTROL_STATUS:
	case CONTROL_METRICS:
		answer_status(s, client, request->verb);
		break;
	case CONTROL_RELOAD:
		reload_for(s, client);
		break;
	case CONTROL_LOG_LEVEL:
		change_level(client, request->argument);
		break;
	case CONTROL_CACHE_FLUSH:
		flush_caches(s, client, request->argument);
		break;
	}
}

/* ---- frames from workers ---- */

static void check_readiness(struct supervisor *s)
{
	struct buf names;

	for (const struct slot *slot = s->workers.slots; slot != NULL; slot = slot->next) {
		if (slot->member == NULL || slot->member->state != MEMBER_READY)
			return;
	}
	s->ready = true;
	buf_init(&names, NULL, 0);
	list_names(s, &names);
	log_info("ready: countersignd %s, listening on %s; settings %s", VERSION, buf_text(&names),
		 s->options->settings_path);
	notify_send("READY=1\nMAINPID=%ld\nSTATUS=ready on %s", (long)getpid(), buf_text(&names));
	buf_free(&names);
	report_start(s, 0, "");
}

static void note_ready(struct supervisor *s, struct member *member)
{
	if (member->state != MEMBER_STARTING)
		return;
	member->state = MEMBER_READY;
	log_info("worker %ld serves %s", (long)member->pid, member->name);
	if (!s->ready && !s->stopping)
		check_readiness(s);
}

/* The worker got TERM itself: it finishes its messages while its successor serves. */
static void relieve_worker(struct supervisor *s, struct member *member)
{
	struct slot *slot = member->slot;

	if (slot == NULL)
		return;
	log_info("worker %ld (%s) was asked to end; another takes over", (long)member->pid,
		 member->name);
	if (member->vote != VOTE_NONE || slot->candidate)
		reload_refuse(&s->reload, "a worker was asked to end meanwhile");
	if (member->slot == NULL)
		return;
	workers_relieve(member, s->conf->drain + WORKERS_DRAIN_GRACE);
	slot->start_at = clock_mono();
}

static void obey_worker(struct supervisor *s, struct member *member,
			const struct channel_frame *frame)
{
	switch (frame->kind) {
	case CHANNEL_READY:
		note_ready(s, member);
		break;
	case CHANNEL_FAILED:
		why_set(&member->failure, "%s", frame->text);
		break;
	case CHANNEL_YES:
		reload_answer(&s->reload, member, true, "");
		break;
	case CHANNEL_NO:
		reload_answer(&s->reload, member, false, frame->text);
		break;
	case CHANNEL_LEAVING:
		relieve_worker(s, member);
		break;
	case CHANNEL_DONE:
		member->commits = false;
		break;
	case CHANNEL_PONG:
		member->answered = true;
		break;
	default:
		log_warning("worker %ld sent an unknown message (%d)", (long)member->pid,
			    frame->kind);
	}
}

static void read_workers(struct supervisor *s)
{
	struct channel_frame frame;

	for (struct member *member = s->workers.members; member != NULL; member = member->next) {
		while (channel_next(&member->channel, &frame))
			obey_worker(s, member, &frame);
	}
}

/* ---- workers that ended ---- */

static void describe_death(const struct member *member, int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "worker %ld (%s) was killed by signal %d (%s)",
			 (long)member->pid, member->name, WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (member->failure.text[0] != '\0')
		snprintf(text, size, "worker %ld (%s) could not start: %s", (long)member->pid,
			 member->name, member->failure.text);
	else
		snprintf(text, size, "worker %ld (%s) ended with code %d", (long)member->pid,
			 member->name, WEXITSTATUS(status));
}

static void log_restart(const struct slot *slot, const char *how)
{
	int64_t pause = slot->start_at - clock_mono();

	if (pause < CLOCK_MS)
		log_warning("%s; another takes its place", how);
	else
		log_warning("%s; %u in a row: the next one starts in %.1f seconds", how,
			    slot->quick_deaths, (double)pause / (double)CLOCK_SECOND);
}

static void handle_death(struct supervisor *s, struct member *member, int status)
{
	struct slot *slot = member->slot;
	char how[900];

	describe_death(member, status, how, sizeof how);
	if (slot == NULL || s->stopping) {
		if (status == 0)
			log_debug("%s", how);
		else
			log_warning("%s", how);
		return;
	}
	if (!s->ready) {
		start_failed(s, EX_UNAVAILABLE,
			     member->failure.text[0] == '\0' ? how : member->failure.text);
		stop_now(s);
		return;
	}
	if (slot->candidate) {
		reload_refuse(&s->reload,
			      member->failure.text[0] == '\0' ? how : member->failure.text);
		return;
	}
	counters_count(METRIC_WORKER_DEATHS, 0, 0, 0);
	log_restart(slot, how);
	if (member->vote != VOTE_NONE && member->state == MEMBER_READY)
		reload_refuse(&s->reload, "a worker died while it prepared them");
}

static void reap_workers(struct supervisor *s)
{
	struct member *member;
	int status;

	while ((member = workers_reap(&s->workers, &status)) != NULL) {
		handle_death(s, member, status);
		workers_free_member(member);
	}
}

/* ---- time ---- */

/* The earlier of two moments; 0 is none. */
static int64_t earlier_of(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static void start_worker(struct supervisor *s, struct slot *slot)
{
	struct worker_needs needs = {
	    .settings = s->text,
	    .keys = s->keys.text,
	    .key_fd = keymanager_connect(s->keys.current),
	};

	workers_start(&s->workers, slot, &needs);
}

/* Starts the workers that are due. Returns when the next one is, or 0. */
static int64_t start_due(struct supervisor *s)
{
	int64_t now = clock_mono(), next = 0;

	if (s->stopping || s->reload.conf != NULL ||
	    (context_uses_keys(s->conf) && s->keys.text == NULL))
		return 0;
	for (struct slot *slot = s->workers.slots; slot != NULL; slot = slot->next) {
		if (slot->member != NULL)
			continue;
		if (slot->start_at <= now)
			start_worker(s, slot);
		if (slot->member == NULL)
			next = earlier_of(next, slot->start_at);
	}
	return next;
}

static bool all_answered(const struct supervisor *s)
{
	for (const struct member *member = s->workers.members; member != NULL;
	     member = member->next) {
		if (member->state == MEMBER_READY && !member->answered)
			return false;
	}
	return true;
}

/* Pets the service manager's watchdog as long as every worker answers its pings. */
static int64_t ping_workers(struct supervisor *s)
{
	int64_t now = clock_mono();

	if (s->ping_every == 0)
		return 0;
	if (now < s->ping_at)
		return s->ping_at;
	if (s->ping_at == 0 || all_answered(s)) {
		notify_send("WATCHDOG=1");
		for (struct member *member = s->workers.members; member != NULL;
		     member = member->next) {
			member->answered = false;
			channel_send(&member->channel, CHANNEL_PING, "");
		}
	}
	s->ping_at = now + s->ping_every;
	return s->ping_at;
}

/* ---- the loop ---- */

static void obey_signals(struct supervisor *s)
{
	if (s->terms >= 2 && !s->quitting)
		stop_now(s);
	else if (s->terms == 1 && !s->stopping)
		drain_all(s);
}

static bool have_helpers_ended(const struct supervisor *s)
{
	for (unsigned i = 0; i < KEPT; i++) {
		if (s->kept[i].pid != 0)
			return false;
	}
	return s->report_sender.pid == 0 && s->exporter.helper.pid == 0 &&
	       s->opinion.helper.pid == 0 && tls_service_has_ended(&s->tls);
}

static bool have_all_ended(const struct supervisor *s)
{
	return s->stopping && s->workers.members == NULL && have_helpers_ended(s);
}

static int64_t start_helpers(struct supervisor *s)
{
	int64_t next =
	    earlier_of(report_sender_start(&s->report_sender, s->conf, s->keys.text, &s->workers),
		       exporter_start(&s->exporter, s->conf, &s->workers));

	pages_use_keys(s->keys.text);
	for (unsigned i = 0; i < KEPT; i++)
		next =
		    earlier_of(next, helper_keep(&s->kept[i], kept_kinds[i], s->conf, &s->workers));
	next = earlier_of(next, opinion_start(&s->opinion, s->conf, &s->workers));
	return earlier_of(next, tls_service_start(&s->tls, s->conf, &s->workers));
}

static int64_t look_after_helpers(struct supervisor *s)
{
	int64_t next = earlier_of(report_sender_look_after(&s->report_sender),
				  exporter_look_after(&s->exporter));

	for (unsigned i = 0; i < KEPT; i++)
		next = earlier_of(next, helper_look_after_kept(&s->kept[i], kept_kinds[i]));
	next = earlier_of(next, opinion_look_after(&s->opinion));
	return earlier_of(next, tls_service_look_after(&s->tls));
}

static void wait_for_all(struct supervisor *s, int64_t until)
{
	struct pollfd polls[1 + CONTROL_POLLS + KEYMANAGER_POLLS] = {
	    {.fd = s->signal_fd, .events = POLLIN}};
	unsigned count = 1;

	count += control_polls(s->control, polls + count);
	count += keymanager_polls(&s->keys, polls + count);
	workers_wait(&s->workers, polls, count, until);
}

static void run_loop(struct supervisor *s)
{
	while (!have_all_ended(s)) {
		int64_t next, control = control_work(s->control);

		obey_signals(s);
		if (!s->stopping)
			continue_reload(s);
		next = earlier_of(control, workers_kill_late(&s->workers));
		next = earlier_of(next, want_keys(s));
		next = earlier_of(next, start_due(s));
		next = earlier_of(next, ping_workers(s));
		next = earlier_of(next, look_after_helpers(s));
		if (s->ready && !s->stopping)
			next = earlier_of(next, start_helpers(s));
		if (s->reload.conf != NULL)
			next = earlier_of(next, s->reload.deadline);
		next = earlier_of(next, s->commit_deadline);
		next = earlier_of(next, measure_at_times(s));
		if (have_all_ended(s))
			break;
		count_workers(s);
		wait_for_all(s, next);
		read_signals(s);
		keymanager_work(&s->keys);
		read_workers(s);
		reap_workers(s);
	}
}

static bool open_all(struct supervisor *s)
{
	struct why why;
	unsigned left;

	for (unsigned i = 0; i < s->conf->listen.count; i++) {
		if (workers_find_slot(&s->workers, s->conf->listen.items[i]) != NULL)
			continue;
		errno = 0;
		if (workers_open_slot(&s->workers, s->conf->listen.items[i],
				      (mode_t)s->conf->socket_mode, &why) == NULL) {
			start_failed(s,
				     errno == EACCES || errno == EPERM ? EX_NOPERM : EX_UNAVAILABLE,
				     why.text);
			return false;
		}
	}
	if (tls_service_open(&s->tls, s->conf, &why) != 0) {
		start_failed(s, EX_UNAVAILABLE, why.text);
		return false;
	}
	left = socket_disinherit();
	if (left > 0)
		log_warning("%u sockets that the service manager has opened are in no setting: "
			    "nobody answers there",
			    left);
	if (s->workers.slots == NULL)
		start_failed(s, EX_CONFIG, "listen is empty: no MTA could connect");
	return s->workers.slots != NULL;
}

int supervisor_run(const struct supervisor_options *options, struct conf *conf)
{
	struct supervisor s = {
	    .options = options,
	    .conf = conf,
	    .workers = {.settings_name = options->settings_path,
			.private_fds = {-1, -1, options->report_fd}},
	};

	confined_open();
	confined_enter(CONFINED_SUPERVISOR, conf);
	counters_set(METRIC_START_TIME, clock_wall());
	counters_set(METRIC_RELOAD_SUCCESS, 1);
	counters_set(METRIC_RELOAD_TIME, clock_wall());
	s.text = reload_text(conf);
	open_keys(&s);
	tls_service_init(&s.tls);
	s.workers.tls = &s.tls;
	opinion_open(&s.opinion);
	s.workers.opinion = &s.opinion;
	reload_init(&s.reload, &s.workers, &s.keys, options->settings_path);
	s.control = control_new(obey_request, &s);
	s.workers.control = s.control;
	s.ping_every = notify_watchdog() / 3;
	if (take_signals(&s) != 0) {
		start_failed(&s, EX_OSERR, strerror(errno));
	} else if (open_all(&s)) {
		checker_look(s.conf);
		open_control(&s);
		run_loop(&s);
		log_info("stopped");
	} else {
		close_all(&s, 0);
	}
	tls_service_close(&s.tls);
	reload_free(&s.reload);
	keymanager_free(&s.keys);
	control_free(s.control);
	conf_free(s.conf);
	free(s.text);
	free(s.workers.polls);
	return s.code;
}
