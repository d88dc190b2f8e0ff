/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bimi/gate.h"

#include "mail/taglist.h"
#include "policy/dmarc/treewalk.h"

/* RFC 7489 section 6.3; RFC 9989 has no pct=, so only the text has it. */
static bool is_for_all_mail(const char *text)
{
	const struct tag *pct;
	struct taglist list;
	struct why why;

	if (taglist_parse(&list, span_of(text), &why) == -1)
		return false;
	pct = taglist_find(&list, "pct");
	return pct == NULL || span_eq(pct->value, "100");
}

/* Why the policy that a record states does not protect its domain; or NULL. */
static const char *find_weakness(const struct dmarc_record *record)
{
	if (!record->usable)
		return "is not valid";
	if (record->p == DMARC_POLICY_NONE)
		return "has p=none";
	if (record->sp == DMARC_POLICY_NONE)
		return "has sp=none";
	if (record->testing)
		return "is for tests only, t=y";
	if (record->p == DMARC_POLICY_QUARANTINE && !is_for_all_mail(record->text))
		return "is not for all mail, pct=";
	return NULL;
}

enum bimi_gate bimi_gate_check(struct dns_scope *scope, const struct dmarc_rules *rules,
			       struct arena *arena, const char *domain, const char **why)
{
	struct treewalk walk = {.scope = scope,
				.arena = arena,
				.psd_domains = rules->psd_domains,
				.psd_count = rules->psd_count};
	const struct treewalk_name *at = treewalk_look(&walk, domain);
	const char *weakness;

	*why = NULL;
	if (at->status == DNS_TEMPFAIL) {
		*why = arena_printf(arena, "_dmarc.%s: %s", domain, at->fault);
		return BIMI_GATE_UNKNOWN;
	}
	weakness = at->record == NULL ? "does not exist" : find_weakness(at->record);
	if (weakness == NULL)
		return BIMI_GATE_OPEN;
	*why = arena_printf(arena, "the DMARC record of %s %s", domain, weakness);
	return at->record == NULL && at->fault == NULL ? BIMI_GATE_ABSENT : BIMI_GATE_CLOSED;
}
