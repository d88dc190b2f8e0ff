#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job behind a real Postfix: judge, decide, sign, record; and keep doing it through reloads, crashes,
# restarts, dead DNS and unreasonable messages.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix's master"
need postfix nsd swaks smtp-sink sqlite3 openssl
clear_of_midnight 60

CHECK="$COUNTERSIGN_SRC/contrib/dkim-check"
SIGN="$COUNTERSIGN_BUILD/t/bin/signmsg"

message() { # from to subject [extra header lines]
	printf 'From: %s\nTo: %s\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@test>\n' \
		"$1" "$2" "$3" "$3"
	[ $# -lt 4 ] || printf '%s\n' "${@:4}"
	printf '\nhello from %s\n' "$3"
}

sign() { # a foreign domain's signature
	"$SIGN" "$LAB/foreign/sender.test.sel1.key" sender.test sel1
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

GOOD=(198.51.100.25 mail.sender.test bob@sender.test alice@example.com)
BAD=(203.0.113.66 evil.test x@evil.test alice@example.com)

lab_begin || exit 99
foreign=$(lab_key sender.test sel1)
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ "127.0.0.0/8" ];'
lab_cs -q key gen example.com --selector s1 --type rsa2048 --active --format zone >"$LAB/own.zone" ||
	{ echo "Bail out! key gen failed"; exit 99; }
lab_cs -q key gen example.com --selector e1 --type ed25519 --active --format zone >>"$LAB/own.zone"
chown -R "$LAB_USER" "$LAB/keys"
lab_zone 'sender.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"' \
	'mail.sender.test. IN A 198.51.100.25' '25.100.51.198.in-addr.arpa. IN PTR mail.sender.test.' \
	'_dmarc.sender.test. IN TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"' \
	'evil.test. IN A 203.0.113.66' '66.113.0.203.in-addr.arpa. IN PTR evil.test.' \
	'quiet.test. IN TXT "v=spf1 -all"' "$foreign" "$(cat "$LAB/own.zone")" || exit 99
lab_postfix smtpd_sasl_auth_enable=yes \
	"smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination" || exit 99
lab_daemon || exit 99

# ---- inbound ----
message 'Bob <bob@sender.test>' alice@example.com pass1 | sign >"$LAB/m"
like "a genuine message is accepted" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^250 '
ar=$(results pass1)
like "its field names us" "$ar" '^Authentication-Results: mx\.example\.com;'
like "iprev" "$ar" 'iprev=pass .*policy\.iprev=198\.51\.100\.25'
like "spf" "$ar" 'spf=pass .*smtp\.mailfrom=("?)(bob@)?sender\.test'
like "dkim with domain, selector, algorithm and a part of the signature" "$ar" \
	'dkim=pass .*header\.d=sender\.test .*header\.s=sel1 .*header\.a=rsa-sha256 .*header\.b='
like "dmarc" "$ar" 'dmarc=pass .*header\.from=sender\.test'
like "our field is the first of the message but for the MTA's trace" \
	"$(grep -nE '^(Authentication-Results|Received|DKIM-Signature):' "$(lab_mail pass1)" | head -1)" 'Authentication-Results'
like "one line is logged, with queue id and origin" "$(grep -E 'dmarc=pass' "$LAB/log/countersignd.log" | tail -1)" \
	'[0-9A-F]{6,}: origin=inbound ip=198\.51\.100\.25 .*spf=pass .*dkim=pass/sender\.test/sel1.* dmarc=pass policy=reject .*action=accept'

# ---- a spoof under each mode ----
message 'Bob <bob@sender.test>' alice@example.com spoof-rfc >"$LAB/m"
like "rfc: a spoof is not refused for p=reject alone" "$(lab_send "${BAD[@]}" "$LAB/m")" '^250 '
like "rfc: but marked for the mailbox" "$(lab_field "$(lab_mail spoof-rfc)" X-Countersign-Quarantine)" 'yes'
like "rfc: dmarc=fail" "$(results spoof-rfc)" 'dmarc=fail'

settings 'authserv_id = "mx.example.com";' 'dmarc: { enforce = "strict"; };'
message 'Bob <bob@sender.test>' alice@example.com spoof-strict >"$LAB/m"
like "strict: refused by the domain's policy" "$(lab_send "${BAD[@]}" "$LAB/m")" '^550 5\.7\.1 .*sender\.test'

settings 'authserv_id = "mx.example.com";' 'dmarc: { enforce = "observe"; };'
message 'Bob <bob@sender.test>' alice@example.com spoof-observe >"$LAB/m"
like "observe: accepted" "$(lab_send "${BAD[@]}" "$LAB/m")" '^250 '
is "observe: no mark" "$(lab_field "$(lab_mail spoof-observe)" X-Countersign-Quarantine)" ""
like "observe: but dmarc=fail is there" "$(results spoof-observe)" 'dmarc=fail'

settings 'authserv_id = "mx.example.com";' 'dmarc: { enforce = "rfc"; quarantine = "hold"; };'
message 'Bob <bob@sender.test>' alice@example.com spoof-hold >"$LAB/m"
like "hold: accepted" "$(lab_send "${BAD[@]}" "$LAB/m")" '^250 '
ok "hold: it is in the hold queue" eventually bash -c "ls '$LAB'/spool/hold | grep -q ."
postsuper -c "$LAB/etc" -d ALL hold >/dev/null 2>&1

settings 'authserv_id = "mx.example.com";' \
	'dmarc: { enforce = "rfc"; actions = ( { domain = "sender.test"; policy = "any"; action = "reject"; } ); };'
message 'Bob <bob@sender.test>' alice@example.com spoof-matrix >"$LAB/m"
like "the action matrix refuses for one domain" "$(lab_send "${BAD[@]}" "$LAB/m")" '^550 5\.7\.1'
settings 'authserv_id = "mx.example.com";'

# ---- bad From ----
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
message 'Bob <bob@sender.test>' alice@example.com folded "X-Folded: one" " two" "	three" "X-Blank:   spaces" | sign >"$LAB/m"
lab_send "${GOOD[@]}" "$LAB/m" >/dev/null
like "folded fields and leading blanks verify" "$(results folded)" 'dkim=pass'
message 'Bob <bob@sender.test>' alice@example.com long "X-Long: $(head -c 100000 /dev/zero | tr '\0' x | fold -w 900 | sed '2,$s/^/ /')" >"$LAB/m"
like "a header field of 100 kB is accepted" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^250 '
like "and judged" "$(results long)" 'spf=pass'
{ message 'Bob <bob@sender.test>' alice@example.com big; head -c 22000000 /dev/urandom | base64; } | sign >"$LAB/m"
like "a body of 30 MB is accepted" "$(lab_send "${GOOD[@]}" "$LAB/m" --timeout 60)" '^250 '
like "and verified" "$(results big)" 'dkim=pass'

# ---- outbound ----
message 'Alice <alice@example.com>' bob@sender.test out1 >"$LAB/m"
like "a submission is accepted" "$(lab_submit alice@example.com bob@sender.test "$LAB/m")" '^250 '
left=$(lab_left out1)
is "it carries both signatures" "$(grep -c '^DKIM-Signature:' "$left")" 2
if /usr/bin/python3 -c 'import dkim, dns.resolver' 2>/dev/null; then
	like "the RSA signature verifies elsewhere" "$("$CHECK" 127.0.0.1 "$LAB_DNS" <"$left")" 'pass d=example.com s=s1 a=rsa-sha256'
else
	skip "the RSA signature verifies elsewhere" "python3-dkim or python3-dnspython is not installed"
fi
is "it has no Authentication-Results" "$(lab_field "$left" Authentication-Results)" ""
like "the log says with which keys" "$(grep 'origin=submission' "$LAB/log/countersignd.log" | tail -1)" 'sign=example\.com/e1/ed25519-sha256,example\.com/s1/rsa-sha256'
message 'Mallory <alice@example.com>' bob@sender.test out2 >"$LAB/m"
lab_submit m@other.example bob@sender.test "$LAB/m" >/dev/null
is "another envelope domain gets no signature" "$(grep -c '^DKIM-Signature:' "$(lab_left out2)")" 0
like "and the log says why" "$(grep 'origin=submission' "$LAB/log/countersignd.log" | tail -1)" 'sign=no reason="MAIL FROM <m@other\.example> does not match example\.com"'
message 'Alice <alice@example.com>' bob@sender.test auth1 >"$LAB/m"
like "a client that logged in may submit from anywhere" "$(lab_send 203.0.113.66 roaming.test alice@example.com bob@sender.test "$LAB/m" \
	--xclient-login alice@example.com)" '^250 '
is "and is signed, not judged" "$(grep -cE '^(DKIM-Signature|Authentication-Results):' "$(lab_left auth1)")" 2
like "the log names the login" "$(grep 'origin=auth' "$LAB/log/countersignd.log" | tail -1)" 'user=alice@example\.com .*sign=example\.com/'
message 'alice@example.com' bob@sender.test out3 | sendmail -C "$LAB/etc" -f alice@example.com bob@sender.test
is "the sendmail command's mail is signed (non_smtpd_milters)" "$(grep -c '^DKIM-Signature:' "$(lab_left out3)")" 2
message 'alice@other.example' bob@sender.test out4 | sendmail -C "$LAB/etc" -f alice@other.example bob@sender.test
is "a domain without a key is not" "$(grep -c '^DKIM-Signature:' "$(lab_left out4)")" 0

# ---- the ledger ----
total=$(counted sender.test)
ok "the day's report counts the domain's messages ($total)" test "${total:-0}" -ge 10

# ---- reload under traffic ----
settings 'authserv_id = "mx.example.com";' 'trusted_networks = [ ];'
before=$(counted sender.test)
"$COUNTERSIGN_SRC/t/tools/traffic.pl" "$LAB_SMTP" 300 6 bob@sender.test alice@example.com 3 >"$LAB/traffic" &
traffic=$!
for _ in $(seq 12); do sleep 0.25; kill -HUP "$LAB_DAEMON_PID"; done
wait $traffic
is "12 reloads under traffic: no message is lost" "$(cat "$LAB/traffic")" "accepted 300 deferred 0 refused 0 lost 0"
eventually counts 300
is "and each is counted" "$after" 300
lab_conf 'dmarc: { enforec = "strict"; };'
: >"$LAB/log/countersignd.log"
kill -HUP "$LAB_DAEMON_PID"
ok "a reload with a mistake is refused, by line and nearest name" eventually grep -qE '50-lab\.conf:1: .*enforec.*dmarc\.enforce' "$LAB/log/countersignd.log"
message 'Bob <bob@sender.test>' alice@example.com afterbad >"$LAB/m"
like "and the old settings go on" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^250 '
lab_conf 'authserv_id = "mx.example.com";' 'trusted_networks = [ ];'

# ---- kill -9 under traffic ----
before=$(counted sender.test)
"$COUNTERSIGN_SRC/t/tools/traffic.pl" "$LAB_SMTP" 300 6 bob@sender.test alice@example.com 4 >"$LAB/traffic" &
traffic=$!
for _ in $(seq 8); do
	sleep 0.4
	worker=$(pgrep -P "$LAB_DAEMON_PID" | tail -1)
	[ -n "$worker" ] && kill -9 "$worker"
done
wait $traffic
accepted=$(awk '{ print $2 }' "$LAB/traffic")
eventually counts "$accepted" # what a worker has just answered is in its journal first
ok "8 workers killed under traffic: most messages are accepted ($(cat "$LAB/traffic"))" test "$accepted" -ge 200
ok "every accepted message is counted ($accepted accepted, $after counted)" test "$after" -ge "$accepted"
is "none is lost or refused" "$(awk '{ print $6, $8 }' "$LAB/traffic")" "0 0"

# ---- restart ----
lab_daemon_stop
is "a stop ends with exit code 0" $? 0
ok "and takes the socket away" test ! -e "$LAB/run/milter.sock"
message 'Bob <bob@sender.test>' alice@example.com down >"$LAB/m"
like "without the daemon Postfix defers" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^4'
lab_daemon
like "after a start mail flows again" "$(lab_send "${GOOD[@]}" "$LAB/m")" '^250 '

# ---- DNS that never answers ----
lab_daemon_stop
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1"); $| = 1; print $s->sockport, "\n"; sleep 120' >"$LAB/silent" &
LAB_PIDS+=($!)
eventually test -s "$LAB/silent"
lab_conf 'authserv_id = "mx.example.com";' "dns: { servers = [ \"127.0.0.1@$(cat "$LAB/silent")\" ]; timeout = \"2s\"; };"
lab_daemon
message 'Bob <bob@sender.test>' alice@example.com nodns >"$LAB/m"
start=$(date +%s%N)
reply=$(lab_send "${GOOD[@]}" "$LAB/m")
took=$((($(date +%s%N) - start) / 1000000))
ok "DNS that never answers: the reply comes within the deadline ($took ms)" test "$took" -lt 7000
like "temporary failures are not facts: accepted or deferred, not refused" "$reply" '^(250|451)'

done_testing
