/* SPDX-License-Identifier: BSD-2-Clause */
#include "opinion/gather.h"

#include <assert.h>
#include <string.h>

#include "opinion/judge.h"

struct gather {
	struct arena *arena;
	struct case_lookups *lookups;
	unsigned room;
};

static bool is_carried(enum dns_type type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_MX ||
	       type == DNS_TYPE_PTR || type == DNS_TYPE_TXT;
}

static void add_lookup(void *arg, const char *name, enum dns_type type,
		       const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	struct gather *gather = arg;
	struct case_lookups *lookups = gather->lookups;
	struct dns_seen *more;

	(void)cached;
	(void)start;
	(void)end;
	if (answer == NULL || !is_carried(type) || lookups->count == CASE_LOOKUPS_MAX)
		return;
	if (lookups->count == gather->room) {
		gather->room = gather->room == 0 ? 16 : 2 * gather->room;
		more = arena_array(gather->arena, gather->room, sizeof *more);
		if (lookups->count > 0)
			memcpy(more, lookups->items, lookups->count * sizeof *more);
		lookups->items = more;
	}
	lookups->items[lookups->count++] =
	    (struct dns_seen){.name = name, .type = type, .answer = *answer};
}

static void gather_lookups(struct check *check, struct arena *arena, struct opinion_case *c)
{
	struct gather envelope = {.arena = arena, .lookups = &c->lookups[CASE_ENVELOPE]};
	struct gather keys = {.arena = arena, .lookups = &c->lookups[CASE_KEYS]};

	check_each_spf_lookup(check, add_lookup, &envelope);
	check_each_key_lookup(check, add_lookup, &keys);
}

static void gather_fields(const struct dkimengine_field *fields, struct arena *arena,
			  struct opinion_case *c)
{
	const struct dkimengine_field *field;
	unsigned count = 0;

	for (field = fields; field != NULL; field = field->next)
		count++;
	c->fields = arena_array(arena, count, sizeof *c->fields);
	for (field = fields; field != NULL; field = field->next)
		c->fields[c->field_count++] = field->text;
	assert(c->field_count == count);
}

static void gather_results(const struct verdict *verdict, struct arena *arena,
			   struct opinion_case *c)
{
	struct case_results *native = &c->native;

	native->items = arena_array(arena, CASE_RESULTS_MAX, sizeof *native->items);
	if (c->spf[SPF_SCOPE_MFROM])
		native->items[native->count++] = judge_spf_result(&verdict->spf);
	if (c->spf[SPF_SCOPE_HELO])
		native->items[native->count++] = judge_spf_result(&verdict->spf_helo);
	for (unsigned i = 0; i < verdict->dkim_count; i++)
		native->items[native->count++] = judge_dkim_result(&verdict->dkim[i], arena);
}

/* Both requests are of the same envelope. */
static void gather_envelope(const struct check_evidence *evidence, struct opinion_case *c)
{
	const struct spf_request *request = NULL;

	for (enum spf_scope scope = SPF_SCOPE_MFROM; scope <= SPF_SCOPE_HELO; scope++) {
		if (evidence->spf[scope] == NULL)
			continue;
		request = evidence->spf[scope];
		c->spf[scope] = true;
	}
	if (request == NULL)
		return;
	c->client = request->client;
	c->helo = request->helo;
	c->mail_from = request->mail_from;
	c->receiver = request->receiver;
}

void gather_case(struct check *check, const struct check_rules *rules, const char *id,
		 struct span body, struct arena *arena, struct opinion_case *c)
{
	struct check_evidence evidence;

	check_evidence(check, &evidence);
	case_init(c);
	c->id = id;
	c->now = evidence.now;
	c->author = evidence.author;
	c->body = body;
	c->rules = (struct case_rules){
	    .max_signatures = rules->dkim.max_signatures,
	    .min_rsa_bits = rules->dkim.min_rsa_bits,
	    .clock_drift = rules->dkim.clock_drift,
	    .accept_partial_body = rules->dkim.accept_partial_body,
	    .accept_testing_keys = rules->dkim.accept_testing_keys,
	    .accept_added_fields = rules->dkim.accept_added_fields,
	};
	gather_envelope(&evidence, c);
	gather_fields(evidence.fields, arena, c);
	gather_lookups(check, arena, c);
	gather_results(check_verdict(check), arena, c);
}
