/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is every message that was counted reported once, or is there a reason why not? For each day and
 * kind of report: how many were counted here, shipped, stored in the shared store and reported, and
 * what the difference is made of.
 */
#ifndef REPORT_ACCOUNT_H
#define REPORT_ACCOUNT_H

#include "report/sender.h"
#include "store/sql/sql.h"

/* Why messages are in no report that was accepted. */
enum account_reason {
	ACCOUNT_DAY_OPEN,
	ACCOUNT_TO_SHIP,
	ACCOUNT_TO_BUILD,
	ACCOUNT_TO_SEND,
	ACCOUNT_NO_ADDRESS,
	ACCOUNT_QUIET,
	ACCOUNT_LEFT_OUT,
	ACCOUNT_OFF,
	ACCOUNT_BEFORE,
	ACCOUNT_REFUSED,
	/* these are missing */
	ACCOUNT_DAMAGED,
	ACCOUNT_NOT_STORED,
	ACCOUNT_SILENT,
	ACCOUNT_NOT_BUILT,
	ACCOUNT_UNKNOWN,
	/* these are too many */
	ACCOUNT_DOUBLED,
	ACCOUNT_REASONS
};

/* For people, after a number of messages: "waiting to be sent". */
const char *account_reason_text(enum account_reason reason);
const char *account_reason_name(enum account_reason reason); /* "to_send" */

/* A host's share of a day, with a shared store. NAME NULL, and not OWN: what came in before the
 * store told hosts apart. */
struct account_host {
	const char *name;
	bool own;
	int64_t counted, shipped, stored;
	int64_t told; /* when the host told the store its sums, wall seconds; 0: OWN, or not yet */
	int64_t reasons[ACCOUNT_REASONS];
};

/* One day and kind. Messages; of failure reports: reports. */
struct account_line {
	int32_t day;
	enum outbox_kind kind;
	int64_t counted;  /* by this host; with a shared store: by all */
	int64_t shipped;  /* of these: acknowledged; 0 without a shared store */
	int64_t stored;   /* there */
	int64_t reported; /* of STORED, or of COUNTED without a shared store */
	int64_t reasons[ACCOUNT_REASONS];
	int64_t damaged_rows; /* of ACCOUNT_DAMAGED: those whose rows are gone */
	struct account_host *hosts;
	unsigned host_count;
};

struct account_settings {
	const struct ledger_settings *store;
	const struct sender_settings *sender;
	bool sends;         /* reports.send */
	unsigned keep_days; /* 0: all */
};

struct account {
	struct account_line *lines; /* by day, then kind */
	unsigned count;
	int64_t missing, doubled; /* of all lines */
	int64_t host_lacks;       /* of what the shared store acknowledged to this host: missing
				   * there; negative: it has more. Not in MISSING: days may have it */
};

/* Of the reasons of a line, or of a host: the sum of those that are missing. */
int64_t account_missing(const int64_t reasons[ACCOUNT_REASONS]);

/* Reads both stores, also while others write. LOCAL is the ledger's file, SHARED NULL or a
 * connection. 0, or -1. The lines live in ARENA. */
int account_read(const struct account_settings *settings, struct sql *local, struct sql *shared,
		 struct arena *arena, struct account *account, struct why *why);

#endif
