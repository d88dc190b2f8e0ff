/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes what messages cause to the outbox: bounces of reports, and failure reports to be sent. One
 * thread of the worker writes it there; a message never waits for it. What does not fit in its
 * short queue is dropped, and the log says so.
 */
#ifndef MILTER_OUTBOX_WRITER_H
#define MILTER_OUTBOX_WRITER_H

#include <stdbool.h>

#include "lib/span.h"
#include "lib/why.h"
#include "metrics/counters.h"
#include "report/inspect.h"

/* PATH: of the ledger; SHARED: the store where reports are kept when it is not there, or "". Once
 * for a process. */
int outbox_writer_start(const char *path, const char *shared, struct why *why);

/* Waits, some seconds at most, until what was given is written. */
void outbox_writer_finish(void);

/* A notification came for the address that TOKEN stands for. FIRST: see report/suppress.h. */
void outbox_writer_bounce(const char *token, const struct inspection *bounce, int64_t first);

/* How many failure reports may be made, 0: none. */
struct outbox_writer_limits {
	unsigned per_hour, per_day; /* in all */
	unsigned per_domain;        /* of them about one domain, in a day */
	unsigned addresses;         /* to which one goes */
};

/* False: the limit of this hour is reached; a report need not be made. */
bool outbox_writer_wants_failures(void);

/* The parts of a failure report (report/failure.h) about a message of DOMAIN's record, which asks
 * for it at RUF. */
void outbox_writer_failure(const char *domain, const char *ruf, const char *id, struct span parts,
			   const struct outbox_writer_limits *limits);

/* The key for redaction, the same on all workers; NULL: there is none yet, and it is sought. */
const char *outbox_writer_key(void);

/* Waits for that key. -1 with a reason when it could not be had in some seconds. Not for the thread
 * of a message. */
int outbox_writer_await_key(struct why *why);

/* A report that was due is not made. */
void outbox_writer_skip(enum counters_skip reason);

#endif
