/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store looked after by its administrator: what it holds, whether it holds together, and a copy
 * of the file. SQL is the ledger's and the shared store's alike.
 */
#ifndef STORE_UPKEEP_H
#define STORE_UPKEEP_H

#include "store/sql/sql.h"

struct upkeep_facts {
	int64_t rows, messages, domains, reports;
	int64_t days, first_day, last_day; /* of what was counted; 0 days: nothing was */
	int64_t schema, bytes;             /* of the file; of a shared store they are 0 */
};
int upkeep_facts(struct sql *sql, bool shared, struct upkeep_facts *facts, struct why *why);

/* Of a ledger's file: what waits to be shipped. */
struct upkeep_spool {
	const char *host; /* its id, hexadecimal */
	bool joined;      /* it ships */
	int64_t pending_rows, pending_messages;
	int64_t batches, shipped_at; /* wall seconds, 0: never */
};
int upkeep_spool(struct sql *local, struct arena *arena, struct upkeep_spool *spool,
		 struct why *why);

/* Each thing that is not as it must be: what, and how often. */
typedef void upkeep_finding(void *arg, const char *what, int64_t count);

/* How many steps (or pages) of how many are done; false ends the work. */
typedef bool upkeep_progress(void *arg, int64_t done, int64_t all);

/* Reads everything; PROGRESS hears of each step, and cannot end it. The number of different
 * findings, or -1. */
int upkeep_check(struct sql *sql, bool shared, upkeep_finding *tell, upkeep_progress *progress,
		 void *arg, struct why *why);

/* The ledger's file as it is at one moment, into TO (replaced when it is complete, mode 0640),
 * while others write. TELL hears how many pages of how many are done; false ends it. 0, 1: ended by
 * TELL, -1. */
int upkeep_backup(const char *path, const char *to, upkeep_progress *tell, void *arg,
		  struct why *why);

#endif
