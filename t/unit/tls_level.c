/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/level, tls/route, tls/discover, tls/answer: from DNS and a policy to what Postfix is told.
 */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"
#include "tls/answer.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

#define DIGEST  "01234567890123456789012345678901"
#define DANE_EE "\003\001\001" DIGEST
#define DANE_TA "\002\000\001" DIGEST
#define PKIX_EE "\001\001\001" DIGEST
#define SHORT   "\003\001\001short"
#define FULL    "\003\001\000certificate"

/* ---- the zones ---- */

static struct dns *dns;

static void add(const char *name, enum dns_type type, const char *data)
{
	size_t length = type == DNS_TYPE_TLSA ? 3 + strlen(data + 3) : strlen(data);
	struct why why = {""};

	if (dns_memory_add(dns, name, type, data, length, &why) != 0)
		tap_skip_all("%s", why.text);
}

static void add_host(const char *name, const char *tlsa)
{
	char base[256];

	add(name, DNS_TYPE_A, "192.0.2.25");
	snprintf(base, sizeof base, "_25._tcp.%s", name);
	if (tlsa != NULL)
		add(base, DNS_TYPE_TLSA, tlsa);
}

static void add_domain(const char *domain, const char *const *hosts)
{
	char mx[256];

	for (unsigned i = 0; hosts[i] != NULL; i++) {
		snprintf(mx, sizeof mx, "%u %s", 10 * (i + 1), hosts[i]);
		add(domain, DNS_TYPE_MX, mx);
	}
}
#define HOSTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void announce(const char *domain, const char *record)
{
	char name[256];

	snprintf(name, sizeof name, "_mta-sts.%s", domain);
	add(name, DNS_TYPE_TXT, record);
}

/* Names below test are in signed zones, those below example are not. */
static void make_hosts(void)
{

	dns_memory_sign(dns, "test");
	add_host("ee.dane.test", DANE_EE);
	add_host("ta.dane.test", DANE_TA);
	add_host("full.dane.test", FULL);
	add_host("pkix.dane.test", PKIX_EE);
	add_host("short.dane.test", SHORT);
	add_host("none.dane.test", NULL);
	add_host("fail.dane.test", NULL);
	dns_memory_mode(dns, "_25._tcp.fail.dane.test", 0, DNS_MEMORY_SERVFAIL);
	add_host("bogus.dane.test", NULL);
	dns_memory_mode(dns, "_25._tcp.bogus.dane.test", 0, DNS_MEMORY_BOGUS);
	dns_memory_mode(dns, "lame.dane.test", 0, DNS_MEMORY_SERVFAIL);
	add("lame.dane.test", DNS_TYPE_A, "192.0.2.1");
	add_host("end.dane.test", DANE_EE);
	dns_memory_alias(dns, "alias.dane.test", "end.dane.test", NULL);
	add_host("bare.dane.test", NULL);
	dns_memory_alias(dns, "own.dane.test", "bare.dane.test", NULL);
	add("_25._tcp.own.dane.test", DNS_TYPE_TLSA, DANE_EE);
	add_host("mx.open.example", DANE_EE); /* not signed */
	dns_memory_alias(dns, "out.dane.test", "mx.open.example", NULL);
	add_host("broken.open.example", NULL);
	dns_memory_mode(dns, "_25._tcp.broken.open.example", 0, DNS_MEMORY_SERVFAIL);
}

/* ---- the cases ---- */

#define ENFORCE_ONE "version: STSv1\nmode: enforce\nmx: none.dane.test\nmax_age: 86400\n"
#define ENFORCE_ALL                                                                                \
	"version: STSv1\nmode: enforce\nmx: *.dane.test\nmx: mx.open.example\nmax_age: 86400\n"
#define ENFORCE_EXAMPLE                                                                            \
	"version: STSv1\r\nmode: enforce\r\nmx: *.open.example\r\nmax_age: 86400\r\n"
#define TESTING "version: STSv1\nmode: testing\nmx: mx.open.example\nmax_age: 86400\n"
#define NONE    "version: STSv1\nmode: none\nmax_age: 86400\n"

struct level_case {
	const char *domain; /* below it "_mta-sts" is announced when there is a policy */
	const char *const *hosts;
	const char *policy; /* that is held, or NULL */
	const char *want;   /* of map "policy" */
	const char *name;
};

static const char *const one[] = {"ee.dane.test", NULL};
static const char *const two[] = {"ee.dane.test", "ta.dane.test", NULL};
static const char *const full[] = {"full.dane.test", NULL};
static const char *const mixed[] = {"ee.dane.test", "none.dane.test", NULL};
static const char *const plain[] = {"none.dane.test", NULL};
static const char *const pkix[] = {"pkix.dane.test", NULL};
static const char *const short_[] = {"short.dane.test", NULL};
static const char *const part[] = {"ee.dane.test", "pkix.dane.test", NULL};
static const char *const fail[] = {"fail.dane.test", NULL};
static const char *const bogus[] = {"bogus.dane.test", NULL};
static const char *const half[] = {"ee.dane.test", "fail.dane.test", NULL};
static const char *const doubt[] = {"none.dane.test", "fail.dane.test", NULL};
static const char *const lame[] = {"lame.dane.test", "ee.dane.test", NULL};
static const char *const gone[] = {"absent.dane.test", "ee.dane.test", NULL};
static const char *const alias[] = {"alias.dane.test", NULL};
static const char *const own[] = {"own.dane.test", NULL};
static const char *const out[] = {"out.dane.test", NULL};
static const char *const open_[] = {"mx.open.example", NULL};
static const char *const broken[] = {"broken.open.example", NULL};
static const char *const unlisted[] = {"evil.open2.example", NULL};

static const struct level_case cases[] = {
    {"d1.test", one, NULL, "OK dane-only", "one host, DANE-EE"},
    {"d2.test", two, NULL, "OK dane-only", "two hosts, DANE-EE and DANE-TA"},
    {"d3.test", full, NULL, "OK dane-only", "a whole certificate"},
    {"d4.test", mixed, NULL, "OK dane", "one of two hosts has TLSA"},
    {"d5.test", plain, NULL, "NOTFOUND ", "signed, no TLSA"},
    {"d6.test", pkix, NULL, "OK dane", "usage 1 cannot be used: encrypted at least"},
    {"d7.test", short_, NULL, "OK dane", "a digest of the wrong length cannot be used"},
    {"d8.test", part, NULL, "OK dane", "usable at one host, not at the other"},
    {"d9.test", fail, NULL, "TEMP ", "SERVFAIL for TLSA in a signed zone"},
    {"d10.test", bogus, NULL, "TEMP ", "bogus TLSA"},
    {"d11.test", half, NULL, "OK dane-only", "TLSA of one host fails: the other is used"},
    {"d12.test", doubt, NULL, "OK dane", "TLSA of one host fails, the other has none"},
    {"d13.test", lame, NULL, "OK dane-only", "a host without addresses is not counted"},
    {"d14.test", gone, NULL, "OK dane-only", "nor one that does not exist"},
    {"d15.test", alias, NULL, "OK dane-only", "TLSA at the end of an alias"},
    {"d16.test", own, NULL, "OK dane-only", "TLSA at the name of an alias"},
    {"d17.test", out, NULL, "NOTFOUND ", "an alias that leads out of signed zones"},
    {"d18.test", open_, NULL, "NOTFOUND ", "a host in an unsigned zone"},
    {"d19.test", broken, NULL, "NOTFOUND ", "TLSA fails in an unsigned zone: it does not matter"},
    {"i1.example", one, NULL, "NOTFOUND ", "MX not signed: no DANE by us (RFC 7672 2.2.1)"},
    {"i2.example", fail, NULL, "NOTFOUND ", "MX not signed, TLSA fails"},
    /* both */
    {"b1.test", one, ENFORCE_ALL, "OK dane-only", "DANE before MTA-STS"},
    {"b2.test", one, ENFORCE_ONE, "OK dane-only", "DANE, though MTA-STS allows no host"},
    {"b3.test", mixed, ENFORCE_ALL, "OK dane-only", "mixed hosts with enforce"},
    {"b4.test", mixed, TESTING, "OK dane", "mixed hosts with testing"},
    {"b5.test", plain, ENFORCE_ONE, "OK secure match=none.dane.test servername=hostname",
     "no TLSA: MTA-STS"},
    {"b6.test", pkix, ENFORCE_ALL,
     "OK secure match=pkix.dane.test:mx.open.example servername=hostname",
     "TLSA that cannot be used: MTA-STS demands more"},
    {"b7.test", fail, ENFORCE_ALL, "TEMP ", "MTA-STS does not replace DANE that fails"},
    {"b8.test", bogus, ENFORCE_ALL, "TEMP ", "nor bogus TLSA"},
    {"b9.test", doubt, ENFORCE_ALL, "TEMP ", "nor where only another host has none"},
    {"b10.test", pkix, NONE, "OK dane", "mode none changes nothing"},
    {"b11.example", one, ENFORCE_ALL,
     "OK secure match=ee.dane.test:mx.open.example servername=hostname",
     "MX not signed: MTA-STS protects it"},
    /* MTA-STS */
    {"s1.example", open_, ENFORCE_EXAMPLE, "OK secure match=mx.open.example servername=hostname",
     "a wildcard becomes the host"},
    {"s2.example", open_, TESTING, "NOTFOUND ", "testing"},
    {"s3.example", open_, NONE, "NOTFOUND ", "none"},
    {"s4.example", unlisted, ENFORCE_EXAMPLE, "TEMP ", "no MX host is allowed"},
    {"s5.example", open_, NULL, "NOTFOUND ", "no policy"},
};

static const char *held_policy; /* that the source gives */

static void give_policy(void *arg, struct arena *arena, const char *domain,
			const struct sts_discovery *discovery, struct sts_held *held)
{
	struct why why;

	(void)arg;
	(void)domain;
	(void)discovery;
	if (held_policy == NULL)
		return;
	held->present = true;
	held->text = held_policy;
	held->id = "1";
	if (sts_policy_parse(arena, span_of(held_policy), &held->policy, &why) != 0)
		tap_skip_all("%s", why.text);
}

static const struct level_exception exceptions[] = {
    {{"forced.example", false}, "encrypt"},
    {{"left.example", true}, "default"},
};
static const struct level_settings settings = {false, exceptions, 2};
static const struct level_settings fallback = {true, NULL, 0};

/* The answer, in ARENA. */
static const char *answer_for(const struct level_settings *with, struct arena *arena,
			      const char *domain, enum answer_map map, struct level *level)
{
	struct dns_scope *scope = dns_scope_new(dns, LEVEL_LOOKUPS, CLOCK_SECOND / 5);
	struct buf answer;

	dns_scope_deadline(scope, clock_mono() + CLOCK_SECOND / 5);
	level_decide(with, scope, arena, domain, give_policy, NULL, level);
	buf_init(&answer, arena, ANSWER_MAX);
	answer_write(&answer, level, map);
	ok(!answer.failed && level->reason != NULL && level->reason[0] != '\0', "%s: %s", domain,
	   level->reason == NULL ? "?" : level->reason);
	dns_scope_free(scope);
	return buf_text(&answer);
}

static void is_answer(const char *have, const char *want, const char *name)
{
	if (strcmp(want, "TEMP ") == 0)
		ok(strncmp(have, want, 5) == 0 && strlen(have) > 10, "%s: %s", name, have);
	else
		is_text(have, want, "%s", name);
}

static void test_cases(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct level_case *c = &cases[i];
		struct level level;

		add_domain(c->domain, c->hosts);
		held_policy = c->policy;
		if (c->policy != NULL)
			announce(c->domain, "v=STSv1; id=1;");
		is_answer(answer_for(&settings, arena, c->domain, ANSWER_POLICY, &level), c->want,
			  c->name);
	}
	held_policy = NULL;
}

/* ---- MX, RFC 5321 section 5.1, RFC 7505 ---- */

static void test_routes(struct arena *arena)
{
	struct level level;

	add("null.test", DNS_TYPE_MX, "0 .");
	is_answer(answer_for(&settings, arena, "null.test", ANSWER_POLICY, &level), "NOTFOUND ",
		  "null MX");
	is_int(level.route.kind, ROUTE_NULL, "null MX");
	add("odd.test", DNS_TYPE_MX, "0 .");
	add("odd.test", DNS_TYPE_MX, "10 ee.dane.test");
	is_answer(answer_for(&settings, arena, "odd.test", ANSWER_POLICY, &level), "OK dane-only",
		  "a null MX beside a host");
	is_answer(answer_for(&settings, arena, "nowhere.test", ANSWER_POLICY, &level), "NOTFOUND ",
		  "no such domain");
	is_int(level.route.kind, ROUTE_ABSENT, "no such domain");
	add_host("implicit.test", DANE_EE);
	is_answer(answer_for(&settings, arena, "implicit.test", ANSWER_POLICY, &level),
		  "OK dane-only", "implicit MX with TLSA");
	is_int(level.route.kind, ROUTE_IMPLICIT, "implicit MX");
	add_domain("late.test", HOSTS("none.dane.test"));
	add("late.test", DNS_TYPE_MX, "5 ee.dane.test");
	answer_for(&settings, arena, "late.test", ANSWER_POLICY, &level);
	is_text(level.route.hosts[0].name, "ee.dane.test", "in the order of preference");
	add_domain("bogusmx.test", one);
	dns_memory_mode(dns, "bogusmx.test", DNS_TYPE_MX, DNS_MEMORY_BOGUS);
	is_answer(answer_for(&settings, arena, "bogusmx.test", ANSWER_POLICY, &level), "TEMP ",
		  "bogus MX");
	is_answer(answer_for(&fallback, arena, "implicit.test", ANSWER_POLICY, &level), "OK dane",
		  "tls.dane = \"dane\"");
}

/* More hosts than are looked at: not every one is known to have TLSA. */
static void test_many_hosts(struct arena *arena)
{
	struct level level;
	char name[64], mx[80];

	for (unsigned i = 0; i < ROUTE_HOSTS_MAX + 1; i++) {
		snprintf(name, sizeof name, "m%u.dane.test", i);
		snprintf(mx, sizeof mx, "10 %s", name);
		add_host(name, DANE_EE);
		add("many.test", DNS_TYPE_MX, mx);
	}
	is_answer(answer_for(&settings, arena, "many.test", ANSWER_POLICY, &level), "OK dane",
		  "more hosts than are looked at");
	ok(level.route.cut, "the rest is known to be there");
}

/* ---- failing name servers: what plain Postfix would deliver is delivered ---- */

static void test_failures(struct arena *arena)
{
	struct level level;

	add_domain("dead.example", open_);
	dns_memory_mode(dns, "dead.example", DNS_TYPE_MX, DNS_MEMORY_SERVFAIL);
	is_answer(answer_for(&settings, arena, "dead.example", ANSWER_POLICY, &level), "NOTFOUND ",
		  "SERVFAIL for MX, nothing held");
	held_policy = ENFORCE_EXAMPLE;
	is_answer(answer_for(&settings, arena, "dead.example", ANSWER_POLICY, &level),
		  "OK secure match=.open.example servername=hostname",
		  "SERVFAIL for MX, a policy is held");
	held_policy = NULL;
	add_domain("txt.example", open_);
	dns_memory_mode(dns, "_mta-sts.txt.example", 0, DNS_MEMORY_SERVFAIL);
	is_answer(answer_for(&settings, arena, "txt.example", ANSWER_POLICY, &level), "NOTFOUND ",
		  "SERVFAIL for _mta-sts");
	is_int(level.discovery.state, STS_UNKNOWN, "not known");
	dns_memory_mode(dns, "_mta-sts.txt.example", 0, DNS_MEMORY_SILENT);
	is_answer(answer_for(&settings, arena, "txt.example", ANSWER_POLICY, &level), "NOTFOUND ",
		  "no answer for _mta-sts");
	is_int(level.ttl, 10, "asked again soon");
	add_domain("silent.test", fail);
	dns_memory_mode(dns, "_25._tcp.fail.dane.test", 0, DNS_MEMORY_SILENT);
	is_answer(answer_for(&settings, arena, "silent.test", ANSWER_POLICY, &level), "TEMP ",
		  "no answer for TLSA in a signed zone");
}

/* ---- from Postfix 3.10 ---- */

static void test_attributes(struct arena *arena)
{
	struct level level;

	held_policy = ENFORCE_EXAMPLE "note: a { b }\r\n";
	is_text(answer_for(&settings, arena, "s1.example", ANSWER_POLICY_310, &level),
		"OK secure match=mx.open.example servername=hostname policy_type=sts "
		"policy_domain=s1.example mx_host_pattern=*.open.example "
		"{ policy_string = version: STSv1 } { policy_string = mode: enforce } "
		"{ policy_string = mx: *.open.example } { policy_string = max_age: 86400 }",
		"policy310 has the attributes, and none with braces");
	held_policy = NULL;
	is_text(answer_for(&settings, arena, "d1.test", ANSWER_POLICY_310, &level), "OK dane-only",
		"policy310 and DANE");
}

static void test_large_policy(struct arena *arena)
{
	struct level level;
	struct buf text;

	buf_init(&text, arena, 0);
	buf_string(&text, ENFORCE_EXAMPLE);
	while (text.len < STS_POLICY_MAX - 100)
		buf_printf(&text, "note: %060d\n", 0);
	held_policy = buf_text(&text);
	is_text(answer_for(&settings, arena, "s1.example", ANSWER_POLICY_310, &level),
		"OK secure match=mx.open.example servername=hostname",
		"attributes that would be too long are left out");
	held_policy = NULL;
}

/* ---- where other programs stopped their users' mail, or sent it unprotected ---- */

#define NO_MX "version: STSv1\nmode: enforce\nnmx: mx.open.example\nmax_age: 604800\n"
#define ADDRESSES                                                                                  \
	"version: STSv1\nmode: enforce\nmx: *.open.example\nmx: 192.0.2.1\nmax_age: 604800\n"
#define DEEP "version: STSv1\nmode: enforce\nmx: *.example\nmx: mx.open.example\nmax_age: 604800\n"

static const struct {
	const char *issue, *domain;
	const char *const *hosts;
	const char *policy;
	enum answer_map map;
	const char *want;
} failures[] = {
    {"postfix-mta-sts-resolver 67: MTA-STS in place of DANE", "f1.test", one, ENFORCE_ALL,
     ANSWER_POLICY, "OK dane-only"},
    {"postfix-mta-sts-resolver 66, 76, postfix-tlspol 6: attributes of a later Postfix",
     "f2.example", open_, ENFORCE_EXAMPLE, ANSWER_POLICY,
     "OK secure match=mx.open.example servername=hostname"},
    {"postfix-mta-sts-resolver 105: a pattern that allows more than one label", "f3.example", open_,
     DEEP, ANSWER_POLICY, "OK secure match=mx.open.example servername=hostname"},
    {"postfix-mta-sts-resolver 116, postfix-tlspol 94: patterns as they are in the policy",
     "f4.example", open_, ADDRESSES, ANSWER_POLICY_310,
     "OK secure match=mx.open.example servername=hostname policy_type=sts policy_domain=f4.example "
     "mx_host_pattern=*.open.example { policy_string = version: STSv1 } "
     "{ policy_string = mode: enforce } { policy_string = mx: *.open.example } "
     "{ policy_string = mx: 192.0.2.1 } { policy_string = max_age: 604800 }"},
    {"postfix-tlspol 3: a domain that demands nothing is not an error", "f5.example", open_, NULL,
     ANSWER_POLICY, "NOTFOUND "},
    {"postfix-tlspol 8: dane-only, though the domain is not signed", "f6.example", one, NULL,
     ANSWER_POLICY, "NOTFOUND "},
    {"postfix-tlspol 177: dane for a domain that is not signed, whose host's TLSA fails",
     "f7.example", fail, NULL, ANSWER_POLICY, "NOTFOUND "},
    {"postfix-tlspol 70: an address among the patterns", "f8.example", open_, ADDRESSES,
     ANSWER_POLICY, "OK secure match=mx.open.example servername=hostname"},
};

static void test_known_failures(struct arena *arena)
{
	struct level level;

	for (size_t i = 0; i < COUNT(failures); i++) {
		add_domain(failures[i].domain, failures[i].hosts);
		held_policy = failures[i].policy;
		if (held_policy != NULL)
			announce(failures[i].domain, "v=STSv1; id=1;");
		/* 35: the second answer had all attributes twice */
		for (unsigned again = 0; again < 2; again++)
			is_text(answer_for(&settings, arena, failures[i].domain, failures[i].map,
					   &level),
				failures[i].want, "%s", failures[i].issue);
	}
	held_policy = NULL;
}

/* postfix-tlspol 95: "match=" with nothing after it. No policy can be taken from such a text. */
static void test_no_hosts(struct arena *arena)
{
	struct sts_policy policy;
	struct why why;

	is_int(sts_policy_parse(arena, span_of(NO_MX), &policy, &why), -1, "postfix-tlspol 95: %s",
	       why.text);
}

/* ---- exceptions, keys ---- */

static void test_exceptions(struct arena *arena)
{
	struct level level;

	is_text(answer_for(&settings, arena, "forced.example", ANSWER_POLICY, &level), "OK encrypt",
		"an exception");
	is_text(answer_for(&settings, arena, "a.left.example", ANSWER_POLICY, &level), "NOTFOUND ",
		"an exception that says default");
	ok(!level.looked, "nothing is looked up for it");
}

static void test_keys(struct arena *arena)
{
	static const struct {
		const char *key, *want;
	} keys[] = {
	    {"example.com", "example.com"},
	    {"Example.COM", "example.com"},
	    {"example.com.", "example.com"},
	    {"b\xc3\xbc\x63her.example", "xn--bcher-kva.example"},
	    {"[mx.example.com]", NULL},
	    {"[mx.example.com]:587", NULL},
	    {"example.com:587", NULL},
	    {"[192.0.2.1]", NULL},
	    {"192.0.2.1", NULL},
	    {"2001:db8::1", NULL},
	    {".example.com", NULL},
	    {"localhost", NULL},
	    {"a b.example", NULL},
	    {"a..example", NULL},
	    {"", NULL},
	};

	for (size_t i = 0; i < COUNT(keys); i++) {
		const char *reason;

		is_text(level_domain(arena, span_of(keys[i].key), &reason), keys[i].want,
			"key \"%s\"", keys[i].key);
	}
}

/* ---- the protocol ---- */

static void test_requests(void)
{
	static const struct {
		const char *text;
		enum socketmap_state want;
	} texts[] = {
	    {"18:policy example.com,", SOCKETMAP_COMPLETE},
	    {"18:policy example.com,18:poli", SOCKETMAP_COMPLETE},
	    {"7:policy ,", SOCKETMAP_COMPLETE},
	    {"18:policy example.co", SOCKETMAP_MORE},
	    {"18:policy example.com", SOCKETMAP_MORE},
	    {"18:", SOCKETMAP_MORE},
	    {"18", SOCKETMAP_MORE},
	    {"", SOCKETMAP_MORE},
	    {"10000:", SOCKETMAP_MORE},
	    {"10001:", SOCKETMAP_BAD},
	    {"100000", SOCKETMAP_BAD},
	    {"-1:", SOCKETMAP_BAD},
	    {" 1:", SOCKETMAP_BAD},
	    {":", SOCKETMAP_BAD},
	    {"GET / HTTP/1.1", SOCKETMAP_BAD},
	    {"18:policy example.com;", SOCKETMAP_BAD},
	    {"6:policy,", SOCKETMAP_BAD},
	    {"0:,", SOCKETMAP_BAD},
	};
	struct socketmap_request request;
	struct buf answer;

	for (size_t i = 0; i < COUNT(texts); i++)
		is_int(socketmap_parse(span_of(texts[i].text), &request), texts[i].want,
		       "request \"%s\"", texts[i].text);
	socketmap_parse(span_of(texts[0].text), &request);
	ok(span_eq(request.map, "policy") && span_eq(request.key, "example.com") &&
	       request.length == strlen(texts[0].text),
	   "a request has a map, a key and a length");
	buf_init(&answer, NULL, 0);
	socketmap_write(&answer, span_of("NOTFOUND "));
	is_text(buf_text(&answer), "9:NOTFOUND ,", "an answer");
	buf_free(&answer);
}

int main(void)
{
	struct arena *arena = arena_new(0);
	const struct dns_settings none = {0};

	dns = dns_new_memory(&none);
	make_hosts();
	test_cases(arena);
	test_routes(arena);
	test_many_hosts(arena);
	test_failures(arena);
	test_attributes(arena);
	test_large_policy(arena);
	test_known_failures(arena);
	test_no_hosts(arena);
	tap_note("%zu cases of DANE and MTA-STS, %zu of other programs", COUNT(cases),
		 COUNT(failures) + 1);
	test_exceptions(arena);
	test_keys(arena);
	test_requests();
	dns_free(dns);
	arena_free(arena);
	return tap_done();
}
