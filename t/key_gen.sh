#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign key gen, list, show: the files and their modes, the record in every form, mistakes.
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
signmsg=$COUNTERSIGN_BUILD/t/bin/signmsg
export LC_ALL=C
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
keys=$work/keys
n=0 failed=0

check() { # name, condition's exit code
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		failed=1
		echo "not ok $n - $1"
		sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null
	fi
}

skip() { # name, why it was not tried
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

is() { # name, have, want
	[ "$2" = "$3" ]
	check "$1 ($2)" $?
}

# exit code, arguments
run() {
	local want=$1 status
	shift
	"$cs" "$@" >"$work/out" 2>"$work/err"
	status=$?
	is "countersign $* exits $want" "$status" "$want"
}

has() { # name, pattern in standard output
	grep -qE -- "$2" "$work/out"
	check "$1" $?
}

complains() { # pattern in standard error
	grep -qE -- "$1" "$work/err"
	check "says: $1" $?
}

# The text that a zone file's or nsupdate's strings make.
joined() {
	grep -o '"[^"]*"' | tr -d '"\n'
}

mode() {
	stat -c %a "$1" 2>/dev/null || stat -f %Lp "$1"
}

umask 0
year=$(date -u +%Y)

run 0 key gen example.com --keys "$keys"
key=$keys/example.com/s${year}a.key
has "says what it made" "^created $key   rsa 2048   pending \\(signs once the DNS shows its record\\)$"
has "and what to do then" "^then: countersign key activate example.com "
is "the state's mode" "$(mode "${key%.key}.state")" 640
is "the file's mode" "$(mode "$key")" 640
is "the domain's directory" "$(mode "$keys/example.com")" 750
is "the directory of keys" "$(mode "$keys")" 750
record=$("$signmsg" -p "$key" example.com "s${year}a" | cut -d' ' -f2-)
is "the value is the key's" "$(sed -n 's/^ *value  //p' "$work/out")" "$record"
is "its name" "$(sed -n 's/^ *name   //p' "$work/out")" "s${year}a._domainkey.example.com"
is "the zone form is the same text" "$(sed -n '/IN TXT (/,/)$/p' "$work/out" | joined)" "$record"
is "the nsupdate form too" "$(grep 'update add' "$work/out" | joined)" "$record"
long=$(grep -o '"[^"]*"' "$work/out" | awk 'length > 257' | wc -l | tr -d ' ')
is "no string over 255 bytes" "$long" 0
if command -v openssl >/dev/null; then
	is "openssl reads the key and has the same public part" \
		"v=DKIM1; k=rsa; p=$(openssl pkey -in "$key" -pubout -outform DER 2>/dev/null | openssl base64 -A)" "$record"
else
	skip "openssl reads the key" "openssl is not installed"
fi

run 0 key gen example.com --keys "$keys" --format line
is "the next letter; the line alone" "$(cut -d' ' -f1-4 "$work/out")" \
	"s${year}b._domainkey.example.com v=DKIM1; k=rsa; p=$(cut -d= -f4- "$work/out")"
complains "created $keys/example.com/s${year}b.key"
mv "$keys/example.com/s${year}b.key" "$keys/example.com/s${year}b.key.retired"
run 0 key gen EXAMPLE.com. --keys "$keys" --type ed25519 --format zone
has "ed25519 in a zone file" "^e${year}a\._domainkey\.example\.com\. 3600 IN TXT \( \"v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=\" \)$"
run 0 key gen example.com --keys "$keys" --type both --format nsupdate -q
is "both, for nsupdate" "$(sed 's/ 3600.*//' "$work/out" | tr '\n' '|')" \
	"update add s${year}c._domainkey.example.com.|update add e${year}b._domainkey.example.com.|send|"
is "-q is quiet" "$(cat "$work/err")" ""
run 0 key gen example.org --keys "$keys" --type both --selector mail --format json
is "its state" "$(grep -o '"state": *"pending"' "$work/out" | wc -l | tr -d ' ')" 2
if command -v python3 >/dev/null; then
	python3 - "$work/out" "$keys" <<'END'
import json, os, sys
d = json.load(open(sys.argv[1]))
assert d["schema"] == "countersign.key.gen/1", d
a, b = d["keys"]
assert (a["selector"], a["type"], a["bits"]) == ("mail", "rsa", 2048), a
assert (b["selector"], b["type"], b["bits"]) == ("mail-ed25519", "ed25519", 256), b
assert a["name"] == "mail._domainkey.example.org" and a["value"].startswith("v=DKIM1; k=rsa; p="), a
assert os.path.exists(a["path"]) and a["path"].startswith(sys.argv[2]), a
END
	check "the JSON is as promised" $?
else
	skip "the JSON is as promised" "python3 is not installed"
fi

before=$(cksum <"$keys/example.org/mail.key")
run 73 key gen example.org --keys "$keys" --selector mail
complains "$keys/example.org/mail.key exists; a key is never overwritten"
is "and is not" "$(cksum <"$keys/example.org/mail.key")" "$before"
is "no temporary file is left" "$(ls -A "$keys/example.org" | tr '\n' ' ')" "mail-ed25519.key mail-ed25519.state mail.key mail.state "
run 64 key gen --keys "$keys"
complains "missing argument: DOMAIN"
run 64 key gen 'not a domain' --keys "$keys"
run 64 key gen example.com --keys "$keys" --selector 'a/b'
complains "is not a selector"
run 64 key gen example.com --keys "$keys" --type rsa1024
run 64 key gen example.com --keys "$keys" --type ed25591
complains 'did you mean "ed25519"'
run 64 key gen example.com other.example --keys "$keys"
touch "$work/plain"
run 73 key gen example.com --keys "$work/plain"
complains "cannot create"

run 0 key list --keys "$keys"
has "list" "^example.org +mail +rsa +2048 +pending +0 h +$keys/example.org/mail.key$"
is "its lines: a heading and six keys" "$(wc -l <"$work/out" | tr -d ' ')" 7
run 0 key list example.org --keys "$keys" --json
has "as JSON" '"countersign.key.list/1"'
run 0 key list --keys "$work/none"
complains "no keys in"
run 0 key show example.com --keys "$keys" --selector "s${year}a" --format line
is "show gives the same record again" "$(cut -d' ' -f2- "$work/out")" "$record"
printf 'sign: { keys = "%s"; };\n' "$keys" >"$work/countersign.conf"
run 0 -c "$work/countersign.conf" key list example.org
has "the directory of the settings" "^example.org +mail "
run 0 key show example.org mail --keys "$keys" --format line
is "one key by its selector" "$(cut -d' ' -f1 "$work/out")" "mail._domainkey.example.org"
run 64 key show example.org mail --selector mail --keys "$keys"
run 0 key gen now.example --keys "$keys" --active --type ed25519 --selector n1
has "--active signs at once" "ed25519 256   active$"
rm -r "$keys/now.example"
run 1 key show example.net --keys "$keys"
chmod 644 "$key"
cp -r "$keys/example.org" "$keys/other.example"
run 1 key list --keys "$keys"
has "a key that others can read does not hide those of other domains" "^other.example  *mail "
run 0 key list other.example --keys "$keys"
run 0 key show other.example mail --keys "$keys"
run 1 key list example.com --keys "$keys"
run 78 key show example.com "$(basename "$key" .key)" --keys "$keys"
complains "$key: mode 0644 lets every user read the key: chmod 0640 $key"

echo "1..$n"
exit $failed
