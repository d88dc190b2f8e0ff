#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# BIMI through a private Postfix into a mailbox. Fields that show a logo, forged by a stranger in over 100 forms: none arrives,
# whatever bimi.mode says; without the filter they do. A message whose domain has a logo of 32 KB and a mark certificate: the
# fields are ours, and the logo in BIMI-Indicator is the domain's. One's own mail leaves with a signed BIMI-Selector.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/bimi_web.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix's master"
need postfix swaks smtp-sink
bimi_web_alone "$0"

forms() { python3 "$COUNTERSIGN_SRC/t/tools/bimi_forged.py" "$@"; }
settings() { # of bimi
	lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ ];' "tls: { ca_file = \"$dir/web_root.crt\"; };" \
		"bimi: { roots = \"$dir/root.crt\"; $1 };"
	[ -z "${LAB_DAEMON_PID:-}" ] || lab_reload || fail "settings: $1"
}
postfix_reload() {
	postfix -c "$LAB/etc" reload >"$LAB/log/postfix.out" 2>&1
	eventually lab_answers "$LAB_SMTP"
}

# ---- the domain sender.test, its logo and its certificate ----
mkdir www
{ logo Example "<path d=\"M0 0L$(seq -s ' ' 1 9000)" | head -c $((32768 - 12)); printf '"/>\n</svg>\n'; } >www/logo.svg
key leaf
mark_lists=http://web.test mark_names=DNS:sender.test
authority root
authority issuer root $purpose
extensions www/logo.svg image/svg+xml www/logo.svg | mark_certificate www/vmc issuer "$mark"
revocation_list root www/root.crl 5
revocation_list issuer www/issuer.crl 5
openssl genpkey -algorithm ed25519 -out dkim.pem 2>/dev/null
cat >zone <<-Z
	web.test 60 A 45.30.0.1
	sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
	_dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
	default._bimi.sender.test 60 TXT "v=BIMI1; l=https://web.test/logo.svg; a=https://web.test/vmc.pem; avp=personal"
	brand._bimi.sender.test 60 TXT "v=BIMI1; l=; a="
	s._domainkey.sender.test 60 TXT "v=DKIM1; k=ed25519; p=$(openssl pkey -in dkim.pem -pubout -outform DER | tail -c 32 | base64 -w0)"
Z
bimi_web_begin
lab_begin || exit 99
trap 'kill "${BIMI_PIDS[@]}" 2>/dev/null; lab_end; rm -rf "$dir"' EXIT
chmod 755 "$dir"
LAB_DNS=53
settings 'mode = "off";'
lab_cs -q key gen example.com --selector e1 --type ed25519 --active >/dev/null || { echo "Bail out! key gen failed"; exit 99; }
chown -R "$LAB_USER" "$LAB/keys"
lab_postfix local_header_rewrite_clients= smtpd_sasl_auth_enable=yes \
	"smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination" || exit 99
lab_daemon || exit 99

# ---- forged fields ----
for mode in off report on; do
	settings "mode = \"$mode\"; indicator = true; require = \"record\";"
	is "bimi.mode = \"$mode\": $(forms count) forged messages are sent" "$(forms send "$LAB_SMTP" "$mode" 2>&1)" ""
	is "and none of the forms is in the mailbox" "$(forms mailbox "$LAB/mail/box/new" "$mode" | head -5)" ""
done
postconf -c "$LAB/etc" -e smtpd_milters=
postfix_reload
unfiltered() { # a process of Postfix that still has the old settings may take the first ones
	forms send "$LAB_SMTP" "bare$1" >/dev/null 2>&1
	[ "$(forms mailbox "$LAB/mail/box/new" "bare$1" | wc -l)" -ge 40 ]
}
for try in 1 2 3; do unfiltered $try && break; done
left=$(forms mailbox "$LAB/mail/box/new" "bare$try" | wc -l)
ok "without the filter at least 40 of them arrive ($left)" test "$left" -ge 40
postconf -c "$LAB/etc" -e "smtpd_milters={ unix:$LAB/run/milter.sock, default_action=tempfail }"
postfix_reload

# ---- a message that may have a logo ----
settings 'mode = "on"; indicator = true; selectors = ( { domains = [ "example.com" ]; selector = "winter"; } );'
arrived() { # subject, more fields: the message that arrived, with a forged field of each kind
	{ printf 'From: Bob <bob@sender.test>\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nBIMI-Location: v=BIMI1; l=https://evil.test/x.svg\n' "$1"
		printf 'BIMI-Indicator: PHN2Zy8+\nBIMI-Logo-Preference: avp=brand\n%s\nhello\n' "${2:+$2$'\n'}"; } |
		"$LAB_BUILD/t/bin/signmsg" dkim.pem sender.test s >"$LAB/m"
	lab_send 198.51.100.25 mail.sender.test bob@sender.test alice@example.com "$LAB/m" >/dev/null
	lab_mail "$1"
}
number=0
passes() {
	number=$((number + 1))
	file=$(arrived "logo$number")
	[[ "$(lab_field "$file" Authentication-Results)" == *bimi=pass* ]]
}
ok "bimi=pass" eventually -t 30 passes
header=$(sed '/^\r*$/q' "$file" | tr -d '\r')
is "one field of each kind" "$(grep -c '^BIMI-Location:' <<<"$header") $(grep -c '^BIMI-Indicator:' <<<"$header") $(grep -c '^BIMI-Logo-Preference:' <<<"$header")" "1 1 1"
like "where the logo is" "$(lab_field "$file" BIMI-Location)" 'v=BIMI1; *l=https://web\.test/logo\.svg; *a=https://web\.test/vmc\.pem'
like "what the domain prefers" "$(lab_field "$file" BIMI-Logo-Preference)" 'avp=personal'
is "the logo itself, 32 KB" "$(lab_field "$file" BIMI-Indicator | sed 's/^[^:]*://' | tr -d ' \t\r\n' | base64 -d | sha256sum)" "$(sha256sum <www/logo.svg)"
ok "in short lines" test "$(awk '{ if (length($0) > n) n = length($0) } END { print n }' <<<"$header")" -le 998
like "its hash" "$(lab_field "$file" Authentication-Results)" "policy\.indicator-hash=\"?$(sha256sum www/logo.svg | cut -c49-64)"
like "a signed BIMI-Selector chooses the record" "$(lab_field "$(arrived chosen 'BIMI-Selector: v=BIMI1; s=brand')" Authentication-Results)" \
	'bimi=declined .*header\.selector=brand'
is "whose domain wants no logo" "$(grep -c '^BIMI-L\|^BIMI-I' "$(lab_mail chosen)")" 0
ok "the log has it" grep -qE 'bimi=declined' "$LAB/log/countersignd.log"

# ---- one's own ----
printf 'From: Alice <alice@example.com>\nSubject: out1\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n\nhello\n' >"$LAB/m"
lab_send 203.0.113.66 roaming.test alice@example.com bob@sender.test "$LAB/m" --xclient-login alice@example.com >/dev/null
left=$(lab_left out1)
like "one's own mail leaves with the selector of its domain" "$(lab_field "$left" BIMI-Selector)" 'v=BIMI1; s=winter;'
like "which is signed" "$(tr -d '\r\n\t ' <"$left")" 'DKIM-Signature:.*;h=[^;]*BIMI-Selector'
done_testing
