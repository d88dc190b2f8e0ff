#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `countersign report send` and its relatives against a mail server and a DNS server of our own: what
# arrives, whom it is sent to and whom not, what is tried again, and that killing it at any time
# neither loses a report nor changes one.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
fill=$build/t/bin/ledgerfill
export LC_ALL=C
. "$src/t/lib/tap.sh"
clear_of_midnight 300
tmp=$(mktemp -d) || exit 99
pids=
trap 'for p in $pids; do kill $p; done 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
command -v perl >/dev/null && command -v gzip >/dev/null || { echo "1..0 # SKIP perl and gzip are needed"; exit 77; }

wait_for() { # file
	eventually test -s "$1"
}
cs() { "$build/admin/countersign" -c "$tmp/conf" report "$@"; }
run() { # name, exit code, pattern, arguments
	local name=$1 code=$2 pattern=$3 status
	shift 3
	cs "$@" >"$tmp/out" 2>&1
	status=$?
	if [ $status = "$code" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" "$tmp/out"; }; then
		pass "$name"
	else
		fail "$name"
		echo "# exit $status, wanted $code and /$pattern/"
		sed 's/^/# /' "$tmp/out"
	fi
}
sink() { # makes a new one; the old mail is gone
	rm -rf "$tmp/sink"
	mkdir "$tmp/sink"
	perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
	pids="$pids $!"
	wait_for "$tmp/sink/port"
}
mails() { grep -lE "^X-Rcpt: $1\$" "$tmp"/sink/*.mail 2>/dev/null; }
field() { # file, name: unfolded
	perl -0777 -ne 's/\r//g; s/\n\n.*//s; s/\n[ \t]+/ /g; print "$1\n" if /^'"$2"': (.*)$/m' "$1"
}
attached() { # file: the XML in it
	perl -MMIME::Base64 -0777 -ne 's/\r//g; print decode_base64($1) if m{application/gzip.*?\n\n(.*?)\n--}s' "$1" |
		gzip -dc
}
conf() { # settings of reports
	cat >"$tmp/conf" <<-END
		dns: { servers = [ "127.0.0.1@$dns" ]; timeout = "2s"; };
		sign: { keys = "$tmp/keys"; };
		store: { url = "sqlite:$tmp/l.db"; };
		reports: { org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:$(cat "$tmp/sink/port")"; $* };
	END
}
fresh() { rm -f "$tmp"/l.db*; }

cat >"$tmp/zone" <<'END'
_dmarc.one.example                         300 TXT "v=DMARC1; p=none"
_dmarc.two.example                         300 TXT "v=DMARC1; p=none"
two.example._report._dmarc.agent.test      300 TXT "v=DMARC1"
two.example._report._dmarc.moved.test      300 TXT "v=DMARC1; rua=mailto:new@moved.test"
listed.example.dead.test                   300 A 127.0.0.2
odd.example.dead.test                      300 A 192.0.2.1
END
mkdir "$tmp/keys"
"$build/t/bin/dnsd" --port-file "$tmp/dns" --servfail two.example._report._dmarc.dead.test --log "$tmp/dns.log" "$tmp/zone" >/dev/null 2>&1 &
pids="$pids $!"
wait_for "$tmp/dns" || { echo "Bail out! dnsd"; exit 1; }
dns=$(cat "$tmp/dns")
sink || { echo "Bail out! sink"; exit 1; }
day=$(date -u -d yesterday +%F 2>/dev/null || date -u -v-1d +%F)

# ---- not yet ----
printf 'store: { url = "sqlite:%s/l.db"; };\n' "$tmp" >"$tmp/conf"
run "off until org and from are set" 78 'reports.org is not set' send
conf ''
run "no ledger yet" 69 'does not exist; countersignd creates it' send
"$fill" "$tmp/l.db" asked one.example "$day" 3 'mailto:dmarc@one.example' >/dev/null 2>&1
"$fill" "$tmp/l.db" asked two.example "$day" 5 \
	'https://x/,mailto:a@agent.test!10m,mailto:other@nobody.test,mailto:old@moved.test,mailto:x@dead.test' >/dev/null 2>&1
"$fill" "$tmp/l.db" asked quiet.example "$day" 2 'mailto:dmarc@quiet.example' 2 >/dev/null 2>&1
run "collected" 0 "^$day +one.example .* collected" list
: >"$tmp/dns.log"
run "a dry run tells" 0 'one.example +to send +dmarc@one.example' send --dry-run
is "and asks nobody" "$(cat "$tmp/dns.log")" ""
is "and sends nothing" "$(ls "$tmp/sink" | grep -c mail)" 0
run "and changes nothing" 0 "one.example .* collected" list
run "a day that is not over" 64 'not over' send --day today

# ---- the first day ----
fresh
today=$(date -u +%F)
"$fill" "$tmp/l.db" asked new.example "$today" 3 'mailto:dmarc@new.example' >/dev/null 2>&1
run "the first day: nothing yet, but what waits" 0 '1 report on 3 messages of today can be built from .*T00:10:00Z on' send
run "and who must send it" 0 'reports.send is off: run countersign report send then' send
conf 'send = true;'
run "or who does" 0 'the daemon then sends it within' send --dry-run
conf ''
run "list shows today" 0 "^$today +new.example .* collected" list
run "and says that it does" 0 'nothing was counted before today' list
run "so does show" 0 "^new.example +$today" show new.example
like "as JSON" "$(cs send --json | tr -d '\n ')" '"waiting":\{"domains":1,"messages":3,"built_from":"'
fresh
old=$(date -u -d '9 days ago' +%F 2>/dev/null || date -u -v-9d +%F)
"$fill" "$tmp/l.db" asked old.example "$old" 3 'mailto:dmarc@old.example' >/dev/null 2>&1
run "list shows the newest stored day" 0 "^$old +old.example " list
run "and which" 0 "newest day on which anything was counted: $old" list
run "nothing waits" 0 'nothing that was counted today asks for a report' send --day "$day"
fresh
"$fill" "$tmp/l.db" asked one.example "$day" 3 'mailto:dmarc@one.example' >/dev/null 2>&1
"$fill" "$tmp/l.db" asked two.example "$day" 5 \
	'https://x/,mailto:a@agent.test!10m,mailto:other@nobody.test,mailto:old@moved.test,mailto:x@dead.test' >/dev/null 2>&1
"$fill" "$tmp/l.db" asked quiet.example "$day" 2 'mailto:dmarc@quiet.example' 2 >/dev/null 2>&1

# ---- sent ----
run "sent; one is not wanted there, one must wait" 1 '2 built, 3 sent, 1 deferred, 1 failed, 0 suppressed' send
file=$(mails dmarc@one.example)
ok "it arrived" test -s "$file"
like "the sender tells the recipient" "$(field "$file" X-Mail)" '^<noreply[+]bounce-[a-z2-7]{16}@reports\.example\.net>$'
is "From" "$(field "$file" From)" "<noreply@reports.example.net>"
id=$(field "$file" Subject | sed -n 's/^Report Domain: one.example Submitter: reports.example.net Report-ID: <\([A-Za-z0-9]*\)>$/\1/p')
ok "Subject" test -n "$id"
is "Message-ID" "$(field "$file" Message-ID)" "<$id@reports.example.net>"
begin=$(date -u -d "$day" +%s 2>/dev/null || echo 0)
ok "the name of the file" grep -q "filename=\"reports.example.net!one.example!$begin!$((begin + 86399))!$id.xml.gz\"" "$file"
attached "$file" >"$tmp/one.xml"
ok "the report in it" grep -q "<report_id>$id</report_id>" "$tmp/one.xml"
if command -v xmllint >/dev/null && [ -r "$COUNTERSIGN_DATA/dmarc-2.0.xsd" ]; then
	ok "the schema holds" xmllint --noout --schema "$COUNTERSIGN_DATA/dmarc-2.0.xsd" "$tmp/one.xml"
else
	skip "the schema holds" "xmllint is not installed, or COUNTERSIGN_DATA has no dmarc-2.0.xsd"
fi
ok "an agent that agreed" test -n "$(mails a@agent.test)"
ok "one that wants it elsewhere" test -n "$(mails new@moved.test)"
is "not where it was" "$(mails old@moved.test)" ""
is "not to one that did not agree" "$(mails other@nobody.test)" ""
is "not to a domain that only sent reports" "$(mails dmarc@quiet.example)" ""
run "states" 0 'one.example .* sent: 250 2.0.0 taken' list
run "what needs attention is shown" 0 'two.example .* failed: nobody.test has not agreed' list
run "nothing twice" 0 'nothing is to be sent' send
is "the mails" "$(ls "$tmp"/sink/*.mail | wc -l | tr -d ' ')" 3
# Read by others: Python's parsers, and the schema of RFC 9990.
for f in "$tmp"/sink/*.mail; do
	attached "$f" >"$tmp/read.xml"
	if [ -r "${COUNTERSIGN_DATA:-/nonexistent}/dmarc-2.0.xsd" ] && command -v xmllint >/dev/null; then
		ok "the schema holds" xmllint --noout --schema "$COUNTERSIGN_DATA/dmarc-2.0.xsd" "$tmp/read.xml"
	else
		skip "the schema holds" "xmllint is not installed, or COUNTERSIGN_DATA has no dmarc-2.0.xsd"
	fi
	command -v python3 >/dev/null || { skip "a parser of another reads it" "python3 is not installed"; continue; }
	like "a parser of another reads it" "$(tail -n +3 "$f" | python3 -c '
import email, email.policy, gzip, re, sys, xml.etree.ElementTree as tree
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.SMTP.clone(raise_on_defect=True))
part = [p for p in m.iter_attachments()]
assert len(part) == 1 and part[0].get_content_type() == "application/gzip"
name = part[0].get_filename()
root = tree.fromstring(gzip.decompress(part[0].get_content()))
ns = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
get = lambda path: root.find(path, ns).text
domain, ident = get("d:policy_published/d:domain"), get("d:report_metadata/d:report_id")
begin, end = int(get("d:report_metadata/d:date_range/d:begin")), int(get("d:report_metadata/d:date_range/d:end"))
assert name == f"reports.example.net!{domain}!{begin}!{end}!{ident}.xml.gz" and end - begin == 86399 and begin % 86400 == 0
assert re.fullmatch(rf"Report Domain: {domain} Submitter: reports.example.net Report-ID: <{ident}>", m["Subject"])
assert re.fullmatch("[A-Za-z0-9]+", ident) and m["From"].addresses[0].domain == "reports.example.net"
assert get("d:report_metadata/d:generator").startswith("countersign ") and get("d:version") == "1.0"
print("well")' 2>&1)" '^well$'
done

# ---- nothing is opened by a dry run, and building does not send ----
killer=$build/t/bin/killer.so
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
for d in later control; do "$fill" "$tmp/l.db" asked $d.example "$day" 1 "mailto:dmarc@$d.example" >/dev/null 2>&1; done
if [ -r "$killer" ]; then
	NO_SOCKET=1 LD_PRELOAD=$killer "$build/admin/countersign" -c "$tmp/conf" report send --dry-run later.example >"$tmp/out" 2>&1
	like "a dry run opens no socket" "$? $(cat "$tmp/out")" '^0 .*later.example +to build'
	NO_SOCKET=1 LD_PRELOAD=$killer "$build/admin/countersign" -c "$tmp/conf" report send control.example >/dev/null 2>&1 &
	wait $! 2>/dev/null
	is "(without it, it does)" $? 137
fi
run "built" 0 '(later.example +built|nothing is to be built)' build later.example
run "is not sent" 0 'later.example .* built' list
is "no mail" "$(mails dmarc@later.example)" ""
run "no failure reports" 0 'there is none' failures
run "until it is" 0 'later.example +sent' send later.example
run "suppressions as JSON" 0 '"suppressed": \[\]' suppress --json
run "failure reports as JSON" 0 '"deliveries": \[\]' failures --json

# ---- a copy ----
run "a copy for somebody" 0 'one.example +sent +me@here.test' send one.example --to me@here.test
attached "$(mails me@here.test)" >"$tmp/copy.xml"
ok "is the same report" cmp -s "$tmp/one.xml" "$tmp/copy.xml"

# ---- three addresses, and what cannot be used ----
fresh
"$fill" "$tmp/l.db" asked three.example "$day" 1 'mailto:a@three.example,mailto:no@three.example,mailto:c@three.example' >/dev/null 2>&1
"$fill" "$tmp/l.db" asked bad.example "$day" 1 'https://bad.example/r,dmarc@bad.example' >/dev/null 2>&1
"$fill" "$tmp/l.db" asked half.example "$day" 1 'mailto:half@half.example,dmarc@half.example' >/dev/null 2>&1
run "two of three are sent" 1 'three.example +failed +no@three.example' send
run "and listed so" 0 'three.example .* 2 of 3 sent; no@three.example failed: 550' list
run "a record without an address" 0 'bad.example .* no address that can be used: https://bad.example/r dmarc@bad.example' list
run "or with one that is none" 0 'half.example .* sent: .*; cannot be used: dmarc@half.example' list
like "as JSON" "$(cs list --json)" '"unusable": "dmarc@half.example"'

# ---- copies, and lists of dead addresses ----
fresh
conf 'bcc = [ "copy@here.test", "no-copy@here.test" ]; suppress_lists = [ "dead.test", "away.test" ];'
for d in one listed odd; do "$fill" "$tmp/l.db" asked $d.example "$day" 1 "mailto:to-$d@$d.example" >/dev/null 2>&1; done
run "a listed domain gets none" 0 'listed.example +suppressed +to-listed@listed.example +listed.example is listed by dead.test' send
is "no mail" "$(mails to-listed@listed.example)" ""
run "an address outside 127.0.0.0/8 lists nothing" 0 'odd.example .* sent' list
is "a copy of each of the two" "$(mails copy@here.test | wc -l | tr -d ' ')" 2
is "which is the same mail" "$(grep -h '^Message-ID' $(mails to-one@one.example) | sort -u)" \
	"$(grep -h '^Message-ID' $(mails copy@here.test) | grep -F "$(grep -h '^Message-ID' $(mails to-one@one.example) | head -1 | cut -d' ' -f2)")"
run "a copy that is refused changes nothing" 0 'nothing is suppressed' suppress
run "and nothing is sent again" 0 'nothing is to be sent' send

# ---- refusals ----
fresh
conf 'envelope = "verp";'
for i in 1 2 3 4; do
	"$fill" "$tmp/l.db" asked no.example "$(date -u -d "$day -$((i * 10)) days" +%F)" 1 'mailto:no@no.example' >/dev/null 2>&1
done
"$fill" "$tmp/l.db" asked grey.example "$day" 1 'mailto:grey@grey.example' >/dev/null 2>&1
run "451" 75 'grey.example +deferred +grey@grey.example +451 4.7.1 greylisted' send grey.example
run "is tried later" 0 'deferred to .* \(try 1\): 451' list
run "not at once" 0 'nothing is to be sent' send grey.example
touch "$tmp/sink/open"
run "unless told" 0 '1 will be tried again' retry grey.example
run "then it is taken" 0 'grey.example +sent' send grey.example
is "from VERP" "$(field "$(mails grey@grey.example)" X-Mail | sed "s,bounce-[a-z2-7]\{16\}@,bounce-TOKEN@,")" "<noreply+bounce-TOKEN@reports.example.net>"
for i in 1 2 3; do
	run "550, $i" 1 'failed +no@no.example +550 5.1.1' send --day "$(date -u -d "$day -$((i * 10)) days" +%F)"
done
run "then no more for a while" 0 'suppressed +no@no.example +it refused 3 reports' send --day "$(date -u -d "$day -40 days" +%F)"
run "listed" 0 '^no@no.example ' suppress
run "allowed again" 0 '' unsuppress no@no.example
run "there is none left" 0 'nothing is suppressed' suppress
run "by hand, a domain" 0 '' suppress stop.example
"$fill" "$tmp/l.db" asked stop.example "$day" 1 'mailto:dmarc@stop.example' >/dev/null 2>&1
run "is obeyed" 0 'stop.example +suppressed +dmarc@stop.example +by hand' send stop.example

# ---- budgets, and a server that is away ----
fresh
conf 'max_per_destination = 2;'
for i in 1 2 3; do
	"$fill" "$tmp/l.db" asked one.example "$(date -u -d "$day -$i days" +%F)" 1 'mailto:dmarc@one.example' >/dev/null 2>&1
	run "budget of a host: $i" "$([ $i = 3 ] && echo 75 || echo 0)" "$([ $i = 3 ] && echo 'daily limit of' || echo sent)" \
		send --day "$(date -u -d "$day -$i days" +%F)"
done
fresh
conf 'max_per_day = 1;'
for d in a b; do "$fill" "$tmp/l.db" asked $d.example "$day" 1 "mailto:dmarc@$d.example" >/dev/null 2>&1; done
run "budget of a day" 75 'the rest is left for later: the daily limit of 1 mails' send
fresh
conf ''
sed -i.bak 's,via = "[^"]*",via = "smtp://127.0.0.1:1",' "$tmp/conf"
for d in a b c d e; do "$fill" "$tmp/l.db" asked $d.example "$day" 1 "mailto:dmarc@$d.example" >/dev/null 2>&1; done
run "a server that is away is not asked for ever" 75 '5 built, 0 sent, 3 deferred' send
conf ''
run "all is sent when it is back" 0 '3 will be tried again' retry
run "all of it" 0 '0 built, 5 sent' send

# ---- by the daemon ----
fresh
sink
conf 'send = true; start = "0s"; spread = "0s";'
printf 'listen = [ "local:%s/milter.sock" ]; log: { target = "stderr"; level = "debug"; };\ncontrol: { socket = "%s/control.sock"; };\n' "$tmp" "$tmp" >>"$tmp/conf"
for d in a b; do "$fill" "$tmp/l.db" asked $d.example "$day" 1 "mailto:slow@$d.example" >/dev/null 2>&1; done
root=
[ "$(id -u)" = 0 ] && root=--allow-root
"$build/daemon/countersignd" $root -f -c "$tmp/conf" 2>"$tmp/log" &
daemon=$!
pids="$pids $daemon"
eventually grep -q 'reports: 2 built, 2 sent' "$tmp/log"
ok "the daemon sends" grep -q 'reports: 2 built, 2 sent, 0 deferred, 0 failed' "$tmp/log"
is "both arrive" "$(ls "$tmp"/sink/*.mail | wc -l | tr -d ' ')" 2
"$fill" "$tmp/l.db" asked c.example "$day" 1 "mailto:slow@c.example" >/dev/null 2>&1
kill -HUP $daemon
eventually grep -q 'c.example to slow@c.example: sent' "$tmp/log"
metric() { "$build/admin/countersign" -c "$tmp/conf" status --prometheus | awk -v m="countersign_$1" '$1 == m { print $2 }'; }
eventually eval '[ "$(metric "reports_sent_total{outcome=\"sent\"}")" = 3 ]'
is "status counts what its process sent" "$(metric 'reports_sent_total{outcome="sent"}')" 3
is "and that nothing waits" "$(metric reports_pending)" 0
ok "and since when" [ "$(metric report_last_success_timestamp_seconds)" -gt $(($(date +%s) - 600)) ]
ok "again after a reload" grep -q 'c.example to slow@c.example: sent' "$tmp/log"
kill $daemon
wait $daemon
is "it stops well" $? 0
is "and says nothing bad" "$(grep -E 'error|warning|killed' "$tmp/log" | grep -v 'no key of')" ""
ok "but that nobody signs them" grep -q 'no key of reports.example.net is active' "$tmp/log"

# ---- killed again and again ----
fresh
sink
conf ''
for i in $(seq 12); do "$fill" "$tmp/l.db" asked k$i.example "$day" "$i" "mailto:slow@k$i.example" >/dev/null 2>&1; done
kills=0
for i in $(seq 30); do
	"$build/admin/countersign" -c "$tmp/conf" report send >"$tmp/out" 2>&1 &
	pid=$!
	sleep "0.0$((RANDOM % 9))$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null && kills=$((kills + 1))
	wait $pid 2>/dev/null
done
run "whatever is left is sent" 0 '(sent|nothing)' send
is "killed $kills times: all are sent" "$(cs list | grep -c ' sent: 250')" 12
lost=0 changed=0 wrong=0 copies=0
for i in $(seq 12); do
	files=$(mails "slow@k$i.example")
	[ -n "$files" ] || lost=$((lost + 1))
	copies=$((copies + $(wc -l <<<"$files")))
	: >"$tmp/seen"
	for f in $files; do
		attached "$f" >"$tmp/k.xml" || wrong=$((wrong + 1))
		[ "$(grep -c '<record>' "$tmp/k.xml")" = "$i" ] || wrong=$((wrong + 1))
		{ field "$f" Subject; field "$f" Message-ID; grep filename= "$f"; cksum <"$tmp/k.xml"; } | cksum >>"$tmp/seen"
	done
	[ "$(sort -u "$tmp/seen" | wc -l)" -le 1 ] || changed=$((changed + 1))
done
is "none is lost" $lost 0
is "each is whole" $wrong 0
is "what came twice ($copies mails for 12) is the same" $changed 0

# ---- rows that come after their day's report was built ----
sink
conf ''
fresh
"$fill" "$tmp/l.db" asked one.example "$day" 3 'mailto:dmarc@one.example' >/dev/null 2>&1
run "a day's report" 0 "" send
"$fill" "$tmp/l.db" asked one.example "$day" 2 'mailto:dmarc@one.example' >/dev/null 2>&1
run "what comes later" 0 "" send
is "is a second report" "$(mails dmarc@one.example | wc -l)" 2
is "of its own name" "$(for f in $(mails dmarc@one.example); do field "$f" Subject; done | sort -u | wc -l)" 2
is "each message is in one of them" \
	"$(for f in $(mails dmarc@one.example); do attached "$f" | sed -n 's:.*<count>\(.*\)</count>.*:\1:p'; done | awk '{ n += $1 } END { print n }')" \
	"$(sqlite3 "$tmp/l.db" 'SELECT SUM(messages) FROM tally')"
run "nothing is sent again" 0 "" send
is "and no third" "$(mails dmarc@one.example | wc -l)" 2

done_testing
