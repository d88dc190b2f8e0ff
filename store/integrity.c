/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/integrity.h"

#include <string.h>

#include "store/sql/sql.h"

static enum driver_cause check_pages(struct sql *sql, const char *path, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sql_rows *rows = sql_ask(sql, "PRAGMA quick_check(1)", SQL_NO_VALUES);
	enum driver_cause cause = DRIVER_CAUSE_NONE;
	const char *said;

	if (sql_next(rows, why) != 1) {
		cause = sql->fault == DRIVER_BROKEN ? DRIVER_CAUSE_DAMAGED : DRIVER_CAUSE_OTHER;
	} else {
		said = sql_text_at(rows, 0, arena);
		if (strcmp(said, "ok") != 0) {
			cause = DRIVER_CAUSE_DAMAGED;
			why_set(why, "%s is damaged: %s", path, said);
		}
		sql_drop(rows);
	}
	arena_free(arena);
	return cause;
}

enum driver_cause integrity_check(const struct ledger_settings *settings, struct why *why)
{
	enum driver_cause cause = sqlite_cause(settings, why);
	struct sql *sql;

	if (cause != DRIVER_CAUSE_NONE)
		return cause;
	sql = sqlite_sql(settings, why);
	if (sql == NULL)
		return DRIVER_CAUSE_OTHER;
	cause = check_pages(sql, settings->path, why);
	sql_close(sql);
	return cause;
}
