/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/lease.h"

#include <assert.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/sql/shared.h"

#define ROW "name = 'sender'"

static void set_holder(struct lease *lease)
{
	struct utsname system = {.nodename = "?"};
	unsigned char id[8] = {0};

	(void)uname(&system);
	if (getentropy(id, sizeof id) != 0) /* then the process id must do */
		id[0] = 0;
	snprintf(lease->holder, sizeof lease->holder, "%.100s process %ld %02x%02x%02x%02x%02x%02x",
		 system.nodename, (long)getpid(), id[0], id[1], id[2], id[3], id[4], id[5]);
}

/* 1: another process has it. May be done twice, because the holder is unique. */
static int take_lease(void *arg, struct sql *sql, struct why *why)
{
	struct lease *lease = arg;
	int64_t taken;

	if (sql_run(sql, why,
		    "INSERT INTO lease (name, holder, term, until) VALUES ('sender', '', 0, 0)"
		    " ON CONFLICT (name) DO NOTHING",
		    SQL_NO_VALUES) != 0)
		return -1;
	taken = sql_do(sql, why,
		       "UPDATE lease SET holder = $1, term = term + 1, until = " SHARED_NOW
		       " + $2 WHERE " ROW " AND (until <= " SHARED_NOW " OR holder = $1)",
		       SQL_VALUES(sql_text(lease->holder), sql_int(lease->seconds)));
	if (taken <= 0)
		return taken < 0 ? -1 : 1;
	return sql_number(sql, &lease->term, why, "SELECT term FROM lease WHERE " ROW,
			  SQL_NO_VALUES) == 0
		   ? 0
		   : -1;
}

static int say_who(struct sql *sql, struct why *why)
{
	struct sql_rows *rows = sql_ask(
	    sql, "SELECT holder, until - " SHARED_NOW " FROM lease WHERE " ROW, SQL_NO_VALUES);
	struct arena *arena;

	if (sql_next(rows, why) != 1)
		return -1;
	arena = arena_new(0);
	why_set(why,
		"another process is sending reports (%s, for at least %lld seconds): try again"
		" later",
		sql_text_at(rows, 0, arena), (long long)sql_int_at(rows, 1));
	arena_free(arena);
	sql_drop(rows);
	return 1;
}

int lease_take(struct lease *lease, int64_t seconds, struct sql *sql, struct why *why)
{
	int result;

	assert(seconds > 0 && lease->term == 0);
	lease->seconds = seconds;
	set_holder(lease);
	result = sql_transact(sql, take_lease, lease, why);
	if (result == 0)
		lease->renewed = clock_mono();
	else
		lease->term = 0;
	return result == 1 ? say_who(sql, why) : result;
}

int lease_hold(struct lease *lease, struct sql *sql, struct why *why)
{
	int64_t held = sql_do(
	    sql, why,
	    "UPDATE lease SET until = " SHARED_NOW " + $3 WHERE " ROW
	    " AND holder = $1 AND term = $2",
	    SQL_VALUES(sql_text(lease->holder), sql_int(lease->term), sql_int(lease->seconds)));

	if (held == 1)
		lease->renewed = clock_mono();
	if (held != 0)
		return held < 0 ? -1 : 0;
	sql->fault = DRIVER_BROKEN;
	return why_set(why, "another host has taken over sending: this one was silent for too"
			    " long");
}

static int hold_lease(void *arg, struct sql *sql, struct why *why)
{
	return lease_hold(arg, sql, why);
}

int lease_keep(struct lease *lease, struct sql *sql, struct why *why)
{
	if (lease->term == 0 || clock_mono() < lease->renewed + lease->seconds * CLOCK_SECOND / 3)
		return 0;
	return sql_transact(sql, hold_lease, lease, why);
}

static int release_lease(void *arg, struct sql *sql, struct why *why)
{
	const struct lease *lease = arg;

	return sql_run(sql, why,
		       "UPDATE lease SET until = 0 WHERE " ROW " AND holder = $1 AND term = $2",
		       SQL_VALUES(sql_text(lease->holder), sql_int(lease->term)));
}

void lease_drop(struct lease *lease, struct sql *sql)
{
	struct why unheard = {""};

	if (lease->term != 0)
		(void)sql_transact(sql, release_lease, lease, &unheard);
	lease->term = 0;
}
