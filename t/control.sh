#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign status, reload, log-level and cache flush against a real daemon: what they show is what happened, and who may
# not use them is told so.
. "$(dirname "$0")/lib/tap.sh"
build=${COUNTERSIGN_BUILD:-$PWD}
daemon=$build/daemon/countersignd poke=$build/t/bin/poke
need python3
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-control.XXXXXX") || exit 99
chmod 755 "$dir"
root=
[ "$(id -u)" = 0 ] && root=--allow-root
pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; rm -rf "$dir"' EXIT

settings() { # more settings on standard input
	{
		echo "listen = [ \"local:$dir/a.sock\" ];"
		echo "store: { url = \"\"; }; sign: { keys = \"$dir/keys\"; }; dns: { servers = [ \"127.0.0.1@1\" ]; };"
		echo 'log: { target = "stderr"; };'
		cat
	} >"$dir/new"
	mv "$dir/new" "$dir/c.conf"
}
control="control: { socket = \"$dir/control.sock\"; };"
cs() { "$build/admin/countersign" -c "$dir/c.conf" "$@"; }
says() { # exit code, pattern, arguments of countersign
	local want=$1 pattern=$2 have
	shift 2
	cs "$@" >"$dir/said" 2>&1
	have=$?
	[ $have = "$want" ] && grep -qE -- "$pattern" "$dir/said" && return
	echo "code $have"
	cat "$dir/said"
	return 1
}
check() { # name, then a command
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then pass "$name"; else
		fail "$name"
		sed 's/^/# /' <<<"$out"
	fi
}
logged() { grep -q -- "$1" "$dir/log"; }
field() { cs --json status | python3 -c "import json,sys; s = json.load(sys.stdin); print($1)"; }

# ---- without a daemon ----
settings <<<"$control"
check "no daemon: which socket, and what to type" says 69 "$dir/control.sock: there is no such socket.*the daemon is not running \(start it: .*countersignd" status
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/control.sock"
check "a dead one's socket" says 69 "the daemon does not answer" reload
settings <<<'control: { socket = ""; };'
check "no socket by the settings" says 69 "control.socket is empty" status

# ---- with one ----
settings <<<"$control"
mkdir -p "$dir/keys"
"$daemon" $root -f -c "$dir/c.conf" 2>"$dir/log" &
pid=$!
eventually logged ready: || { echo "Bail out! the daemon does not start"; exit 1; }
is "the socket is for its user and group" "$(stat -c %a "$dir/control.sock")" 660
check "status" says 0 "^daemon .*countersignd .*process $pid," status
check "it shows the socket" says 0 "^listening .*local:$dir/a.sock" status
is "as JSON too" "$(field 's["schema"], s["daemon"]["pid"], s["daemon"]["well"], s["workers"][0]["state"], s["reload"]')" \
	"countersign.status/1 $pid True ready None"
message() { echo | "$poke" hold "$dir/a.sock" >/dev/null; }
messages() { field 'int(sum(m["value"] for m in s["metrics"] if m["name"] == "countersign_messages_total"))'; }
message
message
is "two messages are counted" "$(messages)" 2
worker=$(field 's["workers"][0]["pid"]')
kill -9 "$worker"
replaced() { [ "$(field 's["workers"][0]["state"] == "ready" and s["workers"][0]["pid"] != '"$worker")" = True ]; }
check "a worker that dies is replaced" eventually replaced
message
is "its messages stay counted" "$(messages)" 3
is "and its death is" "$(field '[int(m["value"]) for m in s["metrics"] if m["name"] == "countersign_worker_deaths_total"][0]')" 1
is "no connection of it is left" \
	"$(field '[int(m["value"]) for m in s["metrics"] if m["name"] == "countersign_connections"][0]')" 0
check "Prometheus's format" says 0 '^countersign_messages_total\{origin="inbound",action="accept"\} ' status --prometheus
if command -v promtool >/dev/null; then
	is "promtool finds nothing wrong with it" "$(cs status --prometheus | promtool check metrics 2>&1)" ""
else
	skip "promtool finds nothing wrong with it" "promtool is not installed"
fi
check "watching" timeout 10 bash -c '"$0" -c "$1" status --watch | grep -m2 "^messages" | wc -l | grep -q 2' \
	"$build/admin/countersign" "$dir/c.conf"

# ---- reload ----
check "a reload" says 0 "reloaded: the daemon uses" reload
settings <<<"$control dmarc: { enforec = \"rfc\"; };"
check "is refused with file and line" says 78 "c.conf:4: unknown key dmarc.enforec; did you mean dmarc.enforce" reload
check "and says that nothing changed" says 78 "goes on with the settings it had" reload
check "status is not well then" says 1 "^settings .*refused at" status
check "and says why" says 1 "c.conf:4: unknown key dmarc.enforec" status
settings <<<"$control dmarc: { discovery = \"psl\"; psl_file = \"/nonexistent/psl\"; };"
check "what a worker refuses is said as well" says 78 "psl_file.*nonexistent|nonexistent/psl" reload
settings <<<"$control }"
default=$("$build/admin/countersign" config explain control.socket | sed -n 's/^control\.socket = "\(.*\)";$/\1/p')
if [ -S "$default" ]; then # a daemon of this host would be asked
	skip "a file that cannot be read at all" "something has $default"
else
	check "a file that cannot be read at all" says 69 "c.conf:4: (error: )?syntax error" reload
fi
check "is refused, too, once the socket is named" says 78 "c.conf:4: (error: )?syntax error" reload --socket "$dir/control.sock"
settings <<<"$control"
for i in 1 2 3 4 5 6 7 8; do cs reload >"$dir/reload.$i" 2>&1 & reloads="$reloads $!"; done
wait $reloads
is "eight at once are all answered" "$(cat "$dir"/reload.* | grep -c 'the daemon uses the new settings')" 8
check "status is well again" says 0 "^settings .*accepted at" status
mkdir "$dir/elsewhere"
settings <<<"control: { socket = \"$dir/elsewhere/c.sock\"; };"
check "the socket can move" says 0 reloaded reload --socket "$dir/control.sock"
check "and is used there" eventually says 0 "^daemon" status
is "it is gone from its old place" "$(ls "$dir/control.sock" 2>/dev/null)" ""
settings <<<"$control"
cs --quiet reload --socket "$dir/elsewhere/c.sock"

# ---- the rest ----
check "more lines in the log" says 0 "log level debug" log-level debug
is "as status shows" "$(field 's["daemon"]["log_level"]')" debug
kill -9 "$(field 's["workers"][0]["pid"]')"
check "also in a new worker" eventually eval '[ "$(field '"'"'s["workers"][0]["state"], s["daemon"]["log_level"]'"'"')" = "ready debug" ]'
check "a reload brings back the settings' level" eval 'cs -q reload && [ "$(field '"'"'s["daemon"]["log_level"]'"'"')" = info ]'
check "an unknown level" says 64 "one of error, warning, info, debug" log-level loud
check "a level is needed" says 64 "an argument is missing" log-level
check "caches are emptied" says 0 "flushed: all" cache flush all
check "an unknown cache" says 64 "one of dns, keys, all" cache flush hash

# ---- who may ----
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$build/admin/countersign" "$dir/countersign" # the build tree may be closed to other users
	as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$dir/countersign" -c "$dir/c.conf" "$@"; }
	as status >"$dir/said" 2>&1
	is "another user may not" "$?" 77
	like "and is told so" "$(cat "$dir/said")" "this user may not ask the daemon"
	chmod 666 "$dir/control.sock"
	as status >"$dir/said" 2>&1
	is "not even where the socket was opened to all" "$?" 77
	like "and is told so" "$(cat "$dir/said")" "only for root, the daemon's user"
	settings <<<"control: { socket = \"$dir/control.sock\"; group = \"$(id -gn 65534 2>/dev/null || echo nogroup)\"; };"
	check "a group may be let in" says 0 reloaded reload
	sleep 0.2
	as status >"$dir/said" 2>&1
	is "then its members may" "$?" 0
fi

# ---- clients that do nothing ----
python3 - "$dir/control.sock" <<-'END' &
	import socket, sys, time
	held = []
	for _ in range(12):
	    s = socket.socket(socket.AF_UNIX)
	    s.connect(sys.argv[1])
	    held.append(s)
	held[0].send(b"stat")
	held[1].send(b"\0" * 100)
	time.sleep(2)
END
idle=$!
sleep 0.3
check "twelve idle clients hold nobody" says 0 "^daemon" status
message
is "least of all mail" $? 0
wait $idle
kill $pid
wait $pid
is "it ends" $? 0
pid=
is "and takes its socket along" "$(ls "$dir/control.sock" 2>/dev/null)" ""
done_testing
