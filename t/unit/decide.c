/* policy/decide: what the operator makes of a verdict. */
#include <string.h>

#include "lib/buf.h"
#include "policy/decide.h"
#include "t/lib/tap.h"

static struct arena *arena;

static const struct decide_rule matrix[] = {
    {"friend.example", -1, RULE_ACCEPT},
    {"*.group.example", DMARC_POLICY_REJECT, RULE_QUARANTINE},
    {"*.group.example", -1, RULE_PUBLISHED},
    {"bank.example", -1, RULE_REJECT},
    {"*.never.example", DMARC_POLICY_QUARANTINE, RULE_REJECT},
};
static const struct decide_rule all[] = {{"*", DMARC_POLICY_REJECT, RULE_REJECT},
					 {"*", -1, RULE_ACCEPT}};

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
		decide(&rules, &one_author, arena, &verdict);
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
		decide(&rules, &one_author, arena, &verdict);
		is_text(describe(&verdict.decision), temperrors[i].want, "temperror: %s",
			temperrors[i].name);
	}
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
		struct verdict verdict;

		set_dmarc(&verdict, "a.example", AUTH_PERMERROR, N, false);
		verdict.dmarc.incomplete = from[i].incomplete;
		decide(&rules, &from[i].author, arena, &verdict);
		is_text(describe(&verdict.decision), from[i].bad ? "reject reject" : "accept none",
			"From: %s", from[i].name);
		is_int(verdict.decision.bad_from, from[i].bad, "From: %s: marked", from[i].name);
		rules.enforce = O;
		decide(&rules, &from[i].author, arena, &verdict);
		is_text(describe(&verdict.decision), "accept none", "From: %s, observe",
			from[i].name);
		rules = (struct decide_rules){.enforce = S};
		decide(&rules, &from[i].author, arena, &verdict);
		is_text(describe(&verdict.decision), "accept none", "From: %s, not wanted",
			from[i].name);
	}
}

static void test_bad_from_that_fails(void)
{
	struct decide_rules rules = {.enforce = S};
	struct dmarc_author two = {.fields = 2, .domain_count = 2};
	struct verdict verdict;

	set_dmarc(&verdict, "a.example", AUTH_FAIL, Q, false);
	decide(&rules, &two, arena, &verdict);
	is_text(describe(&verdict.decision), "quarantine quarantine", "two From fields, one fails");
	rules.reject_bad_from = true;
	decide(&rules, &two, arena, &verdict);
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

static void test_replies(void)
{
	struct verdict verdict;
	struct smtp_reply reply;

	set_dmarc(&verdict, "example.com", AUTH_FAIL, J, false);
	verdict.decision.action = ACTION_REJECT;
	decide_reply(&verdict, arena, &reply);
	is_text(reply.code, "550", "reject: code");
	is_text(reply.enhanced, "5.7.1", "reject: enhanced code");
	is_text(reply.text, "Email rejected per DMARC policy for example.com",
		"reject: text of section 7.2");
	verdict.decision.bad_from = true;
	decide_reply(&verdict, arena, &reply);
	ok(strcmp(reply.code, "550") == 0 && strstr(reply.text, "From") != NULL, "bad From: %s",
	   reply.text);
	verdict.decision.bad_from = false;
	verdict.decision.action = ACTION_TEMPFAIL;
	decide_reply(&verdict, arena, &reply);
	is_text(reply.code, "451", "tempfail: code");
	is_text(reply.enhanced, "4.7.1", "tempfail: enhanced code");
	ok(strstr(reply.text, "example.com") != NULL, "tempfail: text");
	verdict.dmarc.author_domain = "a\r\nQUIT\xff.example";
	decide_reply(&verdict, arena, &reply);
	ok(fits_smtp(reply.text), "nothing breaks the line: %s", reply.text);
	verdict.decision.action = ACTION_REJECT;
	decide_reply(&verdict, arena, &reply);
	ok(fits_smtp(reply.text), "in no reply");
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_actions();
	test_temperror();
	test_bad_from();
	test_bad_from_that_fails();
	test_replies();
	arena_free(arena);
	return tap_done();
}
