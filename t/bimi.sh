#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign bimi check with logos and with mark certificates of a private mark PKI, one fault in each.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need openssl python3
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
nowhere='dns: { servers = [ "127.0.0.1@9" ]; timeout = "1s"; };' # nobody answers there
printf 'store: { url = ""; };\n%s\n' "$nowhere" >conf
printf '#!/bin/sh\nexec "%s" -c "%s" "$@"\n' "$COUNTERSIGN_BUILD/admin/countersign" "$dir/conf" >cs
chmod +x cs
cs=$dir/cs

. "$COUNTERSIGN_SRC/t/lib/marks.sh"
mark_names=DNS:example.com,DNS:brand._bimi.example.net
logo Example '<path d="M0 0L9 9"/>' >logo.svg
gzip -9nc logo.svg >logo.svgz
logo Example '<path d="M0 0L9 8"/>' >other.svg
logo Example '<script/>' >bad.svg

# ---- the mark PKI ----
mark_pki
crls=$(printf -- "--crl=%s.crl " root issuer middle deep revoked_issuer)

rules() { # the rules that are broken
	"$cs" bimi check --json $crls "$@" 2>/dev/null </dev/null | python3 -c '
import json, sys
print(*[f["rule"] for f in json.load(sys.stdin)["findings"]])'
}
name=--domain=example.com roots=--roots=root.crt
while read -r file want; do
	is "$file: ${want:-no fault}" "$(rules "$name" "$roots" --logo=logo.svg "$file.pem")" "$want"
done <<'T'
vmc
cmc
government
typed_gzip
uncompressed
raw_hash
sha1
sha512
rsa
with_root
under_two
revoked certificate.revoked
under_revoked certificate.revoked
many_names certificate.revoked
other_list certificate.no-crl
expired certificate.dates
future certificate.dates
under_expired certificate.dates
tls certificate.purpose
no_purpose certificate.purpose
issuer_purpose certificate.purpose
any_purpose certificate.purpose
no_name certificate.name
other_name certificate.name
wildcard certificate.name
other_selector certificate.name
pilot certificate.mark
pilot_extension certificate.mark certificate.chain
no_mark certificate.mark
no_crl certificate.crl
no_sct certificate.sct
no_logo certificate.logo
wrong_hash certificate.logo
bad_logo logo.element certificate.same-logo
another_logo certificate.same-logo
png certificate.logo
by_address certificate.logo
several_logos certificate.logo
md5 certificate.logo
wrong_sha1 certificate.logo
odd_logotype certificate.logo
unknown certificate.purpose certificate.chain
alone certificate.chain
self certificate.chain
constrained certificate.chain
under_leaf certificate.chain
too_deep certificate.chain
rsa1024 certificate.chain
by_sha1 certificate.chain
disorder certificate.order certificate.name certificate.mark certificate.sct certificate.logo
extra certificate.order
no_issuer_crl certificate.crl
no_web_crl certificate.crl
with_key certificate.private-key
damaged certificate.pem
no_certificate certificate.private-key certificate.pem
T
is "another logo" "$(rules "$name" "$roots" --logo=other.svg vmc.pem)" certificate.same-logo
is "the same logo, compressed" "$(rules "$name" "$roots" --logo=logo.svgz vmc.pem)" ""
is "another domain" "$(rules --domain=example.org "$roots" vmc.pem)" certificate.name
is "a subdomain" "$(rules --domain=news.example.com "$roots" vmc.pem)" certificate.name
is "a name for a selector" "$(rules --domain=example.net --selector=Brand "$roots" vmc.pem)" ""
is "the default selector" "$(rules --domain=example.net "$roots" vmc.pem)" certificate.name
is "no domain, no roots" "$(rules vmc.pem)" "certificate.no-domain certificate.no-roots"
is "other roots" "$(rules "$name" --roots=stranger.crt vmc.pem)" certificate.chain
is "an intermediate is not a root" "$(rules "$name" --roots=issuer.crt alone.pem)" certificate.chain
is "roots that are none" "$(rules "$name" --roots=logo.svg vmc.pem)" certificate.no-roots

# ---- proofs of certificate logs ----
for log in log1 log2 unknown_log; do key $log; done
openssl pkey -in log1.key -pubout >logs
echo "a comment" >>logs
openssl pkey -in log2.key -pubout >>logs
no_proof() { mark_standard | sed '/^1.3.6.1.4.1.11129/d' | mark_certificate "$1" issuer "$mark"; }
while read -r file proofs; do
	no_proof plain_"$file"
	python3 "$COUNTERSIGN_SRC/t/tools/add_sct.py" plain_"$file" issuer $proofs >"$file.crt" || fail "$file"
	cat "$file.crt" issuer.crt >"$file.pem"
done <<'T'
logged log2
logged_once unknown_log log1:broken log1
not_known unknown_log
too_early log1:future
not_signed log1:broken
T
cat logged.crt stranger.crt >other_issuer.pem
mark_standard | sed 's/^1.3.6.1.4.1.11129.2.4.2=.*/1.3.6.1.4.1.11129.2.4.2=DER:04020000/' | mark_certificate empty_proofs issuer "$mark"
mark_standard | sed 's/^1.3.6.1.4.1.11129.2.4.2=.*/1.3.6.1.4.1.11129.2.4.2=DER:0405000300010000/' | mark_certificate odd_proofs issuer "$mark"
sct() { rules "$name" "$roots" --logs=logs --logo=logo.svg "$1.pem"; }
is "signed by a known log" "$(sct logged)" ""
is "one of three is" "$(sct logged_once)" ""
is "an unknown log" "$(sct not_known)" certificate.sct
is "of the future" "$(sct too_early)" certificate.sct
is "signed otherwise" "$(sct not_signed)" certificate.sct
is "a proof of nobody" "$(sct vmc)" certificate.sct
is "no proof" "$(sct no_sct)" certificate.sct
is "for another issuer" "$(sct other_issuer)" "certificate.order certificate.purpose certificate.sct certificate.chain"
is "not verified without logs" "$(rules "$name" "$roots" not_signed.pem)" ""
is "but it must be one" "$(rules "$name" "$roots" empty_proofs.pem) $(rules "$name" "$roots" odd_proofs.pem)" "certificate.sct certificate.sct"
is "logs that are none" "$(rules "$name" "$roots" --logs=root.crt logged.pem)" certificate.no-logs

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
"$cs" bimi check vmc.pem >/dev/null
is "what was not checked: status" $? 2
"$cs" bimi check "$name" "$roots" $crls vmc.pem >/dev/null
is "a good certificate: status" $? 0
openssl crl -inform DER -in issuer.crl -out issuer.pem
is "lists may be PEM, too" "$("$cs" bimi check "$name" "$roots" --crl=root.crl --crl=issuer.pem vmc.pem | tail -1)" "no faults found"
is "without that of the issuer" "$(crls=--crl=root.crl rules "$name" "$roots" vmc.pem)" certificate.no-crl
revocation_list issuer issuer.crl -1
is "one that is too old" "$(rules "$name" "$roots" vmc.pem)" certificate.no-crl
revocation_list stranger issuer.crl 5
is "one of somebody else" "$(rules "$name" "$roots" vmc.pem)" certificate.no-crl
revocation_list issuer issuer.crl 5 revoked.crt
"$cs" bimi check --crl=absent.crl vmc.pem 2>/dev/null
is "no such list: status" $? 66
out=$("$cs" bimi check "$name" "$roots" vmc.pem)
is "lists that cannot be fetched: status" $? 2
like "and what is not known" "$out" '^unchecked certificate.no-crl: whether it has been revoked is not known: http://crl.example.com/'
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

# ---- roots and record ----
fingerprint=$(openssl x509 -in root.crt -noout -fingerprint -sha256 | cut -d= -f2)
out=$("$cs" bimi roots root.crt)
like "the fingerprint of a root, as openssl has it" "$out" "^  SHA-256 +$fingerprint\$"
like "and its subject" "$out" '^CN=root$'
"$cs" bimi roots 2>err
is "no roots: status" $? 66
printf 'store: { url = ""; };\nbimi: { roots = "%s"; };\n' "$dir/root.crt" >conf
is "bimi.roots is what is shown without a file" "$("$cs" bimi roots)" "$out"
printf 'store: { url = ""; };\nbimi: { roots = "%s"; logs = "%s"; };\n' "$dir/root.crt" "$dir/logs" >conf
id=$(openssl pkey -in log1.key -pubout -outform DER | openssl dgst -sha256 -binary | base64)
like "and the certificate logs, by their ID" "$("$cs" bimi roots)" "^  log ID +${id//+/.}\$"
is "bimi.logs is what is checked by" "$("$cs" bimi check "$name" $crls logged.pem | tail -1)" "no faults found"
printf 'store: { url = ""; };\nbimi: { roots = "%s"; };\n' "$dir/root.crt" >conf
is "and what certificates must lead to" "$("$cs" bimi check "$name" $crls vmc.pem | tail -1)" "no faults found"
is "a record" "$("$cs" bimi record example.com --logo=https://a.test/l.svg --certificate='https://a.test/c;1.pem')" \
	'default._bimi.example.com. IN TXT ( "v=BIMI1; l=https://a.test/l.svg; a=https://a.test/c%3B1.pem;" )'
is "that declines" "$("$cs" bimi record example.com --selector=News --decline)" 'news._bimi.example.com. IN TXT ( "v=BIMI1; l=; a=;" )'
long=https://a.test/$(printf 'x%.0s' $(seq 300))
is "a long one is in strings of 255 bytes" "$("$cs" bimi record example.com --logo="$long" | grep -o '"[^"]*"' | awk '{ print length($0) - 2 }' | xargs)" "255 $((300 + 31 - 255))"
for bad in "example.com" "example.com --logo=http://a.test/l.svg" "example.com --logo=https://a.test/l.svg --decline" "a..b --decline" \
	"example.com --decline --certificate=https://a.test/c" "example.com --logo=https://a.test/l\"l.svg"; do
	ok "refused: bimi record $bad" sh -c '! "$0" bimi record $1 2>/dev/null' "$cs" "$bad"
done

printf '<svg xmlns="http://www.w3.org/2000/svg"><title>\033[31m</title><\033[31m/></svg>' >steer.svg
ok "no file steers the terminal" sh -c '! "$0" bimi check steer.svg | grep -q "$(printf "\033")"' "$cs"
done_testing
