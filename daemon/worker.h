/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker process: it serves one listen address with an engine, and does what the supervisor says
 * over its channel.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdnoreturn.h>

#include "daemon/workers.h"
#include "milter/protocol/socket.h"

struct worker_start {
	int control;                            /* this side of the channel */
	const struct socket_listener *listener; /* the supervisor's, to accept on */
	const char *address;                    /* as listen has it */
	const char *settings_name;              /* of the file, for messages */
	struct worker_needs needs;
	int opinion; /* where cases for a second opinion go (opinion/link.h); -1: nowhere */
};

/* The life of the process, from just after fork: every signal blocked, no other thread. */
noreturn void worker_run(const struct worker_start *start);

#endif
