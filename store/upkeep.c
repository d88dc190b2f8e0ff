/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/integrity.h"
#include "store/sql/sqlite.h"

enum {
	BACKUP_PAGES = 500,
	SHRINK_FREE = 8 << 20, /* bytes: less is not worth it */
	SHRINK_MAX = 64 << 20  /* what is written again, in about a second */
};

/* Of table batch: what has not been shipped yet; the others are kept for a while. */
#define OPEN " WHERE sequence > (SELECT applied FROM spool)"

/* ---- contents ---- */

static int read_number(struct sql *sql, int64_t *number, const char *text, struct why *why)
{
	return sql_number(sql, number, why, text, SQL_NO_VALUES) == 0 ? 0 : -1;
}

int upkeep_facts(struct sql *sql, bool shared, struct upkeep_facts *facts, struct why *why)
{
	struct upkeep_facts *f = facts;
	const struct {
		int64_t *to;
		const char *text;
		bool file; /* not of a shared store */
	} questions[] = {
	    {&f->rows, "SELECT COUNT(*) FROM tally", false},
	    {&f->messages, "SELECT COALESCE(SUM(messages), 0) FROM tally", false},
	    {&f->domains, "SELECT COUNT(DISTINCT domain) FROM policy", false},
	    {&f->reports, "SELECT COUNT(*) FROM report", false},
	    {&f->days, "SELECT COUNT(DISTINCT day) FROM policy", false},
	    {&f->first_day, "SELECT COALESCE(MIN(day), 0) FROM policy", false},
	    {&f->last_day, "SELECT COALESCE(MAX(day), 0) FROM policy", false},
	    {&f->schema, "PRAGMA user_version", true},
	    {&f->bytes, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
	     true},
	};

	memset(facts, 0, sizeof *facts);
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		if (!(questions[i].file && shared) &&
		    read_number(sql, questions[i].to, questions[i].text, why) != 0)
			return -1;
	return 0;
}

int upkeep_spool(struct sql *local, struct arena *arena, struct upkeep_spool *spool,
		 struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(local,
		    "SELECT host, joined, sequence, shipped_at,"
		    " (SELECT COUNT(*) FROM unshipped) + (SELECT COUNT(*) FROM batch" OPEN "),"
		    " (SELECT COALESCE(SUM(messages - shipped), 0) FROM tally)"
		    " + (SELECT COALESCE(SUM(messages), 0) FROM batch" OPEN ") FROM spool",
		    SQL_NO_VALUES);
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : why_set(why, "the ledger's table spool is empty");
	spool->host = sql_config_at(rows, 0, arena);
	spool->joined = sql_int_at(rows, 1) != 0;
	spool->batches = sql_int_at(rows, 2);
	spool->shipped_at = sql_int_at(rows, 3);
	spool->pending_rows = sql_int_at(rows, 4);
	spool->pending_messages = sql_int_at(rows, 5);
	sql_drop(rows);
	return 0;
}

/* ---- consistency ---- */

#define SAME(a, b)                                                                                 \
	a ".domain = " b ".domain AND " a ".day = " b ".day AND " a ".config = " b ".config"
#define WITHOUT(table, other)                                                                      \
	"SELECT COUNT(*) FROM " table " AS x WHERE NOT EXISTS (SELECT 1 FROM " other               \
	" AS y WHERE " SAME("x", "y") ")"

static const struct {
	const char *what, *text; /* how many there are */
	enum { BOTH, FILE_ONLY, SHARED_ONLY } of;
} checks[] = {
    {"rows without a policy", WITHOUT("tally", "policy"), BOTH},
    {"parts of missing reports", WITHOUT("report_part", "report"), BOTH},
    {"deliveries of missing reports", WITHOUT("delivery", "report"), BOTH},
    {"rows with a count of zero or less", "SELECT COUNT(*) FROM tally WHERE messages < 1", BOTH},
    {"rows with more messages not worth a report than messages",
     "SELECT COUNT(*) FROM tally WHERE quiet > messages OR quiet < 0", BOTH},
    {"rows of which more was shipped than counted",
     "SELECT COUNT(*) FROM tally WHERE shipped > messages OR shipped < 0", FILE_ONLY},
    {"reports whose rows do not add up to what was counted",
     "SELECT COUNT(*) FROM total AS x WHERE messages >= 0 AND (messages, quiet) IS NOT"
     " (SELECT COALESCE(SUM(messages), 0), COALESCE(SUM(quiet), 0) FROM tally AS y WHERE " SAME(
	 "x", "y") ")",
     FILE_ONLY},
    {"policies without a total", WITHOUT("policy", "total"), FILE_ONLY},
    {"totals without a policy", WITHOUT("total", "policy"), FILE_ONLY},
    {"unshipped rows that are not marked to be shipped",
     "SELECT COUNT(*) FROM tally AS t WHERE messages > shipped"
     " AND (SELECT joined FROM spool WHERE store IS NOT NULL) = 1"
     " AND NOT EXISTS (SELECT 1 FROM unshipped AS u WHERE " SAME(
	 "u", "t") " AND u.source_ip = t.source_ip AND u.row_key = t.row_key)",
     FILE_ONLY},
    {"missing rows that are marked to be shipped",
     "SELECT COUNT(*) FROM (SELECT domain, day, config, source_ip, row_key FROM unshipped"
     " UNION ALL SELECT domain, day, config, source_ip, row_key FROM batch" OPEN ") AS u"
     " WHERE NOT EXISTS (SELECT 1 FROM tally AS t WHERE " SAME(
	 "u", "t") " AND u.source_ip = t.source_ip AND u.row_key = t.row_key)",
     FILE_ONLY},
    {"reports with other sums than the rows they were made of",
     "SELECT COUNT(*) FROM report AS r WHERE kind = 'aggregate' AND r.messages <>"
     " (SELECT COALESCE(SUM(messages), r.messages) FROM tally AS t WHERE " SAME(
	 "t", "r") ")"
		   " AND NOT EXISTS (SELECT 1 FROM policy AS p WHERE closed = -1 AND " SAME(
		       "p", "r") ")",
     SHARED_ONLY},
    {"messages more than the hosts have shipped",
     "SELECT COUNT(*) FROM (SELECT 1) AS one WHERE (SELECT COALESCE(SUM(messages), 0) FROM tally)"
     " > (SELECT COALESCE(SUM(messages), 0) FROM host)",
     SHARED_ONLY},
};

static int check_pages(struct sql *sql, upkeep_finding *tell, void *arg, struct why *why)
{
	struct sql_rows *rows = sql_ask(sql, "PRAGMA integrity_check(20)", SQL_NO_VALUES);
	struct arena *arena = arena_new(0);
	int more, findings = 0;

	while ((more = sql_next(rows, why)) == 1) {
		const char *said = sql_text_at(rows, 0, arena);

		if (said == NULL || strcmp(said, "ok") == 0)
			continue;
		if (integrity_is_unread(said)) {
			why_set(why, "the ledger cannot be read: %s", said);
			sql_drop(rows);
			more = -1;
			break;
		}
		tell(arg, said, 1);
		findings++;
	}
	arena_free(arena);
	return more < 0 ? -1 : findings;
}

/* Rows beside the digests of their texts. */
static int check_digests(struct sql *sql, upkeep_finding *tell, void *arg, struct why *why)
{
	int64_t rows, policies;

	if (integrity_count(sql, &rows, &policies, why) != 0)
		return -1;
	if (rows > 0)
		tell(arg, "rows that are not as they were stored", rows);
	if (policies > 0)
		tell(arg, "policies that are not as they were stored", policies);
	return (rows > 0) + (policies > 0);
}

int upkeep_check(struct sql *sql, bool shared, upkeep_finding *tell, upkeep_progress *progress,
		 void *arg, struct why *why)
{
	enum { STEPS = sizeof checks / sizeof checks[0] };
	int findings = shared ? 0 : check_pages(sql, tell, arg, why);

	for (size_t i = 0; findings >= 0 && i < STEPS; i++) {
		int64_t count = 0;

		progress(arg, (int64_t)i + 1, STEPS + 1);
		if (checks[i].of == (shared ? FILE_ONLY : SHARED_ONLY))
			continue;
		if (read_number(sql, &count, checks[i].text, why) != 0)
			return -1;
		if (count == 0)
			continue;
		tell(arg, checks[i].what, count);
		findings++;
	}
	if (!shared && findings >= 0) {
		int digests = check_digests(sql, tell, arg, why);

		findings = digests < 0 ? -1 : findings + digests;
	}
	return findings;
}

/* ---- room that is not needed ---- */

#define BYTES_OF(pages)                                                                            \
	"SELECT " pages                                                                            \
	" * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"

static int shrink_file(struct sql *sql, const char *path, int64_t bytes, struct why *said)
{
	int64_t now;

	if (sql_run(sql, said, "PRAGMA temp_store = MEMORY", SQL_NO_VALUES) != 0 ||
	    sql_run(sql, said, "VACUUM", SQL_NO_VALUES) != 0 ||
	    sql_run(sql, said, "PRAGMA wal_checkpoint(TRUNCATE)", SQL_NO_VALUES) != 0 ||
	    read_number(sql, &now, BYTES_OF("page_count"), said) != 0)
		return -1;
	why_set(said, "%s: it had %.1f MiB and has %.1f: the rest was free", path,
		(double)bytes / 1048576, (double)now / 1048576);
	return 0;
}

int upkeep_shrink(const char *path, struct why *said)
{
	const struct ledger_settings settings = {.path = path, .busy_wait = 5 * CLOCK_SECOND};
	struct sql *sql = sqlite_sql(&settings, said);
	int64_t bytes = 0, free = 0;
	int result = -1;

	if (sql == NULL)
		return -1;
	said->text[0] = '\0';
	if (read_number(sql, &bytes, BYTES_OF("page_count"), said) == 0 &&
	    read_number(sql, &free, BYTES_OF("freelist_count"), said) == 0)
		result = free >= SHRINK_FREE && free > bytes / 2 && bytes - free <= SHRINK_MAX
			     ? shrink_file(sql, path, bytes, said)
			     : 0;
	sql_close(sql);
	return result;
}

/* ---- a copy of the file ---- */

/* In one read transaction, so that the copy is consistent while others write. */
static int copy_pages(sqlite3 *from, sqlite3 *to, upkeep_progress *tell, void *arg, bool *stopped)
{
	sqlite3_backup *backup;
	int code =
	    sqlite3_exec(from, "BEGIN; SELECT COUNT(*) FROM sqlite_master", NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return code;
	backup = sqlite3_backup_init(to, "main", from, "main");
	while (backup != NULL && !*stopped &&
	       (code = sqlite3_backup_step(backup, BACKUP_PAGES)) == SQLITE_OK) {
		int all = sqlite3_backup_pagecount(backup);

		*stopped = !tell(arg, all - sqlite3_backup_remaining(backup), all);
	}
	sqlite3_backup_finish(backup);
	sqlite3_exec(from, "ROLLBACK", NULL, NULL, NULL);
	if (backup == NULL)
		return sqlite3_errcode(to);
	return code == SQLITE_DONE || *stopped ? SQLITE_OK : code;
}

static int write_copy(struct sqlite *from, const char *part, upkeep_progress *tell, void *arg,
		      bool *stopped, struct why *why)
{
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL);

	if (code == SQLITE_OK)
		code = copy_pages(from->db, to, tell, arg, stopped);
	if (code == SQLITE_OK && !*stopped) /* one file, without a log beside it */
		code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		why_set(why, "%s: SQLite says: %s (%d)", part, sqlite3_errstr(code), code);
	sqlite3_close(to);
	return code == SQLITE_OK ? 0 : -1;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat one, two;

	return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

static int make_empty(const char *part, struct why *why)
{
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return why_set(why, "%s: %s", part, strerror(errno));
	close(fd);
	return 0;
}

static int sync_file(const char *part, struct why *why)
{
	int fd = open(part, O_RDONLY | O_CLOEXEC), result = fd < 0 ? -1 : fsync(fd);

	if (result != 0)
		why_set(why, "%s: %s", part, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

int upkeep_backup(const char *path, const char *to, upkeep_progress *tell, void *arg,
		  struct why *why)
{
	const struct ledger_settings settings = {
	    .path = path, .read_only = true, .busy_wait = 5 * CLOCK_SECOND};
	struct sql *sql;
	struct arena *arena;
	const char *part;
	bool stopped = false;
	int result;

	if (is_same_file(path, to))
		return why_set(why, "%s: this is the ledger itself", to);
	sql = sqlite_sql(&settings, why);
	if (sql == NULL)
		return -1;
	arena = arena_new(0);
	part = arena_printf(arena, "%s.part", to);
	result = make_empty(part, why);
	if (result == 0) {
		result = write_copy(sqlite_of(sql), part, tell, arg, &stopped, why);
		if (result == 0 && !stopped)
			result = sync_file(part, why);
		if (result == 0 && !stopped && rename(part, to) != 0)
			result = why_set(why, "%s: %s", to, strerror(errno));
		if (result != 0 || stopped)
			unlink(part);
	}
	sql_close(sql);
	arena_free(arena);
	return result != 0 ? -1 : stopped;
}
