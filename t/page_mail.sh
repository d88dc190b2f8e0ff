#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The page by mail (page.mail, countersign page --mail) and what the audit's watch finds (audit.mail): through the outbox, as
# reports are, once in a day or week and from one host; a stranger's text stays text.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/postgres.sh"
need sqlite3 python3 perl
clear_of_midnight 660
build=$COUNTERSIGN_BUILD
dir=$(mktemp -d) || exit 99
chmod 755 "$dir"
dns= sink= pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; kill $dns $sink 2>/dev/null; pg_stop; wait 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
root=
[ "$(id -u)" = 0 ] && root=--allow-root
. "$COUNTERSIGN_SRC/t/lib/page_data.sh"
cs() { "$build/admin/countersign" -c conf "$@"; }
start_sink() {
	mkdir -p sink
	rm -f sink/*
	perl "$COUNTERSIGN_SRC/t/tools/smtp_sink.pl" sink &
	sink=$!
	eventually test -s sink/port
}
mails() { ls sink | grep -c '\.mail$'; }
to() { sed -n 's/^X-Rcpt: //p' sink/*.mail | sort | tr '\n' ' '; }
settings() { # of page:, further sections
	{ cat base
	echo "reports: { org = \"Example\"; from = \"noreply@example.com\"; start = \"0s\"; via = \"smtp://127.0.0.1:$(cat sink/port)\"; };"
	echo "page: { $1 };"
	echo "${2:-}"; } >conf
}
# Of the mail in a file, after two lines with its envelope: its header, the text, and the page into page.html
cat >read.py <<'P'
import email, email.policy, sys
mail = email.message_from_bytes(open(sys.argv[1], "rb").read().split(b"\n", 2)[2], policy=email.policy.default)
print("defects", [str(d) for part in mail.walk() for d in part.defects])
for name in ("From", "To", "Subject", "Auto-Submitted", "Content-Type"):
    print(name + ":", mail[name])
parts = list(mail.walk())[1:] if mail.is_multipart() else [mail]
print("parts", [(p.get_content_type(), p.get_content_disposition(), p.get_filename()) for p in parts])
print(parts[0].get_content())
if len(parts) > 1:
    open("page.html", "w", encoding="utf-8").write(parts[1].get_content())
P

page_settings
cp conf base
start_sink
settings ''
cs store migrate >/dev/null 2>&1
page_fill

# ---- at once ----
is "a page is sent" "$(cs page --mail=boss@example.net >out 2>err; echo $? "$(to)")" "0 boss@example.net "
python3 read.py sink/*.mail >read
is "as a valid mail" "$(sed -n 1p read)" "defects []"
is "from reports.from" "$(sed -n 2p read)" "From: noreply@example.com"
like "about this host and day" "$(cat read)" "^Subject: Mail of mx.example.com, $(date -u +%F)\$"
like "that no program answers" "$(cat read)" '^Auto-Submitted: auto-generated$'
is "a text, and the page for the browser" "$(grep ^parts read)" \
	"parts [('text/plain', None, None), ('text/html', 'attachment', 'countersign-$(date -u +%F).html')]"
like "the text has each domain" "$(cat read)" '^  example\.com: [0-9]+ messages, [0-9]+ passed'
like "with the advice" "$(cat read)" '^    p=reject: '
like "and what changed" "$(cat read)" '^  third\.example: 203\.0\.113\.0/24 \(unknown\): new: 9 messages, 0 passed'
is "no control or bidirectional character" "$(python3 -c '
import sys, unicodedata
print(sorted({hex(ord(c)) for c in sys.stdin.read() if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}))' <read)" "[]"
cs page --json >page.json
is "the page's numbers are those of --json" "$(python3 "$COUNTERSIGN_SRC/t/lib/page_numbers.py" page.json page.html 2>&1)" ""
is "not to what is not an address" "$(cs page --mail=boss 2>err; echo $?)" 64
is "either a file or a mail" "$(cs page --mail=boss@example.net -o x.html 2>err; echo $?)" 64
kill $sink; wait $sink 2>/dev/null
is "the mail server is away: exit status 75" "$(cs page --mail=boss@example.net 2>err; echo $?)" 75
like "which is said" "$(cat err)" 'the page was not sent to boss@example.net: '
start_sink

# ---- by setting ----
settings 'mail = [ "boss@example.net", "grey@example.net" ];'
cs report send >out 2>err
is "with the reports" "$(to)" "boss@example.net "
like "one address asks for later" "$(cat out)" 'deferred +grey@example.net'
cs report send >out 2>err
is "not again in this week" "$(to)" "boss@example.net "
touch sink/open
sqlite3 ledger.db "UPDATE delivery SET next = 1 WHERE kind = 'notice' AND next IS NOT NULL"
cs report send --json >out 2>err
is "the other one later" "$(to)" "boss@example.net grey@example.net "
is "as JSON" "$(python3 -c 'import json; print([(e["kind"], e["state"]) for e in json.load(open("out"))["events"]])')" "[('notice', 'sent')]"
is "then its content is no longer kept" "$(sqlite3 ledger.db "SELECT COUNT(*) FROM report_part WHERE config IN (SELECT config FROM report WHERE kind = 'notice')")" 0
is "the ledger holds together" "$(cs store check >out 2>&1; echo $?)" 0
for table in report delivery; do sqlite3 ledger.db "UPDATE $table SET day = day - 7 WHERE kind = 'notice'"; done
cs report send >out 2>err
is "another one in the next week" "$(mails)" 4
is "a dry run sends none" "$(cs report send --dry-run >out 2>err; echo $?) $(mails)" "0 4"
for table in report delivery; do sqlite3 ledger.db "UPDATE $table SET day = day - 90 WHERE kind = 'notice'"; done
cs report send >out 2>err
is "old ones are forgotten" "$(sqlite3 ledger.db "SELECT COUNT(*) FROM report WHERE kind = 'notice'")" 1

# ---- what the audit finds ----
settings '' "audit: { state = \"$dir/state\"; mail = [ \"boss@example.net\" ]; };"
rm -f sink/*.mail
cs audit --watch example.com >/dev/null 2>&1
sed -i '/v=spf1/d' zone
kill $dns; wait $dns 2>/dev/null
"$build/t/bin/dnsd" --port-file port zone 2>dnsd.log &
dns=$!
eventually test -s port
sed -i "s/127.0.0.1@[0-9]*/127.0.0.1@$(cat port)/" base
settings '' "audit: { state = \"$dir/state\"; mail = [ \"boss@example.net\" ]; };"
cp -r state before
is "something has changed" "$(cs audit --watch example.com >changes 2>err; echo $?) $(mails)" "1 0"
cs report send >out 2>err
python3 read.py sink/*.mail >read
is "it is sent" "$(to)" "boss@example.net "
like "all of it" "$(cat read)" "^$(head -1 changes | sed 's/[][^$.*+?(){}|\\"]/./g')\$"
rm -rf state; cp -r before state
cs audit --watch example.com >/dev/null 2>&1
cs report send >out 2>err
is "the same is sent once" "$(mails)" 1
cs page -o page.html 2>err
cs page --json >page.json
like "the page has the findings" "$(cat page.html)" 'Publish: <code>'
is "those of the audit" "$(python3 -c '
import json
print(all(f["level"] in ("error", "warn") for p in json.load(open("page.json"))["posture"] for f in p["findings"]))')" True
like "and the record to publish" "$(python3 -c '
import json
print([f["remedy"] for p in json.load(open("page.json"))["posture"] for f in p["findings"] if f["rule"] == "spf.none"])')" 'example\.com\. .*v=spf1'
printf 'countersign findings 1\t1764000000\t0\nwarn\tx.y\t<b>\xe2\x80\xae</b>\t<script>\n' >state/example.com.findings
cs page -o page.html 2>err
like "where somebody wrote markup, it is text" "$(cat page.html)" '&lt;b&gt;\[U\+202E\]&lt;/b&gt;<div>Publish: <code>&lt;script&gt;</code>'
echo junk >state/example.com.findings
is "a file that is not ours is left out" "$(cs -v page -o page.html 2>err; echo $?) $(grep -c 'example.com.findings: it does not begin' err)" "0 1"

# ---- the daemon ----
sqlite3 ledger.db "DELETE FROM delivery WHERE kind = 'notice'; DELETE FROM report WHERE kind = 'notice'"
rm -f sink/*.mail
settings 'mail = [ "boss@example.net" ]; mail_every = "day";' "log: { target = \"stderr\"; }; control: { socket = \"\"; };"
"$build/daemon/countersignd" $root -f -c conf 2>log &
pid=$!
ok "the daemon sends it, also without reports.send" eventually eval '[ "$(mails)" = 1 ]'
python3 read.py sink/*.mail >read
like "with what it knows of itself" "$(cat page.html)" 'Running since 20'
kill $pid
wait $pid 2>/dev/null
pid=
like "the log has it" "$(cat log)" 'notice of .* for example.com to boss@example.net: sent'

# ---- settings ----
sed '/^reports/d' conf >wrong
is "without reports.from it is refused" "$(cs -c wrong config check >out 2>&1; echo $?) $(grep -c 'page.mail.*reports.from is not' out)" "78 1"
sed 's/sqlite:[^"]*//' conf >wrong
is "and without a ledger" "$(cs -c wrong config check >out 2>&1; echo $?) $(grep -c 'page.mail.*store.url is empty' out)" "78 1"

# ---- hosts that share a store ----
if [ -z "$pg_bin" ]; then
	skip "one host of several sends it" "PostgreSQL is not installed"
	done_testing
fi
pg_make "$dir/pg"
rm -f sink/*.mail
for host in a b; do
	settings 'mail = [ "boss@example.net" ];' ""
	sed "s|sqlite:[^\"]*|sqlite:$dir/$host.db|; s|store: {|store: { shared = \"${pg_url//&/\\&}\";|" conf >$host.conf
	"$build/admin/countersign" -c $host.conf store migrate >/dev/null 2>&1
	"$build/t/bin/ledgerfill" $host.db asked one.example "$(date -u -d '2 days ago' +%F)" 1 mailto:x@one.example >/dev/null 2>&1
	"$build/t/bin/shipper" $host.db "$pg_url" $host >/dev/null 2>&1
done
for host in a b a; do "$build/admin/countersign" -c $host.conf report send >out.$host 2>&1; done
is "one host of several sends it" "$(to | tr ' ' '\n' | grep -c boss)" 1
is "the page of one domain, from what they share" "$("$build/admin/countersign" -c a.conf page --domain one.example -o one.html >out 2>&1; echo $?) $(grep -c 'What was received here' one.html)" "0 1"
like "with what was received of it" "$("$build/admin/countersign" -c b.conf --json page --domain one.example | tr -d '\n ')" '"let_in":\{"messages":[1-9]'
done_testing
