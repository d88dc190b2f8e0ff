/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/spf/macro: RFC 7208 section 7: expansion, the examples of 7.4, names. */
#include <stdlib.h>
#include <string.h>

#include "policy/spf/macro.h"
#include "t/lib/tap.h"

/* Section 7.4: sender strong-bad@email.example.com from 192.0.2.3 or 2001:db8::cb01 */
static const struct spf_macro_values base = {
    .sender = "strong-bad@email.example.com",
    .local = "strong-bad",
    .sender_domain = "email.example.com",
    .domain = "email.example.com",
    .helo = "mail.Example.ORG",
    .validated = "mx.example.org",
    .receiver = "rcv.example.net",
    .client = {4, {192, 0, 2, 3}},
    .now = 1700000000,
};

static struct spf_macro_values values6(void)
{
	struct spf_macro_values values = base;

	ip_parse(span_of("2001:db8::cb01"), &values.client);
	return values;
}

static const struct {
	const char *text, *want;
	bool ipv6;
} texts[] = {
    {"%{s}", "strong-bad@email.example.com", false},
    {"%{o}", "email.example.com", false},
    {"%{d}", "email.example.com", false},
    {"%{d4}", "email.example.com", false},
    {"%{d3}", "email.example.com", false},
    {"%{d2}", "example.com", false},
    {"%{d1}", "com", false},
    {"%{dr}", "com.example.email", false},
    {"%{d2r}", "example.email", false},
    {"%{d999999999999999999999r}", "com.example.email", false},
    {"%{l}", "strong-bad", false},
    {"%{l-}", "strong.bad", false},
    {"%{lr}", "strong-bad", false},
    {"%{lr-}", "bad.strong", false},
    {"%{l1r-}", "strong", false},
    {"%{l1-}", "bad", false},
    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com", false},
    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com", false},
    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com", false},
    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com", false},
    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net", false},
    {"%{ir}.%{v}._spf.%{d2}",
     "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com", true},
    {"%{i}", "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1", true},
    {"%{c}", "2001:db8::cb01", true},
    {"%{c} %{r} %{t} %{h} %{p}",
     "192.0.2.3 rcv.example.net 1700000000 mail.Example.ORG "
     "mx.example.org",
     false},
    {"%%%_%-", "% %20", false},
    {"a%{S}b", "astrong-bad%40email.example.comb", false},
    {"%{H2R}", "Example.mail", false},
    {"%{o+,}", "email.example.com", false},
    {"", "", false},
};

static void test_texts(void)
{
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct spf_macro_values values = texts[i].ipv6 ? values6() : base;
		struct buf out;

		buf_init(&out, NULL, 0);
		ok(spf_macro_expand(&out, span_of(texts[i].text), SPF_MACRO_TEXT, &values), "%s",
		   texts[i].text);
		is_text(buf_text(&out), texts[i].want, "its text");
		buf_free(&out);
	}
}

static void test_parts(void)
{
	static const struct {
		const char *local, *text, *want;
	} cases[] = {
	    {"a.b.c.d", "%{l2}", "c.d"},
	    {"a..b", "%{l}", "a..b"},
	    {"a..b", "%{l2}", ".b"},
	    {"a..b", "%{lr}", "b..a"},
	    {".a.", "%{lr}", ".a."},
	    {".a.", "%{l1}", ""},
	    {"...", "%{l2r}", "."},
	    {"", "%{lr}", ""},
	    {"foo-bar+zip+quux", "%{l2r+-}", "bar.foo"},
	    {"foo-bar+zip+quux", "%{l2+-}", "zip.quux"},
	    {"a=b_c/d,e", "%{l=_/,}", "a.b.c.d.e"},
	    {"a.b-c.d", "%{l1-}", "c.d"},
	    {"~jack&jill=up-a_b3.c", "%{L}", "~jack%26jill%3Dup-a_b3.c"},
	    {"\xc3\xa4", "%{L}", "%C3%A4"},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spf_macro_values values = base;
		struct buf out;

		values.local = cases[i].local;
		buf_init(&out, NULL, 0);
		spf_macro_expand(&out, span_of(cases[i].text), SPF_MACRO_TERM, &values);
		is_text(buf_text(&out), cases[i].want, "%s of \"%s\"", cases[i].text,
			cases[i].local);
		buf_free(&out);
	}
}

static void test_unknown(void)
{
	struct spf_macro_values values = base;
	struct buf out;

	values.validated = values.receiver = NULL;
	buf_init(&out, NULL, 0);
	spf_macro_expand(&out, span_of("%{p} %{r}"), SPF_MACRO_TEXT, &values);
	is_text(buf_text(&out), "unknown unknown", "no validated name, no receiver");
	buf_free(&out);
}

static void name_is(const char *spec, const struct spf_macro_values *values, enum spf_name want,
		    const char *name)
{
	struct buf out;

	buf_init(&out, NULL, 0);
	is_int(spf_macro_name(&out, span_of(spec), values), want, "name: %s", spec);
	if (want == SPF_NAME_OK)
		is_text(buf_text(&out), name, "it is");
	buf_free(&out);
}

#define L63 "a12345678901234567890123456789012345678901234567890123456789012"

static void test_names(void)
{
	struct spf_macro_values values = base;

	name_is("Host.%{h}.", &values, SPF_NAME_OK, "host.mail.example.org");
	name_is("a%_b.x", &values, SPF_NAME_OK, "a b.x");
	name_is("a..b", &values, SPF_NAME_MALFORMED, NULL);
	name_is(".a.b", &values, SPF_NAME_MALFORMED, NULL);
	name_is(L63 ".b", &values, SPF_NAME_OK, L63 ".b");
	name_is(L63 "a.b", &values, SPF_NAME_MALFORMED, NULL);
	values.helo = "bad\001helo";
	name_is("%{h}.x", &values, SPF_NAME_MALFORMED, NULL);
	name_is("%{H}.x", &values, SPF_NAME_OK, "bad%01helo.x");
	values.helo = "";
	name_is("%{h}", &values, SPF_NAME_MALFORMED, NULL);

	values.local_is_eai = true;
	name_is("%{l}.x", &values, SPF_NAME_NO_MATCH, NULL);
	name_is("%{S}.x", &values, SPF_NAME_NO_MATCH, NULL);
	name_is("%{o}.x", &values, SPF_NAME_OK, "email.example.com.x");
}

/* Section 7.3: left labels are removed until 253 are not exceeded. */
static void test_cut(void)
{
	struct spf_macro_values values = base;
	struct buf out;

	values.domain = "somewhat.long.exp.example.com";
	buf_init(&out, NULL, 0);
	is_int(spf_macro_name(&out,
			      span_of("foobar.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.example.com"),
			      &values),
	       SPF_NAME_OK, "a name that is too long");
	is_int(out.len, 8 * 30 + 11, "is cut to whole labels");
	ok(strncmp(buf_text(&out), "somewhat.long.exp", 17) == 0, "from the left");
	buf_free(&out);
}

/* The work is bounded, whatever a record and a sender bring. */
static void test_bounds(void)
{
	enum { MACROS = 9000, LOCAL = 2000 };
	struct spf_macro_values values = base;
	char *spec = malloc(MACROS * 7 + 1), *local = malloc(LOCAL + 1);
	struct buf out;

	if (spec == NULL || local == NULL)
		abort();
	for (unsigned i = 0; i < MACROS; i++)
		memcpy(spec + i * 7, "%{l1r-}", 8);
	memset(local, 'x', LOCAL);
	local[1] = '-';
	local[LOCAL] = '\0';
	values.local = local;
	buf_init(&out, NULL, 0);
	is_int(spf_macro_name(&out, span_of(spec), &values), SPF_NAME_MALFORMED,
	       "9000 macros of a local part of 2000 bytes");
	ok(out.len < 100, "end after 64 KiB of reading");
	buf_free(&out);
	free(spec);
	free(local);
}

static void test_uses(void)
{
	ok(spf_macro_uses(span_of("x.%{d}.%{P2r}"), "p"), "%%{P2r} uses p");
	ok(!spf_macro_uses(span_of("p.%%{p}.%{d}"), "p"), "%%%%{p} does not");
	ok(spf_macro_uses(span_of("%{L}"), "sl") && !spf_macro_uses(span_of(""), "sl"), "a set");
}

int main(void)
{
	test_texts();
	test_parts();
	test_unknown();
	test_names();
	test_cut();
	test_bounds();
	test_uses();
	return tap_done();
}
