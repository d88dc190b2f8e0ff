/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads reports in a helper process without rights, one for each message: whatever a message does
 * to its reader, it costs that message alone. What the helper writes is checked and kept (in
 * memory, and in an unlinked file where it is much) until it is complete; only then is anything
 * told.
 */
#ifndef REPORT_INBOX_READER_H
#define REPORT_INBOX_READER_H

#include "lib/crypto/type.h"
#include "lib/why.h"
#include "report/inbox/record.h"

#define READER_BYTES_MAX INT64_C(67108864) /* of one message or bare file */

enum { READER_REPORTS_MAX = 64 };

struct reader_report {
	struct inbox_end end;             /* its kind, or the reason why there is none */
	uint8_t digest[CRYPT_DIGEST_LEN]; /* SHA-256 of its rows, or of all of it if it has none */
};

struct reader_result;

/* Bytes FROM to TO of FD. NAME: of the file, or NULL. There is at least one report in the result;
 * one that cannot be read is of kind INBOX_NOTHING. NULL: no process could be made, for the reason
 * WHY: nothing is said about the message then. */
struct reader_result *reader_read(int fd, int64_t from, int64_t to, const char *name, int64_t now,
				  struct why *why);
unsigned reader_count(const struct reader_result *result);
const struct reader_report *reader_report(const struct reader_result *result, unsigned i);

/* The records of one report: its head, then the lists of texts, then its rows or policies; not the
 * end. A report without an identifier has the beginning of its digest for one. 0; what VISIT
 * returned if that was not 0; or -1 with WHY. */
int reader_each(const struct reader_result *result, unsigned i, inbox_visit *visit, void *arg,
		struct why *why);
void reader_free(struct reader_result *result); /* NULL is OK */

#endif
