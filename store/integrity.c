/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/integrity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "store/packed.h"
#include "store/sql/schema.h"
#include "store/sql/shared.h"

enum { GLANCE_BYTES = 64 << 20 };

/* ---- functions for SQL: their arguments are the columns of a table that are members of a row ----
 */

static const struct function {
	const char *name;
	const struct schema_table *table;
	bool (*is_intact)(const struct driver_row *row);
} functions[] = {{INTEGRITY_TALLY, &schema_tally, integrity_of_row},
		 {INTEGRITY_POLICY, &schema_policy, integrity_of_policy}};

/* False: a column has another type than the table's. */
static bool read_argument(sqlite3_value *value, const struct schema_column *column,
			  struct driver_row *row)
{
	char *member = (char *)row + column->at;
	const int type = sqlite3_value_type(value);

	switch (column->type) {
	case SCHEMA_TEXT:
		if (type != SQLITE_TEXT && (type != SQLITE_NULL || !column->may_be_null))
			return false;
		*(const char **)member = (const char *)sqlite3_value_text(value);
		if (type == SQLITE_TEXT && *(const char **)member == NULL)
			abort(); /* no memory */
		return type == SQLITE_NULL ||
		       strlen(*(const char **)member) == (size_t)sqlite3_value_bytes(value);
	case SCHEMA_INT:
		*(int64_t *)member = sqlite3_value_int64(value);
		return type == SQLITE_INTEGER;
	case SCHEMA_DAY:
		*(int32_t *)member = (int32_t)sqlite3_value_int64(value);
		return type == SQLITE_INTEGER;
	case SCHEMA_KEY:
		if (type != SQLITE_BLOB || sqlite3_value_bytes(value) != DRIVER_KEY_LEN)
			return false;
		memcpy(member, sqlite3_value_blob(value), DRIVER_KEY_LEN);
		return true;
	case SCHEMA_BYTES:
		break;
	}
	assert(!"a member of a row");
	return false;
}

/* Its own, or one that rows got which came after their report was begun. */
static bool is_config_of(const unsigned char *config, const unsigned char *own)
{
	unsigned char derived[DRIVER_KEY_LEN];

	if (memcmp(config, own, DRIVER_KEY_LEN) == 0)
		return true;
	for (unsigned round = 1; round < SHARED_ROUNDS_MAX; round++) {
		shared_derive(own, &round, sizeof round, derived);
		if (memcmp(config, derived, DRIVER_KEY_LEN) == 0)
			return true;
	}
	return false;
}

/* With the digests of ROW's texts. */
static struct driver_row pack_again(const struct driver_row *row, struct arena *arena)
{
	struct driver_row again;

	packed_write(&row->row, arena_alloc(arena, packed_size(&row->row)), &again);
	return again;
}

bool integrity_of_row(const struct driver_row *row)
{
	struct arena *arena = arena_new(0);
	const struct driver_row again = pack_again(row, arena);

	arena_free(arena);
	return row->row.count > 0 && row->row.quiet >= 0 && row->row.quiet <= row->row.count &&
	       memcmp(row->key, again.key, DRIVER_KEY_LEN) == 0;
}

bool integrity_of_policy(const struct driver_row *row)
{
	struct arena *arena = arena_new(0);
	const struct driver_row again = pack_again(row, arena);

	arena_free(arena);
	return is_config_of(row->config, again.config);
}

static void call_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct function *function = sqlite3_user_data(context);
	const struct schema_list list = schema_list(function->table, SCHEMA_OF_ROW);
	struct driver_row row = {.row.policy.domain = ""};
	bool intact = (unsigned)count == list.count;

	for (int i = 0; i < count && intact; i++)
		intact = read_argument(values[i], list.at[i], &row);
	sqlite3_result_int(context, intact && function->is_intact(&row));
}

int integrity_install(sqlite3 *db)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < sizeof functions / sizeof functions[0] && code == SQLITE_OK; i++)
		code = sqlite3_create_function(
		    db, functions[i].name, -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
		    (void *)(uintptr_t)&functions[i], call_function, NULL, NULL);
	return code;
}

void integrity_condition(struct buf *to, const char *function)
{
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		const struct schema_list list = schema_list(functions[i].table, SCHEMA_OF_ROW);

		if (strcmp(functions[i].name, function) != 0)
			continue;
		buf_printf(to, "%s(", function);
		schema_names(to, &list, 0, list.count, "");
		buf_char(to, ')');
	}
}

static int count_broken(struct sql *sql, const struct function *function, int64_t *count,
			struct why *why)
{
	struct buf text;
	int result;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "SELECT COUNT(*) FROM %s WHERE NOT ", function->table->name);
	integrity_condition(&text, function->name);
	result = sql_number(sql, count, why, buf_text(&text), SQL_NO_VALUES);
	buf_free(&text);
	return result == 0 ? 0 : -1;
}

int integrity_count(struct sql *sql, int64_t *rows, int64_t *policies, struct why *why)
{
	*rows = *policies = 0;
	if (integrity_install(sqlite_of(sql)->db) != SQLITE_OK)
		return why_set(why, "SQLite takes no function: %s",
			       sqlite3_errmsg(sqlite_of(sql)->db));
	if (count_broken(sql, &functions[0], rows, why) != 0)
		return -1;
	return count_broken(sql, &functions[1], policies, why);
}

/* ---- the file ---- */

static enum driver_cause cause_of_fault(const struct sql *sql)
{
	return sql->fault == DRIVER_BROKEN ? DRIVER_CAUSE_DAMAGED : DRIVER_CAUSE_OTHER;
}

bool integrity_is_unread(const char *said)
{
	const char *at = strstr(said, "error code=");
	const long code = at == NULL ? SQLITE_CORRUPT : strtol(at + 11, NULL, 10) & 0xff;

	return code != SQLITE_CORRUPT && code != SQLITE_NOTADB;
}

/* 0: nothing is wrong; 1: WHY says what; -1: failed. */
static int ask_once(struct sql *sql, const char *text, const char *path, bool *unread,
		    struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows = sql_ask(sql, text, SQL_NO_VALUES);
	int result = sql_next(rows, why) == 1 ? 0 : -1;

	*unread = false;
	if (result == 0) {
		const char *said = sql_text_at(rows, 0, arena);

		if (said == NULL || strcmp(said, "ok") != 0) {
			result = 1;
			*unread = said != NULL && integrity_is_unread(said);
			why_set(why, "%s %s: %s", path, *unread ? "cannot be read" : "is damaged",
				said == NULL ? "" : said);
		}
		sql_drop(rows);
	}
	arena_free(arena);
	return result;
}

/* A disk that fails for a moment damages nothing: what is found must be there twice. */
enum driver_cause integrity_pages(struct sql *sql, const char *text, const char *path,
				  struct why *why)
{
	bool unread = false;
	int result = ask_once(sql, text, path, &unread, why);

	if (result == 1 && !unread)
		result = ask_once(sql, text, path, &unread, why);
	if (result < 0)
		return cause_of_fault(sql);
	if (result == 0)
		return DRIVER_CAUSE_NONE;
	return unread ? DRIVER_CAUSE_OTHER : DRIVER_CAUSE_DAMAGED;
}

/* Of a large file only the tables that say what there is, which are small. An index that lacks a
 * policy would hide what was counted. */
static enum driver_cause check_structure(struct sql *sql, bool whole, const char *path,
					 struct why *why)
{
	enum driver_cause cause;

	cause = integrity_pages(sql, "PRAGMA integrity_check('policy')", path, why);
	if (cause == DRIVER_CAUSE_NONE)
		cause = integrity_pages(
		    sql, whole ? "PRAGMA quick_check(1)" : "PRAGMA quick_check('total')", path,
		    why);
	return cause;
}

static enum driver_cause check_names(struct sql *sql, const char *path, struct why *why)
{
	int64_t reports = 0;

	if (sql_number(sql, &reports, why,
		       "SELECT COUNT(*) FROM (SELECT domain, day, config FROM policy EXCEPT"
		       " SELECT domain, day, config FROM total UNION SELECT * FROM"
		       " (SELECT domain, day, config FROM total EXCEPT"
		       " SELECT domain, day, config FROM policy))",
		       SQL_NO_VALUES) != 0)
		return cause_of_fault(sql);
	if (reports == 0)
		return DRIVER_CAUSE_NONE;
	why_set(why, "%s is damaged: %lld policies are not those that were counted", path,
		(long long)reports);
	return DRIVER_CAUSE_DAMAGED;
}

/* The inner SELECT with its limit makes SQLite add up one report after the other. */
static const char sums[] =
    "SELECT domain, day, messages, (SELECT COALESCE(SUM(messages), 0) FROM tally AS t"
    " WHERE t.domain = x.domain AND t.day = x.day AND t.config = x.config) FROM"
    " (SELECT * FROM total WHERE messages >= 0 ORDER BY day DESC LIMIT 1000000) AS x";

static enum driver_cause check_sums(struct sql *sql, const char *path, int64_t deadline,
				    struct why *why)
{
	struct sql_rows *rows = sql_ask(sql, sums, SQL_NO_VALUES);
	struct arena *arena = arena_new(0);
	enum driver_cause cause = DRIVER_CAUSE_NONE;
	char day[CLOCK_TEXT_MAX];
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		int64_t counted = sql_int_at(rows, 2), there = sql_int_at(rows, 3);
		const char *domain = sql_text_at(rows, 0, arena);

		if (counted != there) {
			why_set(why,
				"%s is damaged: the rows of %s on %s have %lld messages, %lld were"
				" counted",
				path, domain == NULL ? "" : domain,
				clock_day_text((int32_t)sql_int_at(rows, 1), day), (long long)there,
				(long long)counted);
			cause = DRIVER_CAUSE_DAMAGED;
		}
		arena_reset(arena);
		if (counted == there && clock_mono() < deadline)
			continue;
		sql_drop(rows);
		break;
	}
	arena_free(arena);
	return more < 0 ? cause_of_fault(sql) : cause;
}

static enum driver_cause check_file(const struct ledger_settings *settings, int64_t deadline,
				    struct why *why)
{
	enum driver_cause cause = sqlite_cause(settings, why);
	const bool glance = deadline != INT64_MAX;
	int64_t bytes = 0;
	struct sql *sql;

	if (cause != DRIVER_CAUSE_NONE)
		return cause;
	sql = sqlite_sql(settings, why);
	if (sql == NULL)
		return DRIVER_CAUSE_OTHER;
	if (sql_number(sql, &bytes, why,
		       "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
		       SQL_NO_VALUES) != 0)
		cause = cause_of_fault(sql);
	else
		cause = check_structure(sql, !glance || bytes <= GLANCE_BYTES, settings->path, why);
	if (cause == DRIVER_CAUSE_NONE)
		cause = check_names(sql, settings->path, why);
	if (cause == DRIVER_CAUSE_NONE)
		cause = check_sums(sql, settings->path, deadline, why);
	sql_close(sql);
	return cause;
}

enum driver_cause integrity_check(const struct ledger_settings *settings, struct why *why)
{
	return check_file(settings, INT64_MAX, why);
}

enum driver_cause integrity_glance(const struct ledger_settings *settings, int64_t deadline,
				   struct why *why)
{
	return check_file(settings, deadline, why);
}
