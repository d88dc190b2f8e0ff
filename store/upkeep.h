/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maintenance of a store: what it holds, whether it is consistent, and a copy of the file. For the
 * ledger's file and the shared store.
 */
#ifndef STORE_UPKEEP_H
#define STORE_UPKEEP_H

#include "store/sql/sql.h"

struct upkeep_facts {
	int64_t rows, messages, domains, reports;
	int64_t days, first_day, last_day; /* that have rows; 0 days: there are none */
	int64_t schema, bytes;             /* of the file; 0 for a shared store */
};
int upkeep_facts(struct sql *sql, bool shared, struct upkeep_facts *facts, struct why *why);

/* What a ledger's file has not shipped yet. */
struct upkeep_spool {
	const char *host; /* its id, hexadecimal */
	bool joined;      /* it ships */
	int64_t pending_rows, pending_messages;
	int64_t batches, shipped_at; /* wall seconds, 0: never */
};
int upkeep_spool(struct sql *local, struct arena *arena, struct upkeep_spool *spool,
		 struct why *why);

/* Brings the schema up to date. Where most of the file is free and the rest is small, it is written
 * again, as large as what it holds. While nobody else has it open. SAID: what was done, or empty.
 * 0, or -1 with the reason in SAID. */
int upkeep_shrink(const char *path, struct why *said);

/* Called for each inconsistency: what it is, and how often. */
typedef void upkeep_finding(void *arg, const char *what, int64_t count);

/* DONE of ALL steps (or pages) are done; false ends the work. */
typedef bool upkeep_progress(void *arg, int64_t done, int64_t all);

/* Reads everything; PROGRESS is called for each step and cannot end it. Returns the number of
 * different findings, or -1. */
int upkeep_check(struct sql *sql, bool shared, upkeep_finding *tell, upkeep_progress *progress,
		 void *arg, struct why *why);

/* Copies a consistent snapshot of the ledger's file to TO (replaced when complete, mode 0640), also
 * while others write. 0; 1: TELL returned false; -1. */
int upkeep_backup(const char *path, const char *to, upkeep_progress *tell, void *arg,
		  struct why *why);

#endif
