/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deliberate faults, one switched on at a time: a function of the product that does less than it
 * promises, or a world that lies. The simulation must find each of them.
 */
#include "t/sim/breaks.h"

#include <stdio.h>
#include <string.h>

#include "store/journal.h"
#include "store/lease.h"
#include "store/outbox.h"
#include "store/queue.h"
#include "store/ship/batch.h"
#include "store/ship/reconcile.h"
#include "t/sim/world.h"

static const char *const breaks[][2] = {
    {"sync-does-nothing", "a disk that does not synchronize"},
    {"flock-lies", "locks of files that do not exclude"},
    {"sqlite-locks-lie", "locks of SQLite's that do not exclude"},
    {"rollback-commits", "a server that commits what is rolled back"},
    {"add-lies", "a journal that says it has a record and has not"},
    {"number-lies", "a ledger that does not note how much of a journal it has"},
    {"damage-unsaid", "a damaged journal that is not told"},
    {"apply-skipped", "a batch that is not sent, but forgotten"},
    {"reconcile-skipped", "a store that went back, unnoticed"},
    {"close-skipped", "a report whose rows still change"},
    {"mark-skipped", "the outcome of a delivery that is not stored"},
    {"lease-ignored", "a sender that does not mind another"},
};

int breaks_list(void)
{
	for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++)
		printf("%s\t%s\n", breaks[i][0], breaks[i][1]);
	return 0;
}

#define WRAP(result, name, ...)                                                                    \
	result __real_##name(__VA_ARGS__);                                                         \
	result __wrap_##name(__VA_ARGS__);                                                         \
	result __wrap_##name(__VA_ARGS__)

WRAP(uint64_t, journal_add, struct journal *journal, char *record, size_t len, struct why *why)
{
	static uint64_t number;

	return process_is_broken("add-lies") && world_below(20) == 0
		   ? UINT64_MAX / 2 + ++number
		   : __real_journal_add(journal, record, len, why);
}

WRAP(uint64_t, queue_group_number, const struct queue_group *group)
{
	uint64_t number = __real_queue_group_number(group);

	return process_is_broken("number-lies") && number > 1 ? number - 1 : number;
}

WRAP(void, journal_examine, struct journal *journal, uint64_t number, struct journal_damage *damage)
{
	__real_journal_examine(journal, number, damage);
	if (process_is_broken("damage-unsaid"))
		memset(damage, 0, sizeof *damage);
}

WRAP(int, ship_batch_apply, struct ship *ship, int64_t sequence, struct why *why)
{
	return process_is_broken("apply-skipped") && world_below(8) == 0
		   ? 0
		   : __real_ship_batch_apply(ship, sequence, why);
}

WRAP(int, ship_reconcile, struct ship *ship, struct why *why)
{
	return process_is_broken("reconcile-skipped")
		   ? ship_spool_read(ship->local, &ship->spool, why)
		   : __real_ship_reconcile(ship, why);
}

WRAP(int, outbox_begin, struct outbox *outbox, const struct ledger_key *key, struct why *why)
{
	return process_is_broken("close-skipped") ? 0 : __real_outbox_begin(outbox, key, why);
}

WRAP(int, outbox_settle, struct outbox *outbox, const struct outbox_delivery *delivery,
     struct why *why)
{
	return process_is_broken("mark-skipped") ? 1 : __real_outbox_settle(outbox, delivery, why);
}

WRAP(int, lease_hold, struct lease *lease, struct sql *sql, struct why *why)
{
	return process_is_broken("lease-ignored") ? 0 : __real_lease_hold(lease, sql, why);
}
