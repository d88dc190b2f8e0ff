/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of `countersign inbox` that look at the reports in the ledger.
 */
#ifndef ADMIN_INBOX_STORED_H
#define ADMIN_INBOX_STORED_H

#include "admin/admin.h"
#include "report/intake.h"
#include "store/sql/sql.h"

int inbox_list(struct admin *admin, int argc, char **argv);
int inbox_show(struct admin *admin, int argc, char **argv);
int inbox_tls(struct admin *admin, int argc, char **argv);
int inbox_expire(struct admin *admin, int argc, char **argv);
extern const struct admin_option inbox_list_options[];

/* What the options and the argument of a list choose. */
enum { INBOX_SINCE = 256, INBOX_FAILING, INBOX_NOTE };
struct inbox_choice {
	const char *domain; /* and those below it; NULL: any */
	int64_t since;      /* wall seconds */
	bool failing;
	bool noted;
};
int inbox_choice_read(struct admin *admin, int argc, char **argv, struct inbox_choice *choice);

const char *inbox_or_dash(const char *text);

/* Which ledger the settings name: an exit code; ADMIN_CONFIG: none, WHY says why (empty: the error
 * was printed). */
int inbox_settings(struct admin *admin, struct ledger_settings *settings, struct why *why);

/* Where received reports are read: the shared store of the settings, or the ledger's file. NULL
 * after the error was printed; *STATUS is the exit code. */
struct sql *inbox_ledger(struct admin *admin, int *status);

/* INTAKE for the ledger of the settings, which must be there: an exit code, as above. */
int inbox_open_intake(struct admin *admin, struct intake *intake, struct why *why);

#endif
