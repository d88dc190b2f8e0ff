#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A report on its way through a real Postfix: it is signed by the milter, leaves as it was made, and
# its signature verifies elsewhere; with the null sender on port 25, with VERP by submission.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix's master"
need postfix nsd smtp-sink openssl
clear_of_midnight 60

CHECK="$COUNTERSIGN_SRC/contrib/dkim-check"
FILL="$COUNTERSIGN_BUILD/t/bin/ledgerfill"
day=$(date -u -d yesterday +%F)

sent_to() { # domain, address, envelope, port
	lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];' \
		"reports: { org = \"Example\"; from = \"noreply-dmarc@example.com\"; envelope = \"$3\";" \
		"via = \"smtp://127.0.0.1:$4\"; };"
	"$FILL" "$LAB/store/countersign.db" asked "$1" "$day" 3 "mailto:$2" >/dev/null 2>&1
	lab_cs report send "$1" 2>&1
}

lab_begin || exit 99
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];'
lab_cs -q key gen example.com --selector s1 --type rsa2048 --active --format zone >"$LAB/own.zone" ||
	{ echo "Bail out! key gen failed"; exit 99; }
chown -R "$LAB_USER" "$LAB/keys"
mapfile -t own <"$LAB/own.zone"
lab_zone '_dmarc.example.com. IN TXT "v=DMARC1; p=reject"' \
	'_dmarc.ask.test. IN TXT "v=DMARC1; p=none; ruf=mailto:ruf@ask.test"' "${own[@]}" || { echo "Bail out! nsd"; exit 99; }
lab_daemon || { echo "Bail out! countersignd"; exit 99; }
lab_postfix mynetworks=127.0.0.0/8 || { echo "Bail out! Postfix"; exit 99; }

like "Postfix takes it" "$(sent_to one.test dmarc@one.test null "$LAB_SMTP")" 'one.test +sent +dmarc@one.test +250 2\.0\.0 Ok: queued'
left=$(lab_left "Report Domain: one.test")
is "it is signed" "$(grep -c '^DKIM-Signature:' "$left")" 1
like "the signature verifies elsewhere, for the domain in From" "$("$CHECK" 127.0.0.1 "$LAB_DNS" <"$left")" 'pass d=example.com s=s1'
like "From" "$(lab_field "$left" From)" '^From: <noreply-dmarc@example\.com>$'
like "with the null sender" "$(head -20 "${left%.msg}" | grep -i '^X-Mail-Args')" '<>'
like "the attachment is as it was made" "$(tr -d '\r' <"$left" |
	perl -MMIME::Base64 -0777 -ne 'print decode_base64($1) if m{application/gzip.*?\n\n(.*?)\n--}s' | gzip -dc)" \
	'<domain>one.test</domain>'
like "VERP" "$(sent_to two.test dmarc@two.test verp "$LAB_SUBMISSION")" 'sent'
left=$(lab_left "Report Domain: two.test")
like "is in the envelope" "$(head -20 "${left%.msg}" | grep -i '^X-Mail-Args')" '<noreply-dmarc\+bounce-[a-z2-7]{16}@example\.com>'
is "and signed" "$(grep -c '^DKIM-Signature:' "$left")" 1
# Mail to the people who run the site goes the same way.
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];' 'page: { mail = [ "boss@four.test" ]; };' \
	"reports: { org = \"Example\"; from = \"noreply-dmarc@example.com\"; via = \"smtp://127.0.0.1:$LAB_SUBMISSION\"; };"
like "the page by mail" "$(lab_cs report send 2>&1)" 'sent +boss@four.test +250'
left=$(lab_left "Mail of mx.example.com, .*")
is "is signed" "$(grep -c '^DKIM-Signature:' "$left")" 1
like "its signature verifies elsewhere" "$("$CHECK" 127.0.0.1 "$LAB_DNS" <"$left")" 'pass d=example.com s=s1'
is "it arrives as it was made" "$(python3 -c 'import email, email.policy, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
print([part.get_content_type() for part in mail.walk()], list(mail.walk())[2].get_content()[:15])' <"$left")" \
	"['multipart/mixed', 'text/plain', 'text/html'] <!DOCTYPE html>"
# Postfix itself bounces: the milter sees that, and the address is left alone.
mkdir "$LAB/far"
perl "$COUNTERSIGN_SRC/t/tools/smtp_sink.pl" "$LAB/far" & # refuses whoever begins with "no"
far=$!
eventually test -s "$LAB/far/port"
postconf -c "$LAB/etc" -e recipient_delimiter=+ internal_mail_filter_classes=bounce \
	"transport_maps = inline:{ { dead.test = smtp:[127.0.0.1]:$(cat "$LAB/far/port") } }"
postfix -c "$LAB/etc" reload >/dev/null 2>&1
lab_reload # the daemon learns of reports.from
sleep 1
like "to an address that does not work" "$(sent_to dead.test no@dead.test verp "$LAB_SUBMISSION")" 'dead.test +sent'
for _ in $(seq 100); do lab_cs report suppress 2>/dev/null | grep -q dead.test && break; sleep 0.1; done
kill $far
like "the bounce is read" "$(lab_cs report suppress)" '^no@dead.test .*bounced: 5.1.1'
like "the report has failed" "$(lab_cs report list --day "$day")" 'dead.test .*failed: bounced: 5.1.1'
# A failure report about a message that came through Postfix.
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];' 'failures: { send = true; };' \
	'reports: { org = "Example"; from = "noreply-dmarc@example.com"; send = true; start = "0s"; spread = "0s";' \
	"via = \"smtp://127.0.0.1:$LAB_SMTP\"; };"
lab_reload
printf 'From: Bob <bob@ask.test>\nTo: box@example.com\nSubject: spoof\n\nhello\n' >"$LAB/m"
like "a spoof is accepted (p=none)" "$(lab_send 203.0.113.66 evil.test bob@ask.test box@example.com "$LAB/m")" '^250 '
for _ in $(seq 30); do
	lab_cs -q report send ask.test >/dev/null 2>&1
	lab_cs report failures | grep -q ' sent ' && break
	sleep 0.5
done
left=$(lab_left "DMARC failure report for ask.test")
like "its report is signed, and verifies elsewhere" "$("$CHECK" 127.0.0.1 "$LAB_DNS" <"$left")" 'pass d=example.com s=s1'
like "says who sent it" "$(tr -d '\r' <"$left")" '^Source-IP: 203\.0\.113\.66$'
is "no key is missed" "$(lab_cs report send one.test --to x@one.test 2>&1 | grep -c warning)" 0
like "the list" "$(lab_cs report list --day "$day")" 'one\.test .* sent: 250'
is "root's command leaves the ledger to its owner" "$(find "$LAB/store" ! -user "$LAB_USER" | wc -l)" "0"
done_testing
