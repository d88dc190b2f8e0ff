/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/dmarc/treewalk and policy/dmarc/dmarc against any records. The input is lines: author,
 * SPF's domain, DKIM's domain, then "NAME RECORD" (at _dmarc.NAME; without a record its lookup
 * fails).
 *
 * Whatever is published: a walk asks for eight names at most, an organizational domain is an end of
 * the name it is for, alignment is the same from both sides, and a domain is aligned with itself.
 */
#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "mail/domain.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dmarc/treewalk.h"
#include "t/lib/dns_memory.h"
#include "t/lib/fuzz.h"

enum { RECORDS_MAX = 40 };

static struct dns *dns;

static const char *next_domain(struct arena *arena, struct span *rest, bool *more)
{
	struct span line = {rest->p, rest->p};
	const char *domain;

	span_split(rest, more, '\n', &line);
	domain = domain_to_ascii(arena, line);
	return domain == NULL ? "a.example" : domain;
}

static void load(struct arena *arena, struct span rest, bool more)
{
	struct span line, name;

	dns_memory_clear(dns);
	for (unsigned i = 0; i < RECORDS_MAX && span_split(&rest, &more, '\n', &line); i++) {
		bool record = true;
		const char *at;

		span_split(&line, &record, ' ', &name);
		at = arena_printf(arena, "_dmarc.%.*s", (int)span_len(name), name.p);
		if (record)
			dns_memory_add(dns, at, DNS_TYPE_TXT, line.p, span_len(line), NULL);
		else
			dns_memory_mode(dns, at, DNS_TYPE_TXT, DNS_MEMORY_SERVFAIL);
	}
}

static const char *org_of(struct arena *arena, const struct dmarc_rules *rules, const char *domain)
{
	struct dns_scope *scope = dns_scope_new(dns, 100, CLOCK_SECOND);
	const char *org;

	dmarc_start(scope, rules, domain);
	org = dmarc_org_domain(scope, rules, arena, domain, NULL);
	assert(dns_scope_lookups(scope) <= TREEWALK_MAX);
	assert(org == NULL || domain_within(domain, org));
	dns_scope_free(scope);
	return org;
}

static enum auth_result judge(struct arena *arena, const struct dmarc_rules *rules,
			      const char *author, const char *spf, const char *dkim,
			      struct dmarc_verdict *out)
{
	struct dns_scope *scope = dns_scope_new(dns, 100, CLOCK_SECOND);
	struct dkim_verdict signature = {.result = AUTH_PASS, .domain = dkim};
	struct verdict verdict = {
	    .dkim = &signature,
	    .dkim_count = dkim != NULL,
	    .spf = {.result = AUTH_PASS, .scope = SPF_SCOPE_MFROM, .domain = spf}};
	const struct dmarc_author from = {
	    .fields = 1, .domains = &author, .domain_count = 1, .explain = true};

	dmarc_start_author(scope, rules, author);
	dmarc_check(scope, rules, &from, &verdict, arena, out);
	assert(out->why != NULL && *out->why != '\0');
	assert((out->published != NULL) == (out->policy_tag != NULL));
	dns_scope_free(scope);
	return out->result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const psd[] = {"host.test", "com"};
	const struct dmarc_rules rules = {
	    .authors_max = 4, .psd_domains = psd, .psd_count = size % 3};
	struct span rest = span_make(data, size);
	struct arena *arena = arena_new(SIZE_MAX);
	const char *author, *spf, *dkim, *mine, *theirs;
	struct dmarc_verdict out;
	bool more = true;

	if (dns == NULL)
		dns = dns_new_memory(NULL);
	author = next_domain(arena, &rest, &more);
	spf = next_domain(arena, &rest, &more);
	dkim = next_domain(arena, &rest, &more);
	load(arena, rest, more);
	mine = org_of(arena, &rules, author);
	theirs = org_of(arena, &rules, spf);
	judge(arena, &rules, author, spf, dkim, &out);
	judge(arena, &rules, author, spf, NULL, &out);
	if (out.published != NULL && !out.published->aspf_strict && mine != NULL && theirs != NULL)
		assert(out.spf_aligned ==
		       (domain_equal(mine, theirs) || domain_equal(author, spf)));
	if (judge(arena, &rules, author, author, NULL, &out) == AUTH_FAIL)
		assert(!"a domain is aligned with itself");
	arena_free(arena);
	return 0;
}
