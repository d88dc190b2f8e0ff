#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What was answered is counted, or how much is not is said: a journal of a killed daemon in which a byte has changed, and a
# disk (a small tmpfs) that is full.
. "$(dirname "$0")/lib/tap.sh"
need sqlite3 unshare perl python3
clear_of_midnight 60
if [ -z "${LEDGER_MACHINE:-}" ]; then
	map=
	[ "$(id -u)" = 0 ] || map=--map-root-user
	unshare $map --mount true 2>/dev/null || skip_all "a mount namespace of its own is not permitted here"
	LEDGER_MACHINE=1 exec unshare $map --mount bash "$0"
fi
. "$(dirname "$0")/lib/lone_daemon.sh"
cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
Z
mkdir -m 750 "$top/d"
mount -t tmpfs -o size=64m,mode=750 none "$top/d" || skip_all "a tmpfs cannot be mounted here"

logged() { grep -qE -- "$1" "$top/log"; }
lines() { grep -cE -- "$1" "$top/log"; }
send() { # how many messages, each with a row of its own; prints how many were answered with "continue" or "accept"
	local i
	for ((i = 1; i <= $1; i++)); do
		printf 'connect\tx\t198.51.100.25\nhelo\tx%s.test\nmail\t<bob@x%s.sender.test>\nrcpt\t<a@x%s.example.com>\nheader\tFrom\t Bob <bob@sender.test>\neoh\neom\nagain\n' \
			$RANDOM.$i $RANDOM.$i $RANDOM.$i
	done | timeout 60 "$BUILD/t/bin/milterc" "$top/sock" 2>&1 | grep -cE '^eom	(continue|accept)'
}
counted() { # how many messages the ledger has
	"$BUILD/admin/countersign" -c "$top/conf" --json report list --since 1d 2>/dev/null |
		python3 -c 'import json, sys; print(sum(r["messages"] for r in json.load(sys.stdin)["reports"]))' 2>/dev/null || echo -1
}
check_store() { # its status, and the first words of each finding
	local said code
	said=$("$BUILD/admin/countersign" -c "$top/conf" store check 2>&1)
	code=$?
	echo "$code: $(grep -oE '^ledger: [^:]*: ' <<<"$said" | tr -d '\n')"
}
fresh() { rm -rf "$top"/d/*; }
status() { "$BUILD/admin/countersign" -c "$top/conf" status 2>&1; }

# ---- a journal of a killed daemon, in which a byte has changed ----
lock_ledger() {
	rm -f "$top/pipe"
	mkfifo "$top/pipe"
	sqlite3 "$top/d/ledger.db" <"$top/pipe" >/dev/null 2>"$top/locker.log" &
	flood=$!
	exec 7>"$top/pipe"
	echo 'BEGIN EXCLUSIVE; SELECT 1;' >&7
	eventually eval '! sqlite3 "$top/d/ledger.db" "BEGIN IMMEDIATE;" 2>/dev/null'
}
unlock_ledger() {
	exec 7>&-
	wait $flood
	flood=
}
flip() { # file, offset
	perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1; seek F, $ARGV[1], 0; print F chr(ord($b) ^ 16)' "$@"
}
start_lone_daemon "sqlite:$top/d/ledger.db" 'wait = "200ms";'
journal=$top/d/ledger.db-pending.0
for at in 0 1024 4100 4300 4700 5100; do
	lock_ledger
	is "byte $at: three messages are answered while the ledger is locked" "$(send 3)" 3
	stop_lone_daemon KILL
	unlock_ledger
	flip "$journal" $at
	run_lone_daemon
	if [ $at -lt 4096 ]; then
		ok "byte $at of a journal: all is counted" eventually eval '[ "$(counted)" = 3 ]'
		is "byte $at: store check finds no loss" "$(check_store)" "0: "
	else
		ok "byte $at of a journal: all but one message are counted" eventually eval '[ "$(counted)" = 2 ]'
		is "byte $at: one line says how many are missing" \
			"$(lines 'bytes of what a killed process had counted are damaged: at most 1 messages are not counted')" 1
		ok "byte $at: the file is kept" test -s "$journal-damaged"
		eventually eval 'check_store | grep -q results' # it measures itself every few seconds
		is "byte $at: store check says what is lost" "$(check_store)" \
			"1: ledger: $journal-damaged is a damaged journal: ledger: results were not recorded since the daemon was started: "
		like "byte $at: so does doctor" "$("$BUILD/admin/countersign" -c "$top/conf" doctor --only=ledger.lost 2>&1)" \
			"warn +1 results were not recorded since the daemon was started"
	fi
	stop_lone_daemon TERM
	fresh
	run_lone_daemon
done

lock_ledger
is "three messages that only the journal has" "$(send 3)" 3
stop_lone_daemon KILL
unlock_ledger
like "store check --reconcile has them from there" \
	"$("$BUILD/admin/countersign" -c "$top/conf" store check --reconcile 2>/dev/null | tr -s ' ')" \
	"$(date -u +%F) aggregate 3 - - 0 0 3 of a day that is not over"
fresh
run_lone_daemon

# ---- a ledger in which something has changed while the daemon was stopped ----
damage() { # text, replacement of the same length [g: each time it is there]: in the file, not in its log
	sqlite3 "$top/d/ledger.db" 'PRAGMA wal_checkpoint(TRUNCATE);' >/dev/null
	perl -0777 -pi -e 'BEGIN { ($a, $b) = splice(@ARGV, 0, 2) } s/\Q$a\E/$b/'"${3:-}" "$1" "$2" "$top/d/ledger.db"
}
is "three messages" "$(send 3)" 3
eventually eval '[ "$(counted)" = 3 ]'
stop_lone_daemon TERM
damage 198.51.100.25 198.51.100.26 g # a page that is free, or a log line, may have it first
run_lone_daemon
like "a row has changed: it is not counted from" "$("$BUILD/admin/countersign" -c "$top/conf" stats 2>&1)" \
	"error: the ledger is damaged: a row of sender.test on .* is not as it was stored"
"$BUILD/admin/countersign" -c "$top/conf" store check >"$top/said" 2>&1
is "store check finds it" "$?: $(grep -c 'rows that are not as they were stored' "$top/said")" "1: 1"
stop_lone_daemon TERM
damage reject rejecs
sqlite3 "$top/d/ledger.db" 'UPDATE tally SET messages = messages + 4 WHERE rowid IS NOT NULL' 2>/dev/null ||
	sqlite3 "$top/d/ledger.db" 'UPDATE tally SET messages = messages + 4'
run_lone_daemon
ok "the sums have changed: it is said at the start" eventually logged "the ledger: .* is damaged: .*: what can be read of it is saved"
ok "what is missing is said" eventually logged "it is kept as $top/d/ledger.db-damaged, and a new one is begun with [0-9]+ rows of [0-9]+ messages of it: at most [0-9]+ messages are missing"
like "doctor names the file" "$("$BUILD/admin/countersign" -c "$top/conf" doctor --only=ledger.lost 2>&1)" "ledger.db-damaged is a damaged ledger"
is "mail is counted in the new one" "$(send 2)" 2
ok "and nothing else is" eventually eval '[ "$(counted)" = 2 ]'
stop_lone_daemon TERM
fresh
run_lone_daemon

# ---- a full disk: the journal has its room ----
fill() { dd if=/dev/zero of="$top/d/filler" bs=64k 2>/dev/null; }
fill
is "full: messages are answered" "$(send 300)" 300
ok "full: one line says so" eventually logged "the ledger cannot be written: .*ledger.db: no space is left"
is "full: it is said once" "$(lines "the ledger cannot be written")" 1
like "full: status shows it" "$(status)" "ledger.db: no space is left"
like "full: store check says so" "$(check_store)" "1: ledger: the daemon cannot record results now: "
like "status counts SPF by identity: HELO" "$(status)" $'\nSPF HELO +none [0-9]+\n'
like "and MAIL FROM" "$(status)" $'\nSPF MAIL FROM +none [0-9]+\n'
rm "$top/d/filler"
ok "room again: all of them are counted" eventually eval '[ "$(counted)" = 300 ]'
ok "room again: it is said" eventually logged "the ledger is written again; nothing was lost"
stop_lone_daemon TERM

# ---- the same without a journal: on_failure decides, at once ----
without_journal() { # on_failure
	fresh
	sed -i "s#^store: .*#store: { url = \"sqlite:$top/d/ledger.db\"; durability = \"power\"; wait = \"5s\"; on_failure = \"$1\"; };#" "$top/conf"
	run_lone_daemon
	is "$1: messages are counted" "$(send 3)" 3
	fill
	send 8 >/dev/null
	ok "$1, full: one line says so" eventually logged "the ledger cannot be written: .*no space is left"
}
uncounted() { sed -n 's/.*written again; \([0-9]*\) messages are not counted.*/\1/p' "$top/log"; }
without_journal accept
SECONDS=0
is "accept, full: messages are accepted" "$(send 200)" 200
ok "accept, full: at once ($SECONDS s)" [ $SECONDS -lt 20 ]
rm "$top/d/filler"
sent=211
ok "accept, room again: new ones are counted" eventually eval 'sent=$((sent + 1)); send 1; [ "$(counted)" -gt 3 ]'
ok "accept, room again: it is said how many are missing" eventually logged "messages are not counted"
is "accept: each is counted or said" "$(($(counted) + $(uncounted)))" $sent
stop_lone_daemon TERM
without_journal tempfail
SECONDS=0
is "tempfail, full: no message is accepted" "$(send 200)" 0
ok "tempfail, full: at once ($SECONDS s)" [ $SECONDS -lt 20 ]
stop_lone_daemon TERM
umount "$top/d"
done_testing
