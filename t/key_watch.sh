#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the daemon learns of its keys from the DNS: it lasts over a restart, with DNS away too, for that key alone; and of
# many keys each has its turn.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need miltertest
BUILD=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-keywatch.XXXXXX") || exit 99
daemon='' dns=''
stop() { # daemon or dns
	[ -z "${!1}" ] || { kill "${!1}" 2>/dev/null; wait "${!1}" 2>/dev/null; }
	printf -v "$1" ''
}
trap 'stop daemon; stop dns; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
mkdir keys

serve() { # zone file
	"$BUILD/t/bin/dnsd" --port-file "$dir/port" "$1" >dnsd.log 2>&1 &
	dns=$!
	eventually test -s "$dir/port"
}
start() {
	: >log # the last daemon's shell is gone
	rm -f milter.sock
	"$BUILD/daemon/countersignd" -f --allow-root -c "$dir/conf" >>log 2>&1 &
	daemon=$!
	eventually test -S milter.sock || { fail "the daemon starts"; sed 's/^/# /' log; }
}
cs() { "$BUILD/admin/countersign" -q -c "$dir/conf" "$@"; }
gen() { # domain selector [option...]
	cs key gen "$1" --selector "$2" --type ed25519 "${@:3}" >/dev/null 2>&1 || fail "key gen $*"
}
record() { # domain selector: its zone line
	cs key show "$1" "$2" --format line | sed -E 's/^([^ ]+) (.*)$/\1 60 TXT "\2"/'
}
signs() { # domain [login]: yes or no, for a message of a login
	cat >one.lua <<-L
		dofile("$COUNTERSIGN_SRC/t/scenario/lib.lua")
		local r = send{ ip = "203.0.113.66", from = "<a@$1>", headers = { { "From", "a@$1" }, { "Subject", "x" } },
			macros = { "i", "K1", "{auth_type}", "PLAIN", "{auth_authen}", "${2:-a@$1}" } }
		mt.echo(r.added("DKIM-Signature") ~= nil and "yes" or "no")
	L
	timeout 30 miltertest -D sock="unix:$dir/milter.sock" -D dir=. -D tmp=. -D bin=. -s one.lua
}
said() { grep -qE "$1" log; }

echo >zone
serve zone
cat >conf <<-C
	listen = [ "local:$dir/milter.sock" ];
	authserv_id = "mx.example.com";
	dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "1s"; };
	sign: { keys = "$dir/keys"; };
	store: { url = "sqlite:$dir/ledger.db"; };
	log: { target = "stderr"; };
	control: { socket = "$dir/control.sock"; };
C
cs config check >check 2>&1 || { sed -i '/^control/d' conf; }

# ---- over a restart ----
gen seen.test p1
gen waits.test p2
record seen.test p1 >>zone
stop dns
serve zone
sed -i "s/127.0.0.1@[0-9]*/127.0.0.1@$(cat port)/" conf
start
eventually said 'key p1 of seen\.test: the DNS shows its record, so it signs'
is "a pending key whose record is seen signs" "$(signs seen.test)" yes
is "one without does not" "$(signs waits.test)" no
is "nor does a login sign for another's domain" "$(signs seen.test mallory@waits.test)" no
unsigned=$("$BUILD/admin/countersign" -c "$dir/conf" doctor --only=daemon.unsigned 2>&1)
like "doctor counts what was not signed, and says why" "$unsigned" '1 messages? w.*not signed since the daemon started: the DNS does not show the record'
like "for each reason" "$unsigned" "1 messages? w.*not signed since the daemon started: their senders may not use the author's domain"
stop daemon
stop dns # no answer to anything
start
is "after a restart with DNS away it still signs" "$(signs seen.test)" yes
is "and no other" "$(signs waits.test)" no
ok "the log says what to type" said 'key p1 of seen\.test: the DNS has shown its record before, so it signs; to keep that: countersign key activate seen\.test p1'
stop daemon
rm keys/seen.test/p1.key
gen seen.test p1
start
is "another key with that name does not" "$(signs seen.test)" no
stop daemon

# ---- many keys: the first look is at 256 of them, that after a reload at the rest ----
serve zone
sed -i "s/127.0.0.1@[0-9]*/127.0.0.1@$(cat port)/" conf
rm -r keys/seen.test keys/waits.test
mkdir keys/d001.test
openssl genpkey -algorithm ed25519 -out keys/d001.test/s.key 2>/dev/null
chmod 600 keys/d001.test/s.key
one=$(record d001.test s)
for ((i = 1; i <= 300; i++)); do
	domain=$(printf 'd%03d.test' $i)
	[ $i = 1 ] || cp -rp keys/d001.test "keys/$domain"
	[ $i = 290 ] || echo "s._domainkey.$domain ${one#* }"
done >zone
kill -HUP "$dns"
start
eventually said 'ready:'
kill -HUP "$daemon"
ok "and the others have their turn" eventually said 'key s of d290\.test signs, but its record in the DNS: absent'
ok "no other is missing" test "$(grep -cE 'its record in the DNS|keys sign that the DNS does not show' log)" = 1
done_testing
