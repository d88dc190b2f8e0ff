#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a stranger can make the daemon hold: a hundred messages at once whose headers, fields or recipients are more than anybody
# needs, against a running daemon. Each bound gives its answer, the worker's memory stays below 150 MB, and a minute later
# it is back within 20 MB of what it was.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
[ -r /proc/self/status ] || skip_all "there is no /proc"

cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=none"
Z
start_lone_daemon ""

find_worker() { # the child that has most open: its sockets
	local pid
	for pid in $(cat /proc/$daemon/task/$daemon/children); do
		echo "$(ls /proc/$pid/task | wc -l) $pid"
	done | sort -rn | { read -r _ pid && echo "$pid"; }
}
resident() { # of the worker, MB
	awk '/^VmRSS:/ { print int($2 / 1024) }' /proc/$worker/status
}
limit=150
[ -z "$COUNTERSIGN_SANITIZER" ] || limit=1500 # a sanitizer holds what was freed, and shadows the rest

# flood_with NAME CONNECTIONS KIND AMOUNT: sets $held (MB while all are under way) and $answers.
flood_with() {
	local name=$1
	shift
	mkfifo "$top/go"
	"$BUILD/t/bin/flood" "$top/sock" "$@" <"$top/go" >"$top/said" 2>&1 &
	flood=$!
	exec 4>"$top/go"
	wait_for held
	held=$(resident)
	echo >&4
	wait_for ended
	answers=$(grep -v '^held\|^ended' "$top/said")
	echo >&4
	exec 4>&-
	wait $flood
	flood=''
	rm "$top/go"
	echo "# $name: $held MB held; $(tr '\t\n' ' ,' <<<"$answers")"
}
wait_for() { # a line of flood
	for _ in {1..600}; do grep -q "^$1" "$top/said" && return; kill -0 $flood 2>/dev/null || break; sleep 0.1; done
	fail "flood says $1: $(tail -n 2 "$top/said")"
}
comes_back() { # name
	local now
	for _ in {1..60}; do
		now=$(resident)
		[ "$now" -le $((idle + 20)) ] && break
		sleep 1
	done
	echo "# idle $idle MB, now $now MB"
	[ -n "$COUNTERSIGN_SANITIZER" ] || ok "$1: the worker is back within 20 MB of its idle size" [ "$now" -le $((idle + 20)) ]
}

worker=$(find_worker)
idle=$(resident)

flood_with "1 MB of short fields" 100 fields 1048576
is "a header of 175,000 fields is refused" "$answers" "$(printf '552 5.3.4 message header has too many fields\t100')"
ok "and 100 of them at once stay below $limit MB" [ "$held" -lt $limit ]
comes_back "short fields"

flood_with "0.95 MB of long fields" 100 header 950000
like "a header within its bounds is accepted while there is memory" "$answers" '^accept	'
like "the rest of them is to come again" "$answers" '^451 4.3.2 too much mail at once, try again later	'
is "each has its answer" "$(awk -F '\t' '{ n += $2 } END { print n }' <<<"$answers")" 100
ok "and 100 of them at once stay below $limit MB" [ "$held" -lt $limit ]
comes_back "long fields"

flood_with "2 MB of long fields" 20 header 2097152
like "a header beyond max_header_bytes is refused" "$answers" '^552 5.3.4 message header (too large|has too many fields)	20'

flood_with "300,000 recipients" 20 recipients 300000
is "300,000 recipients are refused" "$answers" "$(printf '552 5.5.3 too many recipients\t20')"
[ -n "$COUNTERSIGN_SANITIZER" ] || ok "and take no memory" [ "$held" -lt $((idle + 30)) ]
flood_with "9000 recipients" 20 recipients 9000
is "9000 are not" "$answers" "$(printf 'accept\t20')"
[ -n "$COUNTERSIGN_SANITIZER" ] || ok "and take no memory either" [ "$held" -lt $((idle + 30)) ]
comes_back "recipients"

is "the worker is the one that was started" "$(find_worker)" "$worker"
like "the log says why" "$(cat "$top/log")" 'action=tempfail reason="?too much mail at once'
done_testing
