/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/result/verdict.h"

#include <assert.h>
#include <stddef.h>

const struct name_code auth_result_names[] = {
    {"none", AUTH_NONE},           {"pass", AUTH_PASS},           {"fail", AUTH_FAIL},
    {"softfail", AUTH_SOFTFAIL},   {"neutral", AUTH_NEUTRAL},     {"policy", AUTH_POLICY},
    {"temperror", AUTH_TEMPERROR}, {"permerror", AUTH_PERMERROR}, {NULL, 0},
};

const char *auth_text(enum auth_result result)
{
	return name_text(auth_result_names, (int)result);
}

const char *spf_scope_text(enum spf_scope scope)
{
	return scope == SPF_SCOPE_HELO ? "helo" : "mfrom";
}

const struct name_code dmarc_policy_names[] = {
    {"none", DMARC_POLICY_NONE},
    {"quarantine", DMARC_POLICY_QUARANTINE},
    {"reject", DMARC_POLICY_REJECT},
    {NULL, 0},
};

const char *dmarc_policy_text(enum dmarc_policy policy)
{
	return name_text(dmarc_policy_names, (int)policy);
}

const struct name_code bimi_result_names[] = {
    {"none", BIMI_NONE}, {"declined", BIMI_DECLINED},   {"skipped", BIMI_SKIPPED},
    {"fail", BIMI_FAIL}, {"temperror", BIMI_TEMPERROR}, {"pass", BIMI_PASS},
    {NULL, 0},
};

const char *bimi_text(enum bimi_result result)
{
	return name_text(bimi_result_names, (int)result);
}

const struct name_code override_names[] = {
    {"local_policy", OVERRIDE_LOCAL_POLICY},
    {"mailing_list", OVERRIDE_MAILING_LIST},
    {"other", OVERRIDE_OTHER},
    {"policy_test_mode", OVERRIDE_POLICY_TEST_MODE},
    {"trusted_forwarder", OVERRIDE_TRUSTED_FORWARDER},
    {NULL, 0},
};

const struct name_code action_names[] = {
    {"accept", ACTION_ACCEPT},
    {"quarantine", ACTION_QUARANTINE},
    {"reject", ACTION_REJECT},
    {"tempfail", ACTION_TEMPFAIL},
    {NULL, 0},
};

void verdict_disagree(struct verdict *verdict, const char *text)
{
	assert(verdict->disagreement_count <= DISAGREEMENTS_MAX);
	if (text != NULL && verdict->disagreement_count < DISAGREEMENTS_MAX)
		verdict->disagreements[verdict->disagreement_count++] = text;
}

const char *verdict_fault(const struct verdict *verdict)
{
	if (verdict->client.family == 0 && verdict->dns_fault.name == NULL)
		return "the address of the client is not known";
	return verdict->dns_fault.bogus ? "a DNS answer was bogus (DNSSEC)" : "DNS did not answer";
}
