/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deliberate faults, one switched on at a time: a function of the product that does less than it
 * promises, or a world that lies. The simulation must find each of them.
 */
#include "t/sim/breaks.h"

#include <stdio.h>
#include <string.h>

#include "store/journal.h"
#include "store/outbox.h"
#include "store/queue.h"
#include "store/ship/reconcile.h"
#include "t/sim/world.h"

static const char *const breaks[][2] = {
    {"sync-does-nothing", "a disk that does not synchronize"},
    {"flock-lies", "locks of files that do not exclude"},
    {"sqlite-locks-lie", "locks of SQLite's that do not exclude"},
    {"rollback-commits", "a server that commits what is rolled back"},
    {"add-lies", "a journal that says it has a record and has not"},
    {"number-lies", "a ledger that does not note how much of a journal it has"},
    {"reconcile-skipped", "a store that went back, unnoticed"},
    {"mark-skipped", "the outcome of a delivery that is not stored"},
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

WRAP(int, ship_reconcile, struct ship *ship, struct why *why)
{
	return process_is_broken("reconcile-skipped")
		   ? ship_spool_read(ship->local, &ship->spool, why)
		   : __real_ship_reconcile(ship, why);
}

WRAP(int, outbox_settle, struct outbox *outbox, const struct outbox_delivery *delivery,
     struct why *why)
{
	return process_is_broken("mark-skipped") ? 1 : __real_outbox_settle(outbox, delivery, why);
}
