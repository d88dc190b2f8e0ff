#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What goes wrong around the daemon while mail comes: each trouble is said once, in one line that says what to do, and mail
# is handled as store.on_failure and dmarc.temperror say. Locked, damaged ledger; wrong modes; no resolver.
# A full disk and a damaged journal: ledger_trouble.sh.
. "$(dirname "$0")/lib/tap.sh"
build=${COUNTERSIGN_BUILD:-$PWD}
bin=$build/t/bin
need sqlite3 openssl
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-trouble.XXXXXX") || exit 99
daemon='' dns='' locker=''
finish() {
	kill $daemon $dns $locker 2>/dev/null
	wait $daemon $dns $locker 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root

cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
Z
"$bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"

settings() { # store.on_failure; more settings on standard input
	{
		cat <<-C
			authserv_id = "mx.example.com";
			listen = [ "local:$top/sock" ];
			trusted_networks = [ ];
			log: { target = "stderr"; };
			control: { socket = "$top/control"; };
			store: { url = "sqlite:$top/d/ledger.db"; on_failure = "$1"; wait = "200ms"; };
		C
		cat
	} >"$top/c.conf"
}
resolver() { echo "dns: { servers = [ \"127.0.0.1@${1:-$(cat "$top/port")}\" ]; timeout = \"2s\"; };"; }
start() { # sets $daemon
	: >"$top/log"
	"$build/daemon/countersignd" $root -f -c "$top/c.conf" 2>>"$top/log" &
	daemon=$!
	eventually eval 'logged "ready:" || ! kill -0 $daemon 2>/dev/null'
}
stop() {
	[ -n "$daemon" ] || return
	kill -TERM "$daemon" 2>/dev/null
	wait "$daemon" 2>/dev/null
	code=$?
	daemon=
}
ended() { # the daemon ends by itself, or is made to; sets $code
	eventually eval '! kill -0 $daemon 2>/dev/null' || kill -9 "$daemon"
	wait "$daemon" 2>/dev/null
	code=$?
	daemon=
}
logged() { grep -qE -- "$1" "$top/log"; }
lines() { grep -cE -- "$1" "$top/log"; }
send() { # a number: prints the reply to the end of the message
	printf 'connect\tmx.sender.test\t198.51.100.25\nhelo\tmx.sender.test\nmail\t<bob@sender.test>\nrcpt\t<a@example.com>\nheader\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t %s\neoh\nbody\thello%%0D%%0A\nmacro\tE\ti\tQ%s\neom\n' "$1" "$1" |
		timeout 30 "$bin/milterc" "$top/sock" 2>&1 | grep -E '^eom	' | tail -1 | cut -f2-3
}
accepted() { [[ $(send "$1") =~ ^(continue|accept) ]]; }
deferred() { [[ $(send "$1") =~ 451 ]]; }
counted() { # how many messages the ledger has, -1 where it cannot be read
	"$build/admin/countersign" -c "$top/c.conf" --json report list --since 1d 2>/dev/null |
		python3 -c 'import json, sys; print(sum(r["messages"] for r in json.load(sys.stdin)["reports"]))' 2>/dev/null || echo -1
}
status() { "$build/admin/countersign" -c "$top/c.conf" status 2>&1; }
mkdir -m 750 "$top/d"

# ---- settings, keys, modes: before anything is done ----
{ resolver; echo 'dmarc: { enforce = "stric"; };'; } | settings accept
start
ended
is "settings with an error: not started" $code 78
ok "one line says which, where, and what is right" logged 'c.conf:[0-9]+: .*dmarc.enforce.*stric.*strict'
mkdir -p "$top/keys/example.com"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$top/keys/example.com/s1.key" 2>/dev/null
chmod 644 "$top/keys/example.com/s1.key"
{ resolver; echo "sign: { keys = \"$top/keys\"; };"; } | settings accept
start
ok "a key that others may read: started all the same" logged ready:
is "one line has its path, its mode, and the command" \
	"$(lines "a key cannot be used, so example.com does not sign.*$top/keys/example.com/s1.key.*0644.*chmod")" 1
key_faults() { "$build/admin/countersign" -c "$top/c.conf" status --prometheus | sed -n 's/^countersign_key_faults //p'; }
ok "the metric counts it" eventually eval '[ "$(key_faults)" = 1 ]'
like "status says so" "$(status)" "bad keys .*1: $top/keys/example.com/s1.key.*0644"
like "so does doctor" "$("$build/admin/countersign" -c "$top/c.conf" doctor --only=keys.files 2>&1)" \
	"ERROR .*s1.key: mode 0644"
mkdir -p "$top/keys/Upper.Example" "$top/keys/example.net"
cp "$top/keys/example.com/s1.key" "$top/keys/Upper.Example/s1.key"
cp "$top/keys/example.com/s1.key" "$top/keys/example.net/new.key"
chmod 640 "$top/keys/example.net/new.key" "$top/keys/Upper.Example/s1.key"
"$build/admin/countersign" -c "$top/c.conf" reload >"$top/said" 2>&1
is "a reload that meets such keys is taken" $? 0
ok "the metric counts both" eventually eval '[ "$(key_faults)" = 2 ]'
ok "a directory in upper case has its line" logged 'a key cannot be used, so Upper.Example does not sign.*must be written "upper.example"'
like "a new customer signs" "$(status)" "example.net new rsa 1024 active, signs"
ok "mail goes on" accepted 1
chmod 640 "$top/keys/example.com/s1.key"
rm -r "$top/keys/Upper.Example"
"$build/admin/countersign" -c "$top/c.conf" reload >"$top/said" 2>&1
ok "two keys that the DNS does not show: one warning with a count" \
	eventually logged "2 keys sign that the DNS does not show; the first: key s1 of example.com signs, but"
is "and only one" "$(lines '2 keys sign that the DNS')" 1
ok "corrected, nothing is counted" eventually eval '[ "$(key_faults)" = 0 ]'
stop
rm -r "$top"/keys/*
start
ok "no keys at all: mail goes on" accepted 2
stop
rmdir "$top/keys"
start
ended
is "the directory that sign.keys names is missing: not started" $code 78
ok "one line names it" logged "c.conf:[0-9]+: sign.keys: $top/keys: No such file"
{ resolver; } | settings accept
start
stop
{ resolver; echo 'sign: { enabled = false; };'; } | settings accept
sed -i "s|local:$top/sock|local:$top/none/sock|" "$top/c.conf"
start
ended
ok "no directory for the socket: not started" [ $code -ne 0 ]
ok "one line names it" logged "$top/none: No such file"

# ---- no resolver ----
{ resolver 1; echo 'dmarc: { enforce = "strict"; }; sign: { enabled = false; };'; } | settings accept
start
for i in 1 2 3; do send "n$i" >/dev/null; done
ok "no resolver: one line says so" eventually logged "DNS: the last [0-9]+ lookups had no answer from 127.0.0.1@1: is it running"
ok "no policy is applied on what is not known" eval 'logged "Qn1: .*spf=temperror.*dmarc=temperror" && ! logged "action=reject"'
is "it is said once" "$(lines 'DNS: the last')" 1
stop

# ---- the ledger ----
for policy in accept tempfail; do
	want=accepted
	[ $policy = tempfail ] && want=deferred
	rm -rf "$top/d" && mkdir -m 750 "$top/d"
	{ resolver; echo 'sign: { enabled = false; };'; } | settings $policy

	# locked by another program
	start
	ok "$policy, well: mail is counted" eval 'accepted l0 && eventually eval "[ \$(counted) = 1 ]"'
	mkfifo "$top/pipe.$policy"
	sqlite3 "$top/d/ledger.db" <"$top/pipe.$policy" >/dev/null 2>&1 &
	locker=$!
	exec 7>"$top/pipe.$policy"
	echo 'BEGIN EXCLUSIVE;' >&7
	sleep 0.3
	reply=$(send l1)
	ok "$policy, locked: mail is answered in time" [ -n "$reply" ]
	echo 'ROLLBACK;' >&7
	exec 7>&-
	wait $locker 2>/dev/null
	locker=
	ok "$policy, locked: what was accepted is counted afterwards" eventually eval \
		'[ "$(counted)" -ge '"$([[ $reply =~ 451 ]] && echo 1 || echo 2)"' ]'
	stop

	# damaged while nobody looked
	sqlite3 "$top/d/ledger.db" 'PRAGMA wal_checkpoint(TRUNCATE);' >/dev/null
	dd if=/dev/urandom of="$top/d/ledger.db" bs=1024 seek=0 count=4 conv=notrunc 2>/dev/null
	rm -f "$top/d/ledger.db-wal" "$top/d/ledger.db-shm"
	start
	if [ $policy = accept ]; then
		ok "accept, damaged: it starts" logged ready:
		is "accept, damaged: one line says what to do" "$(lines 'nothing is counted, and mail goes on.*ledger.db: .*move it away')" 1
		ok "accept, damaged: mail goes on" accepted d1
		ok "accept, damaged: its line says so" logged 'note="not recorded'
		like "accept, damaged: status shows it" "$(status)" "ledger.db: .*move it away"
		rm -f "$top"/d/ledger.db*
		ok "accept, moved away: it finds out by itself" eventually logged "the ledger can be used again"
		ok "accept, moved away: mail is counted" eval 'accepted d2 && eventually eval "[ \$(counted) = 1 ]"'
	else
		ended
		ok "tempfail, damaged: it does not start" [ $code -ne 0 ]
		ok "tempfail, damaged: one line says what to do" logged "ledger.db: .*move it away"
	fi
	stop
done

# ---- JSON has what the line of text has ----
{ resolver; echo 'sign: { enabled = false; };'; } | settings accept
rm -rf "$top/d" && mkdir -m 750 "$top/d"
start
send j1 >/dev/null
eventually logged "Qj1: "
sed -i 's/target = "stderr"/target = "stderr"; format = "json"/' "$top/c.conf"
"$build/admin/countersign" -q -c "$top/c.conf" reload
send j1 >/dev/null
eventually logged '"queue_id":"Qj1"'
is "as JSON, a line has the same keys in the same order" "$(python3 - "$top/log" <<'END'
import json, re, sys
text = objects = None
for line in open(sys.argv[1]):
    if line.startswith("{"):
        record = json.loads(line)
        if record.get("queue_id") == "Qj1":
            objects = [k for k in record if k not in ("time", "level", "program", "pid", "queue_id")]
            numbers = all(isinstance(record[k], int) for k in ("size", "dns", "ms"))
    elif "Qj1: " in line:
        text = re.findall(r' ([a-z_]+)=(?:"(?:[^"\\]|\\.)*"|\S*)', line.split("Qj1:")[1])
print("same" if text and text == objects and numbers else (text, objects))
END
)" same
stop
done_testing
