#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/key_process.sh [--reloads N] [--kills N]: the process that holds the private keys. Under signing traffic the daemon is
# reloaded, with keys that come and go, and key processes are killed: every message that is accepted has the signatures of the keys
# that stay, and each signature verifies (5 and 4 times in the suite; 1000 and 100 before a release). And what becomes of mail
# when no key process answers. Whose memory has the keys: t/key_memory.sh.
. "$(dirname "$0")/lib/help.sh"
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
reloads=5 kills=4
while [ $# -gt 0 ]; do
	case $1 in
	--reloads) reloads=$2 ;;
	--kills) kills=$2 ;;
	*) echo "t/key_process.sh: unknown option $1" >&2; exit 64 ;;
	esac
	shift 2
done
bin=$COUNTERSIGN_BUILD/t/bin
cs=$COUNTERSIGN_BUILD/admin/countersign
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-keyprocess.XXXXXX") || exit 99
daemon='' load='' stopped='' activate=''
finish() {
	: >"$top/stop"
	[ -z "$stopped" ] || kill -CONT $stopped 2>/dev/null
	kill $daemon $activate 2>/dev/null
	wait $daemon $load $activate 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root

settings() { # more settings on standard input
	{
		cat <<-C
			listen = [ "local:$top/sock" ];
			control: { socket = "$top/control"; };
			dns: { servers = [ "127.0.0.1@1" ]; timeout = "1s"; trust_anchor = "$top/anchor"; };
			log: { target = "stderr"; };
		C
		cat
	} >"$top/c.conf"
}
start() { # options
	: >"$top/log"
	"$COUNTERSIGN_BUILD/daemon/countersignd" $root -f -c "$top/c.conf" "$@" 2>>"$top/log" </dev/null &
	daemon=$!
	eventually eval 'grep -q "ready:" "$top/log" || ! kill -0 $daemon 2>/dev/null'
}
stop() {
	kill -TERM "$daemon"
	wait "$daemon"
	code=$?
	daemon=
}
logged() { grep -qE -- "$1" "$top/log"; }
fact() { # name of a fact of the status, number of its field
	"$cs" --json -c "$top/c.conf" status 2>/dev/null | python3 -c '
import json, sys
for process in json.load(sys.stdin)[sys.argv[1]]:
    if process["state"] in ("current", "ready"):
        print(process["pid"])' "$1" | head -1
}
key_process() { fact key_processes; }
has_key_process() { [ -n "$(key_process)" ]; }
metric() { "$cs" -c "$top/c.conf" status --prometheus 2>/dev/null | sed -n "s/^countersign_$1 //p"; }
key() { "$cs" -q -c "$top/c.conf" key "$@" >"$top/said" 2>&1; }
traffic() { # records
	rm -f "$top/stop"
	"$bin/signload" -c 4 -s 2 -w 5 "$top/stop" "local:$top/sock" "$top/records" >"$top/load" 2>&1 &
	load=$!
}
end_traffic() { # sets $sent $accepted ...
	: >"$top/stop"
	wait "$load"
	load=
	local line
	line=$(grep ^sent= "$top/load")
	eval "$line"
	echo "# $line"
}

descendants() { # of a process, itself included
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do descendants "$child"; done
}

mkdir -m 750 "$top/keys"
echo ". IN DS 1 8 2 $(printf %064d 0)" >"$top/anchor"
need python3 pgrep
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
settings <<-C
	sign: { keys = "$top/keys"; };
	store: { url = "sqlite:$top/ledger.db"; shared = "postgresql://127.0.0.1:1/none?connect_timeout=1"; };
	http: { listen = [ "127.0.0.1:$port" ]; };
C
for selector in r1 r2; do key gen example.com --selector $selector --active; done
key gen example.com --selector e1 --type ed25519 --active
for selector in r1 r2 e1; do key show example.com $selector --format line; cat "$top/said"; done >"$top/records"
is "there are three keys" "$(wc -l <"$top/records")" 3
start
ok "the daemon is ready" logged ready:
eventually has_key_process
current=$(key_process)
ok "there is a key process" [ -n "$current" ]
like "status shows it" "$("$cs" -c "$top/c.conf" status)" "key process +$current current since .*, user .*, memory (locked|swappable)"

# ---- reloads and deaths while messages are signed ----
traffic
deaths=0 failed_reloads=0
for ((i = 1; i <= reloads || deaths < kills; i++)); do
	if ((i <= reloads)); then # these commands make the daemon reload
		if ((i % 2)); then change=retire; else change="activate --force"; fi
		"$cs" -c "$top/c.conf" key $change example.com r2 >"$top/said" 2>&1
		grep -q "the daemon has taken over" "$top/said" || failed_reloads=$((failed_reloads + 1))
		((i % 50)) || echo "# $i of $reloads reloads, $deaths of $kills deaths, $SECONDS s"
	fi
	if ((deaths < kills && deaths * reloads <= i * kills)); then
		current=$(key_process)
		kill -9 "$current" && deaths=$((deaths + 1))
		eventually eval 'now=$(key_process) && [ -n "$now" ] && [ "$now" != "$current" ]'
	fi
done
end_traffic
is "key retire and activate: the daemon takes over each new state" $failed_reloads 0
is "a key process was killed $kills times" "$(metric key_process_deaths_total)" "$kills"
ok "messages were accepted" [ "$accepted" -gt 100 ]
is "each of them is signed by both keys that stay" "$unsigned" 0
is "every signature verifies" "$bad" 0
is "no connection was cut" "$cut" 0
is "none had to wait so long that it was deferred" "$deferred" 0
ok "the worker is the one that was there at the start" [ "$(grep -c "worker .* serves" "$top/log")" = 1 ]
ok "key processes that were replaced have ended" eventually \
	eval '[ $("$cs" -c "$top/c.conf" status | grep -c "leaving") = 0 ]'

# ---- the launcher dies: the key process goes on, and the next one comes from another launcher ----
launcher=
for process in $(pgrep -P $daemon); do
	[ -z "$(pgrep -P "$process")" ] || launcher=$process
done
current=$(key_process)
kill -9 "$launcher"
traffic
eventually [ ! -e "/proc/$launcher" ]
is "the key process lives on without its launcher" "$(key_process)" "$current"
kill -9 "$current"
ok "another launcher starts the next one" eventually eval 'now=$(key_process) && [ -n "$now" ] && [ "$now" != "$current" ]'
end_traffic
is "no message is lost over that: unsigned, bad, deferred" "$unsigned $bad $deferred" "0 0 0"

# ---- a key process that does not answer ----
once() { # one message: prints the reply to its end, and how many signatures it got
	printf 'connect\tlocalhost\t127.0.0.1\nmail\t<user@example.com>\nrcpt\t<a@example.net>\nheader\tFrom\t <user@example.com>\neoh\nbody\thello%%0D%%0A\neom\n' |
		timeout 60 "$bin/milterc" "$top/sock" >"$top/answer" 2>&1
	echo "$(grep -c 'insert.*DKIM-Signature' "$top/answer") $(sed -n 's/^eom	//p' "$top/answer" | tail -1 | tr '\t' ' ')"
}
like "a message is signed by both kinds of keys" "$(once)" "^[23] "
stopped=$(key_process)
kill -STOP $stopped
like "no answer, sign.on_failure = tempfail: deferred, without a change" "$(once)" "^0 reply 451.*cannot be signed now"
kill -CONT $stopped
stopped=
ok "the log says why" logged "sign=.*the key process does not answer|the key process does not answer"
like "it answers again: signed" "$(once)" "^[23] "
settings <<-C
	sign: { keys = "$top/keys"; on_failure = "accept"; max_rate = 1; };
	store: { url = "sqlite:$top/ledger.db"; shared = "postgresql://127.0.0.1:1/none?connect_timeout=1"; };
	http: { listen = [ "127.0.0.1:$port" ]; };
C
"$cs" -q -c "$top/c.conf" reload
for _ in 1 2 3 4 5; do once; done >"$top/many"
ok "over sign.max_rate, on_failure = accept: sent without" eval 'grep -q "^0" "$top/many" && ! grep -q 451 "$top/many"'
ok "the log names the key and the setting" eventually logged "key [er][12] of example.com: more signatures.*sign.max_rate"
ok "they are counted" eventually eval '[ "$(metric "key_requests_total{outcome=.limited.}")" -gt 0 ]'
stop
is "a stop ends all of it" $code 0

# ---- the service manager starts the launcher ----
if command -v systemd-socket-activate >/dev/null; then
	systemd-socket-activate --accept -l "$top/keys.sock" "$COUNTERSIGN_BUILD/daemon/countersignd" --key-launcher >"$top/activate" 2>&1 &
	activate=$!
	eventually test -S "$top/keys.sock"
	start --key-socket "$top/keys.sock"
	ok "with --key-socket: the daemon is ready" logged ready:
	like "a message is signed" "$(once)" "^[23] "
	eventually has_key_process
	current=$(key_process)
	is "by a process that is not the daemon's" "$(descendants $daemon | grep -cx "$current")" 0
	kill -9 "$current"
	like "the next one signs, too" "$(once)" "^[23] "
	stop
	is "the daemon ends" $code 0
	ok "and the launcher with it" eventually eval '[ -z "$(pgrep -P $activate)" ]'
	kill $activate
	wait $activate 2>/dev/null
	activate=
else
	skip "the service manager starts the launcher" "there is no systemd-socket-activate"
fi
done_testing
