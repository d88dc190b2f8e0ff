/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sums of a page of days are read one by one after the page: a join with a limit is slow on one
 * engine or the other, and only one statement at a time may have rows left to read.
 */
#include "store/sql/page.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "store/integrity.h"
#include "store/sql/schema.h"

enum { PAGE_BYTES = 1024 * 1024 /* of texts */ };

#define REPORT "domain = $1 AND day = $2 AND config = $3"
#define SUMS                                                                                       \
	"SELECT COUNT(*), COALESCE(SUM(messages), 0), COALESCE(SUM(CASE"                           \
	" WHEN dkim_aligned = 'pass' OR spf_aligned = 'pass' THEN messages ELSE 0"                 \
	" END), 0), COALESCE(SUM(quiet), 0), COALESCE(SUM(CASE"                                    \
	" WHEN disposition = 'reject' THEN 0 ELSE messages END), 0)"
#define TOTALS                                                                                     \
	", COALESCE((SELECT messages FROM total WHERE " REPORT "), CASE WHEN EXISTS"               \
	" (SELECT 1 FROM policy WHERE " REPORT ") THEN -2 ELSE -1 END),"                           \
	" (SELECT quiet FROM total WHERE " REPORT ")"
enum { BEING_EXPIRED = -1, NO_TOTAL = -2 }; /* instead of a total */

static void compare_sums(struct ledger_day *day, int64_t messages, int64_t quiet)
{
	if (messages == BEING_EXPIRED)
		return;
	if (messages != NO_TOTAL)
		day->missing = messages - day->messages;
	if (messages != day->messages || quiet != day->quiet)
		day->damaged = true;
}

static int read_sums(struct sql *sql, bool sums, struct ledger_day *day, struct why *why)
{
	struct sql_rows *rows = sql_ask(
	    sql, sums ? SUMS TOTALS " FROM tally WHERE " REPORT : SUMS " FROM tally WHERE " REPORT,
	    SQL_VALUES(sql_text(day->policy.domain), sql_int(day->day), sql_config(day->config)));

	if (sql_next(rows, why) != 1)
		return -1;
	day->rows = sql_int_at(rows, 0);
	day->messages = sql_int_at(rows, 1);
	day->passed = sql_int_at(rows, 2);
	day->quiet = sql_int_at(rows, 3);
	day->accepted = sql_int_at(rows, 4);
	if (sums)
		compare_sums(day, sql_int_at(rows, 5), sql_int_at(rows, 6));
	sql_drop(rows);
	return 0;
}

static struct sql_rows *ask_days(struct sql *sql, const struct page_days *query,
				 const struct schema_list *list, unsigned max)
{
	const struct ledger_day *after = query->after;
	struct sql_rows *rows;
	struct buf text;

	buf_init(&text, NULL, 0);
	buf_string(&text, "SELECT ");
	schema_names(&text, list, 0, list->count, "");
	buf_string(&text, " FROM policy"
			  " WHERE day <= $2 AND (CAST($1 AS text) IS NULL OR domain = $1)"
			  " AND (day, domain, since, config) > ($3, $4, $5, $6) AND since >= $8");
	if (query->of.unreported)
		buf_string(&text, " AND NOT EXISTS (SELECT 1 FROM report AS r WHERE r.domain ="
				  " policy.domain AND r.day = policy.day"
				  " AND r.config = policy.config)");
	buf_string(&text, " ORDER BY day, domain, since, config LIMIT $7");
	rows = sql_ask(sql, buf_text(&text),
		       SQL_VALUES(sql_text(query->of.domain), sql_int(query->of.to_day),
				  sql_int(after == NULL ? query->of.from_day : after->day),
				  sql_text(after == NULL ? "" : after->policy.domain),
				  sql_int(after == NULL ? 0 : after->since),
				  after == NULL ? sql_blob(NULL, 0) : sql_config(after->config),
				  sql_int(max), sql_int(query->of.since)));
	buf_free(&text);
	return rows;
}

static void set_day(struct ledger_day *day, const struct driver_row *row)
{
	*day = (struct ledger_day){
	    .day = row->row.day, .policy = row->row.policy, .since = row->since};
	if (day->policy.domain == NULL) /* only in a damaged file */
		day->policy.domain = "";
	driver_config_text(row->config, day->config);
}

int page_read_days(struct sql *sql, const struct page_days *query, struct arena *arena,
		   struct ledger_day *days, unsigned max, struct why *why)
{
	const struct schema_list list = schema_list(&schema_policy, SCHEMA_OF_ROW);
	struct sql_rows *rows = ask_days(sql, query, &list, max);
	int count = 0, more;

	arena_reset(arena);
	while ((more = sql_next(rows, why)) == 1) {
		struct driver_row row = {.since = 0};

		assert((unsigned)count < max);
		schema_read(rows, &list, 0, arena, &row);
		set_day(&days[count], &row);
		days[count++].damaged = query->sums && !integrity_of_policy(&row);
	}
	for (int i = 0; i < count && more == 0; i++)
		more = read_sums(sql, query->sums, &days[i], why);
	return more < 0 ? -1 : count;
}

static struct sql_rows *ask_rows(struct sql *sql, const struct page_rows *query,
				 const struct schema_list *list, unsigned max)
{
	const struct driver_row *after = query->after;
	struct sql_rows *rows;
	struct buf text;

	buf_init(&text, NULL, 0);
	buf_string(&text, "SELECT ");
	schema_names(&text, list, SCHEMA_IDS, list->count, "");
	buf_string(&text, " FROM tally WHERE domain = $1 AND day = $2 AND config = $3"
			  " AND (source_ip, row_key) > ($4, $5)"
			  " ORDER BY source_ip, row_key LIMIT $6");
	rows = sql_ask(
	    sql, buf_text(&text),
	    SQL_VALUES(sql_text(query->domain), sql_int(query->day), sql_key(query->config),
		       sql_text(after == NULL ? "" : after->row.source_ip),
		       after == NULL ? sql_blob(NULL, 0) : sql_key(after->key), sql_int(max)));
	buf_free(&text);
	return rows;
}

static int refuse_row(const struct driver_row *row, struct why *why)
{
	char day[CLOCK_TEXT_MAX];

	why_set(why,
		"the ledger is damaged: a row of %s on %s is not as it was stored (countersign"
		" store check)",
		row->row.policy.domain, clock_day_text(row->row.day, day));
	return LEDGER_DAMAGED;
}

int page_read_rows(struct sql *sql, const struct page_rows *query, struct arena *arena,
		   struct driver_row *rows, unsigned max, struct why *why)
{
	const struct schema_list list = schema_list(&schema_tally, SCHEMA_OF_ROW);
	struct sql_rows *answer = ask_rows(sql, query, &list, max);
	int count = 0, more;

	arena_reset(arena);
	while ((more = sql_next(answer, why)) == 1) {
		struct driver_row *row = &rows[count++];

		assert((unsigned)count <= max);
		*row =
		    (struct driver_row){.row = {.day = query->day, .policy.domain = query->domain}};
		memcpy(row->config, query->config, DRIVER_KEY_LEN);
		schema_read(answer, &list, SCHEMA_IDS, arena, row);
		if (query->sums && !integrity_of_row(row)) {
			sql_drop(answer);
			return refuse_row(row, why);
		}
		if (arena_used(arena) < PAGE_BYTES)
			continue;
		sql_drop(answer);
		return count;
	}
	return more < 0 ? -1 : count;
}
