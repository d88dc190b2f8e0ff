/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The result of the last `countersign store check --reconcile`: a small file next to the ledger,
 * which the command writes and the daemon's metrics show.
 */
#ifndef METRICS_CHECKED_H
#define METRICS_CHECKED_H

#include <stdint.h>

#include "lib/why.h"

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

#endif
