/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads reports about one message: failure reports (RFC 9991, 6591) and complaints (RFC 5965, 6650,
 * 9477), in form or as a text.
 */
#ifndef REPORT_INBOX_FEEDBACK_H
#define REPORT_INBOX_FEEDBACK_H

#include "lib/why.h"
#include "report/inbox/writer.h"

enum { FEEDBACK_TEXT_MAX = 256 * 1024 }; /* of each text below */

struct feedback_texts {
	struct span report;  /* message/feedback-report, decoded */
	struct span message; /* the header of the message it is about; may be empty */
	int64_t date;        /* of the mail that brought it, or INBOX_NO_TIME */
};

/* One in form. *KIND: INBOX_FAILURE or INBOX_COMPLAINT. -1: malformed, for the reason WHY (RFC 5965
 * section 4); nothing was written then. */
int feedback_read(struct inbox_writer *writer, const struct feedback_texts *texts,
		  enum inbox_kind *kind, struct why *why);

/* A failure report that is a text alone, as Exim writes it. False: TEXT is none. */
bool feedback_is_text(struct span text);
void feedback_read_text(struct inbox_writer *writer, struct span text, int64_t date);

#endif
