/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables report, report_part, delivery, suppression and token, in SQL for every engine
 * (store/sql/sql.h). Nothing here is in a message's path.
 *
 * A report's content is stored in parts, so that memory does not grow with it. The transaction
 * reads it from a complete file: the milter's writer waits for the lock, so it is held only while
 * the report is written, not while it is built.
 */
#include "store/outbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/name.h"
#include "store/attempt.h"
#include "store/lease.h"
#include "store/sql/shared.h"
#include "store/sql/sql.h"

enum { PART_BYTES = 64 * 1024, TOKEN_LENGTH = 16, NOTICE_DAYS = 60 };

struct outbox {
	struct sql *sql;
	bool shared;        /* with other hosts */
	struct lease lease; /* SEND in a shared store */
	int lock;           /* and the note of the mail under way; -1: none */
};

static const struct name_code states[] = {{"built", OUTBOX_BUILT},
					  {"sending", OUTBOX_SENDING},
					  {"sent", OUTBOX_SENT},
					  {"deferred", OUTBOX_DEFERRED},
					  {"failed", OUTBOX_FAILED},
					  {"suppressed", OUTBOX_SUPPRESSED},
					  {NULL, 0}};

static const struct name_code kinds[] = {{"aggregate", OUTBOX_AGGREGATE},
					 {"failure", OUTBOX_FAILURE},
					 {"tls", OUTBOX_TLS},
					 {"notice", OUTBOX_NOTICE},
					 {NULL, 0}};

const char *outbox_state_text(enum outbox_state state)
{
	return name_text(states, (int)state);
}

const char *outbox_kind_text(enum outbox_kind kind)
{
	return name_text(kinds, (int)kind);
}

/* ---- opening ---- */

/* The lock file gets the owner of the ledger, whoever creates it. */
static int take_lock(struct outbox *outbox, const char *path, bool *busy, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *name = arena_printf(arena, "%s-sender", path);
	struct stat st;
	int result = 0;

	outbox->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
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

/* What was sent survives the power, too, however messages are counted: else it would be sent again.
 */
static struct sql *open_sql(const struct ledger_settings *settings, enum outbox_mode mode,
			    struct why *why)
{
	struct ledger_settings own = *settings;

	own.read_only = mode == OUTBOX_READ;
	own.durability = LEDGER_POWER;
	if (own.busy_wait == 0)
		own.busy_wait = 5 * CLOCK_SECOND;
	return settings->shared != NULL
		   ? shared_open(settings->shared, SHARED_AS_IT_IS, own.read_only, why)
		   : sqlite_sql(&own, why);
}

static int take_turn(struct outbox *outbox, const struct ledger_settings *settings, bool *busy,
		     struct why *why)
{
	int result;

	if (!outbox->shared)
		return take_lock(outbox, settings->path, busy, why);
	result = lease_take(&outbox->lease, settings->lease, outbox->sql, why);
	*busy = result == 1;
	return result == 0 ? 0 : -1;
}

struct outbox *outbox_open(const struct ledger_settings *settings, enum outbox_mode mode,
			   bool *busy, struct why *why)
{
	struct outbox *outbox = heap_zero(sizeof *outbox);

	outbox->lock = -1;
	outbox->shared = settings->shared != NULL;
	*busy = false;
	outbox->sql = open_sql(settings, mode, why);
	if (outbox->sql != NULL &&
	    (mode != OUTBOX_SEND || take_turn(outbox, settings, busy, why) == 0))
		return outbox;
	outbox_close(outbox);
	return NULL;
}

void outbox_close(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	if (outbox->sql != NULL)
		lease_drop(&outbox->lease, outbox->sql);
	sql_close(outbox->sql);
	if (outbox->lock >= 0)
		close(outbox->lock);
	free(outbox);
}

/* ---- changes: each in a transaction that renews the lease ---- */

struct change {
	struct outbox *outbox;
	sql_body *body;
	void *arg;
};

static int run_change(void *arg, struct sql *sql, struct why *why)
{
	const struct change *change = arg;
	struct lease *lease = &change->outbox->lease;

	if (lease->term != 0 && lease_hold(lease, sql, why) != 0)
		return -1;
	return change->body(change->arg, sql, why);
}

static int transact_change(struct outbox *outbox, sql_body *body, void *arg, struct why *why)
{
	struct change change = {outbox, body, arg};

	return sql_transact(outbox->sql, run_change, &change, why);
}

int outbox_keep(struct outbox *outbox, struct why *why)
{
	return lease_keep(&outbox->lease, outbox->sql, why);
}

int outbox_is_complete(struct outbox *outbox, int32_t day, int64_t grace, struct arena *arena,
		       const char **who, struct why *why)
{
	*who = "";
	return outbox->shared ? shared_is_complete(outbox->sql, day, grace, arena, who, why) : 1;
}

struct beginning {
	const struct ledger_key *key;
	bool shared;
};

static int begin_report(void *arg, struct sql *sql, struct why *why)
{
	const struct beginning *beginning = arg;
	const struct ledger_key *key = beginning->key;

	if (!beginning->shared)
		return sql_run(
		    sql, why,
		    "INSERT INTO closed (domain, day, config) VALUES ($1, $2, $3)"
		    " ON CONFLICT (domain, day, config) DO NOTHING",
		    SQL_VALUES(sql_text(key->domain), sql_int(key->day), sql_config(key->config)));
	return shared_close_policy(sql, key, why);
}

int outbox_begin(struct outbox *outbox, const struct ledger_key *key, struct why *why)
{
	struct beginning beginning = {key, outbox->shared};

	return transact_change(outbox, begin_report, &beginning, why);
}

/* ---- reports ---- */

#define REPORT "domain = $1 AND day = $2 AND config = $3"

struct putting {
	const struct outbox_report *report;
	FILE *gz;
	const char *const *addresses;
	unsigned count;
	int64_t now;
};

static int put_report(const struct putting *put, struct sql *sql, struct why *why)
{
	const struct outbox_report *report = put->report;

	return (int)sql_do(sql, why,
			   "INSERT INTO report (domain, day, config, id, file_name, built, records,"
			   " messages, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
			   " ON CONFLICT (domain, day, config) DO NOTHING",
			   SQL_VALUES(sql_text(report->domain), sql_int(report->day),
				      sql_config(report->config), sql_text(report->id),
				      sql_text(report->file_name), sql_int(put->now),
				      sql_int(report->records), sql_int(report->messages),
				      sql_text(outbox_kind_text(report->kind))));
}

static int put_part(const struct outbox_report *report, struct sql *sql, int64_t number,
		    const char *data, size_t length, struct why *why)
{
	return sql_run(sql, why,
		       "INSERT INTO report_part (domain, day, config, part, data)"
		       " VALUES ($1, $2, $3, $4, $5)",
		       SQL_VALUES(sql_text(report->domain), sql_int(report->day),
				  sql_config(report->config), sql_int(number),
				  sql_blob(data, length)));
}

static int put_parts(const struct putting *put, struct sql *sql, struct why *why)
{
	char *part = heap_alloc(PART_BYTES);
	int64_t number = 0;
	int result = 0;
	size_t length;

	rewind(put->gz);
	while (result == 0 && (length = fread(part, 1, PART_BYTES, put->gz)) > 0)
		result = put_part(put->report, sql, number++, part, length, why);
	free(part);
	if (ferror(put->gz))
		return why_set(why, "the report cannot be read: %s", strerror(errno));
	return result;
}

const char *outbox_host(struct arena *arena, const char *address)
{
	static const char scheme[] = "https://";
	struct span rest = span_of(address);
	const char *at = strrchr(address, '@');

	if (!span_istarts(rest, scheme))
		return at == NULL ? "" : arena_string(arena, at + 1);
	rest.p += strlen(scheme);
	return arena_lower(arena, span_make(rest.p, strcspn(rest.p, ":/?#")));
}

static int put_deliveries(const struct putting *put, struct sql *sql, struct why *why)
{
	const struct outbox_report *report = put->report;
	struct arena *arena = arena_new(0);
	int result = 0;

	for (unsigned i = 0; i < put->count && result == 0; i++)
		result = sql_run(
		    sql, why,
		    "INSERT INTO delivery (domain, day, config, address, host, state, tries,"
		    " next, kind) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
		    SQL_VALUES(sql_text(report->domain), sql_int(report->day),
			       sql_config(report->config), sql_text(put->addresses[i]),
			       sql_text(outbox_host(arena, put->addresses[i])),
			       sql_text(outbox_state_text(OUTBOX_BUILT)), sql_int(put->now),
			       sql_text(outbox_kind_text(report->kind))));
	arena_free(arena);
	return result;
}

/* They belong to no policy, with which other reports of a shared store are deleted. */
static int forget_notices(const struct putting *put, struct sql *sql, struct why *why)
{
	static const char *const statements[] = {
	    "DELETE FROM report_part WHERE domain = $1 AND day < $2 AND config IN"
	    " (SELECT config FROM report WHERE domain = $1 AND kind = 'notice' AND day < $2)",
	    "DELETE FROM delivery WHERE domain = $1 AND kind = 'notice' AND day < $2",
	    "DELETE FROM report WHERE domain = $1 AND kind = 'notice' AND day < $2"};
	int result = 0;

	for (size_t i = 0; i < sizeof statements / sizeof statements[0] && result == 0; i++)
		result = sql_run(sql, why, statements[i],
				 SQL_VALUES(sql_text(put->report->domain),
					    sql_int(put->report->day - NOTICE_DAYS)));
	return result;
}

static int put_all(void *arg, struct sql *sql, struct why *why)
{
	const struct putting *put = arg;
	int new = put_report(put, sql, why);

	if (new <= 0)
		return new < 0 ? -1 : 1;
	if (put->report->kind == OUTBOX_NOTICE && forget_notices(put, sql, why) != 0)
		return -1;
	if (put_parts(put, sql, why) != 0)
		return -1;
	return put_deliveries(put, sql, why);
}

int outbox_put(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
	       const char *const *addresses, unsigned count, int64_t now, struct why *why)
{
	struct putting put = {report, gz, addresses, count, now};

	assert(count == 0 || addresses != NULL);
	return transact_change(outbox, put_all, &put, why);
}

static enum outbox_kind kind_at(struct sql_rows *rows, int column, struct arena *arena)
{
	return (enum outbox_kind)name_code(kinds, span_of(sql_text_at(rows, column, arena)),
					   OUTBOX_AGGREGATE);
}

int outbox_find(struct outbox *outbox, const struct ledger_key *key, struct arena *arena,
		struct outbox_report *report, struct why *why)
{
	struct sql_rows *rows = sql_ask(
	    outbox->sql, "SELECT id, file_name, records, messages, kind FROM report WHERE " REPORT,
	    SQL_VALUES(sql_text(key->domain), sql_int(key->day), sql_config(key->config)));
	int found = sql_next(rows, why);

	if (found != 1)
		return found;
	report->domain = arena_string(arena, key->domain);
	report->day = key->day;
	report->config = arena_string(arena, key->config);
	report->id = sql_text_at(rows, 0, arena);
	report->file_name = sql_text_at(rows, 1, arena);
	report->records = sql_int_at(rows, 2);
	report->messages = sql_int_at(rows, 3);
	report->kind = kind_at(rows, 4, arena);
	sql_drop(rows);
	return 1;
}

/* One part at a time: an engine may return the whole answer at once. */
int outbox_read(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
		struct why *why)
{
	int64_t part = 0;
	int more;

	for (;; part++) {
		struct sql_rows *rows = sql_ask(
		    outbox->sql, "SELECT data FROM report_part WHERE " REPORT " AND part = $4",
		    SQL_VALUES(sql_text(report->domain), sql_int(report->day),
			       sql_config(report->config), sql_int(part)));
		const void *data;
		size_t length;

		more = sql_next(rows, why);
		if (more != 1)
			return more < 0 ? -1 : part > 0;
		data = sql_blob_at(rows, 0, &length);
		if (fwrite(data, 1, length, gz) != length)
			more = why_set(why, "the report cannot be written: %s", strerror(errno));
		sql_drop(rows);
		if (more < 0)
			return -1;
	}
}

/* ---- deliveries ---- */

#define DELIVERY                                                                                   \
	"SELECT domain, day, config, address, sent_to, state, tries, next, tried, reply, kind"     \
	" FROM delivery "

static void delivery_at(struct sql_rows *rows, struct arena *arena,
			struct outbox_delivery *delivery)
{
	const char *state = sql_text_at(rows, 5, arena);

	delivery->domain = sql_text_at(rows, 0, arena);
	delivery->day = (int32_t)sql_int_at(rows, 1);
	delivery->config = sql_config_at(rows, 2, arena);
	delivery->address = sql_text_at(rows, 3, arena);
	delivery->sent_to = sql_text_at(rows, 4, arena);
	delivery->state = (enum outbox_state)name_code(states, span_of(state), OUTBOX_FAILED);
	delivery->tries = (unsigned)sql_int_at(rows, 6);
	delivery->next = sql_int_at(rows, 7);
	delivery->tried = sql_int_at(rows, 8);
	delivery->reply = sql_text_at(rows, 9, arena);
	delivery->kind = kind_at(rows, 10, arena);
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

static int list_deliveries(struct sql_rows *rows, struct arena *arena,
			   struct outbox_delivery **list, struct why *why)
{
	int count = 0, more;

	*list = NULL;
	while ((more = sql_next(rows, why)) == 1) {
		*list = more_room(arena, *list, count, sizeof **list);
		delivery_at(rows, arena, &(*list)[count++]);
	}
	return more < 0 ? -1 : count;
}

int outbox_deliveries(struct outbox *outbox, const struct ledger_key *key, struct arena *arena,
		      struct outbox_delivery **list, struct why *why)
{
	return list_deliveries(
	    sql_ask(outbox->sql, DELIVERY "WHERE " REPORT " ORDER BY address",
		    SQL_VALUES(sql_text(key->domain), sql_int(key->day), sql_config(key->config))),
	    arena, list, why);
}

#define OF_DOMAIN(n) "(CAST($" n " AS text) IS NULL OR domain = $" n ")"
#define DUE          "next <= $1 AND day >= $2 AND day <= $3 AND " OF_DOMAIN("4") " AND kind = $5"

int outbox_due_count(struct outbox *outbox, const struct outbox_query *query, int64_t *count,
		     struct why *why)
{
	return sql_number(outbox->sql, count, why, "SELECT COUNT(*) FROM delivery WHERE " DUE,
			  SQL_VALUES(sql_int(query->now), sql_int(query->from_day),
				     sql_int(query->to_day), sql_text(query->domain),
				     sql_text(name_text(kinds, (int)query->kind)))) == 0
		   ? 0
		   : -1;
}

int outbox_due(struct outbox *outbox, const struct outbox_query *query, struct arena *arena,
	       struct outbox_delivery **list, struct why *why)
{
	return list_deliveries(
	    sql_ask(outbox->sql,
		    DELIVERY "WHERE " DUE " ORDER BY next, domain, day, config, address"
			     " LIMIT $6",
		    SQL_VALUES(sql_int(query->now), sql_int(query->from_day),
			       sql_int(query->to_day), sql_text(query->domain),
			       sql_text(name_text(kinds, (int)query->kind)), sql_int(query->max))),
	    arena, list, why);
}

int outbox_range(struct outbox *outbox, const char *domain, int32_t from_day, int32_t to_day,
		 struct arena *arena, struct outbox_delivery **list, struct why *why)
{
	return list_deliveries(
	    sql_ask(outbox->sql,
		    DELIVERY "WHERE day >= $1 AND day <= $2 AND " OF_DOMAIN(
			"3") " ORDER BY day, domain, config, address",
		    SQL_VALUES(sql_int(from_day), sql_int(to_day), sql_text(domain))),
	    arena, list, why);
}

/* A report's content goes when nobody needs it. */
static int drop_content(const struct outbox_delivery *d, struct sql *sql, struct why *why)
{
	return sql_run(
	    sql, why,
	    "DELETE FROM report_part WHERE " REPORT
	    " AND NOT EXISTS (SELECT 1 FROM delivery WHERE " REPORT
	    " AND state <> 'sent' AND (kind NOT IN ('failure', 'notice') OR next IS NOT NULL))",
	    SQL_VALUES(sql_text(d->domain), sql_int(d->day), sql_config(d->config)));
}

#define MARK                                                                                       \
	"UPDATE delivery SET sent_to = $5, state = $6, tries = $7, next = $8, tried = $9,"         \
	" reply = $10 WHERE " REPORT " AND address = $4"

/* Returns how many deliveries it has changed: 1, or 0. */
static int64_t update_delivery(const struct outbox_delivery *d, const char *text, struct sql *sql,
			       struct why *why)
{
	int64_t changed = sql_do(
	    sql, why, text,
	    SQL_VALUES(sql_text(d->domain), sql_int(d->day), sql_config(d->config),
		       sql_text(d->address), sql_text(d->sent_to),
		       sql_text(outbox_state_text(d->state)), sql_int(d->tries),
		       sql_int_or_null(d->next), sql_int_or_null(d->tried), sql_text(d->reply)));

	if (changed < 0 || (d->next == 0 && drop_content(d, sql, why) != 0))
		return -1;
	return changed;
}

static int mark_delivery(void *arg, struct sql *sql, struct why *why)
{
	return update_delivery(arg, MARK, sql, why) < 0 ? -1 : 0;
}

int outbox_mark(struct outbox *outbox, const struct outbox_delivery *delivery, struct why *why)
{
	struct outbox_delivery copy = *delivery;

	assert(delivery->address != NULL && delivery->config != NULL);
	return transact_change(outbox, mark_delivery, &copy, why);
}

static int settle_delivery(void *arg, struct sql *sql, struct why *why)
{
	return (int)update_delivery(arg, MARK " AND state = 'sending' AND tries = $7", sql, why);
}

int outbox_settle(struct outbox *outbox, const struct outbox_delivery *delivery, struct why *why)
{
	struct outbox_delivery copy = *delivery;

	assert(delivery->address != NULL && delivery->config != NULL);
	return sql_transact(outbox->sql, settle_delivery, &copy, why);
}

/* ---- the mail under way ---- */

int outbox_attempt_put(struct outbox *outbox, const struct outbox_attempt *attempt, struct why *why)
{
	assert(outbox->lock >= 0);
	return attempt == NULL ? attempt_clear(outbox->lock, why)
			       : attempt_put(outbox->lock, attempt, why);
}

int outbox_attempt_read(struct outbox *outbox, struct arena *arena, struct outbox_attempt *attempt,
			struct why *why)
{
	assert(outbox->lock >= 0);
	return attempt_read(outbox->lock, arena, attempt, why);
}

int outbox_tries(struct outbox *outbox, const char *host, int64_t since, int64_t *tries,
		 struct why *why)
{
	return sql_number(outbox->sql, tries, why,
			  "SELECT COUNT(*) FROM delivery WHERE tried >= $1"
			  " AND (CAST($2 AS text) IS NULL OR host = $2)",
			  SQL_VALUES(sql_int(since), sql_text(host))) == 0
		   ? 0
		   : -1;
}

int outbox_stored(struct outbox *outbox, enum outbox_kind kind, const char *domain, int64_t since,
		  int64_t *count, struct why *why)
{
	return sql_number(outbox->sql, count, why,
			  "SELECT COUNT(*) FROM report WHERE kind = $1 AND built >= $2"
			  " AND " OF_DOMAIN("3"),
			  SQL_VALUES(sql_text(name_text(kinds, (int)kind)), sql_int(since),
				     sql_text(domain))) == 0
		   ? 0
		   : -1;
}

/* ---- tokens ---- */

/* The first column of the only row: 1, 0 when there is none, -1. */
static int read_text(struct sql_rows *rows, struct arena *arena, const char **text, struct why *why)
{
	int found = sql_next(rows, why);

	if (found != 1)
		return found;
	*text = sql_text_at(rows, 0, arena);
	sql_drop(rows);
	return 1;
}

/* 80 bits. */
static int random_token(char token[TOKEN_LENGTH + 1])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char bytes[TOKEN_LENGTH];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return -1;
	for (unsigned i = 0; i < TOKEN_LENGTH; i++)
		token[i] = letters[bytes[i] & 31];
	token[TOKEN_LENGTH] = '\0';
	return 0;
}

struct naming {
	const char *name;
	char token[TOKEN_LENGTH + 1];
};

/* Another process may be first. */
static int add_token(void *arg, struct sql *sql, struct why *why)
{
	const struct naming *naming = arg;

	return sql_run(
	    sql, why,
	    "INSERT INTO token (name, token) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
	    SQL_VALUES(sql_text(naming->name), sql_text(naming->token)));
}

int outbox_token(struct outbox *outbox, const char *name, struct arena *arena, const char **token,
		 struct why *why)
{
	static const char find[] = "SELECT token FROM token WHERE name = $1";
	int found =
	    read_text(sql_ask(outbox->sql, find, SQL_VALUES(sql_text(name))), arena, token, why);
	struct naming naming = {.name = name};

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (random_token(naming.token) != 0)
		return why_set(why, "no random numbers: %s", strerror(errno));
	if (transact_change(outbox, add_token, &naming, why) != 0)
		return -1;
	return read_text(sql_ask(outbox->sql, find, SQL_VALUES(sql_text(name))), arena, token,
			 why) == 1
		   ? 0
		   : -1;
}

int outbox_has_token(struct outbox *outbox, const char *name, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(outbox->sql, "SELECT 1 FROM token WHERE name = $1", SQL_VALUES(sql_text(name)));
	int found = sql_next(rows, why);

	if (found == 1)
		sql_drop(rows);
	return found;
}

int outbox_token_name(struct outbox *outbox, const char *token, struct arena *arena,
		      const char **name, struct why *why)
{
	return read_text(sql_ask(outbox->sql, "SELECT name FROM token WHERE token = $1",
				 SQL_VALUES(sql_text(token))),
			 arena, name, why);
}

/* ---- suppression ---- */

static void suppression_at(struct sql_rows *rows, struct arena *arena,
			   struct outbox_suppression *suppression)
{
	suppression->address = sql_text_at(rows, 0, arena);
	suppression->failures = (unsigned)sql_int_at(rows, 1);
	suppression->until = sql_int_at(rows, 2);
	suppression->reason = sql_text_at(rows, 3, arena);
}

int outbox_suppression(struct outbox *outbox, const char *address, struct arena *arena,
		       struct outbox_suppression *found, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(outbox->sql,
		    "SELECT address, failures, until, reason FROM suppression WHERE address = $1",
		    SQL_VALUES(sql_text(address)));
	int result = sql_next(rows, why);

	if (result != 1)
		return result;
	suppression_at(rows, arena, found);
	sql_drop(rows);
	return 1;
}

static int suppress_address(void *arg, struct sql *sql, struct why *why)
{
	const struct outbox_suppression *s = arg;

	return sql_run(sql, why,
		       "INSERT INTO suppression (address, failures, until, reason)"
		       " VALUES ($1, $2, $3, $4) ON CONFLICT (address) DO UPDATE SET"
		       " failures = $2, until = $3, reason = $4",
		       SQL_VALUES(sql_text(s->address), sql_int(s->failures), sql_int(s->until),
				  sql_text(s->reason)));
}

static int forget_address(void *arg, struct sql *sql, struct why *why)
{
	const struct outbox_suppression *s = arg;
	int64_t changes = sql_do(sql, why, "DELETE FROM suppression WHERE address = $1",
				 SQL_VALUES(sql_text(s->address)));

	return changes < 0 ? -1 : changes > 0;
}

int outbox_suppress(struct outbox *outbox, const struct outbox_suppression *s, struct why *why)
{
	struct outbox_suppression copy = *s;

	return transact_change(
	    outbox, s->failures == 0 && s->until == 0 ? forget_address : suppress_address, &copy,
	    why);
}

int outbox_suppressions(struct outbox *outbox, struct arena *arena,
			struct outbox_suppression **list, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(outbox->sql,
		    "SELECT address, failures, until, reason FROM suppression ORDER BY address",
		    SQL_NO_VALUES);
	int count = 0, more;

	*list = NULL;
	while ((more = sql_next(rows, why)) == 1) {
		*list = more_room(arena, *list, count, sizeof **list);
		suppression_at(rows, arena, &(*list)[count++]);
	}
	return more < 0 ? -1 : count;
}
