/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ship/spool.h"

#include "store/sql/shared.h"

int ship_spool_read(struct sql *local, struct ship_spool *spool, struct why *why)
{
	struct sql_rows *rows = sql_ask(local,
					"SELECT host, store, store IS NOT NULL, joined, joined_at,"
					" sequence, through, applied, base, sent FROM spool",
					SQL_NO_VALUES);
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : why_set(why, "the ledger's table spool is empty");
	sql_key_at(rows, 0, spool->host);
	sql_key_at(rows, 1, spool->store);
	spool->has_store = sql_int_at(rows, 2) != 0;
	spool->joined = sql_int_at(rows, 3) != 0;
	spool->joined_at = sql_int_at(rows, 4);
	spool->sequence = sql_int_at(rows, 5);
	spool->through = sql_int_at(rows, 6);
	spool->applied = sql_int_at(rows, 7);
	spool->base = sql_int_at(rows, 8);
	spool->sent = sql_int_at(rows, 9);
	sql_drop(rows);
	return 0;
}

int ship_spool_tell(const struct ship *ship, int64_t sequence, int64_t rows, int64_t messages,
		    struct sql *sql, struct why *why)
{
	const struct ship_spool *spool = &ship->spool;

	return sql_run(sql, why,
		       "INSERT INTO host (host, name, seen, through, sequence, rows, messages)"
		       " VALUES ($1, $2, " SHARED_NOW ", $3, $4, $5, $6)"
		       " ON CONFLICT (host) DO UPDATE SET name = excluded.name,"
		       " seen = excluded.seen, sequence = CASE WHEN excluded.sequence >"
		       " host.sequence THEN excluded.sequence ELSE host.sequence END,"
		       " through = CASE WHEN excluded.through > host.through"
		       " THEN excluded.through ELSE host.through END,"
		       " rows = host.rows + excluded.rows,"
		       " messages = host.messages + excluded.messages",
		       SQL_VALUES(sql_key(spool->host), sql_text(ship->name),
				  sql_int(spool->through), sql_int(sequence), sql_int(rows),
				  sql_int(messages)));
}
