/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/address: who a From field names, and the fields that name nobody for certain. */
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "mail/address.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* "local@domain, ..." of the list; "-" for a domain that is none; "error" when it does not parse.
 */
static const char *read(struct span value)
{
	struct address_list list;
	struct why why = {""};
	struct buf out;

	if (address_parse(arena, value, &list, &why) != 0)
		return why.text[0] == '\0' ? "error without a reason" : "error";
	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < list.count; i++) {
		const struct address *a = &list.addresses[i];

		buf_printf(&out, "%s%s@%s", i > 0 ? ", " : "", a->local,
			   a->domain == NULL ? "-" : a->domain);
	}
	return buf_text(&out);
}

static const struct {
	const char *value, *want;
} good[] = {
    {"user@example.com", "user@example.com"},
    {" user@example.com", "user@example.com"},
    {"<user@example.com>", "user@example.com"},
    {"User Name <user@Example.COM>", "user@example.com"},
    {"\"Name, User\" <user@example.com>", "user@example.com"},
    {"User\r\n Name\r\n\t<user@example.com>", "user@example.com"},
    {"User \r\n \r\n <user@example.com>", "user@example.com"},
    {"a@one.example, B <b@two.example>", "a@one.example, b@two.example"},
    {"J. R. Name <jr@example.com>", "jr@example.com"},
    {"Name (Department) <user@example.com> (work)", "user@example.com"},
    {"user@example.com (Name)", "user@example.com"},
    {"(a (nested (comment)))user@example.com", "user@example.com"},
    {"(a \\) b) user@example.com", "user@example.com"},
    {"(<other@evil.example>) user@example.com", "user@example.com"},
    {"\"\" <user@example.com>", "user@example.com"},
    {"\"quoted local\"@example.com", "quoted local@example.com"},
    {"\"a\\\"b\\\\c\"@example.com", "a\"b\\c@example.com"},
    {"\"a@b\"@example.com", "a@b@example.com"},
    {"user+tag=x!#$%&'*/?^`{|}~-@example.com", "user+tag=x!#$%&'*/?^`{|}~-@example.com"},
    {"undisclosed:;", ""},
    {"A Group: a@one.example, B <b@two.example> ; ", "a@one.example, b@two.example"},
    {"A Group: (nobody) ;", ""},
    {"G:a@one.example;, b@two.example", "a@one.example, b@two.example"},
    {"\"a\".b.\"c\"@example.com", "a.b.c@example.com"},
    {"a . b @ example . com", "a.b@example.com"},
    {"a(x).(y)b@(z)example(w).com", "a.b@example.com"},
    {", , a@one.example,, b@two.example, ,", "a@one.example, b@two.example"},
    {"G:,a@one.example,,;", "a@one.example"},
    {"<@relay.example,@other.example:user@example.com>", "user@example.com"},
    {"<@relay.example, , :user@example.com>", "user@example.com"},
    {"user@[192.0.2.1]", "user@-"},
    {"user@[IPv6:2001:db8::1] (x)", "user@-"},
    {"user@[a\\]b]", "user@-"},
    {"user@exa!mple.com", "user@-"},
    {"user@localhost", "user@localhost"},
    {"user@a_b.example", "user@a_b.example"},
    /* RFC 2047 and RFC 6532 */
    {"=?utf-8?q?M=C3=BCller?= <user@example.com>", "user@example.com"},
    {"=?utf-8?b?YUBiLmV4YW1wbGU=?= <user@example.com>", "user@example.com"},
    {"M\xc3\xbcller <user@example.com>", "user@example.com"},
    {"m\xc3\xbcller@m\xc3\xbcnchen.example", "m\xc3\xbcller@xn--mnchen-3ya.example"},
    {"\xf0\x9f\x98\x80 <user@example.com>", "user@example.com"},
    /* somebody's old character set, where it can mean nothing else */
    {"M\xfcller <user@example.com>", "user@example.com"},
    {"\"M\xfcller, J\xf6rg\" <user@example.com>", "user@example.com"},
    {"\xc4\xe3\xba\xc3 <user@example.com>", "user@example.com"},
    {"(\xc3) user@example.com", "user@example.com"},
    {"user@example.com (M\xfcller)", "user@example.com"},
    {"\xed\xa0\x80 <user@example.com>", "user@example.com"},
    {"\xc0 la carte <user@example.com>", "user@example.com"},
    /* wrong, and yet everybody reads the same */
    {"b@one.example <a@one.example>", "a@one.example"},
    {"b@ONE.example (x) <a@one.example>, c@two.example", "a@one.example, c@two.example"},
    {"[Desk] Bob <a@one.example>", "a@one.example"},
    {"Bob [Desk <a@one.example>", "a@one.example"},
    {"[ticket 5] <a@one.example>", "a@one.example"},
    {"[Team] <x@acme.example>", "x@acme.example"},
    /* looks like an attack, means one thing only */
    {"\"A <a@junk.example>\"@victim.example", "A <a@junk.example>@victim.example"},
    {"\"A <a@junk.example>\" <b@victim.example>", "b@victim.example"},
    {"a@b.example(,c@d.example)", "a@b.example"},
    {"\"AcmeCorp\\, Inc.\" <x@acme.example>", "x@acme.example"},
    {"\"x\\\\\" <x@acme.example>", "x@acme.example"},
};

static const char *const bad[] = {
    "",
    " ",
    ",",
    "(only a comment)",
    "name",
    "\"name\"",
    "name <>",
    "<>",
    "@example.com",
    "user@",
    "user@ ",
    "user@example.com.",
    "user@.example.com",
    "user@example..com",
    ".user@example.com",
    "user.@example.com",
    "us..er@example.com",
    "us er@example.com",
    "\"us\"er@example.com",
    /* more than one reading */
    "user@example.com>",
    "<user@example.com",
    "<<user@example.com>>",
    "<user@example.com>>",
    "a@b@victim.example",
    "a@b.example@victim.example",
    "<a@b@victim.example>",
    "a@one.example <b@two.example>",
    "a@one.example <b@[192.0.2.1]>",
    "a@[192.0.2.1] <b@[192.0.2.1]>",
    "a@one.example <b@one.example> <c@one.example>",
    "a@one.example <b@one.example",
    "[a@one.example] <b@one.example>",
    "[a]@one.example",
    "[a] b@one.example",
    "a[b@one.example",
    "[",
    "[ <a@one.example",
    "<a@one.example> <b@two.example>",
    "<a@one.example>b@two.example",
    "<a@one.example><b@two.example>",
    "a@one.example b@two.example",
    "a@one.example; b@two.example",
    "a@one.example\r\n",
    "a@one.example,\r\n",
    "Acme, Inc. <x@acme.example>",
    "=?utf-8?q?Acme,_Inc.?= <x@acme.example>",
    ". <x@acme.example>",
    "a@one.example, name",
    "name, a@one.example",
    "a@one.example; ",
    "a@one.example:",
    "<user@example.com> name",
    "<user@example.com> \"name\"",
    "<user@example.com>.",
    /* encoded words in an address */
    "=?utf-8?b?YUBiLmV4YW1wbGU=?=@evil.example",
    "\"=?utf-8?b?YUBiLmV4YW1wbGU=?=\"@evil.example",
    "=?utf-8?b?YUBiLmV4YW1wbGU=?=",
    "=?utf-8?b?YUBiLmV4YW1wbGU=?=, <x@evil.example>",
    /* what does not end */
    "(user@example.com",
    "(user@example.com\\)",
    "\"user@example.com",
    "\"user\\\"@example.com",
    "user@[192.0.2.1",
    "user@[192.0.2.1]x",
    "user@[[192.0.2.1]",
    "\"user\\",
    "(\\",
    "user@[\\",
    "user@example.com (",
    "user@example.com \\",
    /* groups */
    "group:",
    "group:a@one.example",
    ":;",
    ".g:;",
    "g:h:a@one.example;;",
    "g:a@one.example;b@two.example",
    "g:a@one.example;;",
    "g:;h",
    "g:a@one.example b@two.example;",
    /* routes */
    "<@relay.example user@example.com>",
    "<@relay.example>",
    "<,:user@example.com>",
    "<@a.example@b.example:user@example.com>",
    "<:user@example.com>",
    "<@[1.2.3.4:user@example.com>",
    /* line ends, controls, bytes */
    "user@example.com\r",
    "user@example.com\n",
    "user\n @example.com",
    "user\r @example.com",
    "user\r\n@example.com",
    "a\r\n\r\n @example.com",
    "\"a\r\nb\"@example.com",
    "(a\nb) user@example.com",
    "\"a\\\r\n b\"@example.com",
    "(a\\\r\n b) user@example.com",
    "\"a\x01\"@example.com",
    "(\x7f) user@example.com",
    "\"\x1b$B\" <user@example.com>",
    "us\x08er@example.com",
    "\"\x81\x5c\" <user@example.com>",
    "\x81\x5b <user@example.com>",
    "(\x81\x5d) user@example.com",
    "\x81@ <user@example.com>",
    "\xc0\xbcuser@example.com>",
    "\xc0\xbc <user@example.com>",
    "\"\xc1\x9c\" <user@example.com>",
    "\xe0\x80\xaf <user@example.com>",
    "\xf0\x80\x80\xaf <user@example.com>",
    "M\xfcller@example.com",
    "M\xfcller <\xfcser@example.com>",
    "user@m\xfcnchen.example",
    "\"\xfc\"@example.com",
    "user@example.com\xf0\x9f\x98",
};

static void test_values(void)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		is_text(read(span_of(good[i].value)), good[i].want, "good %zu", i);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_text(read(span_of(bad[i])), "error", "bad %zu", i);
	is_text(read(span_make("a\0b@example.com", 15)), "error", "NUL in an atom");
	is_text(read(span_make("user@example.com\0", 17)), "error", "NUL at the end");
	is_text(read(span_make("\"a\\\0b\"@example.com", 18)), "error", "a quoted NUL");
	is_text(read(span_make("(\0) a@example.com", 17)), "error", "NUL in a comment");
}

static void test_reason(void)
{
	struct address_list list;
	struct why why;

	is_int(address_parse(arena, span_of("user@example.com>"), &list, &why), -1, "left over");
	is_text(why.text, "byte 17: expected \",\" or the end (RFC 5322 section 3.4)",
		"says where");
	is_int(address_parse(arena, span_of("a@b\n"), &list, &why), -1, "a bare LF");
	is_text(why.text, "byte 4: a line end that is not a fold", "says what");
}

/* LIMIT times BEFORE, then MIDDLE, then LIMIT times AFTER. */
static struct span nested(const char *before, const char *middle, const char *after, unsigned limit)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < limit; i++)
		buf_string(&out, before);
	buf_string(&out, middle);
	for (unsigned i = 0; i < limit; i++)
		buf_string(&out, after);
	return buf_view(&out);
}

static struct span in_comments(unsigned depth)
{
	struct span comment = nested("(", "x", ")", depth);

	return span_of(arena_printf(arena, "%.*s a@b.example", (int)span_len(comment), comment.p));
}

static void test_limits(void)
{
	int64_t start = clock_mono();

	is_text(read(nested("(", "x", ")a@b.example(y", 1)), "error", "an open comment");
	is_text(read(in_comments(32)), "a@b.example", "comments 32 deep");
	is_text(read(in_comments(33)), "error", "comments 33 deep");
	is_text(read(nested("(x)", "a@example.com", "(x)", 500)), "a@example.com",
		"comments in a row");
	ok(strcmp(read(nested("", "", "a@b.example,", 64)), "error") != 0, "64 addresses");
	is_text(read(nested("", "", "a@b.example,", 65)), "error", "65 addresses");
	is_text(read(nested("a.", "a@b.example", "", 100000)) == NULL ? "" : "read", "read",
		"long");
	is_text(read(nested("(", "x", "", 500000)), "error", "many open comments");
	is_text(read(nested("a ", "a@b.example", "", 500000)), "error", "many words");
	is_text(read(nested("", "<", "@", 500000)), "error", "many @");
	is_text(read(nested("", "a@b.example", ",", 500000)), "a@b.example", "many commas");
	is_text(read(nested("g:", "", ";", 500000)), "error", "groups in groups");
	ok(clock_mono() - start < 5 * CLOCK_SECOND, "in linear time");
}

/* An address of the settings. */
static void test_plain(void)
{
	static const struct {
		const char *text, *local, *domain;
	} cases[] = {
	    {"reports@example.com", "reports", "example.com"},
	    {"A.b+c@EXAMPLE.com", "A.b+c", "example.com"},
	    {"a@example.com.", NULL, NULL},
	    {"x@b\xc3\xbc"
	     "cher.example",
	     "x", "xn--bcher-kva.example"},
	    {"x", NULL, NULL},
	    {"@example.com", NULL, NULL},
	    {"x@", NULL, NULL},
	    {"x@y@example.com", NULL, NULL},
	    {"x@a..b", NULL, NULL},
	    {"x@[192.0.2.1]", NULL, NULL},
	    {"<x@example.com>", NULL, NULL},
	    {"\"x\"@example.com", NULL, NULL},
	    {"x@example.com (comment)", NULL, NULL},
	    {"x@example.com,y@example.com", NULL, NULL},
	    {"x @example.com", NULL, NULL},
	    {"x@example.com\n", NULL, NULL},
	    {"0123456789012345678901234567890123456789012345678901234567890123@a.example",
	     "0123456789012345678901234567890123456789012345678901234567890123", "a.example"},
	    {"01234567890123456789012345678901234567890123456789012345678901234@a.example", NULL,
	     NULL},
	    {"", NULL, NULL},
	};
	struct address address;
	struct why why;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int result = address_parse_plain(arena, span_of(cases[i].text), &address, &why);

		is_int(result, cases[i].local == NULL ? -1 : 0, "\"%s\"", cases[i].text);
		if (result == 0) {
			is_text(address.local, cases[i].local, "its local part");
			is_text(address.domain, cases[i].domain, "its domain");
		}
	}
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_values();
	test_reason();
	test_limits();
	test_plain();
	arena_free(arena);
	return tap_done();
}
