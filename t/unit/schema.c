/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store/sql/schema: the tables that the migrations make have the columns of the table of columns.
 * With the URL of an empty PostgreSQL database as argument the shared store's are compared, without
 * any those of a ledger's file.
 */
#include "store/sql/schema.h"

#include <string.h>

#include "store/sql/shared.h"
#include "store/sql/sql.h"
#include "t/lib/tap.h"

static struct why why;

static const struct schema_table *const tables[] = {
    &schema_policy,   &schema_tally,       &schema_report, &schema_report_part,
    &schema_delivery, &schema_suppression, &schema_token};

static const char *const types[][SCHEMA_ENGINES] = {
    [SCHEMA_TEXT] = {"TEXT", "text"},     [SCHEMA_INT] = {"INTEGER", "bigint"},
    [SCHEMA_DAY] = {"INTEGER", "bigint"}, [SCHEMA_KEY] = {"BLOB", "bytea"},
    [SCHEMA_BYTES] = {"BLOB", "bytea"},
};

static const struct schema_column *find_column(const struct schema_list *list, const char *name)
{
	for (unsigned i = 0; i < list->count; i++)
		if (strcmp(list->at[i]->name, name) == 0)
			return list->at[i];
	return NULL;
}

static void test_table(struct sql *sql, enum schema_engine engine, const struct schema_table *table,
		       struct arena *arena)
{
	static const char *const ask[] = {
	    "SELECT name, type, \"notnull\" FROM pragma_table_info($1)",
	    "SELECT column_name, data_type, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END"
	    " FROM information_schema.columns"
	    " WHERE table_schema = current_schema() AND table_name = $1"};
	const struct schema_list list =
	    schema_list(table, engine == SCHEMA_SQLITE ? SCHEMA_OF_SQLITE : SCHEMA_OF_SHARED);
	struct sql_rows *rows = sql_ask(sql, ask[engine], SQL_VALUES(sql_text(table->name)));
	unsigned count = 0;

	while (sql_next(rows, &why) == 1) {
		const char *name = sql_text_at(rows, 0, arena);
		const struct schema_column *column = find_column(&list, name);

		count++;
		ok(column != NULL, "%s.%s is known", table->name, name);
		if (column == NULL)
			continue;
		is_text(sql_text_at(rows, 1, arena), types[column->type][engine], "type of %s.%s",
			table->name, name);
		is_int(sql_int_at(rows, 2), !column->may_be_null, "NOT NULL of %s.%s", table->name,
		       name);
	}
	is_int(count, list.count, "columns of %s", table->name);
}

static int note_statement(void *arg, const char *statement)
{
	buf_printf(arg, "%s;", statement);
	return 0;
}

static int refuse_statement(void *arg, const char *statement)
{
	++*(int *)arg;
	return statement[0];
}

static void test_additions(void)
{
	static const struct {
		enum schema_engine engine;
		int version;
		const char *statements;
	} cases[] = {
	    {SCHEMA_SQLITE, 1, ""},
	    {SCHEMA_SQLITE, 2, "ALTER TABLE tally ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;"},
	    {SCHEMA_SQLITE, 3,
	     "ALTER TABLE policy ADD COLUMN error TEXT;"
	     "ALTER TABLE tally ADD COLUMN spf_note TEXT NOT NULL DEFAULT '';"},
	    {SCHEMA_SQLITE, 4,
	     "ALTER TABLE report ADD COLUMN kind TEXT NOT NULL DEFAULT 'aggregate';"
	     "ALTER TABLE delivery ADD COLUMN kind TEXT NOT NULL DEFAULT 'aggregate';"},
	    {SCHEMA_SQLITE, 5,
	     "ALTER TABLE tally ADD COLUMN shipped INTEGER NOT NULL DEFAULT 0;"
	     "ALTER TABLE tally ADD COLUMN shipped_quiet INTEGER NOT NULL DEFAULT 0;"},
	    {SCHEMA_SQLITE, 6, ""},
	    {SCHEMA_SHARED, 1, ""},
	};
	int calls = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf got;

		buf_init(&got, NULL, 0);
		is_int(schema_add_columns(cases[i].engine, cases[i].version, note_statement, &got),
		       0, "all of them");
		is_text(buf_text(&got), cases[i].statements, "columns that version %d added",
			cases[i].version);
		buf_free(&got);
	}
	is_int(schema_add_columns(SCHEMA_SQLITE, 3, refuse_statement, &calls), 'A', "a fault ends");
	is_int(calls, 1, "at the first");
}

/* store/packed.h hashes from the first text of a role to the first one of the next. */
static void test_order(void)
{
	const struct schema_column *column = NULL;
	enum schema_role last = SCHEMA_DOMAIN;
	unsigned count = 0;

	while ((column = schema_next_text(column)) != NULL) {
		ok(column->role >= last, "%s is in its place", column->name);
		ok(column->role != SCHEMA_DOMAIN || count == 0, "the domain comes first");
		ok(column->at != SCHEMA_NO_MEMBER && column->type == SCHEMA_TEXT, "a text");
		last = column->role;
		count++;
	}
	is_int(last, SCHEMA_ROW_NOTE, "there are all roles");
}

static struct sql *open_store(const char *url, struct arena *arena)
{
	const struct ledger_settings settings = {
	    .path = arena_printf(arena, "%s/ledger.db", tap_directory()), .busy_wait = 1000000000};

	return url != NULL ? shared_open(url, SHARED_MIGRATE, false, &why)
			   : sqlite_sql(&settings, &why);
}

int main(int argc, char **argv)
{
	const char *url = argc > 1 ? argv[1] : NULL;
	struct arena *arena = arena_new(0);
	struct sql *sql = open_store(url, arena);

	test_additions();
	test_order();
	ok(sql != NULL, "opened: %s", why.text);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0] && sql != NULL; i++)
		test_table(sql, url == NULL ? SCHEMA_SQLITE : SCHEMA_SHARED, tables[i], arena);
	sql_close(sql);
	arena_free(arena);
	return tap_done();
}
