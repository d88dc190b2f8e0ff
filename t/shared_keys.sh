#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two hosts with their signing keys in one PostgreSQL (store.keys): keys of a directory move there; every host signs with all of
# them; a new domain signs within seconds of its record, without a reload; a key retired on one host stops on the other; one
# bad key costs one domain; the database is away and nothing waits for it, not even a restart. --domains N: with so many
# domains (100000: what a hoster has), and figures for the start and the memory of a host.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/postgres.sh"
need miltertest perl pgrep
BUILD=${COUNTERSIGN_BUILD:?}
domains=40
[ "${1:-}" != --domains ] || domains=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-sharedkeys.XXXXXX") || exit 99
chmod 755 "$dir"
pid_a='' pid_b='' pid_c='' dns=''
trap 'kill $pid_a $pid_b $pid_c $dns 2>/dev/null; wait 2>/dev/null; pg_stop; rm -rf "$dir"' EXIT
pg_make "$dir/pg"
cd "$dir" || exit 99

echo '. 60 TXT "unused"' >zone
"$BUILD/t/bin/dnsd" --port-file "$dir/port" zone >dnsd.log 2>&1 &
dns=$!
eventually test -s port
keys=true
conf() { # host
	mkdir -p "$1/keys"
	chmod 750 "$1/keys"
	cat >"$1/conf" <<-C
		listen = [ "local:$dir/$1/sock" ];
		authserv_id = "mx.example.com";
		dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "1s"; };
		sign: { keys = "$dir/$1/keys"; };
		store: { url = "sqlite:$dir/$1/ledger.db"; shared = "$pg_url&connect_timeout=2"; keys = $keys; };
		log: { target = "stderr"; };
		control: { socket = "$dir/$1/control"; };
	C
}
start() { # host
	rm -f "$1/sock"
	"$BUILD/daemon/countersignd" -f --allow-root -c "$dir/$1/conf" >>"$1/log" 2>&1 &
	printf -v "pid_$1" %s $!
	eventually test -S "$1/sock" || { fail "the daemon of $1 starts"; sed 's/^/# /' "$1/log"; }
}
stop() { # host
	local pid=pid_$1
	kill "${!pid}" 2>/dev/null
	wait "${!pid}" 2>/dev/null
	printf -v "$pid" ''
}
cs() { # host, command...
	"$BUILD/admin/countersign" -q -c "$dir/$1/conf" "${@:2}"
}
record() { # host domain selector: its zone line
	cs "$1" key show "$2" "$3" --format line | sed -E 's/^([^ ]+) (.*)$/\1 1 TXT "\2"/'
}
publish() { # host domain selector
	record "$@" >>zone
	kill -HUP $dns
}
signs() { # host domain...: yes, no or later, for a message of a login of each
	local host=$1
	shift
	cat >"$host/one.lua" <<-L
		dofile("$COUNTERSIGN_SRC/t/scenario/lib.lua")
		for domain in string.gmatch("$*", "%S+") do
			local r = send{ ip = "203.0.113.66", from = "<a@" .. domain .. ">", headers = { { "From", "a@" .. domain }, { "Subject", "x" } },
				macros = { "i", "K1", "{auth_type}", "PLAIN", "{auth_authen}", "a@" .. domain } }
			mt.echo((r.reply == "tempfail" or r.reply == "replycode") and "later" or r.added("DKIM-Signature") ~= nil and "yes" or "no")
		end
	L
	timeout 60 miltertest -D sock="unix:$dir/$host/sock" -D dir=. -D tmp=. -D bin=. -s "$host/one.lua" | xargs
}
patience=$((20 + domains / 400)) # seconds: that many keys are copied to a host that has none
signs_soon() { # host domain
	eventually -t $patience eval '[ "$(signs '"$1 $2"')" = yes ]'
}
stops_soon() { eventually eval '[ "$(signs '"$1 $2"')" = no ]'; }
said() { # host, pattern
	eventually grep -qE "$2" "$1/log"
}

# ---- from a directory into the store ----
keys=false
conf a
cs a key gen moved.test --selector m1 --type ed25519 --active >/dev/null
cs a key gen moved.test --selector m2 >/dev/null # pending
like "the keys of a directory are sealed" "$(cs a key seal)" '^2 keys sealed, 0 were in the shared store'
ok "the sealing key is made" test -s a/keys/.sealing-key
is "for root and the keys' group" "$(stat -c %a a/keys/.sealing-key)" 640
like "a second time nothing is new" "$(cs a key seal --json | tr -d ' \n')" \
	'"sealed":0,"present":2,"faults":0,"sealing_key":"[^"]*/\.sealing-key","made":false'
conf d
cp a/keys/.sealing-key d/keys/
cs d key gen moved.test --selector m1 --type ed25519 --active >/dev/null
cs d key gen other.test --selector o1 --type ed25519 --active >/dev/null
out=$(cs d key seal 2>&1; echo "exit $?")
like "another key of the same name is refused" "$out" 'key m1 of moved\.test; a key is never overwritten'
like "alone" "$out" '^1 keys sealed, 0 were in the shared store'
like "and the exit status says so" "$out" '^exit 2$'
pg_ask "DELETE FROM signing_key WHERE domain = 'other.test'" >/dev/null
keys=true
conf b
out=$(cs b key seal 2>&1)
like "a host without the sealing key is told what it lacks" "$out" 'copy that file from a host that has it'
like "and its settings are refused" "$(cs b config check 2>&1)" 'store.keys: .*\.sealing-key'
cp a/keys/.sealing-key b/keys/
conf a
is "with it they are not" "$(cs b config check 2>&1)" ""
is "nothing of a private key is in the database" \
	"$(pg_ask "SELECT COUNT(*) FROM signing_key WHERE position('PRIVATE'::bytea IN sealed) > 0 OR record LIKE '%PRIVATE%'")" 0

# ---- many domains, and two hosts ----
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out one.pem 2>/dev/null
perl -e 'my ($n, $f) = @ARGV; open my $in, "<", $f; local $/; my $pem = <$in>; $pem =~ s/\n/\\n/g;
	print qq({"domain": "d$_.test", "selector": "s1", "state": "active", "pem": "$pem"}\n) for 1 .. $n' "$domains" one.pem >set
is "many keys come from another program" "$(cs b key sync set)" "$domains added, 0 changed, 0 as they were, 0 refused"
is "the same a second time changes nothing" "$(tail -3 set | cs a key sync -)" "0 added, 0 changed, 3 as they were, 0 refused"
is "all of them are listed" "$(cs a key list -j | grep -o '"selector"' | wc -l)" $((domains + 2))
begun=$(date +%s%N)
start a
start b
ok "a host signs with a key that was a file" signs_soon a moved.test
echo "# the first copy of $domains keys took $((($(date +%s%N) - begun) / 1000000)) ms"
ok "so does the other" signs_soon b moved.test
ok "and with the last of many" signs_soon a "d$domains.test"
is "each has its own key" "$(signs b d1.test d2.test "d$domains.test" unknown.test)" "yes yes yes no"

if [ "$(id -u)" = 0 ]; then
	key_process=$(cs a status --json | tr -d ' \n' | sed 's/.*"key_processes":\[{"pid":\([0-9]*\).*/\1/')
	holders=$(for pid in $(pgrep -f "countersignd -f --allow-root -c $dir/a/conf"); do
		[ "$("$BUILD/t/bin/memscan" "$pid" one.pem)" = 0 ] || echo "$pid"
	done)
	is "the key is in the memory of the key process, and of no other" "$holders" "$key_process"
else
	skip "the key is in the memory of the key process, and of no other" "only root can look"
fi
printf 'From: a@d1.test\n\nhello\n' >mail.eml
like "a command has no private key of the store" "$(cs b dkim sign mail.eml 2>&1)" 'only the daemon can sign with a key of the shared store'

# ---- a new customer ----
cs a key gen new.test --selector n1 --type ed25519 >/dev/null
cs b key gen asked.test --selector q1 --type ed25519 >/dev/null
is "without its record a new key waits" "$(sleep 3; signs b new.test)" no
publish a new.test n1
begun=$(date +%s%N)
ok "with it the key signs, on the other host, without a reload" signs_soon b new.test
took=$((($(date +%s%N) - begun) / 1000000))
echo "# $took ms after the record"
ok "within 10 seconds" test $took -lt 10000
ok "on both" signs_soon a new.test
ok "that is remembered in the store" eventually eval '[ "$(pg_ask "SELECT COUNT(*) FROM signing_key WHERE domain = '"'new.test'"' AND seen > 0")" = 1 ]'
is "another goes on waiting" "$(signs a asked.test)" no

# ---- a key's end ----
cs a key retire new.test n1 --force >/dev/null 2>&1
ok "a key that is retired on one host stops on the other" stops_soon b new.test
cs b key gen new.test --selector n2 --type ed25519 --active >/dev/null
ok "and another takes its place" signs_soon a new.test
cs b key revoke new.test n1 --force >/dev/null 2>&1
cs b key gen new.test --selectors=n1 --type ed25519 >/dev/null
is "the name of a revoked key can be used again" "$(cs a key list new.test -j | grep -o '"state": *"[a-z]*"' | sort | tr -d '" ' | xargs)" \
	'state:active state:pending'
like "no other key is replaced" "$(cs a key gen new.test --selector n2 2>&1)" 'a key is never overwritten'

# ---- bad keys ----
change() { # domain, assignment
	pg_ask "BEGIN; UPDATE signing_version SET version = version + 1; UPDATE signing_key SET $2, version =
		(SELECT version FROM signing_version) WHERE domain = '$1'; COMMIT" >/dev/null
}
change d3.test "sealed = sealed || '\\x00'::bytea"
change d4.test "sealed = (SELECT sealed FROM signing_key WHERE domain = 'd5.test')"
change d6.test "state = 'odd'"
ok "a row that cannot be read costs its domain the signature, not the mail" stops_soon a d6.test
is "so does a damaged key" "$(signs a d3.test)" no
is "and another domain's key in its place" "$(signs a d4.test)" no
is "all others sign" "$(signs a d1.test d2.test d5.test moved.test)" "yes yes yes yes"
ok "the log says so" said a 'd3\.test.*the sealed key cannot be used'
out=$(cs a doctor --only keys 2>&1)
like "doctor finds the one that is damaged" "$out" 's1 of d3\.test'
like "the one that is another's" "$out" 's1 of d4\.test'
like "and the one that cannot be read" "$out" 's1 of d6\.test'

# ---- the database is away ----
record b asked.test q1 >asked
pg_stop immediate
is "without the database both hosts sign" "$(signs a d1.test moved.test) $(signs b d2.test new.test)" "yes yes yes yes"
ok "it is said once" said a 'mail is signed with the keys as they were last known'
stop b
start b
is "also after a restart" "$(signs b d1.test d7.test new.test)" "yes yes yes"
kill -9 $(pgrep -f "countersignd -f --allow-root -c $dir/a/conf" | grep -vx "$pid_a") # workers, helpers, the key process
ok "and after all processes of a host were killed" signs_soon a d1.test
cat asked >>zone
kill -HUP $dns
sleep 1 # a worker would keep the negative answer
ok "a key that waits signs on the host whose mail asks for it" signs_soon b asked.test
conf c
cp a/keys/.sealing-key c/keys/
start c
is "a host that never had the keys keeps mail waiting instead of sending it unsigned" "$(signs c d1.test)" later
pg_start
ok "until they have come" signs_soon c d1.test
ok "the store is told of the record that one host saw" signs_soon a asked.test
cs c key gen after.test --selector x1 --type ed25519 --active >/dev/null
ok "what is new reaches all" signs_soon b after.test

# ---- the copy is deleted; the store is empty ----
rm b/ledger.db-keys*
ok "a host whose copy was deleted has another soon" eventually -t $patience eval '[ "$(signs b d1.test)" = yes ] && [ -s b/ledger.db-keys ]'
stop c
pg_ask "TRUNCATE signing_key; UPDATE signing_version SET version = 0" >/dev/null
ok "a store that has lost its keys does not empty a host" said a 'the shared store has no signing keys, but this host has a copy of'
is "it goes on signing" "$(signs a d1.test moved.test)" "yes yes"

# ---- what a host needs ----
stop a
begun=$(date +%s%N)
start a
echo "# started with $domains domains in $((($(date +%s%N) - begun) / 1000000)) ms"
is "it signs at once" "$(signs a d1.test)" yes
kib=$(for pid in $(pgrep -f "countersignd -f --allow-root -c $dir/a/conf"); do
	awk '$1 == "Pss:" { s += $2 } END { print s + 0 }' "/proc/$pid/smaps_rollup" 2>/dev/null
done | awk '{ s += $1 } END { print s }')
echo "# $((kib / 1024)) MiB of memory (Pss)"
ok "a host's memory does not depend on the number of keys" test "$kib" -lt 400000
done_testing
