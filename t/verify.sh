#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `countersign verify -v` explains every verdict of odd messages: by what section of which RFC, from which record, after
# which lookups; and --json has the same facts.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need openssl python3
BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-verify.XXXXXX") || exit 99
dns=''
trap 'kill $dns 2>/dev/null; wait $dns 2>/dev/null; rm -rf "$top"' EXIT
export LC_ALL=C
cd "$top" || exit 99

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa 2>/dev/null
openssl genpkey -algorithm ED25519 -out ed 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:768 -out short 2>/dev/null
public() { openssl pkey -in "$1" -pubout -outform DER | base64 -w0; }
rsa=$(public rsa) ed=$(openssl pkey -in ed -pubout -outform DER | tail -c 32 | base64 -w0)
strings() { printf '"%s" "%s"' "${1:0:200}" "${1:200}"; }
cat >zone <<Z
sender.test 60 TXT "v=spf1 include:inc.test a:mail.sender.test ?exists:%{l}.hosts.test -all exp=why.sender.test"
inc.test 60 TXT "v=spf1 ip4:192.0.2.0/24 ~all"
why.sender.test 60 TXT "%{i} may not send for %{d}"
mail.sender.test 60 A 198.51.100.25
25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
26.100.51.198.in-addr.arpa 60 PTR mail.sender.test
27.100.51.198.in-addr.arpa 60 PTR slow.test
quiet.hosts.test 60 A 127.0.0.2
slow.test 0 FAULT drop
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:d@sender.test"
here.sender.test 60 A 198.51.100.99
sel._domainkey.sender.test 60 TXT $(strings "v=DKIM1; k=rsa; p=$rsa")
ed._domainkey.sender.test 60 TXT "v=DKIM1; k=ed25519; t=y:s; p=$ed"
revoked._domainkey.sender.test 60 TXT "v=DKIM1; p="
short._domainkey.sender.test 60 TXT "v=DKIM1; p=$(public short)"
two._domainkey.sender.test 60 TXT $(strings "v=DKIM1; k=rsa; p=$rsa")
two._domainkey.sender.test 60 TXT "v=DKIM1; p="
junk._domainkey.sender.test 60 TXT "hello"
slow._domainkey.sender.test 0 FAULT servfail
soft.test 60 TXT "v=spf1 ~all"
neutral.test 60 TXT "v=spf1 ?all"
none.test 60 A 198.51.100.99
bad.test 60 TXT "v=spf1 ip4:1.2.3 -all"
wraps.test 60 TXT "v=spf1 include:bad.test -all"
both.test 60 TXT "v=spf1 -all"
both.test 60 TXT "v=spf1 +all"
late.test 0 FAULT servfail TXT
voids.test 60 TXT "v=spf1 a:a.voids.test a:b.voids.test a:c.voids.test -all"
loop.test 60 TXT "v=spf1 redirect=loop.test"
strict.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.strict.test 60 TXT "v=DMARC1; p=quarantine; adkim=s; aspf=s; t=y"
_dmarc.many.test 60 TXT "v=DMARC1; p=reject"
_dmarc.many.test 60 TXT "v=DMARC1; p=none"
_dmarc.wrong.test 60 TXT "v=DMARC1; p=none; sp=all"
_dmarc.twice.test 60 TXT "v=DMARC1; p=none; p=reject"
_dmarc.unknown.test 0 FAULT servfail
_dmarc.suffix.test 60 TXT "v=DMARC1; p=none; sp=reject; psd=y"
_dmarc.own.suffix.test 60 TXT "v=DMARC1; p=quarantine; psd=n"
_dmarc.xn--mnchen-3ya.test 60 TXT "v=DMARC1; p=reject"
Z
"$BUILD/t/bin/dnsd" --port-file port zone 2>dnsd.log &
dns=$!
eventually test -s port
conf() { # file, more settings
	cat >"$1" <<-C
		authserv_id = "mx.example.com";
		dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "1500ms"; };
		store: { url = ""; };
		$2
	C
}
conf conf 'dmarc: { enforce = "strict"; };'
conf psl 'dmarc: { enforce = "strict"; discovery = "psl"; };'
conf libspf2 'spf: { engine = "libspf2"; };'
conf both 'dmarc: { enforce = "strict"; }; spf: { engine = "both"; }; dkim: { engine = "both"; };'

# For each case: every string of the JSON is somewhere in the text, every line of an explanation is in the JSON, and
# every verdict names its section.
cat >same.py <<'P'
import json, re, sys

LEFT_OUT = ("schema", "version", "generated")
OTHERWISE = ("identity", "org_domain", "policy_tag", "policy_domain", "policy", "disposition", "scope", "signature")

def strings(value, key=""):
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, (dict, list)):
        for k, v in value.items() if isinstance(value, dict) else ((key, v) for v in value):
            yield from strings(v, k)

def faults(text, found):
    for key, value in found:
        late = key in ("records", "reason", "status") and "not needed in time" in text
        if key not in LEFT_OUT + OTHERWISE and not late and value not in text:
            yield "only in the JSON: %s: %s" % (key, value)
    facts = {v for _, v in found}
    for what, line in re.findall(r"^ {10}\. (record: _dmarc\.\S*: |record: |mechanism: |explanation of the domain: |)(.*)",
                                 text, re.M):
        if line not in facts and not re.match(r"\d+ of 10 terms|reported as", line):
            yield "only in the text: " + line
    for block in re.findall(r"^(?:iprev|helo|spf|dkim|dmarc) .*\n(?: {10}\..*\n)*", text, re.M):
        if not re.search(r"RFC \d+ section \d", block):
            yield "without a section: " + block

number = 0
for name in open("names").read().splitlines():
    number += 1
    text = open("text.%d" % number).read()
    wrong = list(faults(text, list(strings(json.load(open("json.%d" % number))))))
    print("%s\t%s" % ("ok" if not wrong else "not ok", name))
    for line in wrong:
        print("#\t%s" % line)
P

shopt -s lastpipe # the messages come through pipes, and what is counted is counted here
cases=0
try() { # name, settings, what the text must have (a regular expression a line), arguments; the message on stdin
	local name=$1 conf=$2 wanted=$3 pattern text
	shift 3
	cases=$((cases + 1))
	cat >message
	"$BUILD/admin/countersign" -c "$conf" verify -v "$@" message >text.$cases 2>errors
	"$BUILD/admin/countersign" -c "$conf" verify --json "$@" message >json.$cases 2>>errors
	text=$(<text.$cases)
	echo "$name" >>names
	is "$name: no error" "$(<errors)" ""
	while IFS= read -r pattern; do
		[ -z "$pattern" ] || like "$name: $pattern" "$text" "$pattern"
	done <<<"$wanted"
}
client=(--ip 198.51.100.25 --helo mail.sender.test)
mail() { # author, more fields
	printf 'From: %s\r\nTo: you@example.com\r\nSubject: hello\r\n%b\r\nline one\r\n' "$1" "${2:-}"
}
signed() { # key file, selector, signmsg's options: of sender.test
	local key=$1 selector=$2
	shift 2
	mail 'Bob <bob@sender.test>' | "$BUILD/t/bin/signmsg" "$@" "$key" sender.test "$selector"
}

# ---- iprev ----
mail bob@none.test | try "iprev pass" conf 'iprev +pass +mail\.sender\.test
PTR +25\.100\.51\.198\.in-addr\.arpa: data, 1 record, asked at
A +mail\.sender\.test: data
^ +198\.51\.100\.25$' "${client[@]}"
mail bob@none.test | try "iprev fail" conf 'iprev +fail' --ip 198.51.100.26 --helo x.test
mail bob@none.test | try "iprev temperror" conf 'iprev +temperror' --ip 198.51.100.27 --helo x.test
mail bob@none.test | try "iprev permerror" conf 'iprev +permerror' --ip 2001:db8::1 --helo x.test
mail bob@none.test | try "no client" conf 'iprev +none'
# ---- SPF ----
mail bob@sender.test | try "SPF pass by include" conf 'spf +pass
record: v=spf1 include:inc.test
mechanism: include:inc\.test
record of inc\.test: v=spf1 ip4:192\.0\.2\.0/24 ~all
ip4:192\.0\.2\.0/24: match \(RFC 7208 section 5\.6\)' --ip 192.0.2.7 --helo mail.sender.test
mail bob@sender.test | try "SPF fail with its explanation" conf 'spf +fail
mechanism: -all
explanation of the domain: 203\.0\.113\.5 may not send for sender\.test
exp: TXT why\.sender\.test: data, 1 record ' --ip 203.0.113.5 --helo mail.sender.test
mail quiet@sender.test | try "SPF neutral by a macro" conf 'spf +neutral
A quiet\.hosts\.test: data, 1 record$' --ip 203.0.113.5 --helo mail.sender.test
mail a@soft.test | try "SPF softfail" conf 'spf +softfail' "${client[@]}"
mail a@neutral.test | try "SPF neutral" conf 'spf +neutral' "${client[@]}"
mail a@none.test | try "SPF none" conf 'spf +none' "${client[@]}"
mail a@bad.test | try "SPF permerror, syntax" conf 'spf +permerror .*term 1 "ip4:1\.2\.3"
record: v=spf1 ip4:1\.2\.3' "${client[@]}"
mail a@wraps.test | try "SPF permerror in an include" conf 'spf +permerror
record of bad\.test: v=spf1 ip4:1\.2\.3 -all' "${client[@]}"
mail a@both.test | try "SPF permerror, two records" conf 'spf +permerror.*section 4\.5' "${client[@]}"
mail a@voids.test | try "SPF permerror, void lookups" conf 'spf +permerror.*section 4\.6\.4
2 void lookups' "${client[@]}"
mail a@loop.test | try "SPF permerror, a loop" conf 'spf +permerror.*section 4\.6\.4' "${client[@]}"
mail a@late.test | try "SPF temperror" conf 'spf +temperror
TXT +late\.test: temporary failure \(SERVFAIL' "${client[@]}"
mail a@none.test | try "the null sender" conf 'spf +none
check_host\(198\.51\.100\.25, mail\.sender\.test, postmaster@' "${client[@]}" --from ''
mail bob@sender.test | try "the sender as SMTP has it" conf 'spf +pass +sender\.test' --ip 192.0.2.7 --from '<bob@sender.test>'
mail bob@sender.test | try "libspf2: the term" libspf2 'spf +pass .*matches ip4:192\.0\.2\.0/24
mechanism: include:inc\.test
libspf2 gets: v=spf1 ' --ip 192.0.2.7 --helo mail.sender.test
# ---- DKIM ----
signed rsa sel | try "DKIM pass" conf 'dkim +pass
TXT sel\._domainkey\.sender\.test: v=DKIM1; k=rsa; p=
the key: RSA, 2048 bits
fields that it does not cover: none
dmarc +pass' "${client[@]}"
signed ed ed | try "DKIM pass, a key for tests" conf 'dkim +pass
the key: Ed25519, 256 bits, t=y: test mode, t=s' "${client[@]}"
signed rsa sel | sed 's/^Subject: hello/Subject: bye/' | try "DKIM fail, header" conf 'dkim +fail' "${client[@]}"
signed rsa sel | sed 's/^line one/line two/' | try "DKIM fail, body" conf 'dkim +fail .*the body' "${client[@]}"
signed rsa none | try "DKIM permerror, no key" conf 'TXT none\._domainkey\.sender\.test: no name' "${client[@]}"
signed rsa revoked | try "DKIM permerror, revoked" conf 'dkim +permerror .*revoked
TXT revoked\._domainkey\.sender\.test: v=DKIM1; p=$' "${client[@]}"
signed rsa short | try "DKIM permerror, a short key" conf 'dkim +permerror .*768 bits' "${client[@]}"
signed rsa two | try "DKIM permerror, two keys" conf 'dkim +permerror .*2 key records' "${client[@]}"
signed rsa junk | try "DKIM permerror, no key record" conf 'TXT junk\._domainkey\.sender\.test: hello' "${client[@]}"
signed rsa slow | try "DKIM temperror" conf 'dkim +temperror
TXT slow\._domainkey\.sender\.test: temporary failure' "${client[@]}"
signed rsa sel | sed 's/; c=/; x=1000000; c=/' | try "DKIM policy, expired" conf 'dkim +policy .*x= is past|dkim +permerror' "${client[@]}"
signed rsa sel | sed 's/a=rsa-sha256/a=rsa-sha1/' | try "DKIM permerror, SHA-1" conf 'dkim +permerror .*RFC 8301' "${client[@]}"
signed rsa sel | sed 's/a=rsa-sha256/a=foo-sha9/' | try "DKIM neutral" conf 'dkim +neutral .*unknown algorithm' "${client[@]}"
{
	signed ed ed | sed '/^From:/,$d'
	signed rsa sel
} | try "several signatures" conf 'dkim +pass .*s=ed
dkim +pass .*s=sel' "${client[@]}"
signed rsa sel | sed 's/^To:/Reply-To: x@evil.test\r\nTo:/' | try "a field that is not signed" conf 'not cover: Reply-To' "${client[@]}"
# ---- DMARC ----
mail a@sender.test | try "p" conf 'dmarc +fail .*p=reject
record: _dmarc\.sender\.test: v=DMARC1; p=reject
action +reject' --ip 203.0.113.5 --helo x.test --from a@none.test
mail a@here.sender.test | try "sp" conf 'dmarc +fail .*sp=quarantine
_dmarc\.here\.sender\.test: no such name
here\.sender\.test: no data
TXT +_dmarc\.here\.sender\.test: no name' "${client[@]}" --from a@none.test
mail a@nowhere.sender.test | try "np" conf 'dmarc +fail .*np=none
nowhere\.sender\.test: no name' "${client[@]}" --from a@none.test
mail a@sub.strict.test | try "strict, t=y" conf 'dmarc +fail
not aligned \(strict
reason policy_test_mode' "${client[@]}" --from a@strict.test
mail a@many.test | try "several records" conf 'dmarc +none .*several DMARC records' "${client[@]}"
mail a@wrong.test | try "a bad record" conf 'dmarc +permerror .*sp= is not valid, ' "${client[@]}"
mail a@twice.test | try "a tag twice" conf 'dmarc +permerror .*p= appears twice' "${client[@]}"
mail a@unknown.test | try "DNS does not answer" conf 'dmarc +temperror' "${client[@]}"
mail a@shop.suffix.test | try "a public suffix" conf 'dmarc +fail .*sp=reject of suffix\.test' "${client[@]}"
mail a@x.own.suffix.test | try "psd=n" conf 'dmarc +fail .*of own\.suffix\.test' "${client[@]}"
mail a@none.test | try "no record" conf 'dmarc +none .*section 4\.10\.1' "${client[@]}"
mail a@here.sender.test | try "the public suffix list" psl 'by the public suffix list: sender\.test
dmarc +fail' "${client[@]}" --from a@none.test
mail 'a@m\xc3\xbcnchen.test' | sed 's/\\xc3\\xbc/\xc3\xbc/' | try "a U-label" conf 'dmarc +fail +xn--mnchen-3ya\.test' "${client[@]}"
# ---- From, and messages that are none ----
mail 'a@none.test, b@sender.test' | try "two authors" conf 'author domain none\.test
author domain sender\.test
dmarc +fail +sender\.test' --ip 203.0.113.5 --helo x.test --from a@none.test
mail 'a@none.test' 'From: b@sender.test\r\n' | try "two From fields" conf 'RFC 9989 section 4\.2
action +reject' "${client[@]}" --from a@none.test
mail 'a@@none.test' | try "a malformed From" conf 'dmarc +permerror .*malformed From' "${client[@]}" --from a@none.test
printf 'Subject: x\r\n\r\nhello\r\n' | try "no From" conf 'dmarc +permerror .*no From' "${client[@]}" --from a@none.test
printf 'From : a@sender.test\n\nhello\n' | try "a blank before the colon, LF" conf 'dmarc +fail' --ip 203.0.113.5 --helo x.test
printf 'this is not a header\r\nFrom: a@sender.test\r\n\r\n' | try "no header" conf '^message line 1 is not a header field
dmarc +permerror' "${client[@]}" --from a@none.test
printf '' | try "nothing" conf 'dmarc +permerror' "${client[@]}" --from ''
signed rsa sel | try "two engines" both 'spf +pass
dkim +pass' "${client[@]}"
is "no engine disagrees" "$(grep -c '^engines' text.$cases)" 0
python3 same.py | while IFS=$'\t' read -r word text; do
	case $word in
	ok) pass "$text: every verdict has its section, the JSON says the same" ;;
	'#') echo "# $text" ;;
	*) fail "$text: every verdict has its section, the JSON says the same" ;;
	esac
done
ok "more than 40 of them" test "$(wc -l <names)" -gt 40
done_testing
