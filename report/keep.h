/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept of a received report about a single message, and of what could not be read: in the
 * file for personal data (store/personal.h).
 */
#ifndef REPORT_KEEP_H
#define REPORT_KEEP_H

#include "report/inbox/reader.h"
#include "store/personal.h"

/* The mail that brought it. */
struct keep_mail {
	const char *name;         /* of the file, or NULL */
	const char *trust, *from; /* see struct received_report */
	int64_t received;         /* wall seconds */
	int fd;                   /* bytes BEGIN to END of it are the mail */
	int64_t begin, end;
	bool hashed; /* local parts of addresses */
};

/* Report I of RESULT, a failure report or a complaint. 0: stored; 1: it was there already; -1. */
int keep_feedback(struct sql *personal, const struct reader_result *result, unsigned i,
		  const struct keep_mail *mail, struct why *why);

/* Report I of RESULT, which could not be read. The same. */
int keep_unreadable(struct sql *personal, const struct reader_result *result, unsigned i,
		    const struct keep_mail *mail, struct why *why);

#endif
