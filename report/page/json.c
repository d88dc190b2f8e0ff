/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/json.h"

#include <stddef.h>

#include "lib/clock.h"
#include "report/sources/findings.h"

static const char *const group_members[PAGE_GROUPS] = {
    [PAGE_OWN] = "own", [PAGE_DOUBT] = "doubtful", [PAGE_STRANGERS] = "strangers"};
static const char *const fate_members[PAGE_FATES] = {[PAGE_PASSED] = "passed",
						     [PAGE_LET_IN] = "let_in",
						     [PAGE_QUARANTINED] = "quarantined",
						     [PAGE_REJECTED] = "refused"};

static void put_day(struct jsonout *out, const char *key, int32_t day)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_text(out, key, clock_day_text(day, text));
}

static void put_time(struct jsonout *out, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_text(out, key, at == 0 ? NULL : clock_utc_text(at, text));
}

static void put_days(struct jsonout *out, const char *key, const int64_t *values, unsigned days)
{
	jsonout_array(out, key);
	for (unsigned i = 0; i < days; i++)
		jsonout_int(out, NULL, values[i]);
	jsonout_end(out);
}

void page_json_flow(struct jsonout *out, const struct flow *flow, struct arena *arena)
{
	struct finding finding;

	jsonout_object(out, NULL);
	jsonout_text(out, "flow", flow->name);
	jsonout_text(out, "class", source_class_text(flow->class));
	jsonout_text(out, "group", group_members[page_group_of(flow)]);
	jsonout_text(out, "decision",
		     flow->decision == FLOW_UNDECIDED
			 ? NULL
			 : name_text(flow_decision_names, (int)flow->decision));
	jsonout_text(out, "note", flow->note);
	jsonout_int(out, "messages", flow->all.messages);
	jsonout_int(out, "passed", flow->all.passed);
	jsonout_int(out, "withheld", flow->quarantined + flow->rejected);
	put_day(out, "first_day", flow->first_day);
	put_day(out, "last_day", flow->last_day);
	jsonout_text(out, "finding", finding_of_flow(flow, arena, &finding) ? finding.text : NULL);
	jsonout_end(out);
}

static void put_domain(struct jsonout *out, const struct page_facts *facts,
		       const struct page_domain *domain, struct arena *arena)
{
	const struct {
		const char *name;
		int64_t number;
	} numbers[] = {
	    {"messages", domain->messages},          {"passed", domain->passed},
	    {"withheld", domain->withheld},          {"sent", domain->sent},
	    {"reports", domain->coverage.reports},   {"reporters", domain->coverage.reporters},
	    {"report_days", domain->coverage.days},  {"tls_sessions", domain->sessions},
	    {"tls_failed", domain->failed_sessions}, {"complaints", domain->complaints},
	    {"failure_reports", domain->failures}};

	jsonout_object(out, NULL);
	jsonout_text(out, "domain", domain->name);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		jsonout_int(out, numbers[i].name, numbers[i].number);
	jsonout_array(out, "advices");
	for (unsigned i = 0; i < ADVICE_SUBJECTS; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "advice", name_text(advice_subject_names, (int)i));
		jsonout_text(out, "verdict",
			     name_text(advice_verdict_names, (int)domain->advices[i].verdict));
		jsonout_int(out, "wanted", domain->advices[i].legitimate);
		jsonout_int(out, "lost", domain->advices[i].lost);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_array(out, "sources");
	for (unsigned i = 0; i < domain->flow_count; i++)
		page_json_flow(out, domain->flows[i], arena);
	jsonout_end(out);
	jsonout_object(out, "by_day");
	for (unsigned i = 0; i < PAGE_GROUPS; i++)
		put_days(out, group_members[i], domain->groups[i], facts->days);
	jsonout_end(out);
	jsonout_end(out);
}

/* ---- lists of structs ---- */

struct member {
	const char *name;
	enum { TEXT, NUMBER, DAY, TIME } kind;
	size_t at;
};
#define MEMBER(struct, member, kind, name)                                                         \
	{                                                                                          \
		name, kind, offsetof(struct, member)                                               \
	}

static void put_member(struct jsonout *out, const struct member *member, const void *item)
{
	const char *at = (const char *)item + member->at;

	switch (member->kind) {
	case TEXT:
		jsonout_text(out, member->name, *(const char *const *)at);
		break;
	case NUMBER:
		jsonout_int(out, member->name, *(const int64_t *)at);
		break;
	case DAY:
		put_day(out, member->name, *(const int32_t *)at);
		break;
	case TIME:
		put_time(out, member->name, *(const int64_t *)at);
	}
}

/* COUNT structs of SIZE bytes each. */
static void put_list(struct jsonout *out, const char *key, const struct member *members,
		     unsigned member_count, const void *items, size_t size, unsigned count)
{
	jsonout_array(out, key);
	for (unsigned i = 0; i < count; i++) {
		jsonout_object(out, NULL);
		for (unsigned n = 0; n < member_count; n++)
			put_member(out, &members[n], (const char *)items + i * size);
		jsonout_end(out);
	}
	jsonout_end(out);
}
#define PUT_LIST(out, key, members, items, count)                                                  \
	put_list(out, key, members, sizeof(members) / sizeof(members)[0], items, sizeof *(items),  \
		 count)

static const struct member lenient_members[] = {
    MEMBER(struct page_lenient, domain, TEXT, "domain"),
    MEMBER(struct page_lenient, refused, NUMBER, "refused"),
    MEMBER(struct page_lenient, quarantined, NUMBER, "quarantined")};
static const struct member failure_members[] = {
    MEMBER(struct page_tls_failure, domain, TEXT, "domain"),
    MEMBER(struct page_tls_failure, result_type, TEXT, "result_type"),
    MEMBER(struct page_tls_failure, mx_host, TEXT, "mx_hostname"),
    MEMBER(struct page_tls_failure, failed, NUMBER, "failed")};
static const struct member tls_out_members[] = {
    MEMBER(struct page_tls_out, domain, TEXT, "domain"),
    MEMBER(struct page_tls_out, sessions, NUMBER, "sessions"),
    MEMBER(struct page_tls_out, failed, NUMBER, "failed")};
static const struct member key_members[] = {MEMBER(struct page_key, domain, TEXT, "domain"),
					    MEMBER(struct page_key, selector, TEXT, "selector"),
					    MEMBER(struct page_key, type, TEXT, "type"),
					    MEMBER(struct page_key, state, TEXT, "state"),
					    MEMBER(struct page_key, since, TIME, "since")};
static const struct member finding_members[] = {
    MEMBER(struct posture_finding, level, TEXT, "level"),
    MEMBER(struct posture_finding, rule, TEXT, "rule"),
    MEMBER(struct posture_finding, text, TEXT, "text"),
    MEMBER(struct posture_finding, remedy, TEXT, "remedy")};
static const struct member reporter_members[] = {
    MEMBER(struct page_reporter, org, TEXT, "org_name"),
    MEMBER(struct page_reporter, mail_from, TEXT, "mail_from_domain"),
    MEMBER(struct page_reporter, reports, NUMBER, "reports"),
    MEMBER(struct page_reporter, unverified, NUMBER, "unverified"),
    MEMBER(struct page_reporter, messages, NUMBER, "messages"),
    MEMBER(struct page_reporter, last_day, DAY, "last_day")};

/* ---- the parts ---- */

static void put_received(struct jsonout *out, const struct page_facts *facts)
{
	jsonout_object(out, "received");
	for (unsigned i = 0; i < PAGE_FATES; i++) {
		jsonout_object(out, fate_members[i]);
		jsonout_int(out, "messages", facts->received_sums[i]);
		put_days(out, "by_day", facts->received[i], facts->days);
		jsonout_end(out);
	}
	jsonout_int(out, "strict_would_refuse", facts->would_refuse);
	jsonout_int(out, "strict_would_quarantine", facts->would_quarantine);
	PUT_LIST(out, "strict_by_domain", lenient_members, facts->lenient, facts->lenient_count);
	jsonout_end(out);
}

static void put_tls_out(struct jsonout *out, const struct page_facts *facts)
{
	jsonout_object(out, "tls_out");
	put_days(out, "successful_by_day", facts->tls_out_done, facts->days);
	put_days(out, "failed_by_day", facts->tls_out_fail, facts->days);
	jsonout_int(out, "domains", facts->tls_out_domains);
	PUT_LIST(out, "by_domain", tls_out_members, facts->tls_out, facts->tls_out_count);
	jsonout_end(out);
}

static void put_postures(struct jsonout *out, const struct page_facts *facts)
{
	jsonout_array(out, "posture");
	for (unsigned i = 0; i < facts->posture_count; i++) {
		const struct posture *posture = &facts->postures[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "domain", posture->domain);
		put_time(out, "audited", posture->at);
		jsonout_int(out, "hints", posture->hints);
		PUT_LIST(out, "findings", finding_members, posture->items, posture->count);
		jsonout_end(out);
	}
	jsonout_end(out);
}

void page_json(struct jsonout *out, const struct page_facts *facts, struct arena *arena)
{
	put_day(out, "first_day", facts->first_day);
	put_day(out, "last_day", facts->first_day + (int32_t)facts->days - 1);
	put_day(out, "changed_since", facts->changed_day);
	jsonout_array(out, "domains");
	for (unsigned i = 0; i < facts->domain_count; i++)
		put_domain(out, facts, &facts->domains[i], arena);
	jsonout_end(out);
	put_received(out, facts);
	PUT_LIST(out, "tls_failures", failure_members, facts->tls, facts->tls_count);
	if (facts->only == NULL)
		put_tls_out(out, facts);
	PUT_LIST(out, "keys", key_members, facts->keys, facts->key_count);
	put_postures(out, facts);
	PUT_LIST(out, "reporters", reporter_members, facts->reporters, facts->reporter_count);
	jsonout_int(out, "unreadable", facts->unreadable);
	jsonout_int(out, "reports_due", facts->daemon.due);
	jsonout_object(out, "daemon");
	jsonout_bool(out, "known", facts->daemon.known);
	put_time(out, "started", facts->daemon.up_since);
	jsonout_int(out, "messages", facts->daemon.messages);
	jsonout_int(out, "not_counted", facts->daemon.not_counted);
	jsonout_int(out, "connections", facts->daemon.connections);
	jsonout_int(out, "answered", facts->daemon.answered);
	jsonout_real(out, "average_seconds", (double)facts->daemon.average / 1e6);
	jsonout_int(out, "within_100_ms", facts->daemon.within_100_ms);
	jsonout_int(out, "over_second", facts->daemon.over_second);
	jsonout_end(out);
}
