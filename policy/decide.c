/*
 * The order of authority: observe; then a From field that cannot be judged; then the operator's
 * first line that matches; then `enforce`. What the domain owner asks for is the input, what the
 * operator makes of it the output, and each step between the two leaves its override for the
 * report.
 *
 * For temperror the same function answers "what would have happened if the message had failed?"
 */
#include "policy/decide.h"

#include <assert.h>
#include <string.h>

#include "policy/domain.h"

static void override(struct decision *decision, enum override_type type, const char *comment)
{
	assert(decision->override_count < OVERRIDES_MAX);
	decision->overrides[decision->override_count++] = (struct override){type, comment};
}

static bool domain_matches(const char *pattern, const char *domain)
{
	if (strcmp(pattern, "*") == 0)
		return true;
	if (strncmp(pattern, "*.", 2) == 0)
		return domain_within(domain, pattern + 2);
	return domain_equal(domain, pattern);
}

static const struct decide_rule *first_match(const struct decide_rules *rules, const char *domain,
					     enum dmarc_policy policy)
{
	for (unsigned i = 0; i < rules->matrix_count; i++) {
		const struct decide_rule *rule = &rules->matrix[i];

		if ((rule->published < 0 || rule->published == (int)policy) &&
		    domain_matches(rule->domain, domain))
			return rule;
	}
	return NULL;
}

/* RFC 9989 section 4.7, t=y: one level below the policy that is published. */
static enum dmarc_policy one_below(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

static void observe(enum dmarc_policy asked, struct decision *out)
{
	out->disposition = DMARC_POLICY_NONE;
	out->why = "enforcement is off (observe)";
	if (asked != DMARC_POLICY_NONE)
		override(out, OVERRIDE_LOCAL_POLICY, out->why);
}

static void follow_rule(const struct decide_rule *rule, enum dmarc_policy policy,
			struct arena *arena, struct decision *out)
{
	static const enum dmarc_policy actions[] = {
	    [RULE_ACCEPT] = DMARC_POLICY_NONE,
	    [RULE_QUARANTINE] = DMARC_POLICY_QUARANTINE,
	    [RULE_REJECT] = DMARC_POLICY_REJECT,
	};

	out->disposition = actions[rule->action];
	out->why = arena_printf(arena, "local rule for %s", rule->domain);
	if (out->disposition != policy)
		override(out, OVERRIDE_LOCAL_POLICY, out->why);
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
		override(out, OVERRIDE_LOCAL_POLICY, out->why);
	}
}

/* What is done with a message that fails under POLICY: OUT's disposition, overrides and why. */
static void apply(const struct decide_rules *rules, const struct dmarc_verdict *dmarc,
		  enum dmarc_policy policy, struct arena *arena, struct decision *out)
{
	const struct decide_rule *rule = first_match(rules, dmarc->author_domain, policy);
	bool testing = dmarc->published != NULL && dmarc->published->testing;
	enum dmarc_policy asked = testing ? one_below(policy) : policy;

	memset(out, 0, sizeof *out);
	if (rules->enforce != ENFORCE_OBSERVE && rule != NULL && rule->action != RULE_PUBLISHED) {
		follow_rule(rule, policy, arena, out);
		return;
	}
	if (asked != policy)
		override(out, OVERRIDE_POLICY_TEST_MODE, NULL);
	if (rules->enforce == ENFORCE_OBSERVE)
		observe(asked, out);
	else
		follow_owner(dmarc, policy, asked, rule != NULL || rules->enforce == ENFORCE_STRICT,
			     arena, out);
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

/* ---- temperror ---- */

static bool harmful(const struct decide_rules *rules, const struct dmarc_verdict *dmarc,
		    enum dmarc_policy policy, struct arena *arena)
{
	struct decision decision;

	apply(rules, dmarc, policy, arena, &decision);
	return decision.disposition != DMARC_POLICY_NONE;
}

/* Could the answers that are missing have led to quarantine or reject? */
static bool could_suffer(const struct decide_rules *rules, const struct dmarc_verdict *dmarc,
			 struct arena *arena)
{
	if (dmarc->dkim_aligned || dmarc->spf_aligned)
		return false;
	if (dmarc->published != NULL)
		return harmful(rules, dmarc, dmarc->policy, arena) ||
		       harmful(rules, dmarc, dmarc->worst, arena);
	return harmful(rules, dmarc, DMARC_POLICY_NONE, arena) ||
	       harmful(rules, dmarc, DMARC_POLICY_QUARANTINE, arena) ||
	       harmful(rules, dmarc, DMARC_POLICY_REJECT, arena);
}

static void decide_temperror(const struct decide_rules *rules, const struct dmarc_verdict *dmarc,
			     struct arena *arena, struct decision *out)
{
	bool suffers = could_suffer(rules, dmarc, arena);

	if (suffers && rules->tempfail_on_temperror) {
		out->action = ACTION_TEMPFAIL;
		out->why = "dmarc=temperror, and a failure would have been acted on "
			   "(RFC 9989 section 5.3.6)";
		return;
	}
	out->why = suffers ? "no policy is applied on temperror (RFC 9989 section 5.3.6)"
			   : "dmarc=temperror, and no answer could have harmed the message";
	if (dmarc->worst != DMARC_POLICY_NONE)
		override(out, OVERRIDE_OTHER, "DNS did not answer");
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
		override(out, OVERRIDE_LOCAL_POLICY, reason);
}

void decide(const struct decide_rules *rules, const struct dmarc_author *author,
	    struct arena *arena, struct verdict *verdict)
{
	const struct dmarc_verdict *dmarc = &verdict->dmarc;
	const char *reason = bad_from(author, dmarc);
	struct decision *out = &verdict->decision;

	memset(out, 0, sizeof *out);
	if (reason != NULL && rules->reject_bad_from && rules->enforce != ENFORCE_OBSERVE) {
		reject_from(verdict, reason, out);
	} else if (dmarc->result == AUTH_FAIL) {
		apply(rules, dmarc, dmarc->policy, arena, out);
		out->action = action_for(out->disposition);
	} else if (dmarc->result == AUTH_TEMPERROR) {
		decide_temperror(rules, dmarc, arena, out);
	} else {
		out->why = arena_printf(arena, "dmarc=%s", auth_text(dmarc->result));
	}
}

/* ---- what the client is told ---- */

/* Printable ASCII only, whatever DOMAIN is. */
static const char *plain(struct arena *arena, const char *domain)
{
	char *copy = arena_string(arena, domain);

	for (char *p = copy; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
	return copy;
}

void decide_reply(const struct verdict *verdict, struct arena *arena, struct smtp_reply *reply)
{
	const char *domain = plain(arena, verdict->dmarc.author_domain);

	if (verdict->decision.action == ACTION_TEMPFAIL) {
		*reply = (struct smtp_reply){
		    "451", "4.7.1",
		    arena_printf(arena,
				 "DMARC for %s could not be evaluated: DNS did not answer; "
				 "try again later",
				 domain)};
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
