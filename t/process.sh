#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The processes of countersignd: starting, reloading, replacing workers, stopping. The real daemon with
# settings of its own, no MTA; t/tools/poke.c plays the MTA.
. "$(dirname "$0")/lib/eventually.sh"
build=${COUNTERSIGN_BUILD:-$PWD}
daemon=$build/daemon/countersignd poke=$build/t/bin/poke
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-process.XXXXXX") || exit 99
socket=$dir/a.sock
root=
[ "$(id -u)" = 0 ] && root=--allow-root
started=
engine=${COUNTERSIGN_MILTER:+"milter: { engine = \"$COUNTERSIGN_MILTER\"; };"} # see t/libmilter.sh
trap 'kill -9 $started 2>/dev/null; wait $started 2>/dev/null; rm -rf "$dir"' EXIT

n=0 failed=0
ok() { # name, then a command that must succeed
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$dir/said" 2>&1; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name"
		sed 's/^/# /' "$dir/said"
		sed 's/^/# log: /' "$dir/log" | tail -15
	fi
}
not() { ! "$@"; }
settings() { # listen addresses; more settings on standard input
	{
		echo "listen = [ $1 ];"
		echo 'second_opinion: { sample = 0; }; store: { url = ""; }; sign: { enabled = false; }; dns: { servers = [ "127.0.0.1@1" ]; };'
		echo "log: { target = \"stderr\"; level = \"debug\"; }; $engine"
		cat
	} >"$dir/new.conf"
	mv "$dir/new.conf" "$dir/c.conf"
}
a="\"local:$socket\"" b="\"local:$dir/b.sock\"" inet='"inet:0@127.0.0.1"'
logged() { grep -q -- "$1" "$dir/log"; }
count() { grep -c -- "$1" "$dir/log"; }
start() { # starts the daemon in the foreground; its pid is $pid
	: >"$dir/log"
	"$daemon" $root -f -c "$dir/c.conf" "$@" 2>>"$dir/log" &
	pid=$!
	started="$started $pid"
	eventually eval 'logged "ready:" || ! kill -0 $pid 2>/dev/null'
}
stop() { # the exit code is in $code
	kill -TERM $pid
	wait $pid 2>/dev/null
	code=$?
}
worker() { sed -n "s|.*worker \([0-9]*\) serves local:${1:-$socket}.*|\1|p" "$dir/log" | tail -1; }
answers() { "$poke" once "${1:-$socket}"; }
reload() { # sends HUP; waits until it is decided
	local before
	before=$(count 'reloaded:\|reload refused')
	kill -HUP $pid
	eventually eval '[ $(count "reloaded:\|reload refused") -gt '$before' ]'
}

# ---- start and stop ----
settings "$a, $inet" <<<'drain = "5s";'
start
ok "it is ready" logged "ready: countersignd .*local:$socket, inet:[1-9][0-9]*@127.0.0.1"
logged ready: || {
	echo "Bail out! countersignd does not start"
	exit 1
}
port=$(sed -n 's/.*ready:.*inet:\([0-9]*\)@.*/\1/p' "$dir/log")
ok "the socket has its mode" [ "$(stat -c %a:%F "$socket")" = 660:socket ]
ok "nothing else lies beside it" [ "$(ls -A "$dir" | tr '\n' ' ')" = "a.sock c.conf log said " ]
ok "it answers" answers
ok "so does the port" answers "$port"
ok "a connection that says nothing does no harm" "$poke" touch "$socket"
printf 'GET / HTTP/1.0\r\n\r\n' >"/dev/tcp/127.0.0.1/$port"
[ -n "$engine" ] || ok "nor does one that is no MTA's" eventually logged "connection is closed: the MTA sent a packet that is"
ok "there is a worker for each address" [ "$(pgrep -P $pid | wc -l)" = 2 ]
"$daemon" $root -f -c "$dir/c.conf" 2>"$dir/second"
ok "a second one is not started" [ $? = 69 ]
ok "and says why" grep -q "another daemon answers on $socket" "$dir/second"
ok "the first one goes on" answers

# ---- reload ----
settings "$a, $inet" <<<'drain = "6s"; trusted_networks = [ "192.0.2.0/24" ];'
ok "HUP reloads" eval 'reload && [ $(count reloaded:) = 1 ]'
settings "$a, $inet" <<<'drian = "6s"; trusted_networks = [ "192.0.2.0/240" ];'
ok "a wrong file is refused" eval 'reload && logged "reload refused: 2 errors"'
ok "each error is logged with its line" eval 'logged "c.conf:4: .*drian" && logged "c.conf:4: .*trusted_networks"'
ok "and it goes on" answers
old=$(worker)
kill -9 "$old"
ok "a worker that dies meanwhile is replaced" eventually eval '[ "$(worker)" != $old ]'
ok "with the last good settings" answers
settings "$a, $b" <<<'messages: { keep = "1d"; };'
ok "what a worker cannot change is refused" eval 'reload && logged "reload refused: .*restart"'
ok "nothing of it stays" not test -e "$dir/b.sock"
ok "nothing of the old is gone" answers "$port"
settings "$a, $b" <<<'socket_mode = "0600";'
ok "addresses come" eval 'reload && answers $dir/b.sock'
ok "and go" eventually not answers "$port"
ok "the others stay" eval 'answers && [ $(stat -c %a $socket) = 600 ]'
slow=$(worker "$dir/b.sock")
kill -STOP "$slow"
settings "$a, $b" </dev/null
sed -i "s|url = \"\"|url = \"sqlite:$dir/none.db\"|" "$dir/c.conf"
ok "one no is enough" eval 'reload && logged "reload refused: .*store.url"'
settings "$a, $b" <<<'socket_mode = "0640";'
before=$(count reloaded:)
kill -HUP $pid
sleep 0.3
kill -CONT "$slow"
ok "a late answer is not taken for another vote" eventually eval '[ $(count reloaded:) -gt $before ]'
ok "a socket that cannot be opened is a refusal" eval \
	'settings "$a, \"local:$dir/none/c.sock\"" </dev/null && reload && logged "reload refused: .*none"'

# ---- workers that die ----
settings "$a" <<<'drain = "5s";'
reload
old=$(worker)
kill -9 "$old"
before=$(date +%s%N)
ok "a killed worker is replaced" eventually eval '[ "$(worker)" != $old ]'
echo "# within $((($(date +%s%N) - before) / 1000000)) ms"
settings "$a, $b, \"local:$dir/c.sock\", \"local:$dir/d.sock\"" </dev/null
reload
for s in a b c d; do "$poke" many "$dir/$s.sock" 6 & done >"$dir/many"
kills=0
for _ in 1 2 3 4 5; do # more than a second apart, or they wait
	sleep 1.05
	for s in a b c d; do
		eventually eval 'kill -0 "$(worker "$dir/$s.sock")"' # the one before may just have been replaced
		kill -9 "$(worker "$dir/$s.sock")" && kills=$((kills + 1))
	done
done
eventually eval '[ $(grep -c answered "$dir/many") = 4 ]'
ok "20 workers die while connections come" [ $kills = 20 ]
sed 's/^/# /' "$dir/many"
ok "none is refused" not grep -q '[1-9][0-9]* refused' "$dir/many"
ok "they are answered" [ "$(grep -c '^[1-9][0-9][0-9]* answered' "$dir/many")" = 4 ]
keeps_dying() { # kills young workers until one has to wait; on a busy machine some are killed too late to be young
	for _ in {1..10}; do
		old=$(worker)
		kill -9 "$old"
		eventually eval "logged 'in a row: the next one starts' || [ \"\$(worker)\" != $old ]"
		! logged "in a row: the next one starts" || return 0
	done
	return 1
}
keeps_dying
ok "one that keeps dying waits" eventually logged "in a row: the next one starts in 0.[12] seconds"
settings "$a" <<<'drain = "5s";'
reload
eventually eval '[ "$(worker)" != $old ]'

mkfifo "$dir/go"
hold() { # begins a message; a line to fd 7 ends it
	rm -f "$dir/held"
	"$poke" hold "$socket" <"$dir/go" >"$dir/held" 7>&- &
	hold=$!
	exec 7>"$dir/go"
	eventually grep -q under "$dir/held"
}
hold
old=$(worker)
kill -TERM "$old"
ok "TERM to a worker brings another" eventually eval '[ "$(worker)" != $old ]'
ok "that serves" answers
echo >&7
wait $hold
ok "while the first finishes its message" grep -q 'answer: [ac]' "$dir/held"
ok "and ends" eventually not kill -0 "$old"

# ---- stopping ----
hold
kill -TERM $pid
ok "TERM takes the socket away" eventually not test -e "$socket"
ok "but the message is waited for" kill -0 $pid
echo >&7
wait $hold
ok "and finished" grep -q 'answer: [ac]' "$dir/held"
wait $pid
ok "then it ends well" [ $? = 0 ]

start
hold
kill -TERM $pid
eventually logged stopping
before=$SECONDS
kill -TERM $pid
wait $pid
ok "a second TERM ends it at once" [ $? = 0 -a $((SECONDS - before)) -le 2 ]
exec 7>&-

start
old=$(worker)
kill -9 $pid
ok "a worker ends with its supervisor" eventually not kill -0 "$old"
ok "the socket is left behind" test -S "$socket"
start
ok "and taken over by the next start" answers
stop
ok "TERM ends it" [ "$code" = 0 ]
ok "the socket is gone" not test -e "$socket"
echo text >"$socket"
start
wait $pid
ok "a file in the way stops the start" [ $? = 69 ]
ok "and stays" [ "$(cat "$socket")" = text ]
rm "$socket"

# ---- the command line ----
"$daemon" $root -t -c "$dir/c.conf" >"$dir/out" 2>&1
ok "-t: fine" [ $? = 0 ]
settings "$a" <<<'drian = "5s"; socket_mode = "rw"; max_header_bytes = -1;'
"$daemon" $root -t -c "$dir/c.conf" >"$dir/out" 2>&1
ok "-t: wrong" [ $? = 78 ]
ok "with every error" eval 'grep -q drian $dir/out && grep -q socket_mode $dir/out && grep -q max_header_bytes $dir/out'
keys='sign: { enabled = true; keys = "'$dir/keys'"; };'
mkdir -p "$dir/keys/example.com"
echo nonsense >"$dir/keys/example.com/s.key"
chmod 600 "$dir/keys/example.com/s.key"
settings "$a" <<<"$keys"
sed -i 's/sign: { enabled = false; };//' "$dir/c.conf"
"$daemon" $root -t -c "$dir/c.conf" >"$dir/out" 2>&1
ok "-t names a key that cannot be used, for which the daemon would start" [ $? = 0 ]
ok "with its reason" grep -q 'warning: .*example.com/s.key: ' "$dir/out"
ok "and names the wrong one" grep -q 'example.com/s.key' "$dir/out"
"$daemon" $root -f -c "$dir/none.conf" 2>"$dir/out"
ok "no file, no start" [ $? = 78 ]
ok "which is said" grep -q none.conf "$dir/out"
"$daemon" --nonsense >"$dir/out" 2>&1
ok "an unknown option" [ $? = 64 ]
ok "--help" eval '"$daemon" --help | grep -q -- --allow-root'
ok "--version" eval '"$daemon" -V | grep -q "^countersignd [0-9]"'
if [ -n "$root" ]; then
	"$daemon" -f -c "$dir/c.conf" 2>"$dir/out"
	ok "root is refused" [ $? = 77 ]
	settings "$a" </dev/null
	chmod 755 "$dir"
	mkdir "$dir/nobody"
	chown nobody "$dir/nobody"
	settings "\"local:$dir/nobody/m.sock\"" </dev/null
	: >"$dir/log"
	"$daemon" -f -u nobody -c "$dir/c.conf" 2>"$dir/log" &
	pid=$!
	started="$started $pid"
	eventually logged ready:
	ok "-u gives root up" [ "$(ps -o user= -p $pid)" = nobody ]
	ok "in the workers too" [ "$(stat -c %U "$dir/nobody/m.sock")" = nobody ]
	stop
	"$daemon" -f -u no-such-user -c "$dir/c.conf" 2>"$dir/out"
	ok "an unknown user" [ $? = 67 ]
fi

# ---- in the background ----
settings "$a" </dev/null
(cd "$dir" && "$daemon" $root -c c.conf -p "$dir/pid") 2>"$dir/out"
ok "it goes into the background when it is ready" [ $? = 0 ]
pid=$(cat "$dir/pid")
started="$started $pid"
ok "and answers" answers
ok "in a session of its own" [ "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')" ]
"$daemon" $root -c "$dir/c.conf" 2>"$dir/out"
ok "a failing start is told to who started it" [ $? = 69 ]
"$daemon" $root -c "$dir/c.conf" -p "$dir/pid" 2>"$dir/held"
ok "the pid file is held" [ $? = 73 -a "$(cat "$dir/pid")" = "$pid" ]
ok "with the reason" grep -q 'countersignd: another daemon answers' "$dir/out"
kill -TERM "$pid"
ok "it ends" eventually not kill -0 "$pid"
ok "and leaves nothing" eval 'not test -e $dir/pid && not test -e $socket'

# ---- the service manager ----
"$poke" notify "$dir/notify" >"$dir/notes" &
notes=$!
started="$started $notes"
eventually test -S "$dir/notify"
noted() { grep -q -- "$1" "$dir/notes"; }
export NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=300000
start
unset NOTIFY_SOCKET WATCHDOG_USEC
ok "READY" eventually noted "^READY=1 MAINPID=$pid STATUS=ready on local:$socket"
ok "WATCHDOG" eventually eval '[ $(grep -c WATCHDOG=1 $dir/notes) -ge 3 ]'
reload
ok "RELOADING" eventually noted '^RELOADING=1 MONOTONIC_USEC=[1-9]'
ok "READY again" eventually eval '[ $(grep -c ^READY=1 $dir/notes) = 2 ]'
kill -STOP "$(worker)"
sleep 0.4
before=$(grep -c WATCHDOG "$dir/notes")
sleep 0.5
ok "no WATCHDOG while a worker hangs" [ "$(grep -c WATCHDOG "$dir/notes")" = "$before" ]
kill -CONT "$(worker)"
ok "again when it goes on" eventually eval '[ $(grep -c WATCHDOG $dir/notes) -gt '"$before"' ]'
stop
ok "STOPPING" eventually noted '^STOPPING=1 EXTEND_TIMEOUT_USEC=[1-9]'

echo "1..$n"
exit $failed
