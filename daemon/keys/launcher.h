/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The launcher: starts key processes for the supervisor, as the user who owns the keys. It is
 * there since the supervisor has given up root when a key process has to be replaced. It reads no
 * file itself and holds no key; it takes one command, LAUNCH (daemon/channel.h), and ends when the
 * supervisor and its own children have.
 */
#ifndef DAEMON_KEYS_LAUNCHER_H
#define DAEMON_KEYS_LAUNCHER_H

#include <stdnoreturn.h>
#include <sys/types.h>

#include "lib/why.h"

/* The user who owns the keys if the daemon is started as root. */
#define KEYLAUNCHER_USER "countersign-keys"

/* In a process of its own. FD: the supervisor's channel. */
noreturn void keylauncher_run(int fd);

/* Forks it. USER: whom it becomes; NULL: it stays who it is. CLEAN: called in it first, with ARG,
 * to close the caller's files; NULL: nothing. Returns the channel to it and sets *PID, or -1. */
int keylauncher_fork(const char *user, void (*clean)(const void *arg), const void *arg, pid_t *pid,
		     struct why *why);

/* The service manager starts one for each connection to the socket PATH. Returns the channel. */
int keylauncher_connect(const char *path, struct why *why);

/* In what the service manager has started: the descriptor of that connection, or -1. */
int keylauncher_inherited(struct why *why);

#endif
