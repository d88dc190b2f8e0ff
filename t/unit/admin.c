/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/: tables and JSON as they are printed. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "t/lib/tap.h"

static char *text;
static size_t length;

static FILE *begin(void)
{
	return open_memstream(&text, &length);
}

static void end(FILE *stream, const char *want, const char *name)
{
	fclose(stream);
	is_text(text, want, "%s", name);
	free(text);
}

static void test_table(struct arena *arena)
{
	static const char *const headings[] = {"DOMAIN", ">COUNT", "STATE"};
	struct out_table *table = out_table_new(arena, headings, 3);
	FILE *f = begin();

	out_table_print(table, f, false);
	end(f, "", "a table without rows prints nothing");
	for (int i = 0; i < 30; i++) {
		out_cell(table, OUT_PLAIN, i == 0 ? "a\033[31m" : "example.com");
		out_cell(table, OUT_PLAIN, "%d", i * 100);
		out_cell(table, OUT_GOOD, "ok");
	}
	f = begin();
	out_table_print(table, f, true);
	fclose(f);
	text[118] = '\0';
	is_text(
	    strstr(text, "a\\x1b"),
	    "a\\x1b[31m        0  \033[32mok\033[0m\nexample.com    100  \033[32mok\033[0m\nexam",
	    "columns, colour, escaped control characters");
	free(text);
}

static void test_text(void)
{
	FILE *f = begin();

	out_text(f, "a\nb\tc\x7f\xff");
	end(f, "a\\x0ab\\x09c\\x7f\\xff", "what is not a printable character is escaped");
}

static void test_json(struct arena *arena)
{
	struct jsonout *out = jsonout_new(arena, "test");
	FILE *f = begin();

	jsonout_text(out, "text", "a\"\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x98\x80\xc3");
	jsonout_array(out, "list");
	jsonout_int(out, NULL, 9007199254740993);
	jsonout_null(out, NULL);
	jsonout_object(out, NULL);
	jsonout_bool(out, "yes", true);
	jsonout_end(out);
	jsonout_end(out);
	jsonout_text(out, "absent", NULL);
	jsonout_print(out, f);
	fclose(f);
	ok(strstr(text, "\"schema\": \"countersign.test/1\"") != NULL, "the schema is named");
	is_text(
	    strstr(text, "  \"text\""),
	    "  \"text\": \"a\\\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xf0\x9f\x98\x80\xef\xbf\xbd\",\n"
	    "  \"list\": [\n    9007199254740993,\n    null,\n    {\n      \"yes\": true\n    }\n"
	    "  ],\n  \"absent\": null\n}\n",
	    "order, nesting, and bytes that are not UTF-8");
	free(text);
}

int main(void)
{
	struct arena *arena = arena_new(0);

	setlocale(LC_CTYPE, "C");
	test_table(arena);
	test_text();
	test_json(arena);
	arena_free(arena);
	return tap_done();
}
