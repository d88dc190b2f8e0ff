#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a reload switches on holds from the moment it is reported: the first message after it makes its failure report, also
# on a ledger that is new, and when nothing can be made that is counted and said.
. "$(dirname "$0")/lib/tap.sh"
build=${COUNTERSIGN_BUILD:-$PWD}
bin=$build/t/bin
need sqlite3
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-failrel.XXXXXX") || exit 99
daemon='' dns=''
finish() {
	kill $daemon $dns 2>/dev/null
	wait $daemon $dns 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root
cat >"$top/zone" <<Z
ask.test 60 TXT "v=spf1 -all"
_dmarc.ask.test 60 TXT "v=DMARC1; p=none; fo=1; ruf=mailto:ruf@ask.test"
Z
"$bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
for _ in {1..100}; do [ -s "$top/port" ] && break; sleep 0.05; done

settings() { # true or false: failures.send
	cat >"$top/c.conf" <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$top/sock" ];
		trusted_networks = [ ];
		log: { target = "stderr"; };
		control: { socket = "$top/control"; };
		store: { url = "sqlite:$top/d/ledger.db"; };
		sign: { enabled = false; };
		dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; };
		reports: { org = "Example"; from = "dmarc@example.com"; send = $1; via = "smtp://127.0.0.1:1"; };
		failures: { send = $1; max_per_hour = ${2:-100}; };
	C
}
cs() { "$build/admin/countersign" -c "$top/c.conf" "$@"; }
eventually() {
	for _ in {1..200}; do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	return 1
}
send() { # a number
	printf 'connect\tevil.test\t198.51.100.66\nhelo\tevil.test\nmail\t<bob@ask.test>\nrcpt\t<a@example.com>\nheader\tFrom\t Bob <bob@ask.test>\nheader\tSubject\t %s\neoh\nbody\thello%%0D%%0A\nmacro\tE\ti\tQ%s\neom\n' "$1" "$1" |
		timeout 30 "$bin/milterc" "$top/sock" >/dev/null 2>&1
}
made() { sqlite3 "$top/d/ledger.db" 'SELECT count(*) FROM report WHERE kind <> 0' 2>/dev/null; }
skipped() { cs status --prometheus | sed -n "s/^countersign_failure_reports_skipped_total{reason=\"$1\"} //p"; }

for round in 1 2 3; do
	rm -rf "$top/d" && mkdir -m 750 "$top/d"
	settings false
	"$build/daemon/countersignd" $root -f -c "$top/c.conf" 2>"$top/log" &
	daemon=$!
	eventually cs -q status
	settings true
	ok "round $round: failure reports are switched on" cs -q reload
	send "$round"
	ok "round $round: the message right after it makes its report" eventually eval '[ "$(made)" = 1 ]'
	if [ $round = 3 ]; then
		settings true 1
		ok "a limit of one" cs -q reload
		send limit
		ok "what is over the limit is counted" eventually eval '[ "$(skipped limit)" = 1 ]'
		ok "and said" grep -q "no failure report for ask.test: limit reached" "$top/log"
		is "none was lost without a key" "$(skipped key)" 0
	fi
	kill "$daemon"
	wait "$daemon"
	daemon=
done
done_testing
