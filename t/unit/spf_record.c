/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/spf/record: RFC 7208 sections 4.5, 4.6.1, 5, 6, 12: what is a record and what is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/spf/record.h"
#include "t/lib/tap.h"

static const struct {
	const char *text;
	bool is;
} versions[] = {
    {"v=spf1", true},        {"v=spf1 ", true},       {"V=sPf1 -all", true}, {"v=spf10", false},
    {"v=spf1\t-all", false}, {" v=spf1", false},      {"v=spf", false},      {"", false},
    {"v=spf1mx", false},     {"v=spf2.0/pra", false},
};

static void test_version(void)
{
	for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++)
		is_int(spf_record_is(span_of(versions[i].text)), versions[i].is, "version: \"%s\"",
		       versions[i].text);
	ok(!spf_record_is(span_make("v=spf1\0", 7)), "a NUL does not end the version");
}

/* What is right: the terms, one character each: a for all, i include, A a, M mx, P ptr, 4 ip4,
 * 6 ip6, e exists, R redirect, E exp, u unknown modifier. */
static const struct {
	const char *terms, *kinds;
} good[] = {
    {"", ""},
    {" ", ""},
    {" -all", "a"},
    {"  all   ?ALL  ", "aa"},
    {" +a -mx ~ptr ?exists:x.example", "AMPe"},
    {" A MX PTR", "AMP"},
    {" a/0 a/32 a//0 a//128 a/24//64", "AAAAA"},
    {" a:h.example/24 mx:h.example//64 mx:h.example/1//2", "AMM"},
    {" a:foo:bar/baz.example.com", "A"},
    {" a:a--b.1-1 a:x.xn--zckzah a:x.museum.", "AAA"},
    {" a:%{d} a:x%{d} a:%% a:x%_ a:x%- a:%{d}/24", "AAAAAA"},
    {" a:%{l/}.x/8", "A"},
    {" a:%{d}.e/8", "A"},
    {" include:_spf.%{d2} exists:%{ir}.%{l1r+-}._spf.%{d}", "ie"},
    {" exists:%{S}.%{O}.%{H}.%{V}.%{P}.%{I}.x", "e"},
    {" exists:%{d127} exists:%{d00001r.-+,/_=}", "ee"},
    {" include:a..b", "i"},
    {" ip4:0.0.0.0/0 ip4:255.255.255.255 ip4:192.0.2.1/32", "444"},
    {" ip6:::/0 ip6:2001:db8::/32 ip6:::1.2.3.4 ip6:::ffff:1.2.3.4/128", "6666"},
    {" redirect=x.example exp=%{d}", "RE"},
    {" REDIRECT=x.example all EXP=e.example", "RaE"},
    {" moo.cow-far_out=man:dog/cat default= a=b ip4=x v=spf1", "uuuuu"},
    {" redirected=x", "u"},
    {" x=%{d}%%%_%-", "u"},
};

/* What is not: the term at fault (from 1) and a part of the reason. */
static const struct {
	const char *terms;
	unsigned term;
	const char *reason;
} bad[] = {
    {" moo", 1, "unknown mechanism"},
    {" -all moo", 2, "unknown mechanism"},
    {" all.", 1, "unknown mechanism"},
    {" all:x", 1, "no argument"},
    {" all/8", 1, "no argument"},
    {" --all", 1, "unknown mechanism"},
    {" -", 1, "unknown mechanism"},
    {" =all", 1, "unknown mechanism"},
    {" 1up=foo", 1, "unknown mechanism"},
    {" +redirect=x.example", 1, "unknown mechanism"},
    {" redirect:x.example", 1, "unknown mechanism"},
    {" a/far=x a.b/c=d", 1, "prefix length|cannot follow|unknown"},
    {" x/y=z", 1, "unknown mechanism"},
    {" a:", 1, "empty domain"},
    {" a:museum", 1, "top-level"},
    {" a:museum.", 1, "top-level"},
    {" a:.", 1, "top-level"},
    {" a:x..", 1, "top-level"},
    {" a:example.-com", 1, "top-level"},
    {" a:example.com-", 1, "top-level"},
    {" a:example.com:8080", 1, "top-level"},
    {" a:abc.123", 1, "top-level"},
    {" a:111.222.33.44", 1, "expected; use ip4: or ip6:"},
    {" mx:192.0.2.1", 1, "expected; use ip4: or ip6:"},
    {" a:%{d}x", 1, "top-level"},
    {" a/", 1, "cannot follow"},
    {" a/33", 1, "prefix length"},
    {" a/024", 1, "prefix length"},
    {" a//129", 1, "prefix length"},
    {" a//064", 1, "prefix length"},
    {" a/24/64", 1, "prefix length|cannot follow"},
    {" a///64", 1, "cannot follow"},
    {" a/24//", 1, "cannot follow"},
    {" a/99999999999999999999", 1, "prefix length"},
    {" ab", 1, "unknown mechanism"},
    {" ptr/0", 1, "cannot follow"},
    {" ptr:", 1, "empty domain"},
    {" include", 1, "no domain"},
    {" include:", 1, "empty domain"},
    {" include/24", 1, "cannot follow"},
    {" include:x.example/24", 1, "top-level"},
    {" exists", 1, "no domain"},
    {" exists:x.example/24", 1, "top-level"},
    {" ip4", 1, "no address"},
    {" ip4:", 1, "not an IPv4"},
    {" ip4:1.2.3", 1, "not an IPv4"},
    {" ip4:1.2.3.04", 1, "not an IPv4"},
    {" ip4:1.2.3.4:80", 1, "not an IPv4"},
    {" ip4:1.2.3.4//32", 1, "not an IPv4"},
    {" ip4:1.2.3.4/33", 1, "prefix length"},
    {" ip4:1.2.3.4/032", 1, "prefix length"},
    {" ip4:::1", 1, "not an IPv4"},
    {" ip4/24", 1, "no address"},
    {" ip6", 1, "no address"},
    {" ip6:1.2.3.4", 1, "not an IPv6"},
    {" ip6::CAFE::BABE", 1, "not an IPv6"},
    {" ip6:::1/129", 1, "prefix length"},
    {" ip6:::1.1.1.1//33", 1, "not an IPv6"},
    {" ip6:fe80::1%eth0", 1, "not an IPv6"},
    {" ip6:2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff:1111:2222:3333:4444:5555", 1, "not an address"},
    {" redirect= ?all", 1, "empty domain"},
    {" redirect=-all", 1, "top-level"},
    {" exp=", 1, "empty domain"},
    {" exp=-all", 1, "top-level"},
    {" redirect=a.b redirect=a.b", 2, "second redirect= or exp="},
    {" exp=a.b -all Exp=a.b", 3, "second redirect= or exp="},
    {" exp=%{r}.example.com", 1, "c, r, t"},
    {" exists:%{c}.x", 1, "c, r, t"},
    {" exists:%{t}.x", 1, "c, r, t"},
    {" exists:%(ir).x.y", 1, "not followed by"},
    {" exists:foo%.x.y", 1, "not followed by"},
    {" exists:foo%", 1, "not followed by"},
    {" exists:%{a}.x", 1, "unknown macro letter"},
    {" exists:%{", 1, "without an end"},
    {" exists:%{d", 1, "without an end"},
    {" exists:%{d!}", 1, "without an end"},
    {" exists:%{d1r2}", 1, "without an end"},
    {" exists:%{d0}.x", 1, "keeps 0 parts"},
    {" exists:%{}.x", 1, "unknown macro letter"},
    {" x=%abc", 1, "not followed by"},
    {" a:\xef\xbb\xbfgarbage.example.net", 1, "not visible ASCII"},
    {" \x80"
     "a:example.net",
     1, "unknown mechanism"},
    {" a:x.example\rptr", 1, "not visible ASCII"},
    {" ip4:192.0.2.5\n", 1, "not an IPv4"},
    {" x=a\tb", 1, "not visible ASCII"},
};

static struct span with_version(char *out, size_t size, const char *terms)
{
	snprintf(out, size, "v=spf1%s", terms);
	return span_of(out);
}

static void test_good(void)
{
	static const char letters[] = "aiAMP46eREu";

	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		char text[256], kinds[32] = "";
		struct spf_record record;
		struct spf_term term;
		struct why why = {""};
		struct span rest;
		unsigned n = 0;

		if (!ok(spf_record_parse(with_version(text, sizeof text, good[i].terms), &record,
					 &why) == 0,
			"good: \"%s\"", good[i].terms)) {
			tap_note("%s", why.text);
			continue;
		}
		rest = record.terms;
		while (spf_record_next(&rest, &term) && n < sizeof kinds - 1)
			kinds[n++] = letters[term.kind];
		is_text(kinds, good[i].kinds, "terms of \"%s\"", good[i].terms);
		is_int(record.count, n, "and their number");
	}
}

static bool has_one_of(const char *text, const char *reasons)
{
	char one[80];

	while (*reasons != '\0') {
		size_t length = strcspn(reasons, "|");

		snprintf(one, sizeof one, "%.*s", (int)length, reasons);
		if (strstr(text, one) != NULL)
			return true;
		reasons += length + (reasons[length] == '|');
	}
	return false;
}

static void test_bad(void)
{
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[256], shown[SPF_SHOW_MAX];
		struct spf_record record;
		struct why why = {""};

		if (!ok(spf_record_parse(with_version(text, sizeof text, bad[i].terms), &record,
					 &why) < 0,
			"bad: \"%s\"", spf_show(span_of(bad[i].terms), shown)))
			continue;
		is_int(record.count, bad[i].term, "the term at fault");
		if (!ok(has_one_of(why.text, bad[i].reason), "the reason"))
			tap_note("%s", why.text);
	}
}

static void test_fields(void)
{
	struct spf_record record;
	struct spf_term term;
	struct span rest;
	struct ip client;

	ok(spf_record_parse(span_of("v=spf1 exp=e.x -a:h.example/20//60 ~ip6:2001:db8::/33 all "
				    "redirect=r.x"),
			    &record, NULL) == 0,
	   "a record with everything");
	ok(record.has_all && span_eq(record.exp, "e.x") && span_eq(record.redirect, "r.x"),
	   "what belongs to the record");
	rest = record.terms;
	ok(spf_record_next(&rest, &term) && term.kind == SPF_TERM_EXP, "exp");
	ok(spf_record_next(&rest, &term) && span_eq(term.domain, "h.example"), "the domain of a");
	ok(term.qualifier == '-' && term.bits4 == 20 && term.bits6 == 60, "its other parts");
	ok(span_eq(term.text, "-a:h.example/20//60"), "its text");
	ok(spf_term_needs_dns(&term), "it needs DNS");
	ok(spf_record_next(&rest, &term) && term.bits6 == 33 && term.qualifier == '~', "ip6");
	ip_parse(span_of("2001:db8:7fff::1"), &client);
	ok(spf_term_matches(&term, &client), "an address in it");
	ip_parse(span_of("2001:db8:8000::1"), &client);
	ok(!spf_term_matches(&term, &client), "an address out of it");
	ip_parse(span_of("192.0.2.1"), &client);
	ok(!spf_term_matches(&term, &client), "an address of the other family");
	ok(spf_record_next(&rest, &term) && spf_term_matches(&term, &client), "all");

	ok(spf_record_parse(span_of("v=spf1 ip6:::ffff:192.0.2.1"), &record, NULL) == 0, "mapped");
	rest = record.terms;
	ok(spf_record_next(&rest, &term) && !spf_term_matches(&term, &client),
	   "a mapped ip6 does not match the IPv4 client (section 5)");
}

static void test_reason(void)
{
	static const char text[] =
	    "v=spf1 mx exists:foo%\x80zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
	    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
	struct spf_record record;
	struct why why;

	spf_record_parse(span_of(text), &record, &why);
	is_text(why.text,
		"syntax error in term 2 \"exists:foo%?zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
		"zzzzzzzzzzzzzzzzzzzz...\", at byte 21: \"%\" not followed by {, %, _ or - "
		"(section 7.1)",
		"a reason has the term, its place, the fault; printable, cut");
}

static void test_large(void)
{
	enum { SIZE = 65536 };
	char *text = malloc(SIZE);
	struct spf_record record;
	struct spf_term term;
	unsigned n = 0;
	struct span rest;

	if (text == NULL)
		abort();
	memset(text, ' ', SIZE);
	memcpy(text, "v=spf1", 6);
	for (unsigned i = 7; i < SIZE; i += 2)
		text[i] = 'a';
	ok(spf_record_parse(span_make(text, SIZE), &record, NULL) == 0, "64 KiB of \"a a a\"");
	rest = record.terms;
	while (spf_record_next(&rest, &term))
		n++;
	is_int(n, (SIZE - 6) / 2, "has that many terms");
	free(text);
}

int main(void)
{
	test_version();
	test_good();
	test_bad();
	test_fields();
	test_reason();
	test_large();
	return tap_done();
}
