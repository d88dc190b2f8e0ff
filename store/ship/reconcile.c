/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ship/reconcile.h"

#include <string.h>

#include "store/ship/batch.h"
#include "store/ship/inbox.h"
#include "store/ship/sums.h"
#include "store/sql/shared.h"

static void give_notice(const struct ship *ship, const struct why *text)
{
	if (ship->notice != NULL)
		ship->notice(text->text);
}

/* ---- which server it is ---- */

#define EPOCH_SEPARATOR '/'

/* "7300000000000000000/00000002" for PostgreSQL: the cluster, and the timeline, which a promotion
 * increments. "" if the engine has neither. */
static const char *read_epoch(struct sql *shared, struct arena *arena)
{
	struct sql_rows *rows =
	    sql_ask(shared,
		    "SELECT system_identifier || '/' ||"
		    " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system()",
		    SQL_NO_VALUES);
	const char *epoch = "";
	struct why unable;

	if (sql_next(rows, &unable) != 1)
		return "";
	epoch = sql_text_at(rows, 0, arena);
	sql_drop(rows);
	return epoch == NULL ? "" : epoch;
}

static bool is_older(const char *now, const char *before)
{
	const char *a = strchr(now, EPOCH_SEPARATOR), *b = strchr(before, EPOCH_SEPARATOR);

	return a != NULL && b != NULL && a - now == b - before &&
	       strncmp(now, before, (size_t)(a - now)) == 0 && strcmp(a, b) < 0;
}

static const char *read_known(const struct ship *ship, struct arena *arena, struct why *why)
{
	struct sql_rows *rows = sql_ask(ship->local, "SELECT epoch FROM spool", SQL_NO_VALUES);
	const char *known = NULL;

	if (sql_next(rows, why) == 1) {
		known = sql_text_at(rows, 0, arena);
		sql_drop(rows);
	}
	return known;
}

static int change_epoch(struct ship *ship, const char *known, const char *now, struct why *why)
{
	struct why text;

	if (is_older(now, known))
		return why_set(why,
			       "the shared store is a fork: its timeline (%s) is older than one"
			       " that this host has shipped to (%s); connect to the server that was"
			       " promoted, or end this one",
			       now, known);
	if (known[0] != '\0') {
		why_set(&text,
			"the shared store is another server than before, or was promoted (%s, was"
			" %s): it is compared with what this host has shipped",
			now, known);
		give_notice(ship, &text);
	}
	return sql_run(ship->local, why, "UPDATE spool SET epoch = $1", SQL_VALUES(sql_text(now)));
}

int ship_reconcile_epoch(struct ship *ship, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *now = read_epoch(ship->shared, arena);
	const char *known = read_known(ship, arena, why);
	int result = known == NULL ? -1 : 0;

	if (result == 0 && now[0] != '\0' && strcmp(now, known) != 0)
		result = change_epoch(ship, known, now, why);
	arena_free(arena);
	return result;
}

/* ---- the store went back ---- */

/* What the store has from this host. */
struct there {
	int64_t sequence, messages;
};

static int read_there(const struct ship *ship, struct there *there, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(ship->shared, "SELECT sequence, messages FROM host WHERE host = $1",
		    SQL_VALUES(sql_key(ship->spool.host)));
	int more = sql_next(rows, why);

	*there = (struct there){.sequence = ship->spool.base};
	if (more != 1)
		return more;
	there->sequence = sql_int_at(rows, 0);
	there->messages = sql_int_at(rows, 1);
	sql_drop(rows);
	return 0;
}

/* Batches from FIRST on are kept here (APPLIED + 1: none). Those between THERE and FIRST are lost.
 */
static int give_up_batches(struct ship *ship, const struct there *there, int64_t first,
			   struct why *why)
{
	const struct ship_spool *spool = &ship->spool;
	int64_t kept = 0, lost;
	struct why text;

	if (sql_number(ship->local, &kept, why,
		       "SELECT COALESCE(SUM(messages), 0) FROM batch"
		       " WHERE sequence >= $1 AND sequence <= $2",
		       SQL_VALUES(sql_int(first), sql_int(spool->applied))) != 0)
		return -1;
	lost = spool->sent - kept - there->messages;
	why_set(&text,
		"the shared store has gone back so far that its batches %lld to %lld of this host"
		" are no longer kept here: %lld messages are missing from its reports",
		(long long)there->sequence + 1, (long long)first - 1,
		(long long)(spool->sent < 0 ? -1 : lost));
	give_notice(ship, &text);
	if (ship_spool_tell(ship, first - 1, 0, 0, ship->shared, why) != 0)
		return -1;
	return sql_run(ship->local, why,
		       "UPDATE spool SET sent = CASE WHEN sent < 0 THEN sent ELSE sent - $1 END",
		       SQL_VALUES(sql_int(lost)));
}

static const struct why whole = {"the shared store has all batches of this host again"};

static int send_again(struct ship *ship, const struct there *there, struct why *why)
{
	const int64_t applied = ship->spool.applied;
	int64_t first;
	struct why text;

	if (!ship->resends) {
		why_set(&text,
			"the shared store has gone back: the last batch that it has of this host is"
			" %lld, and it had %lld; what it lacks is sent again",
			(long long)there->sequence, (long long)applied);
		give_notice(ship, &text);
		if (ship_inbox_again(ship->local, why) != 0)
			return -1;
	}
	ship->resends = true;
	if (sql_number(ship->local, &first, why,
		       "SELECT COALESCE(MIN(sequence), $2 + 1) FROM batch"
		       " WHERE sequence > $1 AND sequence <= $2",
		       SQL_VALUES(sql_int(there->sequence), sql_int(applied))) != 0)
		return -1;
	ship->spool.through = -1; /* not before the store has all of them */
	if (first > there->sequence + 1 && give_up_batches(ship, there, first, why) != 0)
		return -1;
	if (first <= applied && ship_batch_apply(ship, first, why) != 0)
		return -1;
	if (first >= applied) {
		give_notice(ship, &whole);
		ship->resends = false;
		ship_sums_forget(ship); /* they went back, too */
	}
	return 1;
}

/* ---- the ledger went back ---- */

/* Remembers what was not shipped when the ledger was opened: if the ledger turns out to be an old
 * copy, this has been shipped since. */
int ship_reconcile_begin(struct ship *ship, struct why *why)
{
	if (sql_run(ship->local, why, "PRAGMA temp_store = MEMORY", SQL_NO_VALUES) != 0)
		return -1;
	return sql_run(ship->local, why,
		       "CREATE TEMP TABLE held AS SELECT t.domain, t.day, t.config, t.source_ip,"
		       " t.row_key, t.messages - t.shipped AS messages,"
		       " t.quiet - t.shipped_quiet AS quiet"
		       " FROM unshipped JOIN tally AS t USING (" SHIP_KEY ")",
		       SQL_NO_VALUES);
}

#define HELD_ROW                                                                                   \
	" FROM held AS h WHERE h.domain = tally.domain AND h.day = tally.day"                      \
	" AND h.config = tally.config AND h.source_ip = tally.source_ip"                           \
	" AND h.row_key = tally.row_key"

static int take_as_shipped(void *arg, struct sql *local, struct why *why)
{
	const struct there *there = arg;

	if (sql_run(local, why,
		    "UPDATE tally SET shipped = shipped + h.messages,"
		    " shipped_quiet = shipped_quiet + h.quiet" HELD_ROW,
		    SQL_NO_VALUES) != 0 ||
	    sql_run(local, why,
		    "DELETE FROM unshipped WHERE (" SHIP_KEY ") IN (SELECT " SHIP_KEY
		    " FROM held JOIN tally AS t USING (" SHIP_KEY
		    ") WHERE t.messages <= t.shipped)",
		    SQL_NO_VALUES) != 0 ||
	    sql_run(local, why, "DELETE FROM held", SQL_NO_VALUES) != 0 ||
	    sql_run(local, why, "DELETE FROM batch WHERE sequence > (SELECT applied FROM spool)",
		    SQL_NO_VALUES) != 0)
		return -1;
	return sql_run(local, why, "UPDATE spool SET sequence = $1, applied = $1, sent = $2",
		       SQL_VALUES(sql_int(there->sequence), sql_int(there->messages)));
}

static int take_up(struct ship *ship, struct there *there, struct why *why)
{
	const struct ship_spool *spool = &ship->spool;
	const int64_t later = spool->sent < 0 ? INT64_MAX : there->messages - spool->sent;
	int64_t held;
	struct why text;

	if (sql_number(ship->local, &held, why,
		       "SELECT (SELECT COALESCE(SUM(messages), 0) FROM held) +"
		       " (SELECT COALESCE(SUM(messages), 0) FROM batch WHERE sequence > $1)",
		       SQL_VALUES(sql_int(spool->applied))) != 0 ||
	    sql_transact(ship->local, take_as_shipped, there, why) < 0)
		return -1;
	why_set(
	    &text,
	    "this ledger is older than what the shared store has of this host (batch %lld, there"
	    " %lld): the %lld messages that it had not shipped are among those that the store"
	    " got later, and are not sent again; %lld messages are missing from its reports",
	    (long long)spool->applied, (long long)there->sequence, (long long)held,
	    (long long)(held > later ? held - later : 0));
	give_notice(ship, &text);
	return 1;
}

int ship_reconcile(struct ship *ship, struct why *why)
{
	const struct ship_spool *spool = &ship->spool;
	struct there there;

	if (ship_spool_read(ship->local, &ship->spool, why) != 0 ||
	    read_there(ship, &there, why) != 0)
		return -1;
	if (there.sequence > spool->sequence && ship->in_step)
		return why_set(why,
			       "another process ships as this host (batch %lld, the last one here"
			       " is %lld): the ledger was copied to another host; move one of them"
			       " away (a new one is made)",
			       (long long)there.sequence, (long long)spool->sequence);
	if (there.sequence > spool->sequence)
		return take_up(ship, &there, why);
	if (there.sequence < spool->applied)
		return send_again(ship, &there, why);
	if (!ship->in_step && sql_run(ship->local, why, "DELETE FROM held", SQL_NO_VALUES) != 0)
		return -1;
	ship->in_step = true;
	if (spool->sent >= 0 || there.sequence != spool->applied)
		return 0;
	return sql_run(ship->local, why, "UPDATE spool SET sent = $1",
		       SQL_VALUES(sql_int(there.messages)));
}
