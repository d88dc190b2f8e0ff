/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits the rows of a policy domain and day, whatever is sent in its name, without losing a count.
 * In two steps, those with the fewest messages first:
 *
 *   CONDENSE_SOURCE   a row keeps only its source, its disposition and what was aligned
 *   CONDENSE_REST     the source becomes 0.0.0.0
 *
 * Rows that were condensed say so in their reasons. Sources with many messages keep their rows.
 */
#ifndef STORE_CONDENSE_H
#define STORE_CONDENSE_H

#include "store/sql/sqlite.h"

enum condense_level { CONDENSE_NOT, CONDENSE_SOURCE, CONDENSE_REST };

/* Condenses ROW to LEVEL; the texts of OUT live in ARENA, in ROW or for ever. */
void condense_row(const struct driver_row *row, enum condense_level level, struct arena *arena,
		  struct driver_row *out);

/* How many rows there are; a code of SQLite. */
int condense_count(sqlite3 *db, const char *domain, int32_t day, int64_t *rows);

/*
 * In a transaction: condenses rows of DOMAIN and DAY until about half of MAX are left, except those
 * that were shipped. ADD adds a row, or its count to an equal one. Returns SQLite's code.
 */
typedef int condense_add(struct sqlite *sqlite, const struct driver_row *row);
int condense_day(struct sqlite *sqlite, const char *domain, int32_t day, unsigned max,
		 condense_add *add);

#endif
