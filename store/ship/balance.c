/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ship/balance.h"

#include <string.h>

#include "store/ship/spool.h"
#include "store/sql/shared.h"

static struct balance_day *find_day(struct balance *balance, int32_t day)
{
	struct balance_day **at = &balance->days, *new;

	while (*at != NULL && (*at)->day < day)
		at = &(*at)->next;
	if (*at != NULL && (*at)->day == day)
		return *at;
	new = arena_array(balance->arena, 1, sizeof *new);
	*new = (struct balance_day){.next = *at, .day = day};
	*at = new;
	return new;
}

/* What is being expired has no total any longer, and is older than any day that is looked at. */
int balance_add_file(struct balance *balance, struct sql *sql, struct why *why)
{
	struct sql_rows *rows = sql_ask(
	    sql,
	    "SELECT day, SUM(counted), SUM(kept), SUM(shipped) FROM ("
	    "SELECT day, messages AS counted, 0 AS kept, 0 AS shipped FROM total"
	    " WHERE day >= $1 AND messages >= 0"
	    " UNION ALL SELECT day, 0, messages, shipped FROM tally WHERE day >= $1"
	    " UNION ALL SELECT day, 0, 0, -messages FROM batch WHERE day >= $1"
	    " AND sequence > (SELECT applied FROM spool)) AS sums GROUP BY day ORDER BY day",
	    SQL_VALUES(sql_int(balance->from_day)));
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		struct balance_day *day = find_day(balance, (int32_t)sql_int_at(rows, 0));

		day->counted += sql_int_at(rows, 1);
		day->kept += sql_int_at(rows, 2);
		day->shipped += sql_int_at(rows, 3);
	}
	return more < 0 ? -1 : 0;
}

static void add_host(struct balance *balance, int32_t of, const struct balance_host *share)
{
	struct balance_day *day = find_day(balance, of);
	struct balance_host *host = arena_array(balance->arena, 1, sizeof *host);

	*host = *share;
	host->next = day->hosts;
	if (host->own) {
		host->counted = day->counted;
		host->kept = day->kept;
		host->shipped = day->shipped;
	}
	day->hosts = host;
}

static bool is_own(struct sql_rows *rows, int column, const unsigned char own[DRIVER_KEY_LEN])
{
	unsigned char id[DRIVER_KEY_LEN];

	sql_key_at(rows, column, id);
	return memcmp(id, own, DRIVER_KEY_LEN) == 0;
}

static bool has_own(const struct balance_day *day)
{
	for (const struct balance_host *host = day->hosts; host != NULL; host = host->next)
		if (host->own)
			return true;
	return false;
}

/* One statement, so that what comes in meanwhile is in all of its sums or in none. */
static const char shares[] =
    "SELECT d.day, h.name, d.counted, d.kept, d.shipped, d.stored, d.told, h.seen, d.host,"
    " " SHARED_NOW " FROM host_day AS d JOIN host AS h ON h.host = d.host WHERE d.day >= $1"
    " UNION ALL SELECT day, NULL, 0, 0, 0, SUM(messages), 0, 0, NULL, 0 FROM tally"
    " WHERE day >= $1 GROUP BY day ORDER BY 1, 2 DESC, 9 DESC";

static void read_share(struct balance *balance, struct sql_rows *rows,
		       const unsigned char own[DRIVER_KEY_LEN])
{
	const int32_t day = (int32_t)sql_int_at(rows, 0);
	const char *name = sql_text_at(rows, 1, balance->arena);
	const struct balance_host share = {.name = name,
					   .counted = sql_int_at(rows, 2),
					   .kept = sql_int_at(rows, 3),
					   .shipped = sql_int_at(rows, 4),
					   .stored = sql_int_at(rows, 5),
					   .told = sql_int_at(rows, 6),
					   .seen = sql_int_at(rows, 7),
					   .own = is_own(rows, 8, own)};

	if (name == NULL) {
		find_day(balance, day)->stored += share.stored;
		return;
	}
	balance->now = sql_int_at(rows, 9);
	add_host(balance, day, &share);
}

int balance_add_shared(struct balance *balance, struct sql *local, struct sql *shared,
		       struct why *why)
{
	struct ship_spool spool;
	struct sql_rows *rows;
	int more;

	if (ship_spool_read(local, &spool, why) != 0)
		return -1;
	rows = sql_ask(shared, shares, SQL_VALUES(sql_int(balance->from_day)));
	while ((more = sql_next(rows, why)) == 1)
		read_share(balance, rows, spool.host);
	for (const struct balance_day *day = balance->days; day != NULL; day = day->next)
		if (day->counted + day->kept > 0 && !has_own(day))
			add_host(balance, day->day, &(struct balance_host){.own = true});
	return more < 0 ? -1 : 0;
}

/* $2: "aggregate" or "failure", which is counted in reports. */
#define EACH_REPORT                                                                                \
	"SELECT r.day AS day, CASE WHEN r.kind = 'failure' THEN 1 ELSE r.messages END AS n,"       \
	" COALESCE(SUM(CASE WHEN d.state = 'sent' THEN 1 ELSE 0 END), 0) AS sent,"                 \
	" COALESCE(SUM(CASE WHEN d.state = 'sending' OR d.next IS NOT NULL THEN 1 ELSE 0 END), 0)" \
	" AS waiting FROM report AS r LEFT JOIN delivery AS d"                                     \
	" ON d.domain = r.domain AND d.day = r.day AND d.config = r.config"                        \
	" WHERE r.kind = $2 AND r.day >= $1"                                                       \
	" GROUP BY r.domain, r.day, r.config, r.kind, r.messages"

int balance_add_reports(struct balance *balance, struct sql *sql, enum outbox_kind kind,
			struct why *why)
{
	const char *name = kind == OUTBOX_FAILURE ? "failure" : "aggregate";
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT day, SUM(n), SUM(CASE WHEN sent > 0 THEN n ELSE 0 END),"
		    " SUM(CASE WHEN sent = 0 AND waiting > 0 THEN n ELSE 0 END)"
		    " FROM (" EACH_REPORT ") AS reports GROUP BY day ORDER BY day",
		    SQL_VALUES(sql_int(balance->from_day), sql_text(name)));
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		struct balance_day *day = find_day(balance, (int32_t)sql_int_at(rows, 0));
		struct balance_reports *reports =
		    kind == OUTBOX_FAILURE ? &day->failure : &day->aggregate;

		reports->built += sql_int_at(rows, 1);
		reports->sent += sql_int_at(rows, 2);
		reports->waiting += sql_int_at(rows, 3);
	}
	return more < 0 ? -1 : 0;
}

int balance_of_host(struct sql *local, struct sql *shared, int64_t *lacking, struct why *why)
{
	struct ship_spool spool;
	struct sql_rows *rows;
	int more;

	*lacking = 0;
	if (ship_spool_read(local, &spool, why) != 0)
		return -1;
	rows = sql_ask(shared, "SELECT sequence, messages FROM host WHERE host = $1",
		       SQL_VALUES(sql_key(spool.host)));
	more = sql_next(rows, why);
	if (more != 1)
		return more;
	if (spool.sent >= 0 && sql_int_at(rows, 0) == spool.applied)
		*lacking = spool.sent - sql_int_at(rows, 1);
	sql_drop(rows);
	return 0;
}
