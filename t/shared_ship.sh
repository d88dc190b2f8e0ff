#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What hosts count reaches the store they share, once: the connection is lost at each packet, the shipper
# is killed at each packet, the server dies and comes back.
#   shared_ship.sh [STRIDE]   each STRIDE-th packet only (2; 1 for all of them)
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3
stride=${1:-2}
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
cutter=
trap '[ -z "$cutter" ] || kill $cutter 2>/dev/null; pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
pg_cut_begin "$tmp"
day=2026-11-20

fill() { "$build/t/bin/ledgerfill" "$@" >/dev/null 2>&1; }
ship() { # ledger, URL [steps]
	"$build/t/bin/shipper" "$tmp/$1.db" "$2" "$1" $3 >"$tmp/out" 2>&1
}
counted() { # ledgers: messages and quiet ones in all of them
	local ledger
	for ledger; do
		sqlite3 "$tmp/$ledger.db" "SELECT SUM(messages), SUM(quiet) FROM tally"
	done | awk -F'|' '{ m += $1; q += $2 } END { print m "|" q }'
}
stored() { pg_ask "SELECT SUM(messages), SUM(quiet) FROM tally"; }

# ---- the engine ----
"$build/t/bin/sql.test" "$pg_url" >"$tmp/out" 2>&1
is "SQL means the same to PostgreSQL as to SQLite" "$(grep -v '^ok' "$tmp/out" | head -20)" "$(tail -1 "$tmp/out" | grep '^1\.\.')"
pg_fresh
"$build/t/bin/schema.test" "$pg_url" >"$tmp/out" 2>&1
is "the shared store has the columns of the table of columns" "$(grep -v '^ok' "$tmp/out" | head -20)" "$(tail -1 "$tmp/out" | grep '^1\.\.')"
pg_fresh

# ---- all of it, and what is added ----
fill "$tmp/a.db" combinations one.example $day
fill "$tmp/a.db" asked two.example $day 40 mailto:d@two.example 7
fill "$tmp/b.db" rows one.example $day 3000
ok "a host brings all its ledger holds" ship a "$pg_url"
ok "and another one" ship b "$pg_url"
is "all is there" "$(stored)" "$(counted a b)"
fill "$tmp/a.db" asked two.example $day 40 mailto:d@two.example 7
fill "$tmp/b.db" asked two.example $day 30 mailto:d@two.example
is "what is added is noted" "$(sqlite3 "$tmp/a.db" 'SELECT COUNT(*) FROM unshipped')" 40
ship a "$pg_url"
ship b "$pg_url"
is "what two hosts count alike comes together" \
	"$(pg_ask "SELECT COUNT(*), SUM(messages), SUM(quiet) FROM tally WHERE domain = 'two.example'")" "40|110|14"
is "nothing is left" "$(sqlite3 "$tmp/a.db" 'SELECT (SELECT COUNT(*) FROM unshipped), (SELECT COUNT(*) FROM batch WHERE sequence > (SELECT applied FROM spool))')" "0|0"
texts="dkim_aligned, spf_aligned, disposition, envelope_from, envelope_to, spf_domain, spf_result, reasons, dkim"
keys="source_ip, $texts"
is "the texts are those of the ledger" \
	"$(pg_ask "SELECT encode(row_key, 'hex'), $keys FROM tally WHERE domain = 'two.example' ORDER BY row_key" | cksum)" \
	"$(sqlite3 "$tmp/a.db" "SELECT lower(hex(row_key)), $keys FROM tally WHERE domain = 'two.example' ORDER BY row_key" | cksum)"
before=$(pg_ask "SELECT COUNT(*) FROM batch")
ok "nothing to ship" ship a "$pg_url"
is "makes no batch" "$(pg_ask "SELECT COUNT(*) FROM batch")" "$before"
is "the hosts" "$(pg_ask "SELECT name, rows > 0, messages FROM host ORDER BY name")" \
	"$(printf 'a|t|%s\nb|t|%s' "$(counted a | cut -d'|' -f1)" "$(counted b | cut -d'|' -f1)")"

# ---- the connection is lost at each packet ----
lost=0 bad= n=1
while :; do
	fill "$tmp/a.db" asked cut.example $day 3 mailto:d@cut.example 1
	cut_at $n
	ship a "$through_cutter" || lost=$((lost + 1))
	cut_end
	ship a "$pg_url" || bad="$bad $n:failed"
	[ "$(stored)" = "$(counted a b)" ] || bad="$bad $n"
	[ "$packets" -ge "$n" ] || break
	n=$((n + stride))
done
is "lost at one of $n packets (stride $stride), it counts once" "$bad" ""
ok "every step was hit" test $n -gt 20

# ---- the shipper is killed at each packet ----
bad= n=1
while :; do
	fill "$tmp/b.db" asked kill.example $day 3 mailto:d@kill.example 1
	cut_at $n "$tmp/pid"
	(
		echo $BASHPID >"$tmp/pid"
		exec "$build/t/bin/shipper" "$tmp/b.db" "$through_cutter" b
	) >"$tmp/out" 2>&1
	status=$?
	cut_end
	[ $status != 0 ] || [ "$packets" -lt "$n" ] || bad="$bad $n:alive"
	ship b "$pg_url" || bad="$bad $n:failed"
	[ "$(stored)" = "$(counted a b)" ] || bad="$bad $n"
	[ "$packets" -ge "$n" ] || break
	n=$((n + stride))
done 2>/dev/null
is "killed at one of $n packets (stride $stride), it counts once" "$bad" ""

# ---- a batch that is in already, its acknowledgement lost; and one that is another's ----
fill "$tmp/a.db" asked again.example $day 2 mailto:d@again.example
cp "$tmp/a.db" "$tmp/before.db"
ship a "$pg_url"
cp "$tmp/a.db" "$tmp/after.db"
cp "$tmp/before.db" "$tmp/a.db"
rm -f "$tmp"/a.db-*
ok "the same batch again" ship a "$pg_url"
is "changes nothing" "$(stored)" "$(counted a b)"
cp "$tmp/before.db" "$tmp/a.db"
rm -f "$tmp"/a.db-*
fill "$tmp/a.db" asked again.example $day 5 mailto:d@again.example
ship a "$pg_url"
like "another batch under its number is not taken for that one" "$(cat "$tmp/out")" \
	"ledger is older .* the 7 messages that it had not shipped .* not sent again; 5 messages are missing"
cp "$tmp/after.db" "$tmp/a.db"
rm -f "$tmp"/a.db-*

# ---- two hosts at the same time, and the server dies meanwhile ----
fill "$tmp/a.db" rows busy.example $day 12000
fill "$tmp/b.db" rows busy.example $day 12000
( for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "$build/t/bin/shipper" "$tmp/a.db" "$pg_url" a 3 || sleep 0.3; done ) >/dev/null 2>&1 &
one=$!
( for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "$build/t/bin/shipper" "$tmp/b.db" "$pg_url" b 3 || sleep 0.3; done ) >/dev/null 2>&1 &
two=$!
sleep 0.5
pg_stop immediate
sleep 0.3
ship a "$pg_url"
like "without the server" "$(cat "$tmp/out")" "the shared store|another process"
pg_start
wait $one $two
ok "then the rest" ship a "$pg_url"
ok "of both" ship b "$pg_url"
is "each row once" "$(stored)" "$(counted a b)"
is "one row for both" "$(pg_ask "SELECT COUNT(*), MIN(messages), MAX(messages) FROM tally WHERE domain = 'busy.example'")" "12000|2|2"

# ---- schemas ----
pg_ask "UPDATE store SET version = 99"
ship a "$pg_url"
like "a newer schema is refused" "$(cat "$tmp/out")" "newer countersign .schema 99.*upgrade this one"
pg_fresh
pg_ask "CREATE TABLE policy (x bigint)"
ship a "$pg_url"
like "tables of another program are left alone" "$(cat "$tmp/out")" "a database of its own"
bad= n=1
while :; do
	cut_at $n
	ship a "$through_cutter"
	cut_end
	tables=$(pg_ask "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
	[ "$tables" = policy ] || bad="$bad $n:$tables"
	[ "$packets" -ge $n ] || break
	n=$((n + 1))
done
is "also when the connection is lost at one of $n packets" "$bad" ""
pg_fresh
( "$build/t/bin/shipper" "$tmp/a.db" "$pg_url" a; "$build/t/bin/shipper" "$tmp/a.db" "$pg_url" a ) >/dev/null 2>&1 &
ship b "$pg_url" || ship b "$pg_url"
wait $!
ok "a new store" ship a "$pg_url"
is "gets all, from both at the same time" "$(stored)" "$(counted a b)"
done_testing
