/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared store's rows are read in the order in which they changed, by its clock. A transaction
 * may end after a later one, so that the last minute is read again each time; a row that is known
 * is passed over. Nothing is kept of how far they were read: a new process reads all of them once.
 */
#include "store/ship/policies.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "store/policies.h"
#include "store/ship/spool.h"
#include "store/sql/shared.h"

/* A host whose clock is further ahead would keep the others' newer policies out. */
#define LATEST "(" SHARED_NOW " + 300)"

enum { PAGE = 200, OVERLAP = 60 /* seconds */ };

struct page {
	struct arena *arena;
	unsigned count;
	struct policies_row rows[PAGE];
	int64_t changed, now; /* of the shared store's last row, and its clock */
};

/* Columns: domain, id, text, fetched, expires, and of the shared store changed and its clock. */
static int read_page(struct page *page, struct sql_rows *rows, bool has_changed, struct why *why)
{
	int more;

	page->count = 0;
	while ((more = sql_next(rows, why)) == 1 && page->count < PAGE) {
		page->changed = has_changed ? sql_int_at(rows, 5) : 0;
		page->now = has_changed ? sql_int_at(rows, 6) : 0;
		page->rows[page->count++] =
		    (struct policies_row){.domain = sql_text_at(rows, 0, page->arena),
					  .id = sql_text_at(rows, 1, page->arena),
					  .text = sql_text_at(rows, 2, page->arena),
					  .fetched = sql_int_at(rows, 3),
					  .expires = sql_int_at(rows, 4)};
	}
	if (more == 1)
		sql_drop(rows);
	return more < 0 ? -1 : 0;
}

/* ---- to the shared store ---- */

static int put_shared(void *arg, struct sql *shared, struct why *why)
{
	const struct page *page = arg;

	for (unsigned i = 0; i < page->count; i++) {
		const struct policies_row *row = &page->rows[i];

		if (sql_run(shared, why,
			    "INSERT INTO sts_policy (domain, id, text, fetched, expires, changed)"
			    " VALUES ($1, $2, $3, $4, $5, " SHARED_NOW ")"
			    " ON CONFLICT (domain) DO UPDATE SET id = excluded.id,"
			    " text = excluded.text, fetched = excluded.fetched,"
			    " expires = excluded.expires, changed = excluded.changed"
			    " WHERE sts_policy.fetched < excluded.fetched"
			    " OR sts_policy.fetched > " LATEST,
			    SQL_VALUES(sql_text(row->domain), sql_text(row->id),
				       sql_text(row->text), sql_int(row->fetched),
				       sql_int(row->expires))) != 0)
			return -1;
	}
	return 0;
}

/* One that was fetched again in the meantime is given again. */
static int note_shared(void *arg, struct sql *local, struct why *why)
{
	const struct page *page = arg;

	for (unsigned i = 0; i < page->count; i++) {
		if (sql_run(local, why,
			    "UPDATE sts_policy SET shared = $1 WHERE domain = $2 AND fetched = $3"
			    " AND shared = $4",
			    SQL_VALUES(sql_int(POLICIES_SHARED), sql_text(page->rows[i].domain),
				       sql_int(page->rows[i].fetched), sql_int(POLICIES_OWN))) != 0)
			return -1;
	}
	return 0;
}

static int give_policies(struct ship *ship, struct page *page, struct why *why)
{
	if (read_page(page,
		      sql_ask(ship->local,
			      "SELECT domain, id, text, fetched, expires FROM sts_policy"
			      " WHERE shared = $1 ORDER BY domain LIMIT $2",
			      SQL_VALUES(sql_int(POLICIES_OWN), sql_int(PAGE))),
		      false, why) != 0)
		return -1;
	if (page->count == 0)
		return 0;
	if (sql_transact(ship->shared, put_shared, page, why) != 0 ||
	    sql_transact(ship->local, note_shared, page, why) != 0)
		return -1;
	return page->count == PAGE;
}

/* ---- from it ---- */

/* USED stays: it says when mail was sent from here. */
static int put_local(struct sql *local, const struct policies_row *row, struct why *why)
{
	int64_t fetched = 0;
	int found =
	    sql_number(local, &fetched, why, "SELECT fetched FROM sts_policy WHERE domain = $1",
		       SQL_VALUES(sql_text(row->domain)));

	if (found < 0 || (found == 0 && fetched >= row->fetched))
		return found < 0 ? -1 : 0;
	return sql_run(local, why,
		       "INSERT INTO sts_policy (domain, id, text, fetched, expires, used, shared)"
		       " VALUES ($1, $2, $3, $4, $5, 0, $6)"
		       " ON CONFLICT (domain) DO UPDATE SET id = excluded.id,"
		       " text = excluded.text, fetched = excluded.fetched,"
		       " expires = excluded.expires, shared = excluded.shared"
		       " WHERE sts_policy.fetched < excluded.fetched",
		       SQL_VALUES(sql_text(row->domain), sql_text(row->id), sql_text(row->text),
				  sql_int(row->fetched), sql_int(row->expires),
				  sql_int(POLICIES_TAKEN)));
}

/* The next page begins after the last row; the first one of the next time, where something may
 * still come. */
static void note_read(struct ship *ship, const struct page *page)
{
	int64_t settled = page->now - OVERLAP;

	if (page->count == 0)
		return;
	if (page->count < PAGE && page->changed > settled) {
		ship->policy.changed = settled;
		ship->policy.domain[0] = '\0';
		return;
	}
	ship->policy.changed = page->changed;
	snprintf(ship->policy.domain, sizeof ship->policy.domain, "%s",
		 page->rows[page->count - 1].domain);
}

static int take_policies(struct ship *ship, struct page *page, struct why *why)
{
	if (read_page(page,
		      sql_ask(ship->shared,
			      "SELECT domain, id, text, fetched, expires, changed, " SHARED_NOW
			      " FROM sts_policy WHERE (changed > $1 OR (changed = $1 AND domain > "
			      "$2)) AND fetched <= " LATEST " AND expires > " SHARED_NOW
			      " ORDER BY changed, domain LIMIT $3",
			      SQL_VALUES(sql_int(ship->policy.changed),
					 sql_text(ship->policy.domain), sql_int(PAGE))),
		      true, why) != 0)
		return -1;
	for (unsigned i = 0; i < page->count; i++) {
		if (put_local(ship->local, &page->rows[i], why) != 0)
			return -1;
	}
	note_read(ship, page);
	return page->count == PAGE;
}

/* ---- both ---- */

int ship_policies_step(struct ship *ship, struct why *why)
{
	struct page *page;
	struct arena *arena;
	int given, taken = -1;

	if (ship->shared == NULL)
		return 0;
	arena = arena_new(0);
	page = arena_make(arena, struct page);
	page->arena = arena;
	given = give_policies(ship, page, why);
	if (given >= 0)
		taken = take_policies(ship, page, why);
	arena_free(arena);
	if (taken < 0) {
		sql_close(ship->shared);
		ship->shared = NULL;
		return -1;
	}
	return given || taken;
}

int ship_policies_expire(struct ship *ship, struct why *why)
{
	if (ship->shared == NULL)
		return 0;
	if (policies_expire(ship->local, clock_wall(), why) != 0)
		return -1;
	return sql_run(ship->shared, why, "DELETE FROM sts_policy WHERE expires <= " SHARED_NOW,
		       SQL_NO_VALUES);
}
