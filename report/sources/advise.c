/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy is ready when what it would take from mail that should arrive is not more than a small
 * share: forwarders break signatures now and then on every domain. Quarantine delivers, if to
 * another folder, so it may take more; mailing lists that modify messages do not count against it,
 * but they do count against reject (RFC 9989 section 7.4).
 */
#include "report/sources/advise.h"

#include <inttypes.h>
#include <string.h>

const struct name_code advice_verdict_names[] = {{"ready", ADVICE_READY},
						 {"not yet", ADVICE_NOT_YET},
						 {"not enough data", ADVICE_NO_DATA},
						 {NULL, 0}};
const struct name_code advice_subject_names[] = {{"p=quarantine", ADVICE_QUARANTINE},
						 {"p=reject", ADVICE_REJECT},
						 {"sp=reject", ADVICE_SP},
						 {"adkim=s aspf=s", ADVICE_STRICT},
						 {NULL, 0}};
static const double allowed_share[ADVICE_SUBJECTS] = {
    [ADVICE_QUARANTINE] = 1.0, [ADVICE_REJECT] = 0.1, [ADVICE_SP] = 0.1, [ADVICE_STRICT] = 0.1};

/* The messages that SUBJECT is about. */
static int64_t count_messages(enum advice_subject subject, const struct flow *flow)
{
	return subject == ADVICE_SP ? flow->below.messages : flow->sure.messages;
}

int64_t advice_lost(enum advice_subject subject, const struct flow *flow)
{
	if (!flow_is_legitimate(flow))
		return 0;
	switch (subject) {
	case ADVICE_QUARANTINE:
		return flow->class == SOURCE_MODIFIED || flow->decision == FLOW_FORWARDER
			   ? 0
			   : flow->sure.messages - flow->sure.passed;
	case ADVICE_REJECT:
		return flow->sure.messages - flow->sure.passed;
	case ADVICE_SP:
		return flow->below.messages - flow->below.passed;
	case ADVICE_STRICT:
		return flow->sure.passed - flow->sure.strict;
	case ADVICE_SUBJECTS:
		break;
	}
	return 0;
}

double advice_coverage(const struct coverage *coverage)
{
	double share =
	    coverage->sent == 0 ? 0 : 100.0 * (double)coverage->expected / (double)coverage->sent;

	return share > 100 ? 100 : share;
}

bool advice_has_data(const struct coverage *coverage, const struct advice_needs *needs)
{
	return coverage->days >= needs->days && coverage->reporters >= needs->reporters &&
	       (coverage->sent == 0 || advice_coverage(coverage) >= (double)needs->share);
}

void advice_give(enum advice_subject subject, const struct flow *flows, const char *domain,
		 const struct coverage *coverage, const struct advice_needs *needs,
		 struct advice *advice)
{
	*advice = (struct advice){.allowed = allowed_share[subject]};
	for (const struct flow *flow = flows; flow != NULL; flow = flow->next) {
		if (strcmp(flow->domain, domain) != 0 || !flow_is_legitimate(flow))
			continue;
		advice->legitimate += count_messages(subject, flow);
		advice->lost += advice_lost(subject, flow);
	}
	if (advice->legitimate > 0)
		advice->share = 100.0 * (double)advice->lost / (double)advice->legitimate;
	if (!advice_has_data(coverage, needs) || (advice->legitimate == 0 && subject != ADVICE_SP))
		advice->verdict = ADVICE_NO_DATA;
	else
		advice->verdict = advice->share > advice->allowed ? ADVICE_NOT_YET : ADVICE_READY;
}
