/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics/count.h"

#include <stdatomic.h>

#include "metrics/counters.h"

static unsigned published_of(const struct dmarc_verdict *dmarc)
{
	static const enum count_policy of[] = {
	    [DMARC_POLICY_NONE] = COUNT_POLICY_NONE,
	    [DMARC_POLICY_QUARANTINE] = COUNT_POLICY_QUARANTINE,
	    [DMARC_POLICY_REJECT] = COUNT_POLICY_REJECT,
	};

	return dmarc->published == NULL ? COUNT_POLICY_ABSENT : of[dmarc->policy];
}

static void count_spf(const struct spf_verdict *spf)
{
	counters_count(METRIC_SPF_RESULTS, spf->result, spf->scope, 0);
}

static void count_dkim(const struct verdict *verdict)
{
	static const struct name_code algs[] = {{"rsa-sha256", DKIMSIG_RSA_SHA256},
						{"ed25519-sha256", DKIMSIG_ED25519_SHA256},
						{"rsa-sha1", DKIMSIG_RSA_SHA1},
						{NULL, 0}};

	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];
		int alg = name_code(algs, span_of(dkim->algorithm), DKIMSIG_UNKNOWN);

		counters_count(METRIC_DKIM_SIGNATURES, dkim->result, (unsigned)alg, 0);
	}
}

static void count_disagreements(const struct verdict *verdict)
{
	if (verdict->spf_disagrees)
		counters_count(METRIC_DISAGREEMENTS, COUNT_ENGINE_SPF, 0, 0);
	if (verdict->dkim_disagrees)
		counters_count(METRIC_DISAGREEMENTS, COUNT_ENGINE_DKIM, 0, 0);
}

void count_inbound(enum origin origin, const struct verdict *verdict, enum action action,
		   int64_t nanoseconds)
{
	const struct dmarc_verdict *dmarc = &verdict->dmarc;
	const struct decision *decision = &verdict->decision;

	counters_count(METRIC_MESSAGES, origin, action, 0);
	counters_time(METRIC_MESSAGE_SECONDS, 0, nanoseconds);
	counters_count(METRIC_IPREV_RESULTS, verdict->iprev.result, 0, 0);
	count_spf(&verdict->spf);
	count_spf(&verdict->spf_helo);
	count_dkim(verdict);
	counters_count(METRIC_ARC_RESULTS, verdict->arc.result, 0, 0);
	counters_count(METRIC_DMARC_RESULTS, dmarc->result, published_of(dmarc),
		       decision->disposition);
	for (unsigned i = 0; i < decision->override_count; i++)
		counters_count(METRIC_DMARC_OVERRIDES, decision->overrides[i].type, 0, 0);
	if (verdict->bimi.evaluated)
		counters_count(METRIC_BIMI_RESULTS, verdict->bimi.result, 0, 0);
	count_disagreements(verdict);
}

void count_outbound(enum origin origin, const struct outbound_result *result, enum action action,
		    int64_t nanoseconds)
{
	counters_count(METRIC_MESSAGES, origin, action, 0);
	counters_time(METRIC_MESSAGE_SECONDS, 0, nanoseconds);
	for (unsigned i = 0; i < result->field_count; i++)
		counters_signed(result->made[i].domain, result->made[i].type);
	if (result->field_count == 0)
		counters_count(METRIC_DKIM_UNSIGNED, result->reason, 0, 0);
}

void count_skipped(enum origin origin, enum action action, int64_t nanoseconds)
{
	counters_count(METRIC_MESSAGES, origin, action, 0);
	counters_time(METRIC_MESSAGE_SECONDS, 0, nanoseconds);
}

static atomic_ullong answered;

uint64_t count_answered(void)
{
	return atomic_load_explicit(&answered, memory_order_relaxed);
}

/* The order of the label's values in counters.c. */
void count_query(enum dns_type type, enum dns_status status, int64_t nanoseconds)
{
	static const enum dns_type places[] = {DNS_TYPE_A, DNS_TYPE_PTR, DNS_TYPE_MX, DNS_TYPE_TXT,
					       DNS_TYPE_AAAA};
	unsigned place = 0;

	while (place + 1 < sizeof places / sizeof places[0] && places[place] != type)
		place++;
	if (status != DNS_TEMPFAIL)
		atomic_fetch_add_explicit(&answered, 1, memory_order_relaxed);
	counters_count(METRIC_DNS_QUERIES, place, status, 0);
	counters_time(METRIC_DNS_SECONDS, place, nanoseconds);
}
