/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ship/inbox.h"

#include <assert.h>
#include <string.h>

#include "store/received.h"
#include "store/sql/shared.h"

enum { REPORTS_EACH = 50, SENT_EACH = 500, DECISIONS_EACH = 500 };

/* ---- reports ---- */

struct copying {
	struct sql *local, *to;
	const struct received_report *report;
	struct why *why;
	int64_t n, policies, failures, policy;
};

static int copy_row(void *arg, const struct received_row *row)
{
	struct copying *copying = arg;

	if (received_put_row(copying->to, copying->report->key, copying->n++, row, copying->why) !=
	    0)
		return -1;
	return received_count_row(copying->to, copying->report, row, copying->why);
}

/* A policy comes once for each of its failures. */
static int copy_tls(void *arg, const struct received_tls *tls,
		    const struct received_tls_failure *failure)
{
	struct copying *copying = arg;

	if (copying->policies == 0 || tls->n != copying->policy) {
		copying->policy = tls->n;
		copying->policies++;
		if (received_put_tls(copying->to, copying->report->key, tls, copying->why) != 0)
			return -1;
	}
	if (failure == NULL)
		return 0;
	return received_put_tls_failure(copying->to, copying->report->key, copying->failures++,
					tls->n, failure, copying->why);
}

/* From the beginning each time: the transaction before may have failed. */
static int copy_rows(void *arg, struct sql *shared, struct why *why)
{
	struct copying *copying = arg;
	const unsigned char *key = copying->report->key;

	copying->to = shared;
	copying->why = why;
	copying->n = copying->policies = copying->failures = 0;
	if (received_rows(copying->local, key, NULL, copy_row, copying, why) != 0)
		return -1;
	return received_tls_rows(copying->local, key, NULL, copy_tls, copying, why);
}

/* A trust that became better meanwhile is still to be shipped. */
static int note_shipped(struct sql *local, const struct received_report *report, struct why *why)
{
	return sql_run(local, why,
		       "DELETE FROM rx_unshipped WHERE key = $1 AND NOT EXISTS (SELECT 1 FROM"
		       " rx_report WHERE key = $1 AND (trust <> $2"
		       " OR COALESCE(mail_from, '') <> $3))",
		       SQL_VALUES(sql_key(report->key), sql_text(report->trust),
				  sql_text(report->mail_from == NULL ? "" : report->mail_from)));
}

/* 1: shipped; 0: none waits. */
static int ship_report(struct ship *ship, struct arena *arena, struct why *why)
{
	struct received_report report;
	struct copying copying = {.local = ship->local, .report = &report};
	unsigned char key[DRIVER_KEY_LEN];
	char id[LEDGER_CONFIG_MAX];
	struct sql_rows *rows =
	    sql_ask(ship->local, "SELECT key FROM rx_unshipped LIMIT 1", SQL_NO_VALUES);
	int found = sql_next(rows, why);

	if (found != 1)
		return found;
	sql_key_at(rows, 0, key);
	sql_drop(rows);
	driver_config_text(key, id);
	found = received_find(ship->local, id, arena, &report, why);
	if (found < 0)
		return -1;
	if (found == 1) /* it was deleted just now */
		return sql_run(ship->local, why, "DELETE FROM rx_unshipped WHERE key = $1",
			       SQL_VALUES(sql_key(key))) == 0
			   ? 1
			   : -1;
	assert(found == 0);
	if (received_add(ship->shared, &report, copy_rows, &copying, why) < 0 ||
	    note_shipped(ship->local, &report, why) != 0)
		return -1;
	return 1;
}

static int ship_reports(struct ship *ship, struct why *why)
{
	struct arena *arena = arena_new(0);
	int more = 1;

	for (unsigned i = 0; i < REPORTS_EACH && more == 1; i++) {
		arena_reset(arena);
		more = ship_report(ship, arena, why);
	}
	arena_free(arena);
	return more;
}

/* ---- the outbound tally ---- */

struct sent_row {
	int64_t day, messages, signatures;
	const char *texts[5];
};

struct sent_rows {
	struct ship *ship;
	struct sent_row rows[SENT_EACH];
	unsigned count;
};

#define SENT_TEXTS "header_from, domain, selector, mail_from, rcpt_domain"

static int read_sent(struct sent_rows *sent, struct arena *arena, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sent->ship->local,
		    "SELECT day, messages, signatures, " SENT_TEXTS " FROM sent"
		    " WHERE shipped <> messages + signatures ORDER BY day LIMIT $1",
		    SQL_VALUES(sql_int(SENT_EACH)));
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		struct sent_row *row = &sent->rows[sent->count++];

		assert(sent->count <= SENT_EACH);
		row->day = sql_int_at(rows, 0);
		row->messages = sql_int_at(rows, 1);
		row->signatures = sql_int_at(rows, 2);
		for (int i = 0; i < 5; i++)
			row->texts[i] = sql_text_at(rows, 3 + i, arena);
	}
	return more;
}

/* Counts only grow: what a later try has put there stays. */
static int put_sent(void *arg, struct sql *shared, struct why *why)
{
	const struct sent_rows *sent = arg;

	for (unsigned i = 0; i < sent->count; i++) {
		const struct sent_row *row = &sent->rows[i];

		if (sql_run(shared, why,
			    "INSERT INTO sent (day, " SENT_TEXTS ", host, messages, signatures)"
			    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (header_from,"
			    " day, domain, selector, mail_from, rcpt_domain, host) DO UPDATE SET"
			    " messages = GREATEST(sent.messages, excluded.messages),"
			    " signatures = GREATEST(sent.signatures, excluded.signatures)",
			    SQL_VALUES(sql_int(row->day), sql_text(row->texts[0]),
				       sql_text(row->texts[1]), sql_text(row->texts[2]),
				       sql_text(row->texts[3]), sql_text(row->texts[4]),
				       sql_key(sent->ship->spool.host), sql_int(row->messages),
				       sql_int(row->signatures))) != 0)
			return -1;
	}
	return 0;
}

static int note_sent(void *arg, struct sql *local, struct why *why)
{
	const struct sent_rows *sent = arg;

	for (unsigned i = 0; i < sent->count; i++) {
		const struct sent_row *row = &sent->rows[i];

		if (sql_run(local, why,
			    "UPDATE sent SET shipped = $1 WHERE day = $2 AND header_from = $3"
			    " AND domain = $4 AND selector = $5 AND mail_from = $6"
			    " AND rcpt_domain = $7",
			    SQL_VALUES(sql_int(row->messages + row->signatures), sql_int(row->day),
				       sql_text(row->texts[0]), sql_text(row->texts[1]),
				       sql_text(row->texts[2]), sql_text(row->texts[3]),
				       sql_text(row->texts[4]))) != 0)
			return -1;
	}
	return 0;
}

static int ship_sent(struct ship *ship, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sent_rows *sent = arena_make(arena, struct sent_rows);
	int status;

	sent->ship = ship;
	status = read_sent(sent, arena, why);
	if (status == 0 && sent->count > 0 &&
	    (sql_transact(ship->shared, put_sent, sent, why) < 0 ||
	     sql_transact(ship->local, note_sent, sent, why) < 0))
		status = -1;
	if (status == 0)
		status = sent->count == SENT_EACH;
	arena_free(arena);
	return status;
}

/* ---- decisions ---- */

struct decisions {
	struct received_decision list[DECISIONS_EACH];
	unsigned count;
	struct arena *arena;
};

static int keep_decision(void *arg, const struct received_decision *decision)
{
	struct decisions *decisions = arg;
	struct received_decision *kept = &decisions->list[decisions->count++];

	kept->flow = arena_string(decisions->arena, decision->flow);
	kept->decision = arena_string(decisions->arena, decision->decision);
	kept->note = arena_string(decisions->arena, decision->note);
	kept->decided = decision->decided;
	return decisions->count == DECISIONS_EACH;
}

/* The store's own decision about the same source stays: it is what all hosts go by. */
static int move_decisions(struct ship *ship, struct decisions *decisions, struct why *why)
{
	for (unsigned i = 0; i < decisions->count; i++) {
		const struct received_decision *one = &decisions->list[i];

		if (sql_run(ship->shared, why,
			    "INSERT INTO flow_decision (flow, decision, note, decided)"
			    " VALUES ($1, $2, $3, $4) ON CONFLICT (flow) DO NOTHING",
			    SQL_VALUES(sql_text(one->flow), sql_text(one->decision),
				       sql_text(one->note), sql_int(one->decided))) != 0 ||
		    received_undecide(ship->local, one->flow, why) < 0)
			return -1;
	}
	return 0;
}

static int ship_decisions(struct ship *ship, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct decisions *decisions = arena_make(arena, struct decisions);
	int status;

	decisions->arena = arena;
	status = received_decisions(ship->local, keep_decision, decisions, why);
	if (status >= 0 && move_decisions(ship, decisions, why) != 0)
		status = -1;
	arena_free(arena);
	return status;
}

/* ---- all of it ---- */

int ship_inbox(struct ship *ship, struct why *why)
{
	int decisions = ship_decisions(ship, why);
	int sent = decisions < 0 ? -1 : ship_sent(ship, why);
	int reports = sent < 0 ? -1 : ship_reports(ship, why);

	return reports < 0 ? -1 : reports > 0 || sent > 0 || decisions > 0;
}

int ship_inbox_again(struct sql *local, struct why *why)
{
	if (sql_run(local, why, "INSERT OR IGNORE INTO rx_unshipped SELECT key FROM rx_report",
		    SQL_NO_VALUES) != 0)
		return -1;
	return sql_run(local, why, "UPDATE sent SET shipped = 0", SQL_NO_VALUES);
}

int ship_inbox_expire(const char *url, int64_t before, int32_t before_day, struct why *why)
{
	struct sql *shared = shared_open(url, SHARED_AS_IT_IS, false, why);
	int status = -1;

	if (shared != NULL && received_expire(shared, before, why) >= 0)
		status = sql_run(shared, why, "DELETE FROM sent WHERE day < $1",
				 SQL_VALUES(sql_int(before_day)));
	sql_close(shared);
	return status;
}
