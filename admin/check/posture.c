/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/check/posture.h"

#include <string.h>

#include "audit/audit.h"
#include "lib/clock.h"
#include "tls/tlsrpt.h"

struct posture {
	struct arena *arena;
	posture_take *take;
	void *arg;
};

static void tell_record(const struct posture *posture, const char *kind,
			const struct audit_answer *answer, unsigned i, const char *fault)
{
	const struct dns_record *data = &answer->records[i];
	const struct posture_record record = {
	    .kind = kind,
	    .name = answer->name,
	    .type = dns_type_text(answer->type),
	    .value = answer->type == DNS_TYPE_TXT
			 ? arena_copy(posture->arena, data->text, data->length)
			 : audit_record_text(posture->arena, answer->type, data),
	    .fault = fault};

	posture->take(posture->arg, &record);
}

static void tell_all(const struct posture *posture, const char *kind,
		     const struct audit_answer *answer)
{
	for (unsigned i = 0; i < answer->count; i++)
		tell_record(posture, kind, answer, i, NULL);
}

/* Those of a TXT answer that IS takes for its own. */
static void tell_text(const struct posture *posture, const char *kind,
		      const struct audit_answer *answer, bool (*is)(struct span text),
		      const char *fault)
{
	for (unsigned i = 0; i < answer->count; i++) {
		if (is(span_make(answer->records[i].text, answer->records[i].length)))
			tell_record(posture, kind, answer, i, fault);
	}
}

static const char *several_fault(unsigned count, const char *fault)
{
	return count > 1 ? "there are several: none counts" : fault;
}

/* Reports tell of faults before mail is lost; nothing else changes by the record. */
static void propose_reports(const struct posture *posture, const struct audit_facts *facts)
{
	const struct audit_tls *tls = &facts->tls;
	const struct posture_record record = {
	    .kind = "tlsrpt",
	    .name = tls->rpt.name,
	    .type = "TXT",
	    .value = arena_printf(posture->arena, "v=TLSRPTv1; rua=mailto:tls-reports@%s",
				  facts->domain),
	    .proposed = true};

	if (tls->rpt_count == 0 && tls->rpt.status != DNS_TEMPFAIL && facts->mail.host_count > 0)
		posture->take(posture->arg, &record);
}

static void tell_posture(const struct posture *posture, const struct audit_facts *facts)
{
	const struct audit_tls *tls = &facts->tls;

	tell_all(posture, "mx", &facts->mail.mx);
	for (unsigned i = 0; i < facts->mail.host_count; i++)
		tell_all(posture, "tlsa", &facts->mail.hosts[i].tlsa);
	tell_text(posture, "mta-sts", &tls->sts, sts_record_is,
		  several_fault(tls->sts_count, tls->sts_fault));
	tell_text(posture, "tlsrpt", &tls->rpt, tlsrpt_record_is,
		  several_fault(tls->rpt_count, tls->rpt_fault));
	propose_reports(posture, facts);
	tell_text(posture, "bimi", &tls->bimi, bimi_record_is,
		  several_fault(tls->bimi_count, tls->bimi_fault));
	for (unsigned i = 0; i < AUDIT_SERVICES; i++)
		tell_all(posture, "srv", &facts->services[i].srv);
}

void posture_each(const struct evaluate *evaluate, const char *domain, posture_take *take,
		  void *arg)
{
	const struct audit_settings settings = {.dmarc = &evaluate->context->check.dmarc,
						.budget = (unsigned)evaluate->conf->audit.budget,
						.timeout = evaluate->conf->dns.timeout,
						.now = clock_wall()};
	const struct posture posture = {evaluate->admin->arena, take, arg};

	tell_posture(&posture,
		     audit_look(&settings, evaluate->dns, evaluate->admin->arena, domain));
}
