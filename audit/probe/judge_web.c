/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about the MTA-STS policy and the files of the mark. A host that could not be reached at all
 * is not known to be wrong: the way there may be ours.
 */
#include "audit/probe/visit.h"

enum { DAY = 86400, WEEK = 7 * DAY };

/* True: DOCUMENT came. */
static bool judge_document(struct judge *judge, const struct probe_document *document,
			   enum audit_rule rule)
{
	if (document->url == NULL)
		return false;
	if (document->outcome == FETCH_DONE)
		return true;
	if (document->reached)
		judge_find(judge, rule, document->url, "%s: %s", document->url, document->fault);
	else
		judge_find_as(judge, rule, AUDIT_SKIP, document->url, "not known: %s: %s",
			      document->url, document->fault);
	return false;
}

/* ---- MTA-STS ---- */

static void judge_values(struct judge *judge, const struct sts_policy *policy)
{
	const char *domain = judge->facts->domain;

	if (policy->mode != STS_ENFORCE)
		judge_find(judge, AUDIT_STS_MODE, domain, "mode %s",
			   name_text(sts_mode_names, (int)policy->mode));
	if (policy->mode == STS_NONE)
		return;
	if (policy->max_age < WEEK)
		judge_find_as(judge, AUDIT_STS_AGE, policy->max_age < DAY ? AUDIT_WARN : AUDIT_INFO,
			      domain, "max_age %u: senders forget the policy after %u %s",
			      policy->max_age,
			      policy->max_age < DAY ? policy->max_age : policy->max_age / DAY,
			      policy->max_age < DAY ? "seconds" : "days");
}

static void judge_hosts(struct judge *judge, const struct sts_policy *policy)
{
	const struct audit_mail *mail = &judge->facts->mail;

	for (unsigned i = 0; i < mail->host_count; i++) {
		const char *host = mail->hosts[i].name;

		if (!sts_policy_allows(policy, host))
			judge_find_as(judge, AUDIT_STS_MX,
				      policy->mode == STS_ENFORCE ? AUDIT_ERROR : AUDIT_WARN, host,
				      "%s matches no mx line: add \"mx: %s\" to the policy, then "
				      "change the id",
				      host, host);
	}
}

static void judge_patterns(struct judge *judge, const struct sts_policy *policy)
{
	const struct audit_mail *mail = &judge->facts->mail;

	if (mail->host_count == 0 || mail->host_count == AUDIT_HOSTS_MAX)
		return;
	for (unsigned i = 0; i < policy->count; i++) {
		struct sts_policy one = {.count = 1, .patterns = {policy->patterns[i]}};
		bool used = false;

		for (unsigned h = 0; h < mail->host_count; h++)
			used |= sts_policy_allows(&one, mail->hosts[h].name);
		if (!used)
			judge_find(judge, AUDIT_STS_PATTERN, policy->patterns[i],
				   "no MX host matches \"mx: %s\"", policy->patterns[i]);
	}
}

static void judge_policy(struct judge *judge, const struct probe_policy *found)
{
	if (!judge_document(judge, &found->document, AUDIT_STS_POLICY))
		return;
	judge_values(judge, &found->policy);
	if (found->policy.mode == STS_NONE)
		return;
	judge_hosts(judge, &found->policy);
	judge_patterns(judge, &found->policy);
}

/* ---- BIMI ---- */

static void judge_mark(struct judge *judge, const struct probe_mark *mark, enum audit_rule rule)
{
	const struct bimi_findings *findings = mark->findings;

	if (!judge_document(judge, &mark->document, AUDIT_BIMI_UNFETCHABLE))
		return;
	for (unsigned i = 0; i < findings->count; i++) {
		const struct bimi_finding *finding = &findings->items[i];
		enum bimi_weight weight = bimi_rule_weight(finding->rule);

		judge_find_as(judge, rule,
			      weight == BIMI_FAULT    ? AUDIT_ERROR
			      : weight == BIMI_ADVICE ? AUDIT_INFO
						      : AUDIT_SKIP,
			      mark->document.url, "%s%s: %s; %s",
			      weight == BIMI_UNCHECKED ? "not known: " : "",
			      bimi_rule_name(finding->rule), finding->text,
			      bimi_rule_remedy(finding->rule));
	}
}

void visit_judge_web(struct judge *judge)
{
	const struct probe_facts *facts = &judge->facts->probe;

	judge_policy(judge, &facts->policy);
	judge_mark(judge, &facts->logo, AUDIT_BIMI_LOGO);
	judge_mark(judge, &facts->certificate, AUDIT_BIMI_CERTIFICATE);
	(void)judge_document(judge, &facts->autoconfig, AUDIT_CLIENT_AUTOCONFIG);
}
