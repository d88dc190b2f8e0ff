/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign store check --reconcile`: what was counted against what was reported.
 */
#ifndef ADMIN_RECONCILE_H
#define ADMIN_RECONCILE_H

#include "admin/admin.h"
#include "admin/daemon/losses.h"
#include "report/account.h"

struct reconcile {
	struct admin *admin;
	const struct conf *conf;
	const struct ledger_settings *store;
	struct account account;
	int64_t in_journals; /* results that the running daemon has not put into the ledger yet; -1:
				not known */
};

/* Reads it. TELL is called for each sum that is not as it must be; returns their number, or -1. */
int reconcile_read(struct reconcile *reconcile, losses_tell *tell, void *arg, struct why *why);

/* Prints the table, or adds it to JSON (NULL: none). */
void reconcile_print(const struct reconcile *reconcile, struct jsonout *json);

/* Notes the result for the daemon's metrics. FINDINGS: of the whole check. */
void reconcile_note(const struct reconcile *reconcile, int findings);

#endif
