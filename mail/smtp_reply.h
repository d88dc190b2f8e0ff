/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SMTP reply: RFC 5321 section 4.2, with an enhanced status code (RFC 3463).
 */
#ifndef MAIL_SMTP_REPLY_H
#define MAIL_SMTP_REPLY_H

struct smtp_reply {
	const char *code;     /* "550" */
	const char *enhanced; /* "5.7.1" */
	const char *text;     /* without CR and LF, "%" single */
};

#endif
