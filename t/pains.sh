#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Ten things that administrators of mail authentication complain about, each made to happen on a machine with a chrooted
# Postfix, and met. The machine is set up as the README says, in four steps.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare postfix swaks smtp-sink perl openssl
clear_of_midnight 60
machine "$0"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
export LC_ALL=C
work=$(mktemp -d)
chmod 755 "$work"
spool=/var/spool/postfix/countersign
main=/etc/postfix/main.cf
etc=$("$cs" config explain sign.keys | grep -oE '"/[^"]*/keys"' | head -1 | tr -d '"')
etc=${etc%/keys}
db=$("$cs" config explain store.url | grep -oE 'sqlite:/[^"]*' | head -1)
db=${db#sqlite:}
rm -rf "$etc" "$(dirname "$db")"

# ---- a machine: its DNS, a sink behind its Postfix, clients of other addresses ----
ip addr add 198.51.100.25/32 dev lo
ip addr add 203.0.113.66/32 dev lo
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/bank.key" 2>/dev/null
bank="v=DKIM1; k=rsa; p=$(openssl pkey -in "$work/bank.key" -pubout -outform DER | base64 -w0)"
zone() { # more lines
	{
		printf '%s\n' 'bank.test 0 TXT "v=spf1 ip4:198.51.100.25 -all"' '_dmarc.bank.test 0 TXT "v=DMARC1; p=reject; rua=mailto:d@bank.test"' \
			"s._domainkey.bank.test 0 TXT \"${bank:0:200}\" \"${bank:200}\"" \
			'example.com 0 TXT "v=spf1 -all"' '_dmarc.example.com 0 TXT "v=DMARC1; p=reject"' "$@" "stamp.test 0 TXT \"$((++stamp))\""
		for domain in ${published:-}; do
			"$cs" key show "$domain" --format line | while read -r name value; do echo "$name 0 TXT \"${value:0:200}\" \"${value:200}\""; done
		done
	} >"$work/zone"
	[ -z "${dns:-}" ] || kill -HUP "$dns"
	for _ in $(seq 100); do
		[ -z "${dns:-}" ] && return
		"$COUNTERSIGN_BUILD/t/bin/dnsq" 127.0.0.1 stamp.test/TXT 2>/dev/null | grep -qw "$stamp" && return
		sleep 0.05
	done
}
zone
"$COUNTERSIGN_BUILD/t/bin/dnsd" --negative-ttl 0 --port 53 --port-file "$work/port" --servfail '_dmarc.dead.test' --servfail dead.test \
	"$work/zone" >"$work/dnsd" 2>&1 &
dns=$!
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
machine_postfix 'relayhost = [127.0.0.1]:10025' 'mydestination =' 'relay_domains = example.com' 'relay_recipient_maps =' \
	'smtp_dns_support_level = disabled' 'mynetworks = 127.0.0.0/8' 'smtpd_authorized_xclient_hosts = 127.0.0.1' \
	'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination' 'smtpd_sasl_auth_enable = yes' \
	'smtpd_peername_lookup = no'
sed -i 's/^  -o syslog_name=.*/&\n  -o mynetworks=127.0.0.0\/8,203.0.113.0\/24/' /etc/postfix/master.cf
mkdir "$work/sink"
chown postfix "$work/sink"
smtp-sink -u postfix -d "$work/sink/m." 127.0.0.1:10025 100 >/dev/null 2>&1 &

daemon_start() { # a socket may be there that a killed one left
	local before
	before=$(grep -sc ' ready: ' "$work/log")
	"$COUNTERSIGN_BUILD/daemon/countersignd" -f -u countersign >>"$work/log" 2>&1 &
	daemon=$!
	eventually eval "[ \$(grep -c ' ready: ' '$work/log') -gt ${before:-0} ]"
}
daemon_stop() { kill "$daemon"; wait "$daemon" 2>/dev/null; }
reload() {
	local before
	before=$(grep -cE ': (reloaded:|reload refused)' "$work/log")
	kill -HUP "$daemon"
	eventually eval "[ \$(grep -cE ': (reloaded:|reload refused)' '$work/log') -gt $before ]"
}
settings() { # in a file beside what setup made
	mkdir -p "$etc/conf.d"
	printf '%s\n' "$@" >"$etc/conf.d/90-test.conf"
	reload
}
mainly() { printf '%s\n' "$@" >>$main; touch -d '1 minute ago' $main; postfix reload >/dev/null 2>&1; sleep 0.3; }
doctor() { "$cs" doctor "$@" >"$work/doctor" 2>&1; }

message() { # from, subject, more header lines
	printf 'From: %s\nTo: u@example.com\nSubject: %s\nDate: %s\nMessage-ID: <%s@x.test>\n' "$1" "$2" "$(date -R)" "$2"
	[ $# -lt 3 ] || printf '%s\n' "${@:3}"
	printf '\nhello\n'
}
send() { # port, client, MAIL FROM, file, options: the last reply
	swaks --server 127.0.0.1 --port "$1" --local-interface "$2" --helo client.test --from "$3" --to u@example.com --data "@$4" \
		--suppress-data "${@:5}" >"$work/swaks" 2>&1
	grep -E '^<(-|\*\*) ' "$work/swaks" | grep -vE ' (221|220|354) ' | tail -1 | sed -E 's/^<(-|\*\*) *//'
}
arrived() { # subject: the file
	eventually grep -rlE "^Subject: $1" "$work/sink"
	grep -rlE "^Subject: $1" "$work/sink" | head -1
}
field() { # file, name: unfolded, each on a line
	awk -v name="$(echo "$2" | tr A-Z a-z):" '/^\r?$/ { exit } { sub(/\r$/, "") } /^[ \t]/ { if (on) text = text $0; next }
		{ if (on) print text; on = index(tolower($0), name) == 1; text = $0 } END { if (on) print text }' "$1"
}
logged() { grep -E "$1" "$work/log" | tail -1; }
SPOOF=(25 203.0.113.66 eve@evil.test)
OWNER=(25 198.51.100.25 bob@bank.test)

# ---- pain 7: fourteen steps to the first report. Ours: install, setup, publish, reload ----
"$cs" setup --apply --force >"$work/setup" 2>&1                          # 2
is "7: setup ends well" $? 0
like "7: it prints the record to publish" "$(cat "$work/setup")" 'name +[a-z0-9]+\._domainkey\.example\.com'
mkdir -p "$etc/conf.d"
echo 'log: { target = "stderr"; };' >"$etc/conf.d/10-log.conf" # for this test to read
published=example.com zone                                                # 3
postfix start >/dev/null 2>&1
daemon_start                                                              # 4
eventually eval 'grep -q "the DNS shows its record, so it signs" "$work/log"'
like "7: the new key signs once its record was seen" "$(logged 'so it signs')" 'example\.com'
"$cs" -q key activate example.com 2>/dev/null
reload
eventually eval '</dev/tcp/127.0.0.1/25'
doctor
is "7: then the doctor finds no error" $? 0
ok "7: the ledger was made without a word" test -s "$db"
yesterday=$(date -u -d yesterday +%F)
"$COUNTERSIGN_BUILD/t/bin/ledgerfill" "$db" asked bank.test "$yesterday" 5 mailto:d@bank.test >/dev/null
chown countersign "$db"*
settings 'reports: { org = "Example"; from = "dmarc@example.com"; };'
like "7: a dry run says what would go to whom" "$("$cs" report send --dry-run 2>&1)" 'd@bank\.test'
is "7: and sends nothing" "$(grep -rl 'Report Domain' "$work/sink" | wc -l)" 0
like "7: a report goes out by SMTP, signed by this milter" "$("$cs" report send bank.test 2>&1)" 'sent +d@bank\.test +250'
file=$(arrived 'Report Domain: bank.test')
like "7: with our signature" "$(field "$file" DKIM-Signature)" 'd=example\.com'
is "7: once, however often it is asked for" "$("$cs" report send bank.test >/dev/null 2>&1; grep -rl 'Report Domain' "$work/sink" | wc -l)" 1
rm -f "$etc/conf.d/90-test.conf"
reload

# ---- pain 1: the socket cannot be reached ----
message 'x@example.org' p1 >"$work/m"
like "1: all is well: mail passes" "$(send "${SPOOF[@]}" "$work/m")" '^250'
cp -p $main "$work/main.cf"
mainly "smtpd_milters = { unix:$spool/milter.sock, default_action=tempfail }"
like "1: a path outside the chroot: mail is deferred" "$(send "${SPOOF[@]}" "$work/m")" '^4'
doctor --only=socket
like "1: the doctor says that it is the path" "$(cat "$work/doctor")" 'ERROR +wrong path: user postfix, in its chroot /var/spool/postfix,'
cp -p "$work/main.cf" $main
postfix reload >/dev/null 2>&1
chmod 2700 $spool
sleep 0.3
like "1: a directory without the group: deferred" "$(send "${SPOOF[@]}" "$work/m")" '^4'
doctor --only=socket
like "1: the doctor says that it is the mode, and of what" "$(cat "$work/doctor")" 'wrong group or mode: .*countersign, mode 2700, owner countersign'
like "1: and what to type" "$(cat "$work/doctor")" 'fix: countersign setup socket-dir'
"$cs" setup socket-dir >/dev/null
like "1: typed, mail passes" "$(send "${SPOOF[@]}" "$work/m")" '^250'
kill -9 "$daemon" $(pgrep -P "$daemon")
wait "$daemon" 2>/dev/null
like "1: nobody listens: deferred" "$(send "${SPOOF[@]}" "$work/m")" '^4'
doctor --only=socket
like "1: the doctor says that nobody does" "$(cat "$work/doctor")" 'nobody listens'

# ---- pain 9: the milter is down (it is) ----
message 'Bob <bob@bank.test>' p9 >"$work/m"
like "9: mail is deferred, not let through, not lost" "$(send "${OWNER[@]}" "$work/m")" '^451 4\.7\.1'
is "9: the wait is for this filter alone" "$(postconf -h milter_default_action smtpd_milters | tr '\n' ' ')" \
	"tempfail { unix:countersign/milter.sock, default_action=tempfail } "
daemon_start
like "9: when it is back the same mail passes" "$(send "${OWNER[@]}" "$work/m")" '^250'
for n in 1 2 3; do kill -HUP "$daemon"; send "${OWNER[@]}" "$work/m"; done >"$work/replies"
is "9: a reload never closes the socket" "$(grep -c '^250' "$work/replies")" 3
mainly "smtpd_milters = { unix:countersign/milter.sock, default_action=accept }"
doctor --only=mta
like "9: who copied default_action=accept is told" "$(cat "$work/doctor")" 'default_action=accept: while the daemon is down mail passes unjudged'
cp -p "$work/main.cf" $main
postfix reload >/dev/null 2>&1
sleep 0.3

# ---- pain 2: own users' mail taken for a stranger's ----
message 'Alice <alice@example.com>' p2a >"$work/m"
like "2: a user abroad, by submission" "$(send 587 203.0.113.66 alice@example.com "$work/m")" '^250'
file=$(arrived p2a)
is "2: is signed and not judged, though p=reject stands for strangers" "$(grep -cE '^(DKIM-Signature|Authentication-Results):' "$file")/$(field "$file" DKIM-Signature | grep -c 'd=example.com')" 1/1
like "2: the log says whose mail it is" "$(logged 'origin=submission')" 'hfrom=example\.com .*sign=example\.com/'
message 'Alice <alice@example.com>' p2b >"$work/m"
like "2: the same by login on port 25" "$(send 25 127.0.0.1 alice@example.com "$work/m" --xclient-addr 203.0.113.66 --xclient-name unknown --xclient-login alice@example.com)" '^250'
like "2: likewise" "$(logged 'origin=auth')" 'user=alice@example\.com .*sign=example\.com/'
message 'Alice <alice@example.com>' p2d >"$work/m"
send 25 127.0.0.1 alice@example.com "$work/m" --xclient-addr 203.0.113.66 --xclient-name unknown --xclient-login alice >/dev/null
like "2: a login without a domain is not judged, and the log says which settings bind it to one" "$(logged 'origin=auth')" \
	'user=alice .*sign=no reason="login alice has no domain.*\(sign\.logins, sign\.mta_checks_sender\)'
message 'Alice <alice@example.com>' p2c >"$work/m"
send "${SPOOF[@]}" "$work/m" >/dev/null
like "2: a stranger who says he is her is judged" "$(logged 'hfrom=example.com')" 'origin=inbound ip=203\.0\.113\.66 .*dmarc=fail policy=reject'
is "2: and not signed" "$(field "$(arrived p2c)" DKIM-Signature)" ""

# ---- pain 3: results handed over by header ----
message 'Bob <bob@bank.test>' p3 'Authentication-Results: mx.example.com; dmarc=pass header.from=bank.test' \
	'Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=bank.test' >"$work/m"
send "${SPOOF[@]}" "$work/m" >/dev/null
results=$(field "$(arrived p3)" Authentication-Results)
is "3: of two forged fields none is left, ours is the one" "$(wc -l <<<"$results")" 1
like "3: with the MTA's own name, without a setting, and every result" "$results" '^Authentication-Results: mx\.example\.com;.*iprev=.*spf=.*dmarc=fail'
is "3: and there is nothing to set for it" "$("$cs" config show --changed | grep -c authserv)" 0

# ---- pain 4: "key data is not secure" ----
key=$(ls "$etc"/keys/example.com/*.key)
chmod 0644 "$key"
reload
like "4: the reason has path, mode, and the command" "$(logged 'reload refused|mode 0644')" "$(basename "$key"): mode 0644 lets every user read the key: chmod 0640 $key"
message 'Alice <alice@example.com>' p4 >"$work/m"
send 587 203.0.113.66 alice@example.com "$work/m" >/dev/null
like "4: mail goes on unsigned, and the log says why" "$(logged 'origin=submission')" 'sign=no reason="no usable key for example\.com: [^"]*chmod 0640 '
sh -c "$(logged 'mode 0644' | grep -oE 'chmod 0640 [^ ]*')"
reload
like "4: typed, all is well" "$(logged ': (reloaded:|reload refused)')" ': reloaded:'
mkdir -p "$work/secret"
install -m 0640 -g countersign "$key" "$work/secret/key"
mv "$key" "$key.kept"
ln -s "$work/secret/key" "$key"
chgrp countersign "$work/secret"
reload
like "4: a mounted secret behind a link is as good as a file" "$(logged ': (reloaded:|reload refused)')" ': reloaded:'
mv "$key.kept" "$key"

# ---- pain 5: records over 255 bytes, zone syntax, tables, rotation ----
"$cs" -q key gen second.example --selector a >/dev/null
line=$("$cs" key show second.example --format line)
like "5: one line for a web panel, without quotes" "$line" '^a\._domainkey\.second\.example v=DKIM1; k=rsa; p=[A-Za-z0-9+/]+=*$'
zonetext=$("$cs" key show second.example --format zone)
is "5: in a zone file no string is over 255 bytes" "$(grep -oE '"[^"]*"' <<<"$zonetext" | awk 'length > 257' | wc -l)" 0
is "5: and they make the same value" "$(grep -oE '"[^"]*"' <<<"$zonetext" | tr -d '"\n')" "${line#* }"
like "5: nsupdate" "$("$cs" key show second.example --format nsupdate)" '^update add a\._domainkey\.second\.example\. [0-9]+ IN TXT "'
like "5: 2048 bits, in no table" "$("$cs" key list second.example)" 'rsa +2048 +pending'
reload
message 'Al <al@second.example>' p5a >"$work/m"
send 587 203.0.113.66 al@second.example "$work/m" >/dev/null
like "5: before its record is there a key does not sign, and the log says so" "$(logged 'hfrom=second.example')" 'sign=no reason="[^"]*(pending|waits|record)'
published='example.com second.example' zone
reload
eventually eval 'grep -q "key a of second.example: the DNS shows its record" "$work/log"'
message 'Al <al@second.example>' p5b >"$work/m"
send 587 203.0.113.66 al@second.example "$work/m" >/dev/null
like "5: then it does" "$(logged 'hfrom=second.example')" 'sign=second\.example/a/rsa-sha256'
"$cs" -q key activate second.example
"$cs" -q key rotate second.example >/dev/null
published='example.com second.example' zone
"$cs" -q key rotate --auto
is "5: a rotation: the successor signs, the old one is retired" "$("$cs" key list second.example | awk 'NR > 1 { print $5 }' | sort | tr '\n' ' ')" "active retired "

# ---- pain 6: a DNS timeout becomes a fact ----
message 'Carl <carl@dead.test>' p6 >"$work/m"
reply=$(send 25 203.0.113.66 carl@dead.test "$work/m")
like "6: a question without an answer rejects nothing" "$reply" '^(250|451)'
like "6: the log says temperror" "$(logged 'hfrom=dead.test')" 'spf=temperror .*dmarc=temperror'
"$cs" verify --ip 203.0.113.66 --from carl@dead.test "$work/m" >"$work/out"
is "6: verify exits 75" $? 75
like "6: JSON says it too" "$("$cs" --json verify --ip 203.0.113.66 --from carl@dead.test "$work/m" | tr -d ' \n')" '"dmarc":\{"result":"temperror"'
is "6: no policy is written" "$(grep -c 'policy.dmarc' "$work/out")" 0

# ---- pain 8: p=reject breaks lists and forwards ----
message 'Bob <bob@bank.test>' p8a >"$work/m"
like "8: as setup leaves it, mail that fails is only looked at" "$(send "${SPOOF[@]}" "$work/m")" '^250'
is "8: without a mark" "$(field "$(arrived p8a)" X-Countersign-Quarantine)" ""
would=$("$cs" stats --would-reject)
like "8: and stats shows what a stricter setting would cost" "$would" '^bank\.test +203\.0\.113\.66 +reject +evil\.test'
like "8: in numbers" "$would" '"strict" would reject [1-9][0-9]* '
settings 'dmarc: { enforce = "rfc"; };'
message 'Bob <bob@bank.test>' p8b >"$work/m"
like "8: rfc: not refused for p=reject alone" "$(send "${SPOOF[@]}" "$work/m")" '^250'
like "8: but marked" "$(field "$(arrived p8b)" X-Countersign-Quarantine)" 'yes'
settings 'dmarc: { enforce = "strict"; trusted_forwarders = [ "203.0.113.66" ]; };'
message 'Bob <bob@bank.test>' p8c >"$work/m"
like "8: strict: a forwarder that is named may" "$(send "${SPOOF[@]}" "$work/m")" '^250'
like "8: the log says why, and so will the report" "$(logged 'hfrom=bank.test')" 'override=trusted_forwarder'
settings 'dmarc: { enforce = "strict"; };'
like "8: strict: who is not named may not" "$(send "${SPOOF[@]}" "$work/m")" '^550 5\.7\.1 .*bank\.test'

# ---- pain 10: silence and noise ----
settings 'dmarc: { enforec = "strict"; };'
like "10: an unknown key has file, line and the nearest name" "$(grep -E 'enforec' "$work/log" | tail -1)" '90-test\.conf:1: .*dmarc\.enforec; did you mean dmarc\.enforce'
like "10: the daemon keeps its settings" "$(send "${SPOOF[@]}" "$work/m")" '^550'
settings 'dmarc: { enforce = "observe"; };'
message 'Alice <alice@elsewhere.example>' p10 >"$work/m"
before=$(wc -l <"$work/log")
send 587 203.0.113.66 alice@elsewhere.example "$work/m" >/dev/null
is "10: one line for a message" "$(($(wc -l <"$work/log") - before))" 1
like "10: with queue id, origin, and why it was not signed" "$(tail -1 "$work/log")" '[0-9A-F]{6,}: origin=submission .*hfrom=elsewhere\.example .*sign=no reason="no key for elsewhere\.example"'
like "10: what a setting does is one command away" "$("$cs" config explain dmarc.enforce)" 'observe: nothing'

postfix stop >/dev/null 2>&1
daemon_stop
done_testing
