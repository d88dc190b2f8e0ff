/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the daemon over its control socket.
 */
#ifndef ADMIN_DAEMON_DAEMON_H
#define ADMIN_DAEMON_DAEMON_H

#include "admin/admin.h"
#include "metrics/read.h"
#include "milter/protocol/control_text.h"
#include "report/page/facts.h"

/* The answer to one request: its code, and its body in ARENA (NUL-terminated). SOCKET NULL: as the
 * settings say, even if they have errors elsewhere. ADMIN_DONE; else the exit code, after it was
 * printed what is wrong and what to type. CONTROL_DENIED and CONTROL_BAD are among those. */
struct daemon_answer {
	enum control_code code;
	const char *body;
	size_t len;
};
int daemon_ask(struct admin *admin, const char *socket, enum control_verb verb,
	       const char *argument, struct daemon_answer *answer);

/* What it says of itself, for a command to which that is not the main thing: false, and nothing is
 * printed, where it cannot be asked. */
bool daemon_status(struct admin *admin, struct metrics_read *status);

/* What a page says of it, but for what waits in the outbox. */
void daemon_fill_page(struct admin *admin, struct page_facts *page);

/* Has the daemon that uses our file of settings reload, for a command that has changed what it
 * reads; without such a daemon, or where this user may not ask it, nothing is printed. *REASON: why
 * it was refused, one line. */
enum daemon_reloading { DAEMON_ABSENT, DAEMON_RELOADED, DAEMON_REFUSED };
enum daemon_reloading daemon_reload(struct admin *admin, const char **reason);

#endif
