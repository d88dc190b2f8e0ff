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
	const char *id;        /* the report's, see aggregate_id */
	const char *file_name; /* of the attachment: ....xml.gz */
	const char *to;        /* see policy/dmarc/destination.h */
	int32_t day;
	int64_t messages;
	int64_t date; /* wall seconds */
};

/* RFC 5322 section 3.3. */
void mail_date(int64_t wall, struct buf *out);

/* A failure report: PARTS is what failure_write() made, with the same id. */
int mail_write_failure(const struct mail *mail, FILE *parts, FILE *out, struct why *why);

/* Header and body with CRLF; the attachment is what GZ holds from its beginning. But for the date,
 * the same mail gives the same bytes: sent again it has the same Message-ID. */
int mail_write(const struct mail *mail, FILE *gz, FILE *out, struct why *why);

/* The return path, if bounces are to tell to whom they belong: FROM with a token that stands for
 * the recipient in its local part (local+bounce-TOKEN@domain); FROM where that grows too long. A
 * stranger cannot know a token, so nobody can make an address look dead. */
const char *mail_verp(struct arena *arena, const char *from, const char *token);

/* The token in ADDRESS if it is FROM's with one; NULL: it is not. */
const char *mail_verp_token(struct arena *arena, const char *from, const char *address);

#endif
