/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The columns of the tables that a ledger's file and the shared store both have, one line for each.
 * Everything that lists columns is made from these lines: INSERT and SELECT of a row, reading it,
 * the bytes that its keys are hashed over (store/packed.h), what is shipped, and the ALTER TABLE
 * that adds a column to an older store.
 *
 * To add a column, add one line to schema.c, with the version of each schema that adds it, and a
 * member to struct ledger_row (or ledger_policy).
 */
#ifndef STORE_SQL_SCHEMA_H
#define STORE_SQL_SCHEMA_H

#include "lib/buf.h"
#include "store/sql/driver.h"

/* The type of the member in C. SQL has text, numbers and bytes. */
enum schema_type {
	SCHEMA_TEXT, /* const char * */
	SCHEMA_INT,  /* int64_t */
	SCHEMA_DAY,  /* int32_t */
	SCHEMA_KEY,  /* unsigned char[DRIVER_KEY_LEN] */
	SCHEMA_BYTES /* of any length; no member holds them */
};

enum schema_role {
	SCHEMA_PLAIN,
	SCHEMA_CONFIG, /* may be another one in the shared store: see store/ship/batch.h
			*/
	SCHEMA_COUNT,  /* is added to an existing row */
	/* texts, in the order of store/packed.h */
	SCHEMA_DOMAIN,
	SCHEMA_POLICY_KEY,  /* part of the configuration */
	SCHEMA_POLICY_NOTE, /* of the policy: the last one is kept */
	SCHEMA_ROW_KEY,     /* part of the row's key */
	SCHEMA_ROW_NOTE,    /* the first one is kept */
	SCHEMA_ROLES
};

enum schema_engine { SCHEMA_SQLITE, SCHEMA_SHARED, SCHEMA_ENGINES };

enum {
	SCHEMA_ABSENT = 255,
	SCHEMA_COLUMNS_MAX = 24,
	SCHEMA_IDS = 3 /* a table of rows begins with domain, day, config */
};
#define SCHEMA_NO_MEMBER SIZE_MAX

struct schema_column {
	const char *name;
	enum schema_type type;
	enum schema_role role;
	size_t at; /* in struct driver_row, or SCHEMA_NO_MEMBER */
	bool may_be_null;
	const char *blank; /* of a text: the value of rows that are older than the column or
			    * were condensed (store/condense.h). NULL: condensing keeps it */
	unsigned char added[SCHEMA_ENGINES]; /* by which version of the schema; 0: with the table;
					      * SCHEMA_ABSENT: this engine lacks it */
};

struct schema_table {
	const char *name;
	const char *key; /* names of the primary key */
	const struct schema_column *columns;
	unsigned count;
};
extern const struct schema_table schema_policy, schema_tally; /* what is counted */
extern const struct schema_table schema_report, schema_report_part, schema_delivery,
    schema_suppression, schema_token; /* the outbox (store/outbox.h) */

/* The columns of a table that one engine has, or that are members of a struct driver_row (both
 * engines have those). */
enum schema_set { SCHEMA_OF_SQLITE, SCHEMA_OF_SHARED, SCHEMA_OF_ROW };
struct schema_list {
	const struct schema_column *at[SCHEMA_COLUMNS_MAX];
	unsigned count;
};
struct schema_list schema_list(const struct schema_table *table, enum schema_set set);

/* The index of NAME, which must be in LIST. */
unsigned schema_index(const struct schema_list *list, const char *name);

/* Writes the names from FROM up to but not including END, each with PREFIX: "t.domain, t.day". */
void schema_names(struct buf *to, const struct schema_list *list, unsigned from, unsigned end,
		  const char *prefix);

/* INSERT INTO table (LIST) VALUES ($1, $2 ...) */
void schema_insert(struct buf *to, const struct schema_table *table,
		   const struct schema_list *list);

/* " ON CONFLICT (key) DO UPDATE SET ...": counts are added, notes of a policy replaced. */
void schema_conflict(struct buf *to, const struct schema_table *table);

/* The type's name in SQL. */
const char *schema_type_name(const struct schema_column *column, enum schema_engine engine);

/* Calls RUN with a statement for each column that VERSION of ENGINE's schema adds. Those of the
 * shared store may be run twice. Stops at the first RUN that does not return 0, and returns its
 * value. */
typedef int schema_run(void *arg, const char *statement);
int schema_add_columns(enum schema_engine engine, int version, schema_run *run, void *arg);
int schema_version(enum schema_engine engine); /* the last one that adds a column */

/* A member of a row. */
static inline const void *schema_member(const struct driver_row *row,
					const struct schema_column *column)
{
	return (const char *)row + column->at;
}
static inline const char *schema_text(const struct ledger_row *row,
				      const struct schema_column *column)
{
	return *(const char *const *)((const char *)row + column->at);
}
static inline void schema_set_text(struct ledger_row *row, const struct schema_column *column,
				   const char *text)
{
	*(const char **)((char *)row + column->at) = text;
}

/* Iterates over the texts of a row in the order of their roles: NULL gives the first; NULL at the
 * end. */
const struct schema_column *schema_next_text(const struct schema_column *column);

/* Sets ROW's members from the current row of ROWS, whose columns are those of LIST from FROM on. */
struct sql_rows;
void schema_read(struct sql_rows *rows, const struct schema_list *list, unsigned from,
		 struct arena *arena, struct driver_row *row);

/* Column AT of the current row as a value for another statement. Lives in ARENA. */
struct sql_value schema_value(struct sql_rows *rows, unsigned at,
			      const struct schema_column *column, struct arena *arena);

#endif
