#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A list host: messages to lists through a private Postfix and a list manager that changes subject and body, and Mailman 3
# where it is installed. What the lists send on is signed and sealed; forged fields, and fields of other messages, are
# tried and count for nothing.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/mailman.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix's master"
need postfix nsd swaks smtp-sink openssl
clear_of_midnight 60

message() { # from subject [field...]
	local from=$1 subject=$2
	shift 2
	{ [ $# -eq 0 ] || printf '%s\n' "$@"
		printf 'From: %s\nTo: dev@lists.example.org\nSubject: %s\nMessage-ID: <%s@%s>\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n\nhello\n' \
			"$from" "$subject" "$subject" "${from#*@}"; } >"$LAB/m"
}
post() { # list: the message of an author, from their own host
	lab_send 198.51.100.25 mail.victim.test bob@victim.test "$1@lists.example.org" "$LAB/m" >/dev/null
}
signer_of() { # message
	lab_field "$1" DKIM-Signature | grep -oE ' d=[^;]*' | tr '\n' ' '
}
seal_of() {
	lab_field "$1" ARC-Seal | head -1 | grep -oE '(i|cv|d)=[^;]*' | tr '\n' ' '
}
verdict_of() { # message: what the next host makes of it
	lab_cs verify --ip=192.0.2.1 --helo=mx.example.com --from=dev-bounces@lists.example.org "$1" 2>&1
}
forwarded() { # subject: a message that a forwarder has sealed, as OpenARC does
	message bob@victim.test "$1"
	sed 's/$/\r/' "$LAB/m" | "$COUNTERSIGN_BUILD/t/bin/arcmsg" /dev/null "$LAB/foreign/forwarder.test.f1.key" forwarder.test f1 \
		"forwarder.test; dmarc=pass header.from=victim.test" 2>"$LAB/log/arcmsg" | tr -d '\r' >"$LAB/m.sealed"
	mv "$LAB/m.sealed" "$LAB/m"
}
lab_key_of() { # domain selector
	lab_cs -q key gen "$1" --selector "$2" --type rsa2048 --active --format zone
}

lab_begin || exit 99
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];' 'dmarc: { enforce = "observe"; };' \
	'lists = ( { id = "lists.example.org"; from = [ "127.0.0.1" ]; sign = "lists.example.org"; seal = true; } );'
keys=$(lab_key_of lists.example.org l1) || { echo "Bail out! key gen failed"; exit 99; }
chown -R "$LAB_USER" "$LAB/keys"
lab_zone 'victim.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"' '_dmarc.victim.test. IN TXT "v=DMARC1; p=reject"' \
	'lists.example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"' "$keys" "$(lab_key victim.test sel1)" "$(lab_key forwarder.test f1)" || exit 99
read -r back first lmtp rest < <(lab_ports 4)
lab_postfix "transport_maps=regexp:$LAB/etc/transport" "relay_domains=lists.example.org" "lmtp_host_lookup=native" || exit 99
cat >"$LAB/etc/transport" <<-T
	/^mm(from)?@/ lmtp:[127.0.0.1]:$lmtp
	/@lists\.example\.org$/ list:
T
printf '%s\n' 'munged munge' 'stripped strip' | list_manager "$back"
# A content filter that changes nothing, whose way back is that of list managers.
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$first inet n - n - - smtpd
	  -o content_filter=smtp:[127.0.0.1]:$back
M
lab_daemon || exit 99
postfix -c "$LAB/etc" reload >"$LAB/log/postfix.out" 2>&1
eventually lab_answers "$back" && eventually lab_answers "$first" || exit 99

message bob@victim.test plain
post dev
left=$(lab_left '\[dev\] plain')
is "a list's mail is signed as the list's" "$(signer_of "$left")" " d=lists.example.org "
is "and sealed, with no chain before it" "$(seal_of "$left")" "i=1 cv=none d=lists.example.org "
like "with the results of its arrival" "$(lab_field "$left" ARC-Authentication-Results)" 'mx.example.com;.*spf=pass.*dmarc=pass'
is "whose field does not leave" "$(grep -c '^Authentication-Results' "$left")" 0
said=$(verdict_of "$left")
like "the next host finds the signature good" "$said" 'lists.example.org.*pass|pass.*lists.example.org'
like "and the seal" "$said" '[Aa][Rr][Cc].*pass'

forwarded forwarded
post dev
is "after a forwarder that seals, the chain goes on" "$(seal_of "$(lab_left '\[dev\] forwarded')")" "i=2 cv=pass d=lists.example.org "

message bob@victim.test munged
post munged
is "with From munged it is the list's own mail" "$(signer_of "$(lab_left '\[munged\] munged')")" " d=lists.example.org "
message bob@victim.test stripped
post stripped
left=$(lab_left '\[stripped\] stripped')
is "a list that removes our field: neither signed" "$(signer_of "$left")" ""
is "nor sealed" "$(seal_of "$left")" ""
ok "and the log says why" grep -q 'reason="mail of the list stripped.lists.example.org without results of its arrival' "$LAB/log/countersignd.log"

# ---- spoofs ----
hand_in() { # envelope sender: the message, where list managers hand in theirs
	LAB_SMTP=$back lab_send 127.0.0.1 localhost "$1" reader@reader.test "$LAB/m" >/dev/null
}
neither() { # name subject
	local left
	left=$(lab_left "$2")
	is "$1: not signed, not sealed" "$(signer_of "$left")$(seal_of "$left")" ""
}
list_id='List-Id: <dev.lists.example.org>'
received='Received: from x (x [203.0.113.66]) by mx.example.com (Postfix) with ESMTP id 1; Sun, 22 Nov 2026 12:00:00 +0000'
message bob@victim.test spoof1 "$list_id" "$received"
hand_in dev-bounces@lists.example.org
neither "a List-Id and the list's MAIL FROM alone" spoof1
message bob@victim.test spoof2 "$list_id" "$received" \
	'Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=victim.test; dmarc=pass header.from=victim.test policy.binding=20779-00112233445566778899aabbccddeeff'
hand_in dev-bounces@lists.example.org
neither "with results and a made-up HMAC" spoof2
# a message to a list and to a mailbox at once gives its reader a field that is bound
message bob@victim.test both
lab_send 198.51.100.25 mail.victim.test bob@victim.test "dev@lists.example.org,alice@example.com" "$LAB/m" >/dev/null
bound=$(lab_field "$(lab_mail both)" Authentication-Results)
like "such a field" "$bound" 'policy\.binding=[0-9]+-[0-9a-f]{32}$'
message bob@victim.test spoof3 "$list_id" "$received" "$bound"
hand_in dev-bounces@lists.example.org
neither "which counts for nothing on another message" spoof3
message bob@victim.test both "$list_id" "$received" "$bound"
sed -i 's/^From: .*/From: ceo@bank.test/; s/^Subject: .*/Subject: spoof4/' "$LAB/m"
hand_in dev-bounces@lists.example.org
neither "nor with another author" spoof4
message bob@victim.test spoof5 "$list_id" "$bound"
lab_send 203.0.113.66 mx.evil.test dev-bounces@lists.example.org alice@example.com "$LAB/m" >/dev/null
is "from outside it is removed" "$(lab_field "$(lab_mail spoof5)" Authentication-Results | grep -c binding)" 0
message bob@victim.test spoof6 "$list_id"
LAB_SMTP=$first lab_send 127.0.0.9 localhost dev-bounces@lists.example.org reader@reader.test "$LAB/m" >/dev/null
neither "a message that a content filter hands back" spoof6

# ---- Mailman ----
if mailman_begin "$back" "$lmtp"; then
	message bob@victim.test mailman
	post mm
	left=$(lab_left '\[Mm\] mailman')
	is "Mailman 3: signed as the list's" "$(signer_of "$left")" " d=lists.example.org "
	is "and sealed" "$(seal_of "$left")" "i=1 cv=none d=lists.example.org "
	like "the next host finds the seal good" "$(verdict_of "$left")" '[Aa][Rr][Cc].*pass'
	message bob@victim.test rewritten
	post mmfrom
	left=$(lab_left '\[Mmfrom\] rewritten')
	like "with From munged by Mailman" "$(lab_field "$left" From)" '<mmfrom@lists.example.org>'
	is "it is the list's own mail" "$(signer_of "$left")" " d=lists.example.org "
	is "and not sealed: the results of its arrival are another author's" "$(seal_of "$left")" ""
	forwarded mailman-forwarded
	post mm
	left=$(lab_left '\[Mm\] mailman-forwarded')
	is "after a forwarder that seals, the chain goes on" "$(seal_of "$left")" "i=2 cv=pass d=lists.example.org "
	like "and the next host finds it whole" "$(verdict_of "$left")" '[Aa][Rr][Cc].*pass'
	mailman_end
else
	skip "Mailman 3 is not installed" 3
fi
done_testing
