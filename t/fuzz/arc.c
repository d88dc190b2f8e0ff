/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/arc/chain and policy/arc/trust: any header, in which a name that begins with 0, 1 or 2 is
 * one of ARC's, so that sets are found soon. No chain passes: nobody here can sign.
 */
#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "policy/arc/seal.h"
#include "policy/arc/trust.h"
#include "t/lib/dns_memory.h"
#include "t/lib/fuzz.h"

static struct dkimcheck_engine *engine;
static struct dns *zone;

static void begin(void)
{
	static const char record[] =
	    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
	const struct dns_settings settings = {0};

	if (engine != NULL)
		return;
	engine = dkimcheck_engine_new(NULL);
	zone = dns_new_memory(&settings);
	dns_memory_add(zone, "s._domainkey.example.com", DNS_TYPE_TXT, record, strlen(record),
		       NULL);
}

static void field(struct arc *arc, struct dkimcheck *dkim, struct span line)
{
	static const char *const names[] = {"ARC-Seal", "ARC-Message-Signature",
					    "ARC-Authentication-Results"};
	struct span name;
	bool more = true;

	span_split(&line, &more, ':', &name);
	if (!span_empty(name) && *name.p >= '0' && *name.p <= '2')
		name = span_of(names[*name.p - '0']);
	arc_header(arc, dkimcheck_header(dkim, name, more ? line : span_of("")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct arc_rules rules = {.clock_drift = 300};
	static const struct dkimcheck_rules dkim_rules = {.max_signatures = 10, .clock_drift = 300};
	static const struct domain_pattern sealers = {.domain = "example.com"};
	struct arena *arena = arena_new(0);
	struct span text = span_make(data, size), line;
	struct verdict verdict = {.dmarc = {.author_domain = "example.com"}};
	struct dns_scope *scope;
	struct dkimcheck *dkim;
	struct arc *arc;
	bool more = true;

	begin();
	scope = dns_scope_new(zone, 100, CLOCK_SECOND);
	dkim = dkimcheck_new(engine, &dkim_rules, arena, scope, 1795341723);
	arc = arc_new(&rules, dkim, arena, scope, 1795341723);
	while (span_split(&text, &more, '\n', &line))
		field(arc, dkim, line);
	arc_end_of_headers(arc);
	dkimcheck_end_of_headers(dkim, NULL);
	dkimcheck_body(dkim, span_of("body\r\n"));
	arc_await(arc);
	dkimcheck_finish(dkim, &verdict);
	arc_finish(arc, &verdict.arc);
	assert(verdict.arc.result == AUTH_NONE || verdict.arc.result == AUTH_FAIL);
	assert(verdict.arc.count <= 50 && verdict.arc.why != NULL);
	assert(arctrust_find(&sealers, 1, &verdict, arena) == NULL);
	/* results that a trusted sealer vouches for may say anything */
	verdict.arc.result = verdict.arc.count > 0 ? AUTH_PASS : verdict.arc.result;
	(void)arctrust_find(&sealers, 1, &verdict, arena);
	assert(arc_next_instance(arc) <= 50);
	dns_scope_free(scope);
	arena_free(arena);
	return 0;
}
