/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that holds the sockets and the last good settings, starts a worker for each listen
 * address, and replaces those that die. It sees no mail.
 */
#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include "conf/conf.h"

struct supervisor_options {
	const char *settings_path; /* absolute; read again on SIGHUP */
	int report_fd;             /* of daemon_detach, or -1 */
	int launcher_fd;           /* of daemon/keys/launcher.h; -1: it is started when needed */
	long launcher_pid;
	const char *launcher_socket; /* where the service manager starts it, or NULL */
};

/* HUP: reload. TERM or INT: drain and end; twice: end now. CONF is owned from here on. Returns the
 * exit code: 0 after a stop that was asked for. */
int supervisor_run(const struct supervisor_options *options, struct conf *conf);

#endif
