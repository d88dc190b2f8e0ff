#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign key sync, and what else a host with many domains needs: delegated selectors, the rotation of all, and a program
# that publishes records.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need openssl python3
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-keysync.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
keys=$work/keys
export LC_ALL=C

run() { # exit code, arguments
	local want=$1 status
	shift
	"$cs" key "$@" --keys="$keys" >"$work/out" 2>"$work/err"
	status=$?
	is "key ${*//$work/} exits" "$status" "$want"
}
has() { like "has: $1" "$(cat "$work/out")" "$1"; }
says() { like "says: $1" "$(cat "$work/err")" "$1"; }
state() { is "$2 of $1 is $3" "$(cut -d' ' -f1 "$keys/$1/$2.state" 2>/dev/null)" "$3"; }
line() { # domain, selector, file or "", state or ""
	python3 -c 'import json, sys
d, s, f, state = sys.argv[1:]
o = {"domain": d, "selector": s}
if f: o["pem"] = open(f).read()
if state: o["state"] = state
print(json.dumps(o))' "$@"
}

for k in a b; do openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/$k" 2>/dev/null; done
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512 -out "$work/short" 2>/dev/null

# ---- sync ----
{
	line One.Example s1 "$work/a" active
	line two.example s1 "$work/b" ''
} >"$work/in"
run 0 sync "$work/in"
has '^2 added, 0 changed, 0 as they were, 0 refused'
state one.example s1 active
state two.example s1 pending
is "the key is private" "$(stat -c %a "$keys/one.example/s1.key")" 640
run 0 sync - <"$work/in"
has '^0 added, 0 changed, 2 as they were, 0 refused'
run 0 sync - < <(line two.example s1 '' active)
has '^0 added, 1 changed'
state two.example s1 active
line two.example s1 "$work/b" retired >"$work/in"
run 0 sync "$work/in" --dry-run
has '0 added, 1 changed'
state two.example s1 active
run 0 sync "$work/in"
state two.example s1 retired
run 0 sync - < <(line gone.example s1 '' revoked)
has '0 added, 0 changed, 1 as they were'
{
	line three.example s1 "$work/a" active
	line one.example s1 "$work/b" ''
	line four.example s1 '' active
	line 'x y' s1 "$work/a" ''
	line five.example 's/../1' "$work/a" ''
	line six.example s1 "$work/short" ''
	line seven.example s1 "$work/a" lost
	echo '{"domain": "eight.example"'
	echo '[{"domain": "nine.example"}]'
	echo '{"domain": 1, "selector": "s1"}'
	echo '{}, {}'
	printf '{"domain": "ten.example", "selector": "s1", "pem": "%s"}\n' "$(head -c 70000 /dev/zero | tr '\0' x)"
	printf '{"domain": "nul.example",\0 "selector": "s1"}\n'
} >"$work/in"
run 65 sync "$work/in"
says 'nothing was changed, because lines are wrong'
says 'line 2: one.example s1: another key has that name'
says 'line 3: four.example s1: the key does not exist, and "pem" is missing'
says 'line 4: "domain" is not a domain name'
says 'line 5: five.example: .*selector'
says 'line 6: six.example s1: .*1024'
says 'line 7: seven.example s1: "state" is not pending, active, retired or revoked'
says 'line 8: not one JSON object'
says 'line 10: "domain" and "selector" must be texts'
says 'line 11: not one JSON object'
says 'line 12: longer than 64 KiB'
says 'line 13: has a NUL byte'
has '^0 added, 0 changed, 1 as they were, 12 refused'
ok "no key was added" test ! -e "$keys/three.example"
run 2 sync --partial --json "$work/in"
has '"added": 1'
has '"line": 2'
state three.example s1 active
is "and only that" "$(ls "$keys" | tr '\n' ' ')" "one.example three.example two.example "
is "no private key is printed" "$(cat "$work/out" "$work/err" | grep -c 'PRIVATE KEY')" 0
run 64 sync
run 66 sync "$work/none"

# ---- delegated selectors ----
rm -r "$keys"
run 0 gen customer.example --selectors=k1,k2 --active
has "^created $keys/customer.example/k1.key"
run 0 show customer.example --format=cname --target=Keys.Example.net
has '^k1\._domainkey\.customer\.example\. 3600 IN CNAME k1\._domainkey\.customer\.example\.keys\.example\.net\.$'
has '^k1\._domainkey\.customer\.example\.keys\.example\.net\. +3600 IN TXT'
run 64 show customer.example --format=cname
says 'needs --target=ZONE'
run 64 gen customer.example --selectors=k1,k2 --selector=k3
run 0 rotate customer.example --selectors=k1,k2
has 'customer.example/k2.key'
run 1 gen customer.example --selectors=k1,k2
says 'each of the selectors k1,k2 of customer.example has a key'
before=$(cat "$keys/customer.example/k1.key")
run 0 activate customer.example k2 --force
run 0 revoke customer.example k1 --force
run 0 rotate customer.example --selectors=k1,k2
has "^created $keys/customer.example/k1.key"
state customer.example k1 pending
ok "it is a new key" test "$before" != "$(cat "$keys/customer.example/k1.key")"
is "the old one is aside" "$(cat "$keys"/customer.example/.k1.key.*)" "$before"
run 0 list
is "and nobody sees it" "$(grep -c customer.example "$work/out")" 2

# ---- all domains ----
rm -r "$keys"
for d in a b c; do run 0 gen $d.example --selector=s1 --active; done
for d in a b; do echo 'active 2024-01-01T00:00:00Z' >"$keys/$d.example/s1.state"; done
cat >"$work/publish" <<-P
	#!/bin/sh
	cat >"$work/records"
	[ ! -e "$work/later" ] || exit 75
P
chmod +x "$work/publish"
touch "$work/later"
run 75 rotate --all --older=365d --limit=1 --publish="$work/publish"
says 'the same command tells it again'
is "one domain at most" "$(python3 -c 'import json, sys
for l in open(sys.argv[1]):
    o = json.loads(l); print(o["domain"], o["name"], o["type"], o["value"][:14])' "$work/records")" \
	"a.example s$(date -u +%Y)a._domainkey.a.example TXT v=DKIM1; k=rsa"
rm "$work/later"
run 0 rotate --all --older=365d --publish="$work/publish"
is "the next run has it again, and the other" "$(grep -o '"domain": "[a-z]*' "$work/records" | tr '\n' ' ')" '"domain": "a "domain": "b '
ok "a young key stays alone" test ! -e "$keys/c.example/s$(date -u +%Y)a.key"
cp "$work/records" "$work/records.before"
run 0 rotate --all --older=365d --publish="$work/publish"
ok "nothing new, the same records" cmp -s "$work/records" "$work/records.before"
run 1 rotate --all --publish=/nonexistent/program
says 'failed; the keys wait'
run 64 rotate --all a.example
run 64 rotate --all --auto
run 64 rotate --all --older=1y
run 64 rotate --all --limit=0
done_testing
