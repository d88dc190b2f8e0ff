#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign inbox read, list, show, tls, failures, complaints, why, expire: each report is stored and counted once, whatever comes twice and
# whenever the command is killed; the sums of days are those of the rows.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need python3 sqlite3
build=$COUNTERSIGN_BUILD
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
reports() { python3 "$COUNTERSIGN_SRC/t/tools/reports.py" "$@"; }
settings() { # LEDGER
	printf 'listen = [ "local:%s/a.sock" ];\nauthserv_id = "mx.example.com";\nstore: { url = "sqlite:%s"; };\n' "$dir" "$1"
}
cs() { "$build/admin/countersign" -c conf "$@"; }
sql() { sqlite3 -cmd ".timeout 10000" "${2:-$dir/ledger.db}" "$1"; }
member() { # EXPRESSION of "found", the object on standard input
	python3 -c "import json, sys; found = json.load(sys.stdin); print($1)"
}
rows="SELECT COALESCE(SUM(messages), 0) FROM rx_row"
days="SELECT COALESCE(SUM(messages), 0) FROM rx_day"
heads="SELECT COALESCE(SUM(messages), 0) FROM rx_report WHERE kind = 'aggregate'"

settings "$dir/ledger.db" >conf
reports make plain plain
cs inbox read --store plain >out 2>err
like "without a ledger nothing is stored, and none is made" "$? $(cat err)" '^75 .*does not exist'
ok "none" test ! -e ledger.db
cs store migrate >/dev/null 2>&1
is "--no-store stores nothing" "$(cs inbox read --no-store plain >/dev/null; sql "SELECT COUNT(*) FROM rx_report")" 0
rm -f absent.db
settings "$dir/absent.db" >conf
like "without a ledger reports are printed all the same" "$(cs inbox read plain 2>&1; echo $?)" '^plain: aggregate'
ok "and none is made" test ! -e absent.db
settings "$dir/ledger.db" >conf

# ---- once ----
like "a report is stored" "$(cs inbox read plain)" '^plain: aggregate, stored'
like "the same again is a duplicate, also as JSON" "$(cs inbox read --json plain)" '"ledger":"duplicate"'
sed 's/2025\.1</2025.other</' plain >again
like "and under another identifier" "$(cs inbox read --store again)" '^again: aggregate, duplicate'
sed 's/<count>3</<count>5</' plain >other
like "another report under the same identifier is one" "$(cs inbox read --store other)" '^other: aggregate, stored'
is "which overlaps the first" "$(sql "SELECT overlaps FROM rx_report ORDER BY overlaps")" "0
1"
is "messages in the reports, the rows, the days" "$(sql "$heads; $rows; $days")" "16
16
16"
reports make null-report null
reports make time-week week
reports make abuse abuse
reports make tls tls
cs inbox read --store null week tls >/dev/null
is "a report of a week is shared among its days" "$(sql "SELECT COUNT(*), SUM(messages) FROM rx_day WHERE day < 20419")" "5|5"
is "nothing of it is lost" "$(sql "$heads; $days")" "23
23"

# ---- trust ----
for result in pass fail; do
	{
		printf 'Authentication-Results: mx.example.com;\n\tdmarc=%s header.from=receiver.example\n' $result
		printf 'Authentication-Results: mx.other.example; dmarc=pass header.from=receiver.example\n'
		reports make whole-zip | sed "s/2025.1/$result/"
	} >$result.eml
done
reports make whole-zip >none.eml
sed '1s/^/Authentication-Results: mx.other.example; dmarc=pass header.from=receiver.example\n/' none.eml >foreign.eml
for mail in pass fail none foreign; do
	rm -f trust.db
	settings "$dir/trust.db" >conf
	cs store migrate >/dev/null 2>&1
	cs inbox read --store $mail.eml >/dev/null
	cs inbox list --json | member '[r["trust"] for r in found["reports"]][0]'
done >trust
settings "$dir/ledger.db" >conf
is "only what this host wrote about the mail is believed" "$(tr '\n' ' ' <trust)" "pass fail unverified unverified "

# ---- a forged copy that comes first ----
settings "$dir/copy.db" >conf
cs store migrate >/dev/null 2>&1
sed 's/2025\.1/forged/' none.eml >copy.eml
like "a copy without authentication is stored" "$(cs inbox read copy.eml)" 'aggregate, stored'
like "the authentic report takes its place" "$(cs inbox read pass.eml)" 'aggregate, confirmed'
state="SELECT trust, mail_from, messages, (SELECT SUM(messages) FROM rx_row), (SELECT SUM(messages) FROM rx_day) FROM rx_report"
is "with its trust, and is counted once" "$(sql "$state" copy.db)" "pass|receiver.example|7|7|7"
is "a copy that comes later takes nothing back" "$(cs inbox read --json copy.eml | member 'found["ledger"]'; sql "$state" copy.db)" "duplicate
pass|receiver.example|7|7|7"
rm -f copy.db
cs store migrate >/dev/null 2>&1
sed 's/^From: .*/From: dmarc@stranger.example/' pass.eml >stranger.eml
cs inbox read stranger.eml >/dev/null
is "a stranger's own mail may carry a copy, too" "$(sql "SELECT trust, mail_from FROM rx_report" copy.db)" "pass|stranger.example"
like "mail of the reporter takes its place" "$(cs inbox read pass.eml)" 'aggregate, confirmed'
is "whichever comes first" "$(cs inbox read stranger.eml >/dev/null; sql "SELECT trust, mail_from FROM rx_report" copy.db)" "pass|receiver.example"

# ---- reports about single messages, and what cannot be read ----
settings "$dir/single.db" >conf
cs store migrate >/dev/null 2>&1
reports make abuse | sed 's/^Feedback-Type:/Original-Mail-From: <Alice@Example.COM>\n&/' >abuse.eml
reports make dmarc-failure >failure.eml
printf 'From: a@b.example\nSubject: hello\n\nno report \033[31m at all\n' >hello.eml
like "a complaint is stored" "$(cs inbox read abuse.eml)" '^abuse.eml: complaint, stored'
sed '1s/^/Received: from elsewhere\nAuthentication-Results: mx.example.com; dmarc=pass header.from=receiver.example\n/' abuse.eml >again.eml
like "the same that came another way, authenticated, counts as such" "$(cs inbox read again.eml)" '^again.eml: complaint, confirmed'
is "in place of the other" "$(sql "SELECT COUNT(*), MIN(trust) FROM feedback" single.db-personal)" "1|pass"
like "the next one is a duplicate" "$(cs inbox read again.eml)" '^again.eml: complaint, duplicate'
like "a failure report is stored" "$(cs inbox read failure.eml)" '^failure.eml: failure, stored'
cs inbox read hello.eml >out 2>err
is "what cannot be read is kept, and the exit status stays" "$?" 65
cs inbox read --store hello.eml >out 2>err
is "an MTA learns that it was taken" "$?" 0
is "they are in a file that only its owner can read" "$(stat -c %a single.db-personal)" 600
is "and not in the ledger" "$(sql "SELECT COUNT(*) FROM rx_report" single.db)" 0
is "complaints lists them" "$(cs inbox complaints --json | member '[(r["feedback_type"], r["source_ip"], r["message_id"]) for r in found["reports"]]')" \
	"[('abuse', '192.0.2.7', 'orig@example.com')]"
like "failures, too" "$(cs inbox failures)" 'dmarc'
is "not those of another domain" "$(cs inbox failures other.example --json | member 'len(found["reports"])')" 0
hashed=$(cs inbox complaints --json | member 'found["reports"][0]["original_mail_from"]')
like "local parts are hashed" "$hashed" '^[0-9a-f]{16}@Example.COM$'
is "neither file has the address" "$(cat single.db* | grep -aic alice)" 0
like "why lists what could not be read" "$(cs inbox why)" 'no report in this message'
is "since a day" "$(cs inbox why --since today --json | member 'len(found["unreadable"])') $(cs inbox why --since 2999-01-01 --json 2>/dev/null | member 'len(found["unreadable"])')" "1 0"
id=$(cs inbox why --json | member 'found["unreadable"][0]["id"]')
like "and shows one, with its reason and how it begins" "$(cs inbox why "$id")" '^reason: no report in this message'
like "and how it begins" "$(cs inbox why "$id")" '^  Subject: hello'
is "no control character gets out" "$(cs inbox why "$id" | tr -d '\n\011\040-\176' | tr -d '\200-\377' | wc -c)" 0
cs inbox why hello.eml >out
is "why FILE gives the reason" "$? $(cat out)" '1 hello.eml: unreadable: no report in this message, which begins "no report �[31m at all"'
cs inbox why nothing.here >out 2>err
like "an id that is not there" "$? $(cat err)" '^66 .*neither a file nor the id'
settings "$dir/plain.db" | sed '$a inbox: { hash_addresses = false; };' >conf
cs store migrate >/dev/null 2>&1
cs inbox read abuse.eml >/dev/null
like "the settings may want addresses as they are" "$(cs inbox complaints --json | member 'found["reports"][0]["original_mail_from"]')" '^Alice@Example.COM$'
settings "$dir/single.db" >conf
sqlite3 single.db-personal "UPDATE feedback SET received = received - 31 * 86400; UPDATE unreadable SET received = received - 31 * 86400"
like "they are deleted after inbox.keep_personal" "$(cs inbox expire 2>&1)" '3 reports deleted, 3 about single messages'
settings "$dir/ledger.db" >conf

# ---- looking at them ----
is "list has the newest reports" "$(cs inbox list --json | member 'len(found["reports"])')" 5
is "of a domain" "$(cs inbox list other.example --json | member 'len(found["reports"])')" 0
is "those in which something failed" "$(cs inbox list --failing --json | member 'len(found["reports"])')" 4
is "since a day" "$(cs inbox list --since 2999-01-01 --json 2>/dev/null | member 'len(found["reports"])')" 0
like "a report without messages neither passes nor fails" "$(cs inbox list)" 'example.com +receiver.example +0 +- .*no messages'
like "one of a week says so" "$(cs inbox list)" 'over a day'
id=$(cs inbox list --json | member '[r["id"] for r in found["reports"] if r["kind"] == "tls"][0]')
like "show has the failures of a TLS report" "$(cs inbox show "$id")" 'mx.example.com +5 +2 +certificate-expired +192.0.2.9'
id=$(cs inbox list --json | member '[r["id"] for r in found["reports"] if r["messages"] == 9][0]')
like "and the rows of an aggregate one" "$(cs inbox show "$id")" '^192.0.2.1 +5 +pass +none +example.com +example.com/s1=pass'
is "as JSON, too" "$(cs inbox show "$id" --json | member '[(r["source_ip"], r["count"], r["dkim"][0]["selector"]) for r in found["records"]][0]')" \
	"('192.0.2.1', 5, 's1')"
cs inbox show ffffffffffff >out 2>&1
is "an id that is not there" "$?" 1
like "tls lists sessions by MX" "$(cs inbox tls)" 'receiver.example +example.com +sts +mx.example.com +5 +2 +certificate-expired'

# ---- killed at any moment, and begun again ----
mkdir many
reports many 150 many 5
rm -f whole.db
settings "$dir/whole.db" >conf
cs store migrate >/dev/null 2>&1
cs inbox read --store many >/dev/null 2>&1
settings "$dir/killed.db" >conf
cs store migrate >/dev/null 2>&1
for n in {1..12}; do
	"$build/admin/countersign" -c conf inbox read --store many >/dev/null 2>&1 & # not cs: a shell would be killed
	sleep 0.0$((RANDOM % 10))
	sleep 0.$((n % 4))
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
done
cs inbox read --store many >/dev/null 2>&1
dump="SELECT kind, domain, org, messages, passed, hex(key) FROM rx_report ORDER BY key; SELECT * FROM rx_day ORDER BY 1, 2, 3, 4, 5, 6;
	SELECT hex(key), n, source_ip, messages FROM rx_row ORDER BY key, n"
ok "reports were stored" test "$(sql "SELECT COUNT(*) FROM rx_report" whole.db)" -gt 60
is "after twelve kills the same is stored as without one" "$(sql "$dump" killed.db | sha256sum)" "$(sql "$dump" whole.db | sha256sum)"
is "no message is lost, and none counted twice" "$(sql "$rows" killed.db)" "$(sql "$heads" killed.db)"
is "a ledger with them is in order" "$(cs store check >/dev/null 2>&1; echo $?)" 0

# ---- expiry ----
sql "UPDATE rx_report SET received = received - 91 * 86400 WHERE kind = 'aggregate'" killed.db
before=$(sql "$days" killed.db)
like "expire deletes what is older than inbox.keep" "$(cs inbox expire 2>&1)" '[1-9][0-9]* reports deleted'
is "its rows, too" "$(sql "$rows" killed.db)" 0
is "TLS reports are still there" "$(sql "SELECT COUNT(*) > 0 FROM rx_tls" killed.db)" 1
is "and so are the sums of days" "$(sql "$days" killed.db)" "$before"
done_testing
