/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail to the people who run this site: the page, and what the audit has found. It takes the same
 * way as reports: through the outbox, or at once, to reports.via from reports.from, so that it is
 * signed as our own mail.
 */
#ifndef REPORT_NOTICE_H
#define REPORT_NOTICE_H

#include "lib/span.h"
#include "report/sender.h"
#include "store/outbox.h"

struct notice {
	const char *subject; /* printable ASCII */
	struct span text;    /* UTF-8; lines end with LF */
	/* an attachment in HTML; NULL: none. Mail programs show neither SVG nor most of CSS, so it
	 * is for the browser. */
	const char *file_name;
	struct span html;
};

/* What names a notice: the same one is sent once. */
struct notice_name {
	const char *domain; /* of reports.from */
	int32_t day;
	const char *name; /* "page", or what tells it from others of the day */
};

/* Is there such a one? 1, 0, -1. */
int notice_find(struct outbox *outbox, const struct notice_name *name, struct why *why);

/* 0; 1: there was such a one already; -1. */
int notice_put(struct outbox *outbox, const struct notice_name *name, const struct notice *notice,
	       const char *const *addresses, unsigned count, struct why *why);

/* At once, without an outbox. REPLY: the server's, or why there is none. */
enum send_outcome notice_send(const struct sender_settings *settings, const char *to,
			      const struct notice *notice, struct why *reply);

#endif
