/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/decide: what the operator makes of a verdict. */
#include <string.h>

#include "lib/buf.h"
#include "policy/decide.h"
#include "policy/reply.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* A line of the matrix as the settings have it; rule_of() prepares it. */
struct line {
	const char *domain, *recipient;
	int published;
	enum rule_action action;
};
static const struct line lines[] = {
    {"friend.example", "*", -1, RULE_ACCEPT},
    {"*.group.example", "*", DMARC_POLICY_REJECT, RULE_QUARANTINE},
    {"*.group.example", "*", -1, RULE_PUBLISHED},
    {"bank.example", "*", -1, RULE_REJECT},
    {"*.never.example", "*", DMARC_POLICY_QUARANTINE, RULE_REJECT},
};
static struct decide_rule matrix[sizeof lines / sizeof lines[0]];
static struct decide_rule all[2];

static struct decide_rule rule_of(const struct line *line)
{
	struct decide_rule rule = {.text = line->domain,
				   .published = line->published,
				   .spf = -1,
				   .dkim = -1,
				   .action = line->action};

	ok(domain_pattern_parse(arena, span_of(line->domain), &rule.domain) &&
	       domain_pattern_parse(arena, span_of(line->recipient), &rule.recipient),
	   "patterns of %s", line->domain);
	return rule;
}

static void prepare(void)
{
	static const struct line for_all[] = {{"*", "*", DMARC_POLICY_REJECT, RULE_REJECT},
					      {"*", "*", -1, RULE_ACCEPT}};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		matrix[i] = rule_of(&lines[i]);
	for (size_t i = 0; i < 2; i++)
		all[i] = rule_of(&for_all[i]);
}

#define O ENFORCE_OBSERVE
#define R ENFORCE_RFC
#define S ENFORCE_STRICT
#define N DMARC_POLICY_NONE
#define Q DMARC_POLICY_QUARANTINE
#define J DMARC_POLICY_REJECT

/* want: "action disposition [override]..." */
static const struct {
	const char *name, *domain;
	enum enforce enforce;
	enum auth_result result;
	enum dmarc_policy policy;
	bool testing;
	const char *want;
} cases[] = {
    {"pass", "a.example", S, AUTH_PASS, J, false, "accept none"},
    {"pass, a rule to reject", "bank.example", S, AUTH_PASS, J, false, "accept none"},
    {"none", "a.example", S, AUTH_NONE, N, false, "accept none"},
    {"permerror", "a.example", S, AUTH_PERMERROR, N, false, "accept none"},
    {"p=none", "a.example", S, AUTH_FAIL, N, false, "accept none"},
    {"p=quarantine", "a.example", S, AUTH_FAIL, Q, false, "quarantine quarantine"},
    {"p=reject", "a.example", S, AUTH_FAIL, J, false, "reject reject"},
    {"rfc, p=none", "a.example", R, AUTH_FAIL, N, false, "accept none"},
    {"rfc, p=quarantine", "a.example", R, AUTH_FAIL, Q, false, "quarantine quarantine"},
    {"rfc, p=reject", "a.example", R, AUTH_FAIL, J, false, "quarantine quarantine local_policy"},
    {"observe, p=none", "a.example", O, AUTH_FAIL, N, false, "accept none"},
    {"observe, p=quarantine", "a.example", O, AUTH_FAIL, Q, false, "accept none local_policy"},
    {"observe, p=reject", "a.example", O, AUTH_FAIL, J, false, "accept none local_policy"},
    {"t=y, p=reject", "a.example", S, AUTH_FAIL, J, true, "quarantine quarantine policy_test_mode"},
    {"t=y, p=quarantine", "a.example", S, AUTH_FAIL, Q, true, "accept none policy_test_mode"},
    {"t=y, p=none", "a.example", S, AUTH_FAIL, N, true, "accept none"},
    {"rfc, t=y, p=reject", "a.example", R, AUTH_FAIL, J, true,
     "quarantine quarantine policy_test_mode"},
    {"observe, t=y, p=reject", "a.example", O, AUTH_FAIL, J, true,
     "accept none policy_test_mode local_policy"},
    {"observe, t=y, p=quarantine", "a.example", O, AUTH_FAIL, Q, true,
     "accept none policy_test_mode"},
    {"rule: accept", "friend.example", S, AUTH_FAIL, J, false, "accept none local_policy"},
    {"rule: accept, other case", "FRIEND.example", S, AUTH_FAIL, J, false,
     "accept none local_policy"},
    {"rule: accept what is accepted", "friend.example", S, AUTH_FAIL, N, false, "accept none"},
    {"rule: not below", "a.friend.example", S, AUTH_FAIL, J, false, "reject reject"},
    {"rule: accept, t=y", "friend.example", S, AUTH_FAIL, J, true, "accept none local_policy"},
    {"rule: below", "a.group.example", S, AUTH_FAIL, J, false,
     "quarantine quarantine local_policy"},
    {"rule: the domain itself", "group.example", R, AUTH_FAIL, J, false,
     "quarantine quarantine local_policy"},
    {"rule: not a text suffix", "xgroup.example", S, AUTH_FAIL, J, false, "reject reject"},
    {"rule: the next line, published", "a.group.example", R, AUTH_FAIL, Q, false,
     "quarantine quarantine"},
    {"rule: published, t=y", "a.group.example", R, AUTH_FAIL, Q, true,
     "accept none policy_test_mode"},
    {"rule: reject", "bank.example", R, AUTH_FAIL, J, false, "reject reject"},
    {"rule: reject p=none", "bank.example", R, AUTH_FAIL, N, false, "reject reject local_policy"},
    {"rule: reject, t=y", "bank.example", R, AUTH_FAIL, J, true, "reject reject"},
    {"rule: for another policy", "never.example", R, AUTH_FAIL, N, false, "accept none"},
    {"rule: for this policy", "never.example", R, AUTH_FAIL, Q, false,
     "reject reject local_policy"},
    {"observe goes before rules", "bank.example", O, AUTH_FAIL, J, false,
     "accept none local_policy"},
};

static const struct dmarc_author one_author = {.fields = 1, .domain_count = 1};
static const struct decide_facts plain = {.author = &one_author};

static void set_dmarc(struct verdict *verdict, const char *domain, enum auth_result result,
		      enum dmarc_policy policy, bool testing)
{
	struct dmarc_published *published = arena_make(arena, struct dmarc_published);

	memset(verdict, 0, sizeof *verdict);
	published->testing = testing;
	published->p = policy;
	verdict->dmarc = (struct dmarc_verdict){.result = result,
						.author_domain = domain,
						.policy = policy,
						.policy_tag = "p",
						.published = published,
						.why = ""};
	if (result == AUTH_NONE || result == AUTH_PERMERROR)
		verdict->dmarc.published = NULL;
}

static const char *describe(const struct decision *decision)
{
	struct buf text;

	buf_init(&text, arena, 0);
	buf_printf(&text, "%s %s", name_text(action_names, (int)decision->action),
		   dmarc_policy_text(decision->disposition));
	for (unsigned i = 0; i < decision->override_count; i++)
		buf_printf(&text, " %s",
			   name_text(override_names, (int)decision->overrides[i].type));
	return buf_text(&text);
}

static void test_actions(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decide_rules rules = {.enforce = cases[i].enforce,
					     .matrix = matrix,
					     .matrix_count = sizeof matrix / sizeof matrix[0]};
		struct verdict verdict;

		set_dmarc(&verdict, cases[i].domain, cases[i].result, cases[i].policy,
			  cases[i].testing);
		decide(&rules, &plain, arena, &verdict);
		is_text(describe(&verdict.decision), cases[i].want, "%s", cases[i].name);
		ok(verdict.decision.why != NULL && verdict.decision.why[0] != '\0', "%s: explained",
		   cases[i].name);
		if (verdict.dmarc.result == AUTH_FAIL &&
		    verdict.decision.disposition != cases[i].policy)
			ok(verdict.decision.override_count > 0, "%s: has a reason for the report",
			   cases[i].name);
	}
}

/* flags: w tempfail is wanted, p a record is published, a aligned, t t=y. rules: of the operator.
 */
static const struct {
	const char *name, *flags;
	enum enforce enforce;
	enum dmarc_policy policy, worst;
	const struct decide_rule *rules;
	unsigned rule_count;
	const char *want;
} temperrors[] = {
    {"strict, reject", "wp", S, J, J, NULL, 0, "tempfail none"},
    {"rfc, reject", "wp", R, J, J, NULL, 0, "tempfail none"},
    {"none", "wp", R, N, N, NULL, 0, "accept none"},
    {"np could be reject", "wp", R, N, J, NULL, 0, "tempfail none"},
    {"np could be none", "wp", R, J, J, NULL, 0, "tempfail none"},
    {"t=y, quarantine", "wpt", R, Q, Q, NULL, 0, "accept none other"},
    {"no record known", "w", R, N, J, NULL, 0, "tempfail none"},
    {"no record known, aligned", "wa", S, N, N, NULL, 0, "accept none"},
    {"observe", "wp", O, J, J, NULL, 0, "accept none other"},
    {"not wanted", "p", S, J, J, NULL, 0, "accept none other"},
    {"a rule would reject p=none", "wp", R, N, N, &matrix[3], 1, "tempfail none"},
    {"a rule would accept", "wp", S, J, J, &all[1], 1, "accept none other"},
    {"a rule for what may be published", "w", S, N, J, all, 2, "tempfail none"},
};

static void test_temperror(void)
{
	for (size_t i = 0; i < sizeof temperrors / sizeof temperrors[0]; i++) {
		const char *flags = temperrors[i].flags;
		struct decide_rules rules = {.enforce = temperrors[i].enforce,
					     .matrix = temperrors[i].rules,
					     .matrix_count = temperrors[i].rule_count,
					     .tempfail_on_temperror = strchr(flags, 'w') != NULL};
		struct verdict verdict;

		set_dmarc(&verdict, "bank.example", AUTH_TEMPERROR, temperrors[i].policy,
			  strchr(flags, 't') != NULL);
		verdict.dmarc.worst = temperrors[i].worst;
		verdict.dmarc.dkim_aligned = strchr(flags, 'a') != NULL;
		if (strchr(flags, 'p') == NULL)
			verdict.dmarc.published = NULL;
		decide(&rules, &plain, arena, &verdict);
		is_text(describe(&verdict.decision), temperrors[i].want, "temperror: %s",
			temperrors[i].name);
	}
}

/* ---- lines for recipients ---- */

/* recipients: domains; "?" stands for those that are not known. */
static const struct {
	const char *name, *recipients, *want;
} to[] = {
    {"nobody", "", "reject reject"},
    {"the one", "lists.example.net", "accept none local_policy"},
    {"below it", "a.lists.example.net", "accept none local_policy"},
    {"several below it", "a.lists.example.net b.lists.example.net", "accept none local_policy"},
    {"another", "example.com", "reject reject"},
    {"one of two", "lists.example.net example.com", "reject reject"},
    {"one of two, the other way round", "example.com lists.example.net", "reject reject"},
    {"one and others", "lists.example.net ?", "reject reject"},
    {"only others", "?", "reject reject"},
    {"the next line", "desk.example", "quarantine quarantine local_policy"},
};

static void test_recipients(void)
{
	static const struct line for_some[] = {
	    {"*", "*.lists.example.net", -1, RULE_ACCEPT},
	    {"bank.example", "desk.example", DMARC_POLICY_NONE, RULE_REJECT},
	    {"bank.example", "desk.example", DMARC_POLICY_REJECT, RULE_QUARANTINE},
	};
	struct decide_rule some[3];
	struct decide_rules rules = {
	    .enforce = S, .matrix = some, .matrix_count = 3, .by_recipient = true};

	for (size_t i = 0; i < 3; i++)
		some[i] = rule_of(&for_some[i]);
	for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
		struct span rest = span_of(to[i].recipients), part;
		const char *recipients[4];
		struct decide_facts facts = {.author = &one_author, .recipients = recipients};
		bool more = !span_empty(rest);
		struct verdict verdict;

		while (span_split(&rest, &more, ' ', &part)) {
			if (span_eq(part, "?"))
				facts.recipients_unknown = true;
			else
				recipients[facts.recipient_count++] = arena_span(arena, part);
		}
		set_dmarc(&verdict, "bank.example", AUTH_FAIL, J, false);
		decide(&rules, &facts, arena, &verdict);
		is_text(describe(&verdict.decision), to[i].want, "to %s", to[i].name);
	}
}

/* ---- lines for results ---- */

enum { ANY = -1 };

/* One line for bank.example; spf and dkim (of two signatures) are what was found. */
static const struct {
	const char *name;
	int want_spf, want_dkim;
	enum rule_action action;
	enum enforce enforce;
	enum dmarc_policy policy;
	enum auth_result spf;
	const char *dkim; /* results of signatures */
	bool tempfail;
	const char *want;
} results[] = {
    {"spf fits", AUTH_FAIL, ANY, RULE_REJECT, R, J, AUTH_FAIL, "", true, "reject reject"},
    {"spf is another", AUTH_FAIL, ANY, RULE_REJECT, R, J, AUTH_SOFTFAIL, "", true,
     "quarantine quarantine local_policy"},
    {"spf none", AUTH_NONE, ANY, RULE_ACCEPT, S, J, AUTH_NONE, "", true,
     "accept none local_policy"},
    {"no signature", ANY, AUTH_NONE, RULE_REJECT, R, J, AUTH_NONE, "", true, "reject reject"},
    {"no signature, there is one", ANY, AUTH_NONE, RULE_REJECT, R, J, AUTH_NONE, "fail", true,
     "quarantine quarantine local_policy"},
    {"all fail", ANY, AUTH_FAIL, RULE_REJECT, R, J, AUTH_NONE, "fail permerror", true,
     "reject reject"},
    {"all fail, there is none", ANY, AUTH_FAIL, RULE_REJECT, R, J, AUTH_NONE, "", true,
     "quarantine quarantine local_policy"},
    {"one passes", ANY, AUTH_PASS, RULE_ACCEPT, S, J, AUTH_NONE, "fail pass", true,
     "accept none local_policy"},
    {"one passes, the other is not known", ANY, AUTH_PASS, RULE_ACCEPT, S, J, AUTH_NONE,
     "temperror pass", true, "accept none local_policy"},
    {"both fit", AUTH_FAIL, AUTH_NONE, RULE_REJECT, R, J, AUTH_FAIL, "", true, "reject reject"},
    {"one of two", AUTH_FAIL, AUTH_NONE, RULE_REJECT, R, J, AUTH_FAIL, "fail", true,
     "quarantine quarantine local_policy"},
    {"not known, could be worse", AUTH_FAIL, ANY, RULE_REJECT, R, J, AUTH_TEMPERROR, "", true,
     "tempfail none"},
    {"not known, could be better", ANY, AUTH_PASS, RULE_ACCEPT, S, J, AUTH_FAIL, "temperror", true,
     "tempfail none"},
    {"not known, nothing asked", AUTH_FAIL, ANY, RULE_REJECT, R, N, AUTH_TEMPERROR, "", true,
     "tempfail none"},
    {"not known, makes no difference", AUTH_FAIL, ANY, RULE_REJECT, S, J, AUTH_TEMPERROR, "", true,
     "reject reject"},
    {"not known, published makes none", AUTH_FAIL, ANY, RULE_PUBLISHED, R, Q, AUTH_TEMPERROR, "",
     true, "quarantine quarantine"},
    {"not known, published makes one", AUTH_FAIL, ANY, RULE_PUBLISHED, R, J, AUTH_TEMPERROR, "",
     true, "tempfail none"},
    {"not known, but the other does not fit", AUTH_FAIL, AUTH_NONE, RULE_REJECT, R, J,
     AUTH_TEMPERROR, "fail", true, "quarantine quarantine local_policy"},
    {"not known, no tempfail", AUTH_FAIL, ANY, RULE_REJECT, R, J, AUTH_TEMPERROR, "", false,
     "quarantine quarantine local_policy"},
    {"not known, observe", AUTH_FAIL, ANY, RULE_REJECT, O, J, AUTH_TEMPERROR, "", true,
     "accept none local_policy"},
};

static void set_signatures(const char *text, struct verdict *verdict)
{
	struct span rest = span_of(text), word;
	bool more = !span_empty(rest);

	verdict->dkim = arena_array(arena, 2, sizeof *verdict->dkim);
	while (span_split(&rest, &more, ' ', &word)) {
		struct dkim_verdict *dkim = &verdict->dkim[verdict->dkim_count++];

		dkim->domain = "other.example";
		dkim->result = (enum auth_result)name_code(auth_result_names, word, AUTH_NONE);
	}
}

static void test_results(void)
{
	static const struct line bank = {"bank.example", "*", ANY, RULE_PUBLISHED};

	for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
		struct decide_rule rule = rule_of(&bank);
		struct decide_rules rules = {.enforce = results[i].enforce,
					     .matrix = &rule,
					     .matrix_count = 1,
					     .tempfail_on_temperror = results[i].tempfail};
		struct verdict verdict;

		rule.spf = results[i].want_spf;
		rule.dkim = results[i].want_dkim;
		rule.action = results[i].action;
		set_dmarc(&verdict, "bank.example", AUTH_FAIL, results[i].policy, false);
		verdict.spf.result = results[i].spf;
		set_signatures(results[i].dkim, &verdict);
		decide(&rules, &plain, arena, &verdict);
		is_text(describe(&verdict.decision), results[i].want, "result: %s",
			results[i].name);
	}
}

/* DMARC itself is not known, and a line that would be worse might be for the message. */
static void test_results_temperror(void)
{
	static const struct line bank = {"bank.example", "*", ANY, RULE_REJECT};
	struct decide_rule rule = rule_of(&bank);
	struct decide_rules rules = {
	    .enforce = R, .matrix = &rule, .matrix_count = 1, .tempfail_on_temperror = true};
	struct verdict verdict;

	rule.spf = AUTH_FAIL;
	set_dmarc(&verdict, "bank.example", AUTH_TEMPERROR, N, false);
	verdict.spf.result = AUTH_TEMPERROR;
	decide(&rules, &plain, arena, &verdict);
	is_text(describe(&verdict.decision), "tempfail none", "result: a line could be worse");
	verdict.spf.result = AUTH_SOFTFAIL;
	decide(&rules, &plain, arena, &verdict);
	is_text(describe(&verdict.decision), "accept none", "result: a line is not for it");
}

/* ---- lines for what is aligned ---- */

/* found: d a signature, s SPF passes for the author's domain; D, S: it could, but DNS did not
 * answer; t a trusted forwarder. absent: there is no record, and the line is for that. */
static const struct {
	const char *name, *found;
	enum rule_aligned want_aligned;
	enum rule_action action;
	bool absent, tempfail;
	enum enforce enforce;
	const char *want, *status;
} aligned[] = {
    {"nothing", "", RULE_ALIGNED_NONE, RULE_REJECT, true, true, R, "reject reject", "5.7.26"},
    {"nothing, SPF alone wanted", "", RULE_ALIGNED_SPF, RULE_REJECT, true, true, R, "accept none",
     NULL},
    {"SPF", "s", RULE_ALIGNED_NONE, RULE_REJECT, true, true, R, "accept none", NULL},
    {"SPF alone", "s", RULE_ALIGNED_SPF, RULE_QUARANTINE, true, true, R, "quarantine quarantine",
     "5.7.22"},
    {"both", "sd", RULE_ALIGNED_SPF, RULE_REJECT, true, true, R, "accept none", NULL},
    {"nothing, key not known", "D", RULE_ALIGNED_NONE, RULE_REJECT, true, true, R, "tempfail none",
     NULL},
    {"nothing, SPF not known", "S", RULE_ALIGNED_NONE, RULE_REJECT, true, true, R, "tempfail none",
     NULL},
    {"nothing, SPF not known, SPF alone wanted", "S", RULE_ALIGNED_SPF, RULE_REJECT, true, true, R,
     "tempfail none", NULL},
    {"key not known, no tempfail", "D", RULE_ALIGNED_NONE, RULE_REJECT, true, false, R,
     "accept none", NULL},
    {"SPF alone, key not known", "sD", RULE_ALIGNED_SPF, RULE_REJECT, true, true, R,
     "tempfail none", NULL},
    {"nothing, observe", "", RULE_ALIGNED_NONE, RULE_REJECT, true, true, O, "accept none", NULL},
    {"pass by SPF", "s", RULE_ALIGNED_SPF, RULE_REJECT, false, true, R,
     "reject reject local_policy", "5.7.22"},
    {"pass by SPF, key not known", "sD", RULE_ALIGNED_SPF, RULE_REJECT, false, true, R,
     "tempfail none", NULL},
    {"pass by SPF, key not known, no tempfail", "sD", RULE_ALIGNED_SPF, RULE_REJECT, false, false,
     R, "accept none", NULL},
    {"pass by both", "sd", RULE_ALIGNED_SPF, RULE_REJECT, false, true, R, "accept none", NULL},
    {"pass by DKIM", "d", RULE_ALIGNED_SPF, RULE_REJECT, false, true, R, "accept none", NULL},
    {"pass, published", "s", RULE_ALIGNED_SPF, RULE_PUBLISHED, false, true, R, "accept none", NULL},
    {"pass, a line about failing mail", "s", RULE_ALIGNED_ANY, RULE_REJECT, false, true, S,
     "accept none", NULL},
    {"pass by SPF, observe", "s", RULE_ALIGNED_SPF, RULE_REJECT, false, true, O, "accept none",
     NULL},
};

static void test_aligned(void)
{
	static const struct line bank = {"bank.example", "*", ANY, RULE_REJECT};

	for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++) {
		const char *found = aligned[i].found;
		struct decide_rule rule = rule_of(&bank);
		struct decide_rules rules = {.enforce = aligned[i].enforce,
					     .matrix = &rule,
					     .matrix_count = 1,
					     .requires_dkim =
						 aligned[i].want_aligned == RULE_ALIGNED_SPF,
					     .tempfail_on_temperror = aligned[i].tempfail};
		struct verdict verdict;
		const char *status;

		rule.aligned = aligned[i].want_aligned;
		rule.action = aligned[i].action;
		rule.published = aligned[i].absent ? RULE_ABSENT : ANY;
		set_dmarc(&verdict, "bank.example", aligned[i].absent ? AUTH_NONE : AUTH_PASS, N,
			  false);
		if (aligned[i].absent)
			verdict.dmarc.published = NULL;
		verdict.dmarc.dkim_aligned = strchr(found, 'd') != NULL;
		verdict.dmarc.spf_aligned = strchr(found, 's') != NULL;
		verdict.dmarc.dkim_unsure = strchr(found, 'D') != NULL;
		verdict.dmarc.spf_unsure = strchr(found, 'S') != NULL;
		decide(&rules, &plain, arena, &verdict);
		is_text(describe(&verdict.decision), aligned[i].want, "aligned: %s",
			aligned[i].name);
		status = verdict.decision.status;
		is_text(status == NULL ? "" : status,
			aligned[i].status == NULL ? "" : aligned[i].status, "aligned: %s: status",
			aligned[i].name);
	}
}

/* The second of two lines that might match is the one that makes a difference; not one behind a
 * line that matches. */
static void test_results_order(void)
{
	static const struct line all_lines[] = {{"*", "*", ANY, RULE_QUARANTINE},
						{"*", "*", ANY, RULE_ACCEPT},
						{"*", "*", ANY, RULE_REJECT}};
	struct decide_rule rule[3];
	struct decide_rules rules = {
	    .enforce = R, .matrix = rule, .matrix_count = 3, .tempfail_on_temperror = true};
	struct verdict verdict;

	for (size_t i = 0; i < 3; i++) {
		rule[i] = rule_of(&all_lines[i]);
		rule[i].spf = AUTH_FAIL;
	}
	set_dmarc(&verdict, "bank.example", AUTH_FAIL, Q, false);
	verdict.spf.result = AUTH_TEMPERROR;
	decide(&rules, &plain, arena, &verdict);
	is_text(describe(&verdict.decision), "tempfail none", "result: the second line");
	ok(strstr(verdict.decision.why, "*") != NULL, "result: the line is named");
	rule[1] = rule[0];
	rule[1].spf = ANY;
	decide(&rules, &plain, arena, &verdict);
	is_text(describe(&verdict.decision), "quarantine quarantine",
		"result: not what comes after it");
}

/* ---- trusted forwarders and lists ---- */

/* flags: f the forwarder's signature passes, m its key is missing for now, l the list's passes,
 * i the message has the list's id, w tempfail is wanted, t t=y. */
static const struct {
	const char *name, *flags;
	enum enforce enforce;
	enum auth_result result;
	enum dmarc_policy policy;
	const struct decide_rule *rules;
	unsigned rule_count;
	const char *want;
} trusts[] = {
    {"nobody", "", S, AUTH_FAIL, J, NULL, 0, "reject reject"},
    {"strict", "f", S, AUTH_FAIL, J, NULL, 0, "accept none trusted_forwarder"},
    {"rfc", "f", R, AUTH_FAIL, J, NULL, 0, "accept none trusted_forwarder"},
    {"quarantine", "f", R, AUTH_FAIL, Q, NULL, 0, "accept none trusted_forwarder"},
    {"nothing is asked for", "f", S, AUTH_FAIL, N, NULL, 0, "accept none"},
    {"t=y", "ft", S, AUTH_FAIL, J, NULL, 0, "accept none trusted_forwarder"},
    {"observe", "f", O, AUTH_FAIL, J, NULL, 0, "accept none local_policy"},
    {"a pass", "f", S, AUTH_PASS, J, NULL, 0, "accept none"},
    {"no record", "f", S, AUTH_NONE, N, NULL, 0, "accept none"},
    {"before the matrix", "f", S, AUTH_FAIL, J, all, 2, "accept none trusted_forwarder"},
    {"the matrix for the rest", "", R, AUTH_FAIL, J, all, 2, "reject reject"},
    {"list", "li", S, AUTH_FAIL, J, NULL, 0, "accept none mailing_list"},
    {"list, rfc", "li", R, AUTH_FAIL, Q, NULL, 0, "accept none mailing_list"},
    {"list, the id alone", "i", S, AUTH_FAIL, J, NULL, 0, "reject reject"},
    {"list, no id", "l", S, AUTH_FAIL, J, NULL, 0, "reject reject"},
    {"list and forwarder", "fli", S, AUTH_FAIL, J, NULL, 0, "accept none trusted_forwarder"},
    {"perhaps", "m", S, AUTH_FAIL, J, NULL, 0, "reject reject"},
    {"perhaps, wait", "mw", S, AUTH_FAIL, J, NULL, 0, "tempfail none"},
    {"perhaps, rfc", "mw", R, AUTH_FAIL, J, NULL, 0, "tempfail none"},
    {"perhaps, nothing to fear", "mw", S, AUTH_FAIL, N, NULL, 0, "accept none"},
    {"perhaps, but the list for sure", "mliw", S, AUTH_FAIL, J, NULL, 0,
     "accept none mailing_list"},
    {"perhaps, accepted by a rule", "mw", S, AUTH_FAIL, N, all, 2, "accept none"},
    {"perhaps, observe", "mw", O, AUTH_FAIL, J, NULL, 0, "accept none local_policy"},
    {"temperror", "fw", S, AUTH_TEMPERROR, J, NULL, 0, "accept none other"},
    {"temperror, nobody", "w", S, AUTH_TEMPERROR, J, NULL, 0, "tempfail none"},
    {"temperror, perhaps", "mw", S, AUTH_TEMPERROR, J, NULL, 0, "tempfail none"},
};

static void test_trust(void)
{
	static const char *const ids[] = {"dev.list.example"};
	struct peer forwarder, list;
	struct why why;

	ok(peer_parse(arena, span_of("fwd.example"), &forwarder, &why) == 0 &&
	       peer_parse_domain(arena, span_of("list.example"), &list, &why) == 0,
	   "entries");
	for (size_t i = 0; i < sizeof trusts / sizeof trusts[0]; i++) {
		const char *flags = trusts[i].flags;
		struct decide_rules rules = {.enforce = trusts[i].enforce,
					     .matrix = trusts[i].rules,
					     .matrix_count = trusts[i].rule_count,
					     .trust = {&forwarder, 1, &list, 1},
					     .tempfail_on_temperror = strchr(flags, 'w') != NULL};
		struct decide_facts facts = {.author = &one_author,
					     .list_ids = ids,
					     .list_id_count = strchr(flags, 'i') != NULL};
		struct dkim_verdict dkim[2];
		struct verdict verdict;

		memset(dkim, 0, sizeof dkim);
		dkim[0].domain = "fwd.example";
		dkim[0].result = strchr(flags, 'f')   ? AUTH_PASS
				 : strchr(flags, 'm') ? AUTH_TEMPERROR
						      : AUTH_FAIL;
		dkim[1].domain = "list.example";
		dkim[1].result = strchr(flags, 'l') ? AUTH_PASS : AUTH_FAIL;
		set_dmarc(&verdict, "a.example", trusts[i].result, trusts[i].policy,
			  strchr(flags, 't') != NULL);
		verdict.dmarc.worst = trusts[i].result == AUTH_TEMPERROR ? J : N;
		verdict.dkim = dkim;
		verdict.dkim_count = 2;
		decide(&rules, &facts, arena, &verdict);
		is_text(describe(&verdict.decision), trusts[i].want, "trust: %s", trusts[i].name);
		ok(verdict.decision.why != NULL && verdict.decision.why[0] != '\0',
		   "trust: %s: explained", trusts[i].name);
	}
}

/* The report names the rule and nothing of the message; the log says what it rests on. */
static void test_comments(void)
{
	static const struct line to_some[] = {{"*", "example.net", -1, RULE_ACCEPT}};
	static const char *const recipients[] = {"example.net"};
	struct decide_facts facts = {
	    .author = &one_author, .recipients = recipients, .recipient_count = 1};
	struct peer forwarder;
	struct decide_rule rule = rule_of(&to_some[0]);
	struct decide_rules rules = {.enforce = S,
				     .matrix = &rule,
				     .matrix_count = 1,
				     .by_recipient = true,
				     .trust = {.forwarders = &forwarder}};
	struct verdict verdict;
	struct why why;

	rule.text = "* to example.net";
	peer_parse(arena, span_of("192.0.2.0/24"), &forwarder, &why);
	set_dmarc(&verdict, "a.example", AUTH_FAIL, J, false);
	decide(&rules, &facts, arena, &verdict);
	is_text(verdict.decision.overrides[0].comment, "local rule for * to example.net",
		"a rule's comment");
	rules.trust.forwarder_count = 1;
	verdict.client = (struct ip){.family = 4, .bytes = {192, 0, 2, 7}};
	decide(&rules, &facts, arena, &verdict);
	is_text(verdict.decision.overrides[0].comment, "trusted forwarder 192.0.2.0/24",
		"a forwarder's comment");
	is_text(verdict.decision.why, "trusted forwarder 192.0.2.0/24 (its address)",
		"what it rests on");
}

static void test_bad_from(void)
{
	static const struct {
		const char *name;
		struct dmarc_author author;
		bool incomplete, bad;
	} from[] = {
	    {"one", {.fields = 1, .domain_count = 1}, false, false},
	    {"two domains in one field", {.fields = 1, .domain_count = 2}, false, false},
	    {"none", {.fields = 0, .error = "none"}, false, true},
	    {"two fields", {.fields = 2, .domain_count = 1}, false, true},
	    {"malformed", {.fields = 1, .error = "malformed"}, false, true},
	    {"no domain", {.fields = 1}, false, true},
	    {"too many domains", {.fields = 1, .domain_count = 9}, true, true},
	};

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		struct decide_rules rules = {.enforce = R, .reject_bad_from = true};
		struct decide_facts facts = {.author = &from[i].author};
		struct verdict verdict;

		set_dmarc(&verdict, "a.example", AUTH_PERMERROR, N, false);
		verdict.dmarc.incomplete = from[i].incomplete;
		decide(&rules, &facts, arena, &verdict);
		is_text(describe(&verdict.decision), from[i].bad ? "reject reject" : "accept none",
			"From: %s", from[i].name);
		is_int(verdict.decision.bad_from, from[i].bad, "From: %s: marked", from[i].name);
		rules.enforce = O;
		decide(&rules, &facts, arena, &verdict);
		is_text(describe(&verdict.decision), "accept none", "From: %s, observe",
			from[i].name);
		rules = (struct decide_rules){.enforce = S};
		decide(&rules, &facts, arena, &verdict);
		is_text(describe(&verdict.decision), "accept none", "From: %s, not wanted",
			from[i].name);
	}
}

static void test_bad_from_that_fails(void)
{
	struct decide_rules rules = {.enforce = S};
	struct dmarc_author two = {.fields = 2, .domain_count = 2};
	struct decide_facts facts = {.author = &two};
	struct verdict verdict;

	set_dmarc(&verdict, "a.example", AUTH_FAIL, Q, false);
	decide(&rules, &facts, arena, &verdict);
	is_text(describe(&verdict.decision), "quarantine quarantine", "two From fields, one fails");
	rules.reject_bad_from = true;
	decide(&rules, &facts, arena, &verdict);
	is_text(describe(&verdict.decision), "reject reject local_policy",
		"and rejected for the fields");
}

static bool fits_smtp(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return strlen(text) < 480;
}

/* Each names the question that failed. */
static void test_fault_replies(struct verdict *verdict)
{
	struct smtp_reply reply;
	char name[254], domain[254];

	verdict->client = (struct ip){0};
	verdict->dns_fault = (struct dns_fault){0};
	reply_write(REPLY_REJECT_TEXT, verdict, arena, &reply);
	is_text(reply.text,
		"DMARC for example.com could not be evaluated: the address of the client is not"
		" known; try again later",
		"tempfail: no question, but the client's address");
	verdict->dns_fault = (struct dns_fault){
	    .name = "_dmarc.example.com", .type = DNS_TYPE_TXT, .reason = "SERVFAIL"};
	reply_write(REPLY_REJECT_TEXT, verdict, arena, &reply);
	is_text(reply.text,
		"DMARC for example.com could not be evaluated: DNS did not answer: TXT "
		"_dmarc.example.com; try again later",
		"tempfail: the question that failed");
	verdict->dns_fault.bogus = true;
	reply_write(REPLY_REJECT_TEXT, verdict, arena, &reply);
	is_text(
	    reply.text,
	    "DMARC for example.com could not be evaluated: a DNS answer was bogus (DNSSEC): TXT "
	    "_dmarc.example.com; try again later",
	    "tempfail: a bogus answer is called that");
	memset(name, 'n', sizeof name);
	memset(domain, 'd', sizeof domain);
	name[0] = '\n';
	name[sizeof name - 1] = domain[sizeof domain - 1] = '\0';
	verdict->dns_fault.name = name;
	verdict->dmarc.author_domain = domain;
	reply_write(REPLY_REJECT_TEXT, verdict, arena, &reply);
	ok(fits_smtp(reply.text), "the longest names fit");
	verdict->dns_fault.name = NULL;
	verdict->dmarc.author_domain = "example.com";
}

static void test_replies(void)
{
	struct verdict verdict;
	struct smtp_reply reply;

	set_dmarc(&verdict, "example.com", AUTH_FAIL, J, false);
	verdict.decision.action = ACTION_REJECT;
	reply_write(REPLY_REJECT_TEXT, &verdict, arena, &reply);
	is_text(reply.code, "550", "reject: code");
	is_text(reply.enhanced, "5.7.1", "reject: enhanced code");
	is_text(reply.text, "Email rejected per DMARC policy for example.com",
		"reject: text of section 7.2");
	verdict.decision.bad_from = true;
	reply_write(REPLY_REJECT_TEXT, &verdict, arena, &reply);
	ok(strcmp(reply.code, "550") == 0 && strstr(reply.text, "From") != NULL, "bad From: %s",
	   reply.text);
	verdict.decision.bad_from = false;
	verdict.decision.action = ACTION_TEMPFAIL;
	reply_write(REPLY_REJECT_TEXT, &verdict, arena, &reply);
	is_text(reply.code, "451", "tempfail: code");
	is_text(reply.enhanced, "4.7.1", "tempfail: enhanced code");
	ok(strstr(reply.text, "example.com") != NULL, "tempfail: text");
	test_fault_replies(&verdict);
	verdict.dmarc.author_domain = "a\r\nQUIT\xff.example";
	reply_write(REPLY_REJECT_TEXT, &verdict, arena, &reply);
	ok(fits_smtp(reply.text), "nothing breaks the line: %s", reply.text);
	verdict.decision.action = ACTION_REJECT;
	reply_write(REPLY_REJECT_TEXT, &verdict, arena, &reply);
	ok(fits_smtp(reply.text), "in no reply");
}

/* What is kept in the ledger is enough to tell what strict would do. */
static void test_counted(void)
{
	static const struct {
		struct decide_counted counted;
		enum dmarc_policy want;
		const char *what;
	} counts[] = {
	    {{.p = "reject"}, J, "p=reject"},
	    {{.p = "reject", .sp = "none"}, J, "p=reject, at the domain itself"},
	    {{.p = "reject", .sp = "none", .below = true}, N, "sp=none, below it"},
	    {{.p = "none", .sp = "reject", .below = true}, J, "sp=reject, below it"},
	    {{.p = "quarantine", .below = true}, Q, "p=quarantine without sp, below it"},
	    {{.p = "reject", .testing = "n"}, J, "t=n"},
	    {{.p = "reject", .testing = "y"}, Q, "p=reject with t=y"},
	    {{.p = "quarantine", .testing = "y"}, N, "p=quarantine with t=y"},
	    {{.p = "none", .testing = "y"}, N, "p=none with t=y"},
	    {{.p = "reject", .passed = true}, N, "it passed"},
	    {{.p = "reject", .reasons = "[]"}, J, "no reasons"},
	    {{.p = "reject", .reasons = "[{\"type\":\"mailing_list\",\"comment\":\"a\"}]"},
	     N,
	     "a list"},
	    {{.p = "reject", .reasons = "[{\"type\":\"trusted_forwarder\"}]"}, N, "a forwarder"},
	    {{.p = "reject",
	      .reasons = "[{\"type\":\"local_policy\",\"comment\":\"no mailing_list, or \"}]"},
	     J,
	     "a list's name in a comment"},
	    {{.p = NULL}, N, "no policy"},
	    {{.p = "other"}, N, "a policy that is none of the three"},
	};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		is_int(decide_strict(&counts[i].counted), counts[i].want, "%s", counts[i].what);
}

int main(void)
{
	arena = arena_new(1 << 20);
	prepare();
	test_actions();
	test_temperror();
	test_recipients();
	test_results();
	test_results_temperror();
	test_aligned();
	test_results_order();
	test_trust();
	test_comments();
	test_bad_from();
	test_bad_from_that_fails();
	test_replies();
	test_counted();
	arena_free(arena);
	return tap_done();
}
