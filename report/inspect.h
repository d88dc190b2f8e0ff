/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recognizes mail about mail as it passes: a report by its form (RFC 9990, 7489, 9991, 8460), or a
 * delivery status notification (RFC 3464) and what it says. Fed with header fields and body as they
 * arrive; holds a line and a few bounded texts, never the message.
 */
#ifndef REPORT_INSPECT_H
#define REPORT_INSPECT_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"

enum inspect_bounce {
	BOUNCE_NONE,      /* not a notification, or one of success */
	BOUNCE_TEMPORARY, /* delayed, or given up for a temporary reason */
	BOUNCE_PERMANENT
};
const char *inspect_bounce_text(enum inspect_bounce bounce); /* "none" "temporary" "permanent" */

enum { INSPECT_STATUS_MAX = 16, INSPECT_TEXT_MAX = 200 };

struct inspection {
	bool report; /* multipart/report, a report's subject, or an attachment with a report's name
		      */
	enum inspect_bounce bounce;
	char status[INSPECT_STATUS_MAX]; /* "5.1.1", or "" */
	char text[INSPECT_TEXT_MAX];     /* what the server said, printable; or "" */
};

struct inspect;

/* MAX_BODY: how many bytes of the body are read. */
struct inspect *inspect_new(struct arena *arena, size_t max_body);
void inspect_header(struct inspect *inspect, struct span name, struct span value);
void inspect_end_of_headers(struct inspect *inspect);
bool inspect_body(struct inspect *inspect, struct span chunk); /* false: the rest is not needed */
const struct inspection *inspect_result(struct inspect *inspect);

#endif
