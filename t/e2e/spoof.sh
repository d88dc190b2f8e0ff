#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A stranger's attempts, through a private Postfix: over 150 messages that some reader could take for those of another
# domain, of which none passes as that; what a content filter hands back; what a login writes in the name of others.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix's master"
need postfix nsd swaks smtp-sink openssl
perl -MEmail::Address::XS -MMail::Address -e 1 2>/dev/null &&
	/usr/bin/python3 -c 'import gi; gi.require_version("GMime", "3.0")' 2>/dev/null ||
	skip_all "needs gir1.2-gmime-3.0, python3-gi, libemail-address-xs-perl and libmailtools-perl"
clear_of_midnight 60

message() { # from subject
	printf 'From: %s\nTo: someone@example.com\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n\nhello\n' "$1" "$2" >"$LAB/m"
}
signed() { # subject: how many signatures a message has that arrived
	grep -c '^DKIM-Signature:' "$(lab_mail "$1")"
}
left_signed() { # subject: or that left
	grep -c '^DKIM-Signature:' "$(lab_left "$1")"
}
log_says() { # expression: in the last line of a message
	grep 'origin=' "$LAB/log/countersignd.log" | tail -1 | grep -qE -- "$1"
}
own_key() { # domain selector
	lab_cs -q key gen "$1" --selector "$2" --type ed25519 --active --format zone
}

lab_begin || exit 99
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];' 'dmarc: { enforce = "strict"; };'
keys=$(own_key example.com s1 && own_key hosted.test h1) || { echo "Bail out! key gen failed"; exit 99; }
chown -R "$LAB_USER" "$LAB/keys"
lab_zone 'victim.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"' '_dmarc.victim.test. IN TXT "v=DMARC1; p=reject"' \
	'mail.victim.test. IN A 198.51.100.25' 'mail.victim.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"' \
	'25.100.51.198.in-addr.arpa. IN PTR mail.victim.test.' 'sub.victim.test. IN A 198.51.100.25' \
	'evil.test. IN TXT "v=spf1 ip4:203.0.113.66 -all"' '_dmarc.evil.test. IN TXT "v=DMARC1; p=reject"' \
	'mx.evil.test. IN A 203.0.113.66' 'mx.evil.test. IN TXT "v=spf1 ip4:203.0.113.66 -all"' \
	'66.113.0.203.in-addr.arpa. IN PTR mx.evil.test.' 'victim.test.evil.test. IN TXT "v=spf1 ip4:203.0.113.66 -all"' \
	'example.com. IN TXT "v=spf1 ip4:192.0.2.1 -all"' '_dmarc.example.com. IN TXT "v=DMARC1; p=none"' \
	"$(lab_key victim.test sel1)" "$(lab_key evil.test sel1)" "$keys" || exit 99
for domain in victim.test evil.test; do ln -s "$domain.sel1.key" "$LAB/foreign/$domain"; done
read -r first back gateway < <(lab_ports 3)
# Strangers' header fields are not rewritten (XCLIENT comes too late for Postfix's own decision), and a CR alone gets to
# the filter, which newer ones make a blank.
lab_postfix smtpd_sasl_auth_enable=yes local_header_rewrite_clients= cleanup_replace_stray_cr_lf=no \
	"smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination" || exit 99
# a content filter that changes nothing: its first pass without a milter, the way back over loopback with one
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$first inet n - n - - smtpd
	  -o smtpd_milters=
	  -o content_filter=smtp:[127.0.0.1]:$back
	  -o receive_override_options=no_milters
	127.0.0.1:$back inet n - n - - smtpd
	  -o mynetworks=127.0.0.0/8
	  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
	  -o smtpd_relay_restrictions=permit_mynetworks,reject
	127.0.0.1:$gateway inet n - n - - smtpd
	  -o smtpd_milters=
	  -o content_filter=onward:[127.0.0.1]:$LAB_SMTP
	  -o receive_override_options=no_milters
	onward unix - - n - - smtp
	  -o smtp_bind_address=127.0.0.53
M
lab_daemon || exit 99
postfix -c "$LAB/etc" reload >"$LAB/log/postfix.out" 2>&1
eventually lab_answers "$first" && eventually lab_answers "$back" && eventually lab_answers "$gateway" || exit 99

# ---- the table ----
/usr/bin/python3 "$COUNTERSIGN_SRC/t/tools/spoofs.py" "$LAB_SMTP" "$LAB/mail/box" "$COUNTERSIGN_SRC/t/e2e/spoofs" \
	"$COUNTERSIGN_BUILD/t/bin/signmsg" "$LAB/foreign" >"$LAB/spoofs.out" 2>&1
status=$?
ok "the messages are sent and looked at" test $status -le 1
while IFS= read -r line; do
	case $line in
	'ok '*) pass "${line#* - }" ;;
	'not ok '*) fail "${line#* - }" ;;
	'1..'*) ;;
	*) echo "# ${line#\# }" ;;
	esac
done <"$LAB/spoofs.out"

# ---- what comes back over loopback ----
through_filter() { # envelope sender, client, HELO: through the filter; sets $reply
	reply=$(LAB_SMTP=$first lab_send "$2" "$3" "$1" alice@example.com "$LAB/m")
}
message 'CEO <ceo@example.com>' filter1
through_filter x@evil.test 203.0.113.66 mx.evil.test
like "a spoof of our domain goes through a content filter" "$reply" '^250 '
is "and is not signed when it comes back" "$(signed filter1)" 0
ok "the log says why" log_says 'origin=local .*sign=no reason="it passes through this host: it has been on another host, and MAIL FROM <x@evil.test> does not belong to this host"'
message 'CEO <ceo@example.com>' filter2
through_filter '<>' 203.0.113.66 localhost
is "nor with the null sender, from one that says it is localhost" "$(signed filter2)" 0
message 'List <list@example.com>' list1
LAB_SMTP=$back lab_send 127.0.0.1 localhost list-bounces@example.com alice@example.com "$LAB/m" >/dev/null
is "a list manager's mail over loopback is signed" "$(signed list1)" 1
{ printf 'Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=victim.test; dmarc=pass header.from=victim.test\n'
	printf 'Received: from mail.victim.test (mail.victim.test [198.51.100.25]) by mx.example.com (Postfix) with ESMTP id 1; now\n'
	sed 's/list1/list2/' "$LAB/m"; } >"$LAB/m2"
mv "$LAB/m2" "$LAB/m"
LAB_SMTP=$back lab_send 127.0.0.1 localhost list-bounces@example.com alice@example.com "$LAB/m" >/dev/null
is "also with our results and the trace of the way in" "$(signed list2)" 1
message 'cron <root@example.com>' cron1
sendmail -C "$LAB/etc" -f '<>' bob@victim.test <"$LAB/m"
is "the sendmail command's mail is signed, with the null sender too" "$(left_signed cron1)" 1

# ---- logins ----
by_login() { # login, envelope sender, From, subject
	message "$3" "$4"
	lab_send 203.0.113.66 roaming.test "$2" bob@victim.test "$LAB/m" --xclient-login "$1" >/dev/null
	left_signed "$4"
}
is "a login signs for its own domain" "$(by_login alice@example.com alice@example.com alice@example.com login1)" 1
is "with the envelope of another" "$(by_login alice@example.com news@esp.test alice@example.com login2)" 1
is "not for another domain here, by MAIL FROM" "$(by_login alice@example.com boss@hosted.test boss@hosted.test login3)" 0
ok "the log says why" log_says 'reason="login alice@example.com may not sign for hosted.test \(sign.logins, sign.aliases\)"'
is "nor by a route" "$(by_login alice@example.com @example.com:boss@hosted.test boss@hosted.test login4)" 0
is "nor a login without a domain" "$(by_login alice alice@example.com alice@example.com login5)" 0
lab_conf 'authserv_id = "mx.example.com";' 'sign: { mta_checks_sender = true; };'
lab_reload
is "which MAIL FROM binds where the MTA checks it" "$(by_login alice alice@example.com alice@example.com login6)" 1
is "to that domain" "$(by_login alice alice@example.com boss@hosted.test login7)" 0
is "and not by a route" "$(by_login alice @hosted.test:alice@example.com boss@hosted.test login8)" 0

# ---- a gateway in front, which is a relay ----
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];' 'dmarc: { enforce = "strict"; };' \
	'relays = ( { from = [ "127.0.0.53" ]; results_of = "gw.example.com"; } );'
lab_reload
through_gateway() { # client, HELO, envelope sender
	LAB_SMTP=$gateway lab_send "$1" "$2" "$3" alice@example.com "$LAB/m" >/dev/null
}
relayed() { # expression
	grep -E 'origin=relay relay=127\.0\.0\.53' "$LAB/log/countersignd.log" | tail -1 | grep -qE -- "$1"
}
message bob@victim.test gateway1
through_gateway 198.51.100.25 mail.victim.test bob@victim.test
like "mail through a gateway is judged by the client that the gateway names" \
	"$(lab_field "$(lab_mail gateway1)" Authentication-Results)" 'spf=pass .*dmarc=pass'
message bob@victim.test gateway2
sed -i '1i Authentication-Results: gw.example.com; spf=pass smtp.mailfrom=victim.test' "$LAB/m"
sed -i '1i Received: from mail.victim.test (mail.victim.test [198.51.100.25]) by gw.example.com (Postfix) with ESMTP id 1; now' "$LAB/m"
through_gateway 203.0.113.66 mail.victim.test bob@victim.test
ok "a stranger who writes Received and results himself is refused" \
	eventually relayed 'ip=203\.0\.113\.66 .*from=<bob@victim\.test> .*spf=fail .*action=reject'
message 'CEO <ceo@example.com>' gateway3
through_gateway 203.0.113.66 mx.evil.test ceo@example.com
is "a spoof of our domain through it is not signed, though it comes over loopback" "$(signed gateway3)" 0
like "but judged" "$(lab_field "$(lab_mail gateway3)" Authentication-Results)" 'spf=fail .*dmarc=fail'

# ---- bodies and headers that are read differently ----
message alice@example.com clean1
{ printf '%s\n' 'EHLO localhost' 'MAIL FROM:<alice@example.com>' 'RCPT TO:<bob@victim.test>' DATA
	cat "$LAB/m"
	printf 'one\rtwo\n.\nQUIT\n'; } | lab_talk 127.0.0.1 "$LAB_SUBMISSION" >"$LAB/talk"
is "a body with a CR alone is not signed" "$(left_signed clean1)" 0
ok "the log says why" log_says 'reason="the body has a CR without LF, which verifiers read differently'

# ---- nobody is trusted ----
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ ];'
lab_reload
message 'CEO <ceo@example.com>' proxy1
LAB_SMTP=$back lab_send 127.0.0.1 localhost ceo@example.com alice@example.com "$LAB/m" >/dev/null
is "trusted_networks = [ ]: what comes from 127.0.0.1 is not signed" "$(signed proxy1)" 0
like "but judged" "$(lab_field "$(lab_mail proxy1)" Authentication-Results)" 'dmarc=fail'

done_testing
