#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bimi.mode = "on": the first message with a record waits for no web server, the next one has its logo; what is kept, and
# what a bad logo, a missing certificate and the lists of domains make of it. Fields that strangers wrote are never what is shown.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/bimi_web.sh"
bimi_web_alone "$0"
BUILD=$COUNTERSIGN_BUILD
mkdir www store
logo Example '<path d="M0 0L9 9"/>' >www/logo.svg
logo Example '<script/>' >www/script.svg
key leaf
mark_lists=http://web.test
authority root
authority issuer root $purpose
extensions www/logo.svg image/svg+xml www/logo.svg |
	sed 's/^subjectAltName=.*/subjectAltName=DNS:good.test,DNS:denied.test/' | mark_certificate vmc issuer "$mark"
extensions www/logo.svg image/svg+xml www/logo.svg |
	sed 's/^subjectAltName=.*/subjectAltName=DNS:revoked.test/' | mark_certificate revoked issuer "$mark"
cp vmc.pem revoked.pem www/
revocation_list root www/root.crl 5
revocation_list issuer www/issuer.crl 5 revoked.crt
openssl genpkey -algorithm ed25519 -out dkim.pem 2>/dev/null
public=$(openssl pkey -in dkim.pem -pubout -outform DER | tail -c 32 | base64 -w0)
{
	echo 'web.test 60 A 45.30.0.1'
	while read -r domain record; do
		echo "default._bimi.$domain.test 60 TXT \"v=BIMI1; $record\""
		echo "_dmarc.$domain.test 60 TXT \"v=DMARC1; p=reject\""
		echo "s._domainkey.$domain.test 60 TXT \"v=DKIM1; k=ed25519; p=$public\""
	done <<-T
		good l=https://web.test/logo.svg; a=https://web.test/vmc.pem
		denied l=https://web.test/logo.svg; a=https://web.test/vmc.pem
		revoked l=https://web.test/logo.svg; a=https://web.test/revoked.pem
		plain l=https://web.test/logo.svg; a=
		friend l=https://web.test/logo.svg; a=; avp=personal
		script l=https://web.test/script.svg; a=
		slow l=https://web.test/slow; a=
		people l=https://web.test/script.svg; a=; lps=news
	T
	echo 'news-letter._bimi.people.test 60 TXT "v=BIMI1; l=https://web.test/logo.svg; a="'
} >zone
bimi_web_begin
settings() { # of bimi
	cat >conf <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$dir/sock" ];
		trusted_networks = [ ];
		dns: { servers = [ "127.0.0.1" ]; timeout = "2s"; };
		sign: { enabled = false; };
		store: { url = "sqlite:$dir/store/ledger.db"; };
		tls: { ca_file = "$dir/web_root.crt"; };
		bimi: { mode = "on"; roots = "$dir/root.crt"; deny = [ "denied.test" ]; allow = [ "friend.test" ]; $1 };
		log: { target = "stderr"; };
		control: { socket = "$dir/control"; };
	C
}
settings ''
root=
[ "$(id -u)" != 0 ] || root=--allow-root
"$BUILD/daemon/countersignd" $root -f -c conf 2>log &
BIMI_PIDS+=($!)
eventually grep -q ready: log || { sed 's/^/# /' log; exit 99; }
eventually test -S store/bimi/jobs || { sed 's/^/# /' log; exit 99; }

send() { # domain, local part: what is added to the header, a field each line, as one line each
	printf 'From: <%s@%s.test>\nSubject: x\nBIMI-Location: v=BIMI1; l=https://evil.test/x.svg\n\nx\n' "${2:-bob}" "$1" |
		"$BUILD/t/bin/signmsg" dkim.pem "$1.test" s >mail.eml
	printf 'connect\tx\t198.51.100.25\nhelo\tmail.test\nmail\t<bob@%s.test>\nrcpt\t<a@example.com>\nfile\t%s\n' "$1" mail.eml |
		timeout 20 "$BUILD/t/bin/milterc" "$dir/sock" 2>/dev/null >sent
	sed 's/%0A//g; s/%09/ /g' sent
}
result() { send "$@" | grep -oE 'bimi=[a-z]+( \([^)]*\))?' | tr -s ' '; }
turns() { [ "$(result "$1" "${3:-}")" = "$2" ]; }
turns_like() { [[ "$(result "$1")" == "$2"* ]]; }

start=$(date +%s%N)
is "the first message has it not" "$(result slow)" "bimi=skipped (not yet checked)"
ok "and waited for no web server" test $((($(date +%s%N) - start) / 1000000)) -lt 2000
is "the first message has no logo" "$(result good)" "bimi=skipped (not yet checked)"
unlike() { if grep -qE "$3" <<<"$2"; then fail "$1"; printf '%s\n' "$2" | sed 's/^/# /'; else pass "$1"; fi; }
unlike "nor a field that shows one" "$(send plain)" 'insert.*BIMI-Location'
ok "the next one has" eventually turns good bimi=pass
out=$(send good)
like "where the logo and its certificate are" "$out" 'insert.*BIMI-Location.*v=BIMI1; *l=https://web.test/logo.svg; *a=https://web.test/vmc.pem'
unlike "the logo itself only where it is asked for" "$out" 'BIMI-Indicator'
like "the forged field is removed" "$out" '^change.*BIMI-Location'
hash=$(sha256sum www/logo.svg | cut -c49-64)
like "the properties" "$out" "policy.authority=pass +policy.authority-uri=\"https://web.test/vmc.pem\" +policy.mark-type=.*Registered.*Mark.* +policy.indicator-uri=\"https://web.test/logo.svg\" +policy.logo-preference=brand"
unlike "no hash of a logo that is not there" "$out" 'policy.indicator-hash'
like "what the domain prefers" "$out" 'insert.*BIMI-Logo-Preference.*avp=brand;'
ok "a revoked one" eventually turns revoked "bimi=fail (certificate.revoked: certificate 1 of the path: certificate revoked)"
like "and its certificate" "$(send revoked)" 'policy.authority=fail +policy.authority-uri="https://web.test/revoked.pem"'
is "a list is fetched once" "$(grep -c /issuer.crl asked) $(grep -c /root.crl asked)" "1 1"
ok "no mark certificate" eventually turns plain "bimi=skipped (no mark certificate)"
ok "but by bimi.allow" eventually turns friend "bimi=pass (no mark certificate)"
like "without one" "$(send friend)" 'policy.authority=none'
like "its location names no certificate" "$(send friend)" 'insert.*BIMI-Location.*v=BIMI1; *l=https://web.test/logo.svg;$'
like "a person preferred" "$(send friend)" 'avp=personal;'
is "bimi.deny" "$(result denied)" "bimi=skipped (bimi.deny has the domain)"
ok "a logo with a script" eventually turns script "bimi=fail (logo.element: <script> is not an element of SVG Tiny PS)"
ok "lps= chooses another record" eventually turns people "bimi=skipped (no mark certificate)" News_Letter+x
like "by its normal form" "$(send people news.letter)" 'header.selector=news-letter'
ok "for its prefixes only" eventually turns people "bimi=fail (logo.element: <script> is not an element of SVG Tiny PS)" bob
n=$(wc -l <asked)
for _ in 1 2 3; do send good >/dev/null; done
sleep 1
is "what is fresh is not asked for again" "$(wc -l <asked)" "$n"
is "what is kept is for its owner only" "$(stat -c %a store/bimi) $(stat -c %a "$(grep -ls good.test store/bimi/* 2>/dev/null | head -1)")" "700 600"
like "metrics count" "$("$BUILD/admin/countersign" -c conf status --prometheus 2>/dev/null)" 'bimi_results_total\{result="pass"\} [1-9]'
like "checks too" "$("$BUILD/admin/countersign" -c conf status --prometheus 2>/dev/null)" 'bimi_checks_total\{outcome="good"\} [1-9]'
out=$("$BUILD/admin/countersign" -c conf verify -v --ip=198.51.100.25 --from=bob@good.test mail.eml 2>/dev/null)
send good >/dev/null
out=$("$BUILD/admin/countersign" -c conf verify -v --ip=198.51.100.25 --from=bob@good.test mail.eml 2>/dev/null)
like "verify has the same result" "$out" '^bimi +pass +default._bimi.good.test'
like "and explains it" "$out" 'type of the mark: Registered Mark'

settings 'indicator = true; require = "record";'
"$BUILD/admin/countersign" -c conf reload >/dev/null 2>&1
ok "bimi.require = record" eventually turns plain "bimi=pass (no mark certificate)"
value=$(send good | sed -n 's/^insert.*BIMI-Indicator[ \t]*//p' | tr -d ' \t')
like "with its hash" "$(send good)" "policy.indicator-hash=\"?$hash"
is "the logo itself" "$(base64 -d <<<"$value" 2>/dev/null | sha256sum)" "$(sha256sum <www/logo.svg)"

# Nobody has us ask a host as often as he likes.
settings 'max_per_domain = 1;'
"$BUILD/admin/countersign" -c conf reload >/dev/null 2>&1
rm -f $(grep -ls 'domain plain.test' store/bimi/*)
ok "one record of a domain" eventually turns plain "bimi=skipped (no mark certificate)"
rm -f $(grep -ls 'domain plain.test' store/bimi/*)
n=$(wc -l <asked)
limited() { send plain >/dev/null; "$BUILD/admin/countersign" -c conf status --prometheus 2>/dev/null | grep -q 'bimi_delayed_total{limit="domain"} [1-9]'; }
ok "and no second one" eventually limited
is "nothing was asked for it" "$(result plain) $(wc -l <asked)" "bimi=skipped (not yet checked) $n"
settings ''
"$BUILD/admin/countersign" -c conf reload >/dev/null 2>&1

# A file that was damaged counts as none.
for file in store/bimi/*; do [ -S "$file" ] || sed -i 's/^state good/state best/' "$file"; done
is "what is damaged is not known" "$(result good)" "bimi=skipped (not yet checked)"
ok "and found out again" eventually turns good bimi=pass

# Another mark root was put in place of the one that vouched.
authority other_root
cp root.crt root.old
cat other_root.crt >root.crt
"$BUILD/admin/countersign" -c conf reload >/dev/null 2>&1
ok "other mark roots: what was known by the old ones does not count" eventually -t 10 turns_like good \
	"bimi=fail (certificate.chain: it does not lead to one of the mark roots"
cp root.old root.crt
"$BUILD/admin/countersign" -c conf reload >/dev/null 2>&1
ok "and the old ones again" eventually turns good bimi=pass

# The list of the issuer is too old, and no new one can be had: what is good stays so until its list ends, what is new is not.
until=$(sed -n 's/^until //p' "$(grep -ls 'domain good.test' store/bimi/*)")
is "it counts until the list ends" "$(date -u -d "@$until" +%F)" "$(date -u -d '5 days' +%F)"
rm www/issuer.crl
revocation_list issuer old.crl -1
cp old.crl "$(grep -ls -a issuer store/bimi/crl-* | head -1)"
for file in store/bimi/*; do [ -S "$file" ] || sed -i '/^when/s/.*/when 1000000/' "$file"; done
rm -f $(grep -ls 'domain good.test' store/bimi/*)
ok "no list" eventually -t 10 turns_like good "bimi=temperror (certificate.no-crl: whether it has been revoked is not known"
echo '"config check" with roots that are none' >root.crt
ok "bimi.roots without a certificate is refused" sh -c '! "$0" -c conf config check 2>/dev/null' "$BUILD/admin/countersign"
done_testing
