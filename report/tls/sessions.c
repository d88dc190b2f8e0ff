/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tls/sessions.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/crypto/hash.h"

#define KEY "day = $1 AND domain = $2 AND key = $3"

static struct sql_value make_key(const struct session *session)
{
	const char *const parts[] = {
	    session->policy, name_text(session_kind_names, (int)session->kind), session->detail,
	    name_text(session_source_names, (int)session->source)};
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf text;

	buf_init(&text, NULL, 0);
	for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
		buf_printf(&text, "%s\n", parts[i]);
	crypt_sha256(text.data, text.len, digest);
	buf_free(&text);
	return sql_key(digest);
}

static int insert_row(struct sql *sql, int32_t day, const struct session *session, struct why *why)
{
	return sql_run(
	    sql, why,
	    "INSERT INTO tls_session (day, domain, key, policy, kind, detail, source, sessions)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	    " ON CONFLICT (day, domain, key) DO UPDATE SET"
	    " sessions = tls_session.sessions + excluded.sessions",
	    SQL_VALUES(sql_int(day), sql_text(session->domain), make_key(session),
		       sql_text(session->policy),
		       sql_text(name_text(session_kind_names, (int)session->kind)),
		       sql_text(session->detail),
		       sql_text(name_text(session_source_names, (int)session->source)),
		       sql_int(session->count)));
}

/* The member NAME of an object of our own, up to its end. */
static const char *cut_object(struct arena *arena, const char *object, const char *name)
{
	const char *at = strstr(object, name);

	return at == NULL ? object : arena_printf(arena, "%.*s}", (int)(at - object), object);
}

/* Without what other domains can choose freely. */
static struct session make_plain(struct arena *arena, const struct session *session)
{
	struct session plain = *session;

	plain.policy = cut_object(arena, plain.policy, ",\"policy-string\":[");
	plain.policy = cut_object(arena, plain.policy, ",\"mx-host\":[");
	if (plain.kind == SESSION_DETAIL)
		plain.detail =
		    arena_printf(arena, "%.*s}", (int)strcspn(plain.detail, ","), plain.detail);
	return plain;
}

int sessions_add(struct sql *sql, int32_t day, const struct session *session, struct why *why)
{
	struct arena *arena;
	struct session plain;
	int64_t rows, changed;
	int result;

	assert(session->policy != NULL && session->detail != NULL && session->count > 0);
	changed = sql_do(sql, why, "UPDATE tls_session SET sessions = sessions + $4 WHERE " KEY,
			 SQL_VALUES(sql_int(day), sql_text(session->domain), make_key(session),
				    sql_int(session->count)));
	if (changed != 0)
		return changed < 0 ? -1 : 0;
	if (sql_number(sql, &rows, why,
		       "SELECT COUNT(*) FROM tls_session WHERE day = $1 AND domain = $2",
		       SQL_VALUES(sql_int(day), sql_text(session->domain))) != 0)
		return -1;
	if (rows < SESSIONS_ROWS_MAX)
		return insert_row(sql, day, session, why);
	arena = arena_new(0);
	plain = make_plain(arena, session);
	result = insert_row(sql, day, &plain, why);
	arena_free(arena);
	return result;
}

int sessions_each(struct sql *sql, const char *domain, int32_t day, sessions_visit *visit,
		  void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT policy, kind, detail, source, sessions FROM tls_session"
		    " WHERE day = $1 AND domain = $2 ORDER BY policy, kind DESC, detail, source",
		    SQL_VALUES(sql_int(day), sql_text(domain)));
	int result;

	while ((result = sql_next(rows, why)) == 1) {
		struct session session = {.domain = domain};

		arena_reset(arena);
		session.policy = sql_text_at(rows, 0, arena);
		session.kind = (enum session_kind)name_code(
		    session_kind_names, span_of(sql_text_at(rows, 1, arena)), SESSION_DONE);
		session.detail = sql_text_at(rows, 2, arena);
		session.source = (enum session_source)name_code(
		    session_source_names, span_of(sql_text_at(rows, 3, arena)), SESSION_OWN);
		session.count = sql_int_at(rows, 4);
		result = visit(arg, &session);
		if (result != 0) {
			sql_drop(rows);
			break;
		}
	}
	arena_free(arena);
	return result;
}

#define SUM_OF(kind) "SUM(CASE WHEN kind = '" kind "' THEN sessions ELSE 0 END)"

/* Rows of day, domain, successful and failed sessions. */
static int visit_days(struct sql_rows *rows, sessions_day_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	int result;

	while ((result = sql_next(rows, why)) == 1) {
		struct sessions_day day;

		arena_reset(arena);
		day.day = (int32_t)sql_int_at(rows, 0);
		day.domain = sql_text_at(rows, 1, arena);
		day.successful = sql_int_at(rows, 2);
		day.failed = sql_int_at(rows, 3);
		result = visit(arg, &day);
		if (result != 0) {
			sql_drop(rows);
			break;
		}
	}
	arena_free(arena);
	return result;
}

int sessions_days(struct sql *sql, const char *domain, int32_t from, int32_t to,
		  sessions_day_visit *visit, void *arg, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT day, domain, " SUM_OF("successful") ", " SUM_OF(
			"failed") " FROM tls_session WHERE day >= $1 AND day <= $2"
				  " AND ($3 IS NULL OR domain = $3)"
				  " GROUP BY day, domain ORDER BY day, domain",
		    SQL_VALUES(sql_int(from), sql_int(to), sql_text(domain)));

	return visit_days(rows, visit, arg, why);
}

int sessions_sums(struct sql *sql, int32_t from, int32_t to, sessions_day_visit *visit, void *arg,
		  struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT MAX(day), domain, " SUM_OF("successful") " AS successful, " SUM_OF(
			"failed") " AS failed FROM tls_session WHERE day >= $1 AND day <= $2"
				  " GROUP BY domain ORDER BY failed DESC, successful DESC, domain",
		    SQL_VALUES(sql_int(from), sql_int(to)));

	return visit_days(rows, visit, arg, why);
}

int sessions_expire(struct sql *sql, int32_t before, struct why *why)
{
	return sql_run(sql, why, "DELETE FROM tls_session WHERE day < $1",
		       SQL_VALUES(sql_int(before)));
}
