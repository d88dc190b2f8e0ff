/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A received report, printed: as JSON on one line, or as text. Both are made of the tables of
 * report/inbox/record.h.
 */
#ifndef ADMIN_INBOX_PRINT_H
#define ADMIN_INBOX_PRINT_H

#include "admin/admin.h"
#include "report/inbox/reader.h"

/* Where a report lay: a file, and in a mailbox the number of the message, from 1 on (else 0). */
struct inbox_place {
	const char *file;
	uint64_t message;
	const char *ledger; /* what became of it there, or NULL */
};

/* The object without its last brace. -1 with WHY. */
int inbox_print_json(const struct reader_result *result, unsigned i,
		     const struct inbox_place *place, struct why *why);

/* Its head and remarks, and the first rows of it. */
int inbox_print_text(struct admin *admin, const struct reader_result *result, unsigned i,
		     const struct inbox_place *place, struct why *why);

#endif
