#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign message find: each message the daemon answered, accepted or refused, in either direction, is found by what is
# known about it; the log of messages stays within its bounds, and a killed worker leaves it whole.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need python3
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-message.XXXXXX") || exit 99
chmod 755 "$dir"
root= pid= dns=
[ "$(id -u)" = 0 ] && root=--allow-root
trap 'for p in $pid $dns; do kill $p; wait $p; done 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C

settings() { # more settings
	cat >"$dir/c.conf" <<-C
		listen = [ "local:$dir/a.sock" ];
		authserv_id = "mx.example";
		trusted_networks = [ "127.0.0.0/8" ];
		dns: { servers = [ "127.0.0.1@$(cat "$dir/port")" ]; timeout = "5s"; };
		dmarc: { enforce = "strict"; };
		sign: { keys = "$dir/keys"; };
		control: { socket = ""; };
		log: { target = "stderr"; };
		store: { url = "sqlite:$dir/ledger.db"; };
		$*
	C
}
start() {
	"$build/daemon/countersignd" $root -f -c "$dir/c.conf" >>"$dir/log" 2>&1 &
	pid=$!
	eventually grep -q ready: "$dir/log" && return
	echo "Bail out! the daemon does not start"
	exit 1
}
stop() {
	kill "$pid"
	wait "$pid"
	pid=
	: >"$dir/log"
}
send() { # queue id, client, sender, From, Message-ID
	printf '%s\t' "connect" "host.test" >"$dir/steps"
	{
		printf '%s\nhelo\thost.test\nmacro\tM\ti\t%s\nmail\t<%s>\nmacro\tE\ti\t%s\n' "$2" "$1" "$3" "$1"
		printf 'rcpt\t<you@mx.example>\nrcpt\t<him@other.example>\nheader\tFrom\t %s\n' "$4"
		[ -z "${5-}" ] || printf 'header\tMessage-ID\t %s\nheader\tMessage-ID\t <second@good.test>\n' "$5"
		printf 'eoh\nbody\thello%%0D%%0A\neom\n'
	} >>"$dir/steps"
	"$build/t/bin/milterc" "$dir/a.sock" <"$dir/steps" >"$dir/answer" 2>&1
}
cs() { "$build/admin/countersign" -c "$dir/c.conf" "$@" 2>&1; }
found() { cs message find --json "$@" | python3 -c 'import json, sys; print(*[m["qid"] for m in json.load(sys.stdin)["messages"]])'; }
finds() { [ "$(found "${@:2}")" = "$1" ]; } # what is expected, arguments
found_soon() { # what is expected, arguments: the log is written just after the answer
	local want=$1
	shift
	eventually finds "$want" "$@"
	is "found by ${*:-nothing}" "$(found "$@")" "$want"
}

cat >"$dir/zone" <<-'Z'
	good.test 60 TXT "v=spf1 ip4:192.0.2.1 -all"
	_dmarc.good.test 60 TXT "v=DMARC1; p=reject"
	host.test 60 A 192.0.2.1
Z
mkdir "$dir/keys"
"$build/t/bin/dnsd" --port-file "$dir/port" "$dir/zone" >/dev/null 2>&1 &
dns=$!
eventually test -s "$dir/port"
settings
start

# ---- finding ----
send AAA1 192.0.2.1 bob@good.test 'Bob <bob@good.test>'
send AAA2 192.0.2.66 eve@evil.test 'Bob <bob@good.test>'
send AAA3 127.0.0.1 alice@ours.test 'alice@ours.test'
send AAA4 192.0.2.1 '' 'nobody <>'
found_soon "AAA4 AAA3 AAA2 AAA1"
found_soon AAA1 --qid aaa1
found_soon AAA1 --from bob@good.test
found_soon AAA2 --from evil.test
found_soon "AAA2 AAA1" --hfrom good.test
found_soon "AAA4 AAA1" --ip 192.0.2.1
found_soon AAA2 --action reject
found_soon AAA1 --dmarc pass
found_soon AAA1 --spf pass --since 5m
found_soon AAA2 --dmarc fail --policy reject --origin inbound
found_soon AAA3 --origin local
found_soon "AAA4 AAA3" --limit 2
found_soon AAA4 --from ''
like "a table for people" "$(cs message find --qid AAA1)" 'AAA1 +192\.0\.2\.1 +<bob@good\.test> +spf=pass dkim=none dmarc=pass +accept'
like "its headings" "$(cs message find)" '^TIME +QUEUE ID +CLIENT +FROM +RESULT +ACTION'
like "all of it with -v" "$(cs message find -v --qid AAA2 | tr '\n' '|')" 'qid +AAA2\|origin +inbound\|.*\|dmarc +fail\|.*action +reject\|reason +[^|]+\|size +[0-9]+\|'
is "numbers are numbers" "$(cs --json message find --qid AAA1 | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["schema"], type(d["messages"][0]["ms"]).__name__)')" "countersign.message.find/1 int"
out=$(cs message find --qid nothing)
is "none: exit code" $? 1
is "and it is said" "$out" "countersign: no such message"
out=$(cs message find --since soon)
is "a bad time: exit code" $? 64
like "what is expected" "$out" '30m, 12h or 7d nor a day'
out=$(cs message find --limit x)
is "a bad number" $? 64
out=$(cs message find AAA1)
is "no arguments" $? 64

# ---- Message-ID; recipients, when they are wanted ----
send AAB1 192.0.2.1 bob@good.test 'bob@good.test' '<1.Ab/c,d@good.test>'
send AAB2 192.0.2.1 bob@good.test 'bob@good.test' '<%1B[31m%0D%0A action=reject "x%FF>'
send AAB3 127.0.0.1 alice@ours.test 'alice@ours.test' "<$(printf 'y%.0s' {1..900})@ours.test>"
found_soon AAB1 --msgid '<1.Ab/c,d@good.test>'
found_soon AAB1 --msgid 1.ab/C,d@good.test
found_soon '' --msgid second@good.test
found_soon AAB3 --origin local --limit 1
like "the log line has it" "$(grep 'AAB1: ' "$dir/log")" ' hfrom=good\.test msgid=<1\.Ab/c,d@good\.test> iprev='
like "foreign bytes are escaped" "$(grep 'AAB2: ' "$dir/log")" ' msgid="<\\x1b\[31m\\x0d\\x0a action=reject \\"x\\xff>" iprev='
is "and it says nothing else" "$(found --qid AAB2 --action reject)" ""
is "nor does it reach a terminal" "$(cs message find -v --qid AAB2 | grep -c $'\e')" 0
is "a long one is cut" "$(grep 'AAB3: ' "$dir/log" | grep -oE 'msgid=<y+' | tr -d '\n' | wc -c)" $((6 + 256))
is "no recipients unless they are wanted" "$(grep -c 'rcpt' "$dir/log")" 0
out=$(cs message find --rcpt you@mx.example)
is "nor found" $? 1
like "and why" "$out" 'recipients are not logged \(log\.recipients is false\)'
stop
settings
sed -i 's/log: {/& recipients = true;/' "$dir/c.conf"
start
send AAC1 192.0.2.1 bob@good.test 'bob@good.test'
found_soon AAC1 --rcpt you@mx.example
found_soon AAC1 --rcpt other.example
found_soon '' --rcpt me@mx.example
like "the log line has both" "$(grep 'AAC1: ' "$dir/log")" ' rcpt=<you@mx\.example>,<him@other\.example> rcpts=2 '
for _ in {1..300}; do printf 'rcpt\t<someone.with.a.long.name@mx.example>\n'; done >"$dir/many"
printf 'connect\thost.test\t192.0.2.1\nhelo\thost.test\nmacro\tM\ti\tAAC2\nmail\t<bob@good.test>\n%s\nheader\tFrom\t bob@good.test\neoh\neom\n' "$(cat "$dir/many")" |
	"$build/t/bin/milterc" "$dir/a.sock" >"$dir/answer" 2>&1
eventually grep -q 'AAC2: ' "$dir/log"
like "many are counted" "$(grep 'AAC2: ' "$dir/log")" ' rcpts=300 '
is "and listed as far as they fit" "$(grep 'AAC2: ' "$dir/log" | grep -oE ' rcpt=[^ ]*>' | wc -c)" $((6 + 26 * 38))
stop
rm -f "$dir"/ledger.db*
settings
start
send AAA1 192.0.2.1 bob@good.test 'Bob <bob@good.test>'
send AAA4 192.0.2.1 '' 'nobody <>'
found_soon "AAA4 AAA1"

# ---- while a worker is killed, and after ----
kill -9 "$(pgrep -P "$pid" | tail -1)"
eventually eval '[ "$(grep -c "worker .* serves" "$dir/log")" -ge 2 ]'
found_soon "AAA4 AAA1"
stop
is "a stop leaves nothing pending behind" "$(ls "$dir" | grep -c pending)" 0
is "and all of it is there" "$(found)" "AAA4 AAA1"

# ---- bounds ----
settings 'messages: { max_rows = 1000; };'
if command -v sqlite3 >/dev/null; then
	sqlite3 "$dir/ledger.db-messages" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
		INSERT INTO message (at, line) SELECT unixepoch() - 86400 * (i < 50) * 30, 'B' || i || ': origin=inbound' FROM n"
	start
	for i in {1..40}; do send "C$i" 192.0.2.1 bob@good.test 'bob@good.test'; done
	found_soon C40 --limit 1
	for _ in {1..100}; do
		count=$(sqlite3 "$dir/ledger.db-messages" "SELECT COUNT(*) FROM message")
		[ "$count" -le 1256 ] && break
		send "D$count" 192.0.2.1 bob@good.test 'bob@good.test'
	done
	ok "the log keeps to its number of rows, but for the last 256" [ "$count" -le 1256 ]
	stop
else
	skip "the log keeps to its number of rows" "sqlite3 is not installed"
fi
settings
head -c 65536 /dev/urandom | dd of="$dir/ledger.db-messages" conv=notrunc status=none
out=$(cs store check)
is "a damaged one is found" $? 1
like "and named" "$out" '^log of messages: .*ledger\.db-messages is damaged: '
start
like "it is begun again" "$(cat "$dir/log")" 'the log of messages is damaged, and a new one is begun'
send E0 192.0.2.1 bob@good.test 'bob@good.test'
found_soon E0
rm "$dir/ledger.db-messages"
send E2 192.0.2.1 bob@good.test 'bob@good.test'
found_soon E2
is "so is one that was deleted, with one line" "$(grep -c 'begun again: its file was moved away or deleted' "$dir/log")" 1
like "store info shows it" "$(cs store info)" "log of messages $dir/ledger.db-messages"
stop
rm -f "$dir"/ledger.db{,-wal,-shm}
settings 'messages: { keep = "0s"; };'
start
is "switched off: its file is removed" "$(ls "$dir" | grep -c messages)" 0
send E1 192.0.2.1 bob@good.test 'bob@good.test'
stop
out=$(cs message find)
is "switched off: none is found" $? 1
is "and why" "$out" "countersign: there is no log of messages: messages.keep is 0s"
done_testing
