#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A mail server that falls silent, at each stage of a mail, while the daemon sends a report: it stops, and takes new
# settings, within seconds, and the report arrives once later.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
need python3
command -v perl >/dev/null || skip_all "perl is not installed"
clear_of_midnight 660
tmp=$(mktemp -d) || exit 99
daemon= servers=
trap 'for p in $daemon $servers; do kill $p; done 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root
day=$(date -u -d yesterday +%F)

conf() { # the directory of the mail server
	cat >"$tmp/conf" <<-END
		listen = [ "local:$tmp/milter.sock" ];
		log: { target = "stderr"; };
		control: { socket = "$tmp/control.sock"; };
		dns: { servers = [ "127.0.0.1@$(cat "$tmp/dns")" ]; timeout = "2s"; };
		store: { url = "sqlite:$tmp/l.db"; };
		reports: { send = true; start = "0s"; spread = "0s"; org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:$(cat "$1/port")"; };
	END
}
server() { # directory, command...
	rm -rf "$1"
	mkdir "$1"
	"${@:2}" &
	servers="$servers $!"
	eventually test -s "$1/port"
}
start_daemon() {
	: >"$tmp/log"
	"$build/daemon/countersignd" $root -f -c "$tmp/conf" 2>"$tmp/log" &
	daemon=$!
}
stop_daemon() { # sets $took
	local begin
	begin=$(date +%s%N)
	kill $daemon
	wait $daemon
	code=$?
	took=$((($(date +%s%N) - begin) / 1000000))
	daemon=
}
arrived() { cat "$tmp"/hang/*.mail "$tmp"/sink/*.mail 2>/dev/null | grep -c '^Subject: Report Domain: one.example'; }
begin_stage() { # stage: the daemon waits for a server that hangs there
	rm -f "$tmp"/l.db*
	"$build/t/bin/ledgerfill" "$tmp/l.db" asked one.example "$day" 3 'mailto:dmarc@one.example' >/dev/null 2>&1
	server "$tmp/hang" python3 "$src/t/tools/smtp_hang.py" "$tmp/hang" "$1"
	server "$tmp/sink" perl "$src/t/tools/smtp_sink.pl" "$tmp/sink"
	conf "$tmp/hang"
	start_daemon
	ok "$1: the daemon sends, and waits" eventually test -e "$tmp/hang/reached"
}

printf '_dmarc.one.example 300 TXT "v=DMARC1; p=none"\n' >"$tmp/zone"
"$build/t/bin/dnsd" --port-file "$tmp/dns" "$tmp/zone" >/dev/null 2>&1 &
servers=$!
eventually test -s "$tmp/dns" || { echo "Bail out! dnsd"; exit 1; }

for stage in connect greeting ehlo mail rcpt data dot quit; do
	begin_stage $stage
	stop_daemon
	is "$stage: it stops well" "$code" 0
	ok "$stage: within seconds ($took ms)" [ "$took" -lt 8000 ]
	is "$stage: nothing was killed" "$(grep -c 'killed\|did not end' "$tmp/log")" 0
	conf "$tmp/sink"
	for command in retry send; do
		"$build/admin/countersign" -c "$tmp/conf" report $command >"$tmp/out" 2>&1
	done
	is "$stage: the report arrives once" "$(arrived)" 1
	like "$stage: and is known to" "$("$build/admin/countersign" -c "$tmp/conf" report list)" 'one\.example .* sent: 250 2\.0\.0 taken'
done

# ---- new settings while it hangs ----
for stage in greeting dot; do
	begin_stage $stage
	conf "$tmp/sink"
	kill -HUP $daemon
	ok "$stage: a reload does not wait for it" eventually grep -q 'one.example to dmarc@one.example: ' "$tmp/log"
	stop_daemon
	is "$stage: it stops well" "$code" 0
	for command in retry send; do
		"$build/admin/countersign" -c "$tmp/conf" report $command >"$tmp/out" 2>&1
	done
	is "$stage: the report arrives once" "$(arrived)" 1
done
done_testing
