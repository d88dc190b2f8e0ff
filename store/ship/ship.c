/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In the file: table unshipped names rows of which more was counted than was put into batches
 * (tally.shipped says how much was); batch holds the one batch that is under way, and those that
 * were shipped not long ago (store/ship/reconcile.h); spool has one row: who this host is, which
 * store it ships to, the number of the last batch and of the last one that was shipped, and through
 * which day everything is shipped once that batch is.
 */
#include "store/ship/ship.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "store/ship/batch.h"
#include "store/ship/inbox.h"
#include "store/ship/join.h"
#include "store/ship/reconcile.h"
#include "store/ship/sums.h"

enum { SIGN_OF_LIFE = 60 }; /* seconds */

static int take_lock(struct ship *ship, const char *path, bool *busy, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *name = arena_printf(arena, "%s-shipper", path);
	int result = 0;

	ship->lock = open(name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (ship->lock < 0)
		result = why_set(why, "%s: %s", name, strerror(errno));
	else if (flock(ship->lock, LOCK_EX | LOCK_NB) != 0) {
		*busy = errno == EWOULDBLOCK;
		result = why_set(why, "%s: %s", name,
				 *busy ? "another process of this host ships" : strerror(errno));
	}
	arena_free(arena);
	return result;
}

static struct sql *open_local(const char *path, struct why *why)
{
	const struct ledger_settings settings = {.path = path, .busy_wait = 5 * CLOCK_SECOND};

	return sqlite_sql(&settings, why);
}

static int open_file(struct ship *ship, struct why *why)
{
	ship->local = open_local(ship->path, why);
	if (ship->local == NULL || ship_reconcile_begin(ship, why) != 0)
		return -1;
	if (stat(ship->path, &ship->file) == 0)
		return 0;
	return why_set(why, "%s: %s", ship->path, strerror(errno));
}

/* An administrator may have moved the ledger away: the milter then uses a new one. */
static int follow_file(struct ship *ship, struct why *why)
{
	struct stat now;

	if (ship->local != NULL && stat(ship->path, &now) == 0 && now.st_ino == ship->file.st_ino &&
	    now.st_dev == ship->file.st_dev)
		return 0;
	sql_close(ship->local);
	sql_close(ship->shared);
	ship->shared = NULL;
	ship->in_step = ship->resends = false;
	return open_file(ship, why);
}

struct ship *ship_open(const struct ship_settings *settings, bool *busy, struct why *why)
{
	struct ship *ship = heap_zero(sizeof *ship);

	ship->path = heap_strdup(settings->path);
	ship->url = heap_strdup(settings->shared);
	ship->name = heap_strdup(settings->name);
	*busy = false;
	ship->lock = -1;
	ship->notice = settings->notice;
	if (open_file(ship, why) == 0 && take_lock(ship, settings->path, busy, why) == 0)
		return ship;
	ship_close(ship);
	return NULL;
}

void ship_close(struct ship *ship)
{
	if (ship == NULL)
		return;
	sql_close(ship->shared);
	sql_close(ship->local);
	if (ship->lock >= 0)
		close(ship->lock);
	free(ship->path);
	free(ship->url);
	free(ship->name);
	free(ship);
}

int ship_pending(struct ship *ship, int64_t *rows, int64_t *batches, struct why *why)
{
	if (sql_number(ship->local, rows, why,
		       "SELECT (SELECT COUNT(*) FROM unshipped) + (SELECT COUNT(*) FROM batch"
		       " WHERE sequence > (SELECT applied FROM spool)) + (SELECT COUNT(*) FROM"
		       " rx_unshipped) + (SELECT COUNT(*) FROM sent"
		       " WHERE shipped <> messages + signatures)",
		       SQL_NO_VALUES) != 0)
		return -1;
	return sql_number(ship->local, batches, why, "SELECT sequence FROM spool", SQL_NO_VALUES) ==
		       0
		   ? 0
		   : -1;
}

static int leave_store(void *arg, struct sql *local, struct why *why)
{
	(void)arg;
	if (sql_run(local, why, "UPDATE spool SET joined = 0", SQL_NO_VALUES) != 0)
		return -1;
	return sql_run(local, why, "DELETE FROM unshipped", SQL_NO_VALUES);
}

int ship_leave(const char *path, struct why *why)
{
	struct sql *local = open_local(path, why);
	struct ship_spool spool = {.joined = false};
	int result = local == NULL ? -1 : ship_spool_read(local, &spool, why);

	if (result == 0 && spool.joined)
		result = sql_transact(local, leave_store, NULL, why);
	sql_close(local);
	return result;
}

/* ---- one step ---- */

static int connect_shared(struct ship *ship, struct why *why)
{
	unsigned char id[SHARED_ID_LEN];

	if (ship_spool_read(ship->local, &ship->spool, why) != 0)
		return -1;
	ship->shared = shared_open(ship->url, SHARED_MIGRATE, false, why);
	if (ship->shared == NULL)
		return -1;
	if (shared_id(ship->shared, id, why) == 0 && ship_join(ship, id, why) == 0 &&
	    ship_reconcile_epoch(ship, why) == 0)
		return 0;
	sql_close(ship->shared);
	ship->shared = NULL;
	return -1;
}

static int say_alive(struct ship *ship, int32_t settled, struct why *why)
{
	int64_t now = clock_mono();

	ship->spool.through = settled;
	if (ship->told_at != 0 && settled == ship->told_through &&
	    now < ship->told_at + SIGN_OF_LIFE * CLOCK_SECOND)
		return 0;
	if (ship_spool_tell(ship, ship->spool.base, 0, 0, ship->shared, why) != 0)
		return -1;
	ship->told_at = now;
	ship->told_through = settled;
	return 0;
}

static int ship_next_batch(struct ship *ship, struct why *why)
{
	int32_t settled = ship_batch_settled();
	int reconciled = ship_reconcile(ship, why), more;
	int64_t rows;

	if (reconciled != 0)
		return reconciled;
	if (ship_batch_fix(ship, &rows, why) != 0)
		return -1;
	if (rows == 0 && say_alive(ship, settled, why) != 0)
		return -1;
	if (rows > 0) {
		if (ship_batch_apply(ship, ship->spool.sequence, why) != 0 ||
		    ship_batch_forget(ship, why) != 0)
			return -1;
		ship->told_at = clock_mono();
	}
	if (rows == SHIP_BATCH_ROWS)
		return 1;
	more = ship_inbox(ship, why);
	return more != 0 ? more : ship_sums_tell(ship, settled, why);
}

int ship_step(struct ship *ship, struct why *why)
{
	int result = follow_file(ship, why);

	if (result == 0 && ship->shared == NULL)
		result = connect_shared(ship, why);
	if (result == 0)
		result = ship_next_batch(ship, why);
	if (result < 0) {
		sql_close(ship->shared);
		ship->shared = NULL;
	}
	return result;
}
