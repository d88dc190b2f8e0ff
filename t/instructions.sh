#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The instructions of a warm message, counted by callgrind in all processes of the daemon: none of the figures grows by
# more than 5 % beyond the last line of its row in t/bench/README. Whoever makes one grow adds a line there that says why.
#
# Counted are the daemon's own instructions, those of the libraries except libcrypto (whose code differs with the CPU) and
# SQLite (which does more for a message when it gets few at once), and the calls from the daemon into libcrypto. What
# starting costs is taken away by measuring a short and a long run. No message gets a second opinion: which ones do is
# drawn by lot, so that two runs would differ.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need valgrind openssl awk
[ -z "${COUNTERSIGN_SANITIZER:-}" ] || skip_all "valgrind does not run a sanitizer build"
build=$COUNTERSIGN_BUILD
grep -q '^CFLAGS = -g -O2$' "$build/Makefile" || skip_all "the figures are those of -g -O2"
[ "$(uname -m)" = x86_64 ] || skip_all "the figures are those of x86_64"
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-instructions.XXXXXX") || exit 99
daemon='' dns=''
trap 'kill $daemon $dns 2>/dev/null; wait $daemon $dns 2>/dev/null; rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
WARM=60 MORE=120 LIMIT=105

"$COUNTERSIGN_SRC/t/bench/corpus" "$top/corpus" 4 >/dev/null 2>&1 || { echo "Bail out! no corpus"; exit 1; }
"$build/t/bin/dnsd" --port-file "$top/port" "$top/corpus/zone" >/dev/null 2>&1 &
dns=$!
eventually test -s "$top/port"
cat >"$top/conf" <<C
listen = [ "local:$top/sock" ];
authserv_id = "mx.bench";
dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "30s"; };
sign: { keys = "$top/corpus/keys"; mta_checks_sender = true; };
control: { socket = ""; };
second_opinion: { sample = 0.0; };
store: { url = "sqlite:$top/ledger.db"; };
log: { target = "stderr"; };
C

# Prints own instructions, those of the other objects, and calls from the daemon's own code into libcrypto.
cat >"$top/count.awk" <<'A'
function named(text, id) { # "(3) /lib/x.so" or "(3)": the name of the object
	id = text
	sub(/\).*/, ")", id)
	sub(/^\([0-9]+\) ?/, "", text)
	if (text != "") names[id] = text
	return names[id]
}
FNR == 1 { delete names }
/^ob=/ { object = callee = named(substr($0, 4)); next }
/^cob=/ { callee = named(substr($0, 5)); next }
/^calls=/ {
	if (object ~ /countersignd$/ && callee ~ /libcrypto/) calls += substr($1, 7)
	callee = object
	inclusive = 1
	next
}
/^[-+*0-9]/ {
	if (inclusive) inclusive = 0
	else if (object ~ /countersignd$/) own += $2
	else if (object !~ /libcrypto|libsqlite/) others += $2
}
END { printf "%d %d %d\n", own, others, calls }
A

measure() { # list, messages, [options of load]: sets $counted
	rm -f "$top"/ledger.db* "$top"/callgrind.* "$top/sock"
	: >"$top/log" # before the daemon's shell does: the last one was ready, too
	valgrind -q --tool=callgrind --trace-children=yes --callgrind-out-file="$top/callgrind.%p" \
		"$build/daemon/countersignd" -f --allow-root -c "$top/conf" >>"$top/log" 2>&1 &
	daemon=$!
	eventually grep -q ready: "$top/log" || return
	"$build/t/bin/load" -c 1 -n "$2" ${3:+-l "$3"} "$top/corpus/$1.list" "unix:$top/sock" >"$top/load" 2>&1
	kill "$daemon"
	wait "$daemon"
	daemon=
	grep -q ' wrong=0 failed=0 ' "$top/load" || return
	counted=$(awk -f "$top/count.awk" "$top"/callgrind.*)
}

row() { # name in t/bench/README, list, [login]
	local few many figures known what i
	counted=
	if ! measure "$2" $WARM ${3:-} || ! few=$counted || ! measure "$2" $((WARM + MORE)) ${3:-}; then
		fail "$1: measured"
		sed 's/^/# /' "$top/load" "$top/log" | tail -20
		return
	fi
	many=$counted
	figures=($(paste -d ' ' <(tr ' ' '\n' <<<"$few") <(tr ' ' '\n' <<<"$many") | awk -v n=$MORE '{ printf "%d\n", ($2 - $1) / n + 0.5 }'))
	known=($(awk -v row="$1" '$1 == row && $2 ~ /^20[0-9-]+$/ { line = $3 " " $4 " " $5 } END { print line }' "$COUNTERSIGN_SRC/t/bench/README"))
	echo "# $1: ${figures[*]} (t/bench/README: ${known[*]})"
	i=0
	for what in "own instructions" "instructions of libraries" "calls into libcrypto"; do
		if [ "${known[i]:-0}" = - ]; then
			echo "# $1, $what: not compared"
		elif [ $((figures[i] * 100)) -le $((${known[i]:-0} * LIMIT)) ]; then
			pass "$1: $what"
		else
			fail "$1: $what"
			echo "# ${figures[i]} for a message, more than 5 % above the ${known[i]:-0} that t/bench/README has last. Find out why;"
			echo "# where it must be so, add a line to the table there that says why."
		fi
		i=$((i + 1))
	done
}

row verify 4k
row sign sign-both sender
done_testing
