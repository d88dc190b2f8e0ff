/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads TLS reports (RFC 8460 section 4.4), and what reporters make of them.
 */
#ifndef REPORT_INBOX_TLSRPT_H
#define REPORT_INBOX_TLSRPT_H

#include "lib/why.h"
#include "report/inbox/aggregate.h"
#include "report/inbox/feed.h"
#include "report/inbox/writer.h"

enum {
	TLSRPT_BYTES_MAX = 4 * 1024 * 1024,
	TLSRPT_VALUES_MAX = 250000,
	TLSRPT_POLICIES_MAX = 1000,
	TLSRPT_FAILURES_MAX = 20000 /* of all policies together */
};

/* The head, the policies and their failures go to WRITER. -1: it is not such a report, for the
 * reason WHY; nothing was written then. */
int tlsrpt_read(struct inbox_writer *writer, struct feed *feed, const struct inbox_hint *hint,
		struct why *why);

#endif
