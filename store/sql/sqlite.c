/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger in an SQLite file.
 *
 * Safe against kill -9 by a write-ahead log, and against power failure where the settings ask for
 * that, with synchronous=FULL (else the file stays whole, but what was committed since the last
 * sync() may be lost). Several processes write: every transaction begins IMMEDIATE (a later upgrade
 * could not be waited for), and the one that finds the file locked asks again every millisecond.
 *
 * Tables have natural keys that begin with the policy domain, no sequences, no triggers, and only
 * integers, texts and byte strings, so that the same tables serve on a server that is distributed
 * by domain. `policy` has one row for each day and configuration, `tally` has the counts.
 *
 * The schema's version is user_version; migrations[] brings any older one up to date. The file is
 * never opened but by SQLite (closing another descriptor of it would drop SQLite's locks).
 *
 * An administrator may move the file away while it is in use: a new one is made. Then processes
 * that still have the old one must not remove the new one's log, nor the new one use the old one's.
 */
#include "store/sql/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/condense.h"
#include "store/messages.h"

#define KEY                                                                                        \
	"domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"                        \
	" source_ip TEXT NOT NULL, row_key BLOB NOT NULL"
#define KEY_NAMES "domain, day, config, source_ip, row_key"

static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE policy ("
    " domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " since INTEGER NOT NULL,"
    " p TEXT NOT NULL, sp TEXT, np TEXT, adkim TEXT, aspf TEXT, fo TEXT, testing TEXT,"
    " discovery TEXT, rua TEXT, ruf TEXT,"
    " PRIMARY KEY (domain, day, config)) WITHOUT ROWID;"
    "CREATE INDEX policy_by_day ON policy (day, domain, since, config);"
    "CREATE TABLE tally ("
    " domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " source_ip TEXT NOT NULL, row_key BLOB NOT NULL,"
    " messages INTEGER NOT NULL, dkim_aligned TEXT NOT NULL, spf_aligned TEXT NOT NULL,"
    " disposition TEXT NOT NULL, header_from TEXT NOT NULL, envelope_from TEXT NOT NULL,"
    " envelope_to TEXT NOT NULL, spf_domain TEXT NOT NULL, spf_result TEXT NOT NULL,"
    " reasons TEXT NOT NULL, dkim TEXT NOT NULL, dkim_notes TEXT NOT NULL,"
    " PRIMARY KEY (domain, day, config, source_ip, row_key)) WITHOUT ROWID;",
    /* 2: reports that were built (store/outbox.h), and messages that are no reason for one */
    "ALTER TABLE tally ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE report ("
    " domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " id TEXT NOT NULL, file_name TEXT NOT NULL, built INTEGER NOT NULL,"
    " records INTEGER NOT NULL, messages INTEGER NOT NULL,"
    " PRIMARY KEY (domain, day, config)) WITHOUT ROWID;"
    "CREATE TABLE report_part ("
    " domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " part INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY (domain, day, config, part));"
    "CREATE TABLE delivery ("
    " domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " address TEXT NOT NULL, host TEXT NOT NULL, sent_to TEXT,"
    " state TEXT NOT NULL, tries INTEGER NOT NULL, next INTEGER, tried INTEGER, reply TEXT,"
    " PRIMARY KEY (domain, day, config, address)) WITHOUT ROWID;"
    "CREATE INDEX delivery_due ON delivery (next);"
    "CREATE INDEX delivery_tried ON delivery (tried, host);"
    "CREATE TABLE suppression ("
    " address TEXT NOT NULL PRIMARY KEY, failures INTEGER NOT NULL,"
    " until INTEGER NOT NULL, reason TEXT) WITHOUT ROWID;",
    /* 3: more of what RFC 9990 has room for */
    "ALTER TABLE policy ADD COLUMN error TEXT;"
    "ALTER TABLE tally ADD COLUMN spf_note TEXT NOT NULL DEFAULT '';",
    /* 4: failure reports beside the aggregate ones, and names that nobody can guess */
    "ALTER TABLE report ADD COLUMN kind TEXT NOT NULL DEFAULT 'aggregate';"
    "ALTER TABLE delivery ADD COLUMN kind TEXT NOT NULL DEFAULT 'aggregate';"
    "CREATE INDEX report_by_kind ON report (kind, built, domain);"
    "CREATE TABLE token (name TEXT NOT NULL PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX token_by_token ON token (token);",
    /* 5: what is still to go to a shared store (store/ship/ship.h) */
    "ALTER TABLE tally ADD COLUMN shipped INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tally ADD COLUMN shipped_quiet INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE unshipped (" KEY ", PRIMARY KEY (" KEY_NAMES ")) WITHOUT ROWID;"
    "CREATE TABLE batch (" KEY ", messages INTEGER NOT NULL, quiet INTEGER NOT NULL,"
    " PRIMARY KEY (" KEY_NAMES ")) WITHOUT ROWID;"
    "CREATE TABLE spool (one INTEGER NOT NULL PRIMARY KEY, host BLOB NOT NULL,"
    " joined INTEGER NOT NULL, joined_at INTEGER NOT NULL, store BLOB,"
    " sequence INTEGER NOT NULL, through INTEGER NOT NULL, shipped_at INTEGER NOT NULL);"
    "INSERT INTO spool VALUES (1, randomblob(16), 0, 0, NULL, 0, -1, 0);",
    /* 6: how far the rows of a journal (store/journal.h) are in */
    "CREATE TABLE journal (id BLOB NOT NULL PRIMARY KEY, folded INTEGER NOT NULL) WITHOUT ROWID;",
    /* 7: the log of messages (store/messages.h) */
    "CREATE TABLE message (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, line TEXT NOT NULL);",
    /* 8: ENDS: the bytes of all lines up to this one, so that two of them tell what lies between */
    "ALTER TABLE message ADD COLUMN ends INTEGER NOT NULL DEFAULT 0;",
};
enum {
	SCHEMA_VERSION = sizeof migrations / sizeof migrations[0],
	APPLICATION_ID = 0x4353474e, /* tells our file from another program's: "CSGN" */
	PAGE_BYTES = 1024 * 1024,    /* texts of one page of rows */
	FAILURES_KEPT = 10 * 86400,  /* seconds */
	ROOM_LINES = 5000,           /* that go at once when the file is full */
	ROOM_ROWS = 2000,
	DISK_FREE = 16 << 20, /* bytes: then it is not the disk that is full */
	WATCHES = 256,        /* days whose rows are watched at one time; see watch_day() */
	WATCH_SHARE = 8
};

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	ADD_POLICY,
	ADD_TALLY,
	READ_JOINED,
	ADD_UNSHIPPED,
	ADD_LINE,
	OLDEST_LINE,
	EXPIRE_LINES,
	OLDEST_DAY,
	FREE_LINES,
	SET_FOLDED,
	FORGET_JOURNAL,
	READ_FOLDED,
	OLDEST,
	EXPIRE_TALLY,
	EXPIRE_POLICY,
	EXPIRE_REPORT,
	EXPIRE_PARTS,
	EXPIRE_DELIVERIES,
	OLD_FAILURES,
	READ_DAYS,
	READ_SUM,
	READ_ROWS,
	STATEMENTS
};

#define REPORT "domain = ?1 AND day = ?2 AND config = ?3"

static const char *const statements[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [ADD_POLICY] = "INSERT INTO policy (domain, day, config, since, p, sp, np, adkim, aspf, fo,"
		   " testing, discovery, rua, ruf, error)"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
		   " ON CONFLICT (domain, day, config) DO UPDATE"
		   " SET rua = excluded.rua, ruf = excluded.ruf, error = excluded.error"
		   " WHERE rua IS NOT excluded.rua OR ruf IS NOT excluded.ruf"
		   " OR error IS NOT excluded.error",
    [ADD_TALLY] = "INSERT INTO tally (domain, day, config, source_ip, row_key, messages,"
		  " dkim_aligned, spf_aligned, disposition, header_from, envelope_from,"
		  " envelope_to, spf_domain, spf_result, reasons, dkim, dkim_notes, quiet,"
		  " spf_note)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
		  " ?17, ?18, ?19)"
		  " ON CONFLICT (domain, day, config, source_ip, row_key) DO UPDATE"
		  " SET messages = messages + excluded.messages, quiet = quiet + excluded.quiet",
    [READ_JOINED] = "SELECT joined FROM spool",
    [ADD_UNSHIPPED] = "INSERT INTO unshipped (" KEY_NAMES ") VALUES (?1, ?2, ?3, ?4, ?5)"
		      " ON CONFLICT (" KEY_NAMES ") DO NOTHING",
    [ADD_LINE] = "INSERT INTO message (at, line, ends) VALUES (?1, ?2, ?3 +"
		 " IFNULL((SELECT ends FROM message ORDER BY id DESC LIMIT 1), 0))",
    [OLDEST_LINE] = "SELECT id, at, ends, (SELECT ends FROM message ORDER BY id DESC LIMIT 1)"
		    " FROM message ORDER BY id LIMIT 1",
    [EXPIRE_LINES] = "DELETE FROM message WHERE id < ?1 AND (id <= ?2 OR at < ?3 OR ends < ?4)",
    [OLDEST_DAY] = "SELECT MIN(day) FROM policy",
    [FREE_LINES] = "DELETE FROM message WHERE id < ?1 + (SELECT MIN(id) FROM message)",
    [SET_FOLDED] = "INSERT INTO journal (id, folded) VALUES (?1, ?2)"
		   " ON CONFLICT (id) DO UPDATE SET folded = excluded.folded",
    [FORGET_JOURNAL] = "DELETE FROM journal WHERE id = ?1",
    [READ_FOLDED] = "SELECT folded FROM journal WHERE id = ?1",
    [OLDEST] = "SELECT domain, day, config FROM policy AS p WHERE day < ?1"
	       " AND NOT EXISTS (SELECT 1 FROM unshipped AS u WHERE u.domain = p.domain"
	       " AND u.day = p.day AND u.config = p.config)"
	       " AND NOT EXISTS (SELECT 1 FROM batch AS b WHERE b.domain = p.domain"
	       " AND b.day = p.day AND b.config = p.config) ORDER BY day LIMIT 1",
    [EXPIRE_TALLY] = "DELETE FROM tally WHERE " REPORT " AND (source_ip, row_key) IN"
		     " (SELECT source_ip, row_key FROM tally WHERE " REPORT " LIMIT ?4)",
    [EXPIRE_POLICY] = "DELETE FROM policy WHERE " REPORT,
    [EXPIRE_REPORT] = "DELETE FROM report WHERE " REPORT,
    [EXPIRE_PARTS] = "DELETE FROM report_part WHERE " REPORT,
    [EXPIRE_DELIVERIES] = "DELETE FROM delivery WHERE " REPORT,
    [OLD_FAILURES] = "SELECT domain, day, config FROM report"
		     " WHERE kind = 'failure' AND built < ?1 LIMIT 1",
    [READ_DAYS] = "SELECT domain, day, config, since, p, sp, np, adkim, aspf, fo, testing,"
		  " discovery, rua, ruf, error FROM policy"
		  " WHERE day <= ?2 AND (?1 IS NULL OR domain = ?1) AND since >= ?8"
		  " AND (day, domain, since, config) > (?3, ?4, ?5, ?6)"
		  " ORDER BY day, domain, since, config LIMIT ?7",
    [READ_SUM] =
	"SELECT COUNT(*), IFNULL(SUM(messages), 0), IFNULL(SUM(CASE"
	" WHEN dkim_aligned = 'pass' OR spf_aligned = 'pass' THEN messages ELSE 0 END), 0),"
	" IFNULL(SUM(quiet), 0),"
	" IFNULL(SUM(CASE WHEN disposition = 'reject' THEN 0 ELSE messages END), 0)"
	" FROM tally WHERE " REPORT,
    [READ_ROWS] =
	"SELECT source_ip, row_key, messages, dkim_aligned, spf_aligned, disposition,"
	" header_from, envelope_from, envelope_to, spf_domain, spf_result, reasons, dkim,"
	" dkim_notes, spf_note FROM tally WHERE " REPORT " AND (source_ip, row_key) > (?4, ?5)"
	" ORDER BY source_ip, row_key LIMIT ?6",
};

/* A policy domain and day: how many rows were added since they were counted. */
struct day_watch {
	uint64_t id;
	unsigned added;
	enum condense_level level; /* of what is to be added: the rest could not be condensed */
};

struct driver_handle {
	sqlite3 *db;
	char *path;
	bool read_only;
	int64_t message_seconds, message_rows, message_bytes;
	int64_t max_bytes;
	unsigned day_rows;
	bool joined; /* what is counted goes to a shared store; as of the transaction */
	struct day_watch watches[WATCHES];
	int64_t busy_wait, busy_until;
	char fault[160]; /* SQLite's words for what a rollback followed; "" otherwise */
	sqlite3_stmt *prepared[STATEMENTS];
};

/* ---- what went wrong, and what to do about it ---- */

#define DAMAGED                                                                                    \
	"it is damaged: move it away, a new one is made then (\"sqlite3 FILE .recover\" may save " \
	"what the old one holds)"

static const struct {
	int code; /* primary result code of SQLite */
	enum driver_outcome outcome;
	const char *text;
} faults[] = {
    {SQLITE_BUSY, DRIVER_RETRY,
     "locked by another program for too long: find it with \"fuser -v\" and end it"},
    {SQLITE_FULL, DRIVER_RETRY, "no space is left for it: make room on its file system"},
    {SQLITE_IOERR, DRIVER_RETRY,
     "reading or writing it fails: check the disk and the system's log"},
    {SQLITE_READONLY, DRIVER_RETRY,
     "it may not be written: check its owner, its mode and the mount"},
    {SQLITE_CANTOPEN, DRIVER_RETRY, "it cannot be opened: check its directory's owner and mode"},
    {SQLITE_NOMEM, DRIVER_RETRY, "out of memory"},
    {SQLITE_NOTADB, DRIVER_BROKEN,
     "this is no SQLite database: move it away, a new one is made then"},
    {SQLITE_CORRUPT, DRIVER_BROKEN, DAMAGED},
    {SQLITE_TOOBIG, DRIVER_BROKEN, DAMAGED}, /* a length that no row of the ledger has */
};

static enum driver_outcome explain(struct driver_handle *handle, int code, struct why *why)
{
	const char *said = handle->fault[0] != '\0' ? handle->fault : sqlite3_errmsg(handle->db);

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (faults[i].code != (code & 0xff))
			continue;
		why_set(why, "%s: %s (%s, %d)", handle->path, faults[i].text, said, code);
		return faults[i].outcome;
	}
	why_set(why, "%s: SQLite says: %s (%d)", handle->path, said, code);
	return DRIVER_REOPEN;
}

static int refuse(const char *path, struct why *why, const char *text)
{
	return why_set(why, "%s: %s", path, text);
}

/* Why a file that exists, or should, cannot be opened: SQLite does not say. */
static int explain_path(const char *path, bool read_only, struct why *why)
{
	char *copy = strdup(path);
	const char *dir = copy == NULL ? "." : dirname(copy);
	struct stat st;

	if (stat(dir, &st) != 0)
		why_set(why,
			"%s: the directory %s: %s (make it: install -d -m 0750 -o countersign %s)",
			path, dir, strerror(errno), dir);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		refuse(path, why, "this is a directory, not a file");
	else if (stat(path, &st) != 0 && errno == ENOENT && read_only)
		refuse(path, why, "it does not exist; countersignd makes it when it starts");
	else if (access(path, read_only ? R_OK : R_OK | W_OK) != 0 && errno != ENOENT)
		why_set(why, "%s: %s; run this as root or as the user that owns the file", path,
			strerror(errno));
	else if (access(dir, R_OK | W_OK | X_OK) != 0)
		why_set(why,
			"%s: the directory %s may not be written (SQLite keeps -wal and -shm files"
			" there): run this as root or as the user that owns the file",
			path, dir);
	else
		refuse(path, why, "it cannot be opened");
	free(copy);
	return -1;
}

static int explain_opening(struct driver_handle *handle, int code, struct why *why)
{
	int primary = code & 0xff;

	if (primary == SQLITE_CANTOPEN || (primary == SQLITE_READONLY && handle->read_only))
		return explain_path(handle->path, handle->read_only, why);
	explain(handle, code, why);
	return -1;
}

/* ---- statements ---- */

/* Another process holds the lock: ask again in a millisecond. */
static int wait_for_lock(void *arg, int calls)
{
	const struct timespec moment = {.tv_nsec = CLOCK_MS};
	struct driver_handle *handle = arg;
	int64_t now = clock_mono();

	if (calls == 0)
		handle->busy_until = now + handle->busy_wait;
	if (now >= handle->busy_until)
		return 0;
	nanosleep(&moment, NULL);
	return 1;
}

/* The statement, ready to be bound; NULL: see sqlite3_errcode. */
static sqlite3_stmt *prepare(struct driver_handle *handle, enum statement which)
{
	sqlite3_stmt **statement = &handle->prepared[which];

	if (*statement == NULL)
		sqlite3_prepare_v3(handle->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
				   statement, NULL);
	return *statement;
}

/* Steps a statement that gives no rows. */
static int run(struct driver_handle *handle, sqlite3_stmt *statement)
{
	int code;

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run_plain(struct driver_handle *handle, enum statement which)
{
	return run(handle, prepare(handle, which));
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

static int end_transaction(struct driver_handle *handle, int code)
{
	handle->fault[0] = '\0';
	if (code == SQLITE_OK)
		code = run_plain(handle, COMMIT);
	if (code == SQLITE_OK || sqlite3_get_autocommit(handle->db))
		return code;
	sqlite3_snprintf(sizeof handle->fault, handle->fault, "%s", sqlite3_errmsg(handle->db));
	(void)run_plain(handle, ROLLBACK);
	return code;
}

/* ---- for store/sql/sqlite_sql.c ---- */

sqlite3 *sqlite_db(struct driver_handle *handle)
{
	return handle->db;
}

int sqlite_begin(struct driver_handle *handle)
{
	return run_plain(handle, BEGIN);
}

int sqlite_end(struct driver_handle *handle, int code)
{
	return end_transaction(handle, code);
}

enum driver_outcome sqlite_explain(struct driver_handle *handle, int code, struct why *why)
{
	return explain(handle, code, why);
}

/* ---- opening ---- */

static int pragma_number(struct driver_handle *handle, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(handle->db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* What a file that was moved away left behind would be taken for the new file's log and index. */
static void remove_leftovers(const char *path)
{
	static const char *const suffixes[] = {"-wal", "-shm"};

	for (int i = 0; i < 2; i++) {
		char *name = sqlite3_mprintf("%s%s", path, suffixes[i]);

		if (name != NULL)
			unlink(name);
		sqlite3_free(name);
	}
}

/* Whatever the umask is, the file is not more open than 0640, and the group may read it. */
static int create_new(const char *path, struct why *why)
{
	int fd;

	remove_leftovers(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return errno == EEXIST ? 0 : explain_path(path, false, why);
	if (fchmod(fd, 0640) != 0)
		why_set(why, "%s: its mode cannot be set: %s", path, strerror(errno));
	return close(fd);
}

/* One process at a time: the directory is locked. */
static int create_if_absent(const char *path, struct why *why)
{
	char *copy = strdup(path);
	struct stat st;
	int dir, result;

	if (stat(path, &st) == 0 || copy == NULL) {
		free(copy);
		return 0;
	}
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || flock(dir, LOCK_EX) != 0)
		result = explain_path(path, false, why);
	else
		result = stat(path, &st) == 0 ? 0 : create_new(path, why);
	if (dir >= 0)
		close(dir);
	free(copy);
	return result;
}

/* The switch to write-ahead logging does not wait for locks by itself. */
static int use_wal(struct driver_handle *handle)
{
	const struct timespec moment = {.tv_nsec = 5 * CLOCK_MS};
	int64_t until = clock_mono() + handle->busy_wait;
	int code;

	do {
		code = sqlite3_exec(handle->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	} while ((code & 0xff) == SQLITE_BUSY && clock_mono() < until &&
		 nanosleep(&moment, NULL) == 0);
	return code;
}

static int limit_size(struct driver_handle *handle, int64_t bytes)
{
	int64_t page = 4096;
	char sql[80];
	int code = pragma_number(handle, "PRAGMA page_size", &page);

	if (code != SQLITE_OK || bytes <= 0)
		return code;
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA max_page_count = %lld",
			 (long long)(bytes / page));
	return sqlite3_exec(handle->db, sql, NULL, NULL, NULL);
}

static int configure(struct driver_handle *handle, const struct ledger_settings *settings)
{
	int code = SQLITE_OK;

	sqlite3_extended_result_codes(handle->db, 1);
	sqlite3_busy_handler(handle->db, wait_for_lock, handle);
	sqlite3_db_config(handle->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	if (!handle->read_only)
		code = use_wal(handle);
	if (code == SQLITE_OK)
		code = sqlite3_exec(handle->db,
				    settings->durability == LEDGER_PROCESS
					? "PRAGMA synchronous = NORMAL"
					: "PRAGMA synchronous = FULL",
				    NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(
		    handle->db,
		    "PRAGMA cache_size = -8000;"
		    "PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = ON;"
		    "PRAGMA trusted_schema = OFF",
		    NULL, NULL, NULL);
	if (code == SQLITE_OK && !handle->read_only)
		code = limit_size(handle, settings->max_bytes);
	return code;
}

/* In a transaction: another process may be doing the same. */
static int migrate(struct driver_handle *handle, int64_t *version)
{
	char sql[80];
	int code = run_plain(handle, BEGIN);

	if (code == SQLITE_OK)
		code = pragma_number(handle, "PRAGMA user_version", version);
	for (int64_t v = *version; code == SQLITE_OK && v < SCHEMA_VERSION; v++)
		code = sqlite3_exec(handle->db, migrations[v], NULL, NULL, NULL);
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
			 APPLICATION_ID, SCHEMA_VERSION);
	if (code == SQLITE_OK && *version < SCHEMA_VERSION)
		code = sqlite3_exec(handle->db, sql, NULL, NULL, NULL);
	if (*version < SCHEMA_VERSION)
		*version = SCHEMA_VERSION;
	return end_transaction(handle, code);
}

/* In a transaction, so that the three fit together. */
static int look_at_schema(struct driver_handle *handle, int64_t *version, bool *foreign)
{
	int64_t application = 0, tables = 0;
	int code = sqlite3_exec(handle->db, "BEGIN", NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = pragma_number(handle, "PRAGMA user_version", version);
	if (code == SQLITE_OK)
		code = pragma_number(handle, "PRAGMA application_id", &application);
	if (code == SQLITE_OK)
		code = pragma_number(handle, "SELECT COUNT(*) FROM sqlite_master", &tables);
	*foreign = tables > 0 && application != APPLICATION_ID;
	return end_transaction(handle, code);
}

static enum driver_cause cause_of_code(int code)
{
	bool damaged = (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT ||
		       (code & 0xff) == SQLITE_TOOBIG;

	return damaged ? DRIVER_CAUSE_DAMAGED : DRIVER_CAUSE_OTHER;
}

/* 0: the schema is ours and of this version. */
static int check_schema(struct driver_handle *handle, enum driver_cause *cause, struct why *why)
{
	int64_t version = 0;
	bool foreign = false;
	int code = look_at_schema(handle, &version, &foreign);

	*cause = foreign                    ? DRIVER_CAUSE_FOREIGN
		 : version > SCHEMA_VERSION ? DRIVER_CAUSE_NEW
		 : version < SCHEMA_VERSION ? DRIVER_CAUSE_OLD
					    : DRIVER_CAUSE_OTHER;
	if (code == SQLITE_OK && foreign)
		return refuse(handle->path, why, "this database belongs to another program");
	if (code == SQLITE_OK && version < SCHEMA_VERSION && !handle->read_only)
		code = migrate(handle, &version);
	if (code != SQLITE_OK) {
		*cause = cause_of_code(code);
		return explain_opening(handle, code, why);
	}
	if (version > SCHEMA_VERSION)
		return why_set(why,
			       "%s: written by a newer countersign (schema %d; this one knows %d):"
			       " upgrade this one",
			       handle->path, (int)version, SCHEMA_VERSION);
	if (version < SCHEMA_VERSION)
		return refuse(
		    handle->path, why,
		    "its schema is older than this program's: a start of countersignd updates it");
	return 0;
}

/* Somebody moved the file away: what is written now would be lost with the old one. */
static bool file_has_moved(struct driver_handle *handle)
{
	int moved = 0;

	return sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		   SQLITE_OK &&
	       moved != 0;
}

/* What its log holds goes into the file; log and index of that name may be another's by now. */
static void leave_moved_file(struct driver_handle *handle)
{
	int keep = 1;

	sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	sqlite3_wal_checkpoint_v2(handle->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void handle_close(struct driver_handle *handle)
{
	if (handle == NULL)
		return;
	if (handle->db != NULL && !handle->read_only && file_has_moved(handle))
		leave_moved_file(handle);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(handle->prepared[i]);
	sqlite3_close(handle->db);
	free(handle->path);
	free(handle);
}

/* NULL with CAUSE and WHY. */
static struct driver_handle *open_handle(const struct ledger_settings *settings,
					 enum driver_cause *cause, struct why *why)
{
	int flags = settings->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	struct driver_handle *handle = calloc(1, sizeof *handle);
	int code;

	if (handle == NULL || (handle->path = strdup(settings->path)) == NULL)
		abort();
	handle->read_only = settings->read_only;
	handle->busy_wait = settings->busy_wait;
	handle->message_seconds = settings->message_seconds;
	handle->message_rows = settings->message_rows;
	handle->message_bytes = settings->message_bytes;
	handle->max_bytes = settings->max_bytes;
	handle->day_rows = settings->day_rows;
	*cause = DRIVER_CAUSE_OTHER;
	if (!handle->read_only && create_if_absent(handle->path, why) != 0)
		goto fail;
	if (sqlite3_open_v2(handle->path, &handle->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		explain_path(handle->path, handle->read_only, why);
		goto fail;
	}
	code = configure(handle, settings);
	*cause = cause_of_code(code);
	if (code != SQLITE_OK)
		explain_opening(handle, code, why);
	else if (check_schema(handle, cause, why) == 0)
		return handle;
fail:
	handle_close(handle);
	return NULL;
}

static struct driver_handle *handle_open(const struct ledger_settings *settings, struct why *why)
{
	enum driver_cause cause;

	return open_handle(settings, &cause, why);
}

enum driver_cause sqlite_cause(const struct ledger_settings *settings, struct why *why)
{
	enum driver_cause cause;
	struct driver_handle *handle = open_handle(settings, &cause, why);

	if (handle == NULL)
		return cause;
	handle_close(handle);
	return DRIVER_CAUSE_NONE;
}

/* ---- writing ---- */

static int add_policy(struct driver_handle *handle, const struct driver_row *at)
{
	const struct ledger_policy *policy = &at->row.policy;
	const char *const texts[] = {policy->p,    policy->sp,  policy->np,      policy->adkim,
				     policy->aspf, policy->fo,  policy->testing, policy->discovery,
				     policy->rua,  policy->ruf, policy->error};
	sqlite3_stmt *statement = prepare(handle, ADD_POLICY);

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	bind_report(statement, policy->domain, at->row.day, at->config);
	sqlite3_bind_int64(statement, 4, clock_wall());
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		bind_text(statement, 5 + (int)i, texts[i]);
	return run(handle, statement);
}

static int add_tally(struct driver_handle *handle, const struct driver_row *at)
{
	const struct ledger_row *row = &at->row;
	const char *const texts[] = {row->dkim_aligned, row->spf_aligned,   row->disposition,
				     row->header_from,  row->envelope_from, row->envelope_to,
				     row->spf_domain,   row->spf_result,    row->reasons,
				     row->dkim,         row->dkim_notes};
	sqlite3_stmt *statement = prepare(handle, ADD_TALLY);

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	bind_report(statement, row->policy.domain, row->day, at->config);
	bind_text(statement, 4, row->source_ip);
	sqlite3_bind_blob(statement, 5, at->key, DRIVER_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 6, row->count);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		bind_text(statement, 7 + (int)i, texts[i]);
	sqlite3_bind_int64(statement, 18, row->quiet);
	bind_text(statement, 19, row->spf_note);
	return run(handle, statement);
}

/* Whether this host's counts go to a shared store: the file knows, not the settings, so that all
 * processes agree. */
static int read_joined(struct driver_handle *handle)
{
	sqlite3_stmt *statement = prepare(handle, READ_JOINED);
	int code = statement == NULL ? sqlite3_errcode(handle->db) : sqlite3_step(statement);

	handle->joined = code == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
	sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int add_unshipped(struct driver_handle *handle, const struct driver_row *at)
{
	sqlite3_stmt *statement = prepare(handle, ADD_UNSHIPPED);

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	bind_report(statement, at->row.policy.domain, at->row.day, at->config);
	bind_text(statement, 4, at->row.source_ip);
	sqlite3_bind_blob(statement, 5, at->key, DRIVER_KEY_LEN, SQLITE_STATIC);
	return run(handle, statement);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Nothing new to say about the policy. */
static bool same_policy(const struct driver_row *a, const struct driver_row *b)
{
	return a->row.day == b->row.day && memcmp(a->config, b->config, DRIVER_KEY_LEN) == 0 &&
	       same_text(a->row.policy.domain, b->row.policy.domain) &&
	       same_text(a->row.policy.rua, b->row.policy.rua) &&
	       same_text(a->row.policy.ruf, b->row.policy.ruf) &&
	       same_text(a->row.policy.error, b->row.policy.error);
}

/* ---- the log of messages: numbered in the order of time, so that the oldest go in small bites
 * ---- */

static int add_lines(struct driver_handle *handle, const struct messages_line *line, int64_t *count)
{
	sqlite3_stmt *statement = prepare(handle, ADD_LINE);
	int code = statement == NULL ? sqlite3_errcode(handle->db) : SQLITE_OK;

	for (; line != NULL && code == SQLITE_OK; line = line->next, ++*count) {
		sqlite3_bind_int64(statement, 1, line->at);
		bind_text(statement, 2, line->text);
		sqlite3_bind_int64(statement, 3, (int64_t)strlen(line->text));
		code = run(handle, statement);
	}
	return code;
}

struct oldest_line {
	int64_t id, at;
	int64_t ends, newest_ends;
};

static int read_oldest_line(struct driver_handle *handle, struct oldest_line *oldest)
{
	sqlite3_stmt *statement = prepare(handle, OLDEST_LINE);
	int code = statement == NULL ? sqlite3_errcode(handle->db) : sqlite3_step(statement);

	if (code == SQLITE_ROW) {
		oldest->id = sqlite3_column_int64(statement, 0);
		oldest->at = sqlite3_column_int64(statement, 1);
		oldest->ends = sqlite3_column_int64(statement, 2);
		oldest->newest_ends = sqlite3_column_int64(statement, 3);
		code = SQLITE_OK;
	}
	sqlite3_reset(statement);
	return code;
}

/* COUNT were added: at most twice as many and a few go. */
static int expire_lines(struct driver_handle *handle, int64_t count)
{
	int64_t newest = sqlite3_last_insert_rowid(handle->db);
	int64_t too_many = newest - handle->message_rows;
	int64_t too_old = clock_wall() - handle->message_seconds, too_far = INT64_MIN;
	struct oldest_line oldest = {.id = newest};
	int code = read_oldest_line(handle, &oldest);
	sqlite3_stmt *statement;

	if (handle->message_bytes > 0)
		too_far = oldest.newest_ends - handle->message_bytes;
	if (code != SQLITE_OK ||
	    (oldest.id > too_many && oldest.at >= too_old && oldest.ends >= too_far))
		return code;
	statement = prepare(handle, EXPIRE_LINES);
	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	sqlite3_bind_int64(statement, 1, oldest.id + 2 * count + 16);
	sqlite3_bind_int64(statement, 2, too_many);
	sqlite3_bind_int64(statement, 3, too_old);
	sqlite3_bind_int64(statement, 4, too_far);
	return run(handle, statement);
}

static int log_lines(struct driver_handle *handle, const struct messages_line *lines)
{
	int64_t count = 0;
	int code = add_lines(handle, lines, &count);

	return code == SQLITE_OK ? expire_lines(handle, count) : code;
}

static int note_journal(struct driver_handle *handle, const struct driver_batch *batch)
{
	bool gone = batch->folded == DRIVER_GONE;
	sqlite3_stmt *statement = prepare(handle, gone ? FORGET_JOURNAL : SET_FOLDED);

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	sqlite3_bind_blob(statement, 1, batch->journal, DRIVER_KEY_LEN, SQLITE_STATIC);
	if (!gone)
		sqlite3_bind_int64(statement, 2, (int64_t)batch->folded);
	return run(handle, statement);
}

/* ---- rows: few enough for each policy domain and day ---- */

static int add_row(struct driver_handle *handle, const struct driver_row *at)
{
	int code = add_tally(handle, at);

	return code == SQLITE_OK && handle->joined ? add_unshipped(handle, at) : code;
}

/* One that is not watched yet is to be counted at once. */
static struct day_watch *find_watch(struct driver_handle *handle, const struct driver_row *at)
{
	uint64_t id = UINT64_C(14695981039346656037) ^ (uint32_t)at->row.day; /* FNV-1a */
	struct day_watch *watch;

	for (const char *p = at->row.policy.domain; *p != '\0'; p++)
		id = (id ^ (unsigned char)*p) * UINT64_C(1099511628211);
	watch = &handle->watches[id % WATCHES];
	if (watch->id != id)
		*watch = (struct day_watch){.id = id, .added = handle->day_rows};
	return watch;
}

static int count_day(struct driver_handle *handle, const struct driver_row *at,
		     struct day_watch *watch)
{
	const char *domain = at->row.policy.domain;
	const int64_t max = handle->day_rows;
	int64_t rows = 0;
	int code = condense_count(handle->db, domain, at->row.day, &rows);

	if (code == SQLITE_OK && rows >= max)
		code = condense_day(handle, domain, at->row.day, handle->day_rows, add_row);
	if (code == SQLITE_OK && rows >= max)
		code = condense_count(handle->db, domain, at->row.day, &rows);
	watch->added = 0;
	watch->level = rows < max ? CONDENSE_NOT : rows < 2 * max ? CONDENSE_SOURCE : CONDENSE_REST;
	return code;
}

/* Counting is not for each row: other processes add too, so that no count is exact for long. */
static int watch_day(struct driver_handle *handle, const struct driver_row *at,
		     enum condense_level *level)
{
	struct day_watch *watch;
	int code = SQLITE_OK;

	*level = CONDENSE_NOT;
	if (handle->day_rows == 0)
		return SQLITE_OK;
	watch = find_watch(handle, at);
	if (++watch->added > handle->day_rows / WATCH_SHARE)
		code = count_day(handle, at, watch);
	*level = watch->level;
	return code;
}

static int add_rows(struct driver_handle *handle, const struct driver_batch *batch)
{
	struct arena *arena = arena_new(0);
	int code = SQLITE_OK;

	for (unsigned i = 0; i < batch->count && code == SQLITE_OK; i++) {
		const struct driver_row *at = batch->rows[i];
		enum condense_level level = CONDENSE_NOT;
		struct driver_row left;

		if (i == 0 || !same_policy(batch->rows[i - 1], at))
			code = add_policy(handle, at);
		if (code == SQLITE_OK)
			code = watch_day(handle, at, &level);
		if (code == SQLITE_OK && level != CONDENSE_NOT) {
			condense_row(at, level, arena, &left);
			at = &left;
		}
		if (code == SQLITE_OK)
			code = add_row(handle, at);
	}
	arena_free(arena);
	return code;
}

/* ---- a file as large as it may be ---- */

/* SQLite does not tell its own limit from that of the file system. */
static bool is_at_limit(struct driver_handle *handle)
{
	struct statvfs fs;

	return handle->max_bytes > 0 && statvfs(handle->path, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize >= DISK_FREE;
}

static int free_lines(struct driver_handle *handle)
{
	sqlite3_stmt *statement = prepare(handle, FREE_LINES);

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	sqlite3_bind_int64(statement, 1, ROOM_LINES);
	return run(handle, statement);
}

/* The oldest day that there is, if it is before yesterday; else today. */
static int32_t find_old_day(struct driver_handle *handle)
{
	sqlite3_stmt *statement = prepare(handle, OLDEST_DAY);
	int32_t today = clock_day(clock_wall()), day = today;

	if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		day = sqlite3_column_int(statement, 0);
	sqlite3_reset(statement);
	return day < today - 1 ? day : today;
}

static enum driver_outcome handle_expire(struct driver_handle *handle, int32_t before_day,
					 unsigned max, unsigned *deleted, bool *more,
					 struct why *why);

/* False: there is nothing left that may go. */
static bool make_room(struct driver_handle *handle)
{
	int32_t today = clock_day(clock_wall()), day;
	unsigned deleted = 0;
	struct why why;
	bool more;

	if (free_lines(handle) == SQLITE_OK && sqlite3_changes(handle->db) > 0)
		return true;
	day = find_old_day(handle);
	return day < today &&
	       handle_expire(handle, day + 1, ROOM_ROWS, &deleted, &more, &why) == DRIVER_DONE &&
	       deleted > 0;
}

static int commit_batch(struct driver_handle *handle, const struct driver_batch *batch)
{
	int code = run_plain(handle, BEGIN);

	if (code == SQLITE_OK)
		code = read_joined(handle);
	if (code == SQLITE_OK)
		code = add_rows(handle, batch);
	if (code == SQLITE_OK && batch->journal != NULL)
		code = note_journal(handle, batch);
	if (code == SQLITE_OK && batch->lines != NULL)
		code = log_lines(handle, batch->lines);
	return end_transaction(handle, code);
}

static enum driver_outcome handle_commit(struct driver_handle *handle,
					 const struct driver_batch *batch, struct why *why)
{
	bool full = false;
	int code = SQLITE_OK;

	if (file_has_moved(handle)) {
		refuse(handle->path, why, "the file was moved or deleted");
		return DRIVER_REOPEN;
	}
	do {
		code = commit_batch(handle, batch);
		full = (code & 0xff) == SQLITE_FULL && is_at_limit(handle);
	} while (full && make_room(handle));
	if (code == SQLITE_OK)
		return DRIVER_DONE;
	if (!full)
		return explain(handle, code, why);
	refuse(handle->path, why,
	       "it is as large as store.max_size allows, and nothing old is left that could go: "
	       "raise it");
	return DRIVER_RETRY;
}

static enum driver_outcome handle_folded(struct driver_handle *handle, const unsigned char *journal,
					 uint64_t *number, struct why *why)
{
	sqlite3_stmt *statement = prepare(handle, READ_FOLDED);
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
	return explain(handle, sqlite3_errcode(handle->db), why);
}

static void handle_sync(struct driver_handle *handle)
{
	sqlite3_wal_checkpoint_v2(handle->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* All that names the report but its rows. */
static int expire_report(struct driver_handle *handle, const char *domain, int32_t day,
			 const unsigned char *config)
{
	static const enum statement all[] = {EXPIRE_PARTS, EXPIRE_DELIVERIES, EXPIRE_REPORT,
					     EXPIRE_POLICY};
	int code = SQLITE_OK;

	for (size_t i = 0; i < sizeof all / sizeof all[0] && code == SQLITE_OK; i++) {
		sqlite3_stmt *statement = prepare(handle, all[i]);

		if (statement == NULL)
			return sqlite3_errcode(handle->db);
		bind_report(statement, domain, day, config);
		code = run(handle, statement);
	}
	return code;
}

/* The rows of the oldest report that is to go; then, when none is left, its policy. */
static int expire_oldest(struct driver_handle *handle, sqlite3_stmt *oldest, unsigned max,
			 unsigned *deleted)
{
	sqlite3_stmt *tally = prepare(handle, EXPIRE_TALLY);
	const char *domain = (const char *)sqlite3_column_text(oldest, 0);
	int32_t day = sqlite3_column_int(oldest, 1);
	const unsigned char *config = sqlite3_column_blob(oldest, 2);
	int code;

	if (tally == NULL)
		return sqlite3_errcode(handle->db);
	bind_report(tally, domain, day, config);
	sqlite3_bind_int64(tally, 4, max);
	code = run(handle, tally);
	if (code != SQLITE_OK)
		return code;
	*deleted = (unsigned)sqlite3_changes(handle->db);
	if (*deleted == max)
		return SQLITE_OK;
	return expire_report(handle, domain, day, config);
}

/* Failure reports hold what a message said: they stay for some days only, whatever is kept else. */
static int expire_failures(struct driver_handle *handle, unsigned max)
{
	sqlite3_stmt *old = prepare(handle, OLD_FAILURES);
	int code = old == NULL ? sqlite3_errcode(handle->db) : SQLITE_ROW;

	for (unsigned i = 0; i < max && code == SQLITE_ROW; i++) {
		sqlite3_bind_int64(old, 1, clock_wall() - FAILURES_KEPT);
		code = sqlite3_step(old);
		if (code == SQLITE_ROW &&
		    expire_report(handle, (const char *)sqlite3_column_text(old, 0),
				  sqlite3_column_int(old, 1),
				  sqlite3_column_blob(old, 2)) != SQLITE_OK)
			code = sqlite3_errcode(handle->db);
		sqlite3_reset(old);
	}
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static enum driver_outcome handle_expire(struct driver_handle *handle, int32_t before_day,
					 unsigned max, unsigned *deleted, bool *more,
					 struct why *why)
{
	sqlite3_stmt *oldest = prepare(handle, OLDEST);
	int code = oldest == NULL ? sqlite3_errcode(handle->db) : run_plain(handle, BEGIN);

	*deleted = 0;
	*more = true;
	if (code == SQLITE_OK)
		code = expire_failures(handle, max);
	for (unsigned reports = 0; code == SQLITE_OK && *more && *deleted < max && reports < max;
	     reports++) {
		unsigned part = 0;

		sqlite3_bind_int(oldest, 1, before_day);
		code = sqlite3_step(oldest);
		*more = code == SQLITE_ROW;
		code = *more ? expire_oldest(handle, oldest, max - *deleted, &part)
			     : sqlite3_reset(oldest);
		sqlite3_reset(oldest);
		*deleted += part;
	}
	code = end_transaction(handle, code);
	return code == SQLITE_OK ? DRIVER_DONE : explain(handle, code, why);
}

/* ---- reading ---- */

static const char *text_at(sqlite3_stmt *statement, int at, struct arena *arena)
{
	const void *text = sqlite3_column_text(statement, at);

	if (text == NULL)
		return NULL;
	return arena_copy(arena, text, (size_t)sqlite3_column_bytes(statement, at));
}

static void key_at(sqlite3_stmt *statement, int at, unsigned char key[DRIVER_KEY_LEN])
{
	const void *blob = sqlite3_column_blob(statement, at);

	memset(key, 0, DRIVER_KEY_LEN);
	if (blob != NULL && sqlite3_column_bytes(statement, at) == DRIVER_KEY_LEN)
		memcpy(key, blob, DRIVER_KEY_LEN);
}

static int sum_day(struct driver_handle *handle, struct ledger_day *day,
		   const unsigned char config[DRIVER_KEY_LEN])
{
	sqlite3_stmt *statement = prepare(handle, READ_SUM);
	int code;

	if (statement == NULL)
		return sqlite3_errcode(handle->db);
	bind_report(statement, day->policy.domain, day->day, config);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		day->rows = sqlite3_column_int64(statement, 0);
		day->messages = sqlite3_column_int64(statement, 1);
		day->passed = sqlite3_column_int64(statement, 2);
		day->quiet = sqlite3_column_int64(statement, 3);
		day->accepted = sqlite3_column_int64(statement, 4);
	}
	sqlite3_reset(statement);
	return code;
}

/* The code of the last step: SQLITE_ROW when all is well. */
static int day_at(struct driver_handle *handle, sqlite3_stmt *statement, struct arena *arena,
		  struct ledger_day *day)
{
	struct ledger_policy *policy = &day->policy;
	const char **texts[] = {&policy->p,    &policy->sp,  &policy->np,      &policy->adkim,
				&policy->aspf, &policy->fo,  &policy->testing, &policy->discovery,
				&policy->rua,  &policy->ruf, &policy->error};
	unsigned char config[DRIVER_KEY_LEN];

	policy->domain = text_at(statement, 0, arena);
	day->day = sqlite3_column_int(statement, 1);
	key_at(statement, 2, config);
	driver_config_text(config, day->config);
	day->since = sqlite3_column_int64(statement, 3);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = text_at(statement, 4 + (int)i, arena);
	return sum_day(handle, day, config);
}

static void row_at(sqlite3_stmt *statement, const struct driver_rows_query *query,
		   struct arena *arena, struct driver_row *at)
{
	struct ledger_row *row = &at->row;
	const char **texts[] = {&row->dkim_aligned, &row->spf_aligned,   &row->disposition,
				&row->header_from,  &row->envelope_from, &row->envelope_to,
				&row->spf_domain,   &row->spf_result,    &row->reasons,
				&row->dkim,         &row->dkim_notes,    &row->spf_note};

	memset(at, 0, sizeof *at);
	memcpy(at->config, query->config, DRIVER_KEY_LEN);
	row->policy.domain = query->domain;
	row->day = query->day;
	row->source_ip = text_at(statement, 0, arena);
	key_at(statement, 1, at->key);
	row->count = sqlite3_column_int64(statement, 2);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = text_at(statement, 3 + (int)i, arena);
}

static int end_page(struct driver_handle *handle, sqlite3_stmt *statement, int code, unsigned count,
		    struct why *why)
{
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		explain(handle, code, why);
	sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? (int)count : -1;
}

static int handle_days(struct driver_handle *handle, const struct driver_days_query *query,
		       struct arena *arena, struct ledger_day *days, unsigned max, struct why *why)
{
	sqlite3_stmt *statement = prepare(handle, READ_DAYS);
	const struct ledger_day *behind = query->behind;
	unsigned char config[DRIVER_KEY_LEN];
	unsigned count = 0;
	int code = SQLITE_ROW;

	if (statement == NULL)
		return end_page(handle, NULL, sqlite3_errcode(handle->db), 0, why);
	bind_text(statement, 1, query->domain);
	sqlite3_bind_int(statement, 2, query->to_day);
	sqlite3_bind_int(statement, 3, behind ? behind->day : query->from_day);
	sqlite3_bind_text(statement, 4, behind ? behind->policy.domain : "", -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 5, behind ? behind->since : 0);
	sqlite3_bind_zeroblob(statement, 6, 0);
	if (behind != NULL && driver_config_parse(behind->config, config))
		sqlite3_bind_blob(statement, 6, config, DRIVER_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 7, max);
	sqlite3_bind_int64(statement, 8, query->since);
	arena_reset(arena);
	while (count < max && code == SQLITE_ROW && (code = sqlite3_step(statement)) == SQLITE_ROW)
		code = day_at(handle, statement, arena, &days[count++]);
	return end_page(handle, statement, code, count, why);
}

static int handle_rows(struct driver_handle *handle, const struct driver_rows_query *query,
		       struct arena *arena, struct driver_row *rows, unsigned max, struct why *why)
{
	sqlite3_stmt *statement = prepare(handle, READ_ROWS);
	const struct driver_row *behind = query->behind;
	unsigned count = 0;
	int code = SQLITE_ROW;

	if (statement == NULL)
		return end_page(handle, NULL, sqlite3_errcode(handle->db), 0, why);
	bind_report(statement, query->domain, query->day, query->config);
	sqlite3_bind_text(statement, 4, behind ? behind->row.source_ip : "", -1, SQLITE_TRANSIENT);
	sqlite3_bind_zeroblob(statement, 5, 0);
	if (behind != NULL)
		sqlite3_bind_blob(statement, 5, behind->key, DRIVER_KEY_LEN, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 6, max);
	arena_reset(arena);
	while (count < max && arena_used(arena) < PAGE_BYTES &&
	       (code = sqlite3_step(statement)) == SQLITE_ROW)
		row_at(statement, query, arena, &rows[count++]);
	return end_page(handle, statement, code, count, why);
}

const struct driver driver_sqlite = {
    .open = handle_open,
    .close = handle_close,
    .commit = handle_commit,
    .folded = handle_folded,
    .sync = handle_sync,
    .expire = handle_expire,
    .days = handle_days,
    .rows = handle_rows,
};

const char *driver_sqlite_version(void)
{
	return sqlite3_libversion();
}
