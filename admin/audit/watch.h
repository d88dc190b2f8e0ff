/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign audit --watch`: what has changed since the last audit of a domain is told, once: on
 * standard output (a unit's is the log), and by mail where an address is given: MAIL_TO at once,
 * audit.mail by the daemon.
 */
#ifndef ADMIN_AUDIT_WATCH_H
#define ADMIN_AUDIT_WATCH_H

#include "admin/audit/run.h"

struct watch;

/* MAIL_TO: an address, or NULL. NULL after the error was printed: audit.state, the directory
 * for what is kept, is not set. */
struct watch *watch_open(struct admin *admin, const struct conf *conf,
			 const struct audit_settings *settings, const char *mail_to);

/* What has changed, without what is silenced; nothing at the first audit of a domain. It lives in
 * RESULT's arena, and is kept for watch_close(). */
struct audit_findings watch_take(struct watch *watch, const struct audit_result *result);

/* Notes the result in audit.state, and sends the mail. 0, or -1 after the errors were printed: a
 * difference was not told. Then nothing is kept, and the next run tells it. */
int watch_close(struct watch *watch);

#endif
