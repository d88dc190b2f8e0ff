/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/audit/seen.h"

#include "admin/inbox/stored.h"
#include "lib/clock.h"
#include "report/sources/gather.h"
#include "store/ledger.h"

enum { SEEN_DAYS = 90 };

static void take_uses(struct admin *admin, const struct selector_use *uses,
		      struct audit_settings *settings)
{
	struct audit_seen *seen;
	unsigned count = 0;

	for (const struct selector_use *use = uses; use != NULL; use = use->next)
		count++;
	seen = arena_array(admin->arena, count + 1, sizeof *seen);
	settings->seen = seen;
	for (; uses != NULL; uses = uses->next)
		seen[settings->seen_count++] = (struct audit_seen){.domain = uses->domain,
								   .selector = uses->selector,
								   .messages = uses->passed,
								   .last_day = uses->last_day};
}

void seen_load(struct admin *admin, const char *domain, struct audit_settings *settings)
{
	int32_t from = clock_day(settings->now) - SEEN_DAYS;
	struct ledger_settings ledger;
	struct selector_use *uses = NULL;
	struct sql *sql = NULL;
	struct why why = {""};

	if (inbox_settings(admin, &ledger, &why) != ADMIN_DONE)
		return;
	ledger.read_only = true;
	sql = sqlite_sql(&ledger, &why);
	if (sql == NULL ||
	    gather_selectors(sql, domain, from, NULL, admin->arena, &uses, &why) != 0)
		admin_verbose(admin, "no selectors of received reports: %s", why.text);
	else
		take_uses(admin, uses, settings);
	sql_close(sql);
}
