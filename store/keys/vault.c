/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one row of signing_version is locked from the moment a change takes its number until it is
 * committed: who sees a version sees all lower ones.
 */
#include "store/keys/vault.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql/shared.h"

#define OPEN_NAMES                                                                                 \
	"domain, selector, type, bits, record, state, since, created, seen, version, NULL"

#define EACH_OF                                                                                    \
	" FROM signing_key WHERE CAST($1 AS text) IS NULL OR domain = $1"                          \
	" ORDER BY domain, selector"

int vault_version(struct sql *sql, int64_t *version, struct why *why)
{
	*version = 0;
	return sql_number(sql, version, why, "SELECT version FROM signing_version WHERE one = 1",
			  SQL_NO_VALUES) < 0
		   ? -1
		   : 0;
}

/* All of ROWS, at most LIMIT. */
static int read_rows(struct sql_rows *rows, unsigned limit, struct arena *arena,
		     struct keyrow **list, struct why *why)
{
	unsigned count = 0;
	int more;

	*list = arena_array(arena, limit, sizeof **list);
	while ((more = sql_next(rows, why)) == 1) {
		assert(count < limit);
		keyrow_read(rows, arena, &(*list)[count++]);
	}
	return more < 0 ? -1 : (int)count;
}

int vault_since(struct sql *sql, int64_t version, unsigned limit, struct arena *arena,
		struct keyrow **rows, struct why *why)
{
	return read_rows(sql_ask(sql,
				 "SELECT " KEYROW_NAMES " FROM signing_key WHERE version > $1"
				 " ORDER BY version LIMIT $2",
				 SQL_VALUES(sql_int(version), sql_int(limit))),
			 limit, arena, rows, why);
}

int vault_each(struct sql *sql, const char *domain, bool sealed, keyrow_visit *visit, void *arg,
	       struct why *why)
{
	const char *statement =
	    sealed ? "SELECT " KEYROW_NAMES EACH_OF : "SELECT " OPEN_NAMES EACH_OF;

	return keyrow_each(sql_ask(sql, statement, SQL_VALUES(sql_text(domain))), visit, arg, why);
}

/* ---- changes ---- */

/* The first of COUNT versions that are nobody's, in a transaction. */
static int take_versions(struct sql *sql, unsigned count, int64_t *first, struct why *why)
{
	int64_t last;

	if (sql_run(sql, why, "UPDATE signing_version SET version = version + $1 WHERE one = 1",
		    SQL_VALUES(sql_int(count))) != 0 ||
	    vault_version(sql, &last, why) != 0)
		return -1;
	*first = last - count + 1;
	return 0;
}

struct change {
	struct keyrow *rows;
	unsigned count;
	int missing;
};

/* A key whose transaction was committed without the answer arriving is there with all that it
 * has. */
static int put_row(struct sql *sql, const struct keyrow *row, struct why *why)
{
	struct sql_value values[KEYROW_COLUMNS];
	int64_t changed;

	keyrow_values(row, values);
	changed =
	    sql_do(sql, why,
		   "INSERT INTO signing_key (" KEYROW_NAMES ", next_look)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $6 ="
		   " 'pending' THEN 1 ELSE 0 END) ON CONFLICT (domain, selector) DO UPDATE SET"
		   " type = excluded.type, bits = excluded.bits, record = excluded.record,"
		   " state = excluded.state, since = excluded.since, created = excluded.created,"
		   " seen = excluded.seen, version = excluded.version, sealed = excluded.sealed,"
		   " next_look = excluded.next_look WHERE signing_key.state = 'revoked'"
		   " OR signing_key.sealed = excluded.sealed",
		   (struct sql_values){values, KEYROW_COLUMNS});
	if (changed != 0)
		return changed < 0 ? -1 : 0;
	sql->fault = DRIVER_BROKEN;
	return why_set(why, "the shared store has a key %s of %s; a key is never overwritten",
		       row->selector, row->domain);
}

static int put_rows(void *arg, struct sql *sql, struct why *why)
{
	struct change *change = arg;
	int64_t first;

	if (take_versions(sql, change->count, &first, why) != 0)
		return -1;
	for (unsigned i = 0; i < change->count; i++) {
		change->rows[i].version = first + i;
		if (put_row(sql, &change->rows[i], why) != 0)
			return -1;
	}
	return 0;
}

int vault_put(struct sql *sql, struct keyrow *rows, unsigned count, struct why *why)
{
	struct change change = {.rows = rows, .count = count};

	return count == 0 ? 0 : sql_transact(sql, put_rows, &change, why);
}

static int set_state(void *arg, struct sql *sql, struct why *why)
{
	struct change *change = arg;
	const struct keyrow *row = change->rows;
	int64_t version, changed;

	if (take_versions(sql, 1, &version, why) != 0)
		return -1;
	changed = sql_do(sql, why,
			 "UPDATE signing_key SET state = $3, since = $4, version = $5,"
			 " seen = CASE WHEN $3 = 'pending' THEN 0 ELSE seen END,"
			 " next_look = CASE WHEN $3 = 'pending' THEN 1 ELSE 0 END"
			 " WHERE domain = $1 AND selector = $2",
			 SQL_VALUES(sql_text(row->domain), sql_text(row->selector),
				    sql_text(row->state), sql_int(row->since), sql_int(version)));
	change->missing = changed == 0;
	return changed < 0 ? -1 : 0;
}

int vault_set_state(struct sql *sql, const char *domain, const char *selector, const char *state,
		    int64_t since, struct why *why)
{
	struct keyrow row = {
	    .domain = domain, .selector = selector, .state = state, .since = since};
	struct change change = {.rows = &row, .count = 1};
	int result = sql_transact(sql, set_state, &change, why);

	return result == 0 ? change.missing : result;
}

/* ---- keys that wait ---- */

/* The next look at a key that has waited for so long: 4 s in the first quarter of an hour, 10 min
 * on the first day, 1 h in the first week, then once a day. */
#define NEXT_LOOK                                                                                  \
	SHARED_NOW " + CASE WHEN " SHARED_NOW " - since < 900 THEN 4 WHEN " SHARED_NOW             \
		   " - since < 86400 THEN 600 WHEN " SHARED_NOW                                    \
		   " - since < 604800 THEN 3600 ELSE 86400 END"

/* A row that two hosts want is locked by the first; the second then finds that it is not due. */
int vault_claim(struct sql *sql, unsigned limit, struct arena *arena, struct keyrow **rows,
		struct why *why)
{
	return read_rows(
	    sql_ask(sql,
		    "UPDATE signing_key SET next_look = " NEXT_LOOK
		    " WHERE next_look > 0 AND next_look <= " SHARED_NOW
		    " AND (domain, selector) IN (SELECT domain, selector"
		    " FROM signing_key WHERE next_look > 0 AND next_look <= " SHARED_NOW
		    " ORDER BY next_look LIMIT $1) RETURNING " OPEN_NAMES,
		    SQL_VALUES(sql_int(limit))),
	    limit, arena, rows, why);
}

static int note_rows(void *arg, struct sql *sql, struct why *why)
{
	const struct change *change = arg;
	int64_t first;

	if (take_versions(sql, change->count, &first, why) != 0)
		return -1;
	for (unsigned i = 0; i < change->count; i++) {
		const struct keyrow *row = &change->rows[i];

		if (sql_run(sql, why,
			    "UPDATE signing_key SET seen = " SHARED_NOW ", next_look = 0,"
			    " version = $4 WHERE domain = $1 AND selector = $2 AND record = $3"
			    " AND seen = 0",
			    SQL_VALUES(sql_text(row->domain), sql_text(row->selector),
				       sql_text(row->record), sql_int(first + i))) != 0)
			return -1;
	}
	return 0;
}

int vault_note_seen(struct sql *sql, const struct keyrow *rows, unsigned count, struct why *why)
{
	struct change change = {.rows = (struct keyrow *)(uintptr_t)rows, .count = count};

	return count == 0 ? 0 : sql_transact(sql, note_rows, &change, why);
}
