/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/sources.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/inbox/facts.h"
#include "admin/inbox/stored.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/report/print.h"
#include "admin/report/send.h"
#include "context/context.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "report/sources/advise.h"
#include "report/sources/findings.h"

enum {
	WINDOW_DAYS = 28,
	KEY_QUIET_DAYS = 7,
	ROWS_AGAINST = 5,
	OPTION_DAYS = 300,
	OPTION_REPORTERS,
	OPTION_SHARE
};

const struct admin_option inbox_sources_options[] = {
    {"since", INBOX_SINCE, "WHEN",
     "of reports about this day, UTC, or later (30d): 2026-11-22, today, 7d"},
    {"failing", INBOX_FAILING, NULL, "only sources of which something did not pass"},
    {NULL, 0, NULL, NULL}};

/* ---- inbox sources ---- */

struct view {
	struct admin *admin;
	struct out_table *table;
	struct jsonout *json;
	bool failing;
	uint64_t count;
};

static const char *decision_text(const struct flow *flow)
{
	return flow->decision == FLOW_UNDECIDED
		   ? NULL
		   : name_text(flow_decision_names, (int)flow->decision);
}

static void add_flow_json(struct view *view, const struct flow *flow)
{
	struct jsonout *json = view->json;
	char day[CLOCK_TEXT_MAX];
	struct finding finding;

	jsonout_object(json, NULL);
	jsonout_text(json, "domain", flow->domain);
	jsonout_text(json, "flow", flow->name);
	jsonout_text(json, "class", source_class_text(flow->class));
	jsonout_text(json, "decision", decision_text(flow));
	jsonout_text(json, "note", flow->note);
	jsonout_int(json, "rows", flow->rows);
	jsonout_int(json, "messages", flow->all.messages);
	jsonout_int(json, "passed", flow->all.passed);
	jsonout_int(json, "authenticated_messages", flow->sure.messages);
	jsonout_int(json, "quarantined", flow->quarantined);
	jsonout_int(json, "rejected", flow->rejected);
	jsonout_text(json, "first_day", clock_day_text(flow->first_day, day));
	jsonout_text(json, "last_day", clock_day_text(flow->last_day, day));
	jsonout_array(json, "addresses");
	for (unsigned i = 0; i < flow->address_count; i++)
		jsonout_text(json, NULL, flow->addresses[i]);
	jsonout_end(json);
	jsonout_bool(json, "more_addresses", flow->more_addresses);
	jsonout_text(json, "finding",
		     finding_of_flow(flow, view->admin->arena, &finding) ? finding.text : NULL);
	jsonout_end(json);
}

static void add_flow_cells(struct view *view, const struct flow *flow)
{
	static const enum out_style styles[SOURCE_CLASSES] = {
	    [SOURCE_OURS] = OUT_GOOD,     [SOURCE_FORWARDED] = OUT_GOOD,
	    [SOURCE_MODIFIED] = OUT_WARN, [SOURCE_PARTNER] = OUT_WARN,
	    [SOURCE_SPF_ONLY] = OUT_WARN, [SOURCE_OLD_KEY] = OUT_BAD,
	    [SOURCE_UNKNOWN] = OUT_BAD};
	const char *decision = decision_text(flow);
	char day[CLOCK_TEXT_MAX];

	out_cell(view->table, OUT_PLAIN, "%s", flow->domain);
	out_cell(view->table, OUT_PLAIN, "%s", flow->name);
	out_cell(view->table, styles[flow->class], "%s%s%s", source_class_text(flow->class),
		 decision == NULL ? "" : ", decided: ", decision == NULL ? "" : decision);
	out_cell(view->table, OUT_PLAIN, "%" PRId64, flow->all.messages);
	out_cell(view->table, flow->all.passed == flow->all.messages ? OUT_GOOD : OUT_WARN, "%.1f",
		 report_percent(flow->all.passed, flow->all.messages));
	out_cell(view->table, OUT_PLAIN, "%" PRId64, flow->rejected + flow->quarantined);
	out_cell(view->table, OUT_DIM, "%s", clock_day_text(flow->last_day, day));
	out_cell(view->table, OUT_DIM, "%s%s", flow->address_count == 0 ? "-" : flow->addresses[0],
		 flow->address_count > 1 ? " ..." : "");
}

static void show_flows(struct view *view, const struct flow *flows)
{
	for (const struct flow *flow = flows; flow != NULL; flow = flow->next) {
		if (view->failing && flow->all.passed == flow->all.messages)
			continue;
		view->count++;
		if (view->json != NULL)
			add_flow_json(view, flow);
		else
			add_flow_cells(view, flow);
	}
}

static void print_findings(const struct view *view, const struct flow *flows)
{
	for (const struct flow *flow = flows; flow != NULL; flow = flow->next) {
		struct finding finding;

		if (!finding_of_flow(flow, view->admin->arena, &finding))
			continue;
		fputs("finding: ", stdout);
		out_text(stdout, flow->domain);
		fputs(": ", stdout);
		out_text(stdout, finding.text);
		putchar('\n');
	}
}

/* The flows of the reports in question. 0, or the exit status after the error was printed. */
static int read_flows(struct admin *admin, const struct inbox_choice *choice, struct flow **flows)
{
	int32_t from_day = clock_day(choice->since);
	struct reporters *reporters;
	struct source_facts facts;
	struct inbox_facts known;
	struct why why = {""};
	struct sql *sql;
	int status;

	sql = inbox_ledger(admin, &status);
	if (sql == NULL)
		return status;
	status = inbox_facts_open(&known, admin);
	if (status == ADMIN_DONE) {
		facts = site_facts(known.site, 0);
		reporters = reporters_read(sql, choice->domain, from_day,
					   site_reporter_rules(known.site), admin->arena, &why);
		if (reporters == NULL || gather_flows(sql, choice->domain, from_day, &facts,
						      reporters, admin->arena, flows, &why) != 0)
			status = ADMIN_UNAVAILABLE;
	}
	inbox_facts_close(&known);
	sql_close(sql);
	if (status != ADMIN_UNAVAILABLE)
		return status;
	admin_error(admin, "%s", why.text);
	return ADMIN_UNAVAILABLE;
}

int inbox_sources(struct admin *admin, int argc, char **argv)
{
	static const char *const headings[] = {"DOMAIN", "SOURCE",    "CLASS", ">MESSAGES",
					       ">PASS%", ">WITHHELD", "LAST",  "ADDRESSES"};
	struct view view = {.admin = admin};
	struct inbox_choice choice;
	struct flow *flows = NULL;
	int status = inbox_choice_read(admin, argc, argv, &choice);

	if (status == ADMIN_DONE)
		status = read_flows(admin, &choice, &flows);
	if (status != ADMIN_DONE)
		return status;
	view.failing = choice.failing;
	if (admin->json) {
		view.json = jsonout_new(admin->arena, "inbox.sources");
		jsonout_array(view.json, "sources");
	} else {
		view.table = out_table_new(admin->arena, headings, 8);
	}
	show_flows(&view, flows);
	if (admin->json) {
		admin_print_json(admin, view.json);
		return ADMIN_DONE;
	}
	out_table_print(view.table, stdout, admin_color(admin, stdout));
	print_findings(&view, flows);
	if (view.count == 0)
		admin_note(admin, "no report about such mail was received");
	return ADMIN_DONE;
}

/* ---- inbox decide ---- */

const struct admin_option inbox_decide_options[] = {
    {"note", 'n', "TEXT", "why; shown with the source"}, {NULL, 0, NULL, NULL}};

/* A domain, a network, or "domain/selector", as inbox sources shows them. */
static const char *read_flow(struct admin *admin, const char *text)
{
	const char *slash = strchr(text, '/'), *domain;
	struct ip_network network;
	struct span name = {text, slash == NULL ? text + strlen(text) : slash};

	if (strcmp(text, "own") == 0 || ip_network_parse(span_of(text), &network))
		return text;
	domain = domain_to_ascii(admin->arena, name);
	if (domain == NULL)
		admin_usage(admin,
			    "\"%s\" is not a source; use a domain, a network or DOMAIN/SELECTOR",
			    text);
	else
		domain = arena_printf(admin->arena, "%s%s", domain, slash == NULL ? "" : slash);
	return domain;
}

static int store_decision(struct admin *admin, const struct received_decision *decision)
{
	struct why why = {""};
	int status, result = -1;
	struct sql *sql = inbox_ledger(admin, &status); /* it must be there */

	if (sql == NULL)
		return status;
	sql_close(sql);
	sql = context_received(admin_conf(admin), false, &why);
	if (sql != NULL)
		result = decision->decision == NULL ? received_undecide(sql, decision->flow, &why)
						    : received_decide(sql, decision, &why);
	sql_close(sql);
	if (result == 1) {
		admin_error(admin, "nothing is decided about \"%s\"", decision->flow);
		return ADMIN_NO;
	}
	if (result < 0)
		admin_error(admin, "%s", why.text);
	return result == 0 ? ADMIN_DONE : ADMIN_UNAVAILABLE;
}

int inbox_decide(struct admin *admin, int argc, char **argv)
{
	struct received_decision decision = {.note = "", .decided = clock_wall()};
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		decision.note = arena_string(admin->arena, optarg);
	}
	if (argc - optind != 2)
		return admin_usage(admin, "missing argument: SOURCE and ours, partner, forwarder, "
					  "ignore or nothing");
	decision.flow = read_flow(admin, argv[optind]);
	if (decision.flow == NULL)
		return ADMIN_USAGE;
	decision.decision = argv[optind + 1];
	if (strcmp(decision.decision, "nothing") == 0)
		decision.decision = NULL;
	else if (name_code(flow_decision_names, span_of(decision.decision), -1) < 0)
		return admin_usage(
		    admin,
		    "\"%s\" is not a decision; use ours, partner, forwarder, ignore or nothing",
		    decision.decision);
	return store_decision(admin, &decision);
}

/* ---- inbox advice ---- */

const struct admin_option inbox_advice_options[] = {
    {"since", INBOX_SINCE, "WHEN",
     "by reports about this day, UTC, or later (28d): 2026-11-22, today, 7d"},
    {"days", OPTION_DAYS, "N", "days with a report that are needed (14)"},
    {"reporters", OPTION_REPORTERS, "N", "reporters that are needed (3)"},
    {"share", OPTION_SHARE, "N",
     "per cent of the mail sent from here that they must tell about (10)"},
    {NULL, 0, NULL, NULL}};

struct advising {
	struct admin *admin;
	struct jsonout *json;
	const char *domain;
	int32_t from_day;
	struct advice_needs needs;
	struct reporters *reporters;
	struct coverage coverage;
	struct flow *flows;
	struct selector_use *selectors;
	int64_t sessions, failed_sessions; /* TLS, of reports that count */
	bool not_ready;
};

static int read_number(struct advising *advising, int option)
{
	struct advice_needs *needs = &advising->needs;
	int64_t max = option == OPTION_SHARE ? 100 : 1000, min = option != OPTION_SHARE;
	uint64_t number;

	if (!span_number(span_of(optarg), (uint64_t)max, &number) || (int64_t)number < min)
		return admin_usage(advising->admin,
				   "\"%s\" is not a number from %" PRId64 " to %" PRId64, optarg,
				   min, max);
	*(option == OPTION_DAYS        ? &needs->days
	  : option == OPTION_REPORTERS ? &needs->reporters
				       : &needs->share) = (int64_t)number;
	return ADMIN_DONE;
}

static int read_advising(struct advising *advising, int argc, char **argv)
{
	struct admin *admin = advising->admin;
	int32_t day = clock_day(clock_wall()) - WINDOW_DAYS;
	int c;

	advising->needs =
	    (struct advice_needs){ADVICE_DAYS_NEEDED, ADVICE_REPORTERS_NEEDED, ADVICE_SHARE_NEEDED};
	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (c == INBOX_SINCE && !report_since_parse(optarg, &day))
			return admin_usage(
			    admin, "--since: \"%s\" is not a valid day (2026-11-22, 7d)", optarg);
		if (c != INBOX_SINCE && read_number(advising, c) != ADMIN_DONE)
			return ADMIN_USAGE;
	}
	if (argc - optind != 1)
		return admin_usage(admin, "missing argument: DOMAIN");
	advising->domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
	if (advising->domain == NULL)
		return admin_usage(admin, "\"%s\" is not a valid domain", argv[optind]);
	advising->from_day = day;
	return ADMIN_DONE;
}

static int add_tls(void *arg, const struct received_report *report)
{
	struct advising *advising = arg;

	if (strcmp(report->trust, "pass") != 0 ||
	    reporters_standing(advising->reporters, report->domain, report->mail_from) ==
		REPORTER_STRANGER)
		return 0;
	advising->sessions += report->messages;
	advising->failed_sessions += report->messages - report->passed;
	return 0;
}

static int read_evidence(struct advising *advising, struct sql *sql, const struct site *site,
			 const struct source_facts *facts, struct why *why)
{
	struct arena *arena = advising->admin->arena;
	const struct received_query tls = {.kind = "tls",
					   .domain = advising->domain,
					   .since = clock_day_begin(advising->from_day)};

	advising->reporters = reporters_read(sql, advising->domain, advising->from_day,
					     site_reporter_rules(site), arena, why);
	if (advising->reporters == NULL ||
	    gather_flows(sql, advising->domain, advising->from_day, facts, advising->reporters,
			 arena, &advising->flows, why) != 0 ||
	    gather_selectors(sql, advising->domain, advising->from_day, advising->reporters, arena,
			     &advising->selectors, why) != 0)
		return -1;
	reporters_cover(advising->reporters, advising->domain, &advising->coverage);
	return received_list(sql, &tls, add_tls, advising, why);
}

static void print_verdict(struct advising *advising, const char *what, enum advice_verdict verdict,
			  const char *why)
{
	static const enum out_style styles[] = {OUT_GOOD, OUT_WARN, OUT_DIM};
	const bool color = admin_color(advising->admin, stdout);
	const char *text = name_text(advice_verdict_names, (int)verdict);

	advising->not_ready = advising->not_ready || verdict != ADVICE_READY;
	if (advising->json != NULL) {
		jsonout_text(advising->json, "advice", what);
		jsonout_text(advising->json, "verdict", text);
		jsonout_text(advising->json, "why", why);
		return;
	}
	printf("%s: %s%s%s (", what, out_on(styles[verdict], color), text,
	       out_off(styles[verdict], color));
	out_text(stdout, why);
	puts(")");
}

/* The flows that lose most. */
static void print_against(const struct advising *advising, enum advice_subject subject)
{
	unsigned shown = 0;

	if (advising->json != NULL)
		jsonout_array(advising->json, "against");
	for (const struct flow *flow = advising->flows; flow != NULL; flow = flow->next) {
		int64_t lost =
		    strcmp(flow->domain, advising->domain) == 0 ? advice_lost(subject, flow) : 0;

		if (lost == 0 || (advising->json == NULL && shown++ >= ROWS_AGAINST))
			continue;
		if (advising->json == NULL) {
			fputs("  ", stdout);
			out_text(stdout, flow->name);
			printf(": %s, %" PRId64 " of %" PRId64 " messages\n",
			       source_class_text(flow->class), lost, flow->sure.messages);
			continue;
		}
		jsonout_object(advising->json, NULL);
		jsonout_text(advising->json, "flow", flow->name);
		jsonout_text(advising->json, "class", source_class_text(flow->class));
		jsonout_int(advising->json, "messages", flow->sure.messages);
		jsonout_int(advising->json, "lost", lost);
		jsonout_end(advising->json);
	}
	if (advising->json != NULL)
		jsonout_end(advising->json);
}

static const char *explain_lack(const struct advising *advising)
{
	const struct coverage *c = &advising->coverage;
	struct arena *arena = advising->admin->arena;
	const char *text =
	    arena_printf(arena,
			 "reports that count of %" PRId64 " of %" PRId64 " days and %" PRId64
			 " of %" PRId64 " reporters",
			 c->days, advising->needs.days, c->reporters, advising->needs.reporters);

	if (c->sent > 0)
		text = arena_printf(arena, "%s, about %.1f %% of what was sent, of %" PRId64 " %%",
				    text, advice_coverage(c), advising->needs.share);
	return text;
}

static void advise_policy(struct advising *advising, enum advice_subject subject)
{
	struct arena *arena = advising->admin->arena;
	struct advice advice;
	const char *why;

	advice_give(subject, advising->flows, advising->domain, &advising->coverage,
		    &advising->needs, &advice);
	if (advice.verdict == ADVICE_NO_DATA)
		why = explain_lack(advising);
	else
		why = arena_printf(arena,
				   "%" PRId64 " of %" PRId64
				   " messages that should arrive would be affected: %.2f %%, up to"
				   " %.1f %% is allowed",
				   advice.lost, advice.legitimate, advice.share, advice.allowed);
	if (advising->json != NULL)
		jsonout_object(advising->json, NULL);
	print_verdict(advising, name_text(advice_subject_names, (int)subject), advice.verdict, why);
	if (advice.verdict == ADVICE_NOT_YET || advising->json != NULL)
		print_against(advising, subject);
	if (advising->json != NULL)
		jsonout_end(advising->json);
}

/* A key may be revoked when no reporter has seen it pass for a while. */
static void advise_selector(void *arg, const char *domain, const char *selector)
{
	struct advising *advising = arg;
	struct arena *arena = advising->admin->arena;
	const struct selector_use *use = advising->selectors;
	int32_t today = clock_day(clock_wall());
	enum advice_verdict verdict = ADVICE_NO_DATA;
	const char *why = "there are too few reports that count";
	char day[CLOCK_TEXT_MAX];

	if (!domain_within(domain, advising->domain))
		return;
	while (use != NULL &&
	       (strcmp(use->domain, domain) != 0 || strcmp(use->selector, selector) != 0))
		use = use->next;
	if (use != NULL) {
		verdict = today - use->last_day > KEY_QUIET_DAYS ? ADVICE_READY : ADVICE_NOT_YET;
		why = arena_printf(arena, "it passed last on %s, %" PRId64 " messages in all",
				   clock_day_text(use->last_day, day), use->passed);
	} else if (advice_has_data(&advising->coverage, &advising->needs)) {
		verdict = ADVICE_READY;
		why = "no reporter has seen it pass";
	}
	if (advising->json != NULL)
		jsonout_object(advising->json, NULL);
	print_verdict(advising, arena_printf(arena, "revoke %s/%s", domain, selector), verdict,
		      why);
	if (advising->json != NULL)
		jsonout_end(advising->json);
}

static void advise_sts(struct advising *advising)
{
	struct arena *arena = advising->admin->arena;
	bool failed = advising->failed_sessions > 0;

	if (advising->json != NULL)
		jsonout_object(advising->json, NULL);
	print_verdict(
	    advising, "MTA-STS enforce",
	    advising->sessions == 0 ? ADVICE_NO_DATA
	    : failed                ? ADVICE_NOT_YET
				    : ADVICE_READY,
	    advising->sessions == 0
		? "no TLS report that counts"
		: arena_printf(arena,
			       "%" PRId64 " of %" PRId64
			       " sessions failed; see: countersign inbox tls %s --failing",
			       advising->failed_sessions, advising->sessions, advising->domain));
	if (advising->json != NULL)
		jsonout_end(advising->json);
}

static void print_evidence(const struct advising *advising)
{
	const struct coverage *c = &advising->coverage;

	if (advising->json != NULL) {
		jsonout_text(advising->json, "domain", advising->domain);
		jsonout_int(advising->json, "reports", c->reports);
		jsonout_int(advising->json, "reporters", c->reporters);
		jsonout_int(advising->json, "strangers", c->strangers);
		jsonout_int(advising->json, "days", c->days);
		jsonout_int(advising->json, "messages", c->messages);
		jsonout_int(advising->json, "sent", c->sent);
		jsonout_real(advising->json, "coverage", advice_coverage(c));
		jsonout_array(advising->json, "advices");
		return;
	}
	printf("%s: %" PRId64 " reports of %" PRId64 " reporters count, with %" PRId64
	       " messages of %" PRId64 " days",
	       advising->domain, c->reports, c->reporters, c->messages, c->days);
	if (c->sent > 0)
		printf("; they tell about %.1f %% of %" PRId64 " messages sent from here",
		       advice_coverage(c), c->sent);
	putchar('\n');
	if (c->strangers > 0)
		printf("%" PRId64 " other senders of reports do not count: nothing was sent from"
		       " here to their domains, and they are not in inbox.reporters\n",
		       c->strangers);
}

static int give_advice(struct advising *advising, const struct site *site)
{
	struct admin *admin = advising->admin;

	if (admin->json)
		advising->json = jsonout_new(admin->arena, "inbox.advice");
	print_evidence(advising);
	for (enum advice_subject subject = 0; subject < ADVICE_SUBJECTS; subject++)
		advise_policy(advising, subject);
	site_selectors(site, advise_selector, advising);
	advise_sts(advising);
	if (admin->json)
		admin_print_json(admin, advising->json);
	else
		puts("p=reject also loses what mailing lists modify: do not use it for a domain "
		     "whose"
		     " users write to lists (RFC 9989 section 7.4)");
	return advising->not_ready ? ADMIN_NO : ADMIN_DONE;
}

int inbox_advice(struct admin *admin, int argc, char **argv)
{
	struct advising advising = {.admin = admin};
	int status = read_advising(&advising, argc, argv);
	struct sql *sql = status == ADMIN_DONE ? inbox_ledger(admin, &status) : NULL;
	struct inbox_facts known;
	struct source_facts facts;
	struct why why = {""};

	if (sql == NULL)
		return status;
	status = inbox_facts_open(&known, admin);
	if (status == ADMIN_DONE) {
		facts = site_facts(known.site, 0);
		if (read_evidence(&advising, sql, known.site, &facts, &why) == 0) {
			status = give_advice(&advising, known.site);
		} else {
			admin_error(admin, "%s", why.text);
			status = ADMIN_UNAVAILABLE;
		}
	}
	inbox_facts_close(&known);
	sql_close(sql);
	return status;
}
