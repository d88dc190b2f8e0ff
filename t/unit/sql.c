/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store/sql/sql: what is written over it behaves alike on every engine. With the URL of an empty
 * PostgreSQL database as argument that one is tried, without any the SQLite file of a ledger.
 */
#include "store/sql/sql.h"

#include <string.h>

#include "t/lib/tap.h"

static struct why why;

static void test_values(struct sql *sql, struct arena *arena)
{
	static const char *const texts[] = {"",      "a",         "quo\"te'",   "back\\slash",
					    "{a,b}", "b\xc3\xbc", "line\nline", "$1 ?1 NULL"};
	static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 4294967296};
	static const unsigned char bytes[] = {0, 1, '\\', 'x', 255, '\'', 0};
	struct sql_rows *rows;
	const void *blob;
	size_t len;

	ok(sql_do(sql, &why, "CREATE TABLE sample (n bigint NOT NULL PRIMARY KEY, t text, b bytea)",
		  SQL_NO_VALUES) >= 0,
	   "a table: %s", why.text);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		is_int(sql_do(sql, &why, "INSERT INTO sample (n, t) VALUES ($1, $2)",
			      SQL_VALUES(sql_int(i), sql_text(texts[i]))),
		       1, "a text: %s", why.text);
		rows = sql_ask(sql, "SELECT t FROM sample WHERE n = $1 AND t = $2",
			       SQL_VALUES(sql_int(i), sql_text(texts[i])));
		is_int(sql_next(rows, &why), 1, "found by it");
		is_text(sql_text_at(rows, 0, arena), texts[i], "comes back");
		sql_drop(rows);
	}
	is_int(sql_do(sql, &why, "DELETE FROM sample", SQL_NO_VALUES),
	       sizeof texts / sizeof texts[0], "how many were changed");
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		int64_t back = 7;

		sql_do(sql, &why, "INSERT INTO sample (n) VALUES ($1)",
		       SQL_VALUES(sql_int(numbers[i])));
		is_int(sql_number(sql, &back, &why, "SELECT n FROM sample WHERE n = $1",
				  SQL_VALUES(sql_int(numbers[i]))),
		       0, "a number");
		ok(back == numbers[i], "comes back");
	}
	is_int(sql_do(sql, &why, "UPDATE sample SET b = $1, t = $2 WHERE n = $3",
		      SQL_VALUES(sql_blob(bytes, sizeof bytes), sql_text(NULL), sql_int(1))),
	       1, "bytes");
	rows = sql_ask(sql, "SELECT b, t, n FROM sample WHERE b = $1",
		       SQL_VALUES(sql_blob(bytes, sizeof bytes)));
	is_int(sql_next(rows, &why), 1, "found by them");
	blob = sql_blob_at(rows, 0, &len);
	ok(len == sizeof bytes && memcmp(blob, bytes, len) == 0, "come back");
	ok(sql_text_at(rows, 1, arena) == NULL, "NULL");
	is_int(sql_int_at(rows, 2), 1, "beside them");
	is_int(sql_next(rows, &why), 0, "no other");
	is_int(sql_do(sql, &why, "UPDATE sample SET n = 100 WHERE n = $1 OR b = $2",
		      SQL_VALUES(sql_int_or_null(0), sql_config("no digits"))),
	       0, "0, and digits that are none, give NULL");
}

static void test_errors(struct sql *sql)
{
	int64_t number;

	is_int(sql_do(sql, &why, "SELECT nonsense FROM sample", SQL_NO_VALUES), -1,
	       "no such column");
	ok(strstr(why.text, "nonsense") != NULL, "said: %s", why.text);
	is_int(sql_do(sql, &why, "INSERT INTO sample (n) VALUES (1)", SQL_NO_VALUES), -1,
	       "it is there");
	is_int(
	    sql_number(sql, &number, &why, "SELECT n FROM sample WHERE n = 12345", SQL_NO_VALUES),
	    1, "no row");
}

static int add_two(void *arg, struct sql *sql, struct why *reason)
{
	const int64_t *numbers = arg;

	for (int i = 0; i < 2; i++)
		if (sql_run(sql, reason, "INSERT INTO sample (n) VALUES ($1)",
			    SQL_VALUES(sql_int(numbers[i]))) != 0)
			return -1;
	return 5;
}

static int64_t count(struct sql *sql, int64_t from, int64_t to)
{
	int64_t number = -1;

	sql_number(sql, &number, &why, "SELECT COUNT(*) FROM sample WHERE n >= $1 AND n <= $2",
		   SQL_VALUES(sql_int(from), sql_int(to)));
	return number;
}

static void test_transactions(struct sql *sql)
{
	int64_t good[] = {1000, 1001}, bad[] = {1002, 1000}, later[] = {1003, 1004};

	is_int(sql_transact(sql, add_two, good, &why), 5, "what the body returns");
	is_int(count(sql, 1000, 1010), 2, "both");
	is_int(sql_transact(sql, add_two, bad, &why), -1, "one is there already");
	ok(why.text[0] != '\0', "said: %s", why.text);
	is_int(count(sql, 1000, 1010), 2, "none of the two");
	is_int(sql_transact(sql, add_two, later, &why), 5, "then it goes on");
	is_int(count(sql, 1000, 1010), 4, "all");
}

static struct sql *open_it(const char *url, struct arena *arena)
{
	const struct ledger_settings settings = {
	    .path = arena_printf(arena, "%s/ledger.db", tap_directory()), .busy_wait = 1000000000};

	return url != NULL ? pg_sql(url, false, &why) : sqlite_sql(&settings, &why);
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(0);
	struct sql *sql = open_it(argc > 1 ? argv[1] : NULL, arena);

	ok(sql != NULL, "opened: %s", why.text);
	if (sql != NULL) {
		test_values(sql, arena);
		test_errors(sql);
		test_transactions(sql);
	}
	sql_close(sql);
	arena_free(arena);
	return tap_done();
}
