#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `countersign report`: its output as XML against the schema of RFC 9990 (COUNTERSIGN_DATA is the
# directory that has dmarc-2.0.xsd), its choices, and its mistakes.
cs=${COUNTERSIGN_CS:-${COUNTERSIGN_BUILD:?}/admin/countersign}
fill=${COUNTERSIGN_BUILD:?}/t/bin/ledgerfill
export LC_ALL=C
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0 sum=0

result() { # status, name, what to print when it failed
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		[ -z "$3" ] || sed 's/^/# /' <<<"$3"
	fi
}

skip() { # name, why it was not tried
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# name, exit code, pattern of what is printed, arguments
run() {
	local name=$1 code=$2 pattern=$3 out status
	shift 3
	out=$("$cs" -c "$tmp/conf" report "$@" 2>&1)
	status=$?
	[ $status = "$code" ] && grep -qE -- "$pattern" <<<"$out"
	result $? "$name" "exit $status, wanted $code and /$pattern/
$out"
}

xpath() {
	xmllint --xpath "$1" "$2" 2>/dev/null
}

# The schema holds, and every message is there. file, messages
valid() {
	local out
	if ! command -v xmllint >/dev/null; then
		skip "the schema holds: ${1##*/}" "xmllint is not installed"
		skip "every message is in it: ${1##*/}" "xmllint is not installed"
		return
	fi
	if [ -r "$COUNTERSIGN_DATA/dmarc-2.0.xsd" ]; then
		out=$(xmllint --noout --schema "$COUNTERSIGN_DATA/dmarc-2.0.xsd" "$1" 2>&1)
		result $? "the schema holds: ${1##*/}" "$out"
	else
		skip "the schema holds: ${1##*/}" "COUNTERSIGN_DATA has no dmarc-2.0.xsd"
	fi
	out=$(xpath 'sum(//*[local-name()="count"])' "$1")
	[ "$out" = "$2" ]
	result $? "every message is in it: ${1##*/}" "have $out, want $2"
}

db=$tmp/ledger.db
day=2026-03-01
cat >"$tmp/conf" <<END
store: { url = "sqlite:$db"; };
reports: { org = "Example <Org> & Co"; from = "dmarc-noreply@Reports.Example.NET"; contact = "https://example.net/"; };
END

run "no ledger yet" 69 'does not exist; countersignd creates it' list
messages=$("$fill" "$db" combinations example.com $day 2>/dev/null)
"$fill" "$db" policies two.example $day >/dev/null 2>&1
many=$("$fill" "$db" rows many.example $day 3000 2>/dev/null)

"$cs" -c "$tmp/conf" report show example.com --day $day --xml >"$tmp/all.xml" 2>"$tmp/err"
result $? "the report as XML" "$(cat "$tmp/err")"
valid "$tmp/all.xml" "$messages"
[ ! -s "$tmp/err" ]
result $? "nothing else is said" "$(cat "$tmp/err")"
if command -v xmllint >/dev/null; then
	for element in disposition result type; do
		out=$(xpath "//*[local-name()='$element']/text()" "$tmp/all.xml" | sort -u | tr '\n' ' ')
		case $element in
		disposition) want='none pass quarantine reject ' ;;
		result) want='fail neutral none pass permerror policy softfail temperror ' ;;
		type) want='local_policy mailing_list other policy_test_mode trusted_forwarder ' ;;
		esac
		[ "$out" = "$want" ]
		result $? "every $element is in it" "have $out"
	done
	out=$(xpath 'count(//*[local-name()="record"][count(.//*[local-name()="dkim"]) = 101])' "$tmp/all.xml")
	[ "$out" = 1 ]
	result $? "a record with 100 signatures" "have $out"
	out=$(xpath 'string(//*[local-name()="org_name"])' "$tmp/all.xml")
	[ "$out" = "Example <Org> & Co" ]
	result $? "the reporter" "have $out"
	out=$(xpath 'string(//*[local-name()="error"])' "$tmp/all.xml")
	[ "$out" = '_dmarc.example.com: sp= is not valid <&>' ]
	result $? "what is wrong with the record" "have $out"
	out=$(xpath 'string(//*[local-name()="spf"]/*[local-name()="human_result"])' "$tmp/all.xml")
	[ "$out" = 'no SPF record' ]
	result $? "why SPF did not pass" "have $out"
else
	skip "what is in it" "xmllint is not installed"
fi
"$cs" -c "$tmp/conf" report show example.com --day $day --xml >"$tmp/again.xml" 2>/dev/null
cmp -s "$tmp/all.xml" "$tmp/again.xml"
result $? "made again it is the same"

run "several policies: which report?" 64 'had 3 policies .* --policy=1 to 3, .* --output' show two.example --day $day --xml
for i in 1 2 3; do
	"$cs" -c "$tmp/conf" report show two.example --day $day --xml --policy $i >"$tmp/$i.xml" 2>&1
	one=$("$cs" -c "$tmp/conf" report show two.example --day $day --policy $i | sed -n 's/ messages,.*//p')
	valid "$tmp/$i.xml" "$one"
	sum=$((sum + one))
done
[ "$sum" = 6 ]
result $? "together they have all messages" "have $sum, want 6"
run "a policy that was not" 1 'no policy 4: two.example had 3' show two.example --day $day --policy 4
mkdir "$tmp/out"
run "all of them into a directory" 0 "$tmp/out/reports.example.net!two.example!1772323200!1772409599!20260301" \
	show two.example --day $day --output "$tmp/out"
[ "$(ls "$tmp/out" | wc -l)" = 3 ] && [ "$(ls -A "$tmp/out" | wc -l)" = 3 ]
result $? "three files" "$(ls -A "$tmp/out")"
run "a directory that is not there" 74 'No such file' show two.example --day $day -o "$tmp/none"

"$cs" -c "$tmp/conf" report show many.example --day $day --xml >"$tmp/many.xml" 2>/dev/null
valid "$tmp/many.xml" "$many"
run "for people" 0 '^3000 messages, 0.0 % pass, 3000 rows; report to: mailto:' show many.example --day $day
run "most rows are left out" 0 '^and 2960 messages in other rows' show many.example --day $day
[ "$("$cs" -c "$tmp/conf" report show many.example --day $day --rows 0 | grep -c '^2001:db8')" = 3000 ]
result $? "or none"
run "text for people is harmless" 0 'nul\\x01\\x1f.example' show example.com --day $day --rows 100
run "more with -v" 0 'SPF CHECKED +SIGNATURES' show -v example.com --day $day
if command -v python3 >/dev/null; then
	out=$("$cs" -c "$tmp/conf" --json report show example.com --day $day | python3 -c '
import json, sys
report = json.load(sys.stdin)["reports"][0]
print(report["messages"], sum(row["count"] for row in report["rows"]))' 2>&1)
	[ "$out" = "$messages $messages" ]
	result $? "as JSON" "$out"
	out=$("$cs" -c "$tmp/conf" report list --json --day $day | python3 -c '
import json, sys
print([(r["domain"], r["policy_number"]) for r in json.load(sys.stdin)["reports"]])' 2>&1)
	[ "$out" = "[('example.com', 1), ('many.example', 1), ('two.example', 1), ('two.example', 2), ('two.example', 3)]" ]
	result $? "the list as JSON" "$out"
else
	skip "as JSON" "python3 is not installed"
fi
run "the list" 0 "^$day +many.example +quarantine +3000 +0.0 +3000 +mailto:dmarc@example.com" list --day $day
run "a second policy of a day" 0 'two.example +[a-z]+ \(2\)' list --since $day
run "an empty day" 0 'nothing was counted on' list --day 2020-01-01
run "a domain that was not seen" 1 'nothing was counted for x.example on' show x.example --day $day
run "the newest stored day by default" 0 "^example.com +$day" show example.com
run "upper case" 0 '^example.com' show EXAMPLE.com --day $day
run "a day that is none" 64 'is not a valid day' list --day 2026-02-30
run "a time that is none" 64 'is not a valid day' list --since 7x
run "both" 64 'not both' list --since 7d --day today
run "no domain" 64 'give one domain' show
run "a bad domain" 64 'is not a valid domain name' show 'a..b'
run "JSON or XML" 64 'not both' show example.com --json --xml

# ---- the form of RFC 7489 ----
sed 's/contact =/format = "rfc7489"; contact =/' "$tmp/conf" >"$tmp/old.conf"
mv "$tmp/old.conf" "$tmp/conf"
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
"$cs" -c "$tmp/conf" report show example.com --day $day --xml >"$tmp/old.xml" 2>"$tmp/err"
result $? "the report as RFC 7489 has it" "$(cat "$tmp/err")"
if command -v xmllint >/dev/null; then
	out=$(xmllint --noout --schema "$src/t/tools/dmarc-0.1.xsd" "$tmp/old.xml" 2>&1)
	result $? "its schema holds" "$out"
	[ "$(xpath 'sum(//*[local-name()="count"])' "$tmp/old.xml")" = "$messages" ]
	result $? "every message is in it"
	[ "$(xpath 'string(//pct)' "$tmp/old.xml")" = 100 ] && [ -z "$(xpath '//np|//testing|//discovery_method|//generator' "$tmp/old.xml")" ]
	result $? "pct is there, what is new is not"
	[ -z "$(xpath '//disposition[text()="pass"]' "$tmp/old.xml")" ] &&
		[ "$(xpath 'string(//reason[comment="policy_test_mode"]/type)' "$tmp/old.xml")" = other ]
	result $? "old words for new things"
	! xmllint --noout --schema "$src/t/tools/dmarc-0.1.xsd" "$tmp/all.xml" >/dev/null 2>&1
	result $? "the other form is another"
else
	skip "its schema holds" "xmllint is not installed"
fi
printf 'store: { url = ""; };\n' >"$tmp/conf"
run "no ledger at all" 78 'store.url is empty' list
printf 'store: { url = "sqlite:%s/conf"; };\n' "$tmp" >"$tmp/conf"
run "no database" 69 'not an SQLite database' list

echo "1..$n"
exit $failed
