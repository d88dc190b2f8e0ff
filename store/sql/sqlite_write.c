/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of the ledger's writer: adds rows and deletes what is old, each in one
 * transaction, with statements that are prepared once.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "store/condense.h"
#include "store/sql/schema.h"
#include "store/sql/shared.h"
#include "store/sql/sqlite.h"

enum {
	FAILURES_KEPT = 10 * 86400, /* seconds */
	ROOM_ROWS = 2000,           /* deleted at once when the file is full */
	DISK_FREE = 16 << 20,       /* bytes: with so many free the disk is not full */
	WATCHES = 256,              /* days whose rows are watched at one time; see watch_day() */
	WATCH_SHARE = 8,
	SENT_ROWS_MAX = 20000 /* of the outbound tally, a day; further ones have less detail */
};

enum statement {
	ADD_POLICY,
	ADD_TALLY,
	ADD_TOTAL,
	READ_JOINED,
	ADD_UNSHIPPED,
	OLDEST_DAY,
	NEWEST_DAY,
	IS_CLOSED,
	EXPIRE_CLOSED,
	SET_FOLDED,
	FORGET_JOURNAL,
	READ_FOLDED,
	OLDEST,
	EXPIRE_TALLY,
	LEAVE_TOTAL,
	EXPIRE_TOTAL,
	EXPIRE_POLICY,
	EXPIRE_REPORT,
	EXPIRE_PARTS,
	EXPIRE_DELIVERIES,
	OLD_FAILURES,
	ADD_SENT,
	COUNT_SENT,
	EXPIRE_SENT,
	STATEMENTS
};

#define REPORT "domain = ?1 AND day = ?2 AND config = ?3"

#define KEY_NAMES "domain, day, config, source_ip, row_key"

/* ADD_POLICY and ADD_TALLY are made from the table of columns. */
static const char *const statements[STATEMENTS] = {
    [ADD_TOTAL] = "INSERT INTO total (domain, day, config, messages, quiet)"
		  " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (domain, day, config) DO UPDATE"
		  " SET messages = CASE WHEN messages < 0 THEN messages"
		  " ELSE messages + excluded.messages END, quiet = quiet + excluded.quiet",
    [READ_JOINED] = "SELECT joined FROM spool",
    [ADD_UNSHIPPED] = "INSERT INTO unshipped (" KEY_NAMES ") VALUES (?1, ?2, ?3, ?4, ?5)"
		      " ON CONFLICT (" KEY_NAMES ") DO NOTHING",
    [OLDEST_DAY] = "SELECT MIN(day) FROM policy",
    [NEWEST_DAY] = SQL_NEWEST_DAY,
    [IS_CLOSED] = "SELECT 1 FROM closed WHERE " REPORT,
    [EXPIRE_CLOSED] = "DELETE FROM closed WHERE " REPORT,
    [SET_FOLDED] = "INSERT INTO journal (id, folded) VALUES (?1, ?2)"
		   " ON CONFLICT (id) DO UPDATE SET folded = excluded.folded",
    [FORGET_JOURNAL] = "DELETE FROM journal WHERE id = ?1",
    [READ_FOLDED] = "SELECT folded FROM journal WHERE id = ?1",
    [OLDEST] = "SELECT domain, day, config FROM policy AS p WHERE day < ?1"
	       " AND " SQL_MAY_EXPIRE
	       " AND NOT EXISTS (SELECT 1 FROM unshipped AS u WHERE u.domain = p.domain"
	       " AND u.day = p.day AND u.config = p.config)"
	       " AND NOT EXISTS (SELECT 1 FROM batch AS b WHERE b.sequence >"
	       " (SELECT applied FROM spool) AND b.domain = p.domain"
	       " AND b.day = p.day AND b.config = p.config) ORDER BY day LIMIT 1",
    [EXPIRE_TALLY] = "DELETE FROM tally WHERE " REPORT " AND (source_ip, row_key) IN"
		     " (SELECT source_ip, row_key FROM tally WHERE " REPORT " LIMIT ?4)",
    [LEAVE_TOTAL] = "UPDATE total SET messages = -1 WHERE " REPORT,
    [EXPIRE_TOTAL] = "DELETE FROM total WHERE " REPORT,
    [EXPIRE_POLICY] = "DELETE FROM policy WHERE " REPORT,
    [EXPIRE_REPORT] = "DELETE FROM report WHERE " REPORT,
    [EXPIRE_PARTS] = "DELETE FROM report_part WHERE " REPORT,
    [EXPIRE_DELIVERIES] = "DELETE FROM delivery WHERE " REPORT,
    [ADD_SENT] = "INSERT INTO sent (day, header_from, domain, selector, mail_from, rcpt_domain,"
		 " messages, signatures) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		 " ON CONFLICT (day, header_from, domain, selector, mail_from, rcpt_domain)"
		 " DO UPDATE SET messages = messages + excluded.messages,"
		 " signatures = signatures + excluded.signatures",
    [COUNT_SENT] = "SELECT COUNT(*) FROM sent WHERE day = ?1",
    [EXPIRE_SENT] = "DELETE FROM sent WHERE day < ?1",
    [OLD_FAILURES] = "SELECT domain, day, config FROM report"
		     " WHERE kind IN ('failure', 'tls', 'notice') AND built < ?1 LIMIT 1",
};

/* A policy domain and day: how many rows were added since they were counted. */
struct day_watch {
	uint64_t id;
	unsigned added;
	enum condense_level level; /* at which new rows are condensed */
};

/* What a connection keeps for its writer: one piece of memory, made when it first writes. */
struct sqlite_writer {
	bool joined;      /* rows are shipped to a shared store; as of this transaction */
	int32_t sent_day; /* whose rows of the outbound tally were counted last */
	int64_t sent_rows;
	struct day_watch watches[WATCHES];
	sqlite3_stmt *prepared[STATEMENTS];
};

/* ---- statements ---- */

/* Does not rewrite a policy whose notes have not changed. */
static void make_add_policy(struct buf *to, const struct schema_list *list)
{
	const char *word = " WHERE";

	schema_insert(to, &schema_policy, list);
	schema_conflict(to, &schema_policy);
	for (unsigned i = 0; i < list->count; i++) {
		if (list->at[i]->role != SCHEMA_POLICY_NOTE)
			continue;
		buf_printf(to, "%s %s IS NOT excluded.%s", word, list->at[i]->name,
			   list->at[i]->name);
		word = " OR";
	}
}

static void make_text(struct buf *to, enum statement which)
{
	const struct schema_list policy = schema_list(&schema_policy, SCHEMA_OF_ROW);
	const struct schema_list tally = schema_list(&schema_tally, SCHEMA_OF_ROW);

	if (which == ADD_POLICY) {
		make_add_policy(to, &policy);
	} else if (which == ADD_TALLY) {
		schema_insert(to, &schema_tally, &tally);
		schema_conflict(to, &schema_tally);
	} else {
		buf_string(to, statements[which]);
	}
}

/* The statement, ready to be bound; NULL: see sqlite3_errcode. */
static sqlite3_stmt *prepare_statement(struct sqlite *sqlite, enum statement which)
{
	sqlite3_stmt **statement;
	struct buf text;

	if (sqlite->writer == NULL)
		sqlite->writer = heap_zero(sizeof *sqlite->writer);
	statement = &sqlite->writer->prepared[which];
	if (*statement != NULL)
		return *statement;
	buf_init(&text, NULL, 0);
	make_text(&text, which);
	sqlite3_prepare_v3(sqlite->db, buf_text(&text), -1, SQLITE_PREPARE_PERSISTENT, statement,
			   NULL);
	buf_free(&text);
	return *statement;
}

/* Steps a statement that gives no rows. */
static int run_statement(struct sqlite *sqlite, sqlite3_stmt *statement)
{
	int code;

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC); /* NULL gives NULL */
}

static void bind_report(sqlite3_stmt *statement, const char *domain, int32_t day,
			const unsigned char *config)
{
	bind_text(statement, 1, domain);
	sqlite3_bind_int(statement, 2, day);
	sqlite3_bind_blob(statement, 3, config, DRIVER_KEY_LEN, SQLITE_STATIC);
}

/* ---- writing ---- */

/* In the order of the columns that make_text() lists. */
static void bind_row(sqlite3_stmt *statement, const struct schema_table *table,
		     const struct driver_row *row)
{
	int at = 0;

	for (unsigned i = 0; i < table->count; i++) {
		const struct schema_column *column = &table->columns[i];
		const void *member = schema_member(row, column);

		if (column->at == SCHEMA_NO_MEMBER)
			continue;
		at++;
		switch (column->type) {
		case SCHEMA_TEXT:
			bind_text(statement, at, *(const char *const *)member);
			break;
		case SCHEMA_INT:
			sqlite3_bind_int64(statement, at, *(const int64_t *)member);
			break;
		case SCHEMA_DAY:
			sqlite3_bind_int(statement, at, *(const int32_t *)member);
			break;
		case SCHEMA_KEY:
			sqlite3_bind_blob(statement, at, member, DRIVER_KEY_LEN, SQLITE_STATIC);
			break;
		case SCHEMA_BYTES:
			assert(!"a member of a row");
		}
	}
	assert(at == sqlite3_bind_parameter_count(statement));
}

static int add_policy(struct sqlite *sqlite, const struct driver_row *at)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, ADD_POLICY);
	struct driver_row row = *at;

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	row.since = clock_wall();
	bind_row(statement, &schema_policy, &row);
	return run_statement(sqlite, statement);
}

static int add_tally(struct sqlite *sqlite, const struct driver_row *at)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, ADD_TALLY);

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	bind_row(statement, &schema_tally, at);
	return run_statement(sqlite, statement);
}

/* Whether this host's counts go to a shared store: the file knows, not the settings, so that all
 * processes agree. */
static int read_joined(struct sqlite *sqlite)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, READ_JOINED);
	int code = statement == NULL ? sqlite3_errcode(sqlite->db) : sqlite3_step(statement);

	sqlite->writer->joined = code == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
	sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int add_unshipped(struct sqlite *sqlite, const struct driver_row *at)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, ADD_UNSHIPPED);

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	bind_report(statement, at->row.policy.domain, at->row.day, at->config);
	bind_text(statement, 4, at->row.source_ip);
	sqlite3_bind_blob(statement, 5, at->key, DRIVER_KEY_LEN, SQLITE_STATIC);
	return run_statement(sqlite, statement);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The policy need not be written again. */
static bool is_same_policy(const struct driver_row *a, const struct driver_row *b)
{
	if (a->row.day != b->row.day || memcmp(a->config, b->config, DRIVER_KEY_LEN) != 0 ||
	    strcmp(a->row.policy.domain, b->row.policy.domain) != 0)
		return false;
	for (unsigned i = 0; i < schema_policy.count; i++) {
		const struct schema_column *column = &schema_policy.columns[i];

		if (column->role == SCHEMA_POLICY_NOTE &&
		    !is_same_text(schema_text(&a->row, column), schema_text(&b->row, column)))
			return false;
	}
	return true;
}

static int note_journal(struct sqlite *sqlite, const struct driver_batch *batch)
{
	bool gone = batch->folded == DRIVER_GONE;
	sqlite3_stmt *statement = prepare_statement(sqlite, gone ? FORGET_JOURNAL : SET_FOLDED);

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	sqlite3_bind_blob(statement, 1, batch->journal, DRIVER_KEY_LEN, SQLITE_STATIC);
	if (!gone)
		sqlite3_bind_int64(statement, 2, (int64_t)batch->folded);
	return run_statement(sqlite, statement);
}

/* ---- rows: few enough for each policy domain and day ---- */

static int add_row(struct sqlite *sqlite, const struct driver_row *at)
{
	int code = add_tally(sqlite, at);

	return code == SQLITE_OK && sqlite->writer->joined ? add_unshipped(sqlite, at) : code;
}

/* A day that is not watched yet is counted at once. */
static struct day_watch *find_watch(struct sqlite *sqlite, const struct driver_row *at)
{
	uint64_t id = UINT64_C(14695981039346656037) ^ (uint32_t)at->row.day; /* FNV-1a */
	struct day_watch *watch;

	for (const char *p = at->row.policy.domain; *p != '\0'; p++)
		id = (id ^ (unsigned char)*p) * UINT64_C(1099511628211);
	watch = &sqlite->writer->watches[id % WATCHES];
	if (watch->id != id)
		*watch = (struct day_watch){.id = id, .added = sqlite->day_rows};
	return watch;
}

static int count_day(struct sqlite *sqlite, const struct driver_row *at, struct day_watch *watch)
{
	const char *domain = at->row.policy.domain;
	const int64_t max = sqlite->day_rows;
	int64_t rows = 0;
	int code = condense_count(sqlite->db, domain, at->row.day, &rows);

	if (code == SQLITE_OK && rows >= max)
		code = condense_day(sqlite, domain, at->row.day, sqlite->day_rows, add_row);
	if (code == SQLITE_OK && rows >= max)
		code = condense_count(sqlite->db, domain, at->row.day, &rows);
	watch->added = 0;
	watch->level = rows < max ? CONDENSE_NOT : rows < 2 * max ? CONDENSE_SOURCE : CONDENSE_REST;
	return code;
}

/* Not counted for each row: other processes add rows too, so no count stays exact. */
static int watch_day(struct sqlite *sqlite, const struct driver_row *at, enum condense_level *level)
{
	struct day_watch *watch;
	int code = SQLITE_OK;

	*level = CONDENSE_NOT;
	if (sqlite->day_rows == 0)
		return SQLITE_OK;
	watch = find_watch(sqlite, at);
	if (++watch->added > sqlite->day_rows / WATCH_SHARE)
		code = count_day(sqlite, at, watch);
	*level = watch->level;
	return code;
}

/* ---- the outbound tally ---- */

/* The number of the day's rows as far as this process knows: they are counted when a day begins and
 * when there may be too many; what is added in between counts as new rows. */
static int count_sent(struct sqlite *sqlite, int32_t day, int64_t *rows)
{
	struct sqlite_writer *writer = sqlite->writer;
	sqlite3_stmt *statement;
	int code;

	*rows = writer->sent_rows++;
	if (writer->sent_day == day && *rows < SENT_ROWS_MAX)
		return SQLITE_OK;
	statement = prepare_statement(sqlite, COUNT_SENT);
	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	sqlite3_bind_int(statement, 1, day);
	code = sqlite3_step(statement);
	*rows = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	writer->sent_day = day;
	writer->sent_rows = *rows + 1;
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int add_sent(struct sqlite *sqlite, const struct ledger_row *row)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, ADD_SENT);
	bool further = strcmp(row->disposition, "message") != 0;
	int64_t rows = 0;
	int code;

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	code = count_sent(sqlite, row->day, &rows);
	if (code != SQLITE_OK)
		return code;
	sqlite3_bind_int(statement, 1, row->day);
	bind_text(statement, 2, row->policy.domain);
	bind_text(statement, 3, row->spf_domain);
	bind_text(statement, 4, row->spf_result);
	bind_text(statement, 5, rows < SENT_ROWS_MAX ? row->envelope_from : "");
	bind_text(statement, 6, rows < SENT_ROWS_MAX ? row->envelope_to : "");
	sqlite3_bind_int64(statement, 7, further ? 0 : row->count);
	sqlite3_bind_int64(statement, 8, row->spf_domain[0] == '\0' ? 0 : row->count);
	return run_statement(sqlite, statement);
}

static int expire_sent(struct sqlite *sqlite, int32_t before_day)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, EXPIRE_SENT);

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	sqlite3_bind_int(statement, 1, before_day);
	return run_statement(sqlite, statement);
}

/* ---- a report that was begun ---- */

/* An error is told at once: SQLite may have rolled back, and what follows would be a transaction of
 * its own. */
static int look_closed(struct sqlite *sqlite, const struct driver_row *at, bool *closed)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, IS_CLOSED);
	int code;

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	bind_report(statement, at->row.policy.domain, at->row.day, at->config);
	code = sqlite3_step(statement);
	*closed = code == SQLITE_ROW;
	sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* A report of a closed configuration was begun: what comes later goes to one derived from it, as in
 * the shared store (store/ship/batch.c), and gets a report of its own. */
static int find_open_config(struct sqlite *sqlite, struct driver_row *at)
{
	unsigned char first[DRIVER_KEY_LEN];
	bool closed = false;
	int code;

	memcpy(first, at->config, sizeof first);
	code = look_closed(sqlite, at, &closed);
	for (unsigned round = 1; round < SHARED_ROUNDS_MAX && code == SQLITE_OK && closed;
	     round++) {
		shared_derive(first, &round, sizeof round, at->config);
		code = look_closed(sqlite, at, &closed);
	}
	return code;
}

/* From FIRST on, the rows of one policy. */
static int add_total(struct sqlite *sqlite, const struct driver_batch *batch, unsigned first,
		     const struct driver_row *target)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, ADD_TOTAL);
	int64_t messages = 0, quiet = 0;

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	for (unsigned i = first; i < batch->count; i++) {
		if (i > first && !is_same_policy(batch->rows[i - 1], batch->rows[i]))
			break;
		messages += batch->rows[i]->row.count;
		quiet += batch->rows[i]->row.quiet;
	}
	bind_report(statement, target->row.policy.domain, target->row.day, target->config);
	sqlite3_bind_int64(statement, 4, messages);
	sqlite3_bind_int64(statement, 5, quiet);
	return run_statement(sqlite, statement);
}

static int add_rows(struct sqlite *sqlite, const struct driver_batch *batch)
{
	unsigned char config[DRIVER_KEY_LEN] = {0}; /* of this policy, as it is open */
	struct arena *arena = arena_new(0);
	int code = SQLITE_OK;

	for (unsigned i = 0; i < batch->count && code == SQLITE_OK; i++) {
		const struct driver_row *at = batch->rows[i];
		enum condense_level level = CONDENSE_NOT;
		struct driver_row left, target = *at;

		if (at->row.quiet == LEDGER_SENT) {
			code = add_sent(sqlite, &at->row);
			continue;
		}
		assert(at->row.count > 0 && at->row.quiet >= 0 && at->row.quiet <= at->row.count);
		if (i == 0 || !is_same_policy(batch->rows[i - 1], at)) {
			code = find_open_config(sqlite, &target);
			memcpy(config, target.config, sizeof config);
			if (code == SQLITE_OK)
				code = add_policy(sqlite, &target);
			if (code == SQLITE_OK)
				code = add_total(sqlite, batch, i, &target);
		}
		memcpy(target.config, config, sizeof config);
		at = &target;
		if (code == SQLITE_OK)
			code = watch_day(sqlite, at, &level);
		if (code == SQLITE_OK && level != CONDENSE_NOT) {
			condense_row(at, level, arena, &left);
			at = &left;
		}
		if (code == SQLITE_OK)
			code = add_row(sqlite, at);
	}
	arena_free(arena);
	return code;
}

/* ---- expiry ---- */

/* By the clock, but not later than the newest day: a clock that jumped ahead makes nothing old. A
 * code of SQLite: what cannot be compared is not deleted. */
static int find_today(struct sqlite *sqlite, int32_t *today)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, NEWEST_DAY);
	int code = statement == NULL ? sqlite3_errcode(sqlite->db) : sqlite3_step(statement);

	*today = clock_day(clock_wall());
	if (code == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL &&
	    sqlite3_column_int(statement, 0) < *today)
		*today = sqlite3_column_int(statement, 0);
	sqlite3_reset(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Everything of a report but its rows. */
static int expire_report(struct sqlite *sqlite, const char *domain, int32_t day,
			 const unsigned char *config)
{
	static const enum statement all[] = {EXPIRE_PARTS,  EXPIRE_DELIVERIES, EXPIRE_REPORT,
					     EXPIRE_CLOSED, EXPIRE_TOTAL,      EXPIRE_POLICY};
	int code = SQLITE_OK;

	for (size_t i = 0; i < sizeof all / sizeof all[0] && code == SQLITE_OK; i++) {
		sqlite3_stmt *statement = prepare_statement(sqlite, all[i]);

		if (statement == NULL)
			return sqlite3_errcode(sqlite->db);
		bind_report(statement, domain, day, config);
		code = run_statement(sqlite, statement);
	}
	return code;
}

/* From now on its rows do not add up: some are deleted. */
static int leave_total(struct sqlite *sqlite, const char *domain, int32_t day,
		       const unsigned char *config)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, LEAVE_TOTAL);

	if (statement == NULL)
		return sqlite3_errcode(sqlite->db);
	bind_report(statement, domain, day, config);
	return run_statement(sqlite, statement);
}

/* Deletes rows of the oldest report and, when none is left, its policy. */
static int expire_oldest(struct sqlite *sqlite, sqlite3_stmt *oldest, unsigned max,
			 unsigned *deleted)
{
	sqlite3_stmt *tally = prepare_statement(sqlite, EXPIRE_TALLY);
	const char *domain = (const char *)sqlite3_column_text(oldest, 0);
	int32_t day = sqlite3_column_int(oldest, 1);
	const unsigned char *config = sqlite3_column_blob(oldest, 2);
	int code;

	if (tally == NULL)
		return sqlite3_errcode(sqlite->db);
	bind_report(tally, domain, day, config);
	sqlite3_bind_int64(tally, 4, max);
	code = run_statement(sqlite, tally);
	if (code != SQLITE_OK)
		return code;
	*deleted = (unsigned)sqlite3_changes(sqlite->db);
	if (*deleted == max)
		return leave_total(sqlite, domain, day, config);
	return expire_report(sqlite, domain, day, config);
}

/* Failure reports hold parts of messages: they are kept for a few days only. */
static int expire_failures(struct sqlite *sqlite, unsigned max)
{
	sqlite3_stmt *old = prepare_statement(sqlite, OLD_FAILURES);
	int32_t today;
	int code = old == NULL ? sqlite3_errcode(sqlite->db) : find_today(sqlite, &today);
	bool more = true;

	for (unsigned i = 0; i < max && more && code == SQLITE_OK; i++) {
		sqlite3_bind_int64(old, 1, clock_day_begin(today) - FAILURES_KEPT);
		code = sqlite3_step(old);
		more = code == SQLITE_ROW;
		code = more ? expire_report(sqlite, (const char *)sqlite3_column_text(old, 0),
					    sqlite3_column_int(old, 1), sqlite3_column_blob(old, 2))
			    : sqlite3_reset(old);
		sqlite3_reset(old);
	}
	return code;
}

static enum driver_outcome write_expire(struct sql *sql, int32_t before_day, unsigned max,
					unsigned *deleted, bool *more, struct why *why)
{
	struct sqlite *sqlite = sqlite_of(sql);
	sqlite3_stmt *oldest = prepare_statement(sqlite, OLDEST);
	int code = oldest == NULL ? sqlite3_errcode(sqlite->db) : sqlite_begin(sqlite);

	*deleted = 0;
	*more = true;
	if (code == SQLITE_OK)
		code = expire_failures(sqlite, max);
	if (code == SQLITE_OK)
		code = expire_sent(sqlite, before_day);
	for (unsigned reports = 0; code == SQLITE_OK && *more && *deleted < max && reports < max;
	     reports++) {
		unsigned part = 0;

		sqlite3_bind_int(oldest, 1, before_day);
		code = sqlite3_step(oldest);
		*more = code == SQLITE_ROW;
		code = *more ? expire_oldest(sqlite, oldest, max - *deleted, &part)
			     : sqlite3_reset(oldest);
		sqlite3_reset(oldest);
		*deleted += part;
	}
	code = sqlite_end(sqlite, code);
	return code == SQLITE_OK ? DRIVER_DONE : sqlite_explain(sqlite, code, why);
}

/* ---- a file as large as it may be ---- */

/* SQLite does not tell its own limit from that of the file system. */
static bool is_at_limit(struct sqlite *sqlite)
{
	struct statvfs fs;

	return sqlite->max_bytes > 0 && statvfs(sqlite->path, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize >= DISK_FREE;
}

/* The oldest stored day, if it is before yesterday; else today. */
static int32_t find_old_day(struct sqlite *sqlite, int32_t today)
{
	sqlite3_stmt *statement = prepare_statement(sqlite, OLDEST_DAY);
	int32_t day = today;

	if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		day = sqlite3_column_int(statement, 0);
	sqlite3_reset(statement);
	return day < today - 1 ? day : today;
}

/* False: nothing is left that may be deleted. */
static bool make_room(struct sqlite *sqlite)
{
	int32_t today, day;
	unsigned deleted = 0;
	struct why why;
	bool more;

	if (find_today(sqlite, &today) != SQLITE_OK)
		return false;
	day = find_old_day(sqlite, today);
	return day < today &&
	       write_expire(&sqlite->sql, day + 1, ROOM_ROWS, &deleted, &more, &why) ==
		   DRIVER_DONE &&
	       deleted > 0;
}

static int commit_batch(struct sqlite *sqlite, const struct driver_batch *batch)
{
	int code = sqlite_begin(sqlite);

	if (code == SQLITE_OK)
		code = read_joined(sqlite);
	if (code == SQLITE_OK)
		code = add_rows(sqlite, batch);
	if (code == SQLITE_OK && batch->journal != NULL)
		code = note_journal(sqlite, batch);
	return sqlite_end(sqlite, code);
}

static enum driver_outcome write_commit(struct sql *sql, const struct driver_batch *batch,
					struct why *why)
{
	struct sqlite *sqlite = sqlite_of(sql);
	bool full = false;
	int code = SQLITE_OK;

	assert(!sqlite->read_only);
	if (sqlite_has_moved(sqlite)) {
		why_set(why, "%s: the file was moved or deleted", sqlite->path);
		return DRIVER_REOPEN;
	}
	do {
		code = commit_batch(sqlite, batch);
		full = (code & 0xff) == SQLITE_FULL && is_at_limit(sqlite);
	} while (full && make_room(sqlite));
	if (code == SQLITE_OK)
		return DRIVER_DONE;
	if (!full)
		return sqlite_explain(sqlite, code, why);
	why_set(why,
		"%s: it is as large as store.max_size allows, and holds nothing old enough to be"
		" deleted: raise store.max_size",
		sqlite->path);
	return DRIVER_RETRY;
}

static enum driver_outcome write_folded(struct sql *sql, const unsigned char *journal,
					uint64_t *number, struct why *why)
{
	struct sqlite *sqlite = sqlite_of(sql);
	sqlite3_stmt *statement = prepare_statement(sqlite, READ_FOLDED);
	int code = SQLITE_ERROR;

	*number = 0;
	if (statement != NULL) {
		sqlite3_bind_blob(statement, 1, journal, DRIVER_KEY_LEN, SQLITE_STATIC);
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW)
		*number = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return DRIVER_DONE;
	return sqlite_explain(sqlite, sqlite3_errcode(sqlite->db), why);
}

static bool write_sync(struct sql *sql)
{
	struct sqlite *sqlite = sqlite_of(sql);

	return sqlite3_wal_checkpoint_v2(sqlite->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
	       SQLITE_OK;
}

const struct driver driver_sqlite = {
    .open = sqlite_sql,
    .commit = write_commit,
    .folded = write_folded,
    .sync = write_sync,
    .expire = write_expire,
};
