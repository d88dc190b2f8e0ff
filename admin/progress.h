/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far long work has come: one line on standard error that is drawn over itself. Nothing where
 * standard error is not a terminal, with -q, or in the first half second.
 */
#ifndef ADMIN_PROGRESS_H
#define ADMIN_PROGRESS_H

#include <stdint.h>

#include "admin/admin.h"

struct progress {
	const struct admin *admin;
	const char *what;     /* is counted: "rows", "keys" */
	int64_t begun, shown; /* clock_mono() */
	bool drawn;
};

void progress_begin(struct progress *progress, const struct admin *admin, const char *what);

/* Draws the line at once, before work that may take long by itself. */
void progress_draw(struct progress *progress, int64_t done, int64_t all);

/* DONE of ALL (0: not known). False: SIGINT or SIGTERM came after progress_catch(). PROGRESS is a
 * struct progress. */
bool progress_show(void *progress, int64_t done, int64_t all);

void progress_end(struct progress *progress); /* takes the line away; it may go on */

/* From now on SIGINT and SIGTERM are only told by progress_show() and progress_interrupted(). */
void progress_catch(void);
bool progress_interrupted(void);

#endif
