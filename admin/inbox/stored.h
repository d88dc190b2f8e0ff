/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of `countersign inbox` that look at the reports in the ledger.
 */
#ifndef ADMIN_INBOX_STORED_H
#define ADMIN_INBOX_STORED_H

#include "admin/admin.h"
#include "store/sql/sql.h"

int inbox_list(struct admin *admin, int argc, char **argv);
int inbox_show(struct admin *admin, int argc, char **argv);
int inbox_tls(struct admin *admin, int argc, char **argv);
int inbox_expire(struct admin *admin, int argc, char **argv);
extern const struct admin_option inbox_list_options[];

/* The ledger's file of the settings. NULL after the error was printed; *STATUS is the exit code. */
struct sql *inbox_ledger(struct admin *admin, bool read_only, int *status);

/* The settings' authserv_id; NULL: it is "auto", which only the daemon knows. */
const char *inbox_authserv_id(struct admin *admin);

#endif
