#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign stats: what the ledger counted, by domain, source and result; what a stricter setting would cost.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
clear_of_midnight 10
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
today=$(date -u +%F)
echo "store: { url = \"sqlite:$work/db\"; };" >"$work/conf"
fill() { "$COUNTERSIGN_BUILD/t/bin/ledgerfill" "$work/db" "$@" >/dev/null; }
stats() { # exit code, arguments
	local want=$1 status
	shift
	"$cs" -c "$work/conf" stats "$@" >"$work/out" 2>"$work/err"
	status=$?
	is "stats $*" $status "$want"
}
has() { like "has: $1" "$(cat "$work/out")" "$1"; }

stats 69
like "without a ledger" "$(cat "$work/err")" 'db'
fill policies ex.test "$today"                        # p=none 1, quarantine 2, reject 3 messages, all fail
fill asked other.test "$today" 7 mailto:x@example.net # p=quarantine, sp=none
fill policies old.test "$(date -u -d '20 days ago' +%F)"
stats 0
has '^other\.test +7 +0\.0'
has '^ex\.test +6 '
is "old days are left out" "$(grep -c old.test "$work/out")" 0
has '^13 messages of domains with a DMARC record, 0\.0 % pass'
is "the largest comes first" "$(sed -n 2p "$work/out" | cut -d' ' -f1)" other.test
stats 0 --since 30d
has '^old\.test +6 '
stats 0 --by source
has '^192\.0\.2\.1 +7 '
stats 0 --by result
has '^fail +none +fail +fail +13 '
stats 0 --would-reject
has '^ex\.test +192\.0\.2\.1 +reject +bounce\.example\.net +none +3$'
has '^ex\.test +192\.0\.2\.1 +quarantine +bounce\.example\.net +none +2$'
has '"strict" would reject 3 and quarantine 9; "rfc" would quarantine 12 and reject none'
is "p=none loses nothing" "$(grep -cE ' 1$' "$work/out")" 7
stats 0 --would-reject --rows 1
is "one row" "$(grep -c '192\.0\.2' "$work/out")" 1
like "the rest is told" "$(cat "$work/err")" '8 more; --rows=0'

# what passes or came through somebody trusted is not lost; sp= counts below; t=y is one step less
rm "$work"/db*
fill testing ex.test "$today"
fill excused other.test "$today" 7
stats 0 --would-reject
has '"strict" would reject 0 and quarantine 7;'
"$cs" -c "$work/conf" --json stats --by result >"$work/out"
is "JSON has numbers" "$(python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["messages"], d["passed"], sum(g["messages"] for g in d["groups"]), d["strict_would_quarantine"])' <"$work/out")" "13 1 13 7"

# mistakes
stats 64 --by size
stats 64 --since yesteryear
stats 64 --by source --would-reject
stats 64 --rows x
done_testing
