/* SPDX-License-Identifier: BSD-2-Clause */
/* MTA-STS by the text of RFC 8461: tls/sts, tls/discover, and what tls/fetch takes for a policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"
#include "tls/discover.h"
#include "tls/fetch.h"
#include "tls/sts.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static unsigned cases; /* of all tables */

struct text_case {
	const char *text;
	const char *want; /* NULL: refused */
};

/* ---- the record, section 3.1 ---- */

static const struct text_case records[] = {
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
    {"v=STSv1; id=a; x=\xc3\xa9", NULL},
    {"v=STSv1; id=a; 12345678901234567890123456789012=1", "a"},
    {"v=STSv1; id=a; 123456789012345678901234567890123=1", NULL},
    {"v=STSv1; id=a b;", NULL},
    {"v=STSv1;; id=a;", NULL},
    {"v=STSv1; v=STSv1; id=a;", "a"}, /* an extension by that name */
    {"", NULL},
};

static void test_records(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(records); i++) {
		struct why why = {""};
		const char *id = sts_record_parse(arena, span_of(records[i].text), &why);

		cases++;
		if (records[i].want == NULL)
			ok(id == NULL && why.text[0] != '\0', "refused: \"%s\"", records[i].text);
		else
			is_text(id, records[i].want, "\"%s\"", records[i].text);
	}
}

/* ---- which record counts, section 3.1 ---- */

#define VALID "v=STSv1; id=a;"

static const struct {
	const char *what;
	const char *texts[3];
	enum sts_discovery_state want;
} announcements[] = {
    {"one", {VALID}, STS_ANNOUNCED},
    {"none", {NULL}, STS_ABSENT},
    {"another text beside it", {VALID, "other text"}, STS_ANNOUNCED},
    {"an SPF record alone", {"v=spf1 -all"}, STS_ABSENT},
    {"another version beside it", {VALID, "v=STSv2; id=b;"}, STS_ANNOUNCED},
    {"a record in capitals beside it", {VALID, "V=STSV1; id=b;"}, STS_ANNOUNCED},
    {"the same one twice", {VALID, VALID}, STS_ABSENT},
    {"two", {VALID, "v=STSv1; id=b;"}, STS_ABSENT},
    {"a second one that is not valid", {VALID, "v=STSv1;"}, STS_ABSENT},
    {"one with blanks before the first semicolon beside it", {VALID, "v=STSv1 ; id=b"}, STS_ABSENT},
    {"one that is not valid", {"v=STSv1; id=;"}, STS_ABSENT},
    {"one in quotation marks", {"\"v=STSv1; id=a;\""}, STS_ABSENT},
};

static void add_text(struct dns *dns, const char *name, const char *text)
{
	struct why why = {""};

	if (dns_memory_add(dns, name, DNS_TYPE_TXT, text, strlen(text), &why) != 0)
		tap_skip_all("%s", why.text);
}

static void discover_policy(struct dns *dns, struct arena *arena, const char *domain,
			    struct sts_discovery *found)
{
	struct dns_scope *scope = dns_scope_new(dns, 4, CLOCK_SECOND / 5);

	dns_scope_deadline(scope, clock_mono() + CLOCK_SECOND / 5);
	sts_discover(scope, arena, domain, found);
	dns_scope_free(scope);
}

static void test_announcements(struct dns *dns, struct arena *arena)
{
	struct sts_discovery found;

	for (size_t i = 0; i < COUNT(announcements); i++) {
		const char *domain = arena_printf(arena, "r%zu.example", i);
		const char *name = arena_printf(arena, "_mta-sts.%s", domain);

		for (unsigned k = 0; k < 3 && announcements[i].texts[k] != NULL; k++)
			add_text(dns, name, announcements[i].texts[k]);
		discover_policy(dns, arena, domain, &found);
		cases++;
		is_int(found.state, announcements[i].want, "%s: %s", announcements[i].what,
		       found.reason == NULL ? found.id : found.reason);
	}
}

/* An alias is followed, as section 8.2 has it for policies that another host serves. */
static void test_resolution(struct dns *dns, struct arena *arena)
{
	static const struct {
		const char *what;
		enum dns_memory_mode mode;
		enum sts_discovery_state want;
	} modes[] = {
	    {"an alias", DNS_MEMORY_ANSWER, STS_ANNOUNCED},
	    {"SERVFAIL", DNS_MEMORY_SERVFAIL, STS_UNKNOWN},
	    {"no answer", DNS_MEMORY_SILENT, STS_UNKNOWN},
	    {"an answer that DNSSEC forbids to believe", DNS_MEMORY_BOGUS, STS_UNKNOWN},
	    {"an answer that is cut", DNS_MEMORY_TRUNCATED, STS_UNKNOWN},
	};
	struct sts_discovery found;
	struct why why;

	for (size_t i = 0; i < COUNT(modes); i++) {
		const char *domain = arena_printf(arena, "m%zu.example", i);
		const char *name = arena_printf(arena, "_mta-sts.%s", domain);

		if (modes[i].mode == DNS_MEMORY_ANSWER)
			dns_memory_alias(dns, name, "_mta-sts.r0.example", &why);
		else
			dns_memory_mode(dns, name, 0, modes[i].mode);
		discover_policy(dns, arena, domain, &found);
		cases++;
		is_int(found.state, modes[i].want, "%s: %s", modes[i].what,
		       found.reason == NULL ? found.id : found.reason);
	}
}

/* ---- the policy, section 3.2 ---- */

static const struct text_case policies[] = {
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
    {"version: STSv1\r\nmode: enforce\nmx: a.example\r\nmax_age: 1", "enforce 1 a.example"},
    {"version: STSv1\nmode: testing\nmode: enforce\nmx: a.example\nmax_age: 1\n",
     "testing 1 a.example"},
    {"version: STSv1\nmode: enforce\nmx: a.example\nmx: a.example\nmax_age: 1\n",
     "enforce 1 a.example a.example"},
    {"version: STSv1\nmode: enforce\nmx: *.a_b.example\nmax_age: 1\n", "enforce 1 *.a_b.example"},
    {"version: STSv1\nmode: enforce\nMX: a.example\nmax_age: 1\n", NULL}, /* an extension */
    {"version: STSv1\nmode: enforce\nmx: 2001:db8::1\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: none\nmx: a.example\nmax_age: 1\n", "none 1 a.example"},
    {"version: STSv1\nmode: none\nmax_age: 1\nmax_age: \n", "none 1"},
    {"version: STSv1\nmode: none\nmax_age: 1 2\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1;\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\n: x\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\nx\xc3\xa9: y\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\nx: \xc3\n", NULL}, /* half a character */
    {"version: STSv1 STSv1\nmode: none\nmax_age: 1\n", NULL},
    {"version: STSv1\n mode: none\nmax_age: 1\n", NULL},
    {"version: STSv1\n\tmode: none\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: none\nmax_age: 1\n\r\n \t\r\n", "none 1"},
    /* an address that somebody took for a host (postfix-tlspol issue 70): the others count */
    {"version: STSv1\nmode: enforce\nmx: a.example\nmx: 192.0.2.1\nmax_age: 1\n",
     "enforce 1 a.example"},
    {"version: STSv1\nmode: enforce\nmx: 192.0.2.1\nmax_age: 1\n", NULL},
    /* "mx" with a typing error (postfix-tlspol issue 95): there is none */
    {"version: STSv1\nmode: enforce\nnmx: a.example\nmax_age: 1\n", NULL},
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

		cases++;

		is_text(show_policy(arena, span_of(policies[i].text), &why), policies[i].want,
			"policy %zu%s%s", i, why.text[0] == '\0' ? "" : ": ", why.text);
	}
}

/* Beside what can be written in a table. */
static void test_sizes(struct arena *arena)
{
	static const char with_nul[] = "version: STSv1\nmode: none\nmax_age: 1\nx: a\0b\n";
	struct buf text;
	struct sts_policy policy;
	struct why why;

	buf_init(&text, arena, 0);
	buf_string(&text, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (unsigned i = 0; i < STS_PATTERNS_MAX; i++)
		buf_printf(&text, "mx: m%u.example\n", i);
	is_int(sts_policy_parse(arena, buf_view(&text), &policy, &why), 0, "%d mx lines",
	       STS_PATTERNS_MAX);
	buf_string(&text, "mx: one.more.example\n");
	is_int(sts_policy_parse(arena, buf_view(&text), &policy, &why), -1, "one more: %s",
	       why.text);
	buf_clear(&text);
	buf_string(&text, "version: STSv1\nmode: none\nmax_age: 1\nx: ");
	while (text.len < STS_POLICY_MAX)
		buf_char(&text, 'x');
	is_int(sts_policy_parse(arena, buf_view(&text), &policy, &why), 0, "%d bytes",
	       STS_POLICY_MAX);
	buf_char(&text, 'x');
	is_int(sts_policy_parse(arena, buf_view(&text), &policy, &why), -1, "one more: %s",
	       why.text);
	buf_clear(&text);
	buf_add(&text, with_nul, sizeof with_nul - 1);
	is_int(sts_policy_parse(arena, buf_view(&text), &policy, &why), -1, "a NUL: %s", why.text);
	cases += 5;
}

/* ---- names of hosts, section 4.1 ---- */

static void test_patterns(void)
{
	static const struct {
		const char *pattern, *host;
		bool want;
	} names[] = {
	    {"mx.example.com", "mx.example.com", true},
	    {"mx.example.com", "mx2.example.com", false},
	    {"mx.example.com", "a.mx.example.com", false},
	    {"mx.example.com", "example.com", false},
	    {"*.example.com", "mx.example.com", true},
	    {"*.example.com", "a.mx.example.com", false},
	    {"*.example.com", "example.com", false},
	    {"*.example.com", "badexample.com", false},
	    {"*.example.com", "mx.example.com.evil.example", false},
	    {"*.mx.example.com", "a.mx.example.com", true},
	    {"*.com", "mx.example.com", false},
	    {"example.com", "mx.example.com", false},
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		const struct sts_policy policy = {.count = 2,
						  .patterns = {"other.example", names[i].pattern}};

		cases++;
		ok(sts_policy_allows(&policy, names[i].host) == names[i].want, "%s %s %s",
		   names[i].pattern, names[i].want ? "allows" : "does not allow", names[i].host);
	}
}

/* ---- what the web server sends, section 3.3 ---- */

#define TEXT "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"

static const struct {
	const char *type, *body;
	enum fetch_outcome want;
} documents[] = {
    {"text/plain", TEXT, FETCH_DONE},
    {"Text/Plain", TEXT, FETCH_DONE},
    {"text/plain; charset=utf-8", TEXT, FETCH_DONE},
    {"text/plain ;charset=us-ascii", TEXT, FETCH_DONE},
    {"text/plain;", TEXT, FETCH_DONE},
    {"text/html", TEXT, FETCH_INVALID},
    {"text/plainer", TEXT, FETCH_INVALID},
    {"application/octet-stream", TEXT, FETCH_INVALID},
    {"text/plain, text/html", TEXT, FETCH_INVALID},
    {"", TEXT, FETCH_INVALID},
    {NULL, TEXT, FETCH_INVALID},
    {"text/plain", "", FETCH_INVALID},
    {"text/plain", "<html>not found</html>", FETCH_INVALID},
    {"text/plain", "version: STSv1\n", FETCH_INVALID},
};

static void test_documents(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(documents); i++) {
		const struct fetch_document document = {
		    .status = 200, .type = documents[i].type, .body = span_of(documents[i].body)};
		const char *text = NULL;
		struct why why = {""};

		cases++;
		is_int(fetch_check_policy(&document, arena, &text, &why), documents[i].want,
		       "type \"%s\": %s", documents[i].type == NULL ? "-" : documents[i].type,
		       documents[i].want == FETCH_DONE ? "taken" : why.text);
	}
}

int main(void)
{
	struct arena *arena = arena_new(0);
	const struct dns_settings none = {0};
	struct dns *dns = dns_new_memory(&none);

	test_records(arena);
	test_announcements(dns, arena);
	test_resolution(dns, arena);
	test_policies(arena);
	test_sizes(arena);
	test_patterns();
	test_documents(arena);
	tap_note("%u cases of RFC 8461 sections 3 and 4", cases);
	ok(cases >= 80, "no table was lost");
	dns_free(dns);
	arena_free(arena);
	return tap_done();
}
