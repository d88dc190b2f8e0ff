#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/endure.sh [RELOADS [CRASHES [ENGINE]]]: under traffic the daemon is told to reload, then its worker is killed, again and
# again. No message may be lost - each is accepted in the end, and each that was accepted is in the ledger - and nothing may
# grow: descriptors, memory and threads of supervisor and worker are printed before and after.
# In the suite: 30 and 2. Before a release: t/endure.sh 1000 100 libmilter; t/endure.sh 1000 100 native
. "$(dirname "$0")/lib/help.sh"
. "${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}/t/lib/tap.sh"
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)} build=${COUNTERSIGN_BUILD:-$PWD}
reloads=${1:-30} crashes=${2:-2} engine=${3:-libmilter}
need python3
[ -r /proc/self/status ] || skip_all "there is no /proc"
clear_of_midnight $((reloads / 10 + crashes * 2 + 15))
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-endure.XXXXXX") || exit 99
daemon='' dns='' traffic=''
finish() {
	touch "$top/stop"
	kill $daemon $dns $traffic 2>/dev/null
	wait $daemon $dns $traffic 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT
trap 'exit 130' INT TERM
root=
[ "$(id -u)" = 0 ] && root=--allow-root

cat >"$top/zone" <<Z
sender.test 300 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test 300 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
Z
"$build/t/bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"
mkdir -p "$top/keys"
"$build/admin/countersign" -c /dev/null key gen example.com --active --keys "$top/keys" >/dev/null 2>&1 || true
cat >"$top/c.conf" <<C
listen = [ "local:$top/sock" ];
trusted_networks = [ ];
milter: { engine = "$engine"; };
dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; };
sign: { keys = "$top/keys"; };
store: { url = "sqlite:$top/ledger.db"; };
log: { target = "stderr"; level = "warning"; };
control: { socket = "$top/control"; };
C
"$build/daemon/countersignd" $root -f -c "$top/c.conf" 2>"$top/log" &
daemon=$!
eventually test -S "$top/sock"

ask() { # requests to the control socket, one a line: prints the answers' codes
	python3 -c '
import socket, sys
for line in sys.stdin:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(line.encode())
    data = b""
    while piece := s.recv(65536):
        data += piece
    print(data.split(b" ")[0].decode())' "$top/control"
}
worker() { "$build/admin/countersign" -c "$top/c.conf" --json status | python3 -c '
import json, sys
ready = [w["pid"] for w in json.load(sys.stdin)["workers"] if w["state"] == "ready"]
print(ready[0] if ready else "")'; }
usage() { # pid: descriptors, kilobytes, threads
	echo "$(ls "/proc/$1/fd" | wc -l) $(awk '/^VmRSS/ { print $2 }' "/proc/$1/status") $(ls "/proc/$1/task" | wc -l)"
}
figures() { # when: a line for each process
	local fds kb threads
	read -r fds kb threads < <(usage "$daemon")
	echo "# $1: supervisor: $fds descriptors, $kb kB, $threads threads"
	read -r fds kb threads < <(usage "$(worker)")
	echo "# $1: worker:     $fds descriptors, $kb kB, $threads threads"
}
steady() { # name, before, after, kilobytes that it may grow by
	local fds0 kb0 threads0 fds1 kb1 threads1
	read -r fds0 kb0 threads0 <<<"$2"
	read -r fds1 kb1 threads1 <<<"$3"
	ok "$1: no more descriptors ($fds0, $fds1)" [ "$fds1" -le $((fds0 + 4)) ]
	ok "$1: no more threads ($threads0, $threads1)" [ "$threads1" -le $((threads0 + 4)) ]
	if [ -n "${COUNTERSIGN_SANITIZER:-}" ]; then
		echo "# memory under a sanitizer says nothing: $kb0, $kb1 kB"
	else
		ok "$1: no more memory ($kb0, $kb1 kB)" [ "$kb1" -le $((kb0 + $4)) ]
	fi
}

python3 "$src/t/tools/endure.py" "$top/sock" 4 "$top/stop" >"$top/traffic" 2>&1 &
traffic=$!
sleep 1
yes reload | head -20 | ask >/dev/null
sleep 1
supervisor0=$(usage "$daemon") worker0=$(usage "$(worker)")
figures "before"

# ---- reloads ----
begin=$SECONDS
is "$reloads reloads: all accepted" "$(yes reload | head -"$reloads" | ask | grep -c '^ok$')" "$reloads"
sleep 1
echo "# $reloads reloads in $((SECONDS - begin)) s"
figures "after $reloads reloads"
steady "supervisor, reloads" "$supervisor0" "$(usage "$daemon")" 2048
steady "worker, reloads" "$worker0" "$(usage "$(worker)")" 8192

# ---- crashes ----
begin=$SECONDS
died=0 last=
for ((i = 0; i < crashes; i++)); do
	for _ in {1..100}; do pid=$(worker) && [ -n "$pid" ] && [ "$pid" != "$last" ] && break; sleep 0.1; done
	last=$pid
	sleep 1.1 # a worker that dies younger makes the next one wait
	kill -9 "$pid" && died=$((died + 1))
done
for _ in {1..100}; do [ -n "$(worker)" ] && break; sleep 0.1; done
is "$crashes crashes: each worker was replaced" "$died" "$crashes"
sleep 1
echo "# $crashes crashes in $((SECONDS - begin)) s"
figures "after $crashes crashes"
steady "supervisor, crashes" "$supervisor0" "$(usage "$daemon")" 2048
steady "worker, crashes" "$worker0" "$(usage "$(worker)")" 8192
is "the log has a line for each" "$(grep -c 'was killed by signal 9' "$top/log")" "$crashes"

# ---- messages ----
touch "$top/stop"
wait "$traffic"
is "every message was accepted in the end" $? 0
traffic=
read -r _ accepted _ deferred _ broken < <(tail -1 "$top/traffic")
echo "# $(cat "$top/traffic")"
metric() { "$build/admin/countersign" -c "$top/c.conf" status --prometheus | awk -v m="$1" '$1 == m { print $2 }'; }
is "no connection is left" "$(metric countersign_connections)" 0
is "the daemon counted the deaths" "$(metric countersign_worker_deaths_total)" "$crashes"
counted=0
for _ in {1..100}; do
	counted=$("$build/admin/countersign" -c "$top/c.conf" --json report list --since 1d 2>/dev/null |
		python3 -c 'import json, sys; print(sum(r["messages"] for r in json.load(sys.stdin)["reports"]))' 2>/dev/null || echo 0)
	[ "$counted" -ge "${accepted:-1}" ] && break
	sleep 0.1
done
echo "# $counted in the ledger"
ok "each that was accepted is in the ledger" [ "$counted" -ge "$accepted" ]
ok "and no more than were sent" [ "$counted" -le $((accepted + broken + deferred)) ]
kill "$daemon"
wait "$daemon"
is "it ends" $? 0
daemon=
done_testing
