/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign status --watch` on a terminal: the results counted, with what comes in now, sorted
 * as its reader wants. Keys: r, t, n sort; p pauses; q ends.
 */
#ifndef ADMIN_DAEMON_WATCH_H
#define ADMIN_DAEMON_WATCH_H

#include "admin/admin.h"

/* Until q or a signal; the terminal is then as it was. SOCKET as for daemon_ask. Returns the exit
 * status of the last look, as of `status`. */
int watch_run(struct admin *admin, const char *socket);

#endif
