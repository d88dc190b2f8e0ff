/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/messages.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "store/integrity.h"
#include "store/sql/sqlite.h"

enum {
	QUEUE_BYTES = 8 * 1024 * 1024,
	CHECK_BYTES = 64 << 20,
	LOOK_LINES = 256, /* the bounds are looked at after so many new ones */
	LOOK_SECONDS = 600,
	EXPIRE_LINES = 1024, /* deleted at once */
	EXPIRE_ROUNDS = 16,
	FUTURE = 86400 /* seconds: a clock that was ahead wrote what is later than that */
};

/* ---- lines on their way ---- */

struct messages_line *messages_line_new(int64_t at, const char *text)
{
	size_t len = strlen(text) + 1;
	struct messages_line *line = heap_alloc(sizeof *line + len);

	line->next = NULL;
	line->at = at;
	memcpy(line->text, text, len);
	return line;
}

void messages_queue_init(struct messages_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
	queue->bytes = 0;
	queue->count = 0;
}

bool messages_put(struct messages_queue *queue, struct messages_line *line)
{
	size_t size = sizeof *line + strlen(line->text) + 1;

	if (queue->bytes + size > QUEUE_BYTES) {
		free(line);
		return false;
	}
	queue->bytes += size;
	queue->count++;
	*queue->last = line;
	queue->last = &line->next;
	return true;
}

struct messages_line *messages_take(struct messages_queue *queue)
{
	struct messages_line *first = queue->first;

	messages_queue_init(queue);
	return first;
}

void messages_lines_free(struct messages_line *line)
{
	struct messages_line *next;

	for (; line != NULL; line = next) {
		next = line->next;
		free(line);
	}
}

/* ---- the file ---- */

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE message (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, line TEXT NOT NULL);",
};

static const struct driver_schema messages_schema = {
    .application_id = 0x4353474d, /* "CSGM" */
    .mode = 0640,
    .shrinks = true,
    .steps = steps,
    .count = sizeof steps / sizeof steps[0],
};

/* Of the file beside LEDGER; its path lives in ARENA. */
static struct ledger_settings settings_beside(const char *ledger, bool read_only,
					      struct arena *arena)
{
	return (struct ledger_settings){.path = arena_printf(arena, "%s-messages", ledger),
					.read_only = read_only,
					.durability = LEDGER_PROCESS,
					.busy_wait = 5 * CLOCK_SECOND};
}

static bool is_absent(const char *path)
{
	return access(path, F_OK) != 0 && errno == ENOENT;
}

/* ---- writing it ---- */

struct messages_file {
	struct arena *arena;
	struct ledger_settings settings; /* of this file */
	int64_t seconds, rows, bytes;    /* the bounds of the log; 0 bytes: none */
	void (*on_note)(const char *text);
	struct sql *sql; /* NULL: not open */
	bool begun;      /* it was opened before */
	bool failing;    /* and that was said */
	int64_t dropped; /* lines, since it fails */
	unsigned added;  /* since the last look at the bounds */
	int64_t look_at; /* the next one, at the latest */
};

struct messages_file *messages_file_new(const struct ledger_settings *settings)
{
	struct arena *arena = arena_new(0);
	struct messages_file *file = arena_alloc(arena, sizeof *file);

	memset(file, 0, sizeof *file);
	file->arena = arena;
	file->settings = settings_beside(settings->path, false, arena);
	if (settings->busy_wait != 0)
		file->settings.busy_wait = settings->busy_wait;
	file->seconds = settings->message_seconds;
	file->rows = settings->message_rows;
	file->bytes = settings->message_bytes;
	file->on_note = settings->on_note;
	return file;
}

void messages_file_free(struct messages_file *file)
{
	if (file == NULL)
		return;
	sql_close(file->sql);
	arena_free(file->arena);
}

static void tell_note(const struct messages_file *file, const char *text)
{
	if (file->on_note != NULL)
		file->on_note(text);
}

static void note_written(struct messages_file *file)
{
	struct why text;

	if (!file->failing)
		return;
	why_set(&text, "%s: the log of messages is written again; it lacks %lld lines",
		file->settings.path, (long long)file->dropped);
	tell_note(file, text.text);
	file->failing = false;
	file->dropped = 0;
}

static void note_failure(struct messages_file *file, const struct why *why)
{
	struct why text;

	if (file->failing)
		return;
	why_set(&text, "the log of messages cannot be written, everything else goes on: %s",
		why->text);
	tell_note(file, text.text);
	file->failing = true;
}

static int open_to_write(struct messages_file *file, struct why *why)
{
	const bool absent = is_absent(file->settings.path);
	struct why text;

	if (file->sql != NULL && sqlite_has_moved(sqlite_of(file->sql))) {
		sql_close(file->sql);
		file->sql = NULL;
	}
	if (file->sql == NULL)
		file->sql = sqlite_sql_as(&messages_schema, &file->settings, why);
	else
		return 0;
	if (file->sql == NULL)
		return -1;
	if (absent) {
		why_set(&text, "%s: the log of messages is begun%s", file->settings.path,
			file->begun ? " again: its file was moved away or deleted" : "");
		tell_note(file, text.text);
	}
	file->begun = true;
	return 0;
}

static int read_used(struct sql *sql, int64_t *bytes, struct why *why)
{
	return sql_number(sql, bytes, why,
			  "SELECT (page_count - freelist_count) * page_size"
			  " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
			  SQL_NO_VALUES);
}

/* Of the oldest lines those beyond the bounds. */
static int delete_some(const struct messages_file *file, bool too_large, struct why *why)
{
	const int64_t now = clock_wall();

	return sql_run(file->sql, why,
		       "DELETE FROM message WHERE id < $1 + (SELECT MIN(id) FROM message)"
		       " AND ($2 OR id <= (SELECT MAX(id) FROM message) - $3 OR at < $4"
		       " OR at > $5)",
		       SQL_VALUES(sql_int(EXPIRE_LINES), sql_int(too_large), sql_int(file->rows),
				  sql_int(now - file->seconds), sql_int(now + FUTURE)));
}

static int keep_bounds(struct messages_file *file, struct why *why)
{
	bool too_large = true;
	int64_t used;

	for (unsigned round = 0; too_large && round < EXPIRE_ROUNDS; round++) {
		if (read_used(file->sql, &used, why) != 0)
			return -1;
		too_large = file->bytes > 0 && used > file->bytes;
		if (delete_some(file, too_large, why) != 0)
			return -1;
	}
	file->added = 0;
	file->look_at = clock_mono() + LOOK_SECONDS * CLOCK_SECOND;
	return sql_run(file->sql, why, "PRAGMA incremental_vacuum(1000)", SQL_NO_VALUES);
}

struct writing {
	struct messages_file *file;
	const struct messages_line *lines;
};

static int write_lines(void *arg, struct sql *sql, struct why *why)
{
	const struct writing *writing = arg;
	struct messages_file *file = writing->file;
	const struct messages_line *line = writing->lines;

	for (; line != NULL; line = line->next, file->added++)
		if (sql_run(sql, why, "INSERT INTO message (at, line) VALUES ($1, $2)",
			    SQL_VALUES(sql_int(line->at), sql_text(line->text))) != 0)
			return -1;
	if (file->added < LOOK_LINES && clock_mono() < file->look_at)
		return 0;
	return keep_bounds(file, why);
}

/* Whatever failed, the next lines find a new connection. True: the file was damaged, and the next
 * connection begins a new one. */
static bool give_up_file(struct messages_file *file, const struct why *why)
{
	bool damaged = file->sql != NULL && file->sql->fault == DRIVER_BROKEN;
	struct why text;

	if (file->sql == NULL)
		damaged = sqlite_cause_as(&messages_schema, &file->settings, &text) ==
			  DRIVER_CAUSE_DAMAGED;
	sql_close(file->sql);
	file->sql = NULL;
	if (!damaged || unlink(file->settings.path) != 0)
		return false;
	why_set(&text, "the log of messages is damaged, and a new one is begun: %s", why->text);
	tell_note(file, text.text);
	return true;
}

static int try_write(struct messages_file *file, const struct messages_line *lines, struct why *why)
{
	struct writing writing = {file, lines};

	return open_to_write(file, why) == 0 ? sql_transact(file->sql, write_lines, &writing, why)
					     : -1;
}

void messages_write(struct messages_file *file, const struct messages_line *lines)
{
	struct why why = {""};
	int result;

	assert(lines != NULL);
	result = try_write(file, lines, &why);
	if (result != 0 && give_up_file(file, &why))
		result = try_write(file, lines, &why);
	if (result == 0) {
		note_written(file);
		return;
	}
	for (; lines != NULL; lines = lines->next)
		file->dropped++;
	note_failure(file, &why);
}

void messages_expire(struct messages_file *file)
{
	struct writing writing = {file, NULL};
	struct why why = {""};

	if (file->sql == NULL || clock_mono() < file->look_at)
		return;
	if (sql_transact(file->sql, write_lines, &writing, &why) != 0)
		give_up_file(file, &why);
}

/* ---- upkeep ---- */

static enum driver_cause check_file(const struct ledger_settings *settings, struct why *why)
{
	enum driver_cause cause = sqlite_cause_as(&messages_schema, settings, why);
	int64_t used;
	struct sql *sql;

	if (cause != DRIVER_CAUSE_NONE)
		return cause;
	sql = sqlite_sql_as(&messages_schema, settings, why);
	if (sql == NULL || read_used(sql, &used, why) != 0)
		cause = DRIVER_CAUSE_OTHER;
	else if (used <= CHECK_BYTES)
		cause = integrity_pages(sql, "PRAGMA quick_check(1)", settings->path, why);
	sql_close(sql);
	return cause;
}

enum driver_cause messages_check(const char *ledger, struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct ledger_settings settings = settings_beside(ledger, true, arena);
	enum driver_cause cause = DRIVER_CAUSE_NONE;

	if (!is_absent(settings.path))
		cause = check_file(&settings, why);
	arena_free(arena);
	return cause;
}

void messages_remove(const char *ledger)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		unlink(arena_printf(arena, "%s-messages%s", ledger, suffixes[i]));
	arena_free(arena);
}

/* Ledgers of schema 6 and before had none. */
static int copy_lines(void *arg, struct sql *sql, struct why *why)
{
	int64_t tables = 0;

	(void)arg;
	if (sql_number(sql, &tables, why,
		       "SELECT COUNT(*) FROM ledger.sqlite_master WHERE name = 'message'",
		       SQL_NO_VALUES) != 0)
		return -1;
	return tables == 0 ? 0
			   : sql_run(sql, why,
				     "INSERT OR IGNORE INTO message (id, at, line)"
				     " SELECT id, at, line FROM ledger.message ORDER BY id",
				     SQL_NO_VALUES);
}

void messages_adopt(const char *ledger, struct why *why)
{
	const struct ledger_settings old = {
	    .path = ledger, .read_only = true, .busy_wait = 5 * CLOCK_SECOND};
	struct arena *arena = arena_new(0);
	const struct ledger_settings settings = settings_beside(ledger, false, arena);
	struct sql *sql = NULL;
	int64_t lines = 0;

	if (sqlite_cause(&old, why) == DRIVER_CAUSE_OLD)
		sql = sqlite_sql_as(&messages_schema, &settings, why);
	else
		why->text[0] = '\0';
	if (sql != NULL &&
	    sql_run(sql, why, "ATTACH $1 AS ledger", SQL_VALUES(sql_text(ledger))) == 0 &&
	    sql_transact(sql, copy_lines, NULL, why) == 0 &&
	    sql_number(sql, &lines, why, "SELECT COUNT(*) FROM message", SQL_NO_VALUES) == 0)
		why_set(why, "%s: the log of messages, %lld lines, has a file of its own now",
			settings.path, (long long)lines);
	sql_close(sql);
	arena_free(arena);
}

int messages_facts(const char *ledger, struct arena *arena, struct messages_facts *facts,
		   struct why *why)
{
	const struct ledger_settings settings = settings_beside(ledger, true, arena);
	struct sql *sql;
	int result;

	*facts = (struct messages_facts){.path = settings.path};
	if (is_absent(settings.path))
		return 0;
	sql = sqlite_sql_as(&messages_schema, &settings, why);
	result = sql == NULL || read_used(sql, &facts->bytes, why) != 0 ||
			 sql_number(sql, &facts->lines, why, "SELECT COUNT(*) FROM message",
				    SQL_NO_VALUES) != 0
		     ? -1
		     : 0;
	sql_close(sql);
	return result;
}

/* ---- reading ---- */

int messages_each(const struct ledger_settings *settings, int64_t since, int64_t until,
		  messages_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct ledger_settings own = settings_beside(settings->path, true, arena);
	const bool absent = is_absent(own.path); /* then the ledger says why, if it is, too */
	struct sql *sql =
	    absent ? sqlite_sql(settings, why) : sqlite_sql_as(&messages_schema, &own, why);
	struct sql_rows *rows;
	int got = sql == NULL ? -1 : 0;

	if (sql != NULL && !absent) {
		rows = sql_ask(sql,
			       "SELECT at, line FROM message WHERE at >= $1 AND at < $2"
			       " ORDER BY id DESC",
			       SQL_VALUES(sql_int(since), sql_int(until)));
		while ((got = sql_next(rows, why)) == 1) {
			const char *line = sql_text_at(rows, 1, arena);

			if (line != NULL && !visit(arg, sql_int_at(rows, 0), line))
				break;
			arena_reset(arena);
		}
		if (got == 1)
			sql_drop(rows);
	}
	sql_close(sql);
	arena_free(arena);
	return got == -1 ? -1 : 0;
}
