/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows are read, deleted and added again in their condensed form, in which they become equal. A
 * quarter of the allowed rows stays at each level: with all details, and with the source.
 *
 * A row that was shipped (store/ship/ship.h) must stay: the shared store knows it by its key.
 */
#include "store/condense.h"

#include <assert.h>
#include <string.h>

#include "store/packed.h"
#include "store/sql/schema.h"

#define REASON(text) "[{\"type\":\"other\",\"comment\":\"" text "\"}]"
static const char *const level_reasons[] = {
    [CONDENSE_NOT] = NULL,
    [CONDENSE_SOURCE] = REASON("more messages of this source; their details were too many to keep"),
    [CONDENSE_REST] = REASON("messages of further sources, which were too many to keep"),
};
static const char rest_source[] = "0.0.0.0";

#define OF_DAY   "domain = ?1 AND day = ?2"
#define IS_LEVEL "CASE reasons WHEN ?4 THEN 1 WHEN ?5 THEN 2 ELSE 0 END = ?6"
static const char choose_sql[] =
    "SELECT config, source_ip, row_key, messages, quiet, disposition, dkim_aligned, spf_aligned"
    " FROM tally WHERE " OF_DAY " AND shipped = 0"
    " AND " IS_LEVEL " ORDER BY messages LIMIT ?3";
static const char count_sql[] = "SELECT COUNT(*) FROM tally WHERE " OF_DAY;
static const char count_level_sql[] = "SELECT COUNT(*) FROM tally WHERE " OF_DAY " AND " IS_LEVEL;

#define ROW OF_DAY " AND config = ?3 AND source_ip = ?4 AND row_key = ?5"
static const char *const delete_sql[] = {"DELETE FROM tally WHERE " ROW,
					 "DELETE FROM unshipped WHERE " ROW};

void condense_row(const struct driver_row *row, enum condense_level level, struct arena *arena,
		  struct driver_row *out)
{
	const struct schema_column *column = NULL;
	struct ledger_row left = row->row;

	assert(level == CONDENSE_SOURCE || level == CONDENSE_REST);
	while ((column = schema_next_text(column)) != NULL)
		if (column->blank != NULL)
			schema_set_text(&left, column, column->blank);
	left.reasons = level_reasons[level];
	left.header_from = left.policy.domain;
	if (level == CONDENSE_REST)
		left.source_ip = rest_source;
	packed_write(&left, arena_alloc(arena, packed_size(&left)), out);
	memcpy(out->config, row->config, DRIVER_KEY_LEN);
}

static int prepare_statement(sqlite3 *db, const char *sql, const char *domain, int32_t day,
			     sqlite3_stmt **statement)
{
	int code = sqlite3_prepare_v2(db, sql, -1, statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_bind_text(*statement, 1, domain, -1, SQLITE_TRANSIENT);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int(*statement, 2, day);
	return code;
}

/* The parameters of IS_LEVEL; others are not bound. */
static void bind_level(sqlite3_stmt *statement, enum condense_level level)
{
	sqlite3_bind_text(statement, 4, level_reasons[CONDENSE_SOURCE], -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, level_reasons[CONDENSE_REST], -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 6, (int)level);
}

static int read_count(sqlite3_stmt *statement, int code, int64_t *rows)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*rows = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

int condense_count(sqlite3 *db, const char *domain, int32_t day, int64_t *rows)
{
	sqlite3_stmt *statement = NULL;
	int code = prepare_statement(db, count_sql, domain, day, &statement);

	return read_count(statement, code, rows);
}

static int count_level(sqlite3 *db, const char *domain, int32_t day, enum condense_level level,
		       int64_t *rows)
{
	sqlite3_stmt *statement = NULL;
	int code = prepare_statement(db, count_level_sql, domain, day, &statement);

	if (code == SQLITE_OK)
		bind_level(statement, level);
	return read_count(statement, code, rows);
}

/* ---- the rows to condense ---- */

struct chosen {
	struct driver_row *rows;
	unsigned count;
};

static const char *text_at(sqlite3_stmt *statement, int at, struct arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);

	return arena_string(arena, text == NULL ? "" : text);
}

static void key_at(sqlite3_stmt *statement, int at, unsigned char key[DRIVER_KEY_LEN])
{
	const void *blob = sqlite3_column_blob(statement, at);

	memset(key, 0, DRIVER_KEY_LEN);
	if (blob != NULL && sqlite3_column_bytes(statement, at) == DRIVER_KEY_LEN)
		memcpy(key, blob, DRIVER_KEY_LEN);
}

static void read_chosen(sqlite3_stmt *statement, const char *domain, int32_t day,
			struct arena *arena, struct driver_row *at)
{
	key_at(statement, 0, at->config);
	key_at(statement, 2, at->key);
	at->row = (struct ledger_row){
	    .day = day,
	    .policy.domain = domain,
	    .source_ip = text_at(statement, 1, arena),
	    .count = sqlite3_column_int64(statement, 3),
	    .quiet = sqlite3_column_int64(statement, 4),
	    .disposition = text_at(statement, 5, arena),
	    .dkim_aligned = text_at(statement, 6, arena),
	    .spf_aligned = text_at(statement, 7, arena),
	};
}

/* The COUNT rows of LEVEL with the fewest messages. */
static int choose_rows(sqlite3 *db, const char *domain, int32_t day, enum condense_level level,
		       unsigned count, struct arena *arena, struct chosen *chosen)
{
	sqlite3_stmt *statement = NULL;
	int code = prepare_statement(db, choose_sql, domain, day, &statement);

	chosen->rows = arena_array(arena, count, sizeof *chosen->rows);
	chosen->count = 0;
	if (code == SQLITE_OK) {
		sqlite3_bind_int64(statement, 3, count);
		bind_level(statement, level);
	} else {
		sqlite3_finalize(statement);
		return code;
	}
	while (chosen->count < count && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		read_chosen(statement, domain, day, arena, &chosen->rows[chosen->count++]);
		code = sqlite3_errcode(db);
		if (code == SQLITE_NOMEM) /* a text of it is missing */
			break;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int delete_row(sqlite3_stmt *statement, const struct driver_row *at)
{
	int code;

	sqlite3_bind_blob(statement, 3, at->config, DRIVER_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, at->row.source_ip, -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 5, at->key, DRIVER_KEY_LEN, SQLITE_STATIC);
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int delete_chosen(sqlite3 *db, const char *domain, int32_t day, const struct chosen *chosen)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < sizeof delete_sql / sizeof delete_sql[0] && code == SQLITE_OK; i++) {
		sqlite3_stmt *statement = NULL;

		code = prepare_statement(db, delete_sql[i], domain, day, &statement);
		for (unsigned at = 0; at < chosen->count && code == SQLITE_OK; at++)
			code = delete_row(statement, &chosen->rows[at]);
		sqlite3_finalize(statement);
	}
	return code;
}

/* ---- one level, then the other ---- */

static int condense_from(struct sqlite *sqlite, const char *domain, int32_t day,
			 enum condense_level level, unsigned count, condense_add *add)
{
	struct arena *arena = arena_new(0);
	sqlite3 *db = sqlite->db;
	struct chosen chosen;
	int code = choose_rows(db, domain, day, level, count, arena, &chosen);

	if (code == SQLITE_OK)
		code = delete_chosen(db, domain, day, &chosen);
	for (unsigned i = 0; i < chosen.count && code == SQLITE_OK; i++) {
		struct driver_row left;

		condense_row(&chosen.rows[i], level + 1, arena, &left);
		code = add(sqlite, &left);
	}
	arena_free(arena);
	return code;
}

int condense_day(struct sqlite *sqlite, const char *domain, int32_t day, unsigned max,
		 condense_add *add)
{
	const int64_t stay = max / 4;
	int code = SQLITE_OK;

	assert(!sqlite3_get_autocommit(sqlite->db)); /* the caller's transaction */
	for (enum condense_level from = CONDENSE_NOT; from < CONDENSE_REST && code == SQLITE_OK;
	     from++) {
		int64_t rows = 0;

		code = count_level(sqlite->db, domain, day, from, &rows);
		if (code == SQLITE_OK && rows > stay)
			code =
			    condense_from(sqlite, domain, day, from, (unsigned)(rows - stay), add);
	}
	return code;
}
