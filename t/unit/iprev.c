/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/spf/iprev: RFC 8601 sections 2.7.3 and 3, and that the second step follows the first by
 * itself. */
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "policy/spf/iprev.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

static const struct {
	const char *name;
	enum dns_type type;
	const char *data;
} zone[] = {
    {"1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "one.example"},
    {"one.example", DNS_TYPE_A, "192.0.2.1"},
    {"2.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "one.example"},
    {"2.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "two.example"},
    {"two.example", DNS_TYPE_A, "192.0.2.7"},
    {"two.example", DNS_TYPE_A, "192.0.2.2"},
    {"3.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "one.example"},
    {"4.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "nowhere.example"},
    {"6.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "broken.example"},
    {"6.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "one.example"},
    {"7.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "broken.example"},
    {"7.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "seven.example"},
    {"seven.example", DNS_TYPE_A, "192.0.2.7"},
    {"8.2.0.192.in-addr.arpa", DNS_TYPE_TXT, "no name"},
    {"9.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "."},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_TYPE_PTR,
     "six.example"},
    {"six.example", DNS_TYPE_A, "192.0.2.66"},
    {"six.example", DNS_TYPE_AAAA, "2001:db8::1"},
};

static const struct {
	const char *client;
	enum auth_result result;
	const char *name;
} cases[] = {
    {"192.0.2.1", AUTH_PASS, "one.example"},
    {"192.0.2.2", AUTH_PASS, "two.example"},
    {"192.0.2.3", AUTH_FAIL, "one.example"},
    {"192.0.2.4", AUTH_FAIL, "nowhere.example"},
    {"192.0.2.5", AUTH_TEMPERROR, NULL}, /* PTR fails */
    {"192.0.2.6", AUTH_TEMPERROR, "broken.example"},
    {"192.0.2.7", AUTH_PASS, "seven.example"}, /* another name's failure does not matter */
    {"192.0.2.8", AUTH_PERMERROR, NULL},       /* no data */
    {"192.0.2.9", AUTH_PERMERROR, NULL},       /* the root is not a name */
    {"192.0.2.99", AUTH_PERMERROR, NULL},      /* no such name */
    {"2001:db8::1", AUTH_PASS, "six.example"},
};

static struct dns *new_zone(void)
{
	struct dns *dns = dns_new_memory(NULL);
	struct why why;

	for (unsigned i = 0; i < sizeof zone / sizeof *zone; i++) {
		if (dns_memory_add(dns, zone[i].name, zone[i].type, zone[i].data,
				   strlen(zone[i].data), &why) < 0)
			ok(false, "%s", why.text);
	}
	dns_memory_mode(dns, "5.2.0.192.in-addr.arpa", 0, DNS_MEMORY_SERVFAIL);
	dns_memory_mode(dns, "broken.example", 0, DNS_MEMORY_SERVFAIL);
	return dns;
}

static void test_cases(struct dns *dns)
{
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dns_scope *scope = dns_scope_new(dns, 30, CLOCK_SECOND);
		struct arena *arena = arena_new(0);
		struct iprev_verdict verdict;
		struct ip client;

		ip_parse(span_of(cases[i].client), &client);
		iprev_check(scope, &client, arena, &verdict);
		is_text(auth_text(verdict.result), auth_text(cases[i].result), "iprev of %s",
			cases[i].client);
		is_text(verdict.name, cases[i].name, "its name");
		ok(verdict.why != NULL && verdict.why[0] != '\0', "a reason: %s", verdict.why);
		dns_scope_free(scope);
		arena_free(arena);
	}
}

static void test_no_client(struct dns *dns)
{
	struct dns_scope *scope = dns_scope_new(dns, 30, CLOCK_SECOND);
	struct arena *arena = arena_new(0);
	const struct ip client = {0};
	struct iprev_verdict verdict;

	iprev_start(scope, &client);
	iprev_check(scope, &client, arena, &verdict);
	is_int(verdict.result, AUTH_NONE, "a client without an address has no result");
	is_int(dns_scope_lookups(scope), 0, "and asks nothing");
	dns_scope_free(scope);
	arena_free(arena);
}

static void test_many_names(void)
{
	struct dns *dns = dns_new_memory(NULL);
	struct dns_scope *scope = dns_scope_new(dns, 100, CLOCK_SECOND);
	struct arena *arena = arena_new(0);
	struct iprev_verdict verdict;
	struct ip client;

	for (unsigned i = 0; i < 12; i++) {
		const char *text = arena_printf(arena, "h%u.example", i);

		dns_memory_add(dns, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, text, strlen(text),
			       NULL);
		dns_memory_add(dns, text, DNS_TYPE_A, i < 10 ? "192.0.2.2" : "192.0.2.1", 9, NULL);
	}
	ip_parse(span_of("192.0.2.1"), &client);
	iprev_check(scope, &client, arena, &verdict);
	is_int(verdict.result, AUTH_FAIL, "the names behind the tenth are not tried");
	is_int(dns_scope_lookups(scope), 11, "1 PTR and 10 addresses");
	is_text(verdict.name, "h0.example", "the first name is told");
	dns_scope_free(scope);
	arena_free(arena);
	dns_free(dns);
}

static void test_ahead(struct dns *dns)
{
	struct dns_scope *scope = dns_scope_new(dns, 30, CLOCK_SECOND);
	struct arena *arena = arena_new(0);
	struct iprev_verdict verdict;
	struct ip client;

	dns_flush(dns);
	dns_memory_delay(dns, CLOCK_MS);
	ip_parse(span_of("192.0.2.2"), &client);
	iprev_start(scope, &client);
	for (unsigned i = 0; i < 500 && dns_scope_lookups(scope) < 3; i++)
		nanosleep(&(struct timespec){0, 10 * CLOCK_MS}, NULL); /* the message arrives */
	is_int(dns_scope_lookups(scope), 3, "the addresses of both names are asked for");
	iprev_check(scope, &client, arena, &verdict);
	is_int(verdict.result, AUTH_PASS, "and the check");
	is_int(dns_scope_lookups(scope), 3, "asks nothing more");
	dns_scope_free(scope);
	arena_free(arena);
}

int main(void)
{
	struct dns *dns = new_zone();

	test_cases(dns);
	test_no_client(dns);
	test_many_names();
	test_ahead(dns);
	dns_free(dns);
	return tap_done();
}
