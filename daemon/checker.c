/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In a process of its own, because a ledger is never opened before a fork, and because what reads a
 * damaged file may end by it.
 */
#include "daemon/checker.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/url.h"
#include "metrics/counters.h"
#include "store/integrity.h"
#include "store/messages.h"
#include "store/rescue.h"
#include "store/upkeep.h"

static const int64_t glance = 2 * CLOCK_SECOND;
enum { RESCUE_SECONDS = 1800 }; /* that the service manager grants */

static void tell_rescue(const struct rescue *rescue, const char *reason)
{
	if (rescue->lost < 0)
		log_error("the ledger: %s; it is kept as %s, and nothing of it could be read: a new"
			  " one is begun, and what was counted and not reported yet is missing in"
			  " the reports",
			  reason, rescue->kept);
	else
		log_error(
		    "the ledger: %s; it is kept as %s, and a new one is begun with %lld rows"
		    " of %lld messages of it: at most %lld messages are missing in the reports",
		    reason, rescue->kept, (long long)rescue->rows, (long long)rescue->messages,
		    (long long)rescue->lost);
	if (rescue->log_bytes > 0)
		log_error(
		    "the ledger: its log (%s-wal, %lld KiB) could not be read with it: of what was"
		    " counted last more may be missing",
		    rescue->kept, (long long)(rescue->log_bytes + 1023) / 1024);
	counters_set(METRIC_STORE_FAILURES, rescue->lost > 0 ? rescue->lost : 1);
}

/* An older ledger has the log of messages in it, and most of the file is free without it. */
static void migrate_ledger(const struct conf *conf, const char *path)
{
	struct why why = {""};

	if (access(path, F_OK) != 0)
		return;
	if (conf->messages.keep > 0)
		messages_adopt(path, &why);
	if (why.text[0] != '\0')
		log_info("the ledger: %s", why.text);
	if (upkeep_shrink(path, &why) != 0)
		log_warning("the ledger: %s", why.text);
	else if (why.text[0] != '\0')
		log_info("the ledger: %s", why.text);
}

/* It may be lost without harm. */
static void look_at_messages(const struct conf *conf, const char *path)
{
	struct why why;

	if (conf->messages.keep == 0) {
		messages_remove(path);
	} else if (messages_check(path, &why) == DRIVER_CAUSE_DAMAGED) {
		messages_remove(path);
		log_error("the log of messages is damaged, and a new one is begun: %s", why.text);
	}
}

static void look_and_rescue(const struct conf *conf)
{
	struct ledger_settings settings = {.read_only = true, .busy_wait = 5 * CLOCK_SECOND};
	enum driver_cause cause;
	struct rescue rescue;
	struct why why = {""}, failure;

	settings.path = url_sqlite_path(conf->store.url, &why);
	if (settings.path == NULL)
		return;
	cause = integrity_glance(&settings, clock_mono() + glance, &why);
	look_at_messages(conf, settings.path);
	if (cause == DRIVER_CAUSE_NONE || cause == DRIVER_CAUSE_OLD)
		migrate_ledger(conf, settings.path);
	if (cause != DRIVER_CAUSE_DAMAGED || !rescue_is_ledger(settings.path))
		return;
	log_error("the ledger: %s: what can be read of it is saved", why.text);
	notify_send("EXTEND_TIMEOUT_USEC=%lu\nSTATUS=saving a damaged ledger",
		    RESCUE_SECONDS * 1000000UL);
	if (rescue_ledger(&settings, &rescue, &failure) == 0)
		tell_rescue(&rescue, why.text);
	else
		log_error("the ledger: nothing was saved, and the file is as it was: %s",
			  failure.text);
}

void checker_look(const struct conf *conf)
{
	pid_t pid;
	int status = 0;

	if (conf->store.url[0] == '\0')
		return;
	pid = fork();
	if (pid == 0) {
		look_and_rescue(conf);
		daemon_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFSIGNALED(status))
		log_error("the ledger: looking at it was ended by signal %d", WTERMSIG(status));
}
