#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/confined.sh: what somebody could do who runs code of his own in one of the daemon's processes (t/tools/intruder.c does): in
# each kind of them a private key is opened, a file written, a connection made, a program executed ...
. "$(dirname "$0")/lib/help.sh"
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need python3 pgrep setpriv
[ "$(id -u)" = 0 ] || skip_all "only root can start it with a user for the keys"
build=$COUNTERSIGN_BUILD
! grep -qE '__[a-z]+san_init' "$build/daemon/countersignd" || skip_all "a build with a sanitizer confines nothing: its runtime needs files"
cs=$build/admin/countersign
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-confined.XXXXXX") || exit 99
daemon='' others='' quiet='' forks='' calls=''
finish() {
	kill $daemon 2>/dev/null
	kill -9 $others 2>/dev/null # one was stopped by ptrace()
	wait $daemon $others 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT

# The keys belong to "daemon", all else to "nobody"; both are on every Debian.
chmod 755 "$top"
mkdir -m 750 "$top/keys" "$top/ledger" "$top/outside"
install -m 755 "$build/daemon/countersignd" "$build/t/bin/intruder.so" "$build/t/bin/unconfined.so" "$top"
chown nobody "$top/ledger" "$top/outside"
cat >"$top/c.conf" <<-C
	listen = [ "local:$top/ledger/sock" ];
	control: { socket = "$top/ledger/control"; };
	dns: { servers = [ "127.0.0.1@1" ]; timeout = "1s"; trust_anchor = "$top/anchor"; };
	tls: { listen = [ "unix:$top/ledger/tls" ]; };
	inbox: { addresses = [ "dmarc@example.com" ]; post_listen = [ "127.0.0.1:0" ]; };
	sign: { keys = "$top/keys"; };
	store: { url = "sqlite:$top/ledger/ledger.db"; shared = "postgresql://127.0.0.1:1/none?connect_timeout=1"; keys = true; };
	http: { listen = [ "127.0.0.1:0" ]; };
	page: { listen = [ "127.0.0.1:0" ]; };
	reports: { send = true; start = "0s"; org = "Example"; from = "reports@example.com"; via = "smtp://127.0.0.1:1"; };
	log: { target = "stderr"; };
C
echo ". IN DS 1 8 2 $(printf %064d 0)" >"$top/anchor"
head -c 32 /dev/urandom | base64 >"$top/keys/.sealing-key" # it opens the keys in the shared store
chown -R daemon "$top/keys"
chmod -R u=rwX,go= "$top/keys"

# Who listens on a TCP port and on a local socket, and a process of the same user.
python3 -c '
import socket, sys, time
tcp = socket.create_server(("127.0.0.1", 0))
local = socket.socket(socket.AF_UNIX)
local.bind(sys.argv[1] + "/local")
local.listen(64)
open(sys.argv[1] + "/port", "w").write(str(tcp.getsockname()[1]) + "\n")
time.sleep(600)' "$top" &
others=$!
setpriv --reuid nobody --regid nogroup --clear-groups sleep 600 &
others="$others $!"
victim=$!
eventually [ -s "$top/port" ]
chmod 777 "$top/local"
export INTRUDER_KEY=$top/keys/.sealing-key INTRUDER_FILE=$top/outside/file INTRUDER_PORT=$(cat "$top/port")
export INTRUDER_SOCKET=$top/local INTRUDER_VICTIM=$victim

lines() { tail -c +9 "$1" | tr -d '\0'; }
# What became of one attempt in a process.
of() { # file, pid, attempt
	lines "$1" | sed -n "s/^$2 $3 //p" | tail -1
}
tell() { # name, file, pid, attempt=result...; a result "no" is any error
	local name=$1 file=$2 pid=$3 have want list= all=
	shift 3
	for want; do
		have=$(of "$file" "$pid" "${want%%=*}")
		[ "${want#*=}" != no ] || case $have in EPERM | EACCES | ENOSYS) have=no ;; esac
		list="$list ${want%%=*}=$have" all="$all $want"
	done
	is "$name" "$list" "$all"
}

# ---- all of it works where nothing is confined ----
touch "$top/free"
chmod 666 "$top/free"
setpriv --reuid nobody --regid nogroup --clear-groups env INTRUDER_OUT="$top/free" LD_PRELOAD="$top/intruder.so" \
	INTRUDER_KEY=/etc/passwd sleep 600 &
free=$!
others="$others $free"
eventually eval '[ -s "$top/free" ] && grep -q intruder "/proc/$free/maps"'
kill -USR2 $free
eventually not kill -0 $free
tell "where nothing is confined, each attempt succeeds" "$top/free" $free key=done write=done tcp=done local=done code=done \
	fork=done kill=done
is "the last one becomes another program" "$(of "$top/free" $free end)" ""
rm -f "$INTRUDER_FILE"

# ---- the daemon ----
INTRUDER_OUT="$top/out" LD_PRELOAD="$top/intruder.so" "$top/countersignd" -f -u nobody -K daemon -c "$top/c.conf" \
	2>"$top/log" </dev/null &
daemon=$!
ok "the daemon is ready" eventually -t 20 grep -q "ready:" "$top/log"
ok "each kind of process has confined itself" eventually eval '[ "$("$cs" -c "$top/c.conf" --json status | grep -c "\"process\":")" -ge 14 ]'
status=$("$cs" -c "$top/c.conf" --json status 2>/dev/null)
limit() { # kind, member
	python3 -c '
import json, sys
for process in json.loads(sys.argv[1]).get("confined", []):
    if process["process"] == sys.argv[2]:
        print(process[sys.argv[3]])' "$status" "$1" "$2"
}
[ "$(limit worker system_calls)" = True ] || skip_all "nothing is confined here: $(uname -r), or a build with a sanitizer"
landlock=$(limit worker files) ports=$(limit worker tcp_ports)
echo "# Landlock: files $landlock, TCP ports $ports"

worker=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["workers"][0]["pid"])' "$status")
key_process=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["key_processes"][0]["pid"])' "$status")
launcher=$(ps -o ppid= -p "$key_process" | tr -d ' ')
rest=$(pgrep -P $daemon | grep -vxF -e "$worker" -e "$launcher")

attack() { kill -USR2 "$1"; eventually eval '[ "$(of "$top/out" '"$1"' end)" = done ]'; }
attack $daemon
rm -f "$INTRUDER_FILE" # it may
for pid in $worker $launcher $key_process $rest; do attack "$pid"; done

nothing="code=no ptrace=no namespace=no exec=no"
tell "the supervisor executes nothing" "$top/out" $daemon key=no $nothing
tell "a worker gets no key, no other process, no stream socket" "$top/out" "$worker" key=no local=no fork=no kill=no $nothing
tell "the launcher, which loads keys, gets nowhere" "$top/out" "$launcher" write=no tcp=no local=no $nothing
tell "the key process can do nothing" "$top/out" "$key_process" key=no write=no tcp=no local=no fork=no kill=no $nothing
if [ "$landlock" = True ]; then
	tell "a worker writes no file but the ledger's" "$top/out" "$worker" write=no
else
	skip "a worker writes no file but the ledger's" "this kernel has no Landlock"
fi
if [ "$ports" = True ]; then
	tell "a worker connects to no port but the DNS servers'" "$top/out" "$worker" tcp=no
else
	skip "a worker connects to no port but the DNS servers'" "this kernel's Landlock has no ports"
fi
tried() { lines "$top/out" | sed -n 's/^\([0-9]*\) end done$/\1/p' | sort -u; }
# the report sender begins after 5 s
ok "shipper, key copier, exporter, page server, second opinion, report intake and receiver, policy service, fetcher and report sender were tried" \
	eventually eval '[ "$(tried | wc -l)" -ge 14 ]'
for pid in $(tried); do
	case " $daemon $worker $launcher $key_process " in *" $pid "*) continue ;; esac
	if [ "$(of "$top/out" "$pid" fork)" = done ]; then
		forks="$forks $pid"
		if [ "$(of "$top/out" "$pid" tcp)" = done ]; then
			tell "the report sender, which starts a process for each report that is posted" "$top/out" "$pid" key=no $nothing
			calls="$calls $pid"
		else
			tell "the report intake, which starts a process for each report, calls nobody" "$top/out" "$pid" key=no tcp=no local=no $nothing
		fi
		continue
	fi
	tell "helper $pid gets no key and no other process" "$top/out" "$pid" key=no fork=no kill=no $nothing
	case "$landlock $(echo $rest)" in "True "*"$pid"*) # the report sender makes temporary files
		tell "and writes no file elsewhere" "$top/out" "$pid" write=no
		;;
	esac
	[ "$(of "$top/out" "$pid" tcp)" = done ] || quiet="$quiet $pid"
	[ "$(of "$top/out" "$pid" local)" != done ] || calls="$calls $pid"
done
is "no other one starts processes" "$(echo $forks | wc -w)" 2
is "four, shipper, key copier, report sender and page server (of the shared store), connect to local sockets; no other does" "$(echo $calls | wc -w)" 4
is "three of them, exporter, report receiver and second opinion, connect to nobody" "$(echo $quiet | wc -w)" 3
for pid in $quiet; do tell "not by a local socket either" "$top/out" "$pid" local=no write=no; done
ok "all of them still work" "$cs" -c "$top/c.conf" status
ok "and so does a reload" "$cs" -c "$top/c.conf" reload

# ---- who reads received reports ----
printf 'From: a@example.com\nSubject: Report\n\nnone\n' >"$top/report.eml"
INTRUDER_READS=1 INTRUDER_OUT="$top/reads" LD_PRELOAD="$top/intruder.so" "$cs" -c "$top/c.conf" inbox read "$top/report.eml" >/dev/null 2>&1
reader=$(lines "$top/reads" | sed -n 's/^\([0-9]*\) end done$/\1/p' | head -1)
tell "the reader of reports can do nothing" "$top/reads" "$reader" key=no write=no tcp=no local=no fork=no $nothing

kill -TERM $daemon
wait $daemon
is "the daemon ends" $? 0

# ---- a system where nothing can be confined ----
LD_PRELOAD="$top/unconfined.so" "$top/countersignd" -f -u nobody -K daemon -c "$top/c.conf" 2>"$top/log" </dev/null &
daemon=$!
ok "the daemon is ready there, too" eventually -t 20 grep -q "ready:" "$top/log"
worker() { "$cs" -c "$top/c.conf" --json status | python3 -c 'import json, sys; print(*[w["pid"] for w in json.load(sys.stdin)["workers"] if w["state"] == "ready"])'; }
eventually eval '[ -n "$(worker)" ]'
first=$(worker)
kill -9 "$first"
eventually eval '[ -n "$(worker)" ] && [ "$(worker)" != "$first" ]'
is "each kind says once that it is not confined, however often it is started" \
	"$(grep -c 'the worker cannot be confined: this system refuses' "$top/log") $(grep -c 'the key-process cannot be confined' "$top/log")" "1 1"
like "status shows it" "$("$cs" -c "$top/c.conf" status)" "confined +nothing: .*worker"
like "doctor warns" "$("$cs" -c "$top/c.conf" doctor --only=daemon.confined 2>&1)" "warn.*less than all.*worker nothing"
kill -TERM $daemon
wait $daemon
is "that daemon ends" $? 0
daemon=
done_testing
