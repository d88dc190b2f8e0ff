/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message as its MIME parts, by GMime, which is used here and nowhere else. Messages within a
 * message are not opened: a report about a message is not that message.
 */
#ifndef REPORT_INBOX_MIME_H
#define REPORT_INBOX_MIME_H

#include "lib/why.h"
#include "report/inbox/feed.h"

enum { MIME_DEPTH_MAX = 16, MIME_PARTS_MAX = 200 };

struct mime_part {
	const char *type;     /* "text/plain", lower case */
	const char *name;     /* file name, or NULL */
	bool message;         /* message/rfc822 and its kin; CONTENT is the text of that message */
	struct feed *content; /* decoded */
};

struct mime_message {
	const char *from;       /* the From field, or NULL */
	const char *message_id; /* likewise */
	const char *date;
	const char *authres;                    /* the first Authentication-Results field */
	const char *type;                       /* of the whole, lower case */
	const char *report_type;                /* parameter of multipart/report, or NULL */
	struct mime_part parts[MIME_PARTS_MAX]; /* leaves, in their order */
	unsigned count;
};

void mime_start(void); /* before mime_read(); opens files */

/* The message in bytes FROM to TO (-1: the end) of FD. It lives in ARENA. -1: it has more parts or
 * levels than allowed. */
int mime_read(struct arena *arena, int fd, int64_t from, int64_t to, struct mime_message **message,
	      struct why *why);

#endif
