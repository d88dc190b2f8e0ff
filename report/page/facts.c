/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/facts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "mail/domain.h"
#include "report/sent.h"
#include "report/tls/sessions.h"

const struct name_code page_group_names[] = {{"own and forwarded", PAGE_OWN},
					     {"modified, partners, unsigned", PAGE_DOUBT},
					     {"strangers", PAGE_STRANGERS},
					     {NULL, 0}};

enum page_group page_group_of(const struct flow *flow)
{
	switch (flow->decision) {
	case FLOW_OURS:
		return PAGE_OWN;
	case FLOW_PARTNER:
	case FLOW_FORWARDER:
		return PAGE_DOUBT;
	case FLOW_IGNORE:
		return PAGE_STRANGERS;
	case FLOW_UNDECIDED:
		break;
	}
	if (flow->class == SOURCE_OURS || flow->class == SOURCE_FORWARDED)
		return PAGE_OWN;
	return source_is_legitimate(flow->class) ? PAGE_DOUBT : PAGE_STRANGERS;
}

/* ---- domains ---- */

static int64_t *make_days(struct arena *arena, const struct page_facts *facts)
{
	return arena_array(arena, facts->days, sizeof(int64_t));
}

/* The place of NAME among the domains, which are sorted; *FOUND: it is there. */
static unsigned place_domain(const struct page_facts *facts, const char *name, bool *found)
{
	unsigned low = 0, high = facts->domain_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = strcmp(facts->domains[middle].name, name);

		*found = order == 0;
		if (*found)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

/* NULL: there are too many, or another one was chosen. */
static struct page_domain *take_domain(struct page_facts *facts, const char *name,
				       struct arena *arena)
{
	bool found;
	unsigned at = place_domain(facts, name, &found);
	struct page_domain *domain = &facts->domains[at];

	if (found)
		return domain;
	if (facts->domain_count == PAGE_DOMAINS_MAX ||
	    (facts->only != NULL && !domain_within(name, facts->only)))
		return NULL;
	memmove(domain + 1, domain, (facts->domain_count - at) * sizeof *domain);
	facts->domain_count++;
	*domain = (struct page_domain){.name = arena_string(arena, name)};
	for (unsigned i = 0; i < PAGE_GROUPS; i++)
		domain->groups[i] = make_days(arena, facts);
	return domain;
}

static struct page_domain *find_domain(struct page_facts *facts, const char *name)
{
	bool found;
	unsigned at = place_domain(facts, name, &found);

	return found ? &facts->domains[at] : NULL;
}

/* ---- flows ---- */

static void add_flow_days(struct page_facts *facts, struct page_domain *domain,
			  const struct flow *flow)
{
	int64_t *days = domain->groups[page_group_of(flow)];

	for (const struct flow_day *day = flow->days; day != NULL; day = day->next)
		if (day->day >= facts->first_day &&
		    day->day < facts->first_day + (int32_t)facts->days)
			days[day->day - facts->first_day] += day->messages;
}

/* FLOWS are sorted by domain, those with most messages first. */
static void add_flows(struct page_facts *facts, struct flow *flows, struct arena *arena)
{
	for (struct flow *flow = flows, *next; flow != NULL; flow = next) {
		struct page_domain *domain = take_domain(facts, flow->domain, arena);
		unsigned count = 0;

		for (next = flow; next != NULL && strcmp(next->domain, flow->domain) == 0;
		     next = next->next)
			count++;
		if (domain == NULL)
			continue;
		domain->flows = arena_array(arena, count, sizeof(struct flow *));
		for (struct flow *one = flow; one != next; one = one->next) {
			domain->flows[domain->flow_count++] = one;
			domain->messages += one->all.messages;
			domain->passed += one->all.passed;
			domain->withheld += one->quarantined + one->rejected;
			add_flow_days(facts, domain, one);
		}
		assert(domain->flow_count == count);
	}
}

static void give_advices(struct page_facts *facts, struct reporters *reporters,
			 const struct flow *flows)
{
	const struct advice_needs needs = {ADVICE_DAYS_NEEDED, ADVICE_REPORTERS_NEEDED,
					   ADVICE_SHARE_NEEDED};

	for (unsigned i = 0; i < facts->domain_count; i++) {
		struct page_domain *domain = &facts->domains[i];

		reporters_cover(reporters, domain->name, &domain->coverage);
		for (enum advice_subject s = 0; s < ADVICE_SUBJECTS; s++)
			advice_give(s, flows, domain->name, &domain->coverage, &needs,
				    &domain->advices[s]);
	}
}

/* ---- reports, sent mail ---- */

struct gathering {
	struct page_facts *facts;
	struct arena *arena;
};

static int add_sent(void *arg, const struct sent *sent)
{
	struct gathering *gathering = arg;
	struct page_domain *domain = find_domain(gathering->facts, sent->header_from);

	if (domain != NULL)
		domain->sent += sent->messages;
	return 0;
}

static int add_tls_sum(void *arg, const char *name, int64_t sessions, int64_t successful)
{
	struct gathering *gathering = arg;
	struct page_domain *domain = take_domain(gathering->facts, name, gathering->arena);

	if (domain != NULL) {
		domain->sessions += sessions;
		domain->failed_sessions += sessions - successful;
	}
	return 0;
}

static int add_reporter(void *arg, const struct received_reporter *reporter)
{
	struct gathering *gathering = arg;
	struct page_facts *facts = gathering->facts;

	if (facts->reporter_count == PAGE_REPORTERS_MAX) {
		facts->more_reporters = true;
		return 0;
	}
	facts->reporters[facts->reporter_count++] =
	    (struct page_reporter){.org = arena_string(gathering->arena, reporter->org),
				   .mail_from = arena_string(gathering->arena, reporter->mail_from),
				   .reports = reporter->reports,
				   .unverified = reporter->unverified,
				   .messages = reporter->messages,
				   .last_day = reporter->last_day};
	return 0;
}

static int add_tls_failure(void *arg, const char *domain,
			   const struct received_tls_failure *failure)
{
	struct gathering *gathering = arg;
	struct page_facts *facts = gathering->facts;

	if (facts->tls_count < PAGE_TLS_MAX)
		facts->tls[facts->tls_count++] = (struct page_tls_failure){
		    arena_string(gathering->arena, domain),
		    arena_string(gathering->arena, failure->result_type),
		    arena_string(gathering->arena, failure->mx_hostname), failure->failed};
	return 0;
}

static int gather_reports(struct page_facts *facts, struct sql *sql, struct arena *arena,
			  struct why *why)
{
	struct gathering gathering = {facts, arena};

	facts->reporters = arena_array(arena, PAGE_REPORTERS_MAX, sizeof *facts->reporters);
	facts->tls = arena_array(arena, PAGE_TLS_MAX, sizeof *facts->tls);
	if (received_tls_sums(sql, facts->only, facts->first_day, add_tls_sum, &gathering, why) !=
		0 ||
	    received_tls_failures(sql, facts->only, facts->first_day, add_tls_failure, &gathering,
				  why) != 0)
		return -1;
	return received_reporters(sql, facts->only, facts->first_day, add_reporter, &gathering,
				  why);
}

static int add_tls_out_day(void *arg, const struct sessions_day *day)
{
	struct gathering *gathering = arg;
	struct page_facts *facts = gathering->facts;
	int32_t at = day->day - facts->first_day;

	assert(at >= 0 && at < (int32_t)facts->days);
	facts->tls_out_done[at] += day->successful;
	facts->tls_out_fail[at] += day->failed;
	return 0;
}

static int add_tls_out(void *arg, const struct sessions_day *sums)
{
	struct gathering *gathering = arg;
	struct page_facts *facts = gathering->facts;

	facts->tls_out_domains++;
	if (facts->tls_out_count < PAGE_TLS_MAX)
		facts->tls_out[facts->tls_out_count++] =
		    (struct page_tls_out){arena_string(gathering->arena, sums->domain),
					  sums->successful + sums->failed, sums->failed};
	return 0;
}

int page_gather_tls(struct page_facts *facts, struct sql *sql, struct arena *arena, struct why *why)
{
	struct gathering gathering = {facts, arena};
	int32_t last = facts->first_day + (int32_t)facts->days - 1;

	facts->tls_out = arena_array(arena, PAGE_TLS_MAX, sizeof *facts->tls_out);
	facts->tls_out_done = make_days(arena, facts);
	facts->tls_out_fail = make_days(arena, facts);
	if (facts->only != NULL)
		return 0;
	if (sessions_days(sql, NULL, facts->first_day, last, add_tls_out_day, &gathering, why) != 0)
		return -1;
	return sessions_sums(sql, facts->first_day, last, add_tls_out, &gathering, why);
}

int page_gather(struct page_facts *facts, struct sql *sql, const struct source_facts *sources,
		const struct reporter_rules *rules, const char *const *names, unsigned name_count,
		struct arena *arena, struct why *why)
{
	const struct sent_query sent = {facts->only, facts->first_day, INT32_MAX};
	struct gathering gathering = {facts, arena};
	struct reporters *reporters;
	struct flow *flows;

	assert(facts->days > 0 && facts->days <= PAGE_DAYS_MAX);
	facts->domains = arena_array(arena, PAGE_DOMAINS_MAX + 1, sizeof *facts->domains);
	for (unsigned i = 0; i < name_count; i++)
		take_domain(facts, names[i], arena);
	reporters = reporters_read(sql, facts->only, facts->first_day, rules, arena, why);
	if (reporters == NULL || gather_flows(sql, facts->only, facts->first_day, sources,
					      reporters, arena, &flows, why) != 0)
		return -1;
	add_flows(facts, flows, arena);
	if (gather_reports(facts, sql, arena, why) != 0 ||
	    sent_sum(sql, &sent, add_sent, &gathering, why) != 0)
		return -1;
	give_advices(facts, reporters, flows);
	return 0;
}
