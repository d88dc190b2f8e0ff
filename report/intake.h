/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report that was read (report/inbox/reader.h), put into the ledger (store/received.h).
 */
#ifndef REPORT_INTAKE_H
#define REPORT_INTAKE_H

#include "report/inbox/reader.h"
#include "store/sql/sql.h"

enum intake_outcome {
	INTAKE_STORED,
	INTAKE_DUPLICATE, /* it is there already, under this identifier or another */
	INTAKE_NOT_KEPT,  /* of a kind that is not kept: it is about single messages */
	INTAKE_FAILED     /* WHY says why */
};

/* Report I of RESULT. AUTHSERV_ID: whose Authentication-Results in the mail that brought it is
 * believed, or NULL. NOW: wall seconds. */
enum intake_outcome intake_store(struct sql *sql, const struct reader_result *result, unsigned i,
				 const char *authserv_id, int64_t now, struct why *why);

#endif
