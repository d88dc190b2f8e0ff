/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process beside the workers, as the supervisor sees it: forked from it, which has no threads, no
 * store and no network open; it may be killed at any moment. When the supervisor is gone it ends by
 * itself.
 */
#ifndef DAEMON_HELPER_H
#define DAEMON_HELPER_H

#include <signal.h>
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

/* A process that is there for as long as the settings want it. */
struct helper_kind {
	const char *setting; /* for the log */
	const char *what;    /* "the process that checks BIMI records" */
	bool (*is_wanted)(const struct conf *conf);
	helper_run *run;
	int64_t patience; /* between SIGTERM and SIGKILL */
};

/* Starts one if it is wanted and there is none, at the earliest ten seconds after the last one
 * began. Returns when to call again, or 0. */
int64_t helper_keep(struct helper *helper, const struct helper_kind *kind, const struct conf *conf,
		    const struct workers *workers);

/* As helper_look_after(), and the log says how it ended. */
int64_t helper_look_after_kept(struct helper *helper, const struct helper_kind *kind);

/* In the process: SIGTERM calls ON_TERM (SIG_DFL: it ends the process); the supervisor's other
 * signals are ignored. */
void helper_take_signals(void (*on_term)(int signal));

/* For a process with threads of a library: all signals are blocked in all of them, and the main
 * thread waits until SIGTERM comes or the supervisor, PARENT, is gone. */
void helper_block_signals(sigset_t *term);
void helper_wait_for_term(const sigset_t *term, pid_t parent);

#endif
