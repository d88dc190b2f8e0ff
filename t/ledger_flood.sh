#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A flood of hostile mail in one domain's name: the ledger's file stays small, no message is lost from the counts, and the report to
# the domain's owner shows the sources that sent most. First 100,000 messages through the ledger, then some through the daemon.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need sqlite3 perl zcat
BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-flood.XXXXXX") || exit 99
daemon='' dns=''
trap 'kill $daemon $dns 2>/dev/null; wait $daemon $dns 2>/dev/null; rm -rf "$top"' EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root
clear_of_midnight 240
today=$(date -u +%F)

cat >"$top/zone" <<Z
victim.test 60 TXT "v=spf1 -all"
_dmarc.victim.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@victim.test"
Z
"$BUILD/t/bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
for _ in {1..100}; do [ -s "$top/port" ] && break; sleep 0.05; done
settings() { # FILE, more of store
	cat >"$1" <<C
authserv_id = "mx.example.com";
listen = [ "local:$top/sock" ];
trusted_networks = [ ];
dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; };
dmarc: { enforce = "strict"; };
sign: { enabled = false; };
store: { url = "sqlite:$top/$2.db"; $3 };
reports: { org = "Example"; from = "dmarc@example.com"; };
log: { target = "stderr"; };
C
}
sql() { sqlite3 "$top/$1.db" "$2"; }

# ---- the ledger alone ----
settings "$top/conf" flood
count=100000
[ -z "$COUNTERSIGN_SANITIZER" ] || count=20000
is "$count hostile messages are counted" "$("$BUILD/t/bin/ledgerfill" "$top/flood.db" flood victim.test "$today" $count 2>"$top/took")" $count
size=$(stat -c %s "$top/flood.db")
echo "# $((size / 1048576)) MiB, $(sql flood 'SELECT COUNT(*) FROM tally') rows, $(cat "$top/took")"
ok "the file is below 64 MiB" [ "$size" -lt 67108864 ]
is "no message is lost" "$(sql flood 'SELECT SUM(messages) FROM tally')" $count
is "a source that sent one in twenty is there, with all of them" \
	"$(sql flood "SELECT SUM(messages) FROM tally WHERE source_ip = '198.51.100.7'")" $((count / 20))
is "and one that sent one in fifty" "$(sql flood "SELECT SUM(messages) FROM tally WHERE source_ip = '2001:db8:7::7'")" $((count / 50))
report=$("$BUILD/admin/countersign" -c "$top/conf" report show victim.test --day "$today" --xml 2>&1)
like "the owner's report shows the largest source" "$(tr -d '\n' <<<"$report")" '<source_ip>198\.51\.100\.7</source_ip> *<count>[0-9]{3,}<'
like "and says of the rest what it is" "$(tr -d '\n' <<<"$report")" '<source_ip>0\.0\.0\.0</source_ip>.*messages of further sources, which were too many to keep'

# ---- a report that would be larger than reports.max_size ----
settings "$top/conf" cut
sed -i 's/^reports: {/reports: { max_size = "64KiB";/' "$top/conf"
is "5000 hostile messages of yesterday" \
	"$("$BUILD/t/bin/ledgerfill" "$top/cut.db" flood victim.test "$(date -u -d yesterday +%F)" 5000 2>/dev/null)" 5000
like "their report is built" "$("$BUILD/admin/countersign" -c "$top/conf" report build 2>&1)" victim.test
is "with all messages" "$(sql cut 'SELECT SUM(messages) FROM report')" 5000
size=$(sql cut 'SELECT SUM(LENGTH(data)) FROM report_part')
ok "a mail has room for it ($size bytes)" [ "$size" -gt 10000 -a "$size" -lt $((65536 * 3 / 4)) ]
sql cut 'SELECT hex(data) FROM report_part ORDER BY part' | perl -ne 'chomp; print pack("H*", $_)' | zcat >"$top/cut.xml" 2>/dev/null
like "it says that it is cut" "$(cat "$top/cut.xml")" '<error>.*this report would be too large'
like "and shows the largest source" "$(tr -d '\n' <"$top/cut.xml")" '<source_ip>198\.51\.100\.7</source_ip> *<count>[0-9]{2,}<'

# ---- through the daemon ----
settings "$top/conf" daemon 'max_rows = 100;'
"$BUILD/daemon/countersignd" $root -f -c "$top/conf" 2>"$top/log" &
daemon=$!
for _ in {1..200}; do grep -q ready: "$top/log" && break; sleep 0.05; done
long=$(printf 'x%.0s' {1..60})
messages=1000
for ((i = 0; i < messages; i++)); do
	ip=203.0.$((i / 250)).$((i % 250))
	[ $((i % 10)) -ne 0 ] || ip=198.51.100.7
	printf 'connect\tunknown\t%s\nhelo\tclient.test\nmail\t<x@%s%d.%s.test>\nrcpt\t<a@example.com>\nheader\tFrom\t x@victim.test\n' \
		$ip "$long" $i "$long"
	for s in {1..8}; do
		printf 'header\tDKIM-Signature\t v=1; a=rsa-sha256; d=%s%d.test; s=%s%d; h=from; bh=%s; b=YWJj\n' "$long" $i "$long" $s \
			47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
	done
	printf 'eoh\nbody\ttext%%0D%%0A\neom\nagain\n'
done | timeout 300 "$BUILD/t/bin/milterc" "$top/sock" >"$top/answers" 2>&1
is "each of $messages hostile messages is refused" "$(grep -c '^eom	reply	550' "$top/answers")" $messages
kill $daemon
wait $daemon
daemon=''
rows=$(sql daemon 'SELECT COUNT(*) FROM tally')
ok "their rows are few ($rows)" [ "$rows" -le 115 ]
is "each of them is counted" "$(sql daemon 'SELECT SUM(messages) FROM tally')" $messages
is "the largest source is there" "$(sql daemon "SELECT SUM(messages) FROM tally WHERE source_ip = '198.51.100.7'")" $((messages / 10))
is "three of the signatures that anyone can add are kept" \
	"$(sql daemon 'SELECT MAX(json_array_length(dkim)) FROM tally')" 3
is "the file holds together" "$("$BUILD/admin/countersign" -c "$top/conf" store check 2>&1 | grep -c 'rows without\|rows that')" 0
done_testing
