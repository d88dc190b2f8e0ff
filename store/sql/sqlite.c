/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger in an SQLite file.
 *
 * A write-ahead log makes it safe against kill -9; synchronous=FULL, where the settings ask for it,
 * also against power failure (otherwise the file stays consistent, but what was committed since the
 * last sync() may be lost). Several processes write: every transaction begins IMMEDIATE, because a
 * lock cannot be upgraded later, and a process that finds the file locked tries again every
 * millisecond.
 *
 * Tables have natural keys, no sequences, no triggers, and only integers, texts and byte strings,
 * so that the same tables work on a server. There every key begins with the policy domain, by which
 * a server may be distributed; here that of `tally`, which has the counts, begins with the day, so
 * that a day's rows lie together. `policy` has one row for each day and configuration.
 *
 * The schema's version is user_version; migrations[] brings any older one up to date. The file is
 * only opened by SQLite: closing another descriptor of it would drop SQLite's locks.
 *
 * An administrator may move the file away while it is in use; a new one is then created. Processes
 * that still have the old file open must not remove the new file's log, and the new file must not
 * use the old log.
 */
#include "store/sql/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "store/sql/schema.h"

#define KEY                                                                                        \
	"domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"                        \
	" source_ip TEXT NOT NULL, row_key BLOB NOT NULL"
#define KEY_NAMES "domain, day, config, source_ip, row_key"

/* The columns of tally in version 14. */
#define TALLY_14                                                                                   \
	KEY_NAMES ", messages, quiet, disposition, dkim_aligned, spf_aligned, reasons,"            \
		  " header_from, envelope_from, envelope_to, dkim, spf_domain, spf_result,"        \
		  " dkim_notes, spf_note, shipped, shipped_quiet"

/* What each version does after it has added its columns (store/sql/schema.c). */
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
    /* 2: the outbox (store/outbox.h), and messages that are not worth a report */
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
    /* 3: more fields of RFC 9990: only new columns */
    "",
    /* 4: failure reports beside the aggregate ones, and names that nobody can guess */
    "CREATE INDEX report_by_kind ON report (kind, built, domain);"
    "CREATE TABLE token (name TEXT NOT NULL PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX token_by_token ON token (token);",
    /* 5: what has not been shipped to a shared store yet (store/ship/ship.h) */
    "CREATE TABLE unshipped (" KEY ", PRIMARY KEY (" KEY_NAMES ")) WITHOUT ROWID;"
    "CREATE TABLE batch (" KEY ", messages INTEGER NOT NULL, quiet INTEGER NOT NULL,"
    " PRIMARY KEY (" KEY_NAMES ")) WITHOUT ROWID;"
    "CREATE TABLE spool (one INTEGER NOT NULL PRIMARY KEY, host BLOB NOT NULL,"
    " joined INTEGER NOT NULL, joined_at INTEGER NOT NULL, store BLOB,"
    " sequence INTEGER NOT NULL, through INTEGER NOT NULL, shipped_at INTEGER NOT NULL);"
    "INSERT INTO spool VALUES (1, randomblob(16), 0, 0, NULL, 0, -1, 0);",
    /* 6: how much of each journal (store/journal.h) has been stored */
    "CREATE TABLE journal (id BLOB NOT NULL PRIMARY KEY, folded INTEGER NOT NULL) WITHOUT ROWID;",
    /* 7: the log of messages; until 16 */
    "CREATE TABLE message (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, line TEXT NOT NULL);",
    /* 8: ENDS: the total size of all lines up to and including this one */
    "ALTER TABLE message ADD COLUMN ends INTEGER NOT NULL DEFAULT 0;",
    /* 9: batches are kept for a while after they were shipped (store/ship/reconcile.h) */
    "ALTER TABLE batch RENAME TO old_batch;"
    "CREATE TABLE batch (sequence INTEGER NOT NULL, " KEY ", messages INTEGER NOT NULL,"
    " quiet INTEGER NOT NULL, PRIMARY KEY (sequence, " KEY_NAMES ")) WITHOUT ROWID;"
    "INSERT INTO batch SELECT (SELECT sequence FROM spool), " KEY_NAMES ", messages, quiet"
    " FROM old_batch;"
    "DROP TABLE old_batch;"
    "CREATE TABLE shipment (sequence INTEGER NOT NULL PRIMARY KEY, applied INTEGER NOT NULL,"
    " messages INTEGER NOT NULL);"
    "ALTER TABLE spool ADD COLUMN applied INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE spool ADD COLUMN base INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE spool ADD COLUMN sent INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE spool ADD COLUMN epoch TEXT NOT NULL DEFAULT '';"
    "UPDATE spool SET applied = sequence - EXISTS (SELECT 1 FROM batch);",
    /* 10: reports that others sent (store/received.h) */
    "CREATE TABLE rx_report (key BLOB NOT NULL PRIMARY KEY, kind TEXT NOT NULL,"
    " domain TEXT NOT NULL, org TEXT NOT NULL, report_id TEXT NOT NULL, begins INTEGER NOT NULL,"
    " ends INTEGER NOT NULL, received INTEGER NOT NULL, trust TEXT NOT NULL, mail_from TEXT,"
    " email TEXT, p TEXT, sp TEXT, np TEXT, adkim TEXT, aspf TEXT, testing TEXT,"
    " row_count INTEGER NOT NULL, messages INTEGER NOT NULL, passed INTEGER NOT NULL,"
    " refused INTEGER NOT NULL, repaired INTEGER NOT NULL, overlaps INTEGER NOT NULL,"
    " remarks TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX rx_report_received ON rx_report (received);"
    "CREATE INDEX rx_report_domain ON rx_report (domain, org, begins);"
    "CREATE TABLE rx_row (key BLOB NOT NULL, n INTEGER NOT NULL, source_ip TEXT,"
    " messages INTEGER NOT NULL, disposition TEXT NOT NULL, dkim_aligned TEXT NOT NULL,"
    " spf_aligned TEXT NOT NULL, header_from TEXT, envelope_from TEXT, envelope_to TEXT,"
    " reasons TEXT NOT NULL, dkim TEXT NOT NULL, spf TEXT NOT NULL,"
    " PRIMARY KEY (key, n)) WITHOUT ROWID;"
    "CREATE TABLE rx_day (domain TEXT NOT NULL, day INTEGER NOT NULL, org TEXT NOT NULL,"
    " disposition TEXT NOT NULL, dkim_aligned TEXT NOT NULL, spf_aligned TEXT NOT NULL,"
    " messages INTEGER NOT NULL, PRIMARY KEY (domain, day, org, disposition, dkim_aligned,"
    " spf_aligned)) WITHOUT ROWID;"
    "CREATE TABLE rx_tls (key BLOB NOT NULL, n INTEGER NOT NULL, policy_type TEXT,"
    " policy_domain TEXT, mx_host TEXT, successful INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " PRIMARY KEY (key, n)) WITHOUT ROWID;"
    "CREATE TABLE rx_tls_failure (key BLOB NOT NULL, policy INTEGER NOT NULL,"
    " n INTEGER NOT NULL, result_type TEXT, failed INTEGER NOT NULL, sending_ip TEXT,"
    " mx_hostname TEXT, receiving_ip TEXT, reason_code TEXT, information TEXT,"
    " PRIMARY KEY (key, policy, n)) WITHOUT ROWID;",
    /* 11: what a report was built of stays as it was; later rows go to another configuration */
    "CREATE TABLE closed (domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " PRIMARY KEY (domain, day, config)) WITHOUT ROWID;"
    "INSERT INTO closed SELECT domain, day, config FROM report WHERE kind = 'aggregate';",
    /* 12: what the rows of a report must add up to (store/integrity.h); -1: they are being expired
     */
    "CREATE TABLE total (domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " messages INTEGER NOT NULL, quiet INTEGER NOT NULL, PRIMARY KEY (domain, day, config))"
    " WITHOUT ROWID;"
    "INSERT INTO total SELECT domain, day, config, 0, 0 FROM policy;"
    "INSERT INTO total SELECT domain, day, config, SUM(messages), SUM(quiet) FROM tally"
    " WHERE true GROUP BY domain, day, config ON CONFLICT (domain, day, config) DO UPDATE"
    " SET messages = excluded.messages, quiet = excluded.quiet;"
    "ALTER TABLE spool ADD COLUMN ledger BLOB NOT NULL DEFAULT x'';"
    "UPDATE spool SET ledger = randomblob(16);",
    /* 13: MTA-STS policies of other domains (store/policies.h) */
    "CREATE TABLE sts_policy (domain TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL,"
    " text TEXT NOT NULL, fetched INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " used INTEGER NOT NULL) WITHOUT ROWID;",
    /* 14: new rows lie beside those of their day: adding one costs the same however many days there
       are. Day by day, so that nothing is sorted. */
    "ALTER TABLE tally RENAME TO old_tally;"
    "CREATE TABLE tally (domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
    " source_ip TEXT NOT NULL, row_key BLOB NOT NULL, messages INTEGER NOT NULL,"
    " quiet INTEGER NOT NULL, disposition TEXT NOT NULL, dkim_aligned TEXT NOT NULL,"
    " spf_aligned TEXT NOT NULL, reasons TEXT NOT NULL, header_from TEXT NOT NULL,"
    " envelope_from TEXT NOT NULL, envelope_to TEXT NOT NULL, dkim TEXT NOT NULL,"
    " spf_domain TEXT NOT NULL, spf_result TEXT NOT NULL, dkim_notes TEXT NOT NULL,"
    " spf_note TEXT NOT NULL, shipped INTEGER NOT NULL DEFAULT 0,"
    " shipped_quiet INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (day, domain, config, source_ip, row_key)) WITHOUT ROWID;"
    "INSERT INTO tally (" TALLY_14 ") SELECT t.* FROM"
    " (SELECT day, domain, config FROM policy ORDER BY day, domain, since, config) AS p"
    " CROSS JOIN (SELECT " TALLY_14 " FROM old_tally) AS t"
    " ON t.domain = p.domain AND t.day = p.day AND t.config = p.config;"
    "INSERT OR IGNORE INTO tally (" TALLY_14 ") SELECT " TALLY_14 " FROM old_tally AS t"
    " WHERE NOT EXISTS (SELECT 1 FROM policy AS p"
    " WHERE p.domain = t.domain AND p.day = t.day AND p.config = t.config);"
    "DROP TABLE old_tally;",
    /* 15: the outbound tally (report/sent.h), and what the operator decided about sources */
    "CREATE TABLE sent (day INTEGER NOT NULL, header_from TEXT NOT NULL, domain TEXT NOT NULL,"
    " selector TEXT NOT NULL, mail_from TEXT NOT NULL, rcpt_domain TEXT NOT NULL,"
    " messages INTEGER NOT NULL, signatures INTEGER NOT NULL,"
    " PRIMARY KEY (day, header_from, domain, selector, mail_from, rcpt_domain)) WITHOUT ROWID;"
    "CREATE TABLE flow_decision (flow TEXT NOT NULL PRIMARY KEY, decision TEXT NOT NULL,"
    " note TEXT NOT NULL, decided INTEGER NOT NULL) WITHOUT ROWID;",
    /* 16: it has a file of its own, and its lines were copied (messages_adopt()) */
    "DROP TABLE IF EXISTS message;",
    /* 17: TLS sessions with other domains' mail servers (report/tls/sessions.h) */
    "CREATE TABLE tls_session (day INTEGER NOT NULL, domain TEXT NOT NULL, key BLOB NOT NULL,"
    " policy TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, source TEXT NOT NULL,"
    " sessions INTEGER NOT NULL, PRIMARY KEY (day, domain, key)) WITHOUT ROWID;",
    /* 18: which of the policies the shared store has (enum policies_state) */
    "ALTER TABLE sts_policy ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX sts_policy_shared ON sts_policy (shared, domain);",
    /* 19: what of received reports and of the outbound tally a shared store lacks
       (store/ship/inbox.h) */
    "CREATE TABLE rx_unshipped (key BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TRIGGER rx_report_added AFTER INSERT ON rx_report BEGIN"
    " INSERT OR IGNORE INTO rx_unshipped VALUES (NEW.key); END;"
    "CREATE TRIGGER rx_report_changed AFTER UPDATE OF trust, mail_from ON rx_report BEGIN"
    " INSERT OR IGNORE INTO rx_unshipped VALUES (NEW.key); END;"
    "CREATE TRIGGER rx_report_deleted AFTER DELETE ON rx_report BEGIN"
    " DELETE FROM rx_unshipped WHERE key = OLD.key; END;"
    "INSERT INTO rx_unshipped SELECT key FROM rx_report;"
    "ALTER TABLE sent ADD COLUMN shipped INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX sent_unshipped ON sent (day) WHERE shipped <> messages + signatures;",
};
static const struct driver_schema ledger_schema = {
    .application_id = 0x4353474e, /* "CSGN" */
    .mode = 0640,
    .steps = migrations,
    .count = sizeof migrations / sizeof migrations[0],
};

/* ---- what went wrong, and what to do about it ---- */

#define DAMAGED                                                                                    \
	"it is damaged: restart countersignd, which sets it aside and begins a new one with what"  \
	" can be read of it"

static const struct {
	int code; /* primary result code of SQLite */
	enum driver_outcome outcome;
	const char *text;
} faults[] = {
    {SQLITE_BUSY, DRIVER_RETRY,
     "locked by another program for too long: find it with \"fuser -v\" and stop it"},
    {SQLITE_FULL, DRIVER_RETRY, "no space is left for it: make room on its file system"},
    {SQLITE_IOERR, DRIVER_RETRY, "it cannot be read or written: check the disk and the system log"},
    {SQLITE_READONLY, DRIVER_RETRY, "it is not writable: check its owner, its mode and the mount"},
    {SQLITE_CANTOPEN, DRIVER_RETRY, "it cannot be opened: check its directory's owner and mode"},
    {SQLITE_NOMEM, DRIVER_RETRY, "out of memory"},
    {SQLITE_NOTADB, DRIVER_BROKEN,
     "it is not an SQLite database: move it away and a new one is created"},
    {SQLITE_CORRUPT, DRIVER_BROKEN, DAMAGED},
    {SQLITE_TOOBIG, DRIVER_BROKEN, DAMAGED}, /* a length that no row of the ledger has */
};

static bool has_read_error(sqlite3_file *file)
{
	int error = 0;

	return file != NULL && file->pMethods != NULL &&
	       file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
	       (error == EIO || error == ENXIO || error == ERANGE);
}

/* SQLite calls a file malformed, too, when the disk cannot read it; what it finds while the file
 * stays open is then laid to the disk. The file is not opened again: a commit whose sync failed
 * would be found in the log, though it was refused, and be counted twice. */
static int find_code(struct sqlite *sqlite, int code)
{
	sqlite3_file *file = NULL, *log = NULL;

	if ((code & 0xff) != SQLITE_CORRUPT)
		return code;
	sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	return has_read_error(file) || has_read_error(log) ? SQLITE_IOERR_CORRUPTFS : code;
}

enum driver_outcome sqlite_explain(struct sqlite *sqlite, int said_code, struct why *why)
{
	const char *said = sqlite->fault[0] != '\0' ? sqlite->fault : sqlite3_errmsg(sqlite->db);
	const int code = find_code(sqlite, said_code);

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (faults[i].code != (code & 0xff))
			continue;
		why_set(why, "%s: %s (%s, %d)", sqlite->path, faults[i].text, said, code);
		return faults[i].outcome;
	}
	why_set(why, "%s: SQLite says: %s (%d)", sqlite->path, said, code);
	return DRIVER_REOPEN;
}

static int refuse_file(const char *path, struct why *why, const char *text)
{
	return why_set(why, "%s: %s", path, text);
}

/* SQLite does not say why a file cannot be opened. */
static int explain_path(const char *path, bool read_only, struct why *why)
{
	char *copy = heap_strdup(path);
	const char *dir = dirname(copy);
	struct stat st;

	if (stat(dir, &st) != 0)
		why_set(
		    why,
		    "%s: the directory %s: %s (create it: install -d -m 0750 -o countersign %s)",
		    path, dir, strerror(errno), dir);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		refuse_file(path, why, "this is a directory, not a file");
	else if (stat(path, &st) != 0 && errno == ENOENT && read_only)
		refuse_file(path, why, "it does not exist; countersignd creates it when it starts");
	else if (access(path, read_only ? R_OK : R_OK | W_OK) != 0 && errno != ENOENT)
		why_set(why, "%s: %s; run this as root or as the user that owns the file", path,
			strerror(errno));
	else if (access(dir, R_OK | W_OK | X_OK) != 0)
		why_set(why,
			"%s: the directory %s is not writable (SQLite keeps -wal and -shm files"
			" there): run this as root or as the user that owns the file",
			path, dir);
	else
		refuse_file(path, why, "it cannot be opened");
	free(copy);
	return -1;
}

static int explain_opening(struct sqlite *sqlite, int code, struct why *why)
{
	int primary = code & 0xff;

	if (primary == SQLITE_CANTOPEN || (primary == SQLITE_READONLY && sqlite->read_only))
		return explain_path(sqlite->path, sqlite->read_only, why);
	sqlite_explain(sqlite, code, why);
	return -1;
}

/* ---- transactions ---- */

/* Another process holds the lock: try again in a millisecond. */
static int wait_for_lock(void *arg, int calls)
{
	const struct timespec moment = {.tv_nsec = CLOCK_MS};
	struct sqlite *sqlite = arg;
	int64_t now = clock_mono();

	if (calls == 0)
		sqlite->busy_until = now + sqlite->busy_wait;
	if (now >= sqlite->busy_until)
		return 0;
	nanosleep(&moment, NULL);
	return 1;
}

int sqlite_begin(struct sqlite *sqlite)
{
	return sqlite3_exec(sqlite->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
}

int sqlite_end(struct sqlite *sqlite, int code)
{
	sqlite->fault[0] = '\0';
	if (code == SQLITE_OK)
		code = sqlite3_exec(sqlite->db, "COMMIT", NULL, NULL, NULL);
	if (code == SQLITE_OK || sqlite3_get_autocommit(sqlite->db))
		return code;
	sqlite3_snprintf(sizeof sqlite->fault, sqlite->fault, "%s", sqlite3_errmsg(sqlite->db));
	sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

/* ---- opening ---- */

static int read_number(struct sqlite *sqlite, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* SQLite would take the log and index of a file that was moved away for the new file's. */
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

/* What root makes in the directory of the daemon's user is that user's. */
static int give_to_owner(int fd, const char *path)
{
	char *copy = heap_strdup(path);
	struct stat st;
	int result = 0;

	if (geteuid() == 0 && stat(dirname(copy), &st) == 0)
		result = fchown(fd, st.st_uid, st.st_gid);
	free(copy);
	return result;
}

/* The mode is MODE whatever the umask is. */
static int create_new(const char *path, unsigned mode, struct why *why)
{
	int fd;

	remove_leftovers(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return errno == EEXIST ? 0 : explain_path(path, false, why);
	if (fchmod(fd, mode) != 0 || give_to_owner(fd, path) != 0)
		why_set(why, "%s: its mode and owner cannot be set: %s", path, strerror(errno));
	return close(fd) == 0 ? 0 : why_set(why, "%s: %s", path, strerror(errno));
}

/* The directory is locked so that only one process creates the file. */
static int create_if_absent(const char *path, unsigned mode, struct why *why)
{
	char *copy = heap_strdup(path);
	struct stat st;
	int dir, result;

	if (stat(path, &st) == 0) {
		free(copy);
		return 0;
	}
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || flock(dir, LOCK_EX) != 0)
		result = explain_path(path, false, why);
	else
		result = stat(path, &st) == 0 ? 0 : create_new(path, mode, why);
	if (dir >= 0)
		close(dir);
	free(copy);
	return result;
}

/* SQLite does not wait for locks when it switches to write-ahead logging. */
static int use_wal(struct sqlite *sqlite)
{
	const struct timespec moment = {.tv_nsec = 5 * CLOCK_MS};
	int64_t until = clock_mono() + sqlite->busy_wait;
	int code;

	do {
		code = sqlite3_exec(sqlite->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	} while ((code & 0xff) == SQLITE_BUSY && clock_mono() < until &&
		 nanosleep(&moment, NULL) == 0);
	return code;
}

/* Not before the schema is up to date: a step may need more room for a while. */
static int limit_size(struct sqlite *sqlite, const struct ledger_settings *settings,
		      struct why *why)
{
	int64_t page = 4096;
	char sql[80];
	int code;

	if (sqlite->read_only || settings->max_bytes <= 0)
		return 0;
	code = read_number(sqlite, "PRAGMA page_size", &page);
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA max_page_count = %lld",
			 (long long)(settings->max_bytes / page));
	if (code == SQLITE_OK)
		code = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : explain_opening(sqlite, code, why);
}

static int configure_connection(struct sqlite *sqlite, const struct ledger_settings *settings)
{
	int code = SQLITE_OK;

	sqlite3_extended_result_codes(sqlite->db, 1);
	sqlite3_busy_handler(sqlite->db, wait_for_lock, sqlite);
	sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	if (!sqlite->read_only && sqlite->schema->shrinks) /* of a new file */
		code =
		    sqlite3_exec(sqlite->db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL);
	if (code == SQLITE_OK && !sqlite->read_only)
		code = use_wal(sqlite);
	if (code == SQLITE_OK)
		code = sqlite3_exec(sqlite->db,
				    settings->durability == LEDGER_PROCESS
					? "PRAGMA synchronous = NORMAL"
					: "PRAGMA synchronous = FULL",
				    NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(
		    sqlite->db,
		    "PRAGMA cache_size = -8000;"
		    "PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = ON;"
		    "PRAGMA trusted_schema = OFF",
		    NULL, NULL, NULL);
	return code;
}

static int newest_schema(const struct driver_schema *schema)
{
	int columns = schema == &ledger_schema ? schema_version(SCHEMA_SQLITE) : 0;

	return columns > schema->count ? columns : schema->count;
}

static int run_addition(void *arg, const char *statement)
{
	return sqlite3_exec(((struct sqlite *)arg)->db, statement, NULL, NULL, NULL);
}

/* From VERSION to the next one. */
static int migrate_step(struct sqlite *sqlite, int version)
{
	const struct driver_schema *schema = sqlite->schema;
	int code = SQLITE_OK;

	assert(version >= 0 && version < newest_schema(schema));
	if (schema == &ledger_schema)
		code = schema_add_columns(SCHEMA_SQLITE, version + 1, run_addition, sqlite);
	if (code == SQLITE_OK && version < schema->count)
		code = sqlite3_exec(sqlite->db, schema->steps[version], NULL, NULL, NULL);
	return code;
}

/* In a transaction, because another process may be migrating the file too. */
static int migrate_file(struct sqlite *sqlite, int64_t *version)
{
	const int newest = newest_schema(sqlite->schema);
	char sql[80];
	int code = sqlite_begin(sqlite);

	if (code == SQLITE_OK)
		code = read_number(sqlite, "PRAGMA user_version", version);
	for (int64_t v = *version; code == SQLITE_OK && v < newest; v++)
		code = migrate_step(sqlite, (int)v);
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
			 sqlite->schema->application_id, newest);
	if (code == SQLITE_OK && *version < newest)
		code = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
	if (*version < newest)
		*version = newest;
	return sqlite_end(sqlite, code);
}

/* In a transaction, so that the three values belong together. */
static int look_at_schema(struct sqlite *sqlite, int64_t *version, bool *foreign)
{
	int64_t application = 0, tables = 0;
	int code = sqlite3_exec(sqlite->db, "BEGIN", NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = read_number(sqlite, "PRAGMA user_version", version);
	if (code == SQLITE_OK)
		code = read_number(sqlite, "PRAGMA application_id", &application);
	if (code == SQLITE_OK)
		code = read_number(sqlite, "SELECT COUNT(*) FROM sqlite_master", &tables);
	*foreign = tables > 0 && application != sqlite->schema->application_id;
	return sqlite_end(sqlite, code);
}

static enum driver_cause cause_of_code(struct sqlite *sqlite, int said_code)
{
	const int code = find_code(sqlite, said_code) & 0xff;
	bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_TOOBIG;

	return damaged ? DRIVER_CAUSE_DAMAGED : DRIVER_CAUSE_OTHER;
}

/* 0: the schema is ours and of this version. */
static int check_schema(struct sqlite *sqlite, enum driver_cause *cause, struct why *why)
{
	int64_t version = 0;
	const int newest = newest_schema(sqlite->schema);
	bool foreign = false;
	int code = look_at_schema(sqlite, &version, &foreign);

	*cause = foreign            ? DRIVER_CAUSE_FOREIGN
		 : version > newest ? DRIVER_CAUSE_NEW
		 : version < newest ? DRIVER_CAUSE_OLD
				    : DRIVER_CAUSE_OTHER;
	if (code == SQLITE_OK && foreign)
		return refuse_file(sqlite->path, why, "this database belongs to another program");
	if (code == SQLITE_OK && version < newest && !sqlite->read_only)
		code = migrate_file(sqlite, &version);
	if (code != SQLITE_OK) {
		*cause = cause_of_code(sqlite, code);
		return explain_opening(sqlite, code, why);
	}
	if (version > newest)
		return why_set(why,
			       "%s: written by a newer countersign (schema %d; this one knows %d):"
			       " upgrade this one",
			       sqlite->path, (int)version, newest);
	if (version < newest)
		return refuse_file(
		    sqlite->path, why,
		    "its schema is older than this program's: start countersignd to update it");
	return 0;
}

bool sqlite_has_moved(struct sqlite *sqlite)
{
	int moved = 0;

	return sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		   SQLITE_OK &&
	       moved != 0;
}

/* Writes the log back into the file but keeps the log: by now it may belong to a new file. */
static void leave_moved_file(struct sqlite *sqlite)
{
	int keep = 1;

	sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	sqlite3_wal_checkpoint_v2(sqlite->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void sqlite_close(struct sqlite *sqlite)
{
	sqlite3_stmt *statement;

	if (sqlite->db != NULL && !sqlite->read_only && sqlite_has_moved(sqlite))
		leave_moved_file(sqlite);
	while (sqlite->db != NULL && (statement = sqlite3_next_stmt(sqlite->db, NULL)) != NULL)
		sqlite3_finalize(statement);
	sqlite3_close(sqlite->db);
	free(sqlite->writer);
	free(sqlite->path);
	free(sqlite);
}

/* NULL with CAUSE and WHY. */
static struct sqlite *open_file(const struct driver_schema *schema,
				const struct ledger_settings *settings, enum driver_cause *cause,
				struct why *why)
{
	int flags = settings->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	struct sqlite *sqlite = heap_zero(sizeof *sqlite);
	int code;

	sqlite->path = heap_strdup(settings->path);
	sqlite->sql.ops = &sqlite_ops;
	sqlite->schema = schema;
	sqlite->read_only = settings->read_only;
	sqlite->busy_wait = settings->busy_wait;
	sqlite->max_bytes = settings->max_bytes;
	sqlite->day_rows = settings->day_rows;
	*cause = DRIVER_CAUSE_OTHER;
	if (!sqlite->read_only && create_if_absent(sqlite->path, schema->mode, why) != 0)
		goto fail;
	if (sqlite3_open_v2(sqlite->path, &sqlite->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		explain_path(sqlite->path, sqlite->read_only, why);
		goto fail;
	}
	code = configure_connection(sqlite, settings);
	*cause = cause_of_code(sqlite, code);
	if (code != SQLITE_OK)
		explain_opening(sqlite, code, why);
	else if (check_schema(sqlite, cause, why) == 0 && limit_size(sqlite, settings, why) == 0)
		return sqlite;
fail:
	sqlite_close(sqlite);
	return NULL;
}

struct sql *sqlite_sql_as(const struct driver_schema *schema,
			  const struct ledger_settings *settings, struct why *why)
{
	enum driver_cause cause;
	struct sqlite *sqlite = open_file(schema, settings, &cause, why);

	return sqlite == NULL ? NULL : &sqlite->sql;
}

struct sql *sqlite_sql(const struct ledger_settings *settings, struct why *why)
{
	return sqlite_sql_as(&ledger_schema, settings, why);
}

enum driver_cause sqlite_cause_as(const struct driver_schema *schema,
				  const struct ledger_settings *settings, struct why *why)
{
	enum driver_cause cause;
	struct sqlite *sqlite = open_file(schema, settings, &cause, why);

	if (sqlite == NULL)
		return cause;
	sqlite_close(sqlite);
	return DRIVER_CAUSE_NONE;
}

enum driver_cause sqlite_cause(const struct ledger_settings *settings, struct why *why)
{
	return sqlite_cause_as(&ledger_schema, settings, why);
}

const char *driver_sqlite_version(void)
{
	return sqlite3_libversion();
}
