/* SPDX-License-Identifier: BSD-2-Clause */
/* report/tally: what a verdict counts as. */
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "policy/decide.h"
#include "report/json.h"
#include "report/tally.h"
#include "t/lib/tap.h"

enum { RECEIVED = 1732233599 }; /* 2024-11-21T23:59:59Z */

static struct arena *arena;
static struct dmarc_published published;
static struct dkim_verdict signatures[DKIM_VERDICTS_MAX + 20];

static struct dkim_verdict signature(const char *domain, const char *selector,
				     enum auth_result result)
{
	return (struct dkim_verdict){.result = result,
				     .domain = domain,
				     .selector = selector,
				     .algorithm = "rsa-sha256",
				     .signature = "",
				     .why = "because"};
}

/* p=reject, passes by SPF. */
static struct verdict sample(void)
{
	published = (struct dmarc_published){.domain = "example.com",
					     .record = "v=DMARC1; p=reject",
					     .p = DMARC_POLICY_REJECT,
					     .sp = DMARC_POLICY_REJECT,
					     .np = DMARC_POLICY_REJECT,
					     .fo = "0",
					     .rua = "mailto:dmarc@example.com"};
	return (struct verdict){
	    .client = {.family = 4, .bytes = {192, 0, 2, 1}},
	    .helo = "mx.example.com",
	    .mail_from = "bob@Bounce.Example.COM",
	    .spf = {.result = AUTH_PASS,
		    .scope = SPF_SCOPE_MFROM,
		    .domain = "bounce.example.com",
		    .why = "x"},
	    .dkim = signatures,
	    .dmarc = {.result = AUTH_PASS,
		      .author_domain = "example.com",
		      .org_domain = "example.com",
		      .published = &published,
		      .policy = DMARC_POLICY_REJECT,
		      .policy_tag = "p",
		      .spf_aligned = true,
		      .why = "x"},
	    .decision = {.action = ACTION_ACCEPT, .why = "x"},
	};
}

static struct ledger_row row_of(const struct verdict *verdict)
{
	struct ledger_row row;

	memset(&row, 0x55, sizeof row);
	if (!tally_row(verdict, "recipient.example", RECEIVED, arena, &row))
		ok(false, "counted");
	return row;
}

static void test_row(void)
{
	struct verdict verdict = sample();
	struct ledger_row row = row_of(&verdict);

	is_int(row.day, 20048, "the day, one second before midnight UTC");
	is_int(row.count, 1, "one message");
	is_text(row.policy.domain, "example.com", "policy domain");
	is_text(row.policy.p, "reject", "p");
	is_text(row.policy.sp, "reject", "sp");
	is_text(row.policy.adkim, "r", "adkim");
	is_text(row.policy.fo, "0", "fo");
	ok(row.policy.error == NULL, "no error");
	is_text(row.spf_note, "", "nothing to say of a pass");
	published.faults = "_dmarc.example.com: sp= is not valid\x01";
	verdict.spf.result = AUTH_FAIL;
	row = row_of(&verdict);
	is_text(row.policy.error, "_dmarc.example.com: sp= is not valid\xef\xbf\xbd",
		"error, clean");
	is_text(row.spf_note, "x", "why SPF failed");
	verdict = sample();
	row = row_of(&verdict);
	is_text(row.policy.testing, "n", "testing");
	is_text(row.policy.discovery, "treewalk", "discovery_method");
	is_text(row.policy.rua, "mailto:dmarc@example.com", "rua");
	is_text(row.policy.ruf, NULL, "no ruf");
	is_text(row.source_ip, "192.0.2.1", "source_ip");
	is_text(row.disposition, "pass", "disposition");
	is_text(row.dkim_aligned, "fail", "dkim");
	is_text(row.spf_aligned, "pass", "spf");
	is_text(row.reasons, "[]", "no reason");
	is_text(row.header_from, "example.com", "header_from");
	is_text(row.envelope_from, "bounce.example.com", "envelope_from");
	is_text(row.envelope_to, "recipient.example", "envelope_to");
	is_text(row.dkim, "[]", "no signature");
	is_text(row.spf_domain, "bounce.example.com", "SPF's domain");
	is_text(row.spf_result, "pass", "SPF's result");
	ok(tally_row(&verdict, NULL, RECEIVED + 1, arena, &row) && row.day == 20049,
	   "the next day");
	is_text(row.envelope_to, "", "recipients of several domains");
}

static void test_not_counted(void)
{
	struct verdict verdict = sample();
	struct ledger_row row;

	verdict.dmarc.published = NULL;
	ok(!tally_row(&verdict, NULL, RECEIVED, arena, &row), "no policy record");
	verdict = sample();
	verdict.client.family = 0;
	ok(!tally_row(&verdict, NULL, RECEIVED, arena, &row), "no address");
	verdict = sample();
	verdict.decision.action = ACTION_TEMPFAIL;
	ok(!tally_row(&verdict, NULL, RECEIVED, arena, &row), "deferred: it will come again");
}

#define LOCAL "[{\"type\":\"local_policy\"}]"

/* Neither aligned unless the result is pass. */
static const struct {
	const char *name;
	enum auth_result result;
	enum dmarc_policy policy;
	bool testing;
	enum dmarc_policy applied;
	const char *disposition, *reasons;
} dispositions[] = {
    {"pass, p=none", AUTH_PASS, DMARC_POLICY_NONE, false, DMARC_POLICY_NONE, "none", "[]"},
    {"pass, p=quarantine", AUTH_PASS, DMARC_POLICY_QUARANTINE, false, DMARC_POLICY_NONE, "pass",
     "[]"},
    {"pass, t=y", AUTH_PASS, DMARC_POLICY_REJECT, true, DMARC_POLICY_NONE, "pass", "[]"},
    {"fail, p=none", AUTH_FAIL, DMARC_POLICY_NONE, false, DMARC_POLICY_NONE, "none", "[]"},
    {"fail, rejected", AUTH_FAIL, DMARC_POLICY_REJECT, false, DMARC_POLICY_REJECT, "reject", "[]"},
    {"fail, quarantined", AUTH_FAIL, DMARC_POLICY_QUARANTINE, false, DMARC_POLICY_QUARANTINE,
     "quarantine", "[]"},
    {"fail, not applied, no reason given", AUTH_FAIL, DMARC_POLICY_REJECT, false, DMARC_POLICY_NONE,
     "none", LOCAL},
    {"fail, reject where none was asked", AUTH_FAIL, DMARC_POLICY_NONE, false, DMARC_POLICY_REJECT,
     "reject", LOCAL},
    {"fail, t=y", AUTH_FAIL, DMARC_POLICY_REJECT, true, DMARC_POLICY_QUARANTINE, "quarantine",
     "[{\"type\":\"policy_test_mode\"}]"},
    {"temperror", AUTH_TEMPERROR, DMARC_POLICY_REJECT, false, DMARC_POLICY_NONE, "none",
     "[{\"type\":\"other\",\"comment\":\"temporary error in DNS: no policy was applied\"}]"},
    {"temperror, p=none", AUTH_TEMPERROR, DMARC_POLICY_NONE, false, DMARC_POLICY_NONE, "none",
     "[]"},
};

static void test_dispositions(void)
{
	for (unsigned i = 0; i < sizeof dispositions / sizeof dispositions[0]; i++) {
		struct verdict verdict = sample();
		struct ledger_row row;

		verdict.dmarc.result = dispositions[i].result;
		verdict.dmarc.policy = dispositions[i].policy;
		verdict.dmarc.spf_aligned = dispositions[i].result == AUTH_PASS;
		verdict.decision.disposition = dispositions[i].applied;
		published.testing = dispositions[i].testing;
		row = row_of(&verdict);
		is_text(row.disposition, dispositions[i].disposition, "%s", dispositions[i].name);
		is_text(row.reasons, dispositions[i].reasons, "%s: reason", dispositions[i].name);
	}
}

static void test_overrides(void)
{
	struct verdict verdict = sample();
	char longest[3000];

	verdict.dmarc.result = AUTH_FAIL;
	verdict.dmarc.spf_aligned = false;
	verdict.decision.overrides[0] =
	    (struct override){OVERRIDE_MAILING_LIST, "list \"x\" \x01\xff"};
	verdict.decision.overrides[1] = (struct override){OVERRIDE_TRUSTED_FORWARDER, NULL};
	verdict.decision.override_count = 2;
	is_text(
	    row_of(&verdict).reasons,
	    "[{\"type\":\"mailing_list\",\"comment\":\"list \\\"x\\\" \xef\xbf\xbd\xef\xbf\xbd\"},"
	    "{\"type\":\"trusted_forwarder\"}]",
	    "the decision's reasons, made clean");
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	verdict.decision.overrides[0].comment = longest;
	ok(strlen(row_of(&verdict).reasons) < 600, "a long comment is cut");
}

/* ---- each reason that the decision can give, as the report will have it ---- */

#define REASON(type, comment) "[{\"type\":\"" type "\",\"comment\":\"" comment "\"}]"

/* by: what passed although nothing is aligned: f the forwarder's signature, l the list's. */
static const struct {
	const char *name;
	enum enforce enforce;
	enum auth_result result;
	enum dmarc_policy policy;
	bool testing;
	char by;
	const char *author, *disposition, *reasons;
} deviations[] = {
    {"as asked", ENFORCE_STRICT, AUTH_FAIL, DMARC_POLICY_REJECT, false, '-', "a.example", "reject",
     "[]"},
    {"nothing asked", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_NONE, false, '-', "a.example", "none",
     "[]"},
    {"nothing asked, by a forwarder", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_NONE, false, 'f',
     "a.example", "none", "[]"},
    {"a pass by a forwarder", ENFORCE_STRICT, AUTH_PASS, DMARC_POLICY_REJECT, false, 'f',
     "a.example", "pass", "[]"},
    {"local_policy: observed", ENFORCE_OBSERVE, AUTH_FAIL, DMARC_POLICY_REJECT, false, 'f',
     "a.example", "none", REASON("local_policy", "enforcement is off (observe)")},
    {"local_policy: section 7.4", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_REJECT, false, '-',
     "a.example", "quarantine",
     REASON("local_policy", "p=reject alone is handled as quarantine (RFC 9989 section 7.4)")},
    {"local_policy: milder", ENFORCE_STRICT, AUTH_FAIL, DMARC_POLICY_REJECT, false, '-',
     "friend.example", "none", REASON("local_policy", "local rule for friend.example")},
    {"local_policy: stricter", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_NONE, false, '-',
     "bank.example", "reject", REASON("local_policy", "local rule for bank.example")},
    {"a rule that does what is asked", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_REJECT, false, '-',
     "bank.example", "reject", "[]"},
    {"trusted_forwarder", ENFORCE_STRICT, AUTH_FAIL, DMARC_POLICY_REJECT, false, 'f', "a.example",
     "none", REASON("trusted_forwarder", "trusted forwarder fwd.example")},
    {"trusted_forwarder, t=y", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_QUARANTINE, true, 'f',
     "a.example", "none", REASON("trusted_forwarder", "trusted forwarder fwd.example")},
    {"mailing_list", ENFORCE_RFC, AUTH_FAIL, DMARC_POLICY_QUARANTINE, false, 'l', "bank.example",
     "none", REASON("mailing_list", "mailing list lists.example")},
    {"policy_test_mode", ENFORCE_STRICT, AUTH_FAIL, DMARC_POLICY_REJECT, true, '-', "a.example",
     "quarantine", "[{\"type\":\"policy_test_mode\"}]"},
    {"policy_test_mode and local_policy", ENFORCE_OBSERVE, AUTH_FAIL, DMARC_POLICY_REJECT, true,
     '-', "a.example", "none",
     "[{\"type\":\"policy_test_mode\"},{\"type\":\"local_policy\","
     "\"comment\":\"enforcement is off (observe)\"}]"},
    {"other", ENFORCE_STRICT, AUTH_TEMPERROR, DMARC_POLICY_REJECT, false, '-', "a.example", "none",
     REASON("other", "DNS did not answer")},
};

static void set_rules(struct decide_rules *rules, struct decide_rule *matrix,
		      struct peer *forwarder, struct peer *list)
{
	matrix[0] = (struct decide_rule){.text = "friend.example",
					 .domain = {"friend.example", false},
					 .published = -1,
					 .spf = -1,
					 .dkim = -1,
					 .action = RULE_ACCEPT};
	matrix[1] = (struct decide_rule){.text = "bank.example",
					 .domain = {"bank.example", false},
					 .published = -1,
					 .spf = -1,
					 .dkim = -1,
					 .action = RULE_REJECT};
	peer_parse(arena, span_of("fwd.example"), forwarder, NULL);
	peer_parse_domain(arena, span_of("lists.example"), list, NULL);
	*rules = (struct decide_rules){
	    .matrix = matrix, .matrix_count = 2, .trust = {forwarder, 1, list, 1}};
}

static void test_deviations(void)
{
	static const char *const ids[] = {"dev.lists.example"};
	static const struct dmarc_author author = {.fields = 1, .domain_count = 1};
	struct decide_facts facts = {.author = &author, .list_ids = ids, .list_id_count = 1};
	struct peer forwarder, list;
	struct decide_rule matrix[2];
	struct decide_rules rules;

	set_rules(&rules, matrix, &forwarder, &list);
	for (unsigned i = 0; i < sizeof deviations / sizeof deviations[0]; i++) {
		struct verdict verdict = sample();
		struct ledger_row row;

		signatures[0] =
		    signature("fwd.example", "s", deviations[i].by == 'f' ? AUTH_PASS : AUTH_FAIL);
		signatures[1] = signature("lists.example", "s",
					  deviations[i].by == 'l' ? AUTH_PASS : AUTH_FAIL);
		verdict.dkim_count = 2;
		verdict.spf.result = AUTH_FAIL;
		verdict.dmarc.author_domain = deviations[i].author;
		verdict.dmarc.result = deviations[i].result;
		verdict.dmarc.policy = verdict.dmarc.worst = deviations[i].policy;
		verdict.dmarc.spf_aligned = deviations[i].result == AUTH_PASS;
		published.testing = deviations[i].testing;
		rules.enforce = deviations[i].enforce;
		decide(&rules, &facts, arena, &verdict);
		row = row_of(&verdict);
		is_text(row.disposition, deviations[i].disposition, "%s", deviations[i].name);
		is_text(row.reasons, deviations[i].reasons, "%s: reasons", deviations[i].name);
		is_text(row.dkim_aligned, "fail", "%s: what is trusted is not aligned for that",
			deviations[i].name);
	}
}

static void test_signature_order(void)
{
	struct verdict verdict = sample();
	struct ledger_row row;

	signatures[0] = signature("other.example", "s9", AUTH_PASS);
	signatures[1] = signature("example.com", "old", AUTH_FAIL);
	signatures[2] = signature("mail.example.com", "s2", AUTH_PASS);
	signatures[3] = signature("example.com", "s1", AUTH_PASS);
	signatures[4] = signature("", "s1", AUTH_PERMERROR);
	signatures[5] = signature("example.com", "", AUTH_PERMERROR);
	signatures[6] = signature("another.example", "s0", AUTH_SOFTFAIL);
	verdict.dkim_count = 7;
	row = row_of(&verdict);
	is_text(row.dkim,
		"[{\"domain\":\"example.com\",\"selector\":\"s1\",\"result\":\"pass\"},"
		"{\"domain\":\"mail.example.com\",\"selector\":\"s2\",\"result\":\"pass\"},"
		"{\"domain\":\"other.example\",\"selector\":\"s9\",\"result\":\"pass\"},"
		"{\"domain\":\"example.com\",\"selector\":\"old\",\"result\":\"fail\"},"
		"{\"domain\":\"another.example\",\"selector\":\"s0\",\"result\":\"fail\"}]",
		"strict, relaxed, other, failed and aligned, failed; unreadable ones left out");
	is_text(row.dkim_notes, "[{},{},{},{\"text\":\"because\"},{\"text\":\"because\"}]",
		"a note for those that failed");
	signatures[7] = signatures[0];
	signatures[0] = signatures[3];
	signatures[3] = signatures[7];
	is_text(row_of(&verdict).dkim, row.dkim, "their order in the message does not matter");
	signatures[6].why = "i= is joe@example.com";
	ok(strstr(row_of(&verdict).dkim_notes, "joe") == NULL, "no address in a note");
}

/* How many of 119 failed signatures of DOMAIN are kept, and a good one. */
static unsigned count_kept(const char *domain, const char **dkim)
{
	struct verdict verdict = sample();
	unsigned count = 0;

	for (unsigned i = 0; i < 119; i++)
		signatures[i] = signature(domain, arena_printf(arena, "s%03u", i), AUTH_FAIL);
	signatures[119] = signature("example.com", "good", AUTH_PASS);
	verdict.dkim_count = 120;
	*dkim = row_of(&verdict).dkim;
	for (const char *p = *dkim; (p = strstr(p, "selector")) != NULL; p++)
		count++;
	return count;
}

static void test_many_signatures(void)
{
	const char *dkim;

	is_int(count_kept("mail.example.com", &dkim), 100, "100 signatures at most");
	is_int(count_kept("x.example", &dkim), 4,
	       "three of those that neither passed nor are aligned");
	ok(strncmp(dkim, "[{\"domain\":\"example.com\"", 23) == 0, "the one that matters first");
}

static void test_envelope(void)
{
	struct verdict verdict = sample();
	struct ledger_row row;

	verdict.mail_from = "";
	verdict.spf.domain = "mx.example.com";
	row = row_of(&verdict);
	is_text(row.envelope_from, "", "the null sender is empty");
	is_text(row.spf_domain, "mx.example.com", "its SPF domain is HELO's");
	verdict = sample();
	verdict.spf.domain = "";
	row = row_of(&verdict);
	is_text(row.spf_domain, "", "SPF had no domain to check");
	is_text(row.envelope_from, "bounce.example.com", "the sender's domain all the same");
	verdict.mail_from = "no domain";
	is_text(row_of(&verdict).envelope_from, "", "no domain at all");
	verdict.spf.scope = SPF_SCOPE_HELO;
	verdict.spf.domain = "mx.example.com";
	is_text(row_of(&verdict).spf_domain, "", "a check of HELO alone is not reported");
}

static void test_policy(void)
{
	struct verdict verdict = sample();
	struct ledger_row row;

	published.sp = DMARC_POLICY_QUARANTINE;
	published.np = DMARC_POLICY_NONE;
	published.adkim_strict = published.aspf_strict = published.testing = true;
	published.discovery = DMARC_PSL;
	published.fo = "1:d:s";
	published.rua = NULL;
	row = row_of(&verdict);
	is_text(row.policy.sp, "quarantine", "sp");
	is_text(row.policy.np, "none", "np");
	is_text(row.policy.adkim, "s", "adkim");
	is_text(row.policy.aspf, "s", "aspf");
	is_text(row.policy.testing, "y", "testing");
	is_text(row.policy.discovery, "psl", "discovery_method");
	is_text(row.policy.fo, "1:d:s", "fo");
	is_text(row.policy.rua, NULL, "no rua");
}

static void test_address(void)
{
	struct verdict verdict = sample();

	verdict.client = (struct ip){.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	is_text(row_of(&verdict).source_ip, "2001:db8::1", "an IPv6 source");
	verdict.dmarc.author_domain = "sub.example.com\n<x>";
	is_text(row_of(&verdict).header_from, "sub.example.com\n<x>", "a name is handed on");
	verdict.dmarc.author_domain = "\xc3";
	is_text(row_of(&verdict).header_from, "\xef\xbf\xbd", "as clean text");
}

/* What is written reads the same, and jansson writes it the same. */
static void test_json(void)
{
	static const char *const texts[] = {"", "plain", "\"\\/\b\f\n\r\t", "\x01\x1f\x7f",
					    "\xc3\x96"};
	struct arena *own = arena_new(0);
	struct json_writer writer;
	struct json_list *list;
	const char *text;

	json_write_begin(&writer, own);
	is_text(json_write_end(&writer), "[]", "an empty list");
	json_write_begin(&writer, own);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_write_object(&writer);
		json_write_member(&writer, "a", texts[i]);
		json_write_member(&writer, "none", NULL);
		json_write_member(&writer, "b", "x");
	}
	json_write_object(&writer);
	text = json_write_end(&writer);
	list = json_list_parse(own, text);
	is_int(json_list_count(list), 6, "a list of objects: %s", text);
	is_text(json_list_text(list), text, "is written as jansson does");
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
		is_text(json_list_get(list, i, "a"), texts[i], "text %u", i);
	is_text(json_list_get(list, 0, "none"), NULL, "NULL is left out");
	arena_free(own);
}

int main(void)
{
	arena = arena_new(0);
	test_row();
	test_not_counted();
	test_dispositions();
	test_overrides();
	test_deviations();
	test_signature_order();
	test_many_signatures();
	test_envelope();
	test_policy();
	test_address();
	arena_free(arena);
	test_json();
	return tap_done();
}
