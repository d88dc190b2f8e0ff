#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The loop closed: what the daemon makes of reports of others and of bounces of its own reports as they
# pass, and the failure reports it sends about single messages, read by a parser that is not ours.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
need perl /usr/bin/python3
clear_of_midnight 90
tmp=$(mktemp -d) || exit 99
pids='' daemon=''
trap 'for p in $daemon $pids; do kill $p; done 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
wait_for() { # file
	eventually test -s "$1"
}
cs() { "$build/admin/countersign" -c "$tmp/conf" "$@"; }
root=
[ "$(id -u)" = 0 ] && root=--allow-root
start() { # settings of failures, of reports
	[ -z "$daemon" ] || { kill "$daemon"; wait "$daemon"; } 2>/dev/null
	cat >"$tmp/conf" <<-END
		authserv_id = "mx.here.test";
		listen = [ "local:$tmp/sock" ];
		trusted_networks = [ "192.0.2.25" ];
		dns: { servers = [ "127.0.0.1@$(cat "$tmp/dns")" ]; timeout = "2s"; };
		sign: { enabled = false; };
		store: { url = "sqlite:$tmp/l.db"; };
		log: { target = "stderr"; level = "debug"; };
		reports: { org = "Here"; from = "noreply@here.test"; envelope = "verp"; send = true; start = "0s"; spread = "0s"; $2
			via = "smtp://127.0.0.1:$(cat "$tmp/sink/port")"; };
		failures: { $1 };
	END
	: >"$tmp/log"
	"$build/daemon/countersignd" $root -f -c "$tmp/conf" 2>>"$tmp/log" &
	daemon=$!
	eventually grep -q ready: "$tmp/log"
}
said() { eventually grep -qE -- "$1" "$tmp/log"; }
mail() { # client, envelope sender, recipient; the message on standard input
	sed 's/$/\r/' >"$tmp/message"
	printf 'connect\tunknown\t%s\nhelo\tclient.test\nmacro\tM\ti\tABC%s\nmail\t<%s>\nrcpt\t<%s>\nmacro\tE\ti\tABC%s\nfile\t%s\n' \
		"$1" "$RANDOM" "$2" "$3" "$RANDOM" "$tmp/message" | timeout 30 "$build/t/bin/milterc" "$tmp/sock" >"$tmp/answer" 2>&1
}
quiet() { cs --json report list --day "$(date -u +%F)" | grep -A30 "\"domain\": \"$1\"" | sed -n 's/.*"quiet": \([0-9]*\).*/\1/p' | head -1; }

cat >"$tmp/zone" <<'END'
sender.test                               60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test                        60 TXT "v=DMARC1; p=none; aspf=x; rua=mailto:d@sender.test"
_dmarc.two.sender.test                    60 TXT "v=DMARC1; p=none"
_dmarc.two.sender.test                    60 TXT "v=DMARC1; p=reject"
_dmarc.fails.test                         60 TXT "v=DMARC1; p=reject; fo=0; ruf=mailto:ruf@fails.test"
fails.test                                60 TXT "v=spf1 -all"
_dmarc.away.test                          60 TXT "v=DMARC1; p=none; ruf=mailto:ruf@agent.test,mailto:ruf@nobody.test"
away.test._report._dmarc.agent.test       60 TXT "v=DMARC1; ruf=mailto:new@agent.test; rua=mailto:rua@agent.test"
_dmarc.suffix.test                        60 TXT "v=DMARC1; p=none; psd=y; ruf=mailto:ruf@suffix.test"
_dmarc.aligned.test                       60 TXT "v=DMARC1; p=none; fo=1:d; ruf=mailto:ruf@aligned.test"
aligned.test                              60 TXT "v=spf1 ip4:198.51.100.25 -all"
END
"$build/t/bin/dnsd" --port-file "$tmp/dns" "$tmp/zone" >/dev/null 2>&1 &
pids="$pids $!"
mkdir "$tmp/sink"
perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
pids="$pids $!"
wait_for "$tmp/dns" && wait_for "$tmp/sink/port" || { echo "Bail out! no servers"; exit 1; }
start ''

# ---- reports of others ----
report() { # client
	mail "$1" dmarc@sender.test alice@here.test <<-'END'
		From: dmarc@sender.test
		Subject: Report Domain: here.test
		 Submitter: sender.test
		Content-Type: multipart/mixed; boundary="b"

		--b
		Content-Type: application/gzip
		Content-Disposition: attachment; filename="sender.test!here.test!1!2.xml.gz"

		H4sI
		--b--
	END
}
report 198.51.100.25
is "a report that passes DMARC does not cause one" "$(quiet sender.test)" 1
report 203.0.113.66
is "nor is one that fails, where nobody minds" "$(quiet sender.test)" 2
mail 198.51.100.25 bob@sender.test alice@here.test <<<$'From: bob@sender.test\nSubject: hello\n\nhello'
is "other mail is" "$(quiet sender.test)" 2
mail 203.0.113.66 bob@fails.test alice@here.test <<<$'From: bob@fails.test\nSubject: Report Domain: here.test Submitter: fails.test\n\nspam'
is "a forged one to which a policy is applied is" "$(quiet fails.test)" 0

# ---- what is wrong with the records is told to their owner ----
mail 203.0.113.66 bob@two.sender.test alice@here.test <<<$'From: bob@two.sender.test\nSubject: hello\n\nhello'
like "the element error" "$(cs report show sender.test --day "$(date -u +%F)" --xml)" \
	'<error>_dmarc.sender.test: aspf= is not valid; _dmarc.two.sender.test: several DMARC records, all discarded'

# ---- bounces ----
bounce() { # client, recipient, action, status
	mail "$1" '' "$2" <<-END
		From: MAILER-DAEMON@mx.far.test
		Subject: Undelivered Mail Returned to Sender
		Content-Type: multipart/report; report-type=delivery-status; boundary="b"

		--b
		Content-Type: text/plain

		Sorry.
		--b
		Content-Type: message/delivery-status

		Reporting-MTA: dns; mx.far.test

		Final-Recipient: rfc822; d@far.test
		Action: $3
		Status: $4
		Diagnostic-Code: smtp; 550 $4 no such user

		--b
		Content-Type: text/rfc822-headers

		Subject: Report Domain: far.test
		--b--
	END
}
token=$("$build/t/bin/ledgerfill" "$tmp/l.db" token d@far.test 2026-01-01 2>/dev/null)
like "an address has a token" "$token" '^[a-z2-7]{16}$'
bounce 203.0.113.66 "noreply+bounce-aaaaaaaaaaaaaaaa@here.test" failed 5.1.1
ok "a bounce with a guess is ignored" said 'ignored a bounce to an address that was never used'
bounce 203.0.113.66 "noreply+bounce-$token@here.test" delayed 4.4.1
ok "one of a delay is noted" said 'a bounce from d@far.test: temporary 4.4.1'
is "and suppresses nothing" "$(cs report suppress 2>&1)" "countersign: nothing is suppressed"
bounce 203.0.113.66 "NoReply+Bounce-$token@Here.Test" failed 5.1.1
ok "a permanent one is noted" said 'a bounce from d@far.test: permanent 5.1.1 550 5.1.1 no such user'
like "the address is suppressed, for 30 days" "$(cs report suppress)" "^d@far.test +$(date -u -d '30 days' +%F 2>/dev/null || date -u -v+30d +%F) +bounced: 5.1.1 550 5.1.1 no such user"
"$build/t/bin/ledgerfill" "$tmp/l.db" asked far.test "$(date -u -d yesterday +%F 2>/dev/null || date -u -v-1d +%F)" 1 'mailto:d@far.test' >/dev/null 2>&1
cs report send far.test >"$tmp/out" 2>&1
like "a report to it is not sent" "$(cat "$tmp/out")" 'far.test +suppressed +d@far.test +bounced: 5.1.1'
bounce 192.0.2.25 "noreply+bounce-$token@here.test" failed 5.1.1
sleep 0.3
like "a second bounce of these days changes nothing" "$(cs report suppress)" "^d@far.test +$(date -u -d '30 days' +%F 2>/dev/null || date -u -v+30d +%F)"
cs report unsuppress d@far.test
: >"$tmp/log"
bounce 192.0.2.25 "noreply+bounce-$token@here.test" failed 5.1.1
ok "the own MTA may bring it" said 'a bounce from d@far.test: permanent'
ok "it is suppressed again" test -n "$(cs report suppress 2>/dev/null)"

# ---- failure reports ----
forged() { # domain; more fields on standard input
	{
		printf 'Received: from x by y for <carol@here.test>\nFrom: Bob <bob@%s>\nTo: "Carol C" <carol@here.test>\nSubject: buy http://evil.test/\n' "$1"
		printf 'Message-ID: <1@%s>\n' "$1"
		cat
		printf '\nthe body\n'
	} | mail 203.0.113.66 "bob@$1" carol@here.test
}
mails() { grep -lE "^X-Rcpt: $1\$" "$tmp"/sink/*.mail 2>/dev/null; }
forged fails.test </dev/null
is "off by default" "$(cs report send 2>&1 | grep -c fails.test)" 0
start 'send = true; max_per_domain = 2; max_per_hour = 50;'
forged fails.test <<<'DKIM-Signature: v=1; a=rsa-sha256; d=fails.test; s=sel; i=bob@fails.test; h=from; bh=eA==; b=eA=='
forged suffix.test </dev/null
forged away.test </dev/null
mail 203.0.113.66 '' carol@here.test <<<$'From: bob@fails.test\nSubject: bounce\n\nx'
forged fails.test <<<$'Content-Type: multipart/report; boundary=x'
mail 198.51.100.25 bob@aligned.test carol@here.test <<<$'From: bob@aligned.test\nSubject: not signed\n\nx'
sleep 0.3
cs report send >"$tmp/out" 2>&1
like "one is sent" "$(cat "$tmp/out")" 'fails.test +sent +ruf@fails.test'
is "to a domain, not about reports and bounces" "$(mails ruf@fails.test | wc -l | tr -d ' ')" 1
is "none for a public suffix" "$(mails 'ruf@suffix.test')" ""
like "another's address must agree" "$(cat "$tmp/out")" 'away.test +failed +ruf@nobody.test +nobody.test has not agreed'
is "and may name another, by ruf" "$(mails new@agent.test | wc -l | tr -d ' ')" 1
is "fo=1: one mechanism is enough" "$(mails ruf@aligned.test | wc -l | tr -d ' ')" 1
like "from a secret address" "$(grep -h '^X-Mail:' $(mails ruf@fails.test))" '<noreply\+bounce-[a-z2-7]{16}@here.test>'
/usr/bin/python3 - "$(mails ruf@fails.test)" "$(mails ruf@aligned.test)" >"$tmp/checks" 2>&1 <<'END'
import email, email.policy, sys
def parse(path):
    data = open(path, 'rb').read().split(b'\n', 2)[2]
    return email.message_from_bytes(data, policy=email.policy.SMTP.clone(raise_on_defect=True))
def check(name, good):
    print('ok' if good else 'not ok', '-', name)
m = parse(sys.argv[1])
check('multipart/report; report-type=feedback-report', m.get_content_type() == 'multipart/report'
      and m.get_param('report-type') == 'feedback-report')
check('three parts', [p.get_content_type() for p in m.iter_parts()] ==
      ['text/plain', 'message/feedback-report', 'text/rfc822-headers'])
check('from us, generated', m['From'].addresses[0].addr_spec == 'noreply@here.test' and m['Auto-Submitted'] == 'auto-generated')
text, report, header = m.iter_parts()
f = report.get_payload()
f = f[0] if isinstance(f, list) else email.message_from_string(f, policy=email.policy.SMTP)
for name, want in {'Feedback-Type': 'auth-failure', 'Version': '1', 'Auth-Failure': 'dmarc',
                   'Identity-Alignment': 'dkim,spf', 'Delivery-Result': 'policy',
                   'DKIM-Domain': 'fails.test', 'DKIM-Selector': 'sel', 'Source-IP': '203.0.113.66',
                   'SPF-DNS': 'txt : fails.test : "v=spf1 -all"', 'Reported-Domain': 'fails.test'}.items():
    have = f.get_all(name) or []
    check(f'{name}: {want}' + ('' if have == [want] else f', have {have}'), have == [want])
check('User-Agent', f['User-Agent'].startswith('countersign/'))
check('Authentication-Results', f['Authentication-Results'].startswith('mx.here.test;')
      and 'dmarc=fail' in f['Authentication-Results'])
check('Arrival-Date', f['Arrival-Date'] is not None and email.utils.parsedate_to_datetime(f['Arrival-Date']) is not None)
check('Original-Mail-From and DKIM-Identity without a local part',
      f['Original-Mail-From'].endswith('@fails.test>') and 'bob' not in f.as_string())
check('one address has one hash', f['Original-Mail-From'].strip('<>').split('@')[0] == f['DKIM-Identity'].split('@')[0])
h = header.get_payload()
h = h if isinstance(h, str) else h[0].as_string()
check('no local parts in the header', 'bob@' not in h and 'carol@' not in h and '@fails.test' in h)
check('no URL to click', 'hxxp://evil.test/' in h and 'http:' not in h)
check('no body', 'the body' not in m.as_string())
check('the message identifier stays', '<1@fails.test>' in h)
m = parse(sys.argv[2])
f = list(m.iter_parts())[1].get_payload()
f = f[0] if isinstance(f, list) else email.message_from_string(f, policy=email.policy.SMTP)
check('what is aligned did not fail', f['Identity-Alignment'] == 'dkim' and f['SPF-DNS'] is None and f['Delivery-Result'] == 'delivered')
END
while IFS= read -r line; do
	case $line in
	'ok - '*) pass "${line#ok - }" ;;
	'not ok - '*) fail "${line#not ok - }" ;;
	*) echo "# $line" ;;
	esac
done <"$tmp/checks"
ok "the parser came to its end" grep -q 'what is aligned did not fail' "$tmp/checks"
for _ in 1 2 3; do forged fails.test </dev/null; done
sleep 0.3
cs report send >"$tmp/out" 2>&1
is "no more than the limit for a domain" "$(mails ruf@fails.test | wc -l | tr -d ' ')" 2
ok "the log says so" said 'no failure report for fails.test: limit reached'
rm -f "$tmp"/l.db*
start 'send = true; redact = false; body = "1KiB";'
forged fails.test </dev/null
for _ in $(seq 100); do [ -n "$(mails ruf@fails.test | tail -n +3)" ] && break; sleep 0.1; cs -q report send >/dev/null 2>&1; done
last=$(ls -t $(mails ruf@fails.test) | head -1)
ok "with a body, where that is wanted" grep -q '^the body' "$last"
ok "and with addresses" grep -q '^From: Bob <bob@fails.test>' "$last"
is "nothing went wrong" "$(grep -E ' error|Sanitizer|runtime error' "$tmp/log")" ""
done_testing
