/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host that joins a shared store: what it holds is marked to be shipped, one range of the table
 * at a time, and the reports it has already built are copied there.
 */
#include "store/ship/join.h"

#include <string.h>

#include "lib/clock.h"
#include "store/ship/inbox.h"
#include "store/sql/schema.h"

enum { JOIN_ROWS = 5000 };

/* ---- what there is to ship ---- */

struct walk {
	bool fresh; /* not the store that tally.shipped counts for */
	bool begun, ended;
	const char *domain, *source_ip;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN], key[DRIVER_KEY_LEN];
	struct arena *arena;
};

/* In the order of the table. */
#define TALLY_KEY "day, domain, config, source_ip, row_key"
#define AFTER     "(" TALLY_KEY ") > ($2, $1, $3, $4, $5)"

/* The key JOIN_ROWS after the last one. */
static int find_end(const struct walk *from, struct walk *to, struct sql *local, struct why *why)
{
	struct sql_rows *rows = sql_ask(local,
					"SELECT " SHIP_KEY " FROM tally WHERE " AFTER
					" ORDER BY " TALLY_KEY " LIMIT 1 OFFSET $6",
					SQL_VALUES(sql_text(from->domain), sql_int(from->day),
						   sql_key(from->config), sql_text(from->source_ip),
						   sql_key(from->key), sql_int(JOIN_ROWS - 1)));
	int more = sql_next(rows, why);

	if (more != 1)
		return more;
	to->domain = sql_text_at(rows, 0, to->arena);
	to->day = sql_int_at(rows, 1);
	sql_key_at(rows, 2, to->config);
	to->source_ip = sql_text_at(rows, 3, to->arena);
	sql_key_at(rows, 4, to->key);
	sql_drop(rows);
	return 1;
}

#define UNTIL " AND (" TALLY_KEY ") <= ($7, $6, $8, $9, $10)"

static int mark_range(const struct walk *from, const struct walk *to, struct sql *local,
		      const char *text, struct why *why)
{
	return sql_run(local, why, text,
		       SQL_VALUES(sql_text(from->domain), sql_int(from->day), sql_key(from->config),
				  sql_text(from->source_ip), sql_key(from->key),
				  sql_text(to->domain), sql_int(to->day), sql_key(to->config),
				  sql_text(to->source_ip), sql_key(to->key)));
}

/* One range of the table: short, because the milter's writer waits. */
static int mark_some(void *arg, struct sql *local, struct why *why)
{
	struct walk *walk = arg, to = *walk;
	int more = find_end(walk, &to, local, why);

	if (more < 0)
		return -1;
	if (more == 0) /* after every key */
		to.day = INT64_MAX;
	if (walk->fresh && mark_range(walk, &to, local,
				      "UPDATE tally SET shipped = 0, shipped_quiet = 0"
				      " WHERE " AFTER UNTIL " AND shipped > 0",
				      why) != 0)
		return -1;
	if (mark_range(walk, &to, local,
		       "INSERT OR IGNORE INTO unshipped (" SHIP_KEY ") SELECT " SHIP_KEY
		       " FROM tally WHERE " AFTER UNTIL " AND messages > shipped",
		       why) != 0)
		return -1;
	*walk = to;
	walk->ended = more == 0;
	return 0;
}

static int mark_all(struct ship *ship, bool fresh, struct why *why)
{
	struct walk walk = {.fresh = fresh, .domain = "", .source_ip = "", .arena = arena_new(0)};
	int result = 0;

	while (result == 0 && !walk.ended)
		result = sql_transact(ship->local, mark_some, &walk, why);
	arena_free(walk.arena);
	return result;
}

/* From now on the milter's writer notes what is to be shipped. */
static int begin_joining(void *arg, struct sql *local, struct why *why)
{
	const bool *fresh = arg;

	if (*fresh && (sql_run(local, why,
			       "UPDATE spool SET store = NULL, through = -1, base = sequence,"
			       " applied = sequence, sent = 0, epoch = ''",
			       SQL_NO_VALUES) != 0 ||
		       sql_run(local, why, "DELETE FROM batch", SQL_NO_VALUES) != 0 ||
		       sql_run(local, why, "DELETE FROM shipment", SQL_NO_VALUES) != 0 ||
		       ship_inbox_again(local, why) != 0))
		return -1;
	return sql_run(local, why, "UPDATE spool SET joined = 1, joined_at = $1",
		       SQL_VALUES(sql_int(clock_wall())));
}

/* ---- reports that this host built before it had a shared store ---- */

struct import {
	const struct ship *ship;
	const char *domain;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN];
};

/* A configuration becomes the one derived for this host. */
static struct sql_value import_value(const struct import *import, struct sql_rows *from,
				     unsigned at, const struct schema_column *column,
				     struct arena *arena)
{
	unsigned char config[DRIVER_KEY_LEN], own[DRIVER_KEY_LEN];

	if (column->role != SCHEMA_CONFIG)
		return schema_value(from, at, column, arena);
	sql_key_at(from, (int)at, config);
	shared_derive(config, import->ship->spool.host, DRIVER_KEY_LEN, own);
	return sql_key(own);
}

/* Copies the rows of TABLE that CONDITION selects, except those that the shared store has. Returns
 * how many are new, or -1. */
static int64_t import_rows(const struct import *import, struct sql *sql,
			   const struct schema_table *table, const char *condition,
			   struct sql_values chosen, struct why *why)
{
	const struct schema_list list = schema_list(table, SCHEMA_OF_SHARED);
	struct arena *texts = arena_new(0), *arena = arena_new(0);
	struct buf select, insert;
	struct sql_rows *from;
	int64_t fresh = 0;
	int more;

	buf_init(&select, texts, 0);
	buf_string(&select, "SELECT ");
	schema_names(&select, &list, 0, list.count, "");
	buf_printf(&select, " FROM %s%s", table->name, condition);
	buf_init(&insert, texts, 0);
	schema_insert(&insert, table, &list);
	buf_printf(&insert, " ON CONFLICT (%s) DO NOTHING", table->key);
	from = sql_ask(import->ship->local, buf_text(&select), chosen);
	while ((more = sql_next(from, why)) == 1) {
		struct sql_value values[SCHEMA_COLUMNS_MAX];
		int64_t changes;

		for (unsigned i = 0; i < list.count; i++)
			values[i] = import_value(import, from, i, list.at[i], arena);
		changes =
		    sql_do(sql, why, buf_text(&insert), (struct sql_values){values, list.count});
		arena_reset(arena);
		if (changes < 0) {
			sql_drop(from);
			more = -1;
			break;
		}
		fresh += changes;
	}
	arena_free(arena);
	arena_free(texts);
	return more < 0 ? -1 : fresh;
}

static int64_t import_of_report(const struct import *import, struct sql *sql,
				const struct schema_table *table, struct why *why)
{
	return import_rows(
	    import, sql, table, " WHERE domain = $1 AND day = $2 AND config = $3",
	    SQL_VALUES(sql_text(import->domain), sql_int(import->day), sql_key(import->config)),
	    why);
}

/* Copies the report with all that belongs to it, unless the store has it. */
static int import_report(void *arg, struct sql *sql, struct why *why)
{
	const struct import *import = arg;
	int64_t fresh = import_of_report(import, sql, &schema_report, why);

	if (fresh <= 0)
		return fresh < 0 ? -1 : 0;
	if (import_of_report(import, sql, &schema_report_part, why) < 0)
		return -1;
	return import_of_report(import, sql, &schema_delivery, why) < 0 ? -1 : 0;
}

/* Small tables that belong to no report. */
static int import_rest(void *arg, struct sql *sql, struct why *why)
{
	static const struct schema_table *const rest[] = {&schema_suppression, &schema_token};
	const struct import *import = arg;

	for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
		if (import_rows(import, sql, rest[i], "", SQL_NO_VALUES, why) < 0)
			return -1;
	return 0;
}

static int import_outbox(struct ship *ship, struct why *why)
{
	struct sql_rows *rows = sql_ask(ship->local,
					"SELECT domain, day, config FROM report"
					" WHERE kind = 'aggregate' ORDER BY domain, day, config",
					SQL_NO_VALUES);
	struct import import = {.ship = ship};
	struct arena *arena = arena_new(0);
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		import.domain = sql_text_at(rows, 0, arena);
		import.day = sql_int_at(rows, 1);
		sql_key_at(rows, 2, import.config);
		if (sql_transact(ship->shared, import_report, &import, why) < 0) {
			sql_drop(rows);
			more = -1;
			break;
		}
		arena_reset(arena);
	}
	arena_free(arena);
	return more < 0 ? -1 : sql_transact(ship->shared, import_rest, &import, why);
}

/* ---- joining ---- */

/* The store knows this host, but the file does not know the store: rows would be counted twice. */
static int refuse_return(struct ship *ship, struct why *why)
{
	int64_t sequence;
	int found =
	    sql_number(ship->shared, &sequence, why, "SELECT sequence FROM host WHERE host = $1",
		       SQL_VALUES(sql_key(ship->spool.host)));

	if (found != 0)
		return found < 0 ? -1 : 0;
	return why_set(why, "the shared store holds what this host counted up to a time before it"
			    " shipped elsewhere, so all since would be counted twice: use a fresh"
			    " database, or move this host's ledger away (a new one is created)");
}

int ship_join(struct ship *ship, const unsigned char id[SHARED_ID_LEN], struct why *why)
{
	bool fresh = !ship->spool.has_store || memcmp(ship->spool.store, id, SHARED_ID_LEN) != 0;

	if (!fresh && ship->spool.joined)
		return 0;
	if ((fresh && refuse_return(ship, why) != 0) ||
	    sql_transact(ship->local, begin_joining, &fresh, why) < 0 ||
	    import_outbox(ship, why) < 0 || mark_all(ship, fresh, why) != 0)
		return -1;
	if (sql_run(ship->local, why, "UPDATE spool SET store = $1", SQL_VALUES(sql_key(id))) != 0)
		return -1;
	return ship_spool_read(ship->local, &ship->spool, why);
}
