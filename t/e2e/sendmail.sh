#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job behind a real Sendmail, which is not installed: Debian's packages are unpacked beside (or taken from the
# directory LAB_SENDMAIL, as lab_sendmail_get fills it).
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Sendmail's mailers and namespaces of its own"
need nsd swaks smtp-sink openssl m4 ip unshare
clear_of_midnight 60
if [ -z "${LAB_ALONE:-}" ]; then
	lab_alone_possible || skip_all "network, mount and process namespaces of its own are not permitted here"
	need apt-get dpkg-deb
	unpacked=$(mktemp -d "${TMPDIR:-/tmp}/countersign-sendmail.XXXXXX") || exit 99
	trap 'rm -rf "$unpacked"' EXIT
	trap 'exit 130' INT TERM
	if [ -z "${LAB_SENDMAIL:-}" ]; then
		export LAB_SENDMAIL=$unpacked
		lab_sendmail_get "$unpacked" || skip_all "the packages sendmail-bin and sendmail-cf cannot be had: $(grep -m1 '^E:' "$unpacked/log")"
	fi
	(lab_alone "$0" "$@")
	exit
fi

CHECK="$COUNTERSIGN_SRC/contrib/dkim-check"
SIGN="$COUNTERSIGN_BUILD/t/bin/signmsg"
GOOD=(198.51.100.25 mail.sender.test bob@sender.test alice@example.com)
BAD=(203.0.113.66 evil.test x@evil.test alice@example.com)

message() { # from to subject [extra header lines]
	printf 'From: %s\nTo: %s\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@test>\n' \
		"$1" "$2" "$3" "$3"
	[ $# -lt 4 ] || printf '%s\n' "${@:4}"
	printf '\nhello from %s\n' "$3"
}

sign() { # a foreign domain's signature; canonicalization
	"$SIGN" -c "${1:-relaxed/relaxed}" "$LAB/foreign/sender.test.sel1.key" sender.test sel1
}

results() { # the Authentication-Results fields of a delivered message
	lab_field "$(lab_mail "$1")" Authentication-Results
}

counted() { # messages in the ledger for a domain
	lab_cs --json report show "$1" --day "$(date -u +%F)" 2>/dev/null |
		tr -d ' \n' | grep -oE '"messages":[0-9]+' | head -1 | cut -d: -f2
}
counts() { # how many more than $before: sets $after
	after=$(($(counted sender.test) - before))
	[ "$after" -ge "$1" ]
}

settings() { # new settings by reload
	lab_conf "$@"
	lab_reload
}

last_line() { # of our log, for an origin
	grep "origin=$1" "$LAB/log/countersignd.log" | tail -1
}

id_of() { # the queue id in Sendmail's answer
	sed -nE 's/^250 2\.0\.0 ([^ ]+) Message accepted.*/\1/p' <<<"$1"
}

verified() { # what another program says about the signatures of a message that left
	"$CHECK" 127.0.0.1 "$LAB_DNS" <"$1" 2>&1
}
verifies() { # name, message, pattern
	if /usr/bin/python3 -c 'import dkim, dns.resolver' 2>/dev/null; then
		like "$1" "$(verified "$2")" "$3"
	else
		skip "$1" "python3-dkim or python3-dnspython is not installed"
	fi
}

lab_begin || { echo "Bail out! no lab"; exit 99; }
foreign=$(lab_key sender.test sel1)
lab_conf 'trusted_networks = [ ];'
lab_cs -q key gen example.com --selector s1 --type rsa2048 --active --format zone >"$LAB/own.zone" ||
	{ echo "Bail out! key gen failed"; exit 99; }
chown -R "$LAB_USER" "$LAB/keys"
lab_zone 'sender.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"' \
	'mail.sender.test. IN A 198.51.100.25' '25.100.51.198.in-addr.arpa. IN PTR mail.sender.test.' \
	'_dmarc.sender.test. IN TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"' \
	'evil.test. IN A 203.0.113.66' '66.113.0.203.in-addr.arpa. IN PTR evil.test.' \
	'mx.example.com. IN A 127.0.0.1' '1.0.0.127.in-addr.arpa. IN PTR localhost.' 'localhost. IN A 127.0.0.1' \
	"$foreign" "$(cat "$LAB/own.zone")" || { echo "Bail out! no DNS"; exit 99; }
lab_daemon || { echo "Bail out! no countersignd"; exit 99; }
lab_sendmail 'define(`confMAX_HEADERS_LENGTH'\'', `400000'\'')dnl' || { echo "Bail out! no Sendmail"; exit 99; }

# ---- inbound ----
message 'Bob <bob@sender.test>' alice@example.com pass1 | sign >"$LAB/m"
reply=$(lab_send "${GOOD[@]}" "$LAB/m")
like "a genuine message is accepted" "$reply" '^250 '
ar=$(results pass1)
like "its field names us as Sendmail does (\$j)" "$ar" '^Authentication-Results: mx\.example\.com;'
like "iprev" "$ar" 'iprev=pass .*policy\.iprev=198\.51\.100\.25'
like "spf" "$ar" 'spf=pass .*smtp\.mailfrom=("?)(bob@)?sender\.test'
like "dkim" "$ar" 'dkim=pass .*header\.d=sender\.test .*header\.s=sel1 .*header\.a=rsa-sha256 .*header\.b='
like "dmarc" "$ar" 'dmarc=pass .*header\.from=sender\.test'
like "our field is the first of the message" \
	"$(grep -nE '^(Authentication-Results|Received|DKIM-Signature):' "$(lab_mail pass1)" | head -1)" 'Authentication-Results'
like "one line is logged, with Sendmail's queue id" "$(last_line inbound)" \
	"$(id_of "$reply"): origin=inbound ip=198\.51\.100\.25 .*spf=pass .*dkim=pass/sender\.test/sel1.* dmarc=pass policy=reject .*action=accept"

# ---- a spoof under each mode ----
message 'Bob <bob@sender.test>' alice@example.com spoof-rfc >"$LAB/m"
like "rfc: a spoof is not refused for p=reject alone" "$(lab_send "${BAD[@]}" "$LAB/m")" '^250 '
like "rfc: but marked for the mailbox" "$(lab_field "$(lab_mail spoof-rfc)" X-Countersign-Quarantine)" 'yes'
like "rfc: dmarc=fail" "$(results spoof-rfc)" 'dmarc=fail'

settings 'dmarc: { enforce = "strict"; };'
message 'Bob <bob@sender.test>' alice@example.com spoof-strict >"$LAB/m"
like "strict: refused by the domain's policy" "$(lab_send "${BAD[@]}" "$LAB/m")" '^550 5\.7\.1 .*sender\.test'

settings 'dmarc: { enforce = "observe"; };'
message 'Bob <bob@sender.test>' alice@example.com spoof-observe >"$LAB/m"
like "observe: accepted" "$(lab_send "${BAD[@]}" "$LAB/m")" '^250 '
is "observe: no mark" "$(lab_field "$(lab_mail spoof-observe)" X-Countersign-Quarantine)" ""
like "observe: but dmarc=fail is there" "$(results spoof-observe)" 'dmarc=fail'

settings 'dmarc: { quarantine = "hold"; };'
message 'Bob <bob@sender.test>' alice@example.com spoof-hold >"$LAB/m"
reply=$(lab_send "${BAD[@]}" "$LAB/m")
like "hold: accepted" "$reply" '^250 '
held=$LAB/sm/mqueue/hf$(id_of "$reply")
ok "hold: it is quarantined in Sendmail's queue" eventually test -f "$held"
like "hold: with the reason" "$(grep '^q' "$held")" 'p=reject'
like "hold: mailq shows it" "$(lab_sm mailq -C "$LAB/sm/sendmail.cf" -qQ 2>&1)" 'QUARANTINE: .*p=reject'
lab_sm sendmail -C "$LAB/sm/sendmail.cf" -Q -qQ -qI"$(id_of "$reply")" >"$LAB/log/release" 2>&1
ok "hold: sendmail -Q -qQ -qIID lets it go" test ! -f "$held" -a -f "${held%/*}/qf$(id_of "$reply")"
settings ''

# ---- replies ----
message 'Bob <bob@sender.test>' alice@example.com twofrom 'From: eve@evil.test' >"$LAB/m"
like "two From fields are refused" "$(lab_send "${BAD[@]}" "$LAB/m")" '^550 5\.7\.1'

# ---- forged fields ----
message 'Bob <bob@sender.test>' alice@example.com forged 'Authentication-Results: mx.example.com; dmarc=pass header.from=sender.test' \
	'Authentication-Results: other.example; spf=pass smtp.mailfrom=a.example' \
	'Authentication-Results: (c) MX.Example.COM 1; spf=pass smtp.mailfrom=a.example' \
	'Authentication-Results: "mx.example.com" ; none' 'Authentication-Results: ;;broken' >"$LAB/m"
lab_send "${BAD[@]}" "$LAB/m" >/dev/null
ar=$(results forged)
is "of five forged or foreign fields only the foreign one is left, below ours" "$(echo "$ar" | wc -l)" 2
like "ours is the first" "$(echo "$ar" | head -1)" 'dmarc=fail'
like "the foreign one is kept" "$(echo "$ar" | tail -1)" 'other\.example'

# ---- unreasonable but legal ----
for c in simple/simple relaxed/simple; do
	message 'Bob <bob@sender.test>' alice@example.com "folded-${c%/*}" "X-Folded: one" " two" "	three" "X-Blank:   spaces" "X-Tab:	tab" \
		"X-None:none" "X-Trailing: blank " "X-Empty:" | sign "$c" >"$LAB/m"
	lab_send "${GOOD[@]}" "$LAB/m" >/dev/null
	like "folded fields and odd blanks verify ($c)" "$(results "folded-${c%/*}")" 'dkim=pass'
done
message 'Bob <bob@sender.test>' alice@example.com long "X-Long: $(head -c 50000 /dev/zero | tr '\0' x | fold -w 900 | sed '2,$s/^/ /')" \
	"X-Longer: $(head -c 50000 /dev/zero | tr '\0' x | fold -w 900 | sed '2,$s/^/ /')" | sign simple/simple >"$LAB/m"
like "a header of 100 kB is accepted" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^250 '
like "and verified" "$(results long)" 'dkim=pass'
message 'Bob <bob@sender.test>' alice@example.com longest "X-Long: $(head -c 100000 /dev/zero | tr '\0' x | fold -w 900 | sed '2,$s/^/ /')" | sign simple/simple >"$LAB/m"
like "one field of 100 kB is more than Sendmail can hand to a filter: deferred" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^451 '
{ message 'Bob <bob@sender.test>' alice@example.com big; head -c 22000000 /dev/urandom | base64; } | sign >"$LAB/m"
like "a body of 30 MB is accepted" "$(lab_send "${GOOD[@]}" "$LAB/m" --timeout 60)" '^250 '
like "and verified" "$(results big)" 'dkim=pass'

# ---- two messages on a connection ----
talk=$({
	printf '%s\n' "EHLO mail.sender.test" "MAIL FROM:<bob@sender.test>" "RCPT TO:<alice@example.com>" DATA
	message 'Bob <bob@sender.test>' alice@example.com first
	printf '%s\n' . "MAIL FROM:<bob@sender.test>" RSET "MAIL FROM:<x@evil.test>" "RCPT TO:<alice@example.com>" DATA
	message 'Eve <x@evil.test>' alice@example.com second
	printf '%s\n' . QUIT
} | lab_talk 198.51.100.25 "$LAB_SMTP")
is "two messages on a connection are accepted" "$(grep -c 'Message accepted' <<<"$talk")" 2
like "the first is judged" "$(results first)" 'spf=pass .*dmarc=pass'
like "and the second for itself" "$(results second)" 'spf=none .*smtp\.mailfrom=evil\.test.* dmarc=none'
is "each has its own queue id in the log" \
	"$(tail -2 "$LAB/log/countersignd.log" | grep -cFf <(sed -nE 's/^250 2\.0\.0 ([^ ]+) Message accepted.*/\1:/p' <<<"$talk"))" 2

# ---- outbound ----
message 'Alice <alice@example.com>' bob@sender.test out1 >"$LAB/m"
reply=$(lab_submit alice@example.com bob@sender.test "$LAB/m")
like "a submission (daemon name MSP-v4) is accepted" "$reply" '^250 '
left=$(lab_left out1)
is "it is signed" "$(grep -c '^DKIM-Signature:' "$left")" 1
is "it has no Authentication-Results" "$(lab_field "$left" Authentication-Results)" ""
verifies "the signature verifies elsewhere" "$left" '^pass d=example.com s=s1 a=rsa-sha256'
like "the log has Sendmail's queue id and the key" "$(last_line submission)" "$(id_of "$reply"): .*sign=example\.com/s1/rsa-sha256"
message 'Mallory <alice@example.com>' bob@sender.test out2 >"$LAB/m"
lab_submit m@other.example bob@sender.test "$LAB/m" >/dev/null
is "another envelope domain gets no signature" "$(grep -c '^DKIM-Signature:' "$(lab_left out2)")" 0
printf 'From: alice@example.com\nTo: bob@sender.test\nSubject: nodate\n\nhello\n' >"$LAB/m"
lab_submit alice@example.com bob@sender.test "$LAB/m" >/dev/null
left=$(lab_left nodate)
like "Sendmail adds a missing Date after the filter" "$(lab_field "$left" Date)" '20'
verifies "which does not break the signature" "$left" '^pass d=example.com'

settings 'sign: { canonicalization = "simple/simple"; };'
message '"Alice A." <alice@example.com>' 'Bob <bob@sender.test>, "C. D." <c@sender.test>' blanks 'Cc: c@sender.test (C)' 'Reply-To:   alice@example.com' \
	'MIME-Version:1.0' 'Content-Type: text/plain;' '  charset=utf-8' >"$LAB/m"
lab_submit alice@example.com bob@sender.test "$LAB/m" >/dev/null
verifies "simple: folds and odd blanks are signed as they are" "$(lab_left blanks)" '^pass d=example.com'
settings ''
lists=0
for to in "bob@sender.test,$(printf '\n\t')\"C. D.\" <c@sender.test>" "$(printf '"%s" <bob@sender.test>, ' {a..z}{a..c})c@sender.test"; do
	lists=$((lists + 1))
	message alice@example.com "$to" "list$lists" >"$LAB/m"
	lab_submit alice@example.com bob@sender.test "$LAB/m" >/dev/null
	verifies "relaxed: an address list that Sendmail refolds verifies ($lists)" \
		"$(lab_left "list$lists")" '^pass d=example.com'
done

# ---- macros: asked for by us, whatever Sendmail's settings give to filters; logins ----
mkdir -p "$LAB/sasl"
printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' "sasldb_path: $LAB/sasl/db" 'mech_list: PLAIN' >"$LAB/sasl/Sendmail.conf"
perl -MDB_File -MFcntl -e 'tie my %h, "DB_File", shift, O_RDWR|O_CREAT, 0600, $DB_HASH or die; $h{"alice\0example.com\0userPassword"} = "secret"' \
	"$LAB/sasl/db" 2>/dev/null
lab_sendmail_stop
lab_sendmail 'define(`confMILTER_MACROS_CONNECT'\'', `_'\'')dnl' 'define(`confMILTER_MACROS_ENVFROM'\'', `{mail_addr}'\'')dnl' \
	'define(`confMILTER_MACROS_EOM'\'', `{msg_id}'\'')dnl' 'define(`confAUTH_MECHANISMS'\'', `PLAIN'\'')dnl' 'TRUST_AUTH_MECH(`PLAIN'\'')dnl' \
	LOCAL_CONFIG "ESASL_CONF_PATH=$LAB/sasl" || { echo "Bail out! no second Sendmail"; exit 99; }
message 'Bob <bob@sender.test>' alice@example.com macros >"$LAB/m"
reply=$(lab_send "${GOOD[@]}" "$LAB/m")
like "j is there though Sendmail's settings do not give it" "$(results macros)" '^Authentication-Results: mx\.example\.com;'
like "and i" "$(last_line inbound)" "$(id_of "$reply"): "
message 'Alice <alice@example.com>' bob@sender.test out5 >"$LAB/m"
lab_submit alice@example.com bob@sender.test "$LAB/m" >/dev/null
is "and {daemon_name}" "$(grep -c '^DKIM-Signature:' "$(lab_left out5)")" 1
message 'Alice <alice@example.com>' bob@sender.test auth1 >"$LAB/m"
reply=$(lab_send 203.0.113.66 roaming.test alice@example.com bob@sender.test "$LAB/m" --auth PLAIN --auth-user alice@example.com --auth-password secret)
if grep -q '^<-  235 ' "$LAB/log/swaks"; then
	like "a client that logged in may submit from anywhere" "$reply" '^250 '
	is "and is signed, not judged" "$(grep -cE '^(DKIM-Signature|Authentication-Results):' "$(lab_left auth1)")" 1
	like "the log names the login" "$(last_line auth)" 'user=alice@example\.com .*sign=example\.com/'
else
	skip "logins" "this Sendmail offers none: $(grep -m1 AUTH "$LAB/log/swaks")"
fi

# ---- reload and kill -9 under traffic ----
traffic() { # seconds
	"$COUNTERSIGN_SRC/t/tools/traffic.pl" "$LAB_SMTP" 100 4 bob@sender.test alice@example.com "$1" 198.51.100.25 >"$LAB/traffic" &
	traffic=$!
}
before=$(counted sender.test)
traffic 2
for _ in $(seq 8); do sleep 0.25; kill -HUP "$LAB_DAEMON_PID"; done
wait $traffic
is "8 reloads under traffic: no message is lost" "$(cat "$LAB/traffic")" "accepted 100 deferred 0 refused 0 lost 0"
eventually counts 100
is "and each is counted" "$after" 100
before=$(counted sender.test)
traffic 3
for _ in $(seq 5); do
	sleep 0.5
	worker=$(pgrep -P "$LAB_DAEMON_PID" | tail -1)
	[ -n "$worker" ] && kill -9 "$worker"
done
wait $traffic
accepted=$(awk '{ print $2 }' "$LAB/traffic")
eventually counts "$accepted" # what a worker has just answered is in its journal first
ok "5 workers killed under traffic: most messages are accepted ($(cat "$LAB/traffic"))" test "$accepted" -ge 60
ok "every accepted message is counted ($accepted accepted, $after counted)" test "$after" -ge "$accepted"
is "none is lost or refused" "$(awk '{ print $6, $8 }' "$LAB/traffic")" "0 0"

# ---- without the daemon ----
lab_daemon_stop
message 'Bob <bob@sender.test>' alice@example.com down >"$LAB/m"
like "without the daemon Sendmail defers (F=T)" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^451 '
lab_daemon
like "after a start mail flows again" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^250 '

done_testing
