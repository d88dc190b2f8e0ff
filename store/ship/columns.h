/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows on their way from the ledger's file to the shared store, gathered as columns.
 */
#ifndef STORE_SHIP_COLUMNS_H
#define STORE_SHIP_COLUMNS_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "store/sql/sql.h"

enum { SHIP_COLUMNS_MAX = 24 };

struct ship_column {
	const char *name;
	char kind; /* t text, i bigint, b bytea */
};

/* A table of the shared store; its third column is the configuration (a policy's key). */
struct ship_table {
	const char *name;
	const struct ship_column *columns;
	unsigned count;
};
extern const struct ship_table ship_policy_table, ship_tally_table;

struct ship_columns {
	const struct ship_table *table;
	unsigned count; /* the first so many of the table's columns */
	struct buf texts[SHIP_COLUMNS_MAX];
};

void ship_columns_init(struct ship_columns *columns, const struct ship_table *table, unsigned count,
		       struct arena *arena);

/* Column I of ROWS is column I of COLUMNS; CONFIG takes the place of the configuration there. Text
 * that is not UTF-8 is cleaned: the other side refuses it, and a batch must never be refused. */
void ship_columns_add(struct ship_columns *columns, struct sql_rows *rows,
		      const unsigned char *config);

/* INSERT INTO table (...) SELECT * FROM unnest($1::text[], ...) CONFLICT. Ends COLUMNS. */
struct sql_rows *ship_columns_insert(struct ship_columns *columns, struct sql *sql,
				     const char *conflict, struct arena *arena);

/* One value of ROWS as it is handed to a statement; KIND as in struct ship_column. */
struct sql_value ship_columns_value(struct sql_rows *rows, int at, char kind, struct arena *arena);

#endif
