/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads what was counted page by page, so that no transaction stays open in between. The same code
 * for every engine.
 */
#ifndef STORE_SQL_PAGE_H
#define STORE_SQL_PAGE_H

#include "store/sql/sql.h"

/* Which days to read, and the last one of the page before. */
struct page_days {
	struct ledger_days_query of;
	const struct ledger_day *after; /* NULL: from the beginning */
	bool sums;                      /* of a ledger's file: compare with its table of totals */
};

/* Which report's rows to read, and the last one of the page before. */
struct page_rows {
	const char *domain;
	int32_t day;
	unsigned char config[DRIVER_KEY_LEN];
	const struct driver_row *after; /* NULL: from the beginning */
	bool sums;                      /* as above: compare each row with its key */
};

/* Read the next page, at most MAX items. Return their number (0: the end), -1, or LEDGER_DAMAGED (a
 * row is not the one that was stored). Texts live in
 * ARENA, which is emptied after QUERY has been used: its AFTER may live there. A page of rows ends
 * early when their texts are long. */
int page_read_days(struct sql *sql, const struct page_days *query, struct arena *arena,
		   struct ledger_day *days, unsigned max, struct why *why);
int page_read_rows(struct sql *sql, const struct page_rows *query, struct arena *arena,
		   struct driver_row *rows, unsigned max, struct why *why);

#endif
