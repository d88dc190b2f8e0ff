/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/reports.h"

#include "policy/dmarc/destination.h"

_Static_assert((int)AUDIT_REPORTS_MAX == (int)DESTINATION_MAX, "each address has its place");

unsigned reports_count(struct span rua)
{
	struct span part;
	unsigned count = 0;
	bool more = true;

	while (span_split(&rua, &more, ',', &part))
		count++;
	return count;
}

static void look_at_report(const struct look *look, const char *policy_domain,
			   struct destination to, struct audit_report *report)
{
	enum look_answer takes = look_takes_mail(look, to.host);
	struct why why = {""};

	*report = (struct audit_report){.address = to.address,
					.host = to.host,
					.reachable = takes == LOOK_YES,
					.authorised = true,
					.unknown = takes == LOOK_UNKNOWN,
					.why = ""};
	if (policy_domain == NULL)
		return;
	switch (destination_check(look->scope, look->settings->dmarc, look->arena, DESTINATION_RUA,
				  policy_domain, &to, &why)) {
	case DESTINATION_YES:
		return;
	case DESTINATION_NO:
		report->authorised = false;
		break;
	case DESTINATION_LATER:
		report->unknown = true;
		break;
	}
	report->why = arena_string(look->arena, why.text);
}

_Static_assert((int)AUDIT_REPORTS_MAX >= (int)DESTINATION_MAX, "there is room for every address");

unsigned reports_look(const struct look *look, const char *rua, const char *policy_domain,
		      struct audit_report list[AUDIT_REPORTS_MAX])
{
	struct destination to[DESTINATION_MAX];
	unsigned count = rua == NULL ? 0 : destination_parse(look->arena, span_of(rua), to);

	for (unsigned i = 0; i < count; i++) {
		look_start(look, to[i].host, DNS_TYPE_MX);
		look_start(look, to[i].host, DNS_TYPE_A);
		look_start(look, to[i].host, DNS_TYPE_AAAA);
	}
	for (unsigned i = 0; i < count; i++)
		look_at_report(look, policy_domain, to[i], &list[i]);
	return count;
}
