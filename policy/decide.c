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

static enum match aligned_matches(enum rule_aligned wanted, const struct dmarc_verdict *dmarc)
{
	bool unsure = dmarc->dkim_unsure || dmarc->spf_unsure;

	switch (wanted) {
	case RULE_ALIGNED_ANY:
		return MATCH_YES;
	case RULE_ALIGNED_NONE:
		return dmarc->dkim_aligned || dmarc->spf_aligned ? MATCH_NO
		       : unsure                                  ? MATCH_UNSURE
								 : MATCH_YES;
	case RULE_ALIGNED_SPF:
		return dmarc->dkim_aligned || !(dmarc->spf_aligned || dmarc->spf_unsure) ? MATCH_NO
		       : unsure ? MATCH_UNSURE
				: MATCH_YES;
	}
	return MATCH_NO;
}

static enum match least_match(enum match a, enum match b)
{
	return a < b ? a : b;
}

/* POLICY: an enum dmarc_policy, or RULE_ABSENT, for which a line must be meant. */
static enum match match_rule(const struct judging *j, const struct decide_rule *rule, int policy)
{
	enum match results;

	if ((rule->published >= 0 ? rule->published != policy : policy == RULE_ABSENT) ||
	    !domain_pattern_matches(&rule->domain, j->dmarc->author_domain) ||
	    !recipients_match(rule, j->facts))
		return MATCH_NO;
	results = least_match(result_matches(rule->spf, j->verdict->spf.result),
			      result_matches(rule->dkim, j->dkim));
	return least_match(results, aligned_matches(rule->aligned, j->dmarc));
}

static const struct decide_rule *first_match(const struct judging *j, int policy)
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
 * something else than DISPOSITION. ASKED: what the domain owner asks for. */
static const struct decide_rule *other_line(const struct judging *j, int policy,
					    enum dmarc_policy asked, enum dmarc_policy disposition)
{
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
static const char *could_be(const struct judging *j, int policy, enum dmarc_policy asked,
			    enum dmarc_policy disposition)
{
	const struct decide_rule *rule;

	if (j->rules->enforce == ENFORCE_OBSERVE || j->trust.answer == TRUST_YES)
		return NULL;
	if (j->trust.answer == TRUST_MAYBE && disposition != DMARC_POLICY_NONE)
		return j->trust.why;
	rule = other_line(j, policy, asked, disposition);
	return rule == NULL ? NULL : rule->text;
}

/* True when DNS did not answer what could have led to something else, and the MTA is to ask again.
 */
static bool defer_unsure(const struct judging *j, int policy, enum dmarc_policy asked,
			 struct decision *out)
{
	const char *other = could_be(j, policy, asked, out->disposition);

	if (other == NULL || !j->rules->tempfail_on_temperror)
		return false;
	memset(out, 0, sizeof *out);
	out->action = ACTION_TEMPFAIL;
	out->why = arena_printf(j->arena, "could be a case of %s, but %s", other,
				verdict_fault(j->verdict));
	return true;
}

static void decide_fail(const struct judging *j, struct decision *out)
{
	enum dmarc_policy policy = j->dmarc->policy;

	apply_policy(j, policy, out);
	out->action = action_for(out->disposition);
	defer_unsure(j, (int)policy, asked_for(j, policy), out);
}

/* ---- temperror ---- */

static bool would_harm(const struct judging *j, enum dmarc_policy policy)
{
	struct decision decision;

	apply_policy(j, policy, &decision);
	return decision.disposition != DMARC_POLICY_NONE ||
	       could_be(j, (int)policy, asked_for(j, policy), decision.disposition) != NULL;
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
		add_override(out, OVERRIDE_OTHER, verdict_fault(j->verdict));
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

/* Is there no record, so that DMARC says nothing? */
static bool is_absent(const struct dmarc_verdict *dmarc)
{
	return dmarc->result == AUTH_NONE && dmarc->published == NULL;
}

static bool refuses_absent(const struct decide_rules *rules)
{
	bool refuses =
	    rules->spf_reject != SPF_REJECT_NEVER || rules->helo_reject != SPF_REJECT_NEVER;

	for (unsigned i = 0; i < rules->matrix_count && !refuses; i++)
		refuses = rules->matrix[i].published == RULE_ABSENT;
	return refuses;
}

/* Does a message that passes do so by SPF alone, where a line of the matrix is for that? */
static bool lacks_dkim(const struct judging *j)
{
	return j->rules->requires_dkim && !j->dmarc->dkim_aligned;
}

/* Asked only for what can suffer: most mail passes. */
static void look_for_trust(struct judging *j, const struct verdict *verdict)
{
	enum auth_result result = verdict->dmarc.result;

	if (j->rules->enforce != ENFORCE_OBSERVE &&
	    (result == AUTH_FAIL || result == AUTH_TEMPERROR ||
	     (is_absent(&verdict->dmarc) && refuses_absent(j->rules)) ||
	     (result == AUTH_PASS && lacks_dkim(j)) ||
	     bad_from(j->facts->author, j->dmarc) != NULL))
		trust_find(&j->rules->trust, verdict, j->facts->list_ids, j->facts->list_id_count,
			   j->arena, &j->trust);
}

/* ---- no DMARC record ---- */

/* RFC 7372 section 3: SPF failed, no signature passes (for the author's domain), or both. */
static const char *status_of(const struct decide_rule *rule)
{
	bool spf = rule->spf >= 0, dkim = rule->dkim >= 0;

	if (rule->aligned == RULE_ALIGNED_SPF)
		return "5.7.22";
	if (rule->aligned == RULE_ALIGNED_NONE)
		return "5.7.26";
	if (spf && dkim)
		return "5.7.26";
	if (spf)
		return rule->spf == AUTH_FAIL ? "5.7.23" : "5.7.1";
	return dkim ? "5.7.20" : "5.7.1";
}

static void follow_absent_rule(const struct judging *j, const struct decide_rule *rule,
			       struct decision *out)
{
	out->why = arena_printf(j->arena, "local rule for %s without a DMARC record", rule->text);
	out->disposition = rule_outcome(rule, DMARC_POLICY_NONE);
	out->action = action_for(out->disposition);
	out->status = status_of(rule);
}

/* "v=spf1 -all": the domain sends no mail. */
static bool sends_no_mail(const struct spf_verdict *spf)
{
	struct span rest = span_of(spf->record), word;
	bool more = true, version, all;

	version = span_split(&rest, &more, ' ', &word) && span_ieq(word, "v=spf1");
	all = more && span_ieq(span_trim(rest), "-all");
	return version && all;
}

static bool is_refused_by(enum spf_reject reject, const struct spf_verdict *spf)
{
	return spf->result == AUTH_FAIL && (reject == SPF_REJECT_NO_DMARC ||
					    (reject == SPF_REJECT_NOMAIL && sends_no_mail(spf)));
}

static void refuse_by_spf(const struct judging *j, const struct spf_verdict *spf,
			  struct decision *out)
{
	out->action = ACTION_REJECT;
	out->disposition = DMARC_POLICY_REJECT;
	out->status = "5.7.23";
	out->spf = spf;
	out->why = arena_printf(j->arena, "SPF fails for %s %s, which has no DMARC record (%s)",
				spf->scope == SPF_SCOPE_HELO ? "HELO" : "MAIL FROM", spf->domain,
				spf->scope == SPF_SCOPE_HELO ? "spf.helo_reject" : "spf.reject");
}

/* Of a decision to harm the message, which an answer that DNS did not give could have averted. */
static void spare_unsure(const struct judging *j, const char *other, struct decision *out)
{
	memset(out, 0, sizeof *out);
	out->action = j->rules->tempfail_on_temperror ? ACTION_TEMPFAIL : ACTION_ACCEPT;
	out->why = arena_printf(j->arena, "could be a case of %s, but %s", other,
				verdict_fault(j->verdict));
}

static void decide_absent(const struct judging *j, struct decision *out)
{
	const struct verdict *verdict = j->verdict;
	const struct decide_rule *rule = first_match(j, RULE_ABSENT);

	out->why = arena_printf(j->arena, "dmarc=%s", auth_text(j->dmarc->result));
	if (j->rules->enforce == ENFORCE_OBSERVE)
		return;
	if (j->trust.answer == TRUST_YES) {
		out->why = j->trust.why;
		return;
	}
	if (rule != NULL)
		follow_absent_rule(j, rule, out);
	if (defer_unsure(j, RULE_ABSENT, DMARC_POLICY_NONE, out) || rule != NULL)
		return;
	if (j->dkim == AUTH_PASS)
		return;
	if (is_refused_by(j->rules->spf_reject, &verdict->spf))
		refuse_by_spf(j, &verdict->spf, out);
	else if (is_refused_by(j->rules->helo_reject, &verdict->spf_helo))
		refuse_by_spf(j, &verdict->spf_helo, out);
	if (out->action == ACTION_REJECT && j->dkim == AUTH_TEMPERROR)
		spare_unsure(j, "a signature that passes", out);
}

/* ---- DMARC passes ---- */

/* The first line that is for a message that passes by SPF alone, or that accepts it. Other lines
 * are about mail that fails. */
static const struct decide_rule *line_for_pass(const struct judging *j, enum match *match)
{
	for (unsigned i = 0; i < j->rules->matrix_count; i++) {
		const struct decide_rule *rule = &j->rules->matrix[i];

		*match = match_rule(j, rule, (int)j->dmarc->policy);
		if (*match != MATCH_NO &&
		    (rule->aligned == RULE_ALIGNED_SPF || rule->action == RULE_ACCEPT))
			return rule;
	}
	return NULL;
}

static void decide_pass(const struct judging *j, struct decision *out)
{
	const struct decide_rule *rule;
	enum match match;

	out->why = "dmarc=pass";
	if (!lacks_dkim(j) || j->rules->enforce == ENFORCE_OBSERVE || j->trust.answer == TRUST_YES)
		return;
	rule = line_for_pass(j, &match);
	if (rule == NULL || rule_outcome(rule, DMARC_POLICY_NONE) == DMARC_POLICY_NONE)
		return;
	follow_rule(rule, DMARC_POLICY_NONE, j->arena, out);
	out->action = action_for(out->disposition);
	out->status = status_of(rule);
	if (match == MATCH_UNSURE || j->trust.answer == TRUST_MAYBE)
		spare_unsure(j, rule->text, out);
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
	else if (is_absent(j.dmarc))
		decide_absent(&j, out);
	else if (j.dmarc->result == AUTH_PASS)
		decide_pass(&j, out);
	else
		out->why = arena_printf(arena, "dmarc=%s", auth_text(j.dmarc->result));
}

/* ---- what was counted ---- */

static bool has_reason(const struct decide_counted *counted, enum override_type type)
{
	const char *name = name_text(override_names, type), *at = counted->reasons;
	size_t length = strlen(name);

	while (at != NULL && (at = strstr(at, name)) != NULL) {
		if (at > counted->reasons && at[-1] == '"' && at[length] == '"')
			return true;
		at += length;
	}
	return false;
}

/* sp for what is below the domain that published (RFC 9989 section 4.10.1); whether the author's
 * domain exists, so that np counts, is not kept. */
enum dmarc_policy decide_strict(const struct decide_counted *counted)
{
	const char *tag = counted->below && counted->sp != NULL ? counted->sp : counted->p;
	enum dmarc_policy policy = DMARC_POLICY_NONE;

	if (tag != NULL && !counted->passed && !has_reason(counted, OVERRIDE_TRUSTED_FORWARDER) &&
	    !has_reason(counted, OVERRIDE_MAILING_LIST))
		policy = (enum dmarc_policy)name_code(dmarc_policy_names, span_of(tag),
						      DMARC_POLICY_NONE);
	return counted->testing != NULL && strcmp(counted->testing, "y") == 0 ? one_below(policy)
									      : policy;
}
