/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/discover.h"

#include <string.h>

#include "tls/sts.h"

static struct dns_lookup *start_lookup(struct dns_scope *scope, struct arena *arena,
				       const char *domain)
{
	return dns_start(scope, arena_printf(arena, "_mta-sts.%s", domain), DNS_TYPE_TXT);
}

void sts_discover_start(struct dns_scope *scope, struct arena *arena, const char *domain)
{
	(void)start_lookup(scope, arena, domain);
}

/* Records that do not begin with "v=STSv1;" are discarded; of the rest there must be one. */
static unsigned select_record(const struct dns_answer *answer, struct span *record)
{
	unsigned count = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		struct span text = span_make(answer->records[i].text, answer->records[i].length);

		if (!sts_record_is(text))
			continue;
		*record = text;
		count++;
	}
	return count;
}

void sts_discover(struct dns_scope *scope, struct arena *arena, const char *domain,
		  struct sts_discovery *found)
{
	const struct dns_answer *answer = dns_wait(start_lookup(scope, arena, domain));
	struct span record = span_of("");
	struct why why = {""};
	unsigned count = select_record(answer, &record);

	*found = (struct sts_discovery){.state = STS_ABSENT, .ttl = answer->ttl};
	if (answer->status == DNS_TEMPFAIL) {
		found->state = STS_UNKNOWN;
		found->reason = arena_printf(arena, "_mta-sts.%s: %s", domain, answer->reason);
		return;
	}
	if (count != 1) {
		found->reason = arena_printf(arena, "_mta-sts.%s has %s MTA-STS record", domain,
					     count == 0 ? "no" : "more than one");
		return;
	}
	found->id = sts_record_parse(arena, record, &why);
	if (found->id != NULL)
		found->state = STS_ANNOUNCED;
	else
		found->reason = arena_printf(arena, "the record at _mta-sts.%s is not valid: %s",
					     domain, why.text);
}
