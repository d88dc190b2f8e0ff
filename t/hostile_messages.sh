#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Messages that two readers may read differently, against the running daemon: no such message gets a pass that only
# one of them would give. Each case is a change of a message that passes: one by its signature, one by SPF.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need openssl
BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-messages.XXXXXX") || exit 99
daemon='' dns=''
trap 'kill $daemon $dns 2>/dev/null; wait $daemon $dns 2>/dev/null; rm -rf "$top"' EXIT

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$top/key" 2>/dev/null
key=$(openssl pkey -in "$top/key" -pubout -outform DER | base64 -w0)
cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
sel._domainkey.sender.test 60 TXT "v=DKIM1; k=rsa; p=${key:0:200}" "${key:200}"
evil.test 60 TXT "v=spf1 ip4:203.0.113.66 -all"
_dmarc.evil.test 60 TXT "v=DMARC1; p=reject"
Z
"$BUILD/t/bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"
cat >"$top/conf" <<C
authserv_id = "mx.example.com";
listen = [ "local:$top/sock" ];
trusted_networks = [ "192.0.2.7" ];
dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; };
dmarc: { enforce = "strict"; };
sign: { keys = "$top/keys"; };
spf: { engine = "both"; };
dkim: { engine = "both"; };
store: { url = ""; };
log: { target = "stderr"; };
C
"$BUILD/admin/countersign" -q -c "$top/conf" key gen ours.test --type ed25519 --selector own --active >/dev/null ||
	echo "Bail out! no key"
root=
[ "$(id -u)" = 0 ] && root=--allow-root
"$BUILD/daemon/countersignd" $root -f -c "$top/conf" 2>"$top/log" &
daemon=$!
eventually grep -q ready: "$top/log"

# The steps of a message behind the envelope, as milterc takes them. $from, $subject, $body: escaped.
from='header\tFrom\t Bob <bob@sender.test>\n'
subject='header\tSubject\t hello\n'
body='line one%%0D%%0A%%0D%%0Aline  two%%0D%%0A'
sign() { # canonicalization: sets $signature
	local value
	value=$(printf 'From: Bob <bob@sender.test>\r\nSubject: hello\r\n\r\nline one\r\n\r\nline  two\r\n' |
		"$BUILD/t/bin/signmsg" -c "$1" "$top/key" sender.test sel | tr -d '\r' |
		sed -n '/^DKIM-Signature:/{s/^[^:]*://;:a;p;n;/^[ \t]/ba;q}')
	signature="header\tDKIM-Signature\t$(printf '%s' "$value" | sed 's/%/%%25/g; s/\t/%%09/g' | sed ':a;N;$!ba;s/\n/%%0A/g')\n"
}
send() { # ip, envelope sender, steps (a printf format); sets $out: reply and header changes
	out=$({
		printf 'connect\tunknown\t%s\nhelo\tclient.test\nmail\t<%s>\nrcpt\t<a@example.com>\n' "$1" "$2"
		printf "$3"
		printf 'eom\n'
	} | timeout 30 "$BUILD/t/bin/milterc" ${old:-} "$top/sock" 2>&1 | grep -v '^\(mail\|rcpt\|header\|eoh\|body\|connect\|helo\)	' | sed 's/%0A%09/ /g')
}
stranger() { send 203.0.113.66 "x@${2:-evil.test}" "$1"; } # steps: somebody else sends it
passes() { # name
	like "$1: passes" "$out" 'dmarc=pass'
}
no_pass() { # name: no pass for sender.test
	like "$1: the daemon answers" "$out" '^eom	'
	is "$1: no pass" "$(grep -cE 'dmarc=pass[^;]*header.from=sender.test|dkim=pass' <<<"$out")" 0
}
refused() { # name
	like "$1: refused" "$out" '^eom	reply	550'
}

for canon in relaxed/relaxed simple/simple; do
	sign $canon
	for old in '' --old; do
		stranger "$signature$from${subject}eoh\nbody\t$body\n"
		passes "$canon $old, as it was signed"
	done
	old=
	stranger "$signature$from${subject}eoh\nbody\tline one%%0D\nbody\t%%0A%%0D%%0Aline  two%%0D\nbody\t%%0A\n"
	passes "$canon, in chunks that break lines"
	stranger "$signature$from${subject}eoh\nbody\tline one%%0D%%0A%%0D%%0Aline  two\n"
	passes "$canon, without the last line end (RFC 6376 section 3.4)"
	while IFS='|' read -r name changed; do
		stranger "$signature$from${subject}eoh\nbody\t$changed\n"
		no_pass "$canon, body: $name"
	done <<-'B'
		a CR alone|line one%%0D%%0D%%0A%%0D%%0Aline  two%%0D%%0A
		a CR alone inside a line|line%%0Done%%0D%%0A%%0D%%0Aline  two%%0D%%0A
		a CR alone at the end|line one%%0D%%0A%%0D%%0Aline  two%%0D%%0A%%0D
		CR for a line end|line one%%0D%%0A%%0Dline  two%%0D%%0A
		a LF alone for a line end|line one%%0A%%0D%%0Aline  two%%0D%%0A
		LF alone for all line ends|line one%%0A%%0Aline  two%%0A
		a LF alone at the end|line one%%0D%%0A%%0D%%0Aline  two%%0A
		a NUL|line one%%0D%%0A%%00%%0D%%0Aline  two%%0D%%0A
		a NUL at its end|line one%%0D%%0A%%0D%%0Aline  two%%0D%%0A%%00
		another message behind LF . CRLF|line one%%0D%%0A%%0D%%0Aline  two%%0D%%0A%%0A.%%0D%%0AMAIL FROM:<x@y>%%0D%%0A
		another message behind LF . LF|line one%%0D%%0A%%0D%%0Aline  two%%0A.%%0AMAIL FROM:<x@y>%%0A
		another message behind CR . CR|line one%%0D%%0A%%0D%%0Aline  two%%0D.%%0DMAIL FROM:<x@y>%%0D%%0A
		another message behind CRLF . CR|line one%%0D%%0A%%0D%%0Aline  two%%0D%%0A.%%0DMAIL FROM:<x@y>
		another message behind CRLF NUL . CRLF|line one%%0D%%0A%%0D%%0Aline  two%%0D%%0A%%00.%%0D%%0AMAIL FROM:<x@y>%%0D%%0A
		a vertical tab|line one%%0B%%0D%%0A%%0D%%0Aline  two%%0D%%0A
		a header again|line one%%0D%%0A%%0D%%0Aline  two%%0D%%0AFrom: x@y%%0D%%0A
	B
	while IFS='|' read -r name changed; do
		stranger "$signature${changed}eoh\nbody\t$body\n"
		no_pass "$canon, header: $name"
	done <<-'H'
		a second From above|header\tFrom\t x@evil.test\nheader\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello\n
		a second From below|header\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello\nheader\tFrom\t x@evil.test\n
		a second From with a blank behind its name|header\tFrom \t x@evil.test\nheader\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello\n
		and with a tab, below|header\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello\nheader\tFROM%%09\t x@evil.test\n
		From inside another field, behind LF|header\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello%%0AFrom: x@evil.test\n
		behind CR LF|header\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello%%0D%%0AFrom: x@evil.test\n
		behind CR|header\tFrom\t Bob <bob@sender.test>\nheader\tSubject\t hello%%0DFrom: x@evil.test\n
		From that ends with another field|header\tFrom\t Bob <bob@sender.test>%%0AFrom: x@evil.test\nheader\tSubject\t hello\n
		From with a CR alone|header\tFrom\t Bob%%0D <bob@sender.test>\nheader\tSubject\t hello\n
		From with two addresses|header\tFrom\t Bob <bob@sender.test>, x@evil.test\nheader\tSubject\t hello\n
		an address in From behind a fold|header\tFrom\t Bob <bob@sender.test>%%0D%%0A x@evil.test\nheader\tSubject\t hello\n
		a vertical tab|header\tFrom\t Bob%%0B<bob@sender.test>\nheader\tSubject\t hello\n
		no Subject|header\tFrom\t Bob <bob@sender.test>\n
	H
done

# Unsigned, from a client that may send for evil.test and shows something else to another reader.
while IFS='|' read -r name fields; do
	stranger "${fields}eoh\nbody\t$body\n"
	no_pass "by SPF: $name"
	is "by SPF: $name: nor one for another author" "$(grep -c 'dmarc=pass' <<<"$out")" 0
done <<-'S'
	From, and From with a blank|header\tFrom\t x@evil.test\nheader\tFrom \t Bob <bob@sender.test>\n
	From with a blank, and From|header\tFrom \t Bob <bob@sender.test>\nheader\tFrom\t x@evil.test\n
	only From with a blank|header\tFrom \t Bob <bob@sender.test>\n
	From in capitals with a tab|header\tFrom\t x@evil.test\nheader\tFROM%%09\t Bob <bob@sender.test>\n
	another From behind LF|header\tFrom\t x@evil.test%%0AFrom: Bob <bob@sender.test>\n
	another From behind CR|header\tFrom\t x@evil.test%%0DFrom: Bob <bob@sender.test>\n
	another From behind LF, in Subject|header\tFrom\t x@evil.test\nheader\tSubject\t hello%%0AFrom: Bob <bob@sender.test>\n
	another From behind CR, in Subject|header\tFrom\t x@evil.test\nheader\tSubject\t hello%%0DFrom: Bob <bob@sender.test>\n
	another From behind CR, in a name|header\tFrom\t x@evil.test\nheader\tX%%0DFrom\t Bob <bob@sender.test>\n
	the same with a blank|header\tFrom\t x@evil.test\nheader\tX%%0AFROM \t Bob <bob@sender.test>\n
	a name with a blank in it|header\tFr om\t x@evil.test\n
	a name with 8 bits|header\tFrom%%C2%%A0\t x@evil.test\n
S
stranger "header\tFrom\t x@evil.test\nheader\tSubject\t folded%%0A twice%%0A\tFrom: Bob <bob@sender.test>\neoh\nbody\t$body\n"
passes "text that looks like From behind a fold is text"
stranger "header\tFrom\t%%0A x@evil.test\neoh\nbody\t$body\n"
passes "From on its second line"
stranger "eoh\nbody\t$body\n"
refused "no header at all"
stranger "eoh\n"
refused "nothing at all"
stranger "header\tSubject\t hello%%0DFrom: x@evil.test\neoh\n"
refused "no From but one behind a CR"
stranger "header\tFrom\t x@evil.test%%00Bob <bob@sender.test>\neoh\n"
is "a NUL in From: no pass for what comes after it" "$(grep -c 'header.from=sender.test' <<<"$out")" 0

# Results that somebody else wrote under our name
for name in Authentication-Results authentication-results 'Authentication-Results ' 'Authentication-Results%%09'; do
	stranger "header\t$name\t mx.example.com; dmarc=pass header.from=sender.test\nheader\tFrom\t x@evil.test\neoh\n"
	like "\"$name\" of our own from elsewhere goes" "$out" '^change	1	Authentication-Results'
done
while IFS='|' read -r name value; do
	stranger "header\tAuthentication-Results\t$value\nheader\tFrom\t x@evil.test\neoh\n"
	like "ours, $name, goes too" "$out" '^change	1	Authentication-Results'
done <<-'A'
	behind a fold|%%0A mx.example.com; dmarc=pass
	behind a comment|(x%%0A) mx.example.com; dmarc=pass
	behind a CR|%%0Dmx.example.com; dmarc=pass
	behind a line end that no blank follows|other.example; none%%0AAuthentication-Results: mx.example.com; dmarc=pass
A
while IFS='|' read -r name value; do
	stranger "header\tSubject\t$value\nheader\tFrom\t x@evil.test\neoh\n"
	no_pass "ours inside another field, $name"
done <<-'A'
	behind LF|x%%0AAuthentication-Results: mx.example.com; dmarc=pass header.from=sender.test
	behind CR|x%%0DAuthentication-Results: mx.example.com; dmarc=pass header.from=sender.test
A

# Own mail that verifiers read differently is not signed (RFC 5322 section 2.3); t/scenario/unclean.lua has the cases that
# miltertest can send.
own='header\tFrom\t a@ours.test\n'
send 192.0.2.7 a@ours.test "${own}eoh\nbody\t$body\n"
like "own mail is signed" "$out" 'DKIM-Signature'
while IFS='|' read -r name steps; do
	send 192.0.2.7 a@ours.test "${own}eoh\n$steps"
	is "own mail with $name: not signed" "$(grep -c DKIM-Signature <<<"$out")" 0
	like "own mail with $name: goes out" "$out" '^eom	(accept|continue)'
done <<-'N'
	a NUL|body\tline%%00one%%0D%%0A\n
	a NUL at the end|body\tline one%%0D%%0A%%00\n
	a NUL alone in a chunk|body\tline one%%0D%%0A\nbody\t%%00\nbody\tline two%%0D%%0A\n
	a NUL between CR and LF|body\tline one%%0D%%00%%0A\n
N
is "and the log says why" "$(grep -c 'sign=no reason="the body has a NUL' "$top/log")" 4

send 198.51.100.25 bob@sender.test "$from${subject}eoh\nbody\t$body\n"
passes "and after all that, a plain message"
ok "the daemon is still there" kill -0 "$daemon"
is "the second engines agree with all of it" "$(grep -c 'engines disagree' "$top/log")" 0
is "no sanitizer finding" "$(grep -cE 'Sanitizer|runtime error' "$top/log")" 0
done_testing
