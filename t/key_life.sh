#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign key check, activate, retire, revoke, rotate: a key's life, led by what a DNS server shows.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-keylife.XXXXXX") || exit 99
keys=$work/keys dns=
trap '[ -z "$dns" ] || kill "$dns" 2>/dev/null; rm -rf "$work"' EXIT
export LC_ALL=C

check() { # name, condition's exit code
	if [ "$2" = 0 ]; then
		pass "$1"
	else
		fail "$1"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

# exit code, arguments of countersign key
run() {
	local want=$1 status
	shift
	"$cs" -c "$work/conf" key "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" = "$want" ]
	check "key $* exits $want ($status)" $?
}

has() { # pattern in standard output
	grep -qE -- "$1" "$work/out"
	check "has: $1" $?
}

says() { # pattern in standard error
	grep -qE -- "$1" "$work/err"
	check "says: $1" $?
}

state() { # domain, selector, state
	[ "$(cut -d' ' -f1 "$keys/$1/$2.state")" = "$3" ]
	check "$2 is $3" $?
}

# A line for each record: name, then its value. The server reads the zone again; we wait until it answers by it.
publish() {
	{
		echo "stamp.test 0 TXT \"$((++stamp))\""
		while read -r name value; do
			[ -z "$name" ] || echo "$name 0 TXT \"${value:0:200}\" \"${value:200}\""
		done
	} >"$work/zone"
	kill -HUP "$dns"
	for _ in $(seq 100); do
		"$COUNTERSIGN_BUILD/t/bin/dnsq" "127.0.0.1@$(cat "$work/port")" stamp.test/TXT 2>/dev/null |
			grep -qw "$stamp" && return
		sleep 0.05
	done
	fail "the zone was read again"
}

record() { # domain, selector
	"$cs" -c "$work/conf" key show "$1" "$2" --format line
}

stamp=0
echo 'stamp.test 0 TXT "0"' >"$work/zone"
"$COUNTERSIGN_BUILD/t/bin/dnsd" --negative-ttl 0 --servfail b1._domainkey.broken.test --port-file "$work/port" "$work/zone" >"$work/dnsd" 2>&1 &
dns=$!
eventually test -s "$work/port"
cat >"$work/conf" <<-C
	dns: { servers = [ "127.0.0.1@$(cat "$work/port")" ]; timeout = "3s"; };
	sign: { keys = "$keys"; };
C

# a new key waits for its record
run 0 gen example.com --selector s1
state example.com s1 pending
run 1 check example.com
has '^example.com +s1 +pending +absent +bad +publish its record: countersign key show example.com s1$'
run 1 activate example.com s1
says 's1\._domainkey\.example\.com: published record: absent; publish its record: countersign key show example.com s1'
state example.com s1 pending
publish <<<"$(record example.com s1)"
run 0 check
has '^example.com +s1 +pending +matches +ok +it can sign: countersign key activate example.com s1$'
run 0 activate example.com
says 'example.com s1: active, was pending'
says 'countersign reload'
state example.com s1 active
run 0 check example.com s1 --json
has '"countersign.key.check/1"'
has '"published": *"matches"'
run 0 activate example.com s1
says 'nothing to do'

# a record that does not match is found before a message is signed
run 0 gen example.com --selector s2 --type ed25519
publish <<-Z
	$(record example.com s1)
	s2._domainkey.example.com $(record example.com s1 | cut -d' ' -f2-)
Z
run 1 check example.com s2
has 's2 +pending +differs +bad +another key is published; publish'
run 1 activate example.com s2
says 'differs \(another key is published\)'
state example.com s2 pending
run 0 activate example.com s2 --force
state example.com s2 active
run 1 check example.com
has 's1 +active +matches +ok'
has 's2 +active +differs +bad'

# the DNS fails: no answer is not a fact
run 0 gen broken.test --selector b1 --type ed25519
run 75 check broken.test
has 'b1 +pending +unknown +unknown +SERVFAIL'
run 75 activate broken.test b1
state broken.test b1 pending
run 75 rotate broken.test --auto
state broken.test b1 pending
run 1 check
rm -r "$keys/broken.test"

# retire and revoke
run 0 retire example.com s2
state example.com s2 retired
run 1 retire example.com s1
says 'no other key of example.com signs: countersign key rotate example.com'
state example.com s1 active
run 1 revoke example.com s2
says 'mail that it signed may be under way; --force'
echo 'retired 2020-01-01T00:00:00Z' >"$keys/example.com/s2.state"
run 0 revoke example.com s2 --format line
has '^s2\._domainkey\.example\.com v=DKIM1; k=ed25519; p=$'
state example.com s2 revoked
run 0 show example.com s2 --format nsupdate
has '^update delete s2\._domainkey\.example\.com\. TXT$'
run 1 revoke example.com s1
says 's1: it signs'
publish <<-Z
	$(record example.com s1)
	$(record example.com s2)
Z
run 0 check example.com
has 's2 +revoked +revoked +ok'
run 0 list example.com
has '^example.com +s2 +ed25519 +256 +revoked +0 h '

# rotation: the successor waits, takes over, and the old one goes when its time is over
run 0 rotate example.com
year=$(date -u +%Y)
new=s${year}a
has "^created $keys/example.com/$new.key   rsa 2048   pending"
has '^then: countersign key rotate example.com --auto'
run 1 rotate example.com
says 'has a pending rsa key already'
run 0 rotate example.com --auto
says "$new\._domainkey\.example\.com: published record: absent; the key waits"
state example.com "$new" pending
state example.com s1 active
publish <<-Z
	$(record example.com s1)
	$(record example.com s2)
	$(record example.com "$new")
Z
run 0 rotate --auto --json
has '"countersign.key.rotate/1"'
state example.com "$new" active
state example.com s1 retired
run 0 check example.com
has 's1 +retired +matches +ok'
echo 'retired 2020-01-01T00:00:00Z' >"$keys/example.com/s1.state"
run 0 check example.com
has 's1 +retired +matches +warn +its time is over: countersign key revoke example.com s1'
run 0 rotate --auto
says 'example.com s1: revoked, was retired'
says 'publish its empty p=: countersign key show example.com s1'
state example.com s1 revoked
state example.com "$new" active
run 1 check example.com
has 's1 +revoked +matches +bad +publish its empty p='
publish <<-Z
	$(record example.com s1)
	$(record example.com "$new")
Z
run 0 check example.com
run 0 rotate --auto -q
[ ! -s "$work/err" ]
check "nothing is due, nothing is said" $?

# mistakes
run 64 rotate
run 64 activate
run 64 retire example.com
says 'missing argument: SELECTOR'
run 1 retire example.com nosuch
says 'no key nosuch for example.com'
echo 'actve' >"$keys/example.com/s1.state"
run 1 check
says 's1\.state: does not begin with pending, active, retired or revoked'
run 0 gen other.example --selector=o1 --active
run 1 list
has '^other.example  *o1 .*active'
run 0 show other.example
run 0 rotate other.example
has '^created .*other.example'
run 1 rotate --auto
says 's1\.state: does not begin with pending'
run 0 retire other.example o1 --force
done_testing
