/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/sts, tls/tlsrpt, policy/bimi/record: RFC 8461, RFC 8460, the BIMI draft. */
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/bimi/record.h"
#include "t/lib/tap.h"
#include "tls/sts.h"
#include "tls/tlsrpt.h"

struct record_case {
	const char *text;
	const char *want; /* NULL: refused */
};

static const struct record_case sts_records[] = {
    {"v=STSv1; id=20260101T000000;", "20260101T000000"},
    {"v=STSv1;id=a", "a"},
    {"v=STSv1 ; id=a ; ext=1;", "a"},
    {"v=STSv1\t;\tid=a\t;", "a"},
    {"v=STSv1; ext=1; id=a;", "a"},
    {"v=STSv1; 1x-y.z_=v@!:; id=a;", "a"},
    {"v=STSv1; id=a; id=b;", "a"}, /* the first counts */
    {"v=STSv1; id=a; ext=", NULL},
    {"v=STSv1; id=a; ext=x y", NULL},
    {"v=STSv1; id=a; ext=x=y", NULL},
    {"v=STSv1; id=a; e!t=x", NULL},
    {"v=STSv1; id=a; ext", NULL},
    {"v=STSv1; id=a;; ext=1", NULL},
    {"v=STSv1; id=a;;", NULL},
    {"v=STSv1; id =a;", NULL}, /* no blanks around "=" */
    {"v=STSv1; id= a;", NULL},
    {"v=STSv1; ID=a;", NULL},
    {"v=STSv1; id=a\n;", NULL},
    {"v=STSv1; id=\xc3\xa9;", NULL},
    {"v=STSv1; id=12345678901234567890123456789012", "12345678901234567890123456789012"},
    {"v=STSv1; id=123456789012345678901234567890123", NULL},
    {"v=STSv1; id=2026-01-01", NULL},
    {"v=STSv1; id=", NULL},
    {"v=STSv1;", NULL},
    {"v=STSv1", NULL},
    {"v=stsv1; id=a", NULL},
    {"V=STSv1; id=a", NULL},
    {"v = STSv1; id=a", NULL},
    {"\"v=STSv1; id=a\"", NULL},
    {" v=STSv1; id=a", NULL},
    {"id=a; v=STSv1", NULL},
    {"v=STSv10; id=a", NULL},
    {"v=STSv1, id=a", NULL},
    {"", NULL},
};

static const struct record_case tlsrpt_records[] = {
    {"v=TLSRPTv1; rua=mailto:t@a.example", "mailto:t@a.example"},
    {"v=TLSRPTv1;rua=https://a.example/t , mailto:t@a.example;",
     "https://a.example/t , mailto:t@a.example"},
    {"v=TLSRPTv1; rua=http://a.example/", NULL},
    {"v=TLSRPTv1; rua=", NULL},
    {"v=TLSRPTv1; rua=mailto:t", NULL},
    {"v=TLSRPTv1; rua=t@a.example", NULL},
    {"v=TLSRPTv1; rua=mailto:t@a.example,", NULL},
    {"v=TLSRPTv1;", NULL},
    {"v=TLSRPTv1", NULL},
    {"v=tlsrptv1; rua=mailto:t@a.example", NULL},
    {"", NULL},
};

static const struct record_case bimi_records[] = {
    {"v=BIMI1; l=https://a.example/l.svg", "https://a.example/l.svg||"},
    {"v=BIMI1; l=https://a.example/l.svg; a=https://a.example/c.pem",
     "https://a.example/l.svg|https://a.example/c.pem|"},
    {"v=BIMI1; l=; a=https://a.example/c.pem; avp=brand; x=1", "|https://a.example/c.pem|"},
    {"v=BIMI1; l=; a=;", "||declined"},
    {"v=BIMI1; l=", "||declined"},
    {"v=BIMI1; a=https://a.example/c.pem", NULL},
    {"v=BIMI1; l=http://a.example/l.svg", NULL},
    {"v=BIMI1; l=https://a.example/a b.svg", NULL},
    {"v=BIMI1; l=https://", NULL},
    {"v=BIMI1; l=; avp=other", NULL},
    {"v=bimi1; l=", NULL},
    {"v=BIMI10; l=", NULL},
    {"l=; v=BIMI1", NULL},
    {"", NULL},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void check_text(const struct record_case *c, const char *have, const char *reason)
{
	if (c->want == NULL)
		ok(have == NULL && *reason != '\0', "refused: \"%s\"", c->text);
	else
		is_text(have, c->want, "%s", c->text);
}

static const char *show_bimi(struct arena *arena, struct span text, struct why *why)
{
	struct bimi_record record;

	if (bimi_record_parse(arena, text, &record, why) == -1)
		return NULL;
	return arena_printf(arena, "%s|%s|%s", record.location, record.authority,
			    record.declined ? "declined" : "");
}

static void test_records(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(sts_records); i++) {
		struct why why = {""};

		check_text(&sts_records[i],
			   sts_record_parse(arena, span_of(sts_records[i].text), &why), why.text);
	}
	for (size_t i = 0; i < COUNT(tlsrpt_records); i++) {
		struct why why = {""};

		check_text(&tlsrpt_records[i],
			   tlsrpt_record_parse(arena, span_of(tlsrpt_records[i].text), &why),
			   why.text);
	}
	for (size_t i = 0; i < COUNT(bimi_records); i++) {
		struct why why = {""};

		check_text(&bimi_records[i], show_bimi(arena, span_of(bimi_records[i].text), &why),
			   why.text);
	}
}

static const struct record_case policies[] = {
    {"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n",
     "enforce 604800 mx.example.com"},
    {"version: STSv1\r\nmode: testing\r\nmx: *.Example.com\r\nmx: b.example.net\r\nmax_age: 1",
     "testing 1 *.example.com b.example.net"},
    {"version: STSv1\nmode: none\nmax_age: 86400\n", "none 86400"},
    {"version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: 2\nnew: x\n", "none 1"},
    {"version:STSv1\nmode:none\nmax_age:\t 60  \n", "none 60"},
    {"max_age: 60\nmx: a.example\nmode: enforce\nversion: STSv1\n", "enforce 60 a.example"},
    {"version: STSv1\nversion: STSv2\nmode: none\nmax_age: 1", "none 1"},
    {"version: STSv1\nmode: none\nmax_age: 1\nmax_age: x\n", "none 1"},
    {"version: STSv1  \nmode: none \nmax_age: 1\t\n", "none 1"},
    {"\nversion: STSv1\n\nmode: none\r\n\r\nmax_age: 1\n\n\n", "none 1"},
    {"version: STSv1\nmode: none\nmax_age: 0\n", "none 0"},
    {"version: STSv1\nmode: none\nmax_age: 31557600\n", "none 31557600"},
    {"version: STSv1\nmode: none\nmax_age: 31557601\n", "none 31557600"}, /* the most there is */
    {"version: STSv1\nmode: none\nmax_age: 9999999999\n", "none 31557600"},
    {"version: STSv1\nmode: none\nmax_age: 0000000060\n", "none 60"},
    {"version: STSv1\nmode: none\nmax_age: 10000000000\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: -1\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: +1\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1.5\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1d\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 0x10\n", NULL},
    {"version: STSv1\nmode: none\nmax_age:\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\nx-y.z_1: a b: c\n", "none 1"},
    {"version: STSv1\nmode: none\nmax_age: 1\nnote: gr\xc3\xbc\xc3\x9f\x65\n", "none 1"},
    {"version: STSv1\nmode: none\nmax_age: 1\nnote: gr\xfc\xdf\x65\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\nnote: a\x01\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\nnote:\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\n-x: a\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\n# a comment\n", NULL},
    {"version: STSv1\nmode: none\nmax_age : 1\n", NULL},
    {"version: STSv1\rmode: none\rmax_age: 1\r", NULL},
    {"version: STSv1; mode: none; max_age: 1;", NULL},
    {"\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1\n", NULL},
    {" version: STSv1\nmode: none\nmax_age: 1\n", NULL},
    {"Version: STSv1\nmode: none\nmax_age: 1\n", NULL},
    {"version: stsv1\nmode: none\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: None\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: report\nmx: a.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: testing\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a.example\n", NULL},
    {"version: STSv1\nmx: a.example\nmax_age: 1\n", NULL},
    {"mode: enforce\nmx: a.example\nmax_age: 1\n", NULL},
    {"version: STSv2\nmode: none\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a.example.\nmax_age: 1\n", "enforce 1 a.example"},
    {"version: STSv1\nmode: enforce\nmx: xn--bcher-kva.example\nmax_age: 1\n",
     "enforce 1 xn--bcher-kva.example"},
    {"version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: .example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a*.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a.example b.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a.example, b.example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a..example\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: b\xc3\xbc.example\nmax_age: 1\n", NULL},
    {"{\"version\": \"STSv1\"}", NULL},
    {"<html>", NULL},
    {"", NULL},
};

static const char *show_policy(struct arena *arena, struct span text, struct why *why)
{
	struct sts_policy policy;
	struct buf out;

	if (sts_policy_parse(arena, text, &policy, why) == -1)
		return NULL;
	buf_init(&out, arena, 0);
	buf_printf(&out, "%s %u", name_text(sts_mode_names, (int)policy.mode), policy.max_age);
	for (unsigned i = 0; i < policy.count; i++)
		buf_printf(&out, " %s", policy.patterns[i]);
	return buf_text(&out);
}

static void test_policies(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct why why = {""};

		is_text(show_policy(arena, span_of(policies[i].text), &why), policies[i].want,
			"policy %zu%s%s", i, why.text[0] == '\0' ? "" : ": ", why.text);
	}
}

static void test_patterns(void)
{
	const struct sts_policy wild = {.count = 2, .patterns = {"other.example", "*.example.com"}};
	const struct sts_policy plain = {.count = 1, .patterns = {"mx.example.com"}};

	ok(sts_policy_allows(&wild, "mx.example.com"), "one label");
	ok(!sts_policy_allows(&wild, "a.mx.example.com"), "not two");
	ok(!sts_policy_allows(&wild, "example.com"), "not none");
	ok(sts_policy_allows(&plain, "mx.example.com"), "the name itself");
	ok(!sts_policy_allows(&plain, "mx2.example.com"), "not another");
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_records(arena);
	test_policies(arena);
	test_patterns();
	arena_free(arena);
	return tap_done();
}
