/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads DMARC aggregate reports: RFC 9990, RFC 7489 Appendix C and its drafts, by the local names
 * of the elements, in any order, whatever namespace and version say.
 */
#ifndef REPORT_INBOX_AGGREGATE_H
#define REPORT_INBOX_AGGREGATE_H

#include "lib/why.h"
#include "report/inbox/feed.h"
#include "report/inbox/writer.h"

/* What is known beside the document. */
struct inbox_hint {
	int64_t now;      /* seconds */
	const char *name; /* of the attachment or file, or NULL */
};

enum {
	AGGREGATE_ROWS_MAX = 1000000,
	AGGREGATE_BAD_ROWS_MAX = 1000, /* where no row is good */
	AGGREGATE_DKIM_MAX = 100,      /* of a row, as the next one */
	AGGREGATE_LIST_MAX = 20
};

/* The rows and then the head go to WRITER. A document that is not well-formed is read once more,
 * repaired. -1: it is not such a report, for the reason WHY; WRITER was restarted. */
int aggregate_read(struct inbox_writer *writer, struct feed *feed, const struct inbox_hint *hint,
		   struct why *why);

#endif
