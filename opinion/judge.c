/* SPDX-License-Identifier: BSD-2-Clause */
#include "opinion/judge.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/spf/spf.h"

/* What the native engine did not ask for, it did not need: who asks goes another way. */
static const char unseen[] = "the native engine did not ask for it";

struct case_result judge_spf_result(const struct spf_verdict *verdict)
{
	return (struct case_result){
	    .subject = verdict->scope == SPF_SCOPE_HELO ? CASE_SPF_HELO : CASE_SPF_MFROM,
	    .result = verdict->result,
	    .name = verdict->domain,
	    .why = verdict->why,
	};
}

struct case_result judge_dkim_result(const struct dkim_verdict *verdict, struct arena *arena)
{
	return (struct case_result){
	    .subject = CASE_DKIM,
	    .result = verdict->result,
	    .name = arena_printf(arena, "d=%s s=%s b=%s", verdict->domain, verdict->selector,
				 verdict->signature),
	    .why = verdict->why,
	};
}

static struct dns *open_dns(const struct case_lookups *lookups)
{
	return dns_new_seen(lookups->items, lookups->count, unseen);
}

/* Nothing is waited for, as every answer is there. */
static struct dns_scope *open_scope(struct dns *dns)
{
	return dns_scope_new(dns, CASE_LOOKUPS_MAX, CLOCK_SECOND);
}

static void judge_spf(const struct opinion_case *c, enum spf_scope scope, struct dns *dns,
		      struct arena *arena, struct case_results *out)
{
	struct dns_scope *lookups = open_scope(dns);
	struct spf_request request = {.client = c->client,
				      .scope = scope,
				      .helo = c->helo,
				      .mail_from = c->mail_from,
				      .receiver = c->receiver,
				      .now = c->now};
	struct spf_verdict verdict;
	const char *disagreement;

	spf_check_with(SPF_ENGINE_LIBSPF2, lookups, &request, arena, &verdict, &disagreement);
	out->items[out->count++] = judge_spf_result(&verdict);
	dns_scope_free(lookups);
}

static unsigned limit_number(int64_t number)
{
	return number < 1000000 ? (unsigned)number : 1000000;
}

static struct dkimcheck_rules make_rules(const struct case_rules *rules)
{
	return (struct dkimcheck_rules){
	    .engine = DKIMCHECK_OPENDKIM,
	    .max_signatures = limit_number(rules->max_signatures),
	    .min_rsa_bits = limit_number(rules->min_rsa_bits),
	    .accept_partial_body = rules->accept_partial_body,
	    .accept_testing_keys = rules->accept_testing_keys,
	    .accept_added_fields = rules->accept_added_fields,
	    .clock_drift = rules->clock_drift,
	};
}

/* FIELD is "Name:value". */
static void feed_field(struct dkimcheck *check, struct span field)
{
	const char *colon = memchr(field.p, ':', span_len(field));

	assert(colon != NULL);
	dkimcheck_header(check, (struct span){field.p, colon}, (struct span){colon + 1, field.end});
}

static void judge_dkim(const struct opinion_case *c, struct dkimcheck_engine *engine,
		       struct dns *dns, struct arena *arena, struct case_results *out)
{
	const struct dkimcheck_rules rules = make_rules(&c->rules);
	struct dns_scope *lookups = open_scope(dns);
	struct dkimcheck *check = dkimcheck_new(engine, &rules, arena, lookups, c->now);
	struct verdict verdict = {.dkim_count = 0};

	for (unsigned i = 0; i < c->field_count; i++)
		feed_field(check, c->fields[i]);
	dkimcheck_end_of_headers(check, c->author);
	dkimcheck_body(check, c->body);
	dkimcheck_finish(check, &verdict);
	assert(out->count + verdict.dkim_count <= CASE_RESULTS_MAX);
	for (unsigned i = 0; i < verdict.dkim_count; i++)
		out->items[out->count++] = judge_dkim_result(&verdict.dkim[i], arena);
	dns_scope_free(lookups);
}

void judge_case(const struct opinion_case *c, struct dkimcheck_engine *engine, struct arena *arena,
		struct case_results *out)
{
	struct dns *envelope = open_dns(&c->lookups[CASE_ENVELOPE]);
	struct dns *keys = open_dns(&c->lookups[CASE_KEYS]);

	out->items = arena_array(arena, CASE_RESULTS_MAX, sizeof *out->items);
	out->count = 0;
	if (c->spf[SPF_SCOPE_MFROM] && c->client.family != 0)
		judge_spf(c, SPF_SCOPE_MFROM, envelope, arena, out);
	if (c->spf[SPF_SCOPE_HELO] && c->client.family != 0)
		judge_spf(c, SPF_SCOPE_HELO, envelope, arena, out);
	judge_dkim(c, engine, keys, arena, out);
	dns_free(envelope);
	dns_free(keys);
}
