/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The failure report: RFC 9991, which adds to RFC 6591 (the format) and RFC 6590 (redaction). One
 * message that failed, described for the owner of the domain in its From field.
 */
#ifndef REPORT_FAILURE_H
#define REPORT_FAILURE_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/span.h"
#include "policy/result/verdict.h"

/* Does the author's domain ask for a report about this message (ruf and fo, RFC 9989 section 4.7)?
 * Never for the record of a public suffix (RFC 9991 section 2), after a temporary error, or about
 * mail with the null sender. */
bool failure_wanted(const struct verdict *verdict);

struct failure {
	const struct verdict *verdict;
	const char *authres;  /* the value of our Authentication-Results field */
	const char *queue_id; /* or NULL */
	int64_t arrived;      /* wall seconds */
	struct span header;   /* of the message: "Name: value" CRLF ... */
	struct span body;     /* its beginning; empty: only the header is sent */
	const char *key;      /* local parts are hashed with it; NULL: they are kept */
};

/* An identifier of the report: 32 hexadecimal digits, different even for equal messages. */
enum { FAILURE_ID_MAX = 33 };
void failure_id(const struct failure *failure, int64_t unique, char id[FAILURE_ID_MAX]);

/* The parts of the multipart/report, whose boundary is "=_" and ID. ASCII, lines of at most 998
 * bytes. */
void failure_write(const struct failure *failure, const char *id, struct buf *out);

#endif
