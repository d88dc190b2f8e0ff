#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What doc/several-hosts.md asks for: PostgreSQL with a synchronous standby that applies before it acknowledges. It is promoted again
# and again while hosts ship: nothing that was acknowledged is lost, nothing counted twice, and no host says that the store went back.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3
clear_of_midnight 120
rounds=${1:-3}
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
load=
trap '[ -z "$load" ] || kill $load 2>/dev/null; pg_dir=$tmp/pg1 pg_stop; pg_dir=$tmp/pg2 pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg1"
[ -x "$pg_bin/pg_basebackup" ] || skip_all "pg_basebackup is not installed"
day=$(date -u +%F)
both="postgresql://countersign@/countersign?host=$tmp/pg1/run,$tmp/pg2/run&port=5432,5432&target_session_attrs=read-write&connect_timeout=3"
fill() { "$build/t/bin/ledgerfill" "$@" >/dev/null 2>&1; }
ship() { "$build/t/bin/shipper" "$tmp/$1.db" "$both" "$1" $2 >>"$tmp/$1.out" 2>&1; }
counted() {
	local host
	for host in a b; do sqlite3 "$tmp/$host.db" 'SELECT COALESCE(SUM(messages), 0) FROM tally'; done | awk '{ n += $1 } END { print n }'
}
shipped() { # what the store has acknowledged to them
	local host
	for host in a b; do sqlite3 "$tmp/$host.db" 'SELECT COALESCE(SUM(shipped), 0) - (SELECT COALESCE(SUM(messages), 0) FROM batch
		WHERE sequence > (SELECT applied FROM spool)) FROM tally'; done | awk '{ n += $1 } END { print n }'
}
on() { # 1 or 2, command...
	local pg_dir=$tmp/pg$1
	"${@:2}"
}
stored() { on $now pg_ask 'SELECT COALESCE(SUM(messages), 0) FROM tally'; }
start_standby() { # number, of which: a new copy that acknowledges with remote_apply
	local pg_dir=$tmp/pg$1
	rm -rf "$pg_dir"
	mkdir "$pg_dir" "$pg_dir/run"
	chmod 0777 "$pg_dir/run"
	[ "$(id -u)" != 0 ] || chown nobody "$pg_dir"
	pg_as "$pg_bin/pg_basebackup" -h "$tmp/pg$2/run" -U countersign -D "$pg_dir/data" -R -c fast >"$tmp/basebackup" 2>&1 || return 1
	pg_as sed -i "s#^unix_socket_directories.*#unix_socket_directories = '$pg_dir/run'#" "$pg_dir/data/postgresql.conf"
	pg_as sed -i '/^synchronous/d' "$pg_dir/data/postgresql.auto.conf"
	pg_start || return 1
	on $2 pg_ask "ALTER SYSTEM SET synchronous_standby_names = '*'" >/dev/null
	on $2 pg_ask "ALTER SYSTEM SET synchronous_commit = 'remote_apply'" >/dev/null
	on $2 pg_ask 'SELECT pg_reload_conf()' >/dev/null
	pg_dir=$tmp/pg$2
	eventually eval '[ "$(pg_ask "SELECT sync_state FROM pg_stat_replication")" = sync ]'
}

now=1 next=2
start_standby 2 1 || skip_all "pg_basebackup or a synchronous standby does not work here: $(tail -1 "$tmp/basebackup")"
fill "$tmp/a.db" rows one.example $day 2000
fill "$tmp/b.db" rows two.example $day 2000
ok "two hosts ship" eval 'ship a && ship b'
is "everything is there" "$(stored)" "$(counted)"
for round in $(seq "$rounds"); do
	for host in a b; do
		for i in {1..12}; do
			fill "$tmp/$host.db" asked "load$i.example" $day 60 mailto:d@x.example
			ship $host 2
		done &
		load="$load $!"
	done
	sleep 1.$((RANDOM % 10))
	on $now pg_stop immediate
	acknowledged=$(shipped)
	pg_dir=$tmp/pg$next pg_as "$pg_bin/pg_ctl" -s -w -D "$tmp/pg$next/data" promote
	was=$now now=$next next=$was
	ok "round $round: what was acknowledged ($acknowledged) is in the promoted one ($(stored))" [ "$(stored)" -ge "$acknowledged" ]
	pg_dir=$tmp/pg$now
	wait $load
	load=
	all_there() { ship a && ship b && [ "$(stored)" = "$(counted)" ]; }
	eventually all_there
	is "round $round: everything is there, once" "$(stored)" "$(counted)"
	[ "$round" = "$rounds" ] || start_standby $next $now || { echo "Bail out! no new standby"; exit 1; }
done
is "no host says that the store lacks something" "$(cat "$tmp"/[ab].out | grep -cE 'missing|lacks|gone back: the last batch')" 0
done_testing
