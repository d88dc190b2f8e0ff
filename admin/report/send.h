/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of `countersign report` that have to do with sending.
 */
#ifndef ADMIN_REPORT_SEND_H
#define ADMIN_REPORT_SEND_H

#include "admin/admin.h"
#include "store/outbox.h"

/* Which reports an administrator means. */
struct report_choice {
	struct admin *admin;
	const char *domain; /* NULL: all */
	int32_t from, to;
	const char *day; /* as given, or NULL */
	bool dry_run, build_only;
	const char *copy_to;
};

/* From a command's options and its only argument. 0, or ADMIN_USAGE after the error was printed. */
int report_choice_read(struct report_choice *choice, int argc, char **argv);

int report_build(struct admin *admin, int argc, char **argv);
int report_failures(struct admin *admin, int argc, char **argv);
int report_send(struct admin *admin, int argc, char **argv);
int report_retry(struct admin *admin, int argc, char **argv);
int report_suppress(struct admin *admin, int argc, char **argv);
int report_unsuppress(struct admin *admin, int argc, char **argv);

extern const struct admin_option report_build_options[];
extern const struct admin_option report_failures_options[];
extern const struct admin_option report_send_options[];
extern const struct admin_option report_retry_options[];

/* "today", "yesterday", "2026-11-22" */
bool report_day_parse(const char *text, int32_t *day);

/* The same, and "7d": seven days ago. */
bool report_since_parse(const char *text, int32_t *day);

/* The ledger of the settings, to read; NULL after the error was printed (*STATUS is the exit code).
 */
struct ledger *report_ledger(struct admin *admin, bool local, int *status);

/* The outbox of the settings; NULL after the error was printed (*STATUS is the exit code). */
struct outbox *report_outbox(struct admin *admin, enum outbox_mode mode, bool local, int *status);

#endif
