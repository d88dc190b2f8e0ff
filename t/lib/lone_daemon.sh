# SPDX-License-Identifier: BSD-2-Clause
# A daemon that judges alone, with a DNS of its own, for a test that talks to its socket. To be sourced by bash after t/lib/tap.sh.
# Makes $top, which ends with the test as the processes do; the test puts its records into $top/zone first.
BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-test.XXXXXX") || exit 99
daemon='' dns='' flood='' # FLOOD: a process of the test's own, or none
trap 'kill $daemon $dns $flood 2>/dev/null; wait $daemon $dns $flood 2>/dev/null; rm -rf "$top"' EXIT

start_lone_daemon() { # url of the ledger, or ""; more settings of the store, or none; it listens at $top/sock
	"$BUILD/t/bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
	dns=$!
	eventually test -s "$top/port"
	cat >"$top/conf" <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$top/sock" ];
		trusted_networks = [ ];
		dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; };
		sign: { enabled = false; };
		store: { url = "$1"; ${2:-} };
		log: { target = "stderr"; };
		control: { socket = "$top/control"; };
	C
	run_lone_daemon
}

run_lone_daemon() { # again, with the same settings
	local root=
	[ "$(id -u)" = 0 ] && root=--allow-root
	: >"$top/log"
	"$BUILD/daemon/countersignd" $root -f -c "$top/conf" 2>>"$top/log" &
	daemon=$!
	eventually grep -q ready: "$top/log"
}

stop_lone_daemon() { # signal
	local workers=
	[ "$1" != KILL ] || workers=$(pgrep -P "$daemon")
	kill -"$1" "$daemon" $workers
	wait "$daemon" 2>/dev/null
	daemon=
}
