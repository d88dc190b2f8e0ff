/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program does to become a well-behaved daemon. Used by main.c, in this order: detach,
 * become, harden.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdnoreturn.h>

#include "conf/conf.h"
#include "lib/why.h"

/* Leaves the terminal. The caller goes on in the daemon, with the fd to report on; the process
 * that was started waits for that report, prints its text, and ends with its code. -1: failed. */
int daemon_detach(struct why *why);
void daemon_report(int fd, int code, const char *text); /* FD -1: nothing; closes FD */

/* Gives up root for USER ("name" or "name:group") for good. */
int daemon_become(const char *user, struct why *why);

/* No core files, not readable by others' debuggers, nothing it writes is for everybody, as many
 * open files as the system allows. Keys and mail are in this memory. */
void daemon_harden(void);

/* Writes this process's id there, and holds the file until the end. -1: another daemon does. */
int daemon_pidfile(const char *path, struct why *why);

/* _exit(), with threads still there; a build that looks for leaks does it here. */
noreturn void daemon_exit(int code);

/* Logs where the settings say, and what they say: the level is the supervisor's to set. */
void daemon_log(const struct conf *conf);
void daemon_log_level(const struct conf *conf);

#endif
