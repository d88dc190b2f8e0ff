#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign store check --reconcile: each message that was counted is reported, or its row says why not; what is missing
# or doubled, and the metrics of the last check. With a private PostgreSQL.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 perl python3
clear_of_midnight 60
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
sink= daemon=
trap 'kill $sink $daemon 2>/dev/null; pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root
ago() { date -u -d "$1 days ago" +%F 2>/dev/null || date -u -v-"$1"d +%F; }
today=$(ago 0) two=$(ago 2) five=$(ago 5) ten=$(ago 10)

fill() { "$build/t/bin/ledgerfill" "$tmp/a.db" asked "$@" >/dev/null 2>&1; } # DOMAIN DAY COUNT RUA
conf() { # settings of the store
	cat >"$tmp/conf" <<-END
		listen = [ "local:$tmp/a.sock" ]; control: { socket = "$tmp/control.sock"; };
		http: { listen = [ "127.0.0.1:0" ]; }; log: { target = "stderr"; };
		dns: { servers = [ "127.0.0.1@1" ]; };
		sign: { enabled = false; keys = "$tmp/keys"; };
		store: { url = "sqlite:$tmp/a.db"; $1 };
		reports: { send = ${2:-true}; org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:${port:-1}"; };
	END
}
cs() { "$build/admin/countersign" -c "$tmp/conf" "$@"; }
check() { # the table, and the exit status as the last line
	cs store check --reconcile >"$tmp/out" 2>&1
	echo "exit $?" >>"$tmp/out"
	sed 's/  */ /g; s/ $//' "$tmp/out"
}
shows() { # name, pattern...
	local name=$1 pattern
	shift
	check >"$tmp/table"
	for pattern; do
		grep -qE -- "$pattern" "$tmp/table" && continue
		fail "$name"
		echo "# wanted /$pattern/"
		sed 's/^/# /' "$tmp/table"
		return
	done
	pass "$name"
}
lite() { sqlite3 "$tmp/a.db" "$1"; }
noted() { sed -E 's/^at [0-9]+ //' "$tmp/a.db-checked"; }

# ---- a host by itself ----
mkdir "$tmp/keys" "$tmp/sink"
conf
fill early.example "$ten" 4 mailto:d@early.example
lite "UPDATE policy SET since = since - 9 * 86400"
fill one.example "$two" 30 mailto:d@one.example
fill none.example "$two" 3 https://none.example/
fill today.example "$today" 7 mailto:d@today.example
shows "before anything was sent" "^$ten aggregate 4 - - 0 0 4 from before the first report" \
	"^$two aggregate 33 - - 0 0 30 waiting for their report; 3 of domains that want no reports" \
	"^$today aggregate 7 - - 0 0 7 of a day that is not over" '^exit 0$'
conf "" false
shows "reports.send is off" "3 of domains that want no reports; 30 not reported: reports.send is off" '^exit 0$'
perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
sink=$!
eventually test -s "$tmp/sink/port"
port=$(cat "$tmp/sink/port")
conf
fill refuses.example "$two" 5 mailto:nobody@refuses.example
fill later.example "$two" 6 mailto:grey@later.example
fill five.example "$five" 9 mailto:d@five.example
cs -q report send >/dev/null 2>&1
cs -q report send five.example --day="$five" >/dev/null 2>&1
shows "what was sent is reported, the rest has a reason" \
	"^$ten aggregate 4 - - 0 0 4 from before the first report" "^$two aggregate 44 - - 30 0 6 waiting to be sent; 3 of domains that want no reports; 5 not accepted by the mail servers" \
	"^$five aggregate 9 - - 9 0" '^exit 0$'
is "which is noted" "$(noted)" "findings 0 missing 0"
lite "DELETE FROM report WHERE domain = 'one.example'; DELETE FROM delivery WHERE domain = 'one.example'"
shows "a report that is gone is made again" "^$two .* 30 waiting for their report" '^exit 0$'
cs -q report send >/dev/null 2>&1
fill lost.example "$(ago 4)" 8 mailto:d@lost.example
shows "one that came late is waited for" "8 waiting for their report" '^exit 0$'
lite "UPDATE policy SET since = since - 5 * 86400 WHERE domain = 'lost.example'"
shows "and is missing when it is too late" "^$(ago 4) aggregate 8 - - 0 8 8 missing: no report was made in time" \
	'^reports: 8 messages are missing in the reports' '^exit 1$'
is "the note says how many" "$(noted)" "findings 1 missing 8"
cs --json store check --reconcile >"$tmp/json"
is "JSON" "$? $(python3 -c 'import json, sys
a = json.load(open(sys.argv[1]))
d = [x for x in a["days"] if x["missing"]]
print(a["missing_messages"], a["doubled_messages"], len(d), d[0]["kind"], d[0]["counted"], d[0]["shipped"],
      d[0]["reasons"], a["findings"][0]["count"])' "$tmp/json")" \
	"1 8 0 1 aggregate 8 None [{'reason': 'not_built', 'count': 8}] 8"
lite "DELETE FROM tally WHERE domain = 'lost.example'; DELETE FROM policy WHERE domain = 'lost.example';
	DELETE FROM total WHERE domain = 'lost.example'"
cp "$tmp/a.db" "$tmp/whole.db"
lite "DELETE FROM tally WHERE domain = 'today.example'"
shows "rows that are gone" "^$today aggregate 7 - - 0 7 7 missing: the ledger is damaged" '^exit 1$'
cp "$tmp/whole.db" "$tmp/a.db"
lite "UPDATE report SET messages = messages + 2 WHERE domain = 'one.example'"
shows "a report of more than was counted" '2 more than were counted' 'reports: 2 messages are stored or reported more than once' \
	'^exit 1$'
cp "$tmp/whole.db" "$tmp/a.db"

# ---- what the daemon shows of it ----
shows "whole again" '^exit 0$'
metrics() { # name: its value
	local url
	url=$(sed -n 's|.*metrics on http://\(.*\)/metrics$|\1|p' "$tmp/log" | head -1)
	python3 -c 'import sys, urllib.request
for line in urllib.request.urlopen("http://%s/metrics" % sys.argv[1], timeout=5).read().decode().split("\n"):
    if line.startswith("countersign_store_check_" + sys.argv[2] + " "): print(int(float(line.split()[1])))' "$url" "$1"
}
shown() { [ "$(metrics "$1")" = "$2" ]; }
"$build/daemon/countersignd" $root -f -c "$tmp/conf" 2>"$tmp/log" &
daemon=$!
eventually grep -q ready: "$tmp/log"
if grep -q "built without HTTP" "$tmp/log"; then
	skip "the metrics show when" "built without libmicrohttpd"
else
	eventually grep -q "metrics on" "$tmp/log"
	ok "the metrics show when" eventually shown timestamp_seconds "$(sed 's/^at \([0-9]*\) .*/\1/' "$tmp/a.db-checked")"
	echo "at 1700000000 findings 3 missing 12" >"$tmp/a.db-checked"
	ok "what was found" eventually shown findings 3
	ok "and how much is missing" eventually shown missing_messages 12
fi
kill $daemon
wait $daemon 2>/dev/null
daemon=

# ---- with a shared store ----
host=$(uname -n)
pg_make "$tmp/pg"
conf "shared = \"$pg_url\";"
shows "no tables yet" '^exit 69$'
cs -q store copy >"$tmp/said" 2>&1
shows "all is there" "^$two aggregate all 44 44 44 30 0 6 waiting" "^$today aggregate all 7 7 7 0 0 7 of a day" \
	"^$two aggregate $host 44 44 44 - 0\$" '^exit 0$'
fill today.example "$today" 5 mailto:d@today.example
shows "what is not shipped yet" "^$today aggregate all 12 7 7 0 0 .*5 waiting to be shipped" \
	"^$today aggregate $host 12 7 7 - 0 5 waiting to be shipped" '^exit 0$'
cs -q store copy >"$tmp/said" 2>&1
shows "and then it is" "^$today aggregate all 12 12 12 0 0" '^exit 0$'
pg_ask "CREATE TABLE kept AS SELECT * FROM tally" >/dev/null
pg_ask "DELETE FROM tally WHERE domain = 'today.example'" >/dev/null
shows "what was shipped and is not there" "^$today aggregate all 12 12 0 0 12 12 missing: shipped, but not in the shared store" \
	'reports: 12 messages are missing in the reports' '^exit 1$'
pg_ask "INSERT INTO tally SELECT * FROM kept WHERE domain = 'today.example'" >/dev/null

# ---- another host, which this one sees through the store ----
other() { # DOMAIN DAY COUNT: it counts; ship: it ships
	"$build/t/bin/ledgerfill" "$tmp/b.db" asked "$1" "$2" "$3" "mailto:d@$1" >/dev/null 2>&1
}
ship() { "$build/t/bin/shipper" "$tmp/b.db" "$pg_url" other >"$tmp/said" 2>&1; }
other two.example "$two" 20
ship
shows "a line for each host" "^$two aggregate all 64 64 64 30 0 .*waiting" "^$two aggregate $host 44 44 44 - 0\$" \
	"^$two aggregate other 20 20 20 - 0 as of 20" '^exit 0$'
cs --json store check --reconcile >"$tmp/json"
is "JSON of hosts" "$? $(python3 -c 'import json, sys
a = [x for x in json.load(open(sys.argv[1]))["days"] if x["day"] == sys.argv[2] and x["kind"] == "aggregate"][0]
print(a["counted"], [(h["own"], h["counted"], h["shipped"], h["stored"], h["missing"], h["as_of"] is None) for h in sorted(a["hosts"], key=lambda h: not h["own"])])' "$tmp/json" "$two")" \
	"0 64 [(True, 44, 44, 44, 0, True), (False, 20, 20, 20, 0, False)]"
other today.example "$today" 9
ship
keep() { pg_ask "DROP TABLE IF EXISTS a, b, c; CREATE TABLE a AS SELECT * FROM tally; CREATE TABLE b AS SELECT * FROM host_day; CREATE TABLE c AS SELECT * FROM host" >/dev/null 2>&1; }
back() { pg_ask "TRUNCATE tally, host_day, host; INSERT INTO tally SELECT * FROM a; INSERT INTO host_day SELECT * FROM b; INSERT INTO host SELECT * FROM c" >/dev/null; }
of_other="host = (SELECT host FROM host WHERE name = 'other')"
of_today="day = (SELECT MAX(day) FROM tally)"
keep
shows "both hosts' rows of today" "^$today aggregate all 21 21 21 0 0 21 of a day" '^exit 0$'
pg_ask "DELETE FROM tally WHERE $of_today AND source_ip IN ('192.0.2.0', '192.0.2.1', '192.0.2.2')" >/dev/null # of both
shows "rows that the store has lost are not hidden by those of another host" \
	"^$today aggregate all 21 21 12 0 9 .*9 missing: shipped, but not in the shared store" '^exit 1$'
back
pg_ask "UPDATE host_day SET stored = stored - 4 WHERE $of_today AND $of_other;
	UPDATE tally SET messages = messages - 1 WHERE (source_ip, row_key) IN (SELECT source_ip, row_key FROM tally WHERE $of_today AND messages > 1 LIMIT 4)" >/dev/null
shows "batches of another host that the store has forgotten: whose they are" \
	"^$today aggregate all 21 21 17 0 4 .*4 missing: shipped" "^$today aggregate other 9 9 5 - 4 4 missing: shipped" \
	"^$today aggregate $host 12 12 12 - 0\$" '^exit 1$'
back
pg_ask "UPDATE host_day SET counted = counted + 3, kept = kept + 3 WHERE $of_today AND $of_other" >/dev/null
shows "what another host has not shipped yet" "^$today aggregate other 12 9 9 - 0 3 waiting to be shipped" '^exit 0$'
pg_ask "UPDATE host SET seen = seen - 100000 WHERE name = 'other'" >/dev/null
shows "and is not heard of for a day" "^$today aggregate other 12 9 9 - 3 3 missing: on a host that has not been heard of for a day" \
	'reports: 3 messages are missing in the reports' '^exit 1$'
back
pg_ask "UPDATE host_day SET counted = counted + 2 WHERE $of_today AND $of_other" >/dev/null
shows "a damaged ledger of another host" "^$today aggregate other 11 9 9 - 2 2 missing: the ledger is damaged" '^exit 1$'
back
pg_ask "DROP TABLE host_day; UPDATE store SET version = 1" >/dev/null
shows "a store of an earlier version is refused" 'store migrate' '^exit 69$'
cs -q store migrate >/dev/null 2>&1
shows "after the upgrade: from before hosts were told apart" "^$today aggregate all .* 21 0 0 " "^$today aggregate [?] 0 0 21 - 0 from before" '^exit 0$'
other today.example "$today" 2
ship
cs -q store copy >"$tmp/said" 2>&1
shows "what comes then has a name" "^$today aggregate all 23 23 23 0 0 " "^$today aggregate other 11 11 2 - 0 as of" '^exit 0$'
pg_ask "UPDATE host SET messages = messages - 3" >/dev/null
shows "what the store has forgotten of this host" \
	'reports: 3 messages of this host are missing in the shared store' '^exit 1$'
cs store check --reconcile --local >"$tmp/out" 2>&1
is "not without the shared store" "$? $(grep -c 'leave out --local' "$tmp/out")" "64 1"
pg_stop fast
before=$(cat "$tmp/a.db-checked")
shows "the shared store is away" 'the shared store: ' '^exit 69$'
is "the last result stays" "$(cat "$tmp/a.db-checked")" "$before"
done_testing
