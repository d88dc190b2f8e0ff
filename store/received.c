/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/received.h"

#include <stdio.h>

#include "lib/clock.h"

#define REPORT_COLUMNS                                                                             \
	"key, kind, domain, org, report_id, begins, ends, received, trust, mail_from, email, p,"   \
	" sp, np, adkim, aspf, testing, row_count, messages, passed, refused, repaired, overlaps," \
	" remarks"

/* ---- days ---- */

unsigned received_split(int64_t begins, int64_t ends, int64_t messages, int32_t *first,
			int64_t shares[RECEIVED_DAYS_MAX])
{
	int64_t length = ends - begins, given = 0;
	unsigned days;

	*first = clock_day(begins);
	if (length <= 86400) {
		*first = clock_day(length > 0 ? begins + length / 2 : begins);
		shares[0] = messages;
		return 1;
	}
	days = (unsigned)(clock_day(ends - 1) - *first) + 1;
	if (days > RECEIVED_DAYS_MAX)
		days = RECEIVED_DAYS_MAX;
	for (unsigned i = 0; i < days; i++) {
		int64_t until = clock_day_begin(*first + (int32_t)i + 1);
		int64_t done =
		    i + 1 == days
			? messages
			: (int64_t)((double)messages * (double)(until - begins) / (double)length);

		shares[i] = done - given;
		given = done;
	}
	return days;
}

/* ---- writing ---- */

struct addition {
	const struct received_report *report;
	sql_body *body;
	void *arg;
};

static int count_overlaps(struct sql *sql, const struct received_report *report, int64_t *overlaps,
			  struct why *why)
{
	return sql_number(sql, overlaps, why,
			  "SELECT COUNT(*) FROM rx_report WHERE kind = $1 AND domain = $2 AND"
			  " org = $3 AND begins < $5 AND ends > $4",
			  SQL_VALUES(sql_text(report->kind), sql_text(report->domain),
				     sql_text(report->org), sql_int(report->begins),
				     sql_int(report->ends)));
}

static int insert_report(void *arg, struct sql *sql, struct why *why)
{
	const struct addition *addition = arg;
	const struct received_report *r = addition->report;
	int64_t overlaps, inserted;

	if (count_overlaps(sql, r, &overlaps, why) != 0)
		return -1;
	inserted = sql_do(
	    sql, why,
	    "INSERT INTO rx_report (" REPORT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
	    " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)"
	    " ON CONFLICT (key) DO NOTHING",
	    SQL_VALUES(sql_key(r->key), sql_text(r->kind), sql_text(r->domain), sql_text(r->org),
		       sql_text(r->report_id), sql_int(r->begins), sql_int(r->ends),
		       sql_int(r->received), sql_text(r->trust), sql_text(r->mail_from),
		       sql_text(r->email), sql_text(r->p), sql_text(r->sp), sql_text(r->np),
		       sql_text(r->adkim), sql_text(r->aspf), sql_text(r->testing),
		       sql_int(r->rows), sql_int(r->messages), sql_int(r->passed),
		       sql_int(r->refused), sql_int(r->repaired), sql_int(overlaps),
		       sql_text(r->remarks)));
	if (inserted < 0)
		return -1;
	if (inserted == 0)
		return 1;
	return addition->body(addition->arg, sql, why) == 0 ? 0 : -1;
}

int received_add(struct sql *sql, const struct received_report *report, sql_body *body, void *arg,
		 struct why *why)
{
	struct addition addition = {report, body, arg};

	return sql_transact(sql, insert_report, &addition, why);
}

int received_put_row(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN], int64_t n,
		     const struct received_row *row, struct why *why)
{
	return sql_run(sql, why,
		       "INSERT INTO rx_row VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
		       " $12, $13)",
		       SQL_VALUES(sql_key(key), sql_int(n), sql_text(row->source_ip),
				  sql_int(row->messages), sql_text(row->disposition),
				  sql_text(row->dkim_aligned), sql_text(row->spf_aligned),
				  sql_text(row->header_from), sql_text(row->envelope_from),
				  sql_text(row->envelope_to), sql_text(row->reasons),
				  sql_text(row->dkim), sql_text(row->spf)));
}

int received_put_tls(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		     const struct received_tls *tls, struct why *why)
{
	return sql_run(sql, why, "INSERT INTO rx_tls VALUES ($1, $2, $3, $4, $5, $6, $7)",
		       SQL_VALUES(sql_key(key), sql_int(tls->n), sql_text(tls->policy_type),
				  sql_text(tls->policy_domain), sql_text(tls->mx_host),
				  sql_int(tls->successful), sql_int(tls->failed)));
}

int received_put_tls_failure(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN], int64_t n,
			     int64_t policy, const struct received_tls_failure *f, struct why *why)
{
	return sql_run(
	    sql, why, "INSERT INTO rx_tls_failure VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	    SQL_VALUES(sql_key(key), sql_int(policy), sql_int(n), sql_text(f->result_type),
		       sql_int(f->failed), sql_text(f->sending_ip), sql_text(f->mx_hostname),
		       sql_text(f->receiving_ip), sql_text(f->reason_code),
		       sql_text(f->information)));
}

int received_count_day(struct sql *sql, const struct received_report *report, int32_t day,
		       const struct received_row *row, int64_t messages, struct why *why)
{
	return sql_run(sql, why,
		       "INSERT INTO rx_day VALUES ($1, $2, $3, $4, $5, $6, $7)"
		       " ON CONFLICT (domain, day, org, disposition, dkim_aligned, spf_aligned)"
		       " DO UPDATE SET messages = rx_day.messages + excluded.messages",
		       SQL_VALUES(sql_text(report->domain), sql_int(day), sql_text(report->org),
				  sql_text(row->disposition), sql_text(row->dkim_aligned),
				  sql_text(row->spf_aligned), sql_int(messages)));
}

/* ---- expiry ---- */

struct expiry {
	int64_t before, deleted;
};

static int delete_old(void *arg, struct sql *sql, struct why *why)
{
	static const char *const rows[] = {"DELETE FROM rx_row WHERE key IN",
					   "DELETE FROM rx_tls WHERE key IN",
					   "DELETE FROM rx_tls_failure WHERE key IN"};
	struct expiry *expiry = arg;
	char text[160];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(text, sizeof text, "%s (SELECT key FROM rx_report WHERE received < $1)",
			 rows[i]);
		if (sql_run(sql, why, text, SQL_VALUES(sql_int(expiry->before))) != 0)
			return -1;
	}
	expiry->deleted = sql_do(sql, why, "DELETE FROM rx_report WHERE received < $1",
				 SQL_VALUES(sql_int(expiry->before)));
	return expiry->deleted < 0 ? -1 : 0;
}

int64_t received_expire(struct sql *sql, int64_t before, struct why *why)
{
	struct expiry expiry = {before, 0};

	return sql_transact(sql, delete_old, &expiry, why) != 0 ? -1 : expiry.deleted;
}

/* ---- reading ---- */

static void read_report(struct sql_rows *rows, struct arena *arena, struct received_report *r)
{
	int at = 0;

	sql_key_at(rows, at++, r->key);
	r->kind = sql_text_at(rows, at++, arena);
	r->domain = sql_text_at(rows, at++, arena);
	r->org = sql_text_at(rows, at++, arena);
	r->report_id = sql_text_at(rows, at++, arena);
	r->begins = sql_int_at(rows, at++);
	r->ends = sql_int_at(rows, at++);
	r->received = sql_int_at(rows, at++);
	r->trust = sql_text_at(rows, at++, arena);
	r->mail_from = sql_text_at(rows, at++, arena);
	r->email = sql_text_at(rows, at++, arena);
	r->p = sql_text_at(rows, at++, arena);
	r->sp = sql_text_at(rows, at++, arena);
	r->np = sql_text_at(rows, at++, arena);
	r->adkim = sql_text_at(rows, at++, arena);
	r->aspf = sql_text_at(rows, at++, arena);
	r->testing = sql_text_at(rows, at++, arena);
	r->rows = sql_int_at(rows, at++);
	r->messages = sql_int_at(rows, at++);
	r->passed = sql_int_at(rows, at++);
	r->refused = sql_int_at(rows, at++);
	r->repaired = sql_int_at(rows, at++);
	r->overlaps = sql_int_at(rows, at++);
	r->remarks = sql_text_at(rows, at, arena);
}

int received_list(struct sql *sql, const struct received_query *query, received_visit *visit,
		  void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct received_report report;
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT " REPORT_COLUMNS " FROM rx_report WHERE received >= $1"
		    " AND ($2 IS NULL OR kind = $2)"
		    " AND ($3 IS NULL OR domain = $3 OR"
		    "  substr(domain, length(domain) - length($3)) = '.' || $3)"
		    " AND ($4 = 0 OR passed < messages) ORDER BY received DESC, domain, org, key",
		    SQL_VALUES(sql_int(query->since), sql_text(query->kind),
			       sql_text(query->domain), sql_int(query->failing)));
	int more, status = 0;

	while (status == 0 && (more = sql_next(rows, why)) == 1) {
		arena_reset(arena);
		read_report(rows, arena, &report);
		status = visit(arg, &report);
		if (status != 0)
			sql_drop(rows);
	}
	arena_free(arena);
	return status != 0 ? status : more;
}

int received_find(struct sql *sql, const char *id, struct arena *arena,
		  struct received_report *report, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT " REPORT_COLUMNS " FROM rx_report"
		    " WHERE substr(lower(hex(key)), 1, length($1)) = lower($1) LIMIT 2",
		    SQL_VALUES(sql_text(id)));
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : 1;
	read_report(rows, arena, report);
	more = sql_next(rows, why);
	if (more == 1)
		sql_drop(rows);
	return more < 0 ? -1 : more == 1 ? 2 : 0;
}

static void read_row(struct sql_rows *rows, int at, struct arena *arena, struct received_row *row)
{
	row->source_ip = sql_text_at(rows, at++, arena);
	row->messages = sql_int_at(rows, at++);
	row->disposition = sql_text_at(rows, at++, arena);
	row->dkim_aligned = sql_text_at(rows, at++, arena);
	row->spf_aligned = sql_text_at(rows, at++, arena);
	row->header_from = sql_text_at(rows, at++, arena);
	row->envelope_from = sql_text_at(rows, at++, arena);
	row->envelope_to = sql_text_at(rows, at++, arena);
	row->reasons = sql_text_at(rows, at++, arena);
	row->dkim = sql_text_at(rows, at++, arena);
	row->spf = sql_text_at(rows, at, arena);
}

int received_rows(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		  received_row_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT source_ip, messages, disposition, dkim_aligned, spf_aligned,"
		    " header_from, envelope_from, envelope_to, reasons, dkim, spf FROM rx_row"
		    " WHERE key = $1 ORDER BY messages DESC, n",
		    SQL_VALUES(sql_key(key)));
	int more, status = 0;

	while (status == 0 && (more = sql_next(rows, why)) == 1) {
		struct received_row row;

		arena_reset(arena);
		read_row(rows, 0, arena, &row);
		status = visit(arg, &row);
		if (status != 0)
			sql_drop(rows);
	}
	arena_free(arena);
	return status != 0 ? status : more;
}

int received_tls_rows(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		      received_tls_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows = sql_ask(
	    sql,
	    "SELECT t.policy_type, t.policy_domain, t.mx_host, t.successful, t.failed, t.n,"
	    " f.result_type, f.failed, f.sending_ip, f.mx_hostname, f.receiving_ip, f.reason_code,"
	    " f.information, f.n IS NULL FROM rx_tls AS t LEFT JOIN rx_tls_failure AS f"
	    " ON f.key = t.key AND f.policy = t.n WHERE t.key = $1 ORDER BY t.n, f.n",
	    SQL_VALUES(sql_key(key)));
	int more, status = 0;

	while (status == 0 && (more = sql_next(rows, why)) == 1) {
		struct received_tls_failure failure;
		struct received_tls tls;

		arena_reset(arena);
		tls.policy_type = sql_text_at(rows, 0, arena);
		tls.policy_domain = sql_text_at(rows, 1, arena);
		tls.mx_host = sql_text_at(rows, 2, arena);
		tls.successful = sql_int_at(rows, 3);
		tls.failed = sql_int_at(rows, 4);
		tls.n = sql_int_at(rows, 5);
		failure.result_type = sql_text_at(rows, 6, arena);
		failure.failed = sql_int_at(rows, 7);
		failure.sending_ip = sql_text_at(rows, 8, arena);
		failure.mx_hostname = sql_text_at(rows, 9, arena);
		failure.receiving_ip = sql_text_at(rows, 10, arena);
		failure.reason_code = sql_text_at(rows, 11, arena);
		failure.information = sql_text_at(rows, 12, arena);
		status = visit(arg, &tls, sql_int_at(rows, 13) != 0 ? NULL : &failure);
		if (status != 0)
			sql_drop(rows);
	}
	arena_free(arena);
	return status != 0 ? status : more;
}

/* ---- sums ---- */

#define BELOW                                                                                      \
	"($2 IS NULL OR r.domain = $2 OR"                                                          \
	" substr(r.domain, length(r.domain) - length($2)) = '.' || $2)"

int received_sums(struct sql *sql, const char *domain, int32_t from_day, received_sum_visit *visit,
		  void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows = sql_ask(
	    sql,
	    "SELECT r.domain, CASE r.trust WHEN 'pass' THEN 'pass' ELSE '' END AS trusted,"
	    " MIN(r.begins), MAX(r.begins), w.source_ip, SUM(w.messages), w.disposition,"
	    " w.dkim_aligned, w.spf_aligned, w.header_from, NULL, NULL, w.reasons, w.dkim, w.spf"
	    " FROM rx_report AS r JOIN rx_row AS w ON w.key = r.key WHERE r.kind = 'aggregate'"
	    " AND r.begins >= $1 AND w.messages > 0 AND " BELOW
	    " GROUP BY r.domain, trusted, w.source_ip, w.disposition, w.dkim_aligned,"
	    " w.spf_aligned, w.header_from, w.reasons, w.dkim, w.spf",
	    SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)));
	int more, status = 0;

	while (status == 0 && (more = sql_next(rows, why)) == 1) {
		struct received_sum sum;

		arena_reset(arena);
		sum.domain = sql_text_at(rows, 0, arena);
		sum.trust = sql_text_at(rows, 1, arena);
		sum.first_day = clock_day(sql_int_at(rows, 2));
		sum.last_day = clock_day(sql_int_at(rows, 3));
		read_row(rows, 4, arena, &sum.row);
		status = visit(arg, &sum);
		if (status != 0)
			sql_drop(rows);
	}
	arena_free(arena);
	return status != 0 ? status : more;
}

int received_cover(struct sql *sql, const char *domain, int32_t from_day,
		   struct received_coverage *coverage, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT COUNT(DISTINCT mail_from), COUNT(DISTINCT begins / 86400), COUNT(*),"
		    " SUM(messages), MIN(begins), MAX(begins) FROM rx_report AS r"
		    " WHERE kind = 'aggregate' AND trust = 'pass' AND messages > 0"
		    " AND begins >= $1 AND " BELOW,
		    SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)));

	if (sql_next(rows, why) != 1)
		return -1;
	coverage->reporters = sql_int_at(rows, 0);
	coverage->days = sql_int_at(rows, 1);
	coverage->reports = sql_int_at(rows, 2);
	coverage->messages = sql_int_at(rows, 3);
	coverage->first_day = clock_day(sql_int_at(rows, 4));
	coverage->last_day = clock_day(sql_int_at(rows, 5));
	sql_drop(rows);
	return 0;
}

/* ---- decisions ---- */

int received_decide(struct sql *sql, const struct received_decision *d, struct why *why)
{
	return sql_run(sql, why,
		       "INSERT INTO flow_decision (flow, decision, note, decided)"
		       " VALUES ($1, $2, $3, $4) ON CONFLICT (flow) DO UPDATE SET"
		       " decision = excluded.decision, note = excluded.note,"
		       " decided = excluded.decided",
		       SQL_VALUES(sql_text(d->flow), sql_text(d->decision), sql_text(d->note),
				  sql_int(d->decided)));
}

int received_undecide(struct sql *sql, const char *flow, struct why *why)
{
	int64_t deleted = sql_do(sql, why, "DELETE FROM flow_decision WHERE flow = $1",
				 SQL_VALUES(sql_text(flow)));

	return deleted < 0 ? -1 : deleted == 0;
}

int received_decisions(struct sql *sql, received_decision_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows =
	    sql_ask(sql, "SELECT flow, decision, note, decided FROM flow_decision ORDER BY flow",
		    SQL_NO_VALUES);
	int more, status = 0;

	while (status == 0 && (more = sql_next(rows, why)) == 1) {
		struct received_decision decision;

		arena_reset(arena);
		decision.flow = sql_text_at(rows, 0, arena);
		decision.decision = sql_text_at(rows, 1, arena);
		decision.note = sql_text_at(rows, 2, arena);
		decision.decided = sql_int_at(rows, 3);
		status = visit(arg, &decision);
		if (status != 0)
			sql_drop(rows);
	}
	arena_free(arena);
	return status != 0 ? status : more;
}
