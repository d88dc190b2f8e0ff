#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two sites that move: the same mail through Debian's OpenDKIM, OpenDMARC and policyd-spf, and through countersignd with what
# `countersign migrate` and `key import` made of their settings; each difference is in e2e/sites.txt with its cause.
#
# gateway: a Postfix behind a backup MX and a gateway (another Postfix, at addresses of its own, which hands on what it took).
# submission: logins, aliases, newsletters with VERP addresses, programs, and bounces in both directions.
#
# Then with the settings that the documents say: relays without client = "skip", results_of, sign.aliases. Spoofs by each of
# these roads are tried. In namespaces of its own.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
. "$COUNTERSIGN_SRC/t/lib/chain.sh"
need postfix nsd swaks openssl ip unshare opendkim opendmarc policyd-spf
enter_lab "$0" "$@"
LISTED=$COUNTERSIGN_SRC/t/e2e/sites.txt
BACKUP=192.0.2.53 GATEWAY=192.0.2.54

zone() {
	printf '%s\n' \
		'sender.test. IN TXT "v=spf1 ip4:198.51.100.10 -all"' '_dmarc.sender.test. IN TXT "v=DMARC1; p=reject"' \
		'plain.test. IN TXT "v=spf1 ip4:198.51.100.10 -all"' 'evil.test. IN TXT "v=spf1 ip4:203.0.113.66 -all"' \
		'mail.sender.test. IN A 198.51.100.10' 'gw.example.com. IN A 192.0.2.54' \
		'example.com. IN TXT "v=spf1 ip4:192.0.2.1 -all"' '_dmarc.example.com. IN TXT "v=DMARC1; p=reject"' \
		'example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"' '_dmarc.example.org. IN TXT "v=DMARC1; p=reject"' \
		'bounces.example.com. IN TXT "v=spf1 ip4:192.0.2.1 -all"' 'reader.test. IN TXT "v=spf1 ip4:198.51.100.10 -all"'
}

# id, the road, client, HELO, MAIL FROM, From
gateway_messages() {
	grep -v '^#' <<-'M'
		01 direct 198.51.100.10 mail.sender.test a@sender.test a@sender.test
		02 direct 203.0.113.66 evil.test a@sender.test a@sender.test
		03 direct 203.0.113.66 evil.test a@plain.test a@plain.test
		04 backup 198.51.100.10 mail.sender.test a@sender.test a@sender.test
		05 backup 203.0.113.66 evil.test a@sender.test a@sender.test
		06 backup 203.0.113.66 evil.test a@plain.test a@plain.test
		07 backup 203.0.113.66 evil.test a@example.com a@example.com
		08 backup 198.51.100.10 mail.sender.test <> mailer-daemon@sender.test
		09 gateway 198.51.100.10 mail.sender.test a@sender.test a@sender.test
		10 gateway 203.0.113.66 evil.test a@sender.test a@sender.test
		11 gateway 203.0.113.66 evil.test ceo@evil.test ceo@example.com
		12 direct 192.0.2.1 in.example.com a@example.com a@example.com
	M
}
submission_messages() {
	grep -v '^#' <<-'M'
		# logins, and their aliases
		01 a@example.com 203.0.113.7 laptop a@example.com a@example.com
		02 a@example.com 203.0.113.7 laptop a@example.com a@example.org
		03 a@example.com 203.0.113.7 laptop a@example.org a@example.org
		04 b@reader.test 203.0.113.7 laptop b@reader.test ceo@example.com
		# newsletters: by a login, by one of our programs, and through the submission service
		05 news@example.com 203.0.113.7 shop news+1-bob=reader.test@bounces.example.com news@example.com
		06 smtp 192.0.2.1 in.example.com news+1-bob=reader.test@bounces.example.com news@example.com
		07 submission 203.0.113.7 shop news+1-bob=reader.test@bounces.example.com news@example.com
		08 submission 203.0.113.7 shop b-1-bob=reader.test@mailer.test news@example.com
		# bounces and answers: our own, and to us
		09 a@example.com 203.0.113.7 laptop <> a@example.com
		10 submission 203.0.113.7 shop <> mailer-daemon@example.com
		11 smtp 192.0.2.1 in.example.com <> mailer-daemon@example.com
		12 smtp 198.51.100.10 mail.sender.test <> mailer-daemon@sender.test
		13 smtp 203.0.113.66 evil.test <> mailer-daemon@example.com
		14 smtp 203.0.113.66 evil.test a@example.com a@example.com
	M
}

# ---- the filters of before ----
old_settings() {
	printf '%s\n' 127.0.0.1 192.0.2.1 >"$LAB/old/hosts"
	printf '%s\n' 127.0.0.1 192.0.2.1 $BACKUP $GATEWAY >"$LAB/old/IgnoreHosts"
	printf '%s\n' com org net test >"$LAB/old/suffixes"
	for k in com org; do echo "k$k example.$k:own:$LAB/old/$k.private" >>"$LAB/old/KeyTable"; done
	printf '%s\n' '*@example.com kcom' '*@example.org korg' >"$LAB/old/SigningTable"
	printf '%s\n' 'Syslog no' 'Mode sv' 'Canonicalization relaxed/relaxed' "KeyTable file:$LAB/old/KeyTable" \
		"SigningTable refile:$LAB/old/SigningTable" "InternalHosts refile:$LAB/old/hosts" "PeerList csl:$BACKUP,$GATEWAY" \
		'MTA ORIGINATING' 'SubDomains no' 'AuthservID mx.example.com' 'Nameservers 127.0.0.1' 'Socket inet:8891@127.0.0.1' \
		'Background no' 'UMask 007' >"$LAB/old/opendkim.conf"
	printf '%s\n' 'AuthservID mx.example.com' 'TrustedAuthservIDs mx.example.com' "IgnoreHosts $LAB/old/IgnoreHosts" \
		'IgnoreAuthenticatedClients true' 'RejectFailures true' "PublicSuffixList $LAB/old/suffixes" 'SPFIgnoreResults true' \
		'SPFSelfValidate true' 'Socket inet:8893@127.0.0.1' 'Background false' >"$LAB/old/opendmarc.conf"
	printf '%s\n' 'debugLevel = 1' 'TestOnly = 1' 'HELO_reject = Fail' 'Mail_From_reject = Fail' 'PermError_reject = False' \
		'TempError_Defer = False' "skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1,$BACKUP,$GATEWAY" >"$LAB/old/policyd-spf.conf"
	printf '%s\n' 'debugLevel = 1' 'TestOnly = 0' 'Header_Type = AR' 'Authserv_Id = gw.example.com' >"$LAB/old/gateway-spf.conf"
}

# ---- the relay in front: one Postfix, which hands on by the address that stands for the road ----
start_relay() {
	mkdir -p "$LAB/gw" "$LAB/gwspool" "$LAB/gwdata"
	chown postfix "$LAB/gwdata"
	sed "s|$LAB/etc|$LAB/gw|; s|$LAB/spool|$LAB/gwspool|; s|$LAB/data|$LAB/gwdata|; s|$LAB/log/mail.log|$LAB/log/gateway.log|
		/milters/d; /^virtual_/d; /^relayhost/d; s/^myhostname.*/myhostname = gw.example.com/" "$LAB/etc/main.cf" >"$LAB/gw/main.cf"
	echo 'relay_domains = example.com' >>"$LAB/gw/main.cf"
	{
		grep -vE '^127|^  -o|^virtual|^policyd' "$LAB/etc/master.cf"
		for road in "$backup $BACKUP" "$gateway $GATEWAY"; do
			cat <<-M
				127.0.0.1:${road% *} inet n - n - - smtpd
				  -o content_filter=out${road##*.}:[127.0.0.1]:$LAB_SMTP
				  -o smtpd_recipient_restrictions=$([ "${road% *}" = "$gateway" ] && echo check_policy_service,unix:private/policyd-spf,)permit_auth_destination
				out${road##*.} unix - - n - - smtp
				  -o smtp_bind_address=${road#* }
			M
		done
		echo "policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf $LAB/old/gateway-spf.conf"
	} >"$LAB/gw/master.cf"
	postfix -c "$LAB/gw" start >"$LAB/log/gateway.out" 2>&1
	eventually lab_answers "$backup" && eventually lab_answers "$gateway"
}

handed_on() { grep -cE 'to=<box@example.com>.* status=(sent|bounced|deferred)' "$LAB/log/gateway.log"; }
handed_on_since() { [ "$(handed_on)" -gt "$1" ]; }

# By a relay, and what the relay was told when it handed the message on.
send_by_relay() { # port, then as for lab_send
	local before
	before=$(handed_on)
	[[ $(LAB_SMTP=$1 lab_send "$2" "$3" "$4" box@example.com "$LAB/message") == 250* ]] || { echo "451 the relay"; return; }
	eventually handed_on_since "$before" || { echo "451 lost"; return; }
	case $(grep -E 'to=<box@example.com>.* status=' "$LAB/log/gateway.log" | tail -1) in
	*status=sent*) echo 250 ;;
	*status=bounced*) echo 550 ;;
	*) echo 451 ;;
	esac
}

send_message() { # road or login, client, HELO, MAIL FROM
	case $1 in
	backup) send_by_relay "$backup" "${@:2}" ;;
	gateway) send_by_relay "$gateway" "${@:2}" ;;
	direct | smtp) lab_send "$2" "$3" "$4" box@example.com "$LAB/message" ;;
	submission) LAB_SMTP=$service lab_send "$2" "$3" "$4" box@example.com "$LAB/message" ;;
	*) LAB_SMTP=$logins lab_send "$2" "$3" "$4" box@example.com "$LAB/message" --xclient-login "$1" ;;
	esac
}

write_message() { # subject, From, fields above the others
	{ [ $# -lt 3 ] || printf '%s\n' "${@:3}"
		printf 'From: %s\nTo: box@example.com\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@test>\n\nhello\n' \
			"$2" "$1" "$1"; } >"$LAB/message"
}

run_all() { # site, run: decisions into $LAB/RUN.decisions
	local id road client helo sender author word file
	while read -r id road client helo sender author; do
		write_message "$2-$id" "$author"
		word=$(chain_word "$(send_message "$road" "$client" "$helo" "$sender")")
		if [ "$word" = accepted ]; then
			file=$(lab_mail "$2-$id") && word="accepted, $(chain_signers "$file")" || word=lost
		fi
		echo "$id $word"
	done < <("$1_messages") >"$LAB/$2.decisions"
}

# Settings of the documents come after those of migrate.
start_new() { # exit status of migrate, its options; settings in $documented
	rm -rf "$LAB/keys" "$LAB"/etc/conf.d
	lab_conf
	lab_cs migrate "${@:2}" "--opendkim=$LAB/old/opendkim.conf" "--opendmarc=$LAB/old/opendmarc.conf" \
		"--policyd-spf=$LAB/old/policyd-spf.conf" -o "$LAB/etc/conf.d/40-migrated.conf" 2>"$LAB/log/migrate"
	is "migrate ${*:2} says whether something is left out" $? "$1"
	[ -z "$documented" ] || echo "$documented" >"$LAB/etc/conf.d/45-documented.conf"
	lab_cs key import --from-opendkim "$LAB/old/opendkim.conf" >"$LAB/log/import" 2>&1
	chown -R "$LAB_USER" "$LAB/keys"
	ok "the settings are valid" lab_cs config check
	lab_daemon || { fail "countersignd starts"; done_testing; }
	chain_ask "{ unix:$LAB/run/milter.sock, default_action=tempfail }"
}

# ---- begin ----
lab_begin || { echo "Bail out! no lab"; exit 99; }
for ip in $BACKUP $GATEWAY; do ip addr add $ip/32 dev lo; done
mkdir "$LAB/old"
for k in com org; do
	openssl genrsa -out "$LAB/old/$k.private" 2048 2>/dev/null
	chmod 600 "$LAB/old/$k.private"
done
mapfile -t lines < <(zone)
lab_zone "${lines[@]}" || { echo "Bail out! no DNS"; exit 99; }
lab_conf
lab_postfix 'mynetworks = 127.0.0.0/8, 192.0.2.1' 'default_process_limit = 20' || { echo "Bail out! no Postfix"; exit 99; }
read -r logins service backup gateway < <(lab_ports 4)
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$logins inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	127.0.0.1:$service inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	  -o milter_macro_daemon_name=ORIGINATING
	policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf $LAB/old/policyd-spf.conf
M
old_settings
start_relay || { echo "Bail out! no relay"; exit 99; }

# ---- before ----
chain_start || { echo "Bail out! no OpenDKIM or OpenDMARC"; exit 99; }
chain_ask "$CHAIN_MILTERS" unix:private/policyd-spf
run_all gateway gateway-old
run_all submission submission-old
chain_stop

# ---- moved by migrate alone, with what OpenDKIM did about logins ----
documented=
start_new 2 --sign-sender=any
run_all gateway gateway-new
run_all submission any-new
lab_daemon_stop
chain_judge gateway 12 "$LAB/gateway-old.decisions" "$LAB/gateway-new.decisions" "$LISTED"
chain_judge submission-any 14 "$LAB/submission-old.decisions" "$LAB/any-new.decisions" "$LISTED"

# ---- and by the documents: relays are looked behind, logins have their aliases ----
documented="relays = ( { from = [ \"$BACKUP\" ]; }, { from = [ \"$GATEWAY\" ]; results_of = \"gw.example.com\"; } );
sign: { aliases = ( { domain = \"example.com\"; aliases = [ \"example.org\" ]; } ); };"
start_new 2
run_all gateway relays-new
run_all submission aliases-new
chain_judge gateway-documented 12 "$LAB/gateway-old.decisions" "$LAB/relays-new.decisions" "$LISTED"
chain_judge submission-documented 14 "$LAB/submission-old.decisions" "$LAB/aliases-new.decisions" "$LISTED"

# ---- spoofs: by the relay, with the gateway's results, by a login, by a trusted name ----
spoof() { # name, subject, road, client, HELO, MAIL FROM: refused
	is "$1" "$(chain_word "$(send_message "${@:3}")")" refused
}
unsigned() { # name, subject, road, client, HELO, MAIL FROM: delivered without a signature of this host
	send_message "${@:3}" >/dev/null
	is "$1" "$(chain_signers "$(lab_mail "$2")")" unsigned
}
received='Received: from mail.sender.test (mail.sender.test [198.51.100.10]) by gw.example.com (Postfix) with ESMTP id 4F5A; Sun, 22 Nov 2026 12:00:00 +0000'
results='Authentication-Results: gw.example.com; spf=pass smtp.mailfrom=a@sender.test'
write_message spoof-1 a@sender.test "$received"
spoof "a Received field that a stranger wrote, by the backup MX" spoof-1 backup 203.0.113.66 evil.test a@sender.test
write_message spoof-2 a@sender.test "$results" "$received"
spoof "results that a stranger wrote, by the gateway" spoof-2 gateway 203.0.113.66 evil.test a@sender.test
write_message spoof-3 a@sender.test "$results"
spoof "the gateway's results from somebody else" spoof-3 direct 203.0.113.66 evil.test a@sender.test
write_message spoof-4 ceo@example.com "$results"
spoof "our own domain by the gateway" spoof-4 gateway 203.0.113.66 evil.test ceo@evil.test
write_message spoof-5 ceo@example.com
unsigned "our own domain by a login of another" spoof-5 b@reader.test 203.0.113.66 laptop b@reader.test
write_message spoof-6 ceo@example.org
unsigned "an alias by a login that it does not belong to" spoof-6 b@reader.test 203.0.113.66 laptop ceo@example.org
write_message spoof-7 ceo@example.com
spoof "our own domain from a client with a trusted name" spoof-7 direct 203.0.113.66 gw.example.com ceo@example.com
write_message spoof-8 ceo@example.com
spoof "and with the name of a trusted host in HELO" spoof-8 direct 203.0.113.66 in.example.com ceo@example.com
like "the gateway's own result is used" "$(lab_field "$(lab_mail relays-new-09)" Authentication-Results)" 'spf=pass \(gw\.example\.com says so'
signed=$(grep -h 'msgid=<\(gateway\|relays\)-new-' "$LAB/log/countersignd.log" | grep origin=relay | grep 'sign=[a-z]*\.' )
is "no mail of a relay was signed" "$signed" ""
lab_daemon_stop
postfix -c "$LAB/gw" abort >/dev/null 2>&1
done_testing
