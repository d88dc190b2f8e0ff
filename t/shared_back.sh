#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A shared store, or a ledger, that goes back in time: an asynchronous standby of PostgreSQL is promoted under load, the old
# primary comes back, a copy of a ledger is put back. Nothing is lost or counted twice, or it is said how much is missing.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3
clear_of_midnight 120
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
load=
trap '[ -z "$load" ] || kill $load 2>/dev/null; pg_dir=$tmp/pg pg_stop; pg_dir=$tmp/pg2 pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
[ -x "$pg_bin/pg_basebackup" ] || skip_all "pg_basebackup is not installed"
day=$(date -u +%F)

fill() { "$build/t/bin/ledgerfill" "$@" >/dev/null 2>&1; }
ship() { # ledger [steps]
	"$build/t/bin/shipper" "$tmp/$1.db" "${url:-$both}" "$1" $2 >>"$tmp/$1.out" 2>&1
}
counted() { # ledgers
	local ledger
	for ledger; do sqlite3 "$tmp/$ledger.db" 'SELECT COALESCE(SUM(messages), 0) FROM tally'; done | awk '{ n += $1 } END { print n }'
}
stored() { pg_ask 'SELECT COALESCE(SUM(messages), 0) FROM tally'; }
both="postgresql://countersign@/countersign?host=$tmp/pg/run,$tmp/pg2/run&port=5432,5432&target_session_attrs=read-write&connect_timeout=3"

# ---- a primary and an asynchronous standby ----
mkdir "$tmp/pg2" "$tmp/pg2/run"
chmod 0777 "$tmp/pg2/run"
[ "$(id -u)" != 0 ] || chown nobody "$tmp/pg2"
pg_as "$pg_bin/pg_basebackup" -h "$tmp/pg/run" -U countersign -D "$tmp/pg2/data" -R -c fast >"$tmp/basebackup" 2>&1 ||
	skip_all "pg_basebackup does not work here: $(tail -1 "$tmp/basebackup")"
pg_as sed -i "s#^unix_socket_directories.*#unix_socket_directories = '$tmp/pg2/run'#" "$tmp/pg2/data/postgresql.conf"
on() { # primary or standby, command...
	local pg_dir=$tmp/pg
	[ "$1" = primary ] || pg_dir=$tmp/pg2
	"${@:2}"
}
on standby pg_start || skip_all "the standby does not start: $(tail -1 "$tmp/pg2.log")"
follows() { # the standby has all that the primary has
	[ "$(on primary pg_ask 'SELECT pg_current_wal_lsn()')" = "$(on standby pg_ask 'SELECT pg_last_wal_replay_lsn()')" ]
}
pg_dir=$tmp/pg
fill "$tmp/a.db" rows one.example $day 5000
fill "$tmp/b.db" rows two.example $day 3000
ok "two hosts ship to the primary" eval 'ship a && ship b'
ok "the standby follows" eventually follows

# ---- it falls behind, and is promoted under load ----
on standby pg_ask "ALTER SYSTEM SET primary_conninfo = ''" >/dev/null
on standby pg_ask 'SELECT pg_reload_conf()' >/dev/null
ok "the standby is cut off" eventually eval '[ -z "$(on standby pg_ask "SELECT status FROM pg_stat_wal_receiver")" ]'
for i in 1 2 3; do
	fill "$tmp/a.db" asked "a$i.example" $day 1500 mailto:d@x.example
	fill "$tmp/b.db" asked "b$i.example" $day 500 mailto:d@x.example
	ship a
	ship b
done
acknowledged=$(stored)
is "the primary had acknowledged all of it" "$acknowledged" "$(counted a b)"
for i in {1..20}; do
	fill "$tmp/a.db" asked "load$((i % 7)).example" $day 100 mailto:d@x.example
	ship a 3
done &
load=$!
sleep 1
pg_stop immediate
pg_as "$pg_bin/pg_ctl" -s -w -D "$tmp/pg2/data" promote
pg_dir=$tmp/pg2
was=$(stored)
wait $load
load=
ok "the promoted one lacked what was acknowledged: it had $was of $acknowledged" [ "$was" -lt "$acknowledged" ]
all_shipped() { ship a && ship b && [ "$(stored)" = "$(counted a b)" ]; }
eventually all_shipped
is "the hosts go on, and everything is there, once" "$(stored)" "$(counted a b)"
like "it is said that the store went back" "$(cat "$tmp/a.out")" "the shared store has gone back: the last batch that it has of this host is"
like "and that it was promoted" "$(cat "$tmp/b.out")" "or was promoted .*00000002, was .*00000001"
like "and that all is there again" "$(cat "$tmp/a.out")" "has all batches of this host again"

# ---- the old primary comes back ----
pg_dir=$tmp/pg
pg_start
url=$pg_url
ship a
like "the old primary is a fork, and refused" "$(tail -1 "$tmp/a.out")" "the shared store is a fork: its timeline"
url=
pg_stop immediate
pg_dir=$tmp/pg2

# ---- it goes back further than batches are kept ----
pg_as "$pg_bin/pg_dump" -h "$tmp/pg2/run" -U countersign -Fc -f "$tmp/pg2/run/backup" countersign
before=$(stored)
for i in 1 2 3; do
	fill "$tmp/a.db" asked "late$i.example" $day 100 mailto:d@x.example
	ship a
done
last=$(sqlite3 "$tmp/a.db" 'SELECT applied FROM spool')
sqlite3 "$tmp/a.db" "DELETE FROM batch WHERE sequence < $last; DELETE FROM shipment WHERE sequence < $last"
pg_fresh
pg_as "$pg_bin/pg_restore" -h "$tmp/pg2/run" -U countersign -d countersign "$tmp/pg2/run/backup"
is "an older backup was restored" "$(stored)" "$before"
ok "the host goes on" ship a
like "it is said how many messages are missing" "$(cat "$tmp/a.out")" \
	"batches $((last - 2)) to $((last - 1)) of this host are no longer kept here: 200 messages are missing"
missing=200
is "no more and no less" "$(($(stored) + missing))" "$(counted a b)"

# ---- a ledger is put back ----
fill "$tmp/a.db" asked waiting.example $day 540 mailto:d@x.example
sqlite3 "$tmp/a.db" ".backup $tmp/copy.db"
ship a
for i in 1 2; do
	fill "$tmp/a.db" asked "after$i.example" $day 50 mailto:d@x.example
	ship a
done
is "the store has all of it" "$(($(stored) + missing))" "$(counted a b)"
before=$(stored)
rm "$tmp"/a.db*
cp "$tmp/copy.db" "$tmp/a.db"
ok "the host goes on with the copy" ship a
is "nothing is counted twice" "$(stored)" "$before"
like "it is said what was not sent again" "$(cat "$tmp/a.out")" \
	"this ledger is older .*: the 540 messages that it had not shipped .* not sent again; 0 messages are missing"
fill "$tmp/a.db" asked new.example $day 30 mailto:d@x.example
ok "what is new is shipped" ship a
is "all of it, once" "$(stored)" $((before + 30))
done_testing
