/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decision is kept for a flow, a domain or a network, and is looked up when rows are read: it
 * applies to old rows, too, and can be taken back.
 */
#include "report/sources/gather.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mail/domain.h"

const struct name_code flow_decision_names[] = {{"ours", FLOW_OURS},
						{"partner", FLOW_PARTNER},
						{"forwarder", FLOW_FORWARDER},
						{"ignore", FLOW_IGNORE},
						{NULL, 0}};

struct decided {
	const char *flow, *note;
	enum flow_decision decision;
	struct ip_network network;
	bool is_network;
};

enum {
	BUCKETS = 1024,
	DECISIONS_MAX = 4096,
	FLOWS_MAX = 20000, /* a flow's name is a stranger's text */
	SEEN_BUCKETS = 16384,
	SEEN_BYTES_MAX = 32 << 20
};

/* What became of a row: others look alike, of other days and reporters. */
struct seen {
	struct seen *next;
	struct flow *flow;
	bool passes, strict;
	size_t length;
	const char *look;
};

struct gathering {
	struct arena *arena, *scratch;
	const struct source_facts *facts;
	struct reporters *reporters;
	struct decided *decisions;
	unsigned decision_count;
	struct flow *buckets[BUCKETS];
	unsigned count;
	struct seen *seen[SEEN_BUCKETS];
	struct arena *seen_arena;
	size_t seen_bytes;
	struct buf look; /* of the row at hand */
};

bool flow_is_legitimate(const struct flow *flow)
{
	return flow->decision == FLOW_UNDECIDED ? source_is_legitimate(flow->class)
						: flow->decision != FLOW_IGNORE;
}

/* ---- decisions ---- */

static int keep_decision(void *arg, const struct received_decision *decision)
{
	struct gathering *gathering = arg;
	struct decided *decided = &gathering->decisions[gathering->decision_count];

	if (gathering->decision_count == DECISIONS_MAX)
		return 0;
	decided->flow = arena_string(gathering->arena, decision->flow);
	decided->note = arena_string(gathering->arena, decision->note);
	decided->decision = (enum flow_decision)name_code(
	    flow_decision_names, span_of(decision->decision), FLOW_UNDECIDED);
	decided->is_network = ip_network_parse(span_of(decision->flow), &decided->network);
	gathering->decision_count++;
	return 0;
}

/* The flow's own name first, then a domain above it, then a network. */
static const struct decided *find_decision(const struct gathering *gathering, const char *flow,
					   const char *address)
{
	const struct decided *found = NULL;
	struct ip ip;
	bool has_ip = address != NULL && ip_parse(span_of(address), &ip);

	for (unsigned i = 0; i < gathering->decision_count; i++) {
		const struct decided *decided = &gathering->decisions[i];

		if (strcmp(decided->flow, flow) == 0)
			return decided;
		if (decided->is_network
			? has_ip && ip_in_network(&ip, &decided->network.ip, decided->network.bits)
			: strchr(flow, '/') == NULL && domain_is_below(flow, decided->flow))
			found = decided;
	}
	return found;
}

/* ---- flows ---- */

static unsigned hash_flow(const char *domain, const char *name)
{
	unsigned hash = 5381;

	for (; *domain != '\0'; domain++)
		hash = hash * 33 ^ (unsigned char)*domain;
	for (; *name != '\0'; name++)
		hash = hash * 33 ^ (unsigned char)*name;
	return hash % BUCKETS;
}

static struct flow *find_flow(struct gathering *gathering, const struct received_sum *sum,
			      const struct source *source)
{
	const struct decided *decided = find_decision(gathering, source->flow, sum->row.source_ip);
	enum flow_decision decision = decided == NULL ? FLOW_UNDECIDED : decided->decision;
	struct flow **bucket = &gathering->buckets[hash_flow(sum->domain, source->flow)], *flow;

	for (flow = *bucket; flow != NULL; flow = flow->next)
		if (strcmp(flow->name, source->flow) == 0 && flow->class == source->class &&
		    flow->decision == decision && strcmp(flow->domain, sum->domain) == 0)
			return flow;
	flow = arena_make(gathering->arena, struct flow);
	flow->next = *bucket;
	*bucket = flow;
	gathering->count++;
	flow->domain = arena_string(gathering->arena, sum->domain);
	flow->name = arena_string(gathering->arena, source->flow);
	flow->selector = arena_string(gathering->arena, source->selector);
	flow->class = source->class;
	flow->decision = decision;
	flow->note = decided == NULL ? NULL : decided->note;
	flow->first_day = sum->day;
	return flow;
}

static void note_address(struct gathering *gathering, struct flow *flow, const char *address)
{
	if (address == NULL)
		return;
	for (unsigned i = 0; i < flow->address_count; i++)
		if (strcmp(flow->addresses[i], address) == 0)
			return;
	if (flow->address_count < GATHER_ADDRESSES)
		flow->addresses[flow->address_count++] = arena_string(gathering->arena, address);
	else
		flow->more_addresses = true;
}

/* ---- rows that look alike ---- */

static void add_look(struct buf *look, const char *text)
{
	buf_char(look, text == NULL ? 'n' : 't');
	buf_add(look, text == NULL ? "" : text, text == NULL ? 1 : strlen(text) + 1);
}

/* All that source_classify() and find_flow() look at. */
static unsigned make_look(struct buf *look, const struct received_sum *sum)
{
	const struct received_row *row = &sum->row;
	unsigned hash = 5381;

	buf_clear(look);
	add_look(look, sum->domain);
	add_look(look, row->source_ip);
	add_look(look, row->disposition);
	add_look(look, row->dkim_aligned);
	add_look(look, row->spf_aligned);
	add_look(look, row->header_from);
	add_look(look, row->envelope_from);
	add_look(look, row->envelope_to);
	add_look(look, row->reasons);
	add_look(look, row->dkim);
	add_look(look, row->spf);
	for (size_t i = 0; i < look->len; i++)
		hash = hash * 33 ^ (unsigned char)look->data[i];
	return hash % SEEN_BUCKETS;
}

static const struct seen *find_seen(const struct gathering *gathering, unsigned bucket)
{
	const struct seen *seen = gathering->seen[bucket];

	while (seen != NULL && (seen->length != gathering->look.len ||
				memcmp(seen->look, gathering->look.data, seen->length) != 0))
		seen = seen->next;
	return seen;
}

static struct seen classify_row(struct gathering *gathering, const struct received_sum *sum)
{
	struct source source;

	arena_reset(gathering->scratch);
	source_classify(sum->domain, &sum->row, gathering->facts, gathering->scratch, &source);
	if (gathering->count >= FLOWS_MAX)
		source.flow = "(further sources)";
	return (struct seen){.flow = find_flow(gathering, sum, &source),
			     .passes = source.passes,
			     .strict = source.strict};
}

/* Beyond a bound what a row looks like is not kept. */
static void keep_seen(struct gathering *gathering, unsigned bucket, const struct seen *found)
{
	struct seen *seen;

	gathering->seen_bytes += sizeof *seen + gathering->look.len;
	if (gathering->seen_bytes > SEEN_BYTES_MAX)
		return;
	seen = arena_alloc(gathering->seen_arena, sizeof *seen);
	*seen = *found;
	seen->length = gathering->look.len;
	seen->look = memcpy(arena_alloc(gathering->seen_arena, seen->length), gathering->look.data,
			    seen->length);
	seen->next = gathering->seen[bucket];
	gathering->seen[bucket] = seen;
}

/* ---- sums ---- */

static void add_counts(struct flow_counts *counts, int64_t messages, const struct seen *seen)
{
	counts->messages += messages;
	counts->passed += seen->passes ? messages : 0;
	counts->strict += seen->strict ? messages : 0;
}

/* What of the row counts as evidence. */
static void add_evidence(struct gathering *gathering, struct flow *flow,
			 const struct received_sum *sum, const struct seen *seen)
{
	int64_t messages;

	if (strcmp(sum->trust, "pass") != 0)
		return;
	messages = reporters_credit(gathering->reporters, sum->domain, sum->mail_from, sum->day,
				    sum->row.messages, flow_is_legitimate(flow));
	add_counts(&flow->sure, messages, seen);
	if (sum->row.header_from != NULL && domain_is_below(sum->row.header_from, sum->domain))
		add_counts(&flow->below, messages, seen);
}

static void count_day(struct gathering *gathering, struct flow *flow,
		      const struct received_sum *sum, bool passes)
{
	struct flow_day *day = flow->days;

	while (day != NULL && day->day != sum->day)
		day = day->next;
	if (day == NULL) {
		day = arena_make(gathering->arena, struct flow_day);
		day->day = sum->day;
		day->next = flow->days;
		flow->days = day;
	}
	day->messages += sum->row.messages;
	day->passed += passes ? sum->row.messages : 0;
}

static int add_sum(void *arg, const struct received_sum *sum)
{
	struct gathering *gathering = arg;
	unsigned bucket = make_look(&gathering->look, sum);
	const struct seen *known = find_seen(gathering, bucket);
	struct seen seen = known != NULL ? *known : classify_row(gathering, sum);
	struct flow *flow = seen.flow;

	assert(sum->row.messages > 0);
	if (known == NULL)
		keep_seen(gathering, bucket, &seen);
	add_counts(&flow->all, sum->row.messages, &seen);
	flow->rows++;
	add_evidence(gathering, flow, sum, &seen);
	if (strcmp(sum->row.disposition, "quarantine") == 0)
		flow->quarantined += sum->row.messages;
	if (strcmp(sum->row.disposition, "reject") == 0)
		flow->rejected += sum->row.messages;
	if (sum->day < flow->first_day)
		flow->first_day = sum->day;
	if (sum->day > flow->last_day)
		flow->last_day = sum->day;
	if (seen.passes && sum->day > flow->passed_day)
		flow->passed_day = sum->day;
	count_day(gathering, flow, sum, seen.passes);
	note_address(gathering, flow, sum->row.source_ip);
	return 0;
}

static int compare_flows(const void *a, const void *b)
{
	const struct flow *x = *(struct flow *const *)a, *y = *(struct flow *const *)b;
	int order = strcmp(x->domain, y->domain);

	if (order == 0)
		order = (x->all.messages < y->all.messages) - (x->all.messages > y->all.messages);
	return order != 0 ? order : strcmp(x->name, y->name);
}

/* The flows of all buckets as one sorted list. */
static struct flow *sort_flows(struct gathering *gathering)
{
	struct flow **all = arena_array(gathering->arena, gathering->count + 1, sizeof *all);
	unsigned n = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct flow *flow = gathering->buckets[i]; flow != NULL; flow = flow->next)
			all[n++] = flow;
	if (n > 0)
		qsort(all, n, sizeof *all, compare_flows);
	assert(n == gathering->count && all[n] == NULL);
	for (unsigned i = 0; i < n; i++)
		all[i]->next = all[i + 1];
	return all[0];
}

int gather_flows(struct sql *sql, const char *domain, int32_t from_day,
		 const struct source_facts *facts, struct reporters *reporters, struct arena *arena,
		 struct flow **flows, struct why *why)
{
	struct gathering *gathering = arena_make(arena, struct gathering);
	int status;

	assert(reporters != NULL);
	gathering->arena = arena;
	gathering->scratch = arena_new(0);
	gathering->seen_arena = arena_new(0);
	buf_init(&gathering->look, NULL, 0);
	gathering->facts = facts;
	gathering->reporters = reporters;
	gathering->decisions = arena_array(arena, DECISIONS_MAX, sizeof *gathering->decisions);
	status = received_decisions(sql, keep_decision, gathering, why);
	if (status == 0)
		status = received_sums(sql, domain, from_day, add_sum, gathering, why);
	arena_free(gathering->scratch);
	arena_free(gathering->seen_arena);
	buf_free(&gathering->look);
	*flows = status == 0 ? sort_flows(gathering) : NULL;
	return status;
}

/* ---- selectors ---- */

enum { SELECTORS_MAX = 1000 };

struct selecting {
	struct arena *arena, *scratch;
	const struct reporters *reporters;
	struct selector_use *first;
	unsigned count;
};

static struct selector_use *find_use(struct selecting *selecting, const char *domain,
				     const char *selector)
{
	struct selector_use *use = selecting->first;

	while (use != NULL &&
	       (strcmp(use->domain, domain) != 0 || strcmp(use->selector, selector) != 0))
		use = use->next;
	if (use != NULL || selecting->count == SELECTORS_MAX)
		return use;
	use = arena_make(selecting->arena, struct selector_use);
	use->domain = arena_string(selecting->arena, domain);
	use->selector = arena_string(selecting->arena, selector);
	use->next = selecting->first;
	selecting->first = use;
	selecting->count++;
	return use;
}

static int add_selectors(void *arg, const struct received_sum *sum)
{
	struct selecting *selecting = arg;
	const struct json_list *dkim;

	if (strcmp(sum->trust, "pass") != 0 ||
	    (selecting->reporters != NULL &&
	     reporters_standing(selecting->reporters, sum->domain, sum->mail_from) ==
		 REPORTER_STRANGER))
		return 0;
	arena_reset(selecting->scratch);
	dkim = json_list_parse(selecting->scratch, sum->row.dkim);
	for (unsigned i = 0; i < json_list_count(dkim); i++) {
		const char *domain = json_list_get(dkim, i, "domain");
		const char *selector = json_list_get(dkim, i, "selector");
		const char *result = json_list_get(dkim, i, "result");
		struct selector_use *use;

		if (domain == NULL || selector == NULL || result == NULL ||
		    strcmp(result, "pass") != 0 || !domain_within(domain, sum->domain))
			continue;
		use = find_use(selecting, domain, selector);
		if (use == NULL)
			continue;
		use->passed += sum->row.messages;
		if (sum->day > use->last_day)
			use->last_day = sum->day;
	}
	return 0;
}

int gather_selectors(struct sql *sql, const char *domain, int32_t from_day,
		     const struct reporters *reporters, struct arena *arena,
		     struct selector_use **uses, struct why *why)
{
	struct selecting selecting = {
	    .arena = arena, .scratch = arena_new(0), .reporters = reporters};
	int status = received_sums(sql, domain, from_day, add_selectors, &selecting, why);

	arena_free(selecting.scratch);
	*uses = selecting.first;
	return status;
}
