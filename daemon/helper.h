/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process beside the workers, as the supervisor sees it: forked from it, which has no threads, no
 * store and no network open; it may be killed at any moment. When the supervisor is gone it ends by
 * itself.
 */
#ifndef DAEMON_HELPER_H
#define DAEMON_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "daemon/workers.h"

struct helper {
	pid_t pid;       /* 0: there is none */
	int64_t next_at; /* clock_mono(): when the next one starts; 0: soon */
	int64_t kill_at; /* 0: not planned */
};

/* What the process does; it ends by daemon_exit(). */
typedef void helper_run(const struct conf *conf, pid_t parent);

/* Starts one; NAME is for the log. WORKERS is what it must not keep open. */
void helper_start(struct helper *helper, const char *name, helper_run *run, const struct conf *conf,
		  const struct workers *workers);

/* It is to end: it gets SIGTERM, and when PATIENCE is over SIGKILL. */
void helper_stop(struct helper *helper, int64_t patience);

/* Buries it if it has ended, kills it if its time is over. The next such time, or 0. *STATUS is
 * that of one that ended without being told to, as waitpid() has it; else 0. */
int64_t helper_look_after(struct helper *helper, int *status);

/* In the process: SIGTERM does ON_TERM (SIG_DFL: it ends), other signals of the supervisor
 * nothing. */
void helper_take_signals(void (*on_term)(int signal));

#endif
