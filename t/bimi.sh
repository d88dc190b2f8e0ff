#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign bimi check with logos and with mark certificates of a private mark PKI, one fault in each.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need openssl python3
cs=$COUNTERSIGN_BUILD/admin/countersign
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99

logo() { # TITLE, content
	printf '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">\n'
	printf '<title>%s</title>\n%s\n</svg>\n' "$1" "$2"
}
logo Example '<path d="M0 0L9 9"/>' >logo.svg
gzip -9nc logo.svg >logo.svgz
logo Example '<path d="M0 0L9 8"/>' >other.svg
logo Example '<script/>' >bad.svg

# ---- the mark PKI ----
purpose=1.3.6.1.5.5.7.3.31
mark='/markType=Registered Mark'
printf '%s\n' oid_section=oids '[oids]' markType=1.3.6.1.4.1.53087.1.13 testMark=1.3.6.1.4.1.53087.4.1 '[req]' distinguished_name=names '[names]' CN=name >req.cnf
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }
authority() { # NAME, issuer or nothing, purposes
	key "$1"
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n%s\n' "${3:+extendedKeyUsage=$3}" >"$1.ext"
	openssl req -new -key "$1.key" -subj "/CN=$1" 2>/dev/null |
		if [ -n "$2" ]; then
			openssl x509 -req -days 30 -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$RANDOM$RANDOM" -extfile "$1.ext" -out "$1.crt"
		else
			openssl x509 -req -days 30 -signkey "$1.key" -extfile "$1.ext" -out "$1.crt"
		fi 2>/dev/null
}
digest_of() { openssl dgst -sha256 -r "$1" | cut -d' ' -f1; }
extensions() { # PICTURE, MEDIA TYPE, FILE WHOSE HASH IT HAS: all that a mark certificate has, each on a line
	cat <<-X
		subjectAltName=DNS:example.com,DNS:brand._bimi.example.net
		extendedKeyUsage=$purpose
		crlDistributionPoints=URI:http://crl.example.com/mark.crl
		1.3.6.1.4.1.11129.2.4.2=DER:04020000
		1.3.6.1.5.5.7.1.12=ASN1:SEQUENCE:logotype
		[logotype]
		subject=EXPLICIT:2,IMPLICIT:0,SEQUENCE:data
		[data]
		images=SEQUENCE:images
		[images]
		image=SEQUENCE:image
		[image]
		details=SEQUENCE:details
		[details]
		type=IA5STRING:$2
		hashes=SEQUENCE:hashes
		uris=SEQUENCE:uris
		[hashes]
		hash=SEQUENCE:hash
		[hash]
		algorithm=SEQUENCE:algorithm
		value=FORMAT:HEX,OCTETSTRING:$(digest_of "$3")
		[algorithm]
		oid=OID:sha256
		parameters=NULL
		[uris]
		uri=IA5STRING:data:$2;base64,$(base64 -w 0 "$1")
	X
}
mark_certificate() { # NAME, ISSUER, SUBJECT, days; the extensions from standard input
	cat >"$1.ext"
	openssl req -new -config req.cnf -key leaf.key -subj "/CN=Example$3" 2>/dev/null |
		openssl x509 -req -days "${4:-20}" -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$RANDOM$RANDOM" \
			-extfile "$1.ext" -out "$1.crt" 2>"$1.err" || { fail "the certificate $1"; sed 's/^/# /' "$1.err"; }
	cat "$1.crt" "$2.crt" >"$1.pem"
}
standard() { extensions logo.svgz image/svg+xml+gzip logo.svg; }
key leaf
authority root
authority issuer root $purpose
authority plain root
authority stranger
standard | mark_certificate good issuer "$mark"
extensions logo.svg image/svg+xml logo.svg | mark_certificate uncompressed issuer "$mark"
extensions logo.svgz image/svg+xml+gzip logo.svgz | mark_certificate raw_hash issuer "$mark"
standard | mark_certificate expired issuer "$mark" -1
standard | sed 's/^extendedKeyUsage=.*/extendedKeyUsage=serverAuth/' | mark_certificate tls issuer "$mark"
standard | sed '/^extendedKeyUsage=/d' | mark_certificate no_purpose issuer "$mark"
standard | mark_certificate issuer_purpose plain "$mark"
standard | sed '/^subjectAltName=/d' | mark_certificate no_name issuer "$mark"
standard | mark_certificate pilot issuer "$mark/testMark=test"
standard | mark_certificate no_mark issuer ""
standard | sed '/^crlDist/d' | mark_certificate no_crl issuer "$mark"
standard | sed '/^1.3.6.1.4.1.11129/d' | mark_certificate no_sct issuer "$mark"
standard | sed '/^1.3.6.1.5.5.7.1.12/d' | mark_certificate no_logo issuer "$mark"
extensions logo.svgz image/svg+xml+gzip other.svg | mark_certificate wrong_hash issuer "$mark"
extensions bad.svg image/svg+xml bad.svg | mark_certificate bad_logo issuer "$mark"
extensions logo.svg image/png logo.svg | mark_certificate png issuer "$mark"
standard | sed 's,^uri=.*,uri=IA5STRING:https://example.com/logo.svg,' | mark_certificate by_address issuer "$mark"
standard | sed 's/^oid=.*/oid=OID:sha1/' | mark_certificate sha1 issuer "$mark"
standard | sed 's/^1.3.6.1.5.5.7.1.12=.*/1.3.6.1.5.5.7.1.12=DER:3003020101/' | mark_certificate odd_logotype issuer "$mark"
standard | mark_certificate unknown stranger "$mark"
cat issuer.crt good.crt >disorder.pem
cat good.crt >alone.pem
cat good.pem leaf.key >with_key.pem
sed 's/^MII/MIJ/' good.pem >damaged.pem
printf -- '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n' >no_certificate.pem

rules() { # the rules that are broken
	"$cs" bimi check --json "$@" 2>/dev/null </dev/null | python3 -c '
import json, sys
print(*[f["rule"] for f in json.load(sys.stdin)["findings"]])'
}
name=--domain=example.com roots=--roots=root.crt
while read -r file want; do
	is "$file: ${want:-no fault}" "$(rules "$name" "$roots" --logo=logo.svg "$file.pem")" "$want"
done <<'T'
good
uncompressed
raw_hash
expired certificate.dates
tls certificate.purpose
no_purpose certificate.purpose
issuer_purpose certificate.purpose
no_name certificate.name
pilot certificate.mark
no_mark certificate.mark
no_crl certificate.crl
no_sct certificate.sct
no_logo certificate.logo
wrong_hash certificate.logo
bad_logo logo.element certificate.same-logo
png certificate.logo
by_address certificate.logo
sha1 certificate.logo
odd_logotype certificate.logo
unknown certificate.purpose certificate.chain
alone certificate.chain
with_key certificate.private-key
damaged certificate.pem
no_certificate certificate.private-key certificate.pem
T
is "the issuer first" "$(rules "$name" "$roots" disorder.pem)" \
	"certificate.order certificate.name certificate.mark certificate.crl certificate.sct certificate.logo"
is "another logo" "$(rules "$name" "$roots" --logo=other.svg good.pem)" certificate.same-logo
is "the same logo, compressed" "$(rules "$name" "$roots" --logo=logo.svgz good.pem)" ""
is "another domain" "$(rules --domain=example.org "$roots" good.pem)" certificate.name
is "a subdomain" "$(rules --domain=news.example.com "$roots" good.pem)" certificate.name
is "a name for a selector" "$(rules --domain=example.net --selector=Brand "$roots" good.pem)" ""
is "the default selector" "$(rules --domain=example.net "$roots" good.pem)" certificate.name
is "no domain, no roots" "$(rules good.pem)" "certificate.no-domain certificate.no-roots"
is "other roots" "$(rules "$name" --roots=stranger.crt good.pem)" certificate.chain
is "an intermediate is not a root" "$(rules "$name" --roots=issuer.crt alone.pem)" certificate.chain
is "roots that are none" "$(rules "$name" --roots=logo.svg good.pem)" certificate.no-roots

# ---- what is printed, and the exit status ----
out=$("$cs" bimi check logo.svg)
is "a good logo: status" $? 0
like "its title" "$out" '^  title +Example$'
like "its digest" "$out" "^  sha256 +$(digest_of logo.svg)\$"
like "the summary" "$out" '^no faults found$'
is "a compressed one" "$("$cs" bimi check logo.svgz | tail -n +2)" "$(tail -n +2 <<<"$out")"
out=$("$cs" bimi check bad.svg)
is "a bad logo: status" $? 1
like "the line and the rule" "$out" '^fault logo.element: line 3: <script> is not an element of SVG Tiny PS$'
like "the remedy" "$out" '^ +remove the element, or draw it with paths$'
"$cs" bimi check good.pem >/dev/null
is "what was not checked: status" $? 2
"$cs" bimi check "$name" "$roots" good.pem >/dev/null
is "a good certificate: status" $? 0
"$cs" bimi check absent.svg 2>err
is "no file: status" $? 66
like "and why" "$(cat err)" 'absent.svg: No such file'
echo text >text
"$cs" bimi check text 2>err
is "neither: status" $? 65
like "and why" "$(cat err)" 'neither an SVG file nor a PEM file'
head -c 3000000 /dev/zero >large
"$cs" bimi check large 2>err
is "too large: status" $? 65
"$cs" bimi check 2>/dev/null
is "no argument: status" $? 64
"$cs" bimi check --selector=a..b logo.svg 2>/dev/null
is "no selector: status" $? 65
printf '<svg xmlns="http://www.w3.org/2000/svg"><title>\033[31m</title><\033[31m/></svg>' >steer.svg
ok "no file steers the terminal" sh -c '! "$0" bimi check steer.svg | grep -q "$(printf "\033")"' "$cs"
done_testing
