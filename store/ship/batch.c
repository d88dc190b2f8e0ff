/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A batch is fixed in the file first: its rows in table batch, its number in spool. Then it is
 * applied to the shared store in one transaction, in which the number before it is the last one
 * that the store has of this host. The file keeps it for some days, in case the store goes back.
 *
 * Policies are inserted first, in the same transaction as the rows. That locks them: a report that
 * is begun meanwhile waits for the transaction; if it was begun before, the policy is closed and
 * the rows go to the one derived from it.
 */
#include "store/ship/batch.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "store/ship/columns.h"
#include "store/ship/sums.h"
#include "store/sql/shared.h"

enum {
	KEPT_BATCHES = 1000, /* that the shared store remembers the numbers of, and the file all */
	KEPT_SECONDS = 3 * 86400, /* the file keeps younger ones, too */
	SETTLED = 600, /* seconds after midnight: the last rows of the day are in the file */
	POLICY_ROUNDS_MAX = 1000,
	BATCH_COLUMNS = 7 /* the first ones of tally: a row's key and its counts */
};

/* The last day whose rows are all in the file. */
int32_t ship_batch_settled(void)
{
	return clock_day(clock_wall() - SETTLED) - 1;
}

struct fixing {
	int64_t sequence, rows;
};

static int fix_rows(void *arg, struct sql *local, struct why *why)
{
	struct fixing *fixing = arg;
	int32_t settled = ship_batch_settled();
	int64_t rows = sql_do(local, why,
			      "INSERT INTO batch (sequence, " SHIP_KEY ", messages, quiet)"
			      " SELECT $2, t.domain, t.day, t.config, t.source_ip, t.row_key,"
			      " t.messages - t.shipped, t.quiet - t.shipped_quiet"
			      " FROM (SELECT " SHIP_KEY " FROM unshipped LIMIT $1) AS u"
			      " JOIN tally AS t USING (" SHIP_KEY ") WHERE t.messages > t.shipped",
			      SQL_VALUES(sql_int(SHIP_BATCH_ROWS), sql_int(fixing->sequence)));

	fixing->rows = rows;
	if (rows <= 0)
		return rows < 0 ? -1 : 0;
	if (sql_run(local, why,
		    "UPDATE tally SET shipped = messages, shipped_quiet = quiet WHERE (" SHIP_KEY
		    ") IN (SELECT " SHIP_KEY " FROM batch WHERE sequence = $1)",
		    SQL_VALUES(sql_int(fixing->sequence))) != 0 ||
	    sql_run(local, why,
		    "DELETE FROM unshipped WHERE (" SHIP_KEY ") IN (SELECT " SHIP_KEY
		    " FROM batch WHERE sequence = $1)",
		    SQL_VALUES(sql_int(fixing->sequence))) != 0)
		return -1;
	/* less than a whole batch: nothing else is left to ship */
	return sql_run(local, why,
		       "UPDATE spool SET sequence = sequence + 1,"
		       " through = CASE WHEN $1 < $2 THEN $3 ELSE through END",
		       SQL_VALUES(sql_int(rows), sql_int(SHIP_BATCH_ROWS), sql_int(settled)));
}

/* The number of rows in the current batch or a new one; 0: nothing to ship. */
int ship_batch_fix(struct ship *ship, int64_t *rows, struct why *why)
{
	struct fixing fixing = {.sequence = ship->spool.sequence + 1};

	if (sql_number(ship->local, rows, why, "SELECT COUNT(*) FROM batch WHERE sequence > $1",
		       SQL_VALUES(sql_int(ship->spool.applied))) != 0)
		return -1;
	if (*rows == 0 && sql_transact(ship->local, fix_rows, &fixing, why) < 0)
		return -1;
	if (*rows == 0)
		*rows = fixing.rows;
	return ship_spool_read(ship->local, &ship->spool, why);
}

static int forget_batch(void *arg, struct sql *local, struct why *why)
{
	const struct ship *ship = arg;
	const int64_t sequence = ship->spool.sequence, now = clock_wall();

	if (sql_run(local, why,
		    "INSERT OR REPLACE INTO shipment (sequence, applied, messages)"
		    " SELECT $1, $2, SUM(messages) FROM batch WHERE sequence = $1",
		    SQL_VALUES(sql_int(sequence), sql_int(now))) != 0 ||
	    sql_run(local, why,
		    "UPDATE spool SET shipped_at = $1, applied = $2, sent = CASE WHEN sent < 0"
		    " THEN sent ELSE sent + (SELECT messages FROM shipment WHERE sequence = $2)"
		    " END",
		    SQL_VALUES(sql_int(now), sql_int(sequence))) != 0 ||
	    sql_run(local, why, "DELETE FROM shipment WHERE sequence <= $1 AND applied < $2",
		    SQL_VALUES(sql_int(sequence - KEPT_BATCHES), sql_int(now - KEPT_SECONDS))) != 0)
		return -1;
	return sql_run(local, why,
		       "DELETE FROM batch WHERE sequence < (SELECT MIN(sequence) FROM shipment)",
		       SQL_NO_VALUES);
}

/* ---- applying ---- */

struct target {
	const char *domain;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN]; /* as counted here */
	unsigned char to[DRIVER_KEY_LEN];     /* its name in the shared store */
	bool own;   /* this host sent its report before it joined the store */
	bool found; /* TO is open */
};

struct applying {
	struct ship *ship;
	int64_t sequence;
	struct arena *arena;
	struct target *targets;
	unsigned count;
	unsigned char digest[DRIVER_KEY_LEN];
	int64_t rows, messages;
};

#define OWN                                                                                        \
	"EXISTS (SELECT 1 FROM report AS r WHERE r.domain = b.domain AND r.day = b.day"            \
	" AND r.config = b.config)"

static int read_targets(struct applying *a, struct why *why)
{
	struct sql_rows *rows;
	int64_t count;
	int more;

	if (sql_number(a->ship->local, &count, why,
		       "SELECT COUNT(*) FROM (SELECT DISTINCT domain, day, config FROM batch"
		       " WHERE sequence = $1)",
		       SQL_VALUES(sql_int(a->sequence))) != 0)
		return -1;
	a->targets = arena_array(a->arena, (size_t)count + 1, sizeof *a->targets);
	rows = sql_ask(a->ship->local,
		       "SELECT DISTINCT domain, day, config, " OWN " FROM batch AS b"
		       " WHERE sequence = $1 ORDER BY domain, day, config",
		       SQL_VALUES(sql_int(a->sequence)));
	while ((more = sql_next(rows, why)) == 1) {
		struct target *target = &a->targets[a->count++];

		target->domain = sql_text_at(rows, 0, a->arena);
		target->day = sql_int_at(rows, 1);
		sql_key_at(rows, 2, target->config);
		target->own = sql_int_at(rows, 3) != 0;
	}
	return more;
}

/* The target's configuration in the shared store as long as no report of it was begun there. */
static void begin_target(const struct ship *ship, struct target *target)
{
	memcpy(target->to, target->config, DRIVER_KEY_LEN);
	if (target->own)
		shared_derive(target->config, ship->spool.host, DRIVER_KEY_LEN, target->to);
	target->found = false;
}

/* A policy as the shared store has it: SINCE is not before this host joined, CLOSED says whether
 * its report was made here. */
static const char *make_policy_query(struct arena *arena)
{
	const struct schema_list list = schema_list(&schema_policy, SCHEMA_OF_SHARED);
	struct buf text;

	buf_init(&text, arena, 0);
	for (unsigned i = 0; i < list.count; i++) {
		const char *name = list.at[i]->name;

		buf_printf(&text, "%s%s", i == 0 ? "SELECT " : ", ",
			   strcmp(name, "since") == 0
			       ? "CASE WHEN since < $4 THEN since ELSE $5 END"
			   : strcmp(name, "closed") == 0 ? "$6"
							 : name);
	}
	buf_string(&text, " FROM policy WHERE domain = $1 AND day = $2 AND config = $3");
	return buf_text(&text);
}

/* The policies of targets that are not found yet. */
static int gather_policies(struct applying *a, struct ship_columns *columns, struct why *why)
{
	const char *query = make_policy_query(a->arena);

	for (unsigned i = 0; i < a->count; i++) {
		struct target *target = &a->targets[i];
		struct sql_rows *rows;
		int more;

		if (target->found)
			continue;
		rows = sql_ask(a->ship->local, query,
			       SQL_VALUES(sql_text(target->domain), sql_int(target->day),
					  sql_key(target->config),
					  sql_int(a->ship->spool.joined_at), sql_int(clock_wall()),
					  sql_int(target->own ? SHARED_OWN : 0)));
		more = sql_next(rows, why);
		if (more != 1)
			return more < 0 ? -1 : why_set(why, "the ledger has rows without a policy");
		ship_columns_add(columns, rows, target->to);
		sql_drop(rows);
	}
	return 0;
}

static struct target *target_named(struct applying *a, struct sql_rows *rows, unsigned guess)
{
	const char *domain = sql_text_at(rows, 0, a->arena);
	int64_t day = sql_int_at(rows, 1);
	unsigned char to[DRIVER_KEY_LEN];

	sql_key_at(rows, 2, to);
	for (unsigned i = 0; i < a->count; i++) {
		struct target *target = &a->targets[(guess + i) % a->count];

		if (target->day == day && memcmp(target->to, to, DRIVER_KEY_LEN) == 0 &&
		    strcmp(target->domain, domain) == 0)
			return target;
	}
	return NULL;
}

/* Inserts the policies that are not found yet. Returns how many are closed, or -1. */
static int put_policies(struct applying *a, struct sql *sql, struct why *why)
{
	struct ship_columns columns;
	struct sql_rows *rows;
	int more, closed = 0;
	unsigned guess = 0;

	ship_columns_init(&columns, &schema_policy, SCHEMA_COLUMNS_MAX, a->arena);
	if (gather_policies(a, &columns, why) != 0)
		return -1;
	rows =
	    ship_columns_insert(&columns, sql, " RETURNING domain, day, config, closed", a->arena);
	while ((more = sql_next(rows, why)) == 1) {
		struct target *target = target_named(a, rows, guess++);

		if (target == NULL)
			continue;
		target->found = target->own || sql_int_at(rows, 3) == 0;
		closed += !target->found;
	}
	return more < 0 ? -1 : closed;
}

static int find_open_policies(struct applying *a, struct sql *sql, struct why *why)
{
	int closed;

	for (unsigned i = 0; i < a->count; i++)
		begin_target(a->ship, &a->targets[i]);
	for (unsigned round = 1; (closed = put_policies(a, sql, why)) > 0; round++) {
		if (round == POLICY_ROUNDS_MAX)
			return why_set(why, "the shared store: too many reports of one policy");
		for (unsigned i = 0; i < a->count; i++)
			if (!a->targets[i].found)
				shared_derive(a->targets[i].config, &round, sizeof round,
					      a->targets[i].to);
	}
	return closed;
}

/* The rows of the batch as columns of LIST; the first BATCH_COLUMNS are the batch's own. */
static struct sql_rows *ask_rows(struct applying *a, const struct schema_list *list)
{
	struct buf text;

	assert(list->count >= BATCH_COLUMNS && list->at[BATCH_COLUMNS - 1]->role == SCHEMA_COUNT);
	buf_init(&text, a->arena, 0);
	buf_string(&text, "SELECT ");
	schema_names(&text, list, 0, BATCH_COLUMNS, "b.");
	if (list->count > BATCH_COLUMNS)
		buf_string(&text, ", ");
	schema_names(&text, list, BATCH_COLUMNS, list->count, "t.");
	buf_string(&text,
		   " FROM batch AS b JOIN tally AS t USING (" SHIP_KEY ") WHERE b.sequence = $1"
		   " ORDER BY b.domain, b.day, b.config, b.source_ip, b.row_key");
	return sql_ask(a->ship->local, buf_text(&text), SQL_VALUES(sql_int(a->sequence)));
}

/* Rows and targets are in the same order. */
static int gather_rows(struct applying *a, struct ship_columns *columns, struct why *why)
{
	const unsigned messages = schema_index(&columns->list, "messages");
	struct sql_rows *rows = ask_rows(a, &columns->list);
	unsigned char config[DRIVER_KEY_LEN];
	const struct target *target = a->targets;
	struct arena *arena = arena_new(0);
	int more;

	a->rows = a->messages = 0;
	while ((more = sql_next(rows, why)) == 1) {
		const char *domain = sql_text_at(rows, 0, arena);

		sql_key_at(rows, 2, config);
		while (target->day != sql_int_at(rows, 1) || strcmp(target->domain, domain) != 0 ||
		       memcmp(target->config, config, DRIVER_KEY_LEN) != 0)
			target++;
		assert(target < a->targets + a->count);
		ship_columns_add(columns, rows, target->to);
		a->rows++;
		a->messages += sql_int_at(rows, (int)messages);
	}
	arena_free(arena);
	return more;
}

static int put_rows(struct applying *a, struct sql *sql, struct why *why)
{
	struct ship_columns columns;
	struct sql_rows *rows;
	int more;

	ship_columns_init(&columns, &schema_tally, SCHEMA_COLUMNS_MAX, a->arena);
	if (gather_rows(a, &columns, why) != 0)
		return -1;
	rows = ship_columns_insert(&columns, sql, "", a->arena);
	while ((more = sql_next(rows, why)) == 1)
		;
	return more;
}

/* Identifies the batch by its content. */
static int digest_batch(struct applying *a, struct why *why)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct ship_columns columns;
	struct sql_rows *rows;
	struct buf all;
	int more;

	ship_columns_init(&columns, &schema_tally, BATCH_COLUMNS, a->arena);
	rows = ask_rows(a, &columns.list);
	while ((more = sql_next(rows, why)) == 1) {
		unsigned char config[DRIVER_KEY_LEN];

		sql_key_at(rows, 2, config);
		ship_columns_add(&columns, rows, config);
	}
	buf_init(&all, NULL, 0);
	for (unsigned i = 0; i < columns.list.count; i++)
		buf_span(&all, buf_view(&columns.texts[i]));
	crypt_sha256(all.data, all.len, digest);
	memcpy(a->digest, digest, DRIVER_KEY_LEN);
	buf_free(&all);
	return more;
}

static int refuse_number(const struct applying *a, struct sql *sql, struct why *why)
{
	sql->fault = DRIVER_BROKEN;
	return why_set(why,
		       "the shared store has another batch %lld of this host: the ledger was copied"
		       " from another host, or is an older one that was put back; move it away (a"
		       " new one is made)",
		       (long long)a->sequence);
}

/* 1: this batch is in already. */
static int check_same(struct applying *a, struct sql *sql, struct why *why)
{
	const struct ship_spool *spool = &a->ship->spool;
	unsigned char digest[DRIVER_KEY_LEN];
	struct sql_rows *rows =
	    sql_ask(sql, "SELECT digest FROM batch WHERE host = $1 AND sequence = $2",
		    SQL_VALUES(sql_key(spool->host), sql_int(a->sequence)));
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : refuse_number(a, sql, why);
	sql_key_at(rows, 0, digest);
	sql_drop(rows);
	if (memcmp(digest, a->digest, DRIVER_KEY_LEN) == 0)
		return 1;
	return refuse_number(a, sql, why);
}

/* The number of the last batch that the store has of this host, whose row is locked. */
static int read_last(const struct ship *ship, struct sql *sql, int64_t *last, struct why *why)
{
	int found =
	    sql_number(sql, last, why, "SELECT sequence FROM host WHERE host = $1 FOR UPDATE",
		       SQL_VALUES(sql_key(ship->spool.host)));

	if (found == 1)
		*last = ship->spool.base;
	return found < 0 ? -1 : 0;
}

static int apply_once(void *arg, struct sql *sql, struct why *why)
{
	struct applying *a = arg;
	const struct ship_spool *spool = &a->ship->spool;
	int64_t last;

	if (read_last(a->ship, sql, &last, why) != 0)
		return -1;
	if (a->sequence <= last)
		return check_same(a, sql, why);
	if (a->sequence > last + 1)
		return why_set(why,
			       "the shared store: it has batch %lld of this host, and this is %lld:"
			       " it went back",
			       (long long)last, (long long)a->sequence);
	if (sql_run(sql, why,
		    "INSERT INTO batch (host, sequence, digest, applied)"
		    " VALUES ($1, $2, $3, " SHARED_NOW ")",
		    SQL_VALUES(sql_key(spool->host), sql_int(a->sequence), sql_key(a->digest))) !=
	    0)
		return -1;
	if (find_open_policies(a, sql, why) != 0 || put_rows(a, sql, why) != 0 ||
	    ship_sums_add(a->ship, a->sequence, sql, why) != 0 ||
	    ship_spool_tell(a->ship, a->sequence, a->rows, a->messages, sql, why) != 0)
		return -1;
	return sql_run(sql, why, "DELETE FROM batch WHERE host = $1 AND sequence = $2",
		       SQL_VALUES(sql_key(spool->host), sql_int(a->sequence - KEPT_BATCHES)));
}

int ship_batch_apply(struct ship *ship, int64_t sequence, struct why *why)
{
	struct applying a = {.ship = ship, .sequence = sequence, .arena = arena_new(0)};
	int result = read_targets(&a, why);

	if (result == 0)
		result = digest_batch(&a, why);
	if (result == 0)
		result = sql_transact(ship->shared, apply_once, &a, why);
	arena_free(a.arena);
	return result < 0 ? -1 : 0;
}

int ship_batch_forget(struct ship *ship, struct why *why)
{
	return sql_transact(ship->local, forget_batch, ship, why) < 0 ? -1 : 0;
}
