/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In host_day "stored" is added to by each batch, in its transaction: over all hosts it is what the
 * rows of the day must add up to. The other sums are what the host's ledger says, as of "told".
 */
#include "store/ship/sums.h"

#include "lib/clock.h"
#include "store/ship/balance.h"
#include "store/sql/shared.h"

enum {
	TELL_SECONDS = 3600,
	TELL_ALL_SECONDS = 86400,
	TELL_DAYS = 8 /* later ones change only if a clock was wrong */
};

int ship_sums_add(const struct ship *ship, int64_t sequence, struct sql *sql, struct why *why)
{
	struct sql_rows *rows = sql_ask(ship->local,
					"SELECT day, SUM(messages) FROM batch WHERE sequence = $1"
					" GROUP BY day ORDER BY day",
					SQL_VALUES(sql_int(sequence)));
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		if (sql_run(sql, why,
			    "INSERT INTO host_day (host, day, counted, kept, shipped, stored, told)"
			    " VALUES ($1, $2, 0, 0, 0, $3, 0) ON CONFLICT (host, day) DO UPDATE"
			    " SET stored = host_day.stored + excluded.stored",
			    SQL_VALUES(sql_key(ship->spool.host), sql_int(sql_int_at(rows, 0)),
				       sql_int(sql_int_at(rows, 1)))) == 0)
			continue;
		sql_drop(rows);
		return -1;
	}
	return more;
}

struct telling {
	const struct ship *ship;
	const struct balance *balance;
};

static int tell_days(void *arg, struct sql *sql, struct why *why)
{
	const struct telling *telling = arg;

	for (const struct balance_day *day = telling->balance->days; day != NULL; day = day->next)
		if (sql_run(sql, why,
			    "INSERT INTO host_day (host, day, counted, kept, shipped, stored, told)"
			    " VALUES ($1, $2, $3, $4, $5, 0, " SHARED_NOW ")"
			    " ON CONFLICT (host, day) DO UPDATE SET counted = excluded.counted,"
			    " kept = excluded.kept, shipped = excluded.shipped,"
			    " told = excluded.told",
			    SQL_VALUES(sql_key(telling->ship->spool.host), sql_int(day->day),
				       sql_int(day->counted), sql_int(day->kept),
				       sql_int(day->shipped))) != 0)
			return -1;
	return 0;
}

static bool is_due(int64_t last, int64_t now, int64_t seconds)
{
	return last == 0 || now >= last + seconds * CLOCK_SECOND;
}

int ship_sums_tell(struct ship *ship, int32_t settled, struct why *why)
{
	const int64_t now = clock_mono();
	const bool all = is_due(ship->sums_all_at, now, TELL_ALL_SECONDS);
	struct balance balance = {.from_day = all ? INT32_MIN : settled - TELL_DAYS};
	int result;

	if (!all && settled == ship->sums_through && !is_due(ship->sums_at, now, TELL_SECONDS))
		return 0;
	balance.arena = arena_new(0);
	result = balance_add_file(&balance, ship->local, why);
	if (result == 0)
		result =
		    sql_transact(ship->shared, tell_days, &(struct telling){ship, &balance}, why);
	arena_free(balance.arena);
	if (result != 0)
		return -1;
	ship->sums_at = now;
	ship->sums_through = settled;
	if (all)
		ship->sums_all_at = now;
	return 0;
}

void ship_sums_forget(struct ship *ship)
{
	ship->sums_at = ship->sums_all_at = 0;
}
