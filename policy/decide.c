/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of authority: observe; then a From field that cannot be judged; then the operator's
 * trusted forwarders and lists; then the first line of the matrix that matches; then `enforce`.
 * What the domain owner asks for is the input, what the operator makes of it the output, and each
 * step between the two leaves its override for the report.
 *
 * For temperror the same function answers "what would have happened if the message had failed?"
 */
#include "policy/decide.h"

#include <assert.h>
#include <string.h>

#include "mail/domain.h"

static void add_override(struct decision *decision, enum override_type type, const char *comment)
{
	assert(decision->override_count < OVERRIDES_MAX);
	decision->overrides[decision->override_count++] = (struct override){type, comment};
}

/* What a decision is made from. */
struct judging {
	const struct decide_rules *rules;
	const struct decide_facts *facts;
	const struct verdict *verdict;
	const struct dmarc_verdict *dmarc;
	enum auth_result dkim; /* of all signatures together: pass, temperror, fail, none */
	struct trust trust;
	struct arena *arena;
};

static enum auth_result all_signatures(const struct verdict *verdict)
{
	enum auth_result result = verdict->dkim_count == 0 ? AUTH_NONE : AUTH_FAIL;

	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		if (verdict->dkim[i].result == AUTH_PASS)
			return AUTH_PASS;
		if (verdict->dkim[i].result == AUTH_TEMPERROR)
			result = AUTH_TEMPERROR;
	}
	return result;
}

/* A line for recipients is for messages to them alone: what is done is done to all copies. */
static bool recipients_match(const struct decide_rule *rule, const struct decide_facts *facts)
{
	if (rule->recipient.domain == NULL)
		return true;
	for (unsigned i = 0; i < facts->recipient_count; i++)
		if (!domain_pattern_matches(&rule->recipient, facts->recipients[i]))
			return false;
	return facts->recipient_count > 0 && !facts->recipients_unknown;
}

enum match { MATCH_NO, MATCH_UNSURE, MATCH_YES };

static enum match result_matches(int wanted, enum auth_result result)
{
	if (wanted < 0 || wanted == (int)result)
		return MATCH_YES;
	return result == AUTH_TEMPERROR ? MATCH_UNSURE : MATCH_NO;
}

static enum match match_rule(const struct judging *j, const struct decide_rule *rule,
			     enum dmarc_policy policy)
{
	enum match spf, dkim;

	if ((rule->published >= 0 && rule->published != (int)policy) ||
	    !domain_pattern_matches(&rule->domain, j->dmarc->author_domain) ||
	    !recipients_match(rule, j->facts))
		return MATCH_NO;
	spf = result_matches(rule->spf, j->verdict->spf.result);
	dkim = result_matches(rule->dkim, j->dkim);
	return spf < dkim ? spf : dkim;
}

static const struct decide_rule *first_match(const struct judging *j, enum dmarc_policy policy)
{
	for (unsigned i = 0; i < j->rules->matrix_count; i++)
		if (match_rule(j, &j->rules->matrix[i], policy) == MATCH_YES)
			return &j->rules->matrix[i];
	return NULL;
}

/* RFC 9989 section 4.7, t=y: one level below the policy that is published. */
static enum dmarc_policy one_below(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

/* The policy with t=y taken into account. */
static enum dmarc_policy asked_for(const struct judging *j, enum dmarc_policy policy)
{
	bool testing = j->dmarc->published != NULL && j->dmarc->published->testing;

	return testing ? one_below(policy) : policy;
}

static void observe_policy(enum dmarc_policy asked, struct decision *out)
{
	out->disposition = DMARC_POLICY_NONE;
	out->why = "enforcement is off (observe)";
	if (asked != DMARC_POLICY_NONE)
		add_override(out, OVERRIDE_LOCAL_POLICY, out->why);
}

/* What is not what the domain owner asked for has its reason. */
static void settle_disposition(enum dmarc_policy disposition, enum dmarc_policy policy,
			       enum override_type type, const char *comment, struct decision *out)
{
	out->disposition = disposition;
	if (disposition != policy)
		add_override(out, type, comment);
}

/* What a line comes to; PUBLISHED is what it comes to when it leaves that to the domain owner. */
static enum dmarc_policy rule_outcome(const struct decide_rule *rule, enum dmarc_policy published)
{
	const enum dmarc_policy outcomes[] = {
	    [RULE_PUBLISHED] = published,
	    [RULE_ACCEPT] = DMARC_POLICY_NONE,
	    [RULE_QUARANTINE] = DMARC_POLICY_QUARANTINE,
	    [RULE_REJECT] = DMARC_POLICY_REJECT,
	};

	return outcomes[rule->action];
}

static void follow_rule(const struct decide_rule *rule, enum dmarc_policy policy,
			struct arena *arena, struct decision *out)
{
	out->why = arena_printf(arena, "local rule for %s", rule->text);
	settle_disposition(rule_outcome(rule, policy), policy, OVERRIDE_LOCAL_POLICY, out->why,
			   out);
}

static void follow_trust(const struct trust *trust, enum dmarc_policy policy, struct decision *out)
{
	out->why = trust->why;
	settle_disposition(DMARC_POLICY_NONE, policy, trust->type, trust->rule, out);
}

/* ASKED: POLICY, or one below it when TESTING. */
static void follow_owner(const struct dmarc_verdict *dmarc, enum dmarc_policy policy,
			 enum dmarc_policy asked, bool strict, struct arena *arena,
			 struct decision *out)
{
	const char *tag = dmarc->policy_tag == NULL ? "p" : dmarc->policy_tag;

	out->disposition = asked;
	out->why = arena_printf(arena, "%s=%s%s", tag, dmarc_policy_text(policy),
				asked != policy ? " with t=y (RFC 9989 section 4.7)" : "");
	if (asked == DMARC_POLICY_REJECT && !strict) {
		out->disposition = DMARC_POLICY_QUARANTINE;
		out->why = arena_printf(arena,
					"%s=reject alone is handled as quarantine "
					"(RFC 9989 section 7.4)",
					tag);
		add_override(out, OVERRIDE_LOCAL_POLICY, out->why);
	}
}

/* What is done with a message that fails under POLICY: OUT's disposition, overrides and why. */
static void apply_policy(const struct judging *j, enum dmarc_policy policy, struct decision *out)
{
	const struct decide_rule *rule;
	enum dmarc_policy asked = asked_for(j, policy);
	enum enforce enforce = j->rules->enforce;

	assert(policy <= DMARC_POLICY_REJECT);
	memset(out, 0, sizeof *out);
	if (enforce != ENFORCE_OBSERVE && j->trust.answer == TRUST_YES) {
		follow_trust(&j->trust, policy, out);
		return;
	}
	rule = first_match(j, policy);
	if (enforce != ENFORCE_OBSERVE && rule != NULL && rule->action != RULE_PUBLISHED) {
		follow_rule(rule, policy, j->arena, out);
		return;
	}
	if (asked != policy)
		add_override(out, OVERRIDE_POLICY_TEST_MODE, NULL);
	if (enforce == ENFORCE_OBSERVE)
		observe_policy(asked, out);
	else
		follow_owner(j->dmarc, policy, asked, rule != NULL || enforce == ENFORCE_STRICT,
			     j->arena, out);
}

static enum action action_for(enum dmarc_policy disposition)
{
	switch (disposition) {
	case DMARC_POLICY_NONE:
		break;
	case DMARC_POLICY_QUARANTINE:
		return ACTION_QUARANTINE;
	case DMARC_POLICY_REJECT:
		return ACTION_REJECT;
	}
	return ACTION_ACCEPT;
}

/* A line before the first that matches which DNS did not say to match, where that would lead to
 * something else than DISPOSITION. */
static const struct decide_rule *other_line(const struct judging *j, enum dmarc_policy policy,
					    enum dmarc_policy disposition)
{
	enum dmarc_policy asked = asked_for(j, policy);

	for (unsigned i = 0; i < j->rules->matrix_count; i++) {
		const struct decide_rule *rule = &j->rules->matrix[i];
		enum match match = match_rule(j, rule, policy);

		if (match == MATCH_YES)
			break;
		if (match == MATCH_UNSURE && rule_outcome(rule, asked) != disposition)
			return rule;
	}
	return NULL;
}

/* After apply_policy() came to DISPOSITION: what else could have been decided, had DNS answered.
 * NULL: nothing that matters. */
static const char *could_be(const struct judging *j, enum dmarc_policy policy,
			    enum dmarc_policy disposition)
{
	const struct decide_rule *rule;

	if (j->rules->enforce == ENFORCE_OBSERVE || j->trust.answer == TRUST_YES)
		return NULL;
	if (j->trust.answer == TRUST_MAYBE && disposition != DMARC_POLICY_NONE)
		return j->trust.why;
	rule = other_line(j, policy, disposition);
	return rule == NULL ? NULL : rule->text;
}

/* For reports to the domain owner, who can do something about it. */
static const char *fault_comment(const struct verdict *verdict)
{
	return verdict->dns_fault.bogus ? "a DNS answer was bogus (DNSSEC)" : "DNS did not answer";
}

static void decide_fail(const struct judging *j, struct decision *out)
{
	const char *other;

	apply_policy(j, j->dmarc->policy, out);
	out->action = action_for(out->disposition);
	other = could_be(j, j->dmarc->policy, out->disposition);
	if (other == NULL || !j->rules->tempfail_on_temperror)
		return;
	memset(out, 0, sizeof *out);
	out->action = ACTION_TEMPFAIL;
	out->why = arena_printf(j->arena, "could be a case of %s, but %s", other,
				fault_comment(j->verdict));
}

/* ---- temperror ---- */

static bool would_harm(const struct judging *j, enum dmarc_policy policy)
{
	struct decision decision;

	apply_policy(j, policy, &decision);
	return decision.disposition != DMARC_POLICY_NONE ||
	       could_be(j, policy, decision.disposition) != NULL;
}

/* Could the answers that are missing have led to quarantine or reject? */
static bool could_suffer(const struct judging *j)
{
	const struct dmarc_verdict *dmarc = j->dmarc;

	if (dmarc->dkim_aligned || dmarc->spf_aligned)
		return false;
	if (dmarc->published != NULL)
		return would_harm(j, dmarc->policy) || would_harm(j, dmarc->worst);
	return would_harm(j, DMARC_POLICY_NONE) || would_harm(j, DMARC_POLICY_QUARANTINE) ||
	       would_harm(j, DMARC_POLICY_REJECT);
}

static void decide_temperror(const struct judging *j, struct decision *out)
{
	bool suffers = could_suffer(j);

	if (suffers && j->rules->tempfail_on_temperror) {
		out->action = ACTION_TEMPFAIL;
		out->why = "dmarc=temperror, and a failure would have been acted on "
			   "(RFC 9989 section 5.3.6)";
		return;
	}
	out->why = suffers ? "no policy is applied on temperror (RFC 9989 section 5.3.6)"
			   : "dmarc=temperror, and no answer could have harmed the message";
	if (j->dmarc->worst != DMARC_POLICY_NONE)
		add_override(out, OVERRIDE_OTHER, fault_comment(j->verdict));
}

/* ---- the From field ---- */

static const char *bad_from(const struct dmarc_author *author, const struct dmarc_verdict *dmarc)
{
	if (author->fields == 0)
		return "there is no From field";
	if (author->fields > 1)
		return "there are several From fields";
	if (author->error != NULL)
		return author->error;
	if (author->domain_count == 0)
		return "From has no author domain";
	return dmarc->incomplete ? "From has too many author domains" : NULL;
}

static void reject_from(const struct verdict *verdict, const char *reason, struct decision *out)
{
	out->action = ACTION_REJECT;
	out->disposition = DMARC_POLICY_REJECT;
	out->bad_from = true;
	out->why = reason;
	if (verdict->dmarc.published != NULL && verdict->dmarc.policy != DMARC_POLICY_REJECT)
		add_override(out, OVERRIDE_LOCAL_POLICY, reason);
}

/* A bounce may be from "MAILER-DAEMON" (RFC 3464, RFC 5321 section 4.5.5); a policy against a
 * domain that can be seen in it is applied all the same. A From that is hidden or incomplete shows
 * others than those. */
static bool is_excused_bounce(const struct judging *j)
{
	const struct dmarc_author *author = j->facts->author;

	return j->verdict->mail_from != NULL && j->verdict->mail_from[0] == '\0' &&
	       author->fields <= 1 && !author->hidden && !author->incomplete &&
	       !j->dmarc->incomplete;
}

/* True when a bad From decides. */
static bool decide_bad_from(const struct judging *j, struct decision *out)
{
	const char *reason = bad_from(j->facts->author, j->dmarc);

	if (reason == NULL || !j->rules->reject_bad_from || j->rules->enforce == ENFORCE_OBSERVE ||
	    j->trust.answer == TRUST_YES || is_excused_bounce(j))
		return false;
	if (j->trust.answer == TRUST_MAYBE && j->rules->tempfail_on_temperror) {
		out->action = ACTION_TEMPFAIL;
		out->why = j->trust.why;
		return true;
	}
	reject_from(j->verdict, reason, out);
	return true;
}

/* Asked only for what can suffer: most mail passes. */
static void look_for_trust(struct judging *j, const struct verdict *verdict)
{
	enum auth_result result = verdict->dmarc.result;

	if (j->rules->enforce != ENFORCE_OBSERVE &&
	    (result == AUTH_FAIL || result == AUTH_TEMPERROR ||
	     bad_from(j->facts->author, j->dmarc) != NULL))
		trust_find(&j->rules->trust, verdict, j->facts->list_ids, j->facts->list_id_count,
			   j->arena, &j->trust);
}

void decide(const struct decide_rules *rules, const struct decide_facts *facts, struct arena *arena,
	    struct verdict *verdict)
{
	struct judging j = {.rules = rules,
			    .facts = facts,
			    .verdict = verdict,
			    .dmarc = &verdict->dmarc,
			    .dkim = all_signatures(verdict),
			    .arena = arena};
	struct decision *out = &verdict->decision;

	memset(out, 0, sizeof *out);
	look_for_trust(&j, verdict);
	if (decide_bad_from(&j, out))
		return;
	if (j.dmarc->result == AUTH_FAIL)
		decide_fail(&j, out);
	else if (j.dmarc->result == AUTH_TEMPERROR)
		decide_temperror(&j, out);
	else
		out->why = arena_printf(arena, "dmarc=%s", auth_text(j.dmarc->result));
}

/* ---- what the client is told ---- */

/* Printable ASCII only, whatever DOMAIN is. */
static const char *printable_domain(struct arena *arena, const char *domain)
{
	char *copy = arena_string(arena, domain);

	for (char *p = copy; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
	return copy;
}

/* "a DNS answer was bogus (DNSSEC): TXT _dmarc.example.com". The name is cut so that the reply fits
 * into a line (RFC 5321 section 4.5.3.1.5). */
static const char *fault_text(const struct verdict *verdict, struct arena *arena)
{
	enum { NAME_SHOWN = 128 };
	const struct dns_fault *fault = &verdict->dns_fault;
	const char *name = fault->name == NULL ? "" : printable_domain(arena, fault->name);

	if (fault->name == NULL)
		return fault_comment(verdict);
	return arena_printf(arena, "%s: %s %.*s%s", fault_comment(verdict),
			    dns_type_text(fault->type), NAME_SHOWN, name,
			    strlen(name) > NAME_SHOWN ? "..." : "");
}

void decide_reply(const struct verdict *verdict, struct arena *arena, struct smtp_reply *reply)
{
	const char *author = verdict->dmarc.author_domain;
	const char *domain = *author == '\0' ? "this message" : printable_domain(arena, author);

	if (verdict->decision.action == ACTION_TEMPFAIL) {
		*reply = (struct smtp_reply){
		    "451", "4.7.1",
		    arena_printf(arena, "DMARC for %s could not be evaluated: %s; try again later",
				 domain, fault_text(verdict, arena))};
	} else if (verdict->decision.bad_from) {
		*reply = (struct smtp_reply){
		    "550", "5.7.1",
		    "Message rejected: it needs exactly one valid From header field (RFC 5322 "
		    "section 3.6)"};
	} else {
		*reply = (struct smtp_reply){
		    "550", "5.7.1",
		    arena_printf(arena, "Email rejected per DMARC policy for %s", domain)};
	}
}
