/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/logfields: a log line is read back, and found by what is in it. */
#include <string.h>

#include "mail/logfields.h"
#include "lib/buf.h"
#include "t/lib/tap.h"

static const char line[] =
    "4bX: origin=inbound ip=192.0.2.1 from=<Bob@sender.test> "
    "dkim=pass/sender.test/s1/rsa-sha256/2048,fail/x.test/\"a b\"/rsa-sha256 "
    "override=other override=local_policy reason=\"say \\\"no\\\", \\x41\\\\\" size=12 empty=";

static void test_line(struct arena *arena)
{
	struct logfields fields;

	ok(logfields_parse(arena, span_of(line), &fields), "a line is read");
	is_int(fields.count, 9, "all its fields");
	is_text(logfields_get(&fields, "qid"), "4bX", "the queue id");
	is_text(logfields_get(&fields, "from"), "<Bob@sender.test>", "a plain value");
	is_text(logfields_get(&fields, "reason"), "say \"no\", A\\", "a quoted one");
	is_text(logfields_get(&fields, "dkim"),
		"pass/sender.test/s1/rsa-sha256/2048,fail/x.test/a b/rsa-sha256",
		"quotes inside a value");
	is_text(logfields_get(&fields, "override"), "other, local_policy", "the same key twice");
	is_text(logfields_get(&fields, "empty"), "", "an empty value");
	is_text(logfields_get(&fields, "nothing"), NULL, "no such field");
}

static void test_bad(struct arena *arena)
{
	static const char *const bad[] = {
	    "",      "x",        ": a=b",       "a b: c=d",    "x: a",      "x:a=b",
	    "x: =b", "x: a=\"b", "x: a=b  c=d", "x: a=\"\\x4", "x: a=\"\\", "x: a-b=c"};
	struct logfields fields;
	struct buf many;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!logfields_parse(arena, span_of(bad[i]), &fields), "no line: %s", bad[i]);
	buf_init(&many, arena, 0);
	buf_string(&many, "x:");
	for (int i = 0; i < LOGFIELDS_MAX; i++)
		buf_printf(&many, " k%d=v", i);
	ok(!logfields_parse(arena, buf_view(&many), &fields), "too many fields");
	ok(!logfields_parse(arena, span_make("x: a=\0", 6), &fields), "a NUL");
}

static void test_match(void)
{
	static const struct {
		const char *value, *wanted;
		bool match;
	} cases[] = {
	    {"pass", "PASS", true},
	    {"pass", "pas", false},
	    {"<bob@sender.test>", "Bob@Sender.test", true},
	    {"<bob@sender.test>", "<bob@sender.test>", true},
	    {"<bob@sender.test>", "sender.test", true},
	    {"<bob@sender.test>", "ender.test", false},
	    {"<>", "<>", true},
	    {"<>", "", true},
	    {"<>", "x", false},
	    {"pass/a.test/s1/rsa-sha256,fail/b.test/s2/rsa-sha256", "fail", true},
	    {"pass/a.test/s1/rsa-sha256,fail/b.test/s2/rsa-sha256", "b.test", true},
	    {"pass/a.test/s1/rsa-sha256,fail/b.test/s2/rsa-sha256", "s2", false},
	    {"pass/a.test/s1/rsa-sha256,fail/b.test/s2/rsa-sha256", "none", false},
	    {"spf,dkim", "dkim", true},
	    {"<a@x.test>,<B@y.test>", "b@y.test", true},
	    {"<a@x.test>,<B@y.test>", "<a@x.test>", true},
	    {"<a@x.test>,<B@y.test>", "x.test", true},
	    {"<a@x.test>,<B@y.test>", "test", false},
	    {"<\"a,b\"@x.test>", "\"a,b\"@x.test", true},
	    {"<1.a/b@host>", "1.a/b@host", true},
	    {"no brackets", "no brackets", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_int(logfields_match(cases[i].value, cases[i].wanted), cases[i].match,
		       "\"%s\" in %s", cases[i].wanted, cases[i].value);
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_line(arena);
	test_bad(arena);
	test_match();
	arena_free(arena);
	return tap_done();
}
