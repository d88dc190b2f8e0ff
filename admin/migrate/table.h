/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of a program's table of options, and the reasons that more than one table gives. Only
 * included by admin/migrate/from_*.c.
 */
#ifndef ADMIN_MIGRATE_TABLE_H
#define ADMIN_MIGRATE_TABLE_H

#include <stddef.h>

#include "admin/migrate/program.h"

#define TAKE(name, theirs, convert, ours, differs)                                                 \
	{                                                                                          \
		name, theirs, convert, ours, differs, NULL, 0                                      \
	}
#define NOTE(name, theirs, fact, ours, differs)                                                    \
	{                                                                                          \
		name, theirs, migrate_take_fact, ours, differs, NULL,                              \
		    offsetof(struct migrate, fact)                                                 \
	}
#define SAME(name, theirs, reason)                                                                 \
	{                                                                                          \
		name, theirs, NULL, NULL, reason, "*", 0                                           \
	}
#define UNLESS(name, theirs, values, reason)                                                       \
	{                                                                                          \
		name, theirs, NULL, NULL, reason, values, 0                                        \
	}
#define LOST(name, theirs, reason)                                                                 \
	{                                                                                          \
		name, theirs, NULL, NULL, reason, NULL, 0                                          \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL, NULL, NULL, 0                                              \
	}

#define RESTART "a worker that dies is always replaced at once"
#define UNIT    "set by the systemd unit, or by options of countersignd(8)"
#define LOGGED  "each message is logged on one line with its reason; see the section log"

#endif
