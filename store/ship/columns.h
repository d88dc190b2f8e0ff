/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows to be shipped, gathered by column.
 */
#ifndef STORE_SHIP_COLUMNS_H
#define STORE_SHIP_COLUMNS_H

#include "store/sql/schema.h"
#include "store/sql/sql.h"

struct ship_columns {
	const struct schema_table *table;
	struct schema_list list;
	struct buf texts[SCHEMA_COLUMNS_MAX];
};

/* The first MAX of the columns that the shared store has of TABLE. */
void ship_columns_init(struct ship_columns *columns, const struct schema_table *table, unsigned max,
		       struct arena *arena);

/* Column I of ROWS is column I of COLUMNS; CONFIG takes the place of the configuration. Text that
 * is not UTF-8 is cleaned, because the server would refuse the whole batch. */
void ship_columns_add(struct ship_columns *columns, struct sql_rows *rows,
		      const unsigned char *config);

/* INSERT INTO table (...) SELECT * FROM unnest($1::text[], ...) ON CONFLICT (...) DO UPDATE ...,
 * then REST. Ends COLUMNS. */
struct sql_rows *ship_columns_insert(struct ship_columns *columns, struct sql *sql,
				     const char *rest, struct arena *arena);

#endif
