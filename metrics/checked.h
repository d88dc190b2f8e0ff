/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results of what a timer runs: a small file, which a command writes and the daemon's metrics show.
 */
#ifndef METRICS_CHECKED_H
#define METRICS_CHECKED_H

#include <stdint.h>

#include "lib/why.h"

/* Of `countersign store check --reconcile`; the file is next to the ledger. */
struct checked {
	int64_t at;       /* wall seconds */
	int64_t findings; /* 0: all was well */
	int64_t missing;  /* messages */
};

/* LEDGER: the path of its file; the note gets its owner and is complete or the old one. 0, or -1.
 */
int checked_write(const char *ledger, const struct checked *checked, struct why *why);

/* All 0 where there is none. */
void checked_read(const char *ledger, struct checked *checked);

/* Of `countersign audit --watch`; the file is in audit.state, and gets that directory's owner. */
struct watched {
	int64_t at; /* wall seconds */
	int64_t domains;
	int64_t changes; /* that were told */
	int64_t errors, warnings, hints;
};

int watched_write(const char *directory, const struct watched *watched, struct why *why);
void watched_read(const char *directory, struct watched *watched);

#endif
