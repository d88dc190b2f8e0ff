/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/received.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"

/* OVERLAPS is a word of PostgreSQL's. */
#define REPORT_COLUMNS                                                                             \
	"key, kind, domain, org, report_id, begins, ends, received, trust, mail_from, email, p,"   \
	" sp, np, adkim, aspf, testing, row_count, messages, passed, refused, repaired,"           \
	" \"overlaps\", remarks"

/* ---- writing ---- */

struct addition {
	const struct received_report *report;
	sql_body *body;
	void *arg;
};

/* Among the latest hundred before its end: a reporter may have sent any number. */
static int count_overlaps(struct sql *sql, const struct received_report *report, int64_t *overlaps,
			  struct why *why)
{
	return sql_number(sql, overlaps, why,
			  "SELECT COUNT(*) FROM (SELECT kind, ends FROM rx_report WHERE domain = $2"
			  " AND org = $3 AND begins < $5 ORDER BY begins DESC LIMIT 100) AS near"
			  " WHERE kind = $1 AND ends > $4",
			  SQL_VALUES(sql_text(report->kind), sql_text(report->domain),
				     sql_text(report->org), sql_int(report->begins),
				     sql_int(report->ends)));
}

static bool is_at_or_below(const char *domain, const char *above)
{
	size_t len = strlen(domain), above_len = strlen(above);

	return len >= above_len && strcasecmp(domain + len - above_len, above) == 0 &&
	       (len == above_len || domain[len - above_len - 1] == '.');
}

/* What vouches for a report: nothing; mail that passed DMARC; such mail of the organization that
 * the report names, or of the domain of its address where the organization is not a domain. */
enum standing { STANDS_ALONE, STANDS_ON_MAIL, STANDS_ON_REPORTER };

static enum standing judge_standing(const char *org, const char *trust, const char *mail_from,
				    const char *email)
{
	const char *at = email == NULL ? NULL : strrchr(email, '@');
	const char *name = strchr(org, '.') != NULL ? org : at == NULL ? "" : at + 1;

	if (strcmp(trust, "pass") != 0)
		return STANDS_ALONE;
	return mail_from != NULL && name[0] != '\0' &&
		       (is_at_or_below(mail_from, name) || is_at_or_below(name, mail_from))
		   ? STANDS_ON_REPORTER
		   : STANDS_ON_MAIL;
}

/* The head of a report of which only a copy that less vouches for had come: what a forger could
 * have changed in it. 2: replaced; 1: the copy stays; -1. The rows are the same. */
static int replace_copy(struct sql *sql, const struct received_report *r, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows =
	    sql_ask(sql, "SELECT trust, mail_from, email FROM rx_report WHERE key = $1",
		    SQL_VALUES(sql_key(r->key)));
	enum standing before = STANDS_ON_REPORTER;
	int more = sql_next(rows, why);

	if (more == 1) {
		before = judge_standing(r->org, sql_text_at(rows, 0, arena),
					sql_text_at(rows, 1, arena), sql_text_at(rows, 2, arena));
		sql_drop(rows);
	}
	arena_free(arena);
	if (more < 0)
		return -1;
	if (judge_standing(r->org, r->trust, r->mail_from, r->email) <= before)
		return 1;
	return sql_run(sql, why,
		       "UPDATE rx_report SET report_id = $2, trust = $3, mail_from = $4,"
		       " email = $5, p = $6, sp = $7, np = $8, adkim = $9, aspf = $10,"
		       " testing = $11, remarks = $12 WHERE key = $1",
		       SQL_VALUES(sql_key(r->key), sql_text(r->report_id), sql_text(r->trust),
				  sql_text(r->mail_from), sql_text(r->email), sql_text(r->p),
				  sql_text(r->sp), sql_text(r->np), sql_text(r->adkim),
				  sql_text(r->aspf), sql_text(r->testing), sql_text(r->remarks))) ==
		       0
		   ? 2
		   : -1;
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
		return replace_copy(sql, r, why);
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

static int count_day(struct sql *sql, const struct received_report *report, int32_t day,
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

int received_count_row(struct sql *sql, const struct received_report *r,
		       const struct received_row *row, struct why *why)
{
	int64_t begins = r->begins == 0 ? r->received : r->begins; /* no time: when it came */
	int64_t shares[CLOCK_SPLIT_MAX];
	unsigned days;
	int32_t first;

	if (row->messages == 0)
		return 0;
	days = clock_split(begins, r->ends, row->messages, &first, shares);
	for (unsigned i = 0; i < days; i++)
		if (shares[i] > 0 &&
		    count_day(sql, r, first + (int32_t)i, row, shares[i], why) != 0)
			return -1;
	return 0;
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

static struct sql_value limit_of(const struct received_part *part)
{
	return sql_int(part == NULL || part->count == 0 ? INT64_MAX : part->count);
}

static struct sql_value offset_of(const struct received_part *part)
{
	return sql_int(part == NULL ? 0 : part->skip);
}

int received_list(struct sql *sql, const struct received_query *query, received_visit *visit,
		  void *arg, struct why *why)
{
	struct received_report report;
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    "SELECT " REPORT_COLUMNS " FROM rx_report WHERE received >= $1"
	    " AND (CAST($2 AS TEXT) IS NULL OR kind = $2)"
	    " AND (CAST($3 AS TEXT) IS NULL OR domain = $3 OR"
	    "  substr(domain, length(domain) - length($3)) = '.' || $3)"
	    " AND ($4 = 0 OR passed < messages) ORDER BY received DESC, domain, org, key"
	    " LIMIT $5 OFFSET $6",
	    SQL_VALUES(sql_int(query->since), sql_text(query->kind), sql_text(query->domain),
		       sql_int(query->failing), limit_of(&query->part), offset_of(&query->part))));

	while (sql_walk_next(&walk, why) != NULL) {
		read_report(walk.rows, walk.arena, &report);
		walk.status = visit(arg, &report);
	}
	return sql_walk_end(&walk);
}

/* The first and the last key that begin with the digits ID. False: it has no such digits. */
static bool find_range(const char *id, unsigned char first[DRIVER_KEY_LEN],
		       unsigned char last[DRIVER_KEY_LEN])
{
	size_t length = strlen(id);

	if (length == 0 || length > 2 * DRIVER_KEY_LEN)
		return false;
	memset(first, 0, DRIVER_KEY_LEN);
	memset(last, 0xff, DRIVER_KEY_LEN);
	for (size_t i = 0; i < length; i++) {
		int digit = char_hex((unsigned char)id[i]), shift = i % 2 == 0 ? 4 : 0;

		if (digit < 0)
			return false;
		first[i / 2] |= (unsigned char)(digit << shift);
		last[i / 2] = (unsigned char)((last[i / 2] & ~(0xf << shift)) | digit << shift);
	}
	return true;
}

int received_find(struct sql *sql, const char *id, struct arena *arena,
		  struct received_report *report, struct why *why)
{
	unsigned char first[DRIVER_KEY_LEN], last[DRIVER_KEY_LEN];
	struct sql_rows *rows;
	int more;

	if (!find_range(id, first, last))
		return 1;
	rows = sql_ask(
	    sql, "SELECT " REPORT_COLUMNS " FROM rx_report WHERE key >= $1 AND key <= $2 LIMIT 2",
	    SQL_VALUES(sql_key(first), sql_key(last)));
	more = sql_next(rows, why);
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
		  const struct received_part *part, received_row_visit *visit, void *arg,
		  struct why *why)
{
	struct sql_walk walk = sql_walk_begin(
	    sql_ask(sql,
		    "SELECT source_ip, messages, disposition, dkim_aligned, spf_aligned,"
		    " header_from, envelope_from, envelope_to, reasons, dkim, spf FROM rx_row"
		    " WHERE key = $1 ORDER BY messages DESC, n LIMIT $2 OFFSET $3",
		    SQL_VALUES(sql_key(key), limit_of(part), offset_of(part))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_row row;

		read_row(walk.rows, 0, walk.arena, &row);
		walk.status = visit(arg, &row);
	}
	return sql_walk_end(&walk);
}

int received_tls_rows(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		      const struct received_part *part, received_tls_visit *visit, void *arg,
		      struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    "SELECT t.policy_type, t.policy_domain, t.mx_host, t.successful, t.failed, t.n,"
	    " f.result_type, f.failed, f.sending_ip, f.mx_hostname, f.receiving_ip, f.reason_code,"
	    " f.information, CASE WHEN f.n IS NULL THEN 1 ELSE 0 END FROM rx_tls AS t LEFT JOIN "
	    "rx_tls_failure AS f"
	    " ON f.key = t.key AND f.policy = t.n WHERE t.key = $1 ORDER BY t.n, f.n"
	    " LIMIT $2 OFFSET $3",
	    SQL_VALUES(sql_key(key), limit_of(part), offset_of(part))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_tls_failure failure;
		struct received_tls tls;

		tls.policy_type = sql_text_at(walk.rows, 0, walk.arena);
		tls.policy_domain = sql_text_at(walk.rows, 1, walk.arena);
		tls.mx_host = sql_text_at(walk.rows, 2, walk.arena);
		tls.successful = sql_int_at(walk.rows, 3);
		tls.failed = sql_int_at(walk.rows, 4);
		tls.n = sql_int_at(walk.rows, 5);
		failure.result_type = sql_text_at(walk.rows, 6, walk.arena);
		failure.failed = sql_int_at(walk.rows, 7);
		failure.sending_ip = sql_text_at(walk.rows, 8, walk.arena);
		failure.mx_hostname = sql_text_at(walk.rows, 9, walk.arena);
		failure.receiving_ip = sql_text_at(walk.rows, 10, walk.arena);
		failure.reason_code = sql_text_at(walk.rows, 11, walk.arena);
		failure.information = sql_text_at(walk.rows, 12, walk.arena);
		walk.status = visit(arg, &tls, sql_int_at(walk.rows, 13) != 0 ? NULL : &failure);
	}
	return sql_walk_end(&walk);
}

/* ---- sums ---- */

/* Of the domain $2 and those below it. Their names are read from the index one by one, each with a
 * look-up of the next: there are few of them, and many reports of each. */
#define BELOW                                                                                      \
	"r.domain IN (WITH RECURSIVE names (name) AS (SELECT MIN(domain) FROM rx_report"           \
	" UNION ALL SELECT (SELECT MIN(domain) FROM rx_report WHERE domain > names.name)"          \
	" FROM names WHERE names.name IS NOT NULL) SELECT name FROM names WHERE name = $2"         \
	" OR substr(name, length(name) - length($2)) = '.' || $2)"

/* TEXT with one condition more when DOMAIN is not NULL. */
#define OF_DOMAIN(domain, before, after)                                                           \
	((domain) == NULL ? before after : before " AND " BELOW after)

/* Its values: an engine wants as many as the statement names. */
static struct sql_values for_domain(const char *domain, struct sql_values values)
{
	values.count = domain == NULL ? 1 : 2;
	return values;
}

/* In no order, since sorting costs more than all else. */
int received_sums(struct sql *sql, const char *domain, int32_t from_day, received_sum_visit *visit,
		  void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    OF_DOMAIN(
		domain,
		"SELECT r.domain, CASE r.trust WHEN 'pass' THEN 'pass' ELSE '' END,"
		" r.begins / 86400, w.source_ip, w.messages, w.disposition,"
		" w.dkim_aligned, w.spf_aligned, w.header_from, NULL, NULL, w.reasons,"
		" w.dkim, w.spf, r.mail_from FROM rx_report AS r JOIN rx_row AS w ON w.key = r.key"
		" WHERE r.kind = 'aggregate' AND r.begins >= $1 AND w.messages > 0",
		""),
	    for_domain(domain, SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_sum sum;

		sum.domain = sql_text_at(walk.rows, 0, walk.arena);
		sum.trust = sql_text_at(walk.rows, 1, walk.arena);
		sum.day = (int32_t)sql_int_at(walk.rows, 2);
		read_row(walk.rows, 3, walk.arena, &sum.row);
		sum.mail_from = sql_text_at(walk.rows, 14, walk.arena);
		walk.status = visit(arg, &sum);
	}
	return sql_walk_end(&walk);
}

int received_reporters(struct sql *sql, const char *domain, int32_t from_day,
		       received_reporter_visit *visit, void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    OF_DOMAIN(domain,
		      "SELECT r.org, r.mail_from, COUNT(*),"
		      " SUM(CASE r.trust WHEN 'pass' THEN 0 ELSE 1 END),"
		      " SUM(r.messages) AS all_messages, MAX(r.begins) FROM rx_report AS r"
		      " WHERE r.begins >= $1",
		      " GROUP BY r.org, r.mail_from"
		      " ORDER BY all_messages DESC, r.org, r.mail_from"),
	    for_domain(domain, SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_reporter reporter;

		reporter.org = sql_text_at(walk.rows, 0, walk.arena);
		reporter.mail_from = sql_text_at(walk.rows, 1, walk.arena);
		reporter.reports = sql_int_at(walk.rows, 2);
		reporter.unverified = sql_int_at(walk.rows, 3);
		reporter.messages = sql_int_at(walk.rows, 4);
		reporter.last_day = clock_day(sql_int_at(walk.rows, 5));
		walk.status = visit(arg, &reporter);
	}
	return sql_walk_end(&walk);
}

int received_tls_sums(struct sql *sql, const char *domain, int32_t from_day,
		      received_tls_sum_visit *visit, void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    OF_DOMAIN(domain,
		      "SELECT r.domain, SUM(r.messages), SUM(r.passed) FROM rx_report AS r"
		      " WHERE r.kind = 'tls' AND r.begins >= $1",
		      " GROUP BY r.domain"),
	    for_domain(domain, SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)))));

	while (sql_walk_next(&walk, why) != NULL) {
		walk.status = visit(arg, sql_text_at(walk.rows, 0, walk.arena),
				    sql_int_at(walk.rows, 1), sql_int_at(walk.rows, 2));
	}
	return sql_walk_end(&walk);
}

int received_tls_failures(struct sql *sql, const char *domain, int32_t from_day,
			  received_failure_visit *visit, void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    OF_DOMAIN(domain,
		      "SELECT r.domain, f.result_type, f.mx_hostname, SUM(f.failed) AS all_failed"
		      " FROM rx_report AS r JOIN rx_tls_failure AS f ON f.key = r.key"
		      " WHERE r.kind = 'tls' AND r.begins >= $1",
		      " GROUP BY r.domain, f.result_type, f.mx_hostname"
		      " ORDER BY all_failed DESC, r.domain, f.result_type, f.mx_hostname"),
	    for_domain(domain, SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_tls_failure failure = {.failed = sql_int_at(walk.rows, 3)};
		const char *of;

		of = sql_text_at(walk.rows, 0, walk.arena);
		failure.result_type = sql_text_at(walk.rows, 1, walk.arena);
		failure.mx_hostname = sql_text_at(walk.rows, 2, walk.arena);
		walk.status = visit(arg, of, &failure);
	}
	return sql_walk_end(&walk);
}

int received_domains(struct sql *sql, const char *domain, int32_t from_day,
		     received_domain_visit *visit, void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    OF_DOMAIN(domain,
		      "SELECT r.domain, SUM(r.messages) AS all_messages FROM rx_report AS r"
		      " WHERE r.kind = 'aggregate' AND r.begins >= $1",
		      " GROUP BY r.domain ORDER BY all_messages DESC, r.domain"),
	    for_domain(domain, SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)))));

	while (sql_walk_next(&walk, why) != NULL) {
		walk.status =
		    visit(arg, sql_text_at(walk.rows, 0, walk.arena), sql_int_at(walk.rows, 1));
	}
	return sql_walk_end(&walk);
}

int received_senders(struct sql *sql, const char *domain, int32_t from_day,
		     received_sender_visit *visit, void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    OF_DOMAIN(domain,
		      "SELECT r.domain, r.mail_from, SUM(CASE WHEN r.kind = 'aggregate' AND"
		      " r.messages > 0 THEN 1 ELSE 0 END), SUM(r.messages) AS all_messages"
		      " FROM rx_report AS r WHERE r.begins >= $1 AND r.trust = 'pass'"
		      " AND r.mail_from IS NOT NULL",
		      " GROUP BY r.domain, r.mail_from"
		      " ORDER BY all_messages DESC, r.domain, r.mail_from"),
	    for_domain(domain, SQL_VALUES(sql_int(clock_day_begin(from_day)), sql_text(domain)))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_sender sender;

		sender.domain = sql_text_at(walk.rows, 0, walk.arena);
		sender.mail_from = sql_text_at(walk.rows, 1, walk.arena);
		sender.reports = sql_int_at(walk.rows, 2);
		walk.status = visit(arg, &sender);
	}
	return sql_walk_end(&walk);
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
	struct sql_walk walk = sql_walk_begin(
	    sql_ask(sql, "SELECT flow, decision, note, decided FROM flow_decision ORDER BY flow",
		    SQL_NO_VALUES));

	while (sql_walk_next(&walk, why) != NULL) {
		struct received_decision decision;

		decision.flow = sql_text_at(walk.rows, 0, walk.arena);
		decision.decision = sql_text_at(walk.rows, 1, walk.arena);
		decision.note = sql_text_at(walk.rows, 2, walk.arena);
		decision.decided = sql_int_at(walk.rows, 3);
		walk.status = visit(arg, &decision);
	}
	return sql_walk_end(&walk);
}
