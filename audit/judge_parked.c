/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The profile of a domain that neither sends nor takes mail: four records, which keep others from
 * using its name.
 */
#include <string.h>

#include "audit/judge.h"

static void judge_parked_mx(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;
	const char *domain = judge->facts->domain;

	if (judge_skips(judge, AUDIT_PARKED_MX, &mail->mx) || mail->null)
		return;
	judge_find(judge, AUDIT_PARKED_MX, domain, "%u MX records, of which none is alone and null",
		   mail->mx.count);
	judge_remedy(judge, domain, "MX", "0 .");
}

static void judge_parked_spf(struct judge *judge)
{
	const struct audit_spf *spf = &judge->facts->spf;
	const char *domain = judge->facts->domain;

	if (judge_skips(judge, AUDIT_PARKED_SPF, &spf->txt) ||
	    (spf->record != NULL && strcmp(spf->record, "v=spf1 -all") == 0))
		return;
	judge_find(judge, AUDIT_PARKED_SPF, domain, "%s",
		   spf->record != NULL ? spf->record : "no SPF record that counts");
	judge_remedy(judge, domain, "TXT", "\"v=spf1 -all\"");
}

/* The policy for the domain itself: p= of its own record, sp= of one above it. */
static void judge_parked_dmarc(struct judge *judge)
{
	const struct audit_dmarc *dmarc = &judge->facts->dmarc;
	const char *domain = judge->facts->domain;
	const char *name = arena_printf(judge->arena, "_dmarc.%s", domain);
	enum dmarc_policy policy = DMARC_POLICY_NONE;

	if (dmarc->unknown) {
		judge_find_as(judge, AUDIT_PARKED_DMARC, AUDIT_SKIP, name,
			      "not known: a lookup failed");
		return;
	}
	if (dmarc->record != NULL)
		policy =
		    strcmp(dmarc->found_at, domain) == 0 ? dmarc->record->p : dmarc->record->sp;
	if (policy == DMARC_POLICY_REJECT && !dmarc->record->testing)
		return;
	judge_find(judge, AUDIT_PARKED_DMARC, name, "%s",
		   dmarc->record != NULL ? dmarc->record->text : "no DMARC record that counts");
	judge_remedy(judge, name, "TXT", "\"v=DMARC1; p=reject\"");
}

static void judge_parked_dkim(struct judge *judge)
{
	const struct audit_dkim *dkim = &judge->facts->dkim;
	const char *name = arena_printf(judge->arena, "*._domainkey.%s", judge->facts->domain);

	for (unsigned i = 0; i < dkim->count; i++) {
		if (dkim->keys[i].status.state == KEYSTATE_ACTIVE)
			judge_find(judge, AUDIT_PARKED_DKIM, dkim->keys[i].selector,
				   "the key %s signs for the domain", dkim->keys[i].selector);
	}
	if (judge_skips(judge, AUDIT_PARKED_DKIM, &dkim->wildcard) || dkim->revoked)
		return;
	judge_find_as(judge, AUDIT_PARKED_DKIM, AUDIT_INFO, name,
		      "no empty p= for all selectors, which would end keys that are forgotten");
	judge_remedy(judge, name, "TXT", "\"v=DKIM1; p=\"");
}

void judge_parked(struct judge *judge)
{
	judge_parked_mx(judge);
	judge_parked_spf(judge);
	judge_parked_dmarc(judge);
	judge_parked_dkim(judge);
}
