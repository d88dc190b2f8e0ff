#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign bimi check DOMAIN: records in DNS, logo and mark certificate from a web server, one fault in each domain.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/bimi_web.sh"
bimi_web_alone "$0"

mkdir www
logo Example '<path d="M0 0L9 9"/>' >www/logo.svg
logo Example '<path d="M0 0L9 8"/>' >www/other.svg
logo Example '<script/>' >www/script.svg
gzip -9nc www/logo.svg >www/logo.svgz
key leaf
mark_lists=http://web.test
authority root
authority issuer root $purpose
authority revoked_issuer root $purpose
extensions www/logo.svgz image/svg+xml+gzip www/logo.svg |
	sed 's/^subjectAltName=.*/subjectAltName=DNS:good.test,DNS:compressed.test,DNS:moved.test,DNS:declined.test/' | mark_certificate vmc issuer "$mark"
cp vmc.pem www/
# One certificate each, and its list: NAME ISSUER LIST
while read -r name issuer list; do
	extensions www/logo.svgz image/svg+xml+gzip www/logo.svg |
		sed "s,^subjectAltName=.*,subjectAltName=DNS:${name//_/-}.test,; s,http://web.test/issuer.crl,$list," | mark_certificate "$name" "$issuer" "$mark"
	cp "$name.pem" www/
done <<'T'
revoked issuer http://web.test/issuer.crl
under_revoked revoked_issuer http://web.test/revoked_issuer.crl
no_list issuer http://web.test/nothing.crl
inside_list issuer http://inside.test/issuer.crl
old_list issuer http://web.test/old.crl
foreign_list issuer http://web.test/foreign.crl
not_list issuer http://web.test/logo.svg
moved_list issuer http://web.test/moved
T
revocation_list root www/root.crl 5 revoked_issuer.crt
revocation_list issuer www/issuer.crl 5 revoked.crt
revocation_list revoked_issuer www/revoked_issuer.crl 5
revocation_list issuer www/old.crl -1
revocation_list root www/foreign.crl 5
{
	echo 'web.test 60 A 45.30.0.1'
	echo 'inside.test 60 A 192.168.1.1'
	while read -r domain record; do
		echo "default._bimi.$domain.test 60 TXT \"v=BIMI1; $record\""
		echo "_dmarc.$domain.test 60 TXT \"v=DMARC1; p=reject\""
	done <<-T
		good l=https://web.test/logo.svg; a=https://web.test/vmc.pem
		revoked l=https://web.test/logo.svg; a=https://web.test/revoked.pem
		under-revoked l=https://web.test/logo.svg; a=https://web.test/under_revoked.pem
		no-list l=https://web.test/logo.svg; a=https://web.test/no_list.pem
		inside-list l=https://web.test/logo.svg; a=https://web.test/inside_list.pem
		old-list l=https://web.test/logo.svg; a=https://web.test/old_list.pem
		foreign-list l=https://web.test/logo.svg; a=https://web.test/foreign_list.pem
		not-list l=https://web.test/logo.svg; a=https://web.test/not_list.pem
		moved-list l=https://web.test/logo.svg; a=https://web.test/moved_list.pem
		sub.good l=https://web.test/logo.svg; a=https://web.test/vmc.pem
		compressed l=https://web.test/logo.svgz; a=https://web.test/vmc.pem
		plain l=https://web.test/logo.svg; a=
		other l=https://web.test/other.svg; a=https://web.test/vmc.pem
		script l=https://web.test/script.svg; a=
		moved l=https://web.test/moved; a=
		absent l=https://web.test/nothing.svg; a=
		busy l=https://web.test/busy; a=
		endless l=https://web.test/endless; a=
		slow l=https://web.test/slow; a=
		inside l=https://inside.test/logo.svg; a=
		name l=https://nowhere.test/logo.svg; a=
		lost l=https://www.lost.test/logo.svg; a=
		port l=https://web.test:8443/logo.svg; a=
		user l=https://me@web.test/logo.svg; a=
		address l=https://45.30.0.1/logo.svg; a=
		local l=https://127.0.0.1/logo.svg; a=
		declined l=; a=
		http l=http://web.test/logo.svg; a=
		twins l=https://web.test/logo.svg; a=
		weak l=https://web.test/logo.svg; a=
		people l=https://web.test/logo.svg; a=; lps=news
	T
	echo 'default._bimi.twins.test 60 TXT "v=BIMI1; l=; a="'
	echo '_dmarc.none.test 60 TXT "v=DMARC1; p=reject"'
	echo '_dmarc.news.good.test 60 TXT "v=DMARC1; p=none"'
} | sed '/^_dmarc.weak/s/reject/none/' >zone
bimi_web_begin
printf '%s\n' 'dns: { servers = [ "127.0.0.1" ]; timeout = "3s"; };' 'store: { url = ""; };' "tls: { ca_file = \"$dir/web_root.crt\"; };" \
	"bimi: { roots = \"$dir/root.crt\"; };" >conf
cs() { "$COUNTERSIGN_BUILD/admin/countersign" -c conf "$@"; }
rules() { # argument...: the status, and the rules that are broken
	cs bimi check --json "$@" >json 2>/dev/null </dev/null
	echo "$?" $(python3 -c '
import json
print(*[f["rule"] for f in json.load(open("json"))["findings"]])')
}
while read -r domain want; do
	is "$domain: $want" "$(rules "$domain")" "$want"
done <<'T'
good.test 0
compressed.test 0
sub.good.test 0
revoked.test 1 certificate.revoked
under-revoked.test 1 certificate.revoked
no-list.test 2 certificate.no-crl
inside-list.test 2 certificate.no-crl
old-list.test 2 certificate.no-crl
foreign-list.test 2 certificate.no-crl
not-list.test 2 certificate.no-crl
moved-list.test 2 certificate.no-crl
plain.test 0 record.no-certificate
other.test 1 certificate.name certificate.same-logo
script.test 1 record.no-certificate logo.element
moved.test 1 record.no-certificate logo.fetch
absent.test 1 record.no-certificate logo.fetch
busy.test 2 record.no-certificate logo.unreachable
endless.test 1 record.no-certificate logo.fetch
slow.test 2 record.no-certificate logo.unreachable
inside.test 2 record.no-certificate logo.unreachable
name.test 1 record.no-certificate logo.fetch
lost.test 2 record.no-certificate logo.unreachable
port.test 1 record.no-certificate logo.fetch
user.test 1 record.no-certificate logo.fetch
address.test 1 record.no-certificate logo.fetch
local.test 1 record.no-certificate logo.fetch
declined.test 0 record.declined
http.test 1 record.syntax
twins.test 1 record.several
weak.test 1 dmarc.policy record.no-certificate
people.test 2 record.no-certificate record.local-part
none.test 1 record.missing
news.good.test 1 dmarc.policy
news.plain.test 0 record.no-certificate
T
# ---- a file: its lists are fetched, too ----
while read -r file want; do
	is "$file.pem: $want" "$(rules "www/$file.pem" --domain="${file//_/-}.test")" "$want"
done <<'T'
revoked 1 certificate.revoked
under_revoked 1 certificate.revoked
no_list 2 certificate.no-crl
inside_list 2 certificate.no-crl
moved_list 2 certificate.no-crl
T
is "one that is not revoked" "$(rules www/vmc.pem --domain=good.test)" 0
is "another selector" "$(rules good.test --selector=brand)" "1 record.missing"
is "no roots" "$(rules good.test --roots=www/logo.svg)" "2 certificate.no-roots"
out=$(cs bimi check good.test)
is "status" $? 0
like "the kind" "$out" '^good.test: domain$'
like "the record" "$out" '^  record +v=BIMI1; l=https://web.test/logo.svg; a=https://web.test/vmc.pem$'
like "the type of the mark" "$out" '^  mark_type +Registered Mark$'
ok "no redirect was followed" sh -c '[ "$(grep -A1 /moved asked | grep -c /logo.svg$)" = 0 ] || ! grep -A1 /moved asked | tail -1 | grep -q moved'
is "a file that may be a domain is a domain" "$(cs bimi check nothing.invalid 2>&1 | head -1)" "nothing.invalid: domain"
ok "a domain has no --logo" sh -c '! "$@" 2>/dev/null' sh "$COUNTERSIGN_BUILD/admin/countersign" bimi check good.test --logo=www/logo.svg
done_testing
