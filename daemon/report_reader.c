/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mail leaves the spool when it is stored, and not before; a mail that is stored twice counts
 * once (store/received.h). So this process may be killed at any moment, and SIGTERM just ends it.
 */
#include "daemon/report_reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "context/context.h"
#include "daemon/daemon.h"
#include "daemon/rights/confined.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "report/intake.h"
#include "report/spool.h"
#include "store/personal.h"
#include "store/received.h"

static const int64_t pause_between = CLOCK_SECOND;
static const int64_t pause_after_failure = 10 * CLOCK_SECOND;

struct work {
	const struct conf *conf;
	pid_t parent;
	struct ledger_settings ledger;
	const char *directory;
	struct intake intake;
	bool open, failing;
	int32_t expired_day;
	uint64_t stored;
};

/* ---- one mail ---- */

static const struct {
	enum count_intake count;
	const char *text;
} outcomes[] = {
    [INTAKE_STORED] = {COUNT_INTAKE_STORED, "stored"},
    [INTAKE_DUPLICATE] = {COUNT_INTAKE_DUPLICATE, "was there already"},
    [INTAKE_CONFIRMED] = {COUNT_INTAKE_CONFIRMED, "was there already, but less authenticated"},
    [INTAKE_NOT_KEPT] = {COUNT_INTAKE_NOT_KEPT, "not kept"},
};

static void log_report(const struct reader_report *report, enum intake_outcome outcome,
		       const struct spool_item *item)
{
	const char *kind = inbox_kind_text((enum inbox_kind)report->end.kind);

	if (report->end.reason != NULL)
		log_warning("inbox: %s: unreadable: %s; see: countersign inbox why", item->name,
			    report->end.reason);
	else
		log_info("inbox: %s: %s report, mail with DMARC %s: %s", item->name, kind,
			 item->trust == NULL ? "unverified" : item->trust, outcomes[outcome].text);
}

static int store_reports(struct work *work, const struct reader_result *result,
			 const struct spool_item *item, struct why *why)
{
	const struct intake_mail mail = {.name = item->name,
					 .trust = item->trust == NULL ? "unverified" : item->trust,
					 .received = item->came,
					 .fd = item->fd,
					 .begin = SPOOL_HEAD,
					 .end = item->size};

	for (unsigned i = 0; i < reader_count(result); i++) {
		const struct reader_report *report = reader_report(result, i);
		enum intake_outcome outcome = intake_store(&work->intake, result, i, &mail, why);

		if (outcome == INTAKE_FAILED)
			return -1;
		counters_count(METRIC_INBOX_REPORTS, (unsigned)report->end.kind,
			       outcomes[outcome].count, 0);
		log_report(report, outcome, item);
	}
	return 0;
}

static bool is_wanted(const struct work *work)
{
	return getppid() == work->parent;
}

static int visit_mail(void *arg, const struct spool_item *item, struct why *why)
{
	struct work *work = arg;
	struct reader_result *result;
	int status;

	if (!is_wanted(work))
		return why_set(why, "the daemon has ended");
	result = reader_read(item->fd, SPOOL_HEAD, item->size, NULL, clock_wall(), why);
	if (result == NULL)
		return -1;
	status = store_reports(work, result, item, why);
	reader_free(result);
	return status;
}

static void tell_failed(void *arg, const char *name)
{
	const struct work *work = arg;

	log_error("inbox: reading %s/%s ended this process three times: it is not read again",
		  work->directory, name);
}

/* ---- the process ---- */

static void expire_old(struct work *work)
{
	int32_t today = clock_day(clock_wall());
	int64_t now = clock_wall();
	struct why why;

	if (work->expired_day == today)
		return;
	work->expired_day = today;
	if (received_expire(work->intake.ledger, now - work->conf->inbox.keep / CLOCK_SECOND,
			    &why) < 0 ||
	    personal_expire(work->intake.personal,
			    now - work->conf->inbox.keep_personal / CLOCK_SECOND, &why) < 0)
		log_warning("inbox: %s: old reports are not deleted yet", why.text);
}

static int read_spool(struct work *work, struct why *why)
{
	int64_t files, bytes;

	if (!work->open && intake_open(&work->intake, &work->ledger, why) != 0)
		return -1;
	work->open = true;
	if (spool_each(work->directory, visit_mail, tell_failed, work, why) < 0)
		return -1;
	spool_measure(work->directory, &files, &bytes);
	counters_set(METRIC_INBOX_SPOOL_FILES, files);
	counters_set(METRIC_INBOX_SPOOL_BYTES, bytes);
	expire_old(work);
	return 0;
}

/* Warns once, until it works again. */
static int64_t take_turn(struct work *work)
{
	struct why why = {""};

	if (read_spool(work, &why) == 0) {
		work->failing = false;
		return pause_between;
	}
	if (!work->failing)
		log_warning("inbox: %s; received reports stay in the spool", why.text);
	work->failing = true;
	if (work->open)
		intake_close(&work->intake);
	work->open = false;
	return pause_after_failure;
}

static void sleep_for(const struct work *work, int64_t time)
{
	const struct timespec moment = {.tv_nsec = 100 * CLOCK_MS};
	int64_t until = clock_mono() + time;

	while (is_wanted(work) && clock_mono() < until)
		nanosleep(&moment, NULL);
}

static noreturn void run_reader(const struct conf *conf, pid_t parent)
{
	struct work work = {.conf = conf, .parent = parent};
	struct arena *arena = arena_new(0);
	struct why why;

	helper_take_signals(SIG_DFL);
	confined_enter(CONFINED_INTAKE, conf);
	if (context_store(conf, true, &work.ledger, &why) != 0) {
		log_error("inbox: %s", why.text);
		daemon_exit(0);
	}
	work.ledger.busy_wait = 5 * CLOCK_SECOND;
	work.intake.hash_addresses = conf->inbox.hash_addresses;
	work.directory = spool_directory(arena, work.ledger.path);
	while (is_wanted(&work))
		sleep_for(&work, take_turn(&work));
	daemon_exit(0);
}

/* ---- in the supervisor ---- */

static bool is_reader_wanted(const struct conf *conf)
{
	return conf->store.url[0] != '\0' &&
	       (conf->inbox.addresses.count > 0 || conf->inbox.post_listen.count > 0);
}

const struct helper_kind report_reader_kind = {
    .setting = "inbox",
    .what = "the process that reads received reports",
    .is_wanted = is_reader_wanted,
    .run = run_reader,
    .patience = CLOCK_SECOND,
};
