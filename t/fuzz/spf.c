/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/spf/spf, with policy/spf/prefetch, policy/spf/eval, policy/spf/record and
 * policy/spf/macro, against a hostile zone: both engines end with the same result, within the
 * limits. The input is lines: HELO, MAIL FROM, then the SPF records of a.x, b.x, c.x ... (without
 * the version); the first byte of HELO chooses the client.
 */
#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/spf/spf.h"
#include "t/lib/dns_memory.h"
#include "t/lib/fuzz.h"

enum { LINE_MAX_LEN = 2000 };

static const struct {
	const char *name;
	enum dns_type type;
	const char *data;
} fixed[] = {
    {"h.x", DNS_TYPE_A, "192.0.2.1"},
    {"h.x", DNS_TYPE_AAAA, "2001:db8::1"},
    {"i.x", DNS_TYPE_A, "192.0.2.77"},
    {"a.x", DNS_TYPE_A, "198.51.100.1"},
    {"a.x", DNS_TYPE_MX, "10 i.x"},
    {"a.x", DNS_TYPE_MX, "10 h.x"},
    {"b.x", DNS_TYPE_MX, "0 ."},
    {"e.x", DNS_TYPE_TXT, "see %{S} %{r} %{p}"},
    {"*.w.x", DNS_TYPE_A, "127.0.0.2"},
    {"1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "h.x"},
    {"1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "f.x"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_TYPE_PTR,
     "h.x"},
};

static struct dns *dns;

static void build_zone(struct span rest, bool more)
{
	struct span line;

	if (dns == NULL)
		dns = dns_new_memory(NULL);
	dns_memory_clear(dns);
	for (unsigned i = 0; i < sizeof fixed / sizeof *fixed; i++)
		dns_memory_add(dns, fixed[i].name, fixed[i].type, fixed[i].data,
			       strlen(fixed[i].data), NULL);
	dns_memory_mode(dns, "f.x", 0, DNS_MEMORY_SERVFAIL);
	for (char name[] = "a.x"; name[0] <= 'z' && span_split(&rest, &more, '\n', &line);
	     name[0]++) {
		char text[LINE_MAX_LEN + 8] = "v=spf1 ";
		size_t length = span_len(line) < LINE_MAX_LEN ? span_len(line) : LINE_MAX_LEN;

		memcpy(text + 7, line.p, length);
		dns_memory_add(dns, name, DNS_TYPE_TXT, text, length + 7, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const clients[] = {"192.0.2.1", "2001:db8::1", "127.0.0.1",
					      "198.51.100.9"};
	struct span rest = span_make(data, size), helo = {rest.p, rest.p}, from = helo;
	struct arena *arena = arena_new(0);
	struct spf_request request = {.receiver = "r.x", .now = 1};
	struct dns_scope *scope;
	struct spf_verdict verdict;
	const char *disagreement;
	bool more = true;

	(void)span_split(&rest, &more, '\n', &helo);
	(void)span_split(&rest, &more, '\n', &from);
	build_zone(rest, more);
	request.helo = arena_span(arena, helo);
	request.mail_from = arena_span(arena, from);
	ip_parse(span_of(clients[(unsigned char)request.helo[0] % 4]), &request.client);
	scope = dns_scope_new(dns, 500, CLOCK_SECOND);
	spf_start(scope, &request, arena);
	spf_check_with(SPF_ENGINE_BOTH, scope, &request, arena, &verdict, &disagreement);
	assert(disagreement == NULL);
	assert(verdict.why != NULL && verdict.domain != NULL);
	assert(verdict.terms <= SPF_TERMS_MAX + 2 && verdict.voids <= SPF_VOIDS_MAX + 1);
	assert(dns_scope_lookups(scope) <= 300);
	dns_scope_free(scope);
	arena_free(arena);
	return 0;
}
