/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The columns of the tables that a ledger's file and the shared store both have, one line for each.
 * From these lines are made: the lists of every INSERT and SELECT of a row, its reading, the bytes
 * that its keys are hashed over (store/packed.h), what is shipped, and the ALTER TABLE that gives
 * an older store a new column.
 *
 * A new column of a row is one line of schema.c, with the version of each schema that brings it,
 * and the member of struct ledger_row (or ledger_policy) that it is kept in.
 */
#ifndef STORE_SQL_SCHEMA_H
#define STORE_SQL_SCHEMA_H

#include "lib/buf.h"
#include "store/sql/driver.h"

/* As C holds it. SQL knows text, numbers and bytes. */
enum schema_type {
	SCHEMA_TEXT, /* const char * */
	SCHEMA_INT,  /* int64_t */
	SCHEMA_DAY,  /* int32_t */
	SCHEMA_KEY,  /* unsigned char[DRIVER_KEY_LEN] */
	SCHEMA_BYTES /* of any length; no member holds them */
};

enum schema_role {
	SCHEMA_PLAIN,
	SCHEMA_CONFIG, /* a configuration: another one in the shared store, see store/ship/batch.h
			*/
	SCHEMA_COUNT,  /* added up when the row exists */
	/* texts, in the order of the bytes of store/packed.h */
	SCHEMA_DOMAIN,
	SCHEMA_POLICY_KEY,  /* makes the configuration */
	SCHEMA_POLICY_NOTE, /* of the policy: the last one seen is kept */
	SCHEMA_ROW_KEY,     /* makes the row's key */
	SCHEMA_ROW_NOTE,    /* the first one seen is kept */
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
	const char *blank; /* of a text: what rows have that were written before it came, or that
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

/* Where NAME, which is there, is in LIST. */
unsigned schema_index(const struct schema_list *list, const char *name);

/* Names FROM to the one before END, each after PREFIX: "t.domain, t.day". */
void schema_names(struct buf *to, const struct schema_list *list, unsigned from, unsigned end,
		  const char *prefix);

/* INSERT INTO table (LIST) VALUES ($1, $2 ...) */
void schema_insert(struct buf *to, const struct schema_table *table,
		   const struct schema_list *list);

/* " ON CONFLICT (key) DO UPDATE SET ...": counts are added, notes of a policy replaced. */
void schema_conflict(struct buf *to, const struct schema_table *table);

/* The type's name in SQL. */
const char *schema_type_name(const struct schema_column *column, enum schema_engine engine);

/* Calls RUN with each statement that adds a column which came with VERSION of ENGINE's schema;
 * often with none. The shared store's may be run twice. What RUN returns unless that is 0, which
 * goes on. */
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

/* The texts of a row in the order of their roles: the first one after NULL; NULL at the end. */
const struct schema_column *schema_next_text(const struct schema_column *column);

/* Members FROM and later of LIST, which are the columns of ROWS from the first one on. Other
 * members stay as they are. */
struct sql_rows;
void schema_read(struct sql_rows *rows, const struct schema_list *list, unsigned from,
		 struct arena *arena, struct driver_row *row);

/* Column AT of ROWS as it is handed to another statement. Lives in ARENA. */
struct sql_value schema_value(struct sql_rows *rows, unsigned at,
			      const struct schema_column *column, struct arena *arena);

#endif
