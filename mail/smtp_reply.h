/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SMTP reply: RFC 5321 section 4.2, with an enhanced status code (RFC 3463).
 */
#ifndef MAIL_SMTP_REPLY_H
#define MAIL_SMTP_REPLY_H

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/span.h"
#include "lib/why.h"

struct smtp_reply {
	const char *code;     /* "550" */
	const char *enhanced; /* "5.7.1" */
	const char *text;     /* without CR and LF, "%" single */
};

/* An operator's text for a reply: one line of printable ASCII, in which %{domain} and %{client}
 * stand for a domain and an address. 0, or -1 with the reason. */
enum { SMTP_REPLY_TEXT_MAX = 200 };
int smtp_reply_check(struct span text, struct why *why);

/* TEXT, which smtp_reply_check() accepts, with these in their places; CLIENT may have family 0. */
const char *smtp_reply_expand(struct arena *arena, const char *text, const char *domain,
			      const struct ip *client);

#endif
