/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The new file is complete before it takes the name of the old one. Should the machine fail in
 * between, the old one is still there and is found damaged again.
 */
#include "store/rescue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "store/integrity.h"
#include "store/sql/sqlite.h"

enum { KEPT_MAX = 10, HEADER = 100 };

struct saving {
	sqlite3 *from; /* NULL: it cannot be read at all */
	sqlite3 *to;
	struct arena *arena;
	bool journals_lost; /* what is known of each journal */
	int64_t log_bytes;  /* of a log that is left out */
};

/* ---- rows ---- */

struct table {
	const char *name;
	const char *columns; /* that both files have */
	unsigned count;
	const char *up, *down; /* orders */
};

/* An error of the old file ends the reading, never that of the new one: false is for the latter. */
static bool copy_rows(const struct saving *saving, const struct table *table, const char *condition,
		      const char *order, bool *whole)
{
	sqlite3_stmt *read = NULL, *write = NULL;
	char *select = sqlite3_mprintf("SELECT %s FROM \"%w\" %s ORDER BY %s", table->columns,
				       table->name, condition, order);
	struct buf insert;
	int code;
	bool written = true;

	buf_init(&insert, NULL, 0);
	buf_printf(&insert, "INSERT OR IGNORE INTO \"%s\" (%s) VALUES (?", table->name,
		   table->columns);
	for (unsigned i = 1; i < table->count; i++)
		buf_string(&insert, ", ?");
	buf_char(&insert, ')');
	written = sqlite3_prepare_v2(saving->to, buf_text(&insert), -1, &write, NULL) == SQLITE_OK;
	code = sqlite3_prepare_v2(saving->from, select, -1, &read, NULL);
	while (written && code != SQLITE_DONE && (code = sqlite3_step(read)) == SQLITE_ROW) {
		for (unsigned i = 0; i < table->count && written; i++)
			written =
			    sqlite3_bind_value(write, (int)i + 1,
					       sqlite3_column_value(read, (int)i)) == SQLITE_OK;
		written = written && sqlite3_step(write) == SQLITE_DONE;
		sqlite3_reset(write);
	}
	*whole = code == SQLITE_DONE;
	sqlite3_finalize(read);
	sqlite3_finalize(write);
	sqlite3_free(select);
	buf_free(&insert);
	return written;
}

static bool copy_both_ends(const struct saving *saving, const struct table *table,
			   const char *condition, bool *whole)
{
	bool again;

	if (!copy_rows(saving, table, condition, table->up, whole))
		return false;
	return *whole || copy_rows(saving, table, condition, table->down, &again);
}

/* The columns of the new table, and its key. */
static bool describe_table(const struct saving *saving, const char *name, struct table *table)
{
	sqlite3_stmt *list = NULL;
	struct buf columns, up, down;
	int code;

	buf_init(&columns, saving->arena, 0);
	buf_init(&up, saving->arena, 0);
	buf_init(&down, saving->arena, 0);
	*table = (struct table){.name = name};
	code = sqlite3_prepare_v2(
	    saving->to, "SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk", -1, &list, NULL);
	sqlite3_bind_text(list, 1, name, -1, SQLITE_STATIC);
	while (code != SQLITE_DONE && (code = sqlite3_step(list)) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(list, 0);

		buf_printf(&columns, "%s\"%s\"", table->count++ == 0 ? "" : ", ", column);
		if (sqlite3_column_int(list, 1) == 0)
			continue;
		buf_printf(&up, "%s\"%s\"", up.len == 0 ? "" : ", ", column);
		buf_printf(&down, "%s\"%s\" DESC", down.len == 0 ? "" : ", ", column);
	}
	sqlite3_finalize(list);
	table->columns = buf_text(&columns);
	table->up = up.len == 0 ? "rowid" : buf_text(&up);
	table->down = down.len == 0 ? "rowid DESC" : buf_text(&down);
	return code == SQLITE_DONE && table->count > 0;
}

/* Each report by itself: a damaged page costs none but those that have rows on it. */
static bool copy_reports(const struct saving *saving, const struct table *table)
{
	sqlite3_stmt *list = NULL;
	bool written = true, whole;
	int code = sqlite3_prepare_v2(saving->to,
				      "SELECT 'WHERE domain = ' || quote(domain) || ' AND day = '"
				      " || day || ' AND config = ' || quote(config) FROM"
				      " (SELECT domain, day, config FROM policy UNION"
				      " SELECT domain, day, config FROM total)",
				      -1, &list, NULL);

	while (written && code != SQLITE_DONE && (code = sqlite3_step(list)) == SQLITE_ROW)
		written = copy_both_ends(saving, table, (const char *)sqlite3_column_text(list, 0),
					 &whole);
	sqlite3_finalize(list);
	return written && code == SQLITE_DONE;
}

static bool copy_table(struct saving *saving, const char *name)
{
	struct table table;
	bool whole, written;

	if (!describe_table(saving, name, &table))
		return false;
	written = copy_both_ends(saving, &table, "", &whole);
	if (written && !whole && strcmp(name, "tally") == 0)
		written = copy_reports(saving, &table);
	if (!whole && strcmp(name, "journal") == 0)
		saving->journals_lost = true;
	return written;
}

/* In the order in which one needs the other. */
static const char *const saved_tables[] = {
    "policy",      "total",  "tally",  "closed",  "report",         "report_part", "delivery",
    "suppression", "token",  "spool",  "journal", "unshipped",      "batch",       "shipment",
    "rx_report",   "rx_row", "rx_day", "rx_tls",  "rx_tls_failure", "sts_policy",  "tls_session"};

static bool run_sql(const struct saving *saving, const char *text)
{
	return sqlite3_exec(saving->to, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool copy_tables(struct saving *saving)
{
	bool written = run_sql(saving, "CREATE TEMP TABLE fresh AS SELECT * FROM spool;"
				       "DELETE FROM spool");

	for (size_t i = 0; i < sizeof saved_tables / sizeof saved_tables[0] && written; i++)
		written = copy_table(saving, saved_tables[i]);
	return written && run_sql(saving, "INSERT OR IGNORE INTO spool SELECT * FROM fresh;"
					  "DROP TABLE fresh");
}

/* ---- what is left in the new file ---- */

#define SAME_AS(table)                                                                             \
	"t.domain = " table ".domain AND t.day = " table ".day AND t.config = " table ".config"
#define SUM_OF(column, table)                                                                      \
	"(SELECT COALESCE(SUM(" column "), 0) FROM tally AS t WHERE " SAME_AS(table) ")"
#define LEAVE_OUT(table)                                                                           \
	"DELETE FROM " table " WHERE (domain, day, config) IN (SELECT domain, day, config FROM"    \
	" excess)"

/* Rows without a policy go, and reports whose rows have more than was counted; then the totals are
 * those of the rows. */
static const char *const clean_up[] = {
    "DELETE FROM tally WHERE NOT EXISTS (SELECT 1 FROM policy AS t WHERE " SAME_AS("tally") ")",
    "CREATE TEMP TABLE sums AS SELECT domain, day, config, messages AS counted,"
    " " SUM_OF("messages", "total") " AS there FROM total WHERE messages >= 0",
    "CREATE TEMP TABLE excess AS SELECT domain, day, config FROM sums WHERE there > counted",
    LEAVE_OUT("tally"),
    LEAVE_OUT("policy"),
    "DELETE FROM total WHERE messages >= 0 OR NOT EXISTS (SELECT 1 FROM policy AS t"
    " WHERE " SAME_AS("total") ")",
    "INSERT OR IGNORE INTO total SELECT domain, day, config, " SUM_OF(
	"messages", "policy") ","
			      " " SUM_OF("quiet", "policy") " FROM policy",
    "DELETE FROM unshipped WHERE NOT EXISTS (SELECT 1 FROM tally AS t WHERE " SAME_AS(
	"unshipped") " AND t.source_ip = unshipped.source_ip"
		     " AND t.row_key = unshipped.row_key)",
};

/* Rows that are not as they were stored go. */
static bool drop_broken(const struct saving *saving, const char *table, const char *function)
{
	struct buf text;
	bool done;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "DELETE FROM %s WHERE NOT ", table);
	integrity_condition(&text, function);
	done = run_sql(saving, buf_text(&text));
	buf_free(&text);
	return done;
}

static bool read_missing(const struct saving *saving, int64_t *missing)
{
	sqlite3_stmt *ask = NULL;
	bool done = sqlite3_prepare_v2(saving->to,
				       "SELECT COALESCE(SUM(CASE WHEN there > counted THEN there"
				       " ELSE counted - there END), 0) FROM sums",
				       -1, &ask, NULL) == SQLITE_OK &&
		    sqlite3_step(ask) == SQLITE_ROW;

	*missing = done ? sqlite3_column_int64(ask, 0) : 0;
	sqlite3_finalize(ask);
	return done && run_sql(saving, "DROP TABLE sums; DROP TABLE excess");
}

static bool clean_rows(const struct saving *saving, int64_t *missing)
{
	bool done = integrity_install(saving->to) == SQLITE_OK &&
		    drop_broken(saving, "tally", INTEGRITY_TALLY) &&
		    drop_broken(saving, "policy", INTEGRITY_POLICY);

	for (size_t i = 0; i < sizeof clean_up / sizeof clean_up[0] && done; i++)
		done = run_sql(saving, clean_up[i]);
	return done && read_missing(saving, missing);
}

static bool read_sums(const struct saving *saving, struct rescue *rescue)
{
	sqlite3_stmt *ask = NULL;
	bool done =
	    sqlite3_prepare_v2(saving->to, "SELECT COUNT(*), COALESCE(SUM(messages), 0) FROM tally",
			       -1, &ask, NULL) == SQLITE_OK &&
	    sqlite3_step(ask) == SQLITE_ROW;

	rescue->rows = done ? sqlite3_column_int64(ask, 0) : 0;
	rescue->messages = done ? sqlite3_column_int64(ask, 1) : 0;
	sqlite3_finalize(ask);
	return done;
}

/* ---- the old file ---- */

static const char *name_of(struct arena *arena, const char *path, const char *suffix)
{
	return arena_printf(arena, "%s%s", path, suffix);
}

static bool can_read(sqlite3 *db)
{
	return sqlite3_exec(db, "PRAGMA cell_size_check = ON; SELECT COUNT(*) FROM sqlite_master",
			    NULL, NULL, NULL) == SQLITE_OK;
}

static sqlite3 *open_old(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK && can_read(db))
		return db;
	sqlite3_close(db);
	return NULL;
}

/* A short write is that of a full disk. */
static int write_block(int fd, const char *block, size_t length, const char *name, struct why *why)
{
	ssize_t put = write(fd, block, length);

	if (put == (ssize_t)length)
		return 0;
	return why_set(why, "%s: %s", name, strerror(put < 0 ? errno : ENOSPC));
}

/* 1: FROM cannot be read. -1: TO cannot be written: that says nothing of FROM. */
static int copy_bytes(const char *from, const char *to, struct why *why)
{
	char *block = heap_alloc(1 << 20);
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool written = out >= 0;
	ssize_t got = in < 0 ? -1 : 1;

	if (!written)
		why_set(why, "%s: %s", to, strerror(errno));
	while (written && got > 0 && (got = read(in, block, 1 << 20)) > 0)
		written = write_block(out, block, (size_t)got, to, why) == 0;
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) != 0 && written) {
		why_set(why, "%s: %s", to, strerror(errno));
		written = false;
	}
	free(block);
	return written ? got != 0 : -1;
}

/* The first 100 bytes of every ledger are the same, but for numbers that a reader does without. */
static int replace_header(const char *file, const char *pattern, struct why *why)
{
	enum { PAGES_AT = 28, PAGES = 4 }; /* how large the file is; 0: look at its size */
	char header[HEADER];
	int in = open(pattern, O_RDONLY | O_CLOEXEC), out = open(file, O_WRONLY | O_CLOEXEC);
	bool done = in >= 0 && pread(in, header, sizeof header, 0) == sizeof header;

	memset(header + PAGES_AT, 0, PAGES);
	done = done && out >= 0 && pwrite(out, header, sizeof header, 0) == sizeof header;
	if (!done)
		why_set(why, "%s: %s", file, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return done ? 0 : -1;
}

/* The header or the log made it unreadable: a copy is read, without the log, with the header of the
 * NEW one. -1: it cannot be copied. */
static int open_repaired(struct saving *saving, const char *path, const char *copy, const char *new,
			 struct why *why)
{
	int result = copy_bytes(path, copy, why);
	struct stat st;

	if (result < 0 || (result == 0 && replace_header(copy, new, why) != 0))
		return -1;
	saving->from = result == 0 ? open_old(copy) : NULL;
	if (saving->from != NULL && stat(name_of(saving->arena, path, "-wal"), &st) == 0)
		saving->log_bytes = st.st_size;
	return 0;
}

/* ---- files ---- */

/* -1: one of them is still there. */
static int remove_with_log(struct arena *arena, const char *path, struct why *why)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	int result = 0;

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		const char *name = name_of(arena, path, suffixes[i]);

		if (unlink(name) != 0 && errno != ENOENT)
			result = why_set(why, "%s: %s", name, strerror(errno));
	}
	return result;
}

static void choose_name(const char *path, struct rescue *rescue)
{
	snprintf(rescue->kept, sizeof rescue->kept, "%s-damaged", path);
	for (int i = 1; i < KEPT_MAX && access(rescue->kept, F_OK) == 0; i++)
		snprintf(rescue->kept, sizeof rescue->kept, "%s-damaged.%d", path, i);
}

/* The log goes first: it must not be taken for that of the new file. Where that fails, all is as it
 * was. */
static int exchange_files(struct arena *arena, const char *path, const char *new,
			  struct rescue *rescue, struct why *why)
{
	const char *log = name_of(arena, path, "-wal"), *kept_log;

	choose_name(path, rescue);
	kept_log = name_of(arena, rescue->kept, "-wal");
	unlink(rescue->kept);
	if (link(path, rescue->kept) != 0)
		return why_set(why, "%s: %s", rescue->kept, strerror(errno));
	if (rename(log, kept_log) != 0 && errno != ENOENT) {
		why_set(why, "%s: %s", kept_log, strerror(errno));
		unlink(rescue->kept);
		return -1;
	}
	unlink(name_of(arena, path, "-shm"));
	if (rename(new, path) == 0)
		return 0;
	why_set(why, "%s: %s", path, strerror(errno));
	(void)rename(kept_log, log); /* else ENOENT: there was none */
	unlink(rescue->kept);
	return -1;
}

static void sync_directory(struct arena *arena, const char *path)
{
	int dir = open(dirname(arena_string(arena, path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return;
	(void)fsync(dir);
	close(dir);
}

/* Offsets: https://www.sqlite.org/fileformat.html, 1.3 */
bool rescue_is_ledger(const char *path)
{
	enum { APPLICATION_AT = 68 };
	static const char magic[16] = "SQLite format 3", application[4] = "CSGN";
	char header[HEADER];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && pread(fd, header, sizeof header, 0) == sizeof header &&
		  (memcmp(header, magic, sizeof magic) == 0 ||
		   memcmp(header + APPLICATION_AT, application, sizeof application) == 0);

	if (fd >= 0)
		close(fd);
	return is;
}

/* ---- all of it ---- */

static bool save_rows(struct saving *saving, struct rescue *rescue)
{
	int64_t missing = 0;
	bool saved = run_sql(saving, "BEGIN");

	if (saving->from != NULL)
		saved = saved && copy_tables(saving) && clean_rows(saving, &missing);
	if (saving->journals_lost || saving->from == NULL)
		saved = saved && run_sql(saving, "UPDATE spool SET ledger = randomblob(16)");
	saved = saved && read_sums(saving, rescue) && run_sql(saving, "COMMIT");
	rescue->lost = saving->from == NULL ? -1 : missing;
	return saved && run_sql(saving, "PRAGMA wal_checkpoint(TRUNCATE);"
					"PRAGMA journal_mode = DELETE");
}

static int rescue_file(const struct ledger_settings *settings, struct arena *arena,
		       struct rescue *rescue, struct why *why)
{
	const char *path = settings->path, *new = name_of(arena, path, "-rescued");
	const char *copy = name_of(arena, path, "-copy");
	const struct ledger_settings target = {
	    .path = new, .durability = LEDGER_POWER, .busy_wait = settings->busy_wait};
	struct saving saving = {.arena = arena};
	struct why unheard;
	struct sql *to;
	int result;

	if (remove_with_log(arena, new, why) != 0) /* rows would be added to what it has */
		return -1;
	to = sqlite_sql(&target, why);
	if (to == NULL) {
		(void)remove_with_log(arena, new, &unheard);
		return -1;
	}
	saving.to = sqlite_of(to)->db;
	saving.from = open_old(path);
	result = saving.from != NULL ? 0 : open_repaired(&saving, path, copy, new, why);
	if (result == 0 && !save_rows(&saving, rescue))
		result = why_set(why, "%s: %s", new, sqlite3_errmsg(saving.to));
	rescue->log_bytes = saving.log_bytes;
	sqlite3_close(saving.from);
	sql_close(to);
	(void)remove_with_log(arena, copy, &unheard);
	if (result == 0)
		result = exchange_files(arena, path, new, rescue, why);
	if (result == 0)
		sync_directory(arena, path);
	else
		(void)remove_with_log(arena, new, &unheard);
	return result;
}

int rescue_ledger(const struct ledger_settings *settings, struct rescue *rescue, struct why *why)
{
	struct arena *arena = arena_new(0);
	int result;

	assert(settings->path != NULL && settings->shared == NULL);
	memset(rescue, 0, sizeof *rescue);
	result = rescue_file(settings, arena, rescue, why);
	arena_free(arena);
	return result;
}
