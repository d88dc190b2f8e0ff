/*
 * The mail that carries a report: RFC 9990 section 3.5.2.
 */
#ifndef REPORT_MAIL_H
#define REPORT_MAIL_H

#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"
#include "report/aggregate.h"

struct mail {
	const struct aggregate_reporter *reporter;
	const char *domain;    /* the policy domain */
	const char *id;        /* the report's, see aggregate_id */
	const char *file_name; /* of the attachment: ....xml.gz */
	const char *to;        /* see report/destination.h */
	int32_t day;
	int64_t messages;
	int64_t date; /* wall seconds */
};

/* Header and body with CRLF; the attachment is what GZ holds from its beginning. But for the date,
 * the same mail gives the same bytes: sent again it has the same Message-ID. */
int mail_write(const struct mail *mail, FILE *gz, FILE *out, struct why *why);

/* The return path for a mail to TO, if bounces are to tell to whom they belong: FROM with TO in its
 * local part (local+user=host@domain); FROM where that grows too long. */
const char *mail_verp(struct arena *arena, const char *from, const char *to);

#endif
