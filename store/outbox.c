/*
 * Tables report, report_part, delivery and suppression of the ledger's file. Nothing here is done
 * often: statements are prepared for one use, and bound by a word of one letter for each value.
 *
 * A report's content is stored in parts, so that memory does not grow with it. It is read into the
 * transaction from a file that is complete: the lock, which the milter's writer waits for, is held
 * for as long as the writing takes, not the building.
 */
#include "store/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/name.h"
#include "store/sqlite.h"

enum { PART_BYTES = 64 * 1024 };

struct outbox {
	struct driver_handle *handle;
	int lock; /* -1: none */
};

static const struct name_code states[] = {{"built", OUTBOX_BUILT},
					  {"sending", OUTBOX_SENDING},
					  {"sent", OUTBOX_SENT},
					  {"deferred", OUTBOX_DEFERRED},
					  {"failed", OUTBOX_FAILED},
					  {"suppressed", OUTBOX_SUPPRESSED},
					  {NULL, 0}};

const char *outbox_state_text(enum outbox_state state)
{
	return name_text(states, (int)state);
}

/* ---- opening ---- */

/* The lock file has the owner of the ledger, whoever makes it. */
static int take_lock(struct outbox *outbox, const char *path, bool *busy, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *name = arena_printf(arena, "%s-sender", path);
	struct stat st;
	int result = 0;

	outbox->lock = open(name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (outbox->lock >= 0 && geteuid() == 0 && stat(path, &st) == 0 &&
	    fchown(outbox->lock, st.st_uid, st.st_gid) != 0)
		errno = 0; /* the daemon will say so */
	if (outbox->lock < 0) {
		result = why_set(why, "%s: %s", name, strerror(errno));
	} else if (flock(outbox->lock, LOCK_EX | LOCK_NB) != 0) {
		*busy = errno == EWOULDBLOCK;
		result = *busy ? why_set(why, "another process is sending reports: try again later")
			       : why_set(why, "%s: %s", name, strerror(errno));
	}
	arena_free(arena);
	return result;
}

struct outbox *outbox_open(const struct ledger_settings *settings, enum outbox_mode mode,
			   bool *busy, struct why *why)
{
	struct outbox *outbox = calloc(1, sizeof *outbox);
	struct ledger_settings own = *settings;

	if (outbox == NULL)
		abort();
	outbox->lock = -1;
	own.read_only = mode == OUTBOX_READ;
	if (own.busy_wait == 0)
		own.busy_wait = 5 * CLOCK_SECOND;
	*busy = false;
	outbox->handle = driver_sqlite.open(&own, why);
	if (outbox->handle != NULL &&
	    (mode != OUTBOX_SEND || take_lock(outbox, settings->path, busy, why) == 0))
		return outbox;
	outbox_close(outbox);
	return NULL;
}

void outbox_close(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	driver_sqlite.close(outbox->handle);
	if (outbox->lock >= 0)
		close(outbox->lock);
	free(outbox);
}

/* ---- statements ---- */

/* WORD: t const char * (NULL gives NULL), i int64_t, z int64_t whose 0 gives NULL, k a config as
 * hexadecimal digits. */
static void bind_all(sqlite3_stmt *statement, const char *word, va_list ap)
{
	for (int at = 1; *word != '\0'; word++, at++) {
		unsigned char key[DRIVER_KEY_LEN];
		int64_t number;

		switch (*word) {
		case 't':
			sqlite3_bind_text(statement, at, va_arg(ap, const char *), -1,
					  SQLITE_TRANSIENT);
			break;
		case 'k':
			if (driver_config_parse(va_arg(ap, const char *), key))
				sqlite3_bind_blob(statement, at, key, sizeof key, SQLITE_TRANSIENT);
			break;
		default:
			number = va_arg(ap, int64_t);
			if (*word == 'i' || number != 0)
				sqlite3_bind_int64(statement, at, number);
		}
	}
}

/* NULL: see sqlite3_errcode. The caller finalizes it. */
static sqlite3_stmt *ask(struct outbox *outbox, const char *sql, const char *word, ...)
{
	sqlite3_stmt *statement = NULL;
	va_list ap;

	if (sqlite3_prepare_v2(sqlite_db(outbox->handle), sql, -1, &statement, NULL) != SQLITE_OK)
		return NULL;
	va_start(ap, word);
	bind_all(statement, word, ap);
	va_end(ap);
	return statement;
}

/* SQLITE_OK when it has run to its end. */
static int finish(struct outbox *outbox, sqlite3_stmt *statement)
{
	int code;

	if (statement == NULL)
		return sqlite3_errcode(sqlite_db(outbox->handle));
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		;
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* The next row: 1, 0 at the end, -1. STATEMENT is finalized unless 1. */
static int next_row(struct outbox *outbox, sqlite3_stmt *statement, struct why *why)
{
	int code = statement == NULL ? sqlite3_errcode(sqlite_db(outbox->handle))
				     : sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		sqlite_explain(outbox->handle, code, why);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : -1;
}

static int failed(struct outbox *outbox, int code, struct why *why)
{
	sqlite_explain(outbox->handle, code, why);
	return -1;
}

static const char *text_at(sqlite3_stmt *statement, int at, struct arena *arena)
{
	return arena_string(arena, (const char *)sqlite3_column_text(statement, at));
}

/* ---- reports ---- */

#define REPORT "domain = ?1 AND day = ?2 AND config = ?3"

static int put_parts(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
		     struct why *why)
{
	char *part = malloc(PART_BYTES);
	int code = SQLITE_OK;
	size_t length;

	if (part == NULL)
		abort();
	rewind(gz);
	for (int64_t n = 0; code == SQLITE_OK && (length = fread(part, 1, PART_BYTES, gz)) > 0;
	     n++) {
		sqlite3_stmt *statement =
		    ask(outbox,
			"INSERT INTO report_part (domain, day, config, part, data)"
			" VALUES (?1, ?2, ?3, ?4, ?5)",
			"tiki", report->domain, (int64_t)report->day, report->config, n);

		if (statement != NULL)
			sqlite3_bind_blob(statement, 5, part, (int)length, SQLITE_STATIC);
		code = finish(outbox, statement);
	}
	free(part);
	if (ferror(gz)) {
		why_set(why, "the report cannot be read: %s", strerror(errno));
		return SQLITE_ABORT;
	}
	return code;
}

static const char *host_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? "" : at + 1;
}

static int put_rest(struct outbox *outbox, const struct outbox_report *report,
		    const char *const *addresses, unsigned count, int64_t now)
{
	int code = SQLITE_OK;

	for (unsigned i = 0; i < count && code == SQLITE_OK; i++)
		code = finish(outbox,
			      ask(outbox,
				  "INSERT INTO delivery (domain, day, config, address, host, state,"
				  " tries, next) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
				  "tikttti", report->domain, (int64_t)report->day, report->config,
				  addresses[i], host_of(addresses[i]),
				  outbox_state_text(OUTBOX_BUILT), now));
	return code;
}

int outbox_put(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
	       const char *const *addresses, unsigned count, int64_t now, struct why *why)
{
	sqlite3 *db = sqlite_db(outbox->handle);
	bool new = false;
	int code = sqlite_begin(outbox->handle);

	why->text[0] = '\0';
	if (code != SQLITE_OK)
		return failed(outbox, code, why);
	code = finish(outbox,
		      ask(outbox,
			  "INSERT INTO report (domain, day, config, id, file_name, built,"
			  " records, messages) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
			  " ON CONFLICT DO NOTHING",
			  "tikttiii", report->domain, (int64_t)report->day, report->config,
			  report->id, report->file_name, now, report->records, report->messages));
	new = code == SQLITE_OK &&sqlite3_changes(db) == 1;
	if (new)
		code = put_parts(outbox, report, gz, why);
	if (new &&code == SQLITE_OK)
		code = put_rest(outbox, report, addresses, count, now);
	code = sqlite_end(outbox->handle, code);
	if (code == SQLITE_OK)
		return new ? 0 : 1;
	return why->text[0] != '\0' ? -1 : failed(outbox, code, why);
}

int outbox_find(struct outbox *outbox, const char *domain, int32_t day, const char *config,
		struct arena *arena, struct outbox_report *report, struct why *why)
{
	sqlite3_stmt *statement =
	    ask(outbox, "SELECT id, file_name, records, messages FROM report WHERE " REPORT, "tik",
		domain, (int64_t)day, config);
	int found = next_row(outbox, statement, why);

	if (found != 1)
		return found;
	report->domain = arena_string(arena, domain);
	report->day = day;
	report->config = arena_string(arena, config);
	report->id = text_at(statement, 0, arena);
	report->file_name = text_at(statement, 1, arena);
	report->records = sqlite3_column_int64(statement, 2);
	report->messages = sqlite3_column_int64(statement, 3);
	sqlite3_finalize(statement);
	return 1;
}

int outbox_read(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
		struct why *why)
{
	sqlite3_stmt *statement =
	    ask(outbox, "SELECT data FROM report_part WHERE " REPORT " ORDER BY part", "tik",
		report->domain, (int64_t)report->day, report->config);
	int more, parts = 0;

	while ((more = next_row(outbox, statement, why)) == 1) {
		const void *data = sqlite3_column_blob(statement, 0);
		size_t length = (size_t)sqlite3_column_bytes(statement, 0);

		parts = 1;
		if (fwrite(data, 1, length, gz) == length)
			continue;
		sqlite3_finalize(statement);
		return why_set(why, "the report cannot be written: %s", strerror(errno));
	}
	return more < 0 ? -1 : parts;
}

/* ---- deliveries ---- */

#define DELIVERY                                                                                   \
	"SELECT domain, day, config, address, sent_to, state, tries, next, tried, reply"           \
	" FROM delivery "

static void delivery_at(sqlite3_stmt *statement, struct arena *arena,
			struct outbox_delivery *delivery)
{
	const char *state = (const char *)sqlite3_column_text(statement, 5);
	const unsigned char *config = sqlite3_column_blob(statement, 2);
	char text[LEDGER_CONFIG_MAX] = "";

	if (config != NULL && sqlite3_column_bytes(statement, 2) == DRIVER_KEY_LEN)
		driver_config_text(config, text);
	delivery->domain = text_at(statement, 0, arena);
	delivery->day = sqlite3_column_int(statement, 1);
	delivery->config = arena_string(arena, text);
	delivery->address = text_at(statement, 3, arena);
	delivery->sent_to = text_at(statement, 4, arena);
	delivery->state = (enum outbox_state)name_code(states, span_of(state), OUTBOX_FAILED);
	delivery->tries = (unsigned)sqlite3_column_int(statement, 6);
	delivery->next = sqlite3_column_int64(statement, 7);
	delivery->tried = sqlite3_column_int64(statement, 8);
	delivery->reply = text_at(statement, 9, arena);
}

/* Twice the room when COUNT has filled it. */
static void *more_room(struct arena *arena, void *list, int count, size_t size)
{
	void *room;

	if ((count & (count - 1)) != 0)
		return list;
	room = arena_array(arena, count == 0 ? 1 : 2 * (size_t)count, size);
	if (count > 0)
		memcpy(room, list, (size_t)count * size);
	return room;
}

static int list_deliveries(struct outbox *outbox, sqlite3_stmt *statement, struct arena *arena,
			   struct outbox_delivery **list, struct why *why)
{
	int count = 0, more;

	*list = NULL;
	while ((more = next_row(outbox, statement, why)) == 1) {
		*list = more_room(arena, *list, count, sizeof **list);
		delivery_at(statement, arena, &(*list)[count++]);
	}
	return more < 0 ? -1 : count;
}

int outbox_deliveries(struct outbox *outbox, const char *domain, int32_t day, const char *config,
		      struct arena *arena, struct outbox_delivery **list, struct why *why)
{
	return list_deliveries(outbox,
			       ask(outbox, DELIVERY "WHERE " REPORT " ORDER BY address", "tik",
				   domain, (int64_t)day, config),
			       arena, list, why);
}

#define DUE                                                                                        \
	" FROM delivery WHERE next <= ?1 AND day >= ?2 AND day <= ?3 AND (?4 IS NULL OR domain = " \
	"?4)"

int outbox_due_count(struct outbox *outbox, const char *domain, int32_t from_day, int32_t to_day,
		     int64_t now, int64_t *count, struct why *why)
{
	sqlite3_stmt *statement = ask(outbox, "SELECT COUNT(*)" DUE, "iiit", now, (int64_t)from_day,
				      (int64_t)to_day, domain);

	if (next_row(outbox, statement, why) != 1)
		return -1;
	*count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return 0;
}

int outbox_due(struct outbox *outbox, const char *domain, int32_t from_day, int32_t to_day,
	       int64_t now, unsigned max, struct arena *arena, struct outbox_delivery **list,
	       struct why *why)
{
	return list_deliveries(outbox,
			       ask(outbox,
				   DELIVERY "WHERE next <= ?1 AND day >= ?2 AND day <= ?3"
					    " AND (?4 IS NULL OR domain = ?4)"
					    " ORDER BY next, domain, day, config, address LIMIT ?5",
				   "iiiti", now, (int64_t)from_day, (int64_t)to_day, domain,
				   (int64_t)max),
			       arena, list, why);
}

int outbox_range(struct outbox *outbox, const char *domain, int32_t from_day, int32_t to_day,
		 struct arena *arena, struct outbox_delivery **list, struct why *why)
{
	return list_deliveries(outbox,
			       ask(outbox,
				   DELIVERY "WHERE day >= ?1 AND day <= ?2"
					    " AND (?3 IS NULL OR domain = ?3)"
					    " ORDER BY day, domain, config, address",
				   "iit", (int64_t)from_day, (int64_t)to_day, domain),
			       arena, list, why);
}

int outbox_mark(struct outbox *outbox, const struct outbox_delivery *d, struct why *why)
{
	int code = sqlite_begin(outbox->handle);

	if (code != SQLITE_OK)
		return failed(outbox, code, why);
	code = finish(outbox, ask(outbox,
				  "UPDATE delivery SET sent_to = ?5, state = ?6, tries = ?7,"
				  " next = ?8, tried = ?9, reply = ?10"
				  " WHERE " REPORT " AND address = ?4",
				  "tiktttizzt", d->domain, (int64_t)d->day, d->config, d->address,
				  d->sent_to, outbox_state_text(d->state), (int64_t)d->tries,
				  d->next, d->tried, d->reply));
	if (code == SQLITE_OK && d->state == OUTBOX_SENT)
		code = finish(outbox, ask(outbox,
					  "DELETE FROM report_part WHERE " REPORT
					  " AND NOT EXISTS (SELECT 1 FROM delivery WHERE " REPORT
					  " AND state <> 'sent')",
					  "tik", d->domain, (int64_t)d->day, d->config));
	code = sqlite_end(outbox->handle, code);
	return code == SQLITE_OK ? 0 : failed(outbox, code, why);
}

int outbox_tries(struct outbox *outbox, const char *host, int64_t since, int64_t *tries,
		 struct why *why)
{
	sqlite3_stmt *statement =
	    ask(outbox,
		host == NULL ? "SELECT COUNT(*) FROM delivery WHERE tried >= ?1"
			     : "SELECT COUNT(*) FROM delivery WHERE tried >= ?1"
			       " AND host = ?2",
		host == NULL ? "i" : "it", since, host);

	if (next_row(outbox, statement, why) != 1)
		return -1;
	*tries = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return 0;
}

/* ---- suppression ---- */

static void suppression_at(sqlite3_stmt *statement, struct arena *arena,
			   struct outbox_suppression *suppression)
{
	suppression->address = text_at(statement, 0, arena);
	suppression->failures = (unsigned)sqlite3_column_int(statement, 1);
	suppression->until = sqlite3_column_int64(statement, 2);
	suppression->reason = text_at(statement, 3, arena);
}

int outbox_suppression(struct outbox *outbox, const char *address, struct arena *arena,
		       struct outbox_suppression *found, struct why *why)
{
	sqlite3_stmt *statement = ask(
	    outbox, "SELECT address, failures, until, reason FROM suppression WHERE address = ?1",
	    "t", address);
	int result = next_row(outbox, statement, why);

	if (result != 1)
		return result;
	suppression_at(statement, arena, found);
	sqlite3_finalize(statement);
	return 1;
}

int outbox_suppress(struct outbox *outbox, const struct outbox_suppression *s, struct why *why)
{
	bool forget = s->failures == 0 && s->until == 0;
	int code = sqlite_begin(outbox->handle), changes;

	if (code != SQLITE_OK)
		return failed(outbox, code, why);
	code = finish(
	    outbox, forget
			? ask(outbox, "DELETE FROM suppression WHERE address = ?1", "t", s->address)
			: ask(outbox,
			      "INSERT INTO suppression (address, failures, until, reason)"
			      " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (address) DO UPDATE SET"
			      " failures = ?2, until = ?3, reason = ?4",
			      "tiit", s->address, (int64_t)s->failures, s->until, s->reason));
	changes = sqlite3_changes(sqlite_db(outbox->handle));
	code = sqlite_end(outbox->handle, code);
	if (code != SQLITE_OK)
		return failed(outbox, code, why);
	return forget && changes > 0 ? 1 : 0;
}

int outbox_suppressions(struct outbox *outbox, struct arena *arena,
			struct outbox_suppression **list, struct why *why)
{
	sqlite3_stmt *statement =
	    ask(outbox, "SELECT address, failures, until, reason FROM suppression ORDER BY address",
		"");
	int count = 0, more;

	*list = NULL;
	while ((more = next_row(outbox, statement, why)) == 1) {
		*list = more_room(arena, *list, count, sizeof **list);
		suppression_at(statement, arena, &(*list)[count++]);
	}
	return more < 0 ? -1 : count;
}
