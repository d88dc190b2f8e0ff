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
	INTAKE_CONFIRMED, /* so it is, but now it is authenticated, or better than before */
	INTAKE_NOT_KEPT,  /* of a kind that is not kept */
	INTAKE_FAILED     /* WHY says why */
};

/* Where reports are put. */
struct intake {
	struct sql *ledger;
	struct sql *personal; /* store/personal.h */
	const char
	    *authserv_id; /* whose Authentication-Results in the mail are believed, or NULL */
	bool hash_addresses;
	bool imports; /* what is read stays where it is, and could be read again after a power
		       * failure: not every report is synchronized to the disk */
};

/* The mail or file that was read: bytes BEGIN to END of FD. */
struct intake_mail {
	const char *name;  /* of the file, or NULL */
	const char *trust; /* the DMARC result of the mail; NULL: its Authentication-Results say */
	int64_t received;  /* wall seconds */
	int fd;
	int64_t begin, end;
};

/* Opens both files: the ledger's must be there. -1 with WHY. */
int intake_open(struct intake *intake, const struct ledger_settings *ledger, struct why *why);
void intake_close(struct intake *intake);

/* For one that imports: what was stored survives a power failure from now on. False: it may not. */
bool intake_sync(const struct intake *intake);

/* Report I of RESULT: aggregate and TLS reports go into the ledger, failure reports, complaints and
 * what cannot be read into the file for personal data. */
enum intake_outcome intake_store(const struct intake *intake, const struct reader_result *result,
				 unsigned i, const struct intake_mail *mail, struct why *why);

#endif
