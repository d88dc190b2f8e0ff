/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which store it is a copy of, and up to which version, is in the one row of table copy. When that
 * is another store, or an older state of it (from a backup), all keys are copied again: they are
 * marked with the round, and those that the store does not have are removed when all have come. A
 * store without any key never empties the copy: that is an accident, and its price would be every
 * signature.
 */
#include "store/keys/copy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "store/keys/vault.h"
#include "store/sql/shared.h"
#include "store/sql/sqlite.h"

enum { PAGE = 500 };

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE signing_key (domain TEXT NOT NULL, selector TEXT NOT NULL, type TEXT NOT NULL,"
    " bits INTEGER NOT NULL, record TEXT NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL,"
    " created INTEGER NOT NULL, seen INTEGER NOT NULL, version INTEGER NOT NULL,"
    " sealed BLOB NOT NULL, here INTEGER NOT NULL DEFAULT 0, round INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (domain, selector)) WITHOUT ROWID;"
    "CREATE INDEX signing_key_here ON signing_key (here) WHERE here > 0;"
    "CREATE TABLE copy (one INTEGER PRIMARY KEY, store BLOB NOT NULL, version INTEGER NOT NULL,"
    " synced INTEGER NOT NULL, round INTEGER NOT NULL);",
};

static const struct driver_schema copy_schema = {
    .application_id = 0x4353474b, /* "CSGK" */
    .mode = 0640,
    .steps = steps,
    .count = sizeof steps / sizeof steps[0],
};

struct keycopy {
	struct sql *sql;
};

struct keycopy *keycopy_open(const char *ledger, bool read_only, struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct ledger_settings settings = {.path = arena_printf(arena, "%s-keys", ledger),
						 .read_only = read_only,
						 .durability = LEDGER_PROCESS,
						 .busy_wait = 5 * CLOCK_SECOND};
	struct keycopy *copy = heap_zero(sizeof *copy);

	copy->sql = sqlite_sql_as(&copy_schema, &settings, why);
	arena_free(arena);
	if (copy->sql != NULL)
		return copy;
	free(copy);
	return NULL;
}

void keycopy_close(struct keycopy *copy)
{
	if (copy == NULL)
		return;
	sql_close(copy->sql);
	free(copy);
}

bool keycopy_has_moved(struct keycopy *copy)
{
	return sqlite_has_moved(sqlite_of(copy->sql));
}

/* ---- reading ---- */

int keycopy_ready(struct keycopy *copy, int64_t *synced, struct why *why)
{
	int found = sql_number(copy->sql, synced, why, "SELECT synced FROM copy WHERE one = 1",
			       SQL_NO_VALUES);

	return found < 0 ? -1 : found == 0;
}

#define SEEN_NAMES                                                                                 \
	"domain, selector, type, bits, record, state, since, created,"                             \
	" CASE WHEN seen > 0 THEN seen ELSE here END, version, sealed"

enum { DOMAIN_KEYS_MAX = 64 };

int keycopy_find(struct keycopy *copy, const char *domain, struct arena *arena,
		 struct keyrow **rows, struct why *why)
{
	unsigned count = 0;
	struct sql_rows *found =
	    sql_ask(copy->sql,
		    "SELECT " SEEN_NAMES " FROM signing_key WHERE domain = $1 ORDER BY selector"
		    " LIMIT $2",
		    SQL_VALUES(sql_text(domain), sql_int(DOMAIN_KEYS_MAX)));
	int more;

	*rows = NULL;
	while ((more = sql_next(found, why)) == 1) {
		if (*rows == NULL)
			*rows = arena_array(arena, DOMAIN_KEYS_MAX, sizeof **rows);
		keyrow_read(found, arena, &(*rows)[count++]);
	}
	return more < 0 ? -1 : (int)count;
}

int keycopy_each(struct keycopy *copy, keyrow_visit *visit, void *arg, struct why *why)
{
	return keyrow_each(
	    sql_ask(copy->sql, "SELECT " SEEN_NAMES " FROM signing_key ORDER BY domain, selector",
		    SQL_NO_VALUES),
	    visit, arg, why);
}

int keycopy_note_seen(struct keycopy *copy, const char *domain, const char *selector,
		      const char *record, int64_t now, struct why *why)
{
	return sql_run(
	    copy->sql, why,
	    "UPDATE signing_key SET here = $4 WHERE domain = $1 AND selector = $2"
	    " AND record = $3",
	    SQL_VALUES(sql_text(domain), sql_text(selector), sql_text(record), sql_int(now)));
}

/* ---- what the copy is of ---- */

struct origin {
	unsigned char store[SHARED_ID_LEN];
	int64_t version, round;
	bool known; /* the copy was filled once */
};

static int read_origin(struct sql *sql, struct origin *origin, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sql, "SELECT store, version, round FROM copy WHERE one = 1", SQL_NO_VALUES);
	int found = sql_next(rows, why);

	memset(origin, 0, sizeof *origin);
	if (found != 1)
		return found;
	origin->known = true;
	sql_key_at(rows, 0, origin->store);
	origin->version = sql_int_at(rows, 1);
	origin->round = sql_int_at(rows, 2);
	sql_drop(rows);
	return 0;
}

static int write_origin(struct sql *sql, const struct origin *origin, struct why *why)
{
	return sql_run(sql, why,
		       "INSERT INTO copy (one, store, version, synced, round) VALUES (1, $1, $2,"
		       " $3, $4) ON CONFLICT (one) DO UPDATE SET store = excluded.store,"
		       " version = excluded.version, synced = excluded.synced,"
		       " round = excluded.round",
		       SQL_VALUES(sql_key(origin->store), sql_int(origin->version),
				  sql_int(clock_wall()), sql_int(origin->round)));
}

/* ---- pages ---- */

struct page {
	const struct keyrow *rows;
	int count;
	const struct origin *origin; /* after it; NOT KNOWN: the copy is not complete with it */
	bool last;                   /* of a copy of all keys */
};

/* That this host's DNS has shown the record stays noted as long as it is the same record. */
static int write_row(struct sql *sql, const struct keyrow *row, int64_t round, struct why *why)
{
	struct sql_value values[KEYROW_COLUMNS + 1];

	keyrow_values(row, values);
	values[KEYROW_COLUMNS] = sql_int(round);
	return sql_run(
	    sql, why,
	    "INSERT INTO signing_key (" KEYROW_NAMES ", round) VALUES ($1, $2, $3, $4, $5, $6,"
	    " $7, $8, $9, $10, $11, $12) ON CONFLICT (domain, selector) DO UPDATE SET"
	    " here = CASE WHEN record = excluded.record AND excluded.seen = 0 THEN here ELSE 0"
	    " END, type = excluded.type, bits = excluded.bits, record = excluded.record,"
	    " state = excluded.state, since = excluded.since, created = excluded.created,"
	    " seen = excluded.seen, version = excluded.version, sealed = excluded.sealed,"
	    " round = excluded.round",
	    (struct sql_values){values, KEYROW_COLUMNS + 1});
}

static int write_page(void *arg, struct sql *sql, struct why *why)
{
	const struct page *page = arg;

	for (int i = 0; i < page->count; i++)
		if (write_row(sql, &page->rows[i], page->origin->round, why) != 0)
			return -1;
	if (page->last && sql_run(sql, why, "DELETE FROM signing_key WHERE round <> $1",
				  SQL_VALUES(sql_int(page->origin->round))) != 0)
		return -1;
	return page->origin->known ? write_origin(sql, page->origin, why) : 0;
}

/* Rows from FROM on, and how far ORIGIN is after them. ALL: the copy counts once the last is
 * there. */
static int copy_pages(struct keycopy *copy, struct sql *shared, struct origin *origin, bool all,
		      struct why *why)
{
	struct arena *arena = arena_new(0);
	int total = 0, count = PAGE, result = 0;

	while (result == 0 && count == PAGE) {
		struct page page = {.origin = origin};
		struct keyrow *rows;

		arena_reset(arena);
		count = vault_since(shared, origin->version, PAGE, arena, &rows, why);
		if (count < 0)
			break;
		if (count > 0)
			origin->version = rows[count - 1].version;
		page.rows = rows;
		page.count = count;
		page.last = all && count < PAGE;
		origin->known = !all || page.last;
		result = sql_transact(copy->sql, write_page, &page, why);
		total += count;
	}
	arena_free(arena);
	return count < 0 || result != 0 ? -1 : total;
}

static int refuse_emptying(struct keycopy *copy, struct why *why)
{
	int64_t count = 0;

	if (sql_number(copy->sql, &count, why, "SELECT COUNT(*) FROM signing_key", SQL_NO_VALUES) <
	    0)
		return -1;
	if (count == 0)
		return 0;
	return why_set(why,
		       "the shared store has no signing keys, but this host has a copy of %lld: it "
		       "goes on with them; if the store was made again, restore its table "
		       "signing_key, or put the keys there again",
		       (long long)count);
}

/* Another store, or an older state of it. */
static int copy_all(struct keycopy *copy, struct sql *shared, const struct origin *before,
		    const unsigned char *store, struct why *why)
{
	struct origin origin = {.round = before->round + 1};
	int64_t count = 0;

	memcpy(origin.store, store, sizeof origin.store);
	if (sql_number(shared, &count, why, "SELECT COUNT(*) FROM signing_key", SQL_NO_VALUES) < 0)
		return -1;
	if (count == 0 && refuse_emptying(copy, why) != 0)
		return -1;
	return copy_pages(copy, shared, &origin, true, why);
}

/* ---- what this host has seen ---- */

/* Told to the others, which then need not look. */
static int tell_seen(struct keycopy *copy, struct sql *shared, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct keyrow *list = arena_array(arena, PAGE, sizeof *list);
	struct sql_rows *rows =
	    sql_ask(copy->sql,
		    "SELECT " SEEN_NAMES " FROM signing_key WHERE here > 0 AND seen = 0 LIMIT $1",
		    SQL_VALUES(sql_int(PAGE)));
	unsigned count = 0;
	int more, result = -1;

	while ((more = sql_next(rows, why)) == 1)
		keyrow_read(rows, arena, &list[count++]);
	if (more == 0)
		result = vault_note_seen(shared, list, count, why);
	arena_free(arena);
	return result;
}

int keycopy_update(struct keycopy *copy, struct sql *shared, struct why *why)
{
	unsigned char store[SHARED_ID_LEN];
	struct origin origin;
	int64_t version;

	assert(copy != NULL && shared != NULL);
	if (read_origin(copy->sql, &origin, why) != 0 || shared_id(shared, store, why) != 0 ||
	    vault_version(shared, &version, why) != 0)
		return -1;
	if (!origin.known || memcmp(store, origin.store, sizeof store) != 0 ||
	    version < origin.version)
		return copy_all(copy, shared, &origin, store, why);
	if (tell_seen(copy, shared, why) != 0)
		return -1;
	return copy_pages(copy, shared, &origin, false, why);
}
