#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# BIMI as mailauth sees it: the same logos (t/tools/svg_files.py), mark certificates (those of t/bimi.sh), and messages with
# records in a private DNS. The two agree, or t/peers/differences.txt has the reason; a reason that is needed no more is a fault,
# too. contrib/test --peers installs mailauth; without it, this is skipped. Nothing asks the Internet.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/eventually.sh"
need node openssl python3
build=$COUNTERSIGN_BUILD
modules=$build/peers
[ -d "$modules/node_modules/mailauth" ] || skip_all "contrib/test --peers has not installed mailauth"
dir=$(mktemp -d) || exit 99
dns=
trap 'kill $dns 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
cs() { "$build/admin/countersign" -c "$dir/conf" "$@" 2>/dev/null </dev/null; }
peer() { HOME=$dir node --no-warnings "$COUNTERSIGN_SRC/t/peers/bimi.mjs" "$modules" "$@" 2>"$dir/peer.err"; }
differences=$COUNTERSIGN_SRC/t/peers/differences.txt

# What both say of the same cases, as lines "KEY<tab>VALUE" in ./ours and ./theirs; CASES names the key of a reason.
compare() { # kind, how many there are at least
	python3 "$COUNTERSIGN_SRC/t/peers/compare.py" "$1" ours theirs "$differences" >found
	echo "# $1: $(tail -1 found)"
	ok "$1: at least $2 cases were compared" test "$(wc -l <ours)" -ge "$2" -a "$(wc -l <theirs)" = "$(wc -l <ours)"
	is "$1: no difference without a reason" "$(grep '^differs' found | head -5)" ""
	is "$1: no reason without a difference" "$(grep '^unused' found)" ""
	is "$1: mailauth was driven to the end" "$(head -c 300 peer.err)" ""
}

# ---- logos: t/bimi_svg.sh proves that the table is what countersign says ----
mkdir svg
python3 "$COUNTERSIGN_SRC/t/tools/svg_files.py" svg >table || exit 99
awk '{ print $1 "\t" ($2 == "-" || $2 == "logo.viewbox" ? "good" : $2) }' table >ours
(cd svg && cut -f1 ../ours | peer logos) >theirs
compare logos 600

# ---- mark certificates ----
. "$COUNTERSIGN_SRC/t/lib/marks.sh"
mark_names=DNS:example.com
printf 'store: { url = ""; };\n' >conf
logo Example '<path d="M0 0L9 9"/>' >logo.svg
gzip -9nc logo.svg >logo.svgz
logo Example '<path d="M0 0L9 8"/>' >other.svg
logo Example '<script/>' >bad.svg
mark_pki
for file in *.pem; do
	rules=$(cs bimi check --json --domain=example.com --roots=root.crt --logo=logo.svg $(printf -- '--crl=%s ' *.crl) "$file" |
		python3 -c 'import json, sys; print(*[f["rule"] for f in json.load(sys.stdin)["findings"]])')
	printf '%s\t%s\n' "${file%.pem}" "${rules:-good}"
done >ours
cut -f1 ours | sed 's/$/.pem/' | peer certificates root.crt example.com logo.svg | sed 's/\.pem\t/\t/' >theirs
compare certificates 40

# ---- real ones, which mailauth's tests bring, at a day when they were valid; nobody can be asked for their lists ----
real=$modules/node_modules/@postalsys/vmc
if [ -d "$real/test/fixtures" ] && cc -shared -fPIC -O1 -o clock.so "$COUNTERSIGN_SRC/t/tools/clock_shift.c" 2>/dev/null; then
	python3 -c 'import json, sys; print("".join(json.load(open(sys.argv[1]))))' "$real/data/root-store.json" >real_roots
	printf 'store: { url = ""; };\ndns: { servers = [ "127.0.0.1@9" ]; timeout = "1s"; };\n' >conf
	while read -r file domain day want; do
		printf '%012d' $(($(date -d "$day" +%s) - $(date +%s))) >shift
		is "$file at $day: $want" "$(CLOCK_SHIFT=shift LD_PRELOAD=$dir/clock.so cs bimi check --json --domain="$domain" --roots=real_roots \
			"$real/test/fixtures/$file.pem" | python3 -c 'import json, sys; print(*[f["rule"] for f in json.load(sys.stdin)["findings"]])')" "$want"
	done <<-'T'
		paypal_vmc paypal.com 2025-01-01 certificate.no-crl
		globalsign-vmc globalsign.com 2026-01-01 certificate.no-crl
		xometry_cmc xometry.com 2025-01-01 certificate.mark certificate.chain
		cnn cnn.com 2022-01-01 certificate.mark
	T
else
	skip "real certificates" "mailauth brings none, or there is no compiler"
fi

# ---- messages ----
openssl genpkey -algorithm ed25519 -out dkim.pem 2>/dev/null
key="v=DKIM1; k=ed25519; p=$(openssl pkey -in dkim.pem -pubout -outform DER | tail -c 32 | base64 -w0)"
python3 "$COUNTERSIGN_SRC/t/peers/messages.py" "$key" >zone || exit 99
failing=$(sed -n 's/^; servfail //p' zone)
"$build/t/bin/dnsd" --port-file port --servfail "$failing" zone >dnsd.log 2>&1 &
dns=$!
eventually test -s port || exit 99
cat >conf <<-C
	authserv_id = "mx.example.com";
	trusted_networks = [ ];
	dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "2s"; };
	sign: { enabled = false; };
	store: { url = ""; };
	bimi: { mode = "report"; };
C
while read -r name domain signer; do
	{ cat "$name.after"; if [ "$signer" = - ]; then cat "$name.in"; else "$build/t/bin/signmsg" dkim.pem "$signer" s <"$name.in"; fi; } >"$name.eml"
	printf '%s\t%s\n' "$name" "$(cs verify --json --ip=198.51.100.25 --helo=mail.test "--from=bob@$domain" "$name.eml" | python3 -c '
import json, sys
bimi = json.load(sys.stdin)["bimi"]
unchecked = bimi["result"] == "skipped" and bimi["location"]
print("record %(location)s %(selector)s@%(domain)s" % bimi if unchecked else bimi["result"])')"
done <messages >ours
awk '{ print $1, $2, $1 ".eml" }' messages | peer messages "$(cat port)" >theirs
compare messages 30
done_testing
