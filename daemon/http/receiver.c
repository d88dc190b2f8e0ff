/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/http/receiver.h"

#include <errno.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "context/context.h"
#include "daemon/daemon.h"
#include "daemon/http/http.h"
#include "daemon/rights/confined.h"
#include "lib/clock.h"
#include "lib/log.h"

static void stop_with(const struct why *why)
{
	log_error("inbox.post_listen: %s; mail is not affected", why->text);
	daemon_exit(1);
}

/* The directory is made before the process may no longer make one there. */
static void start_listeners(const struct conf *conf, struct arena *arena,
			    const struct spool_limits *limits)
{
	struct ledger_settings ledger;
	struct why why;
	const char *directory;

	if (context_store(conf, true, &ledger, &why) != 0)
		stop_with(&why);
	directory = spool_directory(arena, ledger.path);
	if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
		why_set(&why, "%s: %s", directory, strerror(errno));
		stop_with(&why);
	}
	for (unsigned i = 0; i < conf->inbox.post_listen.count; i++)
		if (http_start_posts(conf->inbox.post_listen.items[i], directory, limits, &why) !=
		    0)
			stop_with(&why);
}

static noreturn void run_receiver(const struct conf *conf, pid_t parent)
{
	const struct timespec moment = {.tv_nsec = 500 * CLOCK_MS};
	const struct spool_limits limits = {conf->inbox.max_spool, conf->inbox.max_files,
					    conf->inbox.max_message};
	struct arena *arena = arena_new(0);

	helper_take_signals(SIG_DFL);
	start_listeners(conf, arena, &limits);
	confined_enter(CONFINED_RECEIVER, conf);
	while (getppid() == parent)
		nanosleep(&moment, NULL);
	daemon_exit(0);
}

static bool is_wanted(const struct conf *conf)
{
	return conf->inbox.post_listen.count > 0 && conf->store.url[0] != '\0';
}

const struct helper_kind receiver_kind = {
    .setting = "inbox.post_listen",
    .what = "the process that takes posted reports",
    .is_wanted = is_wanted,
    .run = run_receiver,
    .patience = CLOCK_SECOND,
};
