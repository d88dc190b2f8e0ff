/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/domain: one form for every domain name. */
#include <string.h>

#include "mail/domain.h"
#include "t/lib/tap.h"

static struct arena *arena;

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct {
	const char *in, *out;
} forms[] = {
    {"example.com", "example.com"},
    {"EXAMPLE.Com", "example.com"},
    {"example.com.", "example.com"},
    {"com", "com"},
    {"a-b_c.example", "a-b_c.example"},
    {"_dmarc.example.com", "_dmarc.example.com"},
    {"xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
    {"XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"},
    {"m\xc3\xbcnchen.example", "xn--mnchen-3ya.example"},
    {"M\xc3\x9cNCHEN.example", "xn--mnchen-3ya.example"},
    {"mu\xcc\x88nchen.example", "xn--mnchen-3ya.example"}, /* decomposed */
    {"stra\xc3\x9f"
     "e.example",
     "xn--strae-oqa.example"}, /* non-transitional: not "strasse" */
    {"\xe4\xbe\x8b\xe5\xad\x90\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95", "xn--fsqu00a.xn--0zwm56d"},
    {"\xef\xbd\x85xample.com", "example.com"}, /* full width e is mapped */
    {"m\xc3\xbcnchen.example.", "xn--mnchen-3ya.example"},
    {L63 ".example", L63 ".example"},
    {L63 "." L63 "." L63 "."
	 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi",
     L63 "." L63 "." L63 "."
	 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"},
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {".example.com", NULL},
    {"example..com", NULL},
    {"example.com..", NULL},
    {"x" L63 ".example", NULL},
    {L63 "." L63 "." L63 "."
	 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij",
     NULL},
    {"exa mple.com", NULL},
    {"example.com\n", NULL},
    {"example.com;", NULL},
    {"example.net(.example.com", NULL},
    {"a/b.example", NULL},
    {"[192.0.2.1]", NULL},
    {"user@example.com", NULL},
    {"\xff\xfe.example", NULL}, /* not UTF-8 */
    {"m\xc3", NULL},
    {"\xc3\xbc \xc3\xbc.example", NULL},
    {"a\xef\xbc\xa0"
     "b.example",
     NULL},                                  /* full width @ maps to @ */
    {"a\xef\xbc\x8f\xc3\xbc.example", NULL}, /* full width / */
    {"\xc3\xbc.\xe3\x80\x82"
     "example",
     NULL},                         /* an empty label after mapping */
    {"\xe2\x80\x8b.example", NULL}, /* nothing left of the label */
};

static void test_forms(void)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		is_text(domain_to_ascii(arena, span_of(forms[i].in)), forms[i].out, "form %zu: %s",
			i, strchr(forms[i].in, '\n') != NULL ? "with a newline" : forms[i].in);
	is_text(domain_to_ascii(arena, span_make("a\0b.example", 11)), NULL, "NUL in ASCII");
	is_text(domain_to_ascii(arena, span_make("\xc3\xbc\0b.example", 12)), NULL, "NUL in UTF-8");
}

static void test_long(void)
{
	char name[4000];

	memset(name, 'a', sizeof name);
	ok(domain_to_ascii(arena, span_make(name, sizeof name)) == NULL, "long ASCII");
	memset(name, 0xc3, sizeof name);
	ok(domain_to_ascii(arena, span_make(name, sizeof name)) == NULL, "long, not ASCII");
}

static void test_labels(void)
{
	const char *name = "a.b.example.com";

	is_int(domain_labels("com"), 1, "one label");
	is_int(domain_labels(name), 4, "four labels");
	is_text(domain_last(name, 2), "example.com", "the last two");
	ok(domain_last(name, 4) == name && domain_last(name, 9) == name, "all there are");
	is_text(domain_last(name, 1), "com", "the last");
	is_text(domain_parent("com"), NULL, "no parent");
	is_text(domain_parent(name), "b.example.com", "parent");
}

static void test_relations(void)
{
	ok(domain_is_below("a.example.com", "example.com"), "below");
	ok(domain_is_below("a.Example.com", "exAmple.com"), "below, either case");
	ok(!domain_is_below("example.com", "example.com"), "not below itself");
	ok(!domain_is_below("badexample.com", "example.com"), "a suffix of text is not a parent");
	ok(!domain_is_below("com", "example.com"), "above is not below");
	ok(domain_within("example.com", "EXAMPLE.com"), "within itself");
	ok(domain_within("a.b.example.com", "example.com"), "within");
	ok(!domain_within("badexample.com", "example.com"), "not within");
}

static const struct {
	const char *address, *domain;
} addresses[] = {
    {"user@example.com", "example.com"},
    {"USER@EXAMPLE.COM", "example.com"},
    {"a@b@example.com", "example.com"},
    {"\"a@b.example\"@example.com", "example.com"},
    {"\"a\\\"@b.example\"@example.com", "example.com"},
    {"\"a@example.com", NULL},
    {"\"a@example.com\"", NULL},
    {"@relay.example:user@example.com", "example.com"},
    {"user@m\xc3\xbcnchen.example", "xn--mnchen-3ya.example"},
    {"user", NULL},
    {"user@", NULL},
    {"", NULL},
    {"user@[192.0.2.1]", NULL},
    {"user@example.com>", NULL},
};

static void test_addresses(void)
{
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
		is_text(domain_of_address(arena, addresses[i].address), addresses[i].domain,
			"domain of %s", addresses[i].address);
}

static void test_patterns(void)
{
	static const struct {
		const char *pattern, *domain;
		bool matches;
	} cases[] = {
	    {"*", "a.example", true},
	    {"*", "", true},
	    {"example.com", "Example.COM", true},
	    {"EXAMPLE.com", "example.com", true},
	    {"example.com", "a.example.com", false},
	    {"example.com", "", false},
	    {"*.example.com", "a.b.example.com", true},
	    {"*.example.com", "example.com", true},
	    {"*.example.com", "badexample.com", false},
	    {"*.m\xc3\xbcnchen.example", "a.xn--mnchen-3ya.example", true},
	};
	static const char *const none[] = {"", "*.", "**", "*a", "a..b", "*.*.a", "a b"};
	struct domain_pattern pattern;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (!ok(domain_pattern_parse(arena, span_of(cases[i].pattern), &pattern),
			"a pattern: %s", cases[i].pattern))
			continue;
		is_int(domain_pattern_matches(&pattern, cases[i].domain), cases[i].matches,
		       "%s for \"%s\"", cases[i].pattern, cases[i].domain);
	}
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		ok(!domain_pattern_parse(arena, span_of(none[i]), &pattern), "no pattern: \"%s\"",
		   none[i]);
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_forms();
	test_long();
	test_labels();
	test_relations();
	test_addresses();
	test_patterns();
	arena_free(arena);
	return tap_done();
}
