#include "store/integrity.h"

#include <string.h>

#include "store/driver.h"
#include "store/sql.h"

int integrity_check(const struct ledger_settings *settings, struct why *why)
{
	struct sql *sql = sqlite_sql(settings, why);
	struct arena *arena = arena_new(0);
	struct sql_rows *rows;
	int result = -1, got;
	const char *said;

	if (sql != NULL) {
		rows = sql_ask(sql, "PRAGMA quick_check(1)", "");
		got = sql_next(rows, why);
		said = got == 1 ? sql_text_at(rows, 0, arena) : "it says nothing";
		if (got != -1)
			result = strcmp(said, "ok") == 0
				     ? 0
				     : why_set(why, "%s is damaged: %s", settings->path, said);
		if (got == 1)
			sql_drop(rows);
	}
	sql_close(sql);
	arena_free(arena);
	return result;
}
