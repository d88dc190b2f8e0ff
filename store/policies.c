/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/policies.h"

#include <assert.h>

int policies_put(struct sql *sql, const struct policies_row *row, struct why *why)
{
	assert(row->domain != NULL && row->text != NULL && row->expires >= row->fetched);
	return sql_run(sql, why,
		       "INSERT INTO sts_policy (domain, id, text, fetched, expires, used, shared)"
		       " VALUES ($1, $2, $3, $4, $5, $6, $7)"
		       " ON CONFLICT (domain) DO UPDATE SET id = excluded.id,"
		       " text = excluded.text, fetched = excluded.fetched,"
		       " expires = excluded.expires, used = excluded.used,"
		       " shared = excluded.shared",
		       SQL_VALUES(sql_text(row->domain), sql_text(row->id), sql_text(row->text),
				  sql_int(row->fetched), sql_int(row->expires), sql_int(row->used),
				  sql_int(row->state)));
}

int policies_note_use(struct sql *sql, const char *domain, int64_t used, struct why *why)
{
	return sql_run(sql, why, "UPDATE sts_policy SET used = $2 WHERE domain = $1",
		       SQL_VALUES(sql_text(domain), sql_int(used)));
}

int policies_expire(struct sql *sql, int64_t now, struct why *why)
{
	return sql_run(sql, why, "DELETE FROM sts_policy WHERE expires <= $1",
		       SQL_VALUES(sql_int(now)));
}

int policies_each(struct sql *sql, const char *domain, policies_visit *visit, void *arg,
		  struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT domain, id, text, fetched, expires, used, shared FROM sts_policy"
		    " WHERE $1 IS NULL OR domain = $1 ORDER BY domain",
		    SQL_VALUES(sql_text(domain)));
	int result;

	while ((result = sql_next(rows, why)) == 1) {
		const struct policies_row row = {
		    .domain = sql_text_at(rows, 0, arena),
		    .id = sql_text_at(rows, 1, arena),
		    .text = sql_text_at(rows, 2, arena),
		    .fetched = sql_int_at(rows, 3),
		    .expires = sql_int_at(rows, 4),
		    .used = sql_int_at(rows, 5),
		    .state = (enum policies_state)sql_int_at(rows, 6),
		};

		result = visit(arg, &row);
		if (result != 0) {
			sql_drop(rows);
			break;
		}
		arena_reset(arena);
	}
	arena_free(arena);
	return result;
}
