#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/shared_patroni.sh [KILLS]
#
# The shared store on two PostgreSQL servers that Patroni and etcd keep, with a synchronous standby, as doc/several-hosts.md asks
# for. The leader's Patroni and all its PostgreSQL processes are killed at once, KILLS times (1), while two hosts ship: nothing that
# was acknowledged is lost, and in the end each message is there once. As root, in a network namespace of its own.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 patroni etcd unshare ip setpriv
[ -n "$pg_bin" ] || skip_all "PostgreSQL is not installed"
[ "$(id -u)" = 0 ] || skip_all "it needs root, for a network namespace"
if [ -z "${PATRONI_INSIDE:-}" ]; then
	unshare -n true 2>/dev/null || skip_all "there are no network namespaces here"
	PATRONI_INSIDE=1 exec unshare -n "$0" "$@"
fi
ip link set lo up
clear_of_midnight 300
kills=${1:-1}
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
cd "$tmp" # Patroni looks at the directory it is started in, which nobody else may be able to read
pg_dir=$tmp load= etcd='' patroni=('' '' '')
day=$(date -u +%F)
both="postgresql://countersign@127.0.0.1:5501,127.0.0.1:5502/countersign?target_session_attrs=read-write&connect_timeout=3"

# ---- the servers ----
postmaster() { head -n 1 "$tmp/n$1/data/postmaster.pid" 2>/dev/null; }
kill_node() { # number: Patroni, and PostgreSQL with all its processes
	local main
	main=$(postmaster "$1")
	[ "$(readlink "/proc/$main/cwd")" = "$tmp/n$1/data" ] || main= # the number of one that is gone
	kill -9 ${patroni[$1]} ${main:+$main $(pgrep -P "$main")} 2>/dev/null
	wait ${patroni[$1]} 2>/dev/null
	patroni[$1]=
}
finish() {
	[ -z "$load" ] || kill $load 2>/dev/null
	kill_node 1
	kill_node 2
	[ -z "$etcd" ] || kill -9 "$etcd" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM
start_node() { # number
	setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$tmp/n$1" patroni "$tmp/n$1/patroni.yml" >>"$tmp/n$1/log" 2>&1 &
	patroni[$1]=$!
}
make_node() { # number
	mkdir "$tmp/n$1"
	chown nobody "$tmp/n$1"
	pg_as tee "$tmp/n$1/patroni.yml" >/dev/null <<-END
		scope: lab
		name: n$1
		restapi: {listen: '127.0.0.1:800$1', connect_address: '127.0.0.1:800$1'}
		etcd3: {host: '127.0.0.1:2379'}
		bootstrap:
		  dcs:
		    ttl: 20
		    loop_wait: 1
		    retry_timeout: 3
		    maximum_lag_on_failover: 1048576
		    synchronous_mode: true
		    postgresql:
		      use_pg_rewind: true
		      parameters: {synchronous_commit: remote_apply, max_connections: 40, wal_log_hints: 'on'}
		  initdb: [{encoding: UTF8}, no-locale, {auth-local: trust}, {auth-host: trust}]
		  pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
		postgresql:
		  listen: '127.0.0.1:550$1'
		  connect_address: '127.0.0.1:550$1'
		  data_dir: '$tmp/n$1/data'
		  bin_dir: '$pg_bin'
		  pgpass: '$tmp/n$1/pgpass'
		  authentication: {superuser: {username: countersign}, replication: {username: copies}, rewind: {username: countersign}}
		  parameters: {unix_socket_directories: '$tmp/n$1', shared_buffers: 32MB}
	END
}
ask() { # number, SQL
	"$pg_bin/psql" -XAtq -h 127.0.0.1 -p "550$1" -U countersign -d "${3:-countersign}" -c "$2" 2>/dev/null
}
leads() { [ "$(ask "$1" 'SELECT pg_is_in_recovery()' postgres)" = f ]; }
has_standby() { [ "$(ask "$1" "SELECT sync_state FROM pg_stat_replication" postgres)" = sync ]; }
why_not() { # what the servers said
	echo "Bail out! $1"
	tail -n 8 "$tmp"/n[12]/log | sed 's/^/# /'
	exit 1
}

# ---- two hosts ----
fill() { "$build/t/bin/ledgerfill" "$@" >/dev/null 2>&1; }
ship() { "$build/t/bin/shipper" "$tmp/$1.db" "$both" "$1" ${2:-} >>"$tmp/$1.out" 2>&1; }
sum() { # SQL, in both ledgers
	local host
	for host in a b; do sqlite3 "$tmp/$host.db" "$1"; done | awk '{ n += $1 } END { print n + 0 }'
}
counted() { sum 'SELECT COALESCE(SUM(messages), 0) FROM tally'; }
acknowledged() {
	sum 'SELECT COALESCE(SUM(shipped), 0) - (SELECT COALESCE(SUM(messages), 0) FROM batch
		WHERE sequence > (SELECT applied FROM spool)) FROM tally'
}
stored() { ask "$1" 'SELECT COALESCE(SUM(messages), 0) FROM tally'; }
all_there() { ship a && ship b && [ "$(stored "$1")" = "$(counted)" ]; }
start_load() {
	for host in a b; do
		while :; do
			fill "$tmp/$host.db" asked "load$RANDOM.example" "$day" 60 mailto:d@x.example
			ship $host 2
		done &
		load="$load $!"
	done
}
end_load() {
	kill $load
	wait $load 2>/dev/null
	load=
}

mkdir "$tmp/etcd"
etcd --data-dir "$tmp/etcd" --log-level error >"$tmp/etcd.log" 2>&1 &
etcd=$!
make_node 1
make_node 2
start_node 1
eventually -t 90 leads 1 || why_not "Patroni makes no cluster"
ask 1 'CREATE DATABASE countersign' postgres
start_node 2
eventually -t 120 has_standby 1 || why_not "there is no synchronous standby"
fill "$tmp/a.db" rows one.example "$day" 2000
fill "$tmp/b.db" rows two.example "$day" 2000
ok "two hosts ship" eval 'ship a && ship b'
is "everything is there" "$(stored 1)" "$(counted)"

now=1 next=2
for round in $(seq "$kills"); do
	start_load
	sleep 2.$((RANDOM % 10))
	kill_node $now
	before=$(acknowledged)
	eventually -t 120 leads $next || why_not "nobody leads after kill $round"
	ok "kill $round: what was acknowledged ($before) is in the new leader ($(stored $next))" [ "$(stored $next)" -ge "$before" ]
	was=$now now=$next next=$was
	sleep 1
	end_load
	eventually -t 60 all_there $now
	is "kill $round: everything is there, once" "$(stored $now)" "$(counted)"
	start_node $next
	eventually -t 120 has_standby $now || why_not "the killed server does not come back"
done
is "no host says that the store lacks something" "$(cat "$tmp"/[ab].out | grep -cE 'missing|lacks|gone back: the last batch')" 0
done_testing
