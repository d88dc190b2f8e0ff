/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the last `countersign inbox findings --note` found in received reports: a small file next to
 * the ledger, which the command writes and the daemon's metrics show.
 */
#ifndef METRICS_FOUND_H
#define METRICS_FOUND_H

#include <stdint.h>

#include "lib/why.h"

enum { FOUND_KINDS = 11, FOUND_CLASSES = 7 };

struct found {
	int64_t at;                                           /* wall seconds */
	int64_t findings[FOUND_KINDS];                        /* by enum finding_kind */
	int64_t rows[FOUND_CLASSES];                          /* of reports, by enum source_class */
	int64_t passed[FOUND_CLASSES], failed[FOUND_CLASSES]; /* messages in them */
};

/* LEDGER: the path of its file; the note gets its owner and is complete or the old one. 0, or -1.
 */
int found_write(const char *ledger, const struct found *found, struct why *why);

/* All 0 where there is none. */
void found_read(const char *ledger, struct found *found);

#endif
