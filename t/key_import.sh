#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign key import --from-opendkim: one key, tables of both kinds, and what has no counterpart.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-import.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
umask 077

check() { # name, condition's exit code
	if [ "$2" = 0 ]; then
		pass "$1"
	else
		fail "$1"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

# exit code, arguments
run() {
	local want=$1 status
	shift
	"$cs" -c "$work/conf" key "$@" --keys "$work/keys" >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" = "$want" ]
	check "key ${*//$work/} exits $want ($status)" $?
}

has() { # pattern in standard output
	grep -qE -- "$1" "$work/out"
	check "has: ${1//$work/}" $?
}

says() { # pattern in standard error
	grep -qE -- "$1" "$work/err"
	check "says: ${1//$work/}" $?
}

same() { # file of OpenDKIM's, key of our own
	cmp -s "$work/$1" "$work/keys/$2.key"
	check "$2 is $1" $?
}

echo 'sign: { subdomains = false; };' >"$work/conf"

# Keys as opendkim-genkey would leave them; made by our own command.
for name in a b c; do
	"$cs" -q key gen "$name.test" --selector s --type ed25519 --format line --keys "$work/made" >/dev/null
	mv "$work/made/$name.test/s.key" "$work/$name.private"
done
mkdir "$work/per.test"
cp "$work/c.private" "$work/per.test/m.private"

cat >"$work/one.conf" <<-C
	# one key
	Syslog yes
	Domain  Example.com, example.net
	Selector s1
	KeyFile $work/a.private   # the key
C
run 0 import --from-opendkim "$work/one.conf" --dry-run
has "^example.com +s1 +ed25519 +256 +$work/a.private +would be imported$"
[ ! -e "$work/keys" ]
check "a dry run makes nothing" $?
run 0 import --from-opendkim "$work/one.conf"
has "^example.net +s1 +ed25519 +256 +$work/a.private +imported$"
says 'then: countersign key check'
same a.private example.com/s1
same a.private example.net/s1
run 0 list example.com
has '^example.com +s1 +ed25519 +256 +active '
run 0 import --from-opendkim "$work/one.conf"
has '^example.com +s1 .* is there$'
sed "s/a.private/b.private/" "$work/one.conf" >"$work/two.conf"
run 1 import --from-opendkim "$work/two.conf"
has 's1.key exists; a key is never overwritten$'
same a.private example.com/s1
rm -r "$work/keys"

cat >"$work/tables.conf" <<-C
	KeyTable      file:$work/KeyTable
	SigningTable  refile:$work/SigningTable
	Include       $work/more.conf
C
cat >"$work/KeyTable" <<-T
	# name  domain:selector:file
	k1  example.com:s1:$work/a.private
	k2  example.org:s2:$work/b.private
	each  %:m:$work/%/m.private
	odd  example.com:s3
	upper  Upper.Example:s4:$work/b.private
T
cat >"$work/SigningTable" <<-T
	*@example.com k1
	*@sub.example.com k1
	*@*.example.org k2
	alice@example.org k2
	*@per.test each
	*@customer.test k2
	*@*.any.test each
	*@gone.test k9
	*@per*.test k1
	*@Upper.Example upper:postmaster@upper.example
T
run 1 import --from-opendkim "$work/tables.conf"
same a.private example.com/s1
same c.private per.test/m
[ "$(wc -l <"$work/out")" -eq 5 ]
check "four keys, and each once" $?
# of example.org only names below it and alice were signed: here its key would sign all of it
has '^example.org +s2 .*left out: OpenDKIM did not sign all mail of the domain'
[ ! -e "$work/keys/example.org" ]
check "a key for a part of its domain is not copied" $?
same b.private upper.example/s4
says 'SigningTable:10: no counterpart: no i= is written, so that "postmaster@upper.example" is not named'
says "tables.conf:3: Include is not followed: import $work/more.conf too"
says 'KeyTable:5: not domain:selector:file'
says 'SigningTable:2: needs sign.subdomains = true: mail of sub.example.com is signed as example.com'
says 'SigningTable:3: needs sign.subdomains = true: mail of \*\.example.org'
says 'SigningTable:4: no counterpart: keys are for all users of a domain'
says 'SigningTable:6: no counterpart: mail of customer.test signed as example.org'
says 'SigningTable:7: "%" stands for domains that are not listed'
says 'SigningTable:8: KeyTable has no key "k9"'
says 'SigningTable:9: not an address or domain'
echo >"$work/conf" # sign.subdomains is true
run 1 import --from-opendkim "$work/tables.conf" --json
has '"countersign.key.import/1"'
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys; d = json.load(sys.stdin); assert len(d["keys"]) == 4 and len(d["notes"]) == 8, d' <"$work/out"
	check "the JSON has four keys and eight notes" $?
else
	skip "the JSON has four keys and eight notes" "python3 is not installed"
fi

# mistakes
run 64 import
run 66 import --from-opendkim "$work/nosuch"
says 'nosuch: No such file'
echo 'Domain example.com' >"$work/bad.conf"
run 65 import --from-opendkim "$work/bad.conf"
says 'neither KeyTable and SigningTable nor Domain'
printf 'KeyTable dsn:mysql://h/d\nSigningTable x\n' >"$work/bad.conf"
run 65 import --from-opendkim "$work/bad.conf"
says 'only files can be imported'
printf 'Domain example.com\nSelector s9\nKeyFile %s/one.conf\n' "$work" >"$work/bad.conf"
run 1 import --from-opendkim "$work/bad.conf"
has '^example.com +s9 .* no private key'

# one key for many domains: OpenSSL looks at all its numbers, which takes longer than a signature, only once
openssl genrsa -traditional -out "$work/rsa.private" 2048 2>/dev/null
import_many() { # number of domains: the processor time, in milliseconds
	local i TIMEFORMAT='%3U %3S'
	for i in $(seq "$1"); do echo "k$i d$i.of$1.test:s:$work/rsa.private"; done >"$work/KeyTable"
	for i in $(seq "$1"); do echo "d$i.of$1.test k$i"; done >"$work/SigningTable"
	printf 'KeyTable file:%s\nSigningTable file:%s\n' "$work/KeyTable" "$work/SigningTable" >"$work/many.conf"
	{ time "$cs" -c "$work/conf" key import --from-opendkim "$work/many.conf" --keys "$work/many" >"$work/out" 2>"$work/err"; } 2>&1 |
		awk '{ print int(1000 * ($1 + $2)) }'
}
if command -v openssl >/dev/null; then
	one=$(import_many 1) many=$(import_many 80)
	is "a key of many domains is imported for each" "$(find "$work/many" -name s.key | wc -l)" 81
	echo "# the processor time of 1: $one ms, of 80: $many ms"
	ok "and checked once" test "$many" -lt $((20 * (one + 10)))
else
	skip "a key of many domains" "openssl is not installed"
fi
done_testing
