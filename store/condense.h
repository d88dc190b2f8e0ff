/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the rows of a policy domain and day few, whatever is sent in its name, and loses no count.
 * In two steps, the rows with the fewest messages first:
 *
 *   CONDENSE_SOURCE   all that is left of a row is its source, its disposition and what was aligned
 *   CONDENSE_REST     the source is left out as well: what says so has the source 0.0.0.0
 *
 * Rows that were condensed say so in their reasons. Sources with many messages keep their rows.
 */
#ifndef STORE_CONDENSE_H
#define STORE_CONDENSE_H

#include "store/sql/sqlite.h"

enum condense_level { CONDENSE_NOT, CONDENSE_SOURCE, CONDENSE_REST };

/* What is left of ROW at LEVEL; its texts live in ARENA, in ROW or for ever. */
void condense_row(const struct driver_row *row, enum condense_level level, struct arena *arena,
		  struct driver_row *out);

/* How many rows there are; a code of SQLite. */
int condense_count(sqlite3 *db, const char *domain, int32_t day, int64_t *rows);

/*
 * In a transaction: condenses so many rows of DOMAIN and DAY that about half of MAX are left, but
 * for those of which something was shipped. ADD puts a row in, or its count to the one that is
 * there. The code of SQLite.
 */
typedef int condense_add(struct sqlite *sqlite, const struct driver_row *row);
int condense_day(struct sqlite *sqlite, const char *domain, int32_t day, unsigned max,
		 condense_add *add);

#endif
