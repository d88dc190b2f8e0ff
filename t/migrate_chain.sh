#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What migrate promises: forty messages through Debian's OpenDKIM, OpenDMARC and policyd-spf, and the same forty through
# countersignd with the migrated settings and imported keys. Each is signed or not, and refused or not, as before, or
# the difference is listed with its cause in migrate_chain.txt; a listed difference that is not seen is an error, too.
# One private Postfix asks the one, then the other, in namespaces of their own.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
. "$COUNTERSIGN_SRC/t/lib/chain.sh"
need postfix nsd swaks openssl ip unshare opendkim opendmarc policyd-spf
enter_lab "$0" "$@"
LISTED=$COUNTERSIGN_SRC/t/migrate_chain.txt
SIGN=$COUNTERSIGN_BUILD/t/bin/signmsg

# ---- the world ----
zone() { # further records
	local d
	for d in reject quarantine none nodmarc; do
		echo "$d.example. IN TXT \"v=spf1 ip4:198.51.100.10 -all\""
		[ $d = nodmarc ] || echo "_dmarc.$d.example. IN TXT \"v=DMARC1; p=$d\""
	done
	printf '%s\n' "$@" \
		'soft.example. IN TXT "v=spf1 ip4:198.51.100.10 ~all"' '_dmarc.soft.example. IN TXT "v=DMARC1; p=reject"' \
		'softonly.example. IN TXT "v=spf1 ip4:198.51.100.10 ~all"' \
		'nospf.example. IN A 198.51.100.10' '_dmarc.nospf.example. IN TXT "v=DMARC1; p=reject"' \
		'strict.example. IN TXT "v=spf1 -all"' 'a.strict.example. IN TXT "v=spf1 ip4:198.51.100.10 -all"' \
		'_dmarc.strict.example. IN TXT "v=DMARC1; p=reject; adkim=s; aspf=s"' \
		'sub.example. IN TXT "v=spf1 -all"' '_dmarc.sub.example. IN TXT "v=DMARC1; p=none; sp=reject"' 'a.sub.example. IN A 198.51.100.10' \
		'pct.example. IN A 198.51.100.10' '_dmarc.pct.example. IN TXT "v=DMARC1; p=reject; pct=0"' \
		'testing.example. IN A 198.51.100.10' '_dmarc.testing.example. IN TXT "v=DMARC1; p=reject; t=y"' \
		'ignored.example. IN A 198.51.100.10' '_dmarc.ignored.example. IN TXT "v=DMARC1; p=reject"' 'a.ignored.example. IN A 198.51.100.10' \
		'helo.example. IN TXT "v=spf1 -all"' 'mail.good.example. IN A 198.51.100.10' \
		'forwarder.example. IN TXT "v=spf1 ip4:198.51.100.53 -all"' \
		'example.com. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"' '_dmarc.example.com. IN TXT "v=DMARC1; p=reject"' \
		'example.org. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"'
}

# id, how it comes (smtp, the name of a login, submission), client, HELO, MAIL FROM, From, how it is signed
messages() {
	grep -v '^#' <<-'M'
		# mail of others, authentic and not
		01 smtp 198.51.100.10 mail.good.example a@reject.example a@reject.example -
		02 smtp 203.0.113.66 mail.good.example a@reject.example a@reject.example -
		03 smtp 203.0.113.66 mail.good.example a@reject.example a@reject.example good
		04 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@reject.example good
		05 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@reject.example broken
		06 smtp 203.0.113.66 mail.good.example <> a@reject.example -
		07 smtp 203.0.113.66 mail.good.example a@quarantine.example a@quarantine.example -
		08 smtp 203.0.113.66 mail.good.example a@none.example a@none.example -
		09 smtp 203.0.113.66 mail.good.example a@nodmarc.example a@nodmarc.example -
		10 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@nodmarc2.example -
		11 smtp 203.0.113.66 mail.good.example a@soft.example a@soft.example -
		12 smtp 203.0.113.66 mail.good.example a@softonly.example a@softonly.example -
		13 smtp 198.51.100.10 mail.good.example a@nospf.example a@nospf.example -
		14 smtp 198.51.100.10 mail.good.example a@a.strict.example a@strict.example -
		15 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@a.sub.example -
		16 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@sub.example -
		17 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@pct.example -
		18 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@testing.example -
		19 smtp 203.0.113.66 helo.example a@nodmarc2.example a@nodmarc2.example -
		20 smtp 203.0.113.66 helo.example <> a@none.example -
		# exemptions of theirs
		21 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@ignored.example -
		22 smtp 203.0.113.66 mail.good.example a@nodmarc2.example a@a.ignored.example -
		23 smtp 198.51.100.53 mail.good.example a@forwarder.example a@reject.example -
		24 smtp 198.51.100.53 mail.good.example a@forwarder.example a@example.com -
		25 smtp 198.51.100.54 mail.good.example a@nodmarc2.example a@reject.example -
		# mail from our own networks
		26 smtp 192.0.2.1 in.example.com a@example.com a@example.com -
		27 smtp 192.0.2.66 in.example.com a@example.com a@example.com -
		28 smtp 192.0.2.77 in.example.com a@example.com a@example.com -
		29 smtp 192.0.2.1 in.example.com a@example.org a@example.org -
		30 smtp 192.0.2.1 in.example.com a@example.com a@a.example.com -
		31 smtp 192.0.2.1 in.example.com a@example.org a@a.example.org -
		32 smtp 192.0.2.1 in.example.com alice@example.net alice@example.net -
		33 smtp 192.0.2.1 in.example.com bob@example.net bob@example.net -
		34 smtp 192.0.2.1 in.example.com a@other.example a@reject.example -
		35 smtp 203.0.113.66 in.example.com a@example.com a@example.com -
		# clients that log in, and the submission service
		36 a@example.com 203.0.113.66 laptop a@example.com a@example.com -
		37 bob 203.0.113.66 laptop a@other.example a@example.com -
		38 a@example.com 203.0.113.66 laptop a@example.com a@reject.example -
		39 submission 203.0.113.66 laptop a@example.org a@example.org -
		40 submission 203.0.113.66 laptop a@other.example a@example.com -
	M
}

# ---- the original ----
opendkim_conf() {
	printf '%s\n' 127.0.0.1 192.0.2.0/24 '!192.0.2.66' >"$LAB/old/InternalHosts"
	echo 192.0.2.77 >"$LAB/old/PeerList"
	for k in com org net; do
		echo "k$k example.$k:own:$LAB/old/$k.private" >>"$LAB/old/KeyTable"
	done
	printf '%s\n' '*@example.com kcom' '*@example.org korg:postmaster@example.org' 'alice@example.net knet' >"$LAB/old/SigningTable"
	cat >"$LAB/old/opendkim.conf" <<-C
		Syslog		no
		Mode		sv
		Canonicalization relaxed/relaxed
		KeyTable	file:$LAB/old/KeyTable
		SigningTable	refile:$LAB/old/SigningTable
		InternalHosts	refile:$LAB/old/InternalHosts
		PeerList	refile:$LAB/old/PeerList
		MTA		ORIGINATING
		SubDomains	no
		AuthservID	mx.example.com
		Nameservers	127.0.0.1
		Socket		inet:8891@127.0.0.1
		Background	no
		UMask		007
	C
}

opendmarc_conf() { # lines
	printf '%s\n' 127.0.0.1 192.0.2.0/24 198.51.100.53 >"$LAB/old/IgnoreHosts"
	printf '%s\n' com example net org >"$LAB/old/suffixes"
	cat >"$LAB/old/opendmarc.conf" <<-C
		AuthservID	mx.example.com
		TrustedAuthservIDs mx.example.com
		IgnoreHosts	$LAB/old/IgnoreHosts
		IgnoreMailFrom	ignored.example
		IgnoreAuthenticatedClients true
		PublicSuffixList $LAB/old/suffixes
		SPFIgnoreResults true
		SPFSelfValidate true
		Socket		inet:8893@127.0.0.1
		Background	false
	C
	printf '%s\n' "$@" >>"$LAB/old/opendmarc.conf"
}

# ---- sending ----
write_message() { # id, From, how it is signed, run
	printf 'From: %s\nTo: box@example.com\nSubject: m%s-%s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s.%s@test>\n\nhello\n' \
		"$2" "$1" "$4" "$1" "$4" >"$LAB/message"
	case $3 in
	good | broken)
		"$SIGN" "$LAB/foreign/${2#*@}.sel.key" "${2#*@}" sel <"$LAB/message" >"$LAB/signed" && mv "$LAB/signed" "$LAB/message"
		[ "$3" = good ] || echo changed >>"$LAB/message"
		;;
	esac
}

send_message() { # how it comes, client, HELO, MAIL FROM
	local port=$LAB_SMTP login=()
	case $1 in
	smtp) ;;
	submission) port=$service ;;
	*) port=$logins login=(--xclient-login "$1") ;;
	esac
	swaks --server 127.0.0.1 --port "$port" --xclient-addr "$2" --xclient-name "$3" "${login[@]}" --helo "$3" --from "$4" \
		--to box@example.com --data "@$LAB/message" --suppress-data >"$LAB/log/swaks" 2>&1
	lab_reply
}

# Sends all of them, and says of each what became of it: "accepted", "refused" or "deferred", and by whom it was signed.
run_all() { # name of the run, file for the decisions
	local id how client helo sender author signs reply word
	while read -r id how client helo sender author signs; do
		write_message "$id" "$author" "$signs" "$1"
		reply=$(send_message "$how" "$client" "$helo" "$sender")
		word=$(chain_word "$reply")
		[ $word = accepted ] || echo "$1 $id: $reply" >>"$LAB/log/replies"
		echo "$id $word"
	done < <(messages) >"$LAB/$1.words"
	while read -r id word; do
		[ "$word" = accepted ] && word="$word, $(signed_by "$id" "$1")"
		echo "$id $word"
	done <"$LAB/$1.words" >"$2"
}

signed_by() { # id, run
	local file
	file=$(lab_mail "m$1-$2") || { echo "lost"; return; }
	chain_signers "$file"
}

# ---- a site: its three files, before and after ----
compare() { # site, exit status of migrate; with the file of policyd-spf in old/, or without
	local site=$1 files=("--opendkim=$LAB/old/opendkim.conf" "--opendmarc=$LAB/old/opendmarc.conf") policy=
	if [ -f "$LAB/old/policyd-spf.conf" ]; then
		files+=("--policyd-spf=$LAB/old/policyd-spf.conf")
		policy=unix:private/policyd-spf
	fi
	chain_start || { fail "$site: the original starts"; cat "$LAB"/log/open* | sed 's/^/# /'; return; }
	chain_ask "$CHAIN_MILTERS" "$policy"
	run_all "$site-old" "$LAB/old.decisions"
	chain_stop
	rm -rf "$LAB/keys" "$LAB/etc/conf.d/40-migrated.conf"
	lab_conf
	lab_cs migrate "${files[@]}" -o "$LAB/etc/conf.d/40-migrated.conf" 2>"$LAB/log/migrate"
	is "$site: migrate says whether something is left out" $? "$2"
	lab_cs key import --from-opendkim "$LAB/old/opendkim.conf" >"$LAB/log/import" 2>&1
	chown -R "$LAB_USER" "$LAB/keys"
	ok "$site: the settings are valid" lab_cs config check
	lab_daemon || { fail "$site: countersignd starts"; return; }
	chain_ask "{ unix:$LAB/run/milter.sock, default_action=tempfail }"
	run_all "$site-new" "$LAB/new.decisions"
	lab_daemon_stop
	chain_judge "$site" 40 "$LAB/old.decisions" "$LAB/new.decisions" "$LISTED"
}

lab_begin || { echo "Bail out! no lab"; exit 99; }
mkdir "$LAB/old"
records=$(lab_key reject.example sel)
for k in com org net; do
	openssl genrsa -out "$LAB/old/$k.private" 2048 2>/dev/null
	chmod 600 "$LAB/old/$k.private"
done
mapfile -t lines < <(zone "$records")
lab_zone "${lines[@]}" || { echo "Bail out! no DNS"; exit 99; }
lab_conf
lab_postfix 'mynetworks = 127.0.0.0/8, 192.0.2.0/24' 'default_process_limit = 20' || { echo "Bail out! no Postfix"; exit 99; }
read -r logins service < <(lab_ports 2)
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$logins inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	127.0.0.1:$service inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	  -o milter_macro_daemon_name=ORIGINATING
	policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf $LAB/old/policyd-spf.conf
M
opendkim_conf

opendmarc_conf 'RejectFailures true'
compare dmarc 0

opendmarc_conf 'RejectFailures false'
cat >"$LAB/old/policyd-spf.conf" <<-C
	debugLevel = 1
	TestOnly = 1
	HELO_reject = Fail
	Mail_From_reject = Fail
	PermError_reject = False
	TempError_Defer = False
	skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
C
compare spf 2
done_testing
