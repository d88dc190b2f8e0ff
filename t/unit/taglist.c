/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/taglist: the walker of RFC 6376 section 3.2. */
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "mail/taglist.h"
#include "t/lib/tap.h"

struct list_case {
	const char *text;
	const char *want; /* "name=value|..." as found, or NULL: refused */
	const char *why;  /* a part of the reason */
};

static const struct list_case lists[] = {
    {"a=1", "a=1|", NULL},
    {"a=1;", "a=1|", NULL},
    {"a=1; ", "a=1|", NULL},
    {"v=DKIM1; k=rsa; p=MIG", "v=DKIM1|k=rsa|p=MIG|", NULL},
    {" \r\n\ta \r\n = \t1\r\n 2 ; b=", "a=1\r\n 2|b=|", NULL},
    {"a==", "a==|", NULL},
    {"a=1=2;b==3", "a=1=2|b==3|", NULL},
    {"A=1;a=2", "A=1|a=2|", NULL},
    {"x_9=z", "x_9=z|", NULL},
    {"a=\x01\xff", "a=\x01\xff|", NULL},
    {"", NULL, "tag 1 is empty"},
    {" ", NULL, "tag 1 is empty"},
    {";", NULL, "tag 1 is empty"},
    {"a=1;;", NULL, "tag 2 is empty"},
    {"a=1;;b=2", NULL, "tag 2 is empty"},
    {"a=1; ;", NULL, "tag 2 is empty"},
    {";a=1", NULL, "tag 1 is empty"},
    {"a=1;b", NULL, "tag 2 has no \"=\""},
    {"=1", NULL, "tag 1 does not have a valid name"},
    {"1=1", NULL, "not have a valid name"},
    {"_a=1", NULL, "not have a valid name"},
    {"a-b=1", NULL, "not have a valid name"},
    {"a b=1", NULL, "not have a valid name"},
    {"\xc3\xa9=1", NULL, "not have a valid name"},
    {"a=1;a=1", NULL, "a= appears twice"},
    {"b=1;a=1; b =2", NULL, "b= appears twice"},
};

static const char *shown(struct arena *arena, const struct taglist *list)
{
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (unsigned i = 0; i < list->count; i++) {
		buf_span(&buf, list->tags[i].name);
		buf_char(&buf, '=');
		buf_span(&buf, list->tags[i].value);
		buf_char(&buf, '|');
	}
	return buf_text(&buf);
}

static void test_lists(struct arena *arena)
{
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const struct list_case *c = &lists[i];
		struct taglist list;
		struct why why = {""};
		int failed = taglist_parse(&list, span_of(c->text), &why);

		is_text(failed ? NULL : shown(arena, &list), c->want, "list %zu", i);
		if (c->why != NULL)
			ok(strstr(why.text, c->why) != NULL, "list %zu: reason \"%s\"", i,
			   why.text);
	}
}

static void test_count(struct arena *arena)
{
	struct taglist list;
	struct why why;
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (unsigned i = 0; i < TAGLIST_MAX; i++)
		buf_printf(&buf, "%st%u=%u", i > 0 ? ";" : "", i, i);
	is_int(taglist_parse(&list, buf_view(&buf), &why), 0, "as many tags as a list can hold");
	is_int(list.count, TAGLIST_MAX, "all are there");
	ok(span_eq(taglist_find(&list, "t63")->value, "63"), "the last one is found");
	buf_char(&buf, ';');
	is_int(taglist_parse(&list, buf_view(&buf), &why), 0, "and the final semicolon");
	buf_string(&buf, "z=1");
	is_int(taglist_parse(&list, buf_view(&buf), &why), -1, "one more is refused");
}

static void test_find(void)
{
	struct taglist list;
	const char *text = "a=1; bh=22 ;\tB = 3 ;c=4";

	taglist_parse(&list, span_of(text), NULL);
	ok(taglist_find(&list, "b") == NULL && taglist_find(&list, "A") == NULL, "case matters");
	ok(span_eq(taglist_find(&list, "bh")->whole, "bh=22 "), "whole: up to the semicolon");
	ok(span_eq(taglist_find(&list, "B")->whole, "B = 3 "), "whole: from the name on");
	ok(span_eq(taglist_find(&list, "c")->whole, "c=4"), "whole: up to the end");
	ok(taglist_find(&list, "B")->value.p == text + 17, "values point into the text");
}

static void test_values(void)
{
	static const struct {
		const char *value;
		bool ascii, utf8;
	} cases[] = {
	    {"", true, true},          {"abc", true, true},     {"a\r\n b", true, true},
	    {"a\tb", true, true},      {"a\x01", false, false}, {"\x7f", false, false},
	    {"\xc3\xa9", false, true}, {"a\x0b", false, false}, {"~!=", true, true},
	    {"a;b", false, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct span value = span_of(cases[i].value);

		is_int(taglist_value_ok(value, false), cases[i].ascii, "value %zu, ASCII", i);
		is_int(taglist_value_ok(value, true), cases[i].utf8, "value %zu, UTF-8", i);
	}
	ok(!taglist_value_ok(span_make("a\0b", 3), true), "a NUL is not a value");
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_lists(arena);
	test_count(arena);
	test_find();
	test_values();
	arena_free(arena);
	return tap_done();
}
