/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `countersign report show` prints for people and for programs.
 */
#ifndef ADMIN_REPORT_PRINT_H
#define ADMIN_REPORT_PRINT_H

#include "admin/admin.h"
#include "report/aggregate.h"
#include "store/ledger.h"

enum { REPORT_PRINT_ROWS_MAX = 1000 };

/* One domain and day: its policy configurations, or the one that was chosen. */
struct report_view {
	const struct admin *admin;
	struct ledger *ledger;
	const char *domain;
	int32_t day;
	unsigned rows; /* show those with most messages; 0: all, by source */
	struct aggregate_reporter reporter;
	struct ledger_day *reports;
	unsigned count; /* of REPORTS */
	unsigned first; /* the number of the first of them */
	unsigned seen;  /* how many configurations there were */
};

/* To standard output. 0, or -1 when the ledger could not be read; a positive number when standard
 * output could not be written. */
int report_print_text(const struct report_view *view, struct why *why);
int report_print_json(const struct report_view *view, struct why *why);

double report_percent(int64_t part, int64_t whole);

#endif
