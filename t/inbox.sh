#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign inbox read: every odd thing that reporters do (t/tools/reports.py), bombs, mailboxes, the exit status, and the
# public reports (--data) beside what another library reads from them.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
build=$COUNTERSIGN_BUILD
tools=$COUNTERSIGN_SRC/t/tools
cs=$build/admin/countersign
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99

reports() { python3 "$tools/reports.py" "$@"; }
tell() { # what a checker says, as TAP
	local line
	while IFS= read -r line; do
		case $line in
		"ok "*) pass "${line#ok }" ;;
		"not ok "*) fail "${line#not ok }" ;;
		*) echo "$line" ;;
		esac
	done
}
kinds() { # ARGUMENT...: the kinds that inbox read finds
	"$cs" inbox read --json "$@" 2>/dev/null | python3 -c '
import json, sys
print(*[json.loads(line).get("kind") for line in sys.stdin])'
}

mkdir quirks
reports all quirks
tell < <(python3 "$tools/reports_check.py" "$cs" quirks 2>&1)

# ---- bombs: each is refused at once, and costs itself alone ----
mkdir bombs
reports bombs bombs
cost() { # FILE: of the command, in seconds of CPU, into $cpu
	out=$(bash -c 'TIMEFORMAT=%U+%S; time "$0" inbox read "$1"' "$cs" "$1" 2>time)
	cpu=$(tail -1 time)
}
cost "$(ls -d quirks/* | head -1)"
ordinary=$cpu
for bomb in bombs/*; do
	cost "$bomb"
	bomb=${bomb#bombs/}
	like "$bomb is refused" "$out" "^bombs/$bomb: unreadable: "
	if [ -n "$COUNTERSIGN_SANITIZER" ]; then
		skip "$bomb costs little" "a sanitizer is slow"
	else
		ok "$bomb costs 0.1 s of CPU more than an ordinary report at most ($cpu, $ordinary)" \
			awk "BEGIN { exit !($cpu < $ordinary + 0.1) }"
	fi
done

# ---- where reports lie ----
reports make plain plain.xml
reports make whole-zip one.eml
reports make unused two.eml
reports make tls-mail three.eml
for n in one two three; do
	printf 'From x@y.example Fri Nov 28 00:10:00 2025\n'
	cat $n.eml
	echo
done >mbox
is "a mailbox: one bad message costs one report" "$(kinds mbox)" "aggregate unreadable tls"
"$cs" inbox read mbox >out 2>err
is "and the status says that a part was read" "$?" 2
like "its place is named" "$(cat out)" '^mbox message 2: unreadable'
like "and how many there were" "$(cat err)" 'error: 1 of 3 reports could not be read'
mkdir -p Maildir/cur Maildir/new Maildir/tmp
cp one.eml "Maildir/cur/1:2,S"
cp three.eml Maildir/new/2
cp two.eml Maildir/tmp/3
is "a Maildir, without what is being delivered" "$(kinds Maildir)" "aggregate tls"
is "standard input" "$(kinds - <one.eml)" "aggregate"
is "a mailbox there" "$(kinds - <mbox)" "aggregate unreadable tls"
is "several files" "$(kinds plain.xml three.eml)" "aggregate tls"
"$cs" inbox read plain.xml one.eml >/dev/null 2>err
is "0 when all was read" "$? $(cat err)" "0 "
"$cs" inbox read two.eml >/dev/null 2>&1
is "65 when nothing was" "$?" 65
"$cs" inbox read plain.xml absent.xml >out 2>err
is "66 when a file is absent" "$?" 66
like "which is named" "$(cat err)" 'absent.xml: No such file'
like "what is there is read" "$(cat out)" '^plain.xml: aggregate'
"$cs" inbox read --json two.eml >out 2>err
like "an error is in the JSON, too" "$(cat out)" '"kind":"unreadable".*"error":"1 of 1 reports could not be read".*"exit":65}$'
mkfifo pipe
"$cs" inbox read pipe >out 2>err
like "a pipe is not waited for" "$? $(cat err)" '66 .*not a regular file'
printf 'x\n' >"$(printf 'name\033[31m')"
"$cs" inbox read "$(printf 'name\033[31m')" >out 2>&1
ok "a name of a file is made harmless" bash -c '! grep -q $'"'\\033'"' out'

# ---- many, and large ones ----
mkdir many
reports many 200 many 7
"$cs" inbox read --json many 2>/dev/null | python3 -c '
import json, sys
found = [json.loads(line) for line in sys.stdin]
print(sum(one.get("messages", 0) for one in found), sum(one["kind"] != "unreadable" and one["kind"] is not None for one in found))' >sum
read -r messages read <many.sum
is "200 reports of all kinds: every message is counted" "$(cut -d" " -f1 sum)" "$messages"
reports big 50000 20971520 big.xml.gz
out=$("$cs" inbox read --json big.xml.gz | python3 -c '
import json, sys
found = json.loads(sys.stdin.readline())
print(found["rows"], len(found["records"]), found["messages"], found["records"][49999]["dkim"][0]["selector"])')
is "a report of 20 MB with 50,000 rows" "$out" "50000 50000 199997 s1"

if [ -d "$COUNTERSIGN_DATA/reports" ]; then
	tell < <(python3 "$tools/reports_data.py" "$cs" "$COUNTERSIGN_DATA/reports" 2>&1)
else
	skip "the public reports" "no --data with reports/"
fi
done_testing
