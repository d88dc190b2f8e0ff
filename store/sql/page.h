/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was counted, read a page at a time, so that no transaction stays open between two pages.
 * The same for every engine.
 */
#ifndef STORE_SQL_PAGE_H
#define STORE_SQL_PAGE_H

#include "store/sql/sql.h"

/* Which days, and after which one: the last one that was read. */
struct page_days {
	struct ledger_days_query of;
	const struct ledger_day *after; /* NULL: from the beginning */
};

/* The rows of one report, and after which one. */
struct page_rows {
	const char *domain;
	int32_t day;
	unsigned char config[DRIVER_KEY_LEN];
	const struct driver_row *after; /* NULL: from the beginning */
};

/* The next ones, at most MAX: their number (0: there are no more), or -1. They live in ARENA, which
 * is emptied after QUERY was used: its AFTER may lie there. A page of rows also ends when their
 * texts are many. */
int page_read_days(struct sql *sql, const struct page_days *query, struct arena *arena,
		   struct ledger_day *days, unsigned max, struct why *why);
int page_read_rows(struct sql *sql, const struct page_rows *query, struct arena *arena,
		   struct driver_row *rows, unsigned max, struct why *why);

#endif
