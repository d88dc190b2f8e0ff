/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail that carries a report: RFC 9990 section 3.5.2.
 */
#ifndef REPORT_MAIL_H
#define REPORT_MAIL_H

#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "report/aggregate.h"

struct mail {
	const struct aggregate_reporter *reporter;
	const char *domain;    /* the policy domain */
	const char *id;        /* of the report, see aggregate_id() */
	const char *file_name; /* of the attachment: ....xml.gz */
	const char *to;        /* see policy/dmarc/destination.h */
	int32_t day;
	int64_t messages;
	int64_t date; /* wall seconds */
};

/* RFC 5322 section 3.3. */
void mail_date(int64_t wall, struct buf *out);

/* Writes a failure report: PARTS comes from failure_write() with the same id. */
int mail_write_failure(const struct mail *mail, FILE *parts, FILE *out, struct why *why);

/* Writes header and body with CRLF; the attachment is GZ from its beginning. The same mail gives
 * the same bytes except for the date: sent again, it has the same Message-ID. */
int mail_write(const struct mail *mail, FILE *gz, FILE *out, struct why *why);

/* The same for a TLS report (RFC 8460 section 5.3): MESSAGES are sessions. It goes out whatever TLS
 * the other side has (section 5.3.1, RFC 8689). */
int mail_write_tls(const struct mail *mail, FILE *gz, FILE *out, struct why *why);

/* A notice: CONTENT has its subject and body (report/notice.h). */
int mail_write_notice(const struct mail *mail, FILE *content, FILE *out, struct why *why);

/* DATA in lines of base64. */
void mail_base64(const void *data, size_t length, FILE *out);

/* A return path that identifies the recipient of a bounce: FROM with a token in its local part
 * (local+bounce-TOKEN@domain), or FROM itself if that would be too long. Strangers cannot guess a
 * token, so nobody can make an address look dead. */
const char *mail_verp(struct arena *arena, const char *from, const char *token);

/* The token in ADDRESS if it is such a return path of FROM, or NULL. */
const char *mail_verp_token(struct arena *arena, const char *from, const char *address);

#endif
