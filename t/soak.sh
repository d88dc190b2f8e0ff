#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/soak.sh [SECONDS]: traffic for a while (5 seconds in the suite; run it for hours before a release), with a reload
# every half second, then with workers killed. Verdicts must stay right, and nothing may grow: memory, descriptors and
# threads of the daemon are compared between the first quarter and the end.
. "$(dirname "$0")/lib/help.sh"
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
seconds=${1:-5}
BIN=$COUNTERSIGN_BUILD/t/bin
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-soak.XXXXXX") || exit 99
dns='' daemon=''

finish() {
	[ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
	[ -z "$dns" ] || { kill "$dns" 2>/dev/null; wait "$dns" 2>/dev/null; }
	rm -rf "$top"
}
trap finish EXIT
trap 'exit 130' INT TERM

COUNTERSIGN_BUILD=$COUNTERSIGN_BUILD "$COUNTERSIGN_SRC/t/bench/corpus" "$top/corpus" 8 >"$top/corpus.log" 2>&1 ||
	{ cat "$top/corpus.log"; exit 99; }
"$BIN/dnsd" --port-file "$top/port" "$top/corpus/zone" >"$top/dns.log" 2>&1 &
dns=$!
eventually test -s "$top/port"
cat >"$top/c.conf" <<-C
	listen = [ "local:$top/m.sock" ];
	authserv_id = "mx.bench";
	dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; };
	sign: { keys = "$top/corpus/keys"; };
	store: { url = "sqlite:$top/ledger.db"; };
	log: { target = "stderr"; level = "warning"; };
C
"$COUNTERSIGN_BUILD/daemon/countersignd" -f --allow-root -c "$top/c.conf" >"$top/log" 2>&1 &
daemon=$!
eventually test -S "$top/m.sock"

worker() { pgrep -P "$daemon" | tail -1; }
usage() { # kilobytes, descriptors and threads of supervisor and workers together
	local p kb=0 fds=0 threads=0
	for p in "$daemon" $(pgrep -P "$daemon"); do
		kb=$((kb + $(awk '/^VmRSS/ { print $2 }' "/proc/$p/status" 2>/dev/null || echo 0)))
		fds=$((fds + $(ls "/proc/$p/fd" 2>/dev/null | wc -l)))
		threads=$((threads + $(ls "/proc/$p/task" 2>/dev/null | wc -l)))
	done
	echo "$kb $fds $threads"
}
traffic() { # seconds, pause between reloads: prints the number of rounds that went wrong
	local end=$((SECONDS + $1)) wrong=0
	while [ $SECONDS -lt $end ]; do
		"$BIN/load" -c 8 -n 400 -k 20 "$top/corpus/4k.list" "unix:$top/m.sock" >"$top/load" 2>&1 || { wrong=$((wrong + 1)); sed "s/^/# /" "$top/load" | tail -2 >&2; sleep 0.2; }
	done
	echo $wrong
}

is "warm: every verdict is right" "$(traffic $(((seconds + 3) / 4)))" 0
sleep 1
read -r kb0 fds0 threads0 < <(usage)
(while sleep 0.5; do kill -HUP "$daemon" || break; done) 2>/dev/null &
reloads=$!
is "with reloads: every verdict is right" "$(traffic "$seconds")" 0
kill $reloads 2>/dev/null
wait $reloads 2>/dev/null
sleep 1
read -r kb1 fds1 threads1 < <(usage)
echo "# before: $kb0 kB, $fds0 descriptors, $threads0 threads; after: $kb1 kB, $fds1 descriptors, $threads1 threads"
# a sanitizer keeps what was freed, for a while
ok "memory does not grow" test "$kb1" -le $((kb0 + kb0 / 4 + 8192)) -o -n "${COUNTERSIGN_SANITIZER:-}"
ok "descriptors do not" test "$fds1" -le $((fds0 + 4))
ok "threads do not" test "$threads1" -le $((threads0 + 12))

for _ in 1 2 3; do
	"$BIN/load" -c 8 -n 400 -k 20 "$top/corpus/4k.list" "unix:$top/m.sock" >/dev/null 2>&1 &
	load=$!
	sleep 0.2
	kill -9 "$(worker)"
	wait $load
done
sleep 0.5
is "after three killed workers every verdict is right again" "$(traffic 1)" 0
grep -E 'Sanitizer|runtime error|not recorded' "$top/log" | head -5 | sed 's/^/# /'
ok "no complaint in the log" test "$(grep -cE 'Sanitizer|runtime error|not recorded' "$top/log")" = 0
done_testing
