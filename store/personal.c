/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/personal.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"

enum { HASH_BYTES = 8 };

/* ---- the file ---- */

#define FEEDBACK_COLUMNS                                                                           \
	"key, kind, received, trust, mail_from, feedback_type, reporter, domain, source_ip,"       \
	" arrived, incidents, auth_failure, alignment, delivery, dkim_domain, dkim_selector,"      \
	" sender, recipient, message_id, feedback_id"
#define UNREADABLE_COLUMNS "key, received, name, reason, trust, mail_from, size, data"

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE secret (one INTEGER NOT NULL PRIMARY KEY, key BLOB NOT NULL);"
    "INSERT INTO secret VALUES (1, randomblob(32));"
    "CREATE TABLE feedback (key BLOB NOT NULL PRIMARY KEY, kind TEXT NOT NULL,"
    " received INTEGER NOT NULL, trust TEXT NOT NULL, mail_from TEXT, feedback_type TEXT,"
    " reporter TEXT, domain TEXT, source_ip TEXT, arrived INTEGER NOT NULL,"
    " incidents INTEGER NOT NULL, auth_failure TEXT, alignment TEXT, delivery TEXT,"
    " dkim_domain TEXT, dkim_selector TEXT, sender TEXT, recipient TEXT, message_id TEXT,"
    " feedback_id TEXT) WITHOUT ROWID;"
    "CREATE INDEX feedback_received ON feedback (received);"
    "CREATE TABLE unreadable (key BLOB NOT NULL PRIMARY KEY, received INTEGER NOT NULL,"
    " name TEXT, reason TEXT NOT NULL, trust TEXT NOT NULL, mail_from TEXT,"
    " size INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX unreadable_received ON unreadable (received);",
};

static const struct driver_schema personal_schema = {
    .application_id = 0x43534750, /* "CSGP" */
    .mode = 0600,
    .steps = steps,
    .count = sizeof steps / sizeof steps[0],
};

struct sql *personal_open(const char *ledger, enum personal_use use, struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct ledger_settings settings = {
	    .path = arena_printf(arena, "%s-personal", ledger),
	    .read_only = use == PERSONAL_READ,
	    .durability = use == PERSONAL_IMPORT ? LEDGER_PROCESS : LEDGER_POWER,
	    .busy_wait = 5 * CLOCK_SECOND,
	};
	struct sql *sql = sqlite_sql_as(&personal_schema, &settings, why);

	arena_free(arena);
	return sql;
}

/* ---- writing ---- */

int personal_add(struct sql *sql, const struct personal_feedback *f, struct why *why)
{
	int64_t added = sql_do(
	    sql, why,
	    "INSERT INTO feedback (" FEEDBACK_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
	    " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
	    " ON CONFLICT (key) DO NOTHING",
	    SQL_VALUES(sql_key(f->key), sql_text(f->kind), sql_int(f->received), sql_text(f->trust),
		       sql_text(f->mail_from), sql_text(f->feedback_type), sql_text(f->reporter),
		       sql_text(f->domain), sql_text(f->source_ip), sql_int(f->arrived),
		       sql_int(f->incidents), sql_text(f->auth_failure), sql_text(f->alignment),
		       sql_text(f->delivery), sql_text(f->dkim_domain), sql_text(f->dkim_selector),
		       sql_text(f->sender), sql_text(f->recipient), sql_text(f->message_id),
		       sql_text(f->feedback_id)));

	if (added != 0 || strcmp(f->trust, "pass") != 0)
		return added < 0 ? -1 : added == 0;
	added = sql_do(sql, why,
		       "UPDATE feedback SET trust = $2, mail_from = $3"
		       " WHERE key = $1 AND trust <> 'pass'",
		       SQL_VALUES(sql_key(f->key), sql_text(f->trust), sql_text(f->mail_from)));
	return added < 0 ? -1 : added == 0 ? 1 : 2;
}

int personal_add_unreadable(struct sql *sql, const struct personal_unreadable *u, struct why *why)
{
	int64_t added =
	    sql_do(sql, why,
		   "INSERT INTO unreadable (" UNREADABLE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6,"
		   " $7, $8) ON CONFLICT (key) DO NOTHING",
		   SQL_VALUES(sql_key(u->key), sql_int(u->received), sql_text(u->name),
			      sql_text(u->reason), sql_text(u->trust), sql_text(u->mail_from),
			      sql_int(u->size), sql_blob(u->data.p, span_len(u->data))));

	if (added == 0)
		return 1;
	if (added < 0 || sql_run(sql, why,
				 "DELETE FROM unreadable WHERE key IN (SELECT key FROM unreadable"
				 " ORDER BY received DESC, key LIMIT -1 OFFSET $1)",
				 SQL_VALUES(sql_int(PERSONAL_UNREADABLE_MAX))) != 0)
		return -1;
	return 0;
}

const char *personal_hash(struct sql *sql, struct arena *arena, const char *address,
			  struct why *why)
{
	const char *at = address == NULL ? NULL : strrchr(address, '@'), *lower;
	struct crypt_hash *hash = crypt_hash_new(arena);
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct sql_rows *rows;
	struct buf text;
	const void *key;
	size_t len;

	if (address == NULL)
		return NULL;
	rows = sql_ask(sql, "SELECT key FROM secret WHERE one = 1", SQL_NO_VALUES);
	if (sql_next(rows, why) != 1)
		return NULL;
	key = sql_blob_at(rows, 0, &len);
	lower = arena_lower(arena, span_of(address));
	crypt_hash_add(hash, key, len);
	crypt_hash_add(hash, lower, strlen(lower));
	crypt_hash_finish(hash, digest);
	sql_drop(rows);
	buf_init(&text, arena, 0);
	for (unsigned i = 0; i < HASH_BYTES; i++)
		buf_printf(&text, "%02x", digest[i]);
	buf_string(&text, at == NULL ? "" : at);
	return buf_text(&text);
}

int64_t personal_expire(struct sql *sql, int64_t before, struct why *why)
{
	int64_t feedback = sql_do(sql, why, "DELETE FROM feedback WHERE received < $1",
				  SQL_VALUES(sql_int(before)));
	int64_t unreadable = feedback < 0
				 ? -1
				 : sql_do(sql, why, "DELETE FROM unreadable WHERE received < $1",
					  SQL_VALUES(sql_int(before)));

	return unreadable < 0 ? -1 : feedback + unreadable;
}

/* ---- reading ---- */

static void read_feedback(struct sql_rows *rows, struct arena *arena, struct personal_feedback *f)
{
	int at = 0;

	sql_key_at(rows, at++, f->key);
	f->kind = sql_text_at(rows, at++, arena);
	f->received = sql_int_at(rows, at++);
	f->trust = sql_text_at(rows, at++, arena);
	f->mail_from = sql_text_at(rows, at++, arena);
	f->feedback_type = sql_text_at(rows, at++, arena);
	f->reporter = sql_text_at(rows, at++, arena);
	f->domain = sql_text_at(rows, at++, arena);
	f->source_ip = sql_text_at(rows, at++, arena);
	f->arrived = sql_int_at(rows, at++);
	f->incidents = sql_int_at(rows, at++);
	f->auth_failure = sql_text_at(rows, at++, arena);
	f->alignment = sql_text_at(rows, at++, arena);
	f->delivery = sql_text_at(rows, at++, arena);
	f->dkim_domain = sql_text_at(rows, at++, arena);
	f->dkim_selector = sql_text_at(rows, at++, arena);
	f->sender = sql_text_at(rows, at++, arena);
	f->recipient = sql_text_at(rows, at++, arena);
	f->message_id = sql_text_at(rows, at++, arena);
	f->feedback_id = sql_text_at(rows, at, arena);
}

int personal_list(struct sql *sql, const char *kind, const char *domain, int64_t since,
		  personal_visit *visit, void *arg, struct why *why)
{
	struct personal_feedback feedback;
	struct sql_walk walk = sql_walk_begin(
	    sql_ask(sql,
		    "SELECT " FEEDBACK_COLUMNS " FROM feedback WHERE received >= $1 AND kind = $2"
		    " AND ($3 IS NULL OR domain = $3 OR"
		    "  substr(domain, length(domain) - length($3)) = '.' || $3)"
		    " ORDER BY received DESC, key",
		    SQL_VALUES(sql_int(since), sql_text(kind), sql_text(domain))));

	while (sql_walk_next(&walk, why) != NULL) {
		read_feedback(walk.rows, walk.arena, &feedback);
		walk.status = visit(arg, &feedback);
	}
	return sql_walk_end(&walk);
}

int personal_list_unreadable(struct sql *sql, const char *id, personal_unreadable_visit *visit,
			     void *arg, struct why *why)
{
	struct sql_walk walk = sql_walk_begin(
	    sql_ask(sql,
		    "SELECT " UNREADABLE_COLUMNS " FROM unreadable WHERE $1 IS NULL OR"
		    " substr(lower(hex(key)), 1, length($1)) = lower($1)"
		    " ORDER BY received DESC, key",
		    SQL_VALUES(sql_text(id))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct personal_unreadable u;
		size_t len;

		sql_key_at(walk.rows, 0, u.key);
		u.received = sql_int_at(walk.rows, 1);
		u.name = sql_text_at(walk.rows, 2, walk.arena);
		u.reason = sql_text_at(walk.rows, 3, walk.arena);
		u.trust = sql_text_at(walk.rows, 4, walk.arena);
		u.mail_from = sql_text_at(walk.rows, 5, walk.arena);
		u.size = sql_int_at(walk.rows, 6);
		u.data.p = sql_blob_at(walk.rows, 7, &len);
		u.data = span_make(u.data.p, len);
		walk.status = visit(arg, &u);
	}
	return sql_walk_end(&walk);
}
