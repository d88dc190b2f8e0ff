#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The shared store behind pgbouncer in transaction mode, with fewer connections to the server than hosts: each transaction may run in
# another session. Shipping, reports and commands; the pool and its sessions end under load.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 pgbouncer perl
clear_of_midnight 300
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
pool= others=
trap 'for p in $pool $others; do kill $p; done 2>/dev/null; pg_dir=$tmp/pg pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
pgbouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer)
day=$(date -u -d yesterday +%F)

mkdir "$tmp/pool"
chmod 0777 "$tmp/pool"
cat >"$tmp/pool.ini" <<-END
	[databases]
	countersign = host=$tmp/pg/run port=5432 dbname=countersign user=countersign
	[pgbouncer]
	listen_addr =
	listen_port = 6432
	unix_socket_dir = $tmp/pool
	pidfile = $tmp/pool/pid
	auth_type = any
	pool_mode = transaction
	default_pool_size = 2
	min_pool_size = 2
	max_client_conn = 50
	server_reset_query_always = 0
END
chmod 644 "$tmp/pool.ini"
touch "$tmp/pool.log"
chmod 666 "$tmp/pool.log"
start_pool() {
	pg_as "$pgbouncer" "$tmp/pool.ini" >>"$tmp/pool.log" 2>&1 &
	eventually test -s "$tmp/pool/pid"
	pool=$(cat "$tmp/pool/pid")
	eventually "$pg_bin/psql" -XAtq -h "$tmp/pool" -p 6432 -U countersign -d countersign -c 'SELECT 1'
}
end_pool() {
	kill -9 $pool
	eventually eval '! kill -0 $pool'
	rm -f "$tmp/pool/pid" "$tmp/pool/.s.PGSQL.6432"*
}
start_pool || skip_all "pgbouncer does not start here: $(tail -1 "$tmp/pool.log")"
url="postgresql://countersign@/countersign?host=$tmp/pool&port=6432"

hosts="a b c d"
fill() { "$build/t/bin/ledgerfill" "$@" >/dev/null 2>&1; }
ship() { "$build/t/bin/shipper" "$tmp/$1.db" "$url" "$1" >>"$tmp/$1.out" 2>&1; }
ship_all() {
	local host pids= status=0
	for host in $hosts; do ship $host & pids="$pids $!"; done
	for host in $pids; do wait $host || status=1; done
	return $status
}
stored() { pg_ask 'SELECT COALESCE(SUM(messages), 0) FROM tally'; }
counted() { for h in $hosts; do sqlite3 "$tmp/$h.db" 'SELECT COALESCE(SUM(messages), 0) FROM tally'; done | awk '{ n += $1 } END { print n }'; }
conf() { # host
	cat >"$tmp/$1.conf" <<-END
		listen = [ "local:$tmp/$1.sock" ];
		dns: { servers = [ "127.0.0.1@$(cat "$tmp/dns")" ]; timeout = "2s"; };
		store: { url = "sqlite:$tmp/$1.db"; shared = "$url"; };
		reports: { org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:$(cat "$tmp/sink/port")"; };
	END
}
cs() { "$build/admin/countersign" -c "$tmp/$1.conf" "${@:2}" 2>&1; }

# ---- four hosts over two sessions ----
for h in $hosts; do
	for i in 1 2 3; do fill "$tmp/$h.db" asked "d$i.example" "$day" 700 "mailto:dmarc@d$i.example"; done
done
# a daemon tries again, too, when another host is making the tables
ok "tables are made and four hosts ship over two sessions" eventually -t 120 ship_all
is "everything is there, once" "$(stored)" "$(counted)"

# ---- sessions end, and the pool is killed, under load ----
for round in 1 2 3 4 5 6; do
	for h in $hosts; do fill "$tmp/$h.db" asked "load$round.example" "$day" 300 "mailto:dmarc@load$round.example"; done
	ship_all &
	load=$!
	sleep 0.$((round * 3))
	if [ $((round % 3)) = 0 ]; then
		end_pool
		start_pool
	else
		pg_ask "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'countersign' AND pid <> pg_backend_pid()" >/dev/null
	fi
	wait $load
done
all_there() { ship_all && [ "$(stored)" = "$(counted)" ]; }
eventually -t 120 all_there
is "everything is there, once, after sessions and the pool ended" "$(stored)" "$(counted)"

# ---- reports, by two hosts at a time ----
for d in d1 d2 d3 load1 load2 load3 load4 load5 load6; do printf '_dmarc.%s.example 300 TXT "v=DMARC1; p=none"\n' $d; done >"$tmp/zone"
"$build/t/bin/dnsd" --port-file "$tmp/dns" "$tmp/zone" >/dev/null 2>&1 &
others=$!
mkdir "$tmp/sink"
perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
others="$others $!"
eventually test -s "$tmp/dns" && eventually test -s "$tmp/sink/port" || { echo "Bail out! servers"; exit 1; }
for h in $hosts; do conf $h; done
like "store info" "$(cs a store info)" "^shared store"
send_all() { # two at a time: one of them finds the outbox in use
	cs a report send >"$tmp/send.a" &
	local other=$!
	cs b report send >"$tmp/send.b"
	wait $other
	! cs a report list --limit 0 | grep -qE ' (collected|built|deferred)'
}
eventually -t 120 send_all
is "each report is sent once" "$(grep -h '^Subject:' "$tmp"/sink/*.mail | sort | uniq -d | wc -l)" 0
is "all of them" "$(ls "$tmp"/sink/*.mail | wc -l)" 9
like "store check --reconcile" "$(cs a store check --reconcile; echo "exit $?")" 'exit 0$'
like "a command that takes long beside it: store expire" "$(cs a store expire; echo "exit $?")" 'exit 0$'
done_testing
