#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Reports that are taken where they pass the milter: with our verdict, once each whatever is killed, never in the way of
# their delivery.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need sqlite3 python3
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
cat >"$top/zone" <<Z
receiver.example 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.receiver.example 60 TXT "v=DMARC1; p=reject"
Z
mkdir -m 750 "$top/d"
sql() { sqlite3 -cmd ".timeout 10000" "${2:-$top/d/ledger.db}" "$1"; }
logged() { grep -qE -- "$1" "$top/log"; }
settings='}; inbox: { addresses = [ "dmarc@example.com" ]; max_files = 12;'
report() { # number: a mail with a report of its own, of NUMBER messages
	cat <<-M
		From: dmarc@receiver.example
		To: dmarc@example.com
		Subject: Report Domain: example.com
		Message-ID: <$1@receiver.example>
		MIME-Version: 1.0
		Content-Type: text/xml

		<feedback><report_metadata><org_name>receiver.example</org_name><report_id>$1</report_id><date_range><begin>1764201600</begin><end>1764287999</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.$(($1 % 250))</source_ip><count>$1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers></record></feedback>
	M
}
send() { # file, recipient, client: the answer to the message
	printf 'connect\tx\t%s\nhelo\treceiver.example\nmail\t<dmarc@receiver.example>\nrcpt\t<%s>\nfile\t%s\n' "${3:-198.51.100.25}" "${2:-dmarc@example.com}" "$1" |
		timeout 20 "$BUILD/t/bin/milterc" "$top/sock" 2>/dev/null | awk '$1 == "eom" { print $2 }'
}
stored() { sql "SELECT COALESCE(SUM(messages), 0) FROM rx_day"; }
is_stored() { [ "$(stored)" = "$1" ]; }
spooled() { find "$top/d/ledger.db-inbox" -type f 2>/dev/null | wc -l; }

report 1 >"$top/1.eml"
start_lone_daemon "sqlite:$top/d/ledger.db" "$settings"
ok "a report is answered as any mail" test "$(send "$top/1.eml")" = continue
ok "and soon stored" eventually is_stored 1
is "with our verdict on the mail" "$(sql "SELECT trust, mail_from FROM rx_report")" 'pass|receiver.example'
ok "the log says so" eventually logged 'inbox: .*aggregate report, mail with DMARC pass: stored'
ok "the spool is empty" eventually eval '[ $(spooled) = 0 ]'
is "and only its owner may look into it" "$(stat -c %a "$top/d/ledger.db-inbox")" 700
report 2 >"$top/2.eml"
is "a stranger's forged report is taken, too" "$(send "$top/2.eml" dmarc@example.com 203.0.113.9)" continue
ok "and stored" eventually is_stored 3
is "but known as what it is" "$(sql "SELECT trust FROM rx_report WHERE messages = 2")" fail
is "the authentic report comes after its forged copy" "$(send "$top/2.eml")" continue
is_confirmed() { [ "$(sql "SELECT trust, mail_from FROM rx_report WHERE messages = 2")" = 'pass|receiver.example' ]; }
ok "and takes its place" eventually is_confirmed
is "its messages are counted once" "$(stored)" 3
ok "the log says so" logged 'aggregate report, mail with DMARC pass: was there already, but less authenticated'
is "mail to others is not, either" "$(send "$top/2.eml" bob@example.com)" continue
report 3 >"$top/3.eml"
ok "an extension of the address is the address" test "$(send "$top/3.eml" dmarc+a@example.com)" = continue
ok "it is stored" eventually is_stored 6
sed 's/^<feedback.*/nothing/' "$top/2.eml" >"$top/none.eml"
send "$top/none.eml" >/dev/null
ok "what cannot be read is kept with its reason" eventually eval '[ "$(sql "SELECT COUNT(*) FROM unreadable" "$top/d/ledger.db-personal")" = 1 ]'
like "the metrics count them" "$("$BUILD/admin/countersign" -c "$top/conf" status --prometheus 2>/dev/null)" 'inbox_reports_total\{kind="aggregate",outcome="stored"\} 3'

"$BUILD/admin/countersign" -c "$top/conf" inbox findings --note --since 3000d >"$top/findings" 2>&1
noted() { "$BUILD/admin/countersign" -c "$top/conf" status --prometheus 2>/dev/null | grep -E "^countersign_inbox_(source_rows|source_messages)" | awk '{ sum[substr($1, 1, index($1, "{") - 1)] += $2 } END { print sum["countersign_inbox_source_rows"], sum["countersign_inbox_source_messages"] }'; }
ok "and, as inbox findings --note has them, rows and messages by class" eventually eval '[ "$(noted)" = "3 6" ]'
like "with the findings by kind" "$("$BUILD/admin/countersign" -c "$top/conf" status --prometheus 2>/dev/null)" \
	"countersign_inbox_findings\{finding=\"old-key\"\} $(grep -c '^old-key' "$top/findings")"

# ---- the outbound tally ----
for rcpts in 'rcpt\t<a@one.example>' 'rcpt\t<a@one.example>\nrcpt\t<b@one.example>\nrcpt\t<c@Two.example>'; do
	printf "macro\tM\t{auth_type}\tPLAIN\t{auth_authen}\tbob\nconnect\tx\t198.51.100.25\nhelo\tx\nmail\t<bob@bounce.example.com>\n$rcpts\nheader\tFrom\t <bob@example.com>\neoh\neom\n" |
		"$BUILD/t/bin/milterc" "$top/sock"
done >"$top/out"
tally() { sql "SELECT header_from, domain, mail_from, rcpt_domain, messages, signatures FROM sent ORDER BY rcpt_domain" | xargs; }
ok "mail of our own is counted for each domain that it goes to" eventually eval \
	'[ "$(tally)" = "example.com||bounce.example.com|one.example|2|0 example.com||bounce.example.com|two.example|1|0" ]'
like "store sent shows it" "$("$BUILD/admin/countersign" -c "$top/conf" store sent)" '^example.com +- +bounce.example.com +one.example +2 +0'

# ---- a spool that is full ----
stop_lone_daemon TERM
rm -f "$top/d/ledger.db-personal"*
mkdir "$top/d/ledger.db-personal"
run_lone_daemon
for n in {4..17}; do
	report $n >"$top/$n.eml"
	send "$top/$n.eml"
done >"$top/answers"
is "a full spool keeps no mail from being delivered" "$(sort "$top/answers" | uniq -c | xargs)" '14 continue'
is "it holds what it may" "$(spooled)" 12
ok "the log says what is not taken" logged 'is not taken, but delivered: the spool .* is full'
ok "and why the spool is not read" logged 'inbox: .*received reports stay in the spool'
stop_lone_daemon TERM
rmdir "$top/d/ledger.db-personal"
run_lone_daemon
ok "later all of it is stored" eventually is_stored $((6 + (4 + 15) * 12 / 2))

# ---- killed at any moment ----
stop_lone_daemon TERM
before=$(stored)
sed -i 's/max_files = 12;/max_files = 1000;/' "$top/conf"
for n in {101..160}; do report $n >"$top/$n.eml"; done
run_lone_daemon
(
	while [ ! -e "$top/sent" ]; do
		sleep 0.$((RANDOM % 4))
		case $((RANDOM % 3)) in
		0) pkill -KILL -P "$daemon" 2>/dev/null ;; # workers, the reader
		*) kill -KILL $(pgrep -P "$(pgrep -d, -P "$daemon")" | shuf -n 1) 2>/dev/null ;; # who reads a mail
		esac
	done
) &
flood=$!
for n in {101..160}; do
	until [ "$(send "$top/$n.eml")" = continue ]; do sleep 0.05; done
done
: >"$top/sent"
wait $flood
flood=
stop_lone_daemon KILL
run_lone_daemon
want=$((before + (101 + 160) * 60 / 2))
ok "the messages of all reports that were answered are counted, each once" eventually -t 90 is_stored $want
sleep 1.2
is "and no more than that" "$(stored)" $want
is "the rows have as many" "$(sql "SELECT SUM(messages) FROM rx_row")" $want
is "the spool is empty again" "$(find "$top/d/ledger.db-inbox" -type f ! -name 'tmp.*' | wc -l)" 0

# ---- not delivered ----
stop_lone_daemon TERM
sed -i 's/max_files = 1000;/& deliver = false;/' "$top/conf"
run_lone_daemon
report 200 >"$top/200.eml"
is "inbox.deliver = false discards what was taken" "$(send "$top/200.eml")" discard
ok "it is stored all the same" eventually is_stored $((want + 200))
is "mail that has another recipient, too, is delivered" "$(printf 'connect\tx\t198.51.100.25\nhelo\treceiver.example\nmail\t<dmarc@receiver.example>\nrcpt\t<dmarc@example.com>\nrcpt\t<b@example.com>\nfile\t%s\n' "$top/1.eml" |
	"$BUILD/t/bin/milterc" "$top/sock" | awk '$1 == "eom" { print $2 }')" continue
done_testing
