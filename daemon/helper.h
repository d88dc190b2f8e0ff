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

/* Forks the process; NAME is for the log. WORKERS: whose files the process closes. */
void helper_start(struct helper *helper, const char *name, helper_run *run, const struct conf *conf,
		  const struct workers *workers);

/* Sends SIGTERM, and SIGKILL when PATIENCE is over. */
void helper_stop(struct helper *helper, int64_t patience);

/* Reaps the process if it has ended, and kills it if its time is over. Returns when to call again,
 * or 0. *STATUS is waitpid()'s status of a process that ended without being told to, else 0. */
int64_t helper_look_after(struct helper *helper, int *status);

/* In the process: SIGTERM calls ON_TERM (SIG_DFL: it ends the process); the supervisor's other
 * signals are ignored. */
void helper_take_signals(void (*on_term)(int signal));

#endif
