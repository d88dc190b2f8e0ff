#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Received reports of several hosts in the store they share: each report once, whichever hosts got it; the connection lost and the
# shipper killed at each packet, the server killed and the command that reads them killed meanwhile. The commands of every host
# then tell of all reports.
#   shared_inbox.sh [STRIDE]   each STRIDE-th packet only (5; 1 for all of them)
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 python3
stride=${1:-5}
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
cutter=
trap '[ -z "$cutter" ] || kill $cutter 2>/dev/null; pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
pg_cut_begin "$tmp"

reports() { python3 "$src/t/tools/reports.py" "$@"; }
cs() { # host command...
	local host=$1
	shift
	"$build/admin/countersign" -c "$tmp/$host.conf" "$@"
}
ship() { # host, URL
	"$build/t/bin/shipper" "$tmp/$1.db" "$2" "$1" >"$tmp/out" 2>&1
}
sql() { sqlite3 -cmd ".timeout 10000" "$tmp/$1.db" "$2"; }
member() { python3 -c "import json, sys; found = json.load(sys.stdin); print($1)"; }
for host in a b one; do
	printf 'listen = [ "local:%s/x.sock" ];\nauthserv_id = "mx.example.com";\nstore: { url = "sqlite:%s/%s.db"; };\ndns: { servers = [ "127.0.0.1@1" ]; timeout = "1s"; };\n' \
		"$tmp" "$tmp" $host >"$tmp/$host.conf"
	cs $host store migrate >/dev/null 2>&1
done

# ---- two hosts got some of the same; "one" is a host that got all ----
mkdir "$tmp/all" "$tmp/first" "$tmp/second"
reports many 120 "$tmp/all" 11
for file in "$tmp/all"/*; do
	number=$((10#${file##*/}))
	[ $((number % 3)) = 0 ] || cp "$file" "$tmp/first"
	[ $((number % 3)) = 1 ] || cp "$file" "$tmp/second"
done
cs one inbox read --store "$tmp/all" >/dev/null 2>&1
cs a inbox read --store "$tmp/first" >/dev/null 2>&1
cs b inbox read --store "$tmp/second" >/dev/null 2>&1
heads="kind, domain, org, begins, ends, row_count, messages, passed"
of_file() { # host
	sql "$1" "SELECT $heads FROM rx_report; SELECT domain, day, org, disposition, dkim_aligned, spf_aligned, messages FROM rx_day;
		SELECT lower(hex(key)), source_ip, messages, disposition, header_from, reasons, dkim, spf FROM rx_row;
		SELECT lower(hex(key)), policy, result_type, failed, sending_ip, mx_hostname FROM rx_tls_failure" | sort
}
of_store() {
	{
		pg_ask "SELECT $heads FROM rx_report"
		pg_ask "SELECT domain, day, org, disposition, dkim_aligned, spf_aligned, messages FROM rx_day"
		pg_ask "SELECT encode(key, 'hex'), source_ip, messages, disposition, header_from, reasons, dkim, spf FROM rx_row"
		pg_ask "SELECT encode(key, 'hex'), policy, result_type, failed, sending_ip, mx_hostname FROM rx_tls_failure"
	} | sort
}
ok "there are reports that both got" test "$(sql a "SELECT COUNT(*) FROM rx_report")" -gt 20
ship a "$pg_url"
ok "one host ships" test "$(pg_ask "SELECT COUNT(*) FROM rx_report")" = "$(sql a "SELECT COUNT(*) FROM rx_report")"
ok "and the other" ship b "$pg_url"
is "the store has what one host would have that got all" "$(of_store | cksum)" "$(of_file one | cksum)"
is "nothing is left" "$(sql a "SELECT COUNT(*) FROM rx_unshipped") $(sql b "SELECT COUNT(*) FROM rx_unshipped")" "0 0"
ship a "$pg_url"
is "shipped again, it changes nothing" "$(of_store | cksum)" "$(of_file one | cksum)"
is "personal data stay on their host" "$(pg_ask "SELECT COUNT(*) FROM information_schema.tables WHERE table_name IN ('feedback', 'unreadable')")" 0

# ---- the commands of each host ----
for host in a b; do
	sed -i "s,store: { ,&shared = \"${pg_url/&/\\&}\"; ," "$tmp/$host.conf"
done
count=$(sql one "SELECT COUNT(*) FROM rx_report")
is "inbox list of each host has all reports" "$(for host in a b; do cs $host inbox list --json | member 'len(found["reports"])'; done | xargs)" "$count $count"
listed() { cs $1 inbox $2 --json | member 'sorted(str(sorted((k, str(v)) for k, v in r.items() if k not in ("received", "overlaps", "trust"))) for r in found["'$3'"])' | cksum; }
is "the same as of that one" "$(listed a list reports)" "$(listed one list reports)"
is "inbox tls, too" "$(listed b tls sessions)" "$(listed one tls sessions)"
id=$(cs a inbox list --json | member '[r["id"] for r in found["reports"] if r["kind"] == "aggregate" and r["messages"] > 0][0]')
is "inbox show" "$(cs b inbox show "$id" --json | member 'found["messages"], len(found["records"])')" "$(cs one inbox show "$id" --json | member 'found["messages"], len(found["records"])')"
is "inbox sources" "$(cs a inbox sources --since 3000d --json | member 'sum(s["messages"] for s in found["sources"])')" "$(cs one inbox sources --since 3000d --json | member 'sum(s["messages"] for s in found["sources"])')"
is "a decision of one host" "$(cs a inbox decide lists.example forwarder --note club; echo $?)" 0
is "is one of all" "$(pg_ask "SELECT flow, decision, note FROM flow_decision"; cs b inbox decide lists.example nothing; echo $?)" "lists.example|forwarder|club
0"
cs one inbox decide old.example ignore
ship one "$pg_url"
is "what a host decided before moves to the store" "$(pg_ask "SELECT flow, decision FROM flow_decision") $(sql one "SELECT COUNT(*) FROM flow_decision")" "old.example|ignore 0"
is "a third host, which got all, adds nothing" "$(of_store | cksum)" "$(of_file one | cksum)"

# ---- the outbound tally ----
for host in a b; do
	sql $host "INSERT INTO sent (day, header_from, domain, selector, mail_from, rcpt_domain, messages, signatures) VALUES
		($(date +%s) / 86400, 'example.com', 'example.com', 's1', 'example.com', 'receiver.example', 5, 5), ($(date +%s) / 86400 - 1, 'example.com', '', '', '', '', 2, 0)"
	ship $host "$pg_url"
done
is "what both hosts sent is added up" "$(cs a store sent --json | member '[(s["rcpt_domain"], s["messages"], s["signatures"]) for s in found["sent"]]')" "[('receiver.example', 10, 10), ('', 4, 0)]"
sql a "UPDATE sent SET messages = messages + 3"
ship a "$pg_url"
ship a "$pg_url"
is "what is added later, too, once" "$(cs b store sent --json | member 'sum(s["messages"] for s in found["sent"])')" 20

# ---- an authentic report that follows a forged copy ----
take_mail() { # host result
	{
		printf 'Authentication-Results: mx.example.com; dmarc=%s header.from=receiver.example\nFrom: dmarc@receiver.example\nContent-Type: text/xml\n\n' $2
		reports make plain | sed 's/<count>3</<count>777</'
	} >"$tmp/mail"
	cs $1 inbox read --store "$tmp/mail" >/dev/null
	ship $1 "$pg_url"
}
trusts() { pg_ask "SELECT trust, mail_from FROM rx_report WHERE messages > 777"; }
take_mail a fail
is "a forged copy comes first" "$(trusts)" "fail|receiver.example"
take_mail b pass
is "its trust reaches the store from the other host" "$(trusts)" "pass|receiver.example"
take_mail a fail
is "and is not taken back" "$(trusts)" "pass|receiver.example"

# ---- the connection is lost, and the shipper killed, at each packet ----
sums() { pg_ask "SELECT (SELECT SUM(messages) FROM rx_report WHERE kind = 'aggregate'), (SELECT SUM(messages) FROM rx_row), (SELECT SUM(messages) FROM rx_day)"; }
next=0
take_new() { # host: three reports that no host has
	local i
	for i in 1 2 3; do
		next=$((next + 1))
		reports make plain | sed "s/<count>3</<count>$((1000 + next))</" >"$tmp/new$i"
	done
	cs $1 inbox read --store "$tmp/new1" "$tmp/new2" "$tmp/new3" >/dev/null 2>&1
	want=$((want + 3 * (1000 + next - 1) + 3 * ${rest:-0}))
}
rest=$(($(reports expect plain | member 'found["messages"]') - 3))
want=$(sums | cut -d'|' -f1)
bad= n=1 lost=0
while :; do
	take_new a
	cut_at $n
	ship a "$through_cutter" || lost=$((lost + 1))
	cut_end
	ship a "$pg_url" || bad="$bad $n:failed"
	[ "$(sums)" = "$want|$want|$want" ] || bad="$bad $n"
	[ "$packets" -ge "$n" ] || break
	n=$((n + stride))
done
is "lost at one of $n packets (stride $stride), each report counts once" "$bad" ""
ok "the connection was lost $lost times" test $lost -gt 2
bad= n=1
while :; do
	take_new b
	cut_at $n "$tmp/pid"
	(
		echo $BASHPID >"$tmp/pid"
		exec "$build/t/bin/shipper" "$tmp/b.db" "$through_cutter" b
	) >"$tmp/out" 2>&1
	cut_end
	ship b "$pg_url" || bad="$bad $n:failed"
	[ "$(sums)" = "$want|$want|$want" ] || bad="$bad $n"
	[ "$packets" -ge "$n" ] || break
	n=$((n + stride))
done 2>/dev/null
is "killed at one of $n packets (stride $stride), each counts once" "$bad" ""

# ---- two hosts with the same reports at once; who reads them and the server are killed meanwhile ----
mkdir "$tmp/more"
reports many 80 "$tmp/more" 12
run_all() { # host: reads all and ships it, again and again until each has ended by itself
	local pid status=1 tries=0
	while [ $status != 0 ] && [ $((tries += 1)) -lt 30 ]; do
		"$build/admin/countersign" -c "$tmp/$1.conf" inbox read --store "$tmp/more" >/dev/null 2>&1 &
		pid=$!
		echo $pid >"$tmp/$1.pid"
		wait $pid
		status=$?
	done
	status=1
	while [ $status != 0 ] && [ $((tries += 1)) -lt 100 ]; do
		"$build/t/bin/shipper" "$tmp/$1.db" "$pg_url" $1 >/dev/null 2>&1 &
		pid=$!
		echo $pid >"$tmp/$1.pid"
		wait $pid
		status=$?
		[ $status = 0 ] || sleep 0.1
	done
}
(run_all a) 2>/dev/null &
one=$!
(run_all b) 2>/dev/null &
two=$!
for _ in 1 2 3 4; do
	sleep 0.4
	kill -KILL $(cat "$tmp/a.pid" "$tmp/b.pid") 2>/dev/null
	pg_stop immediate
	pg_start
done
wait $one $two
cs one inbox read --store "$tmp/more" "$tmp"/new? >/dev/null 2>&1
for host in a b; do ship $host "$pg_url"; done
is "the store has each report of both once" "$(pg_ask "SELECT COUNT(*), COUNT(DISTINCT key) FROM rx_report")" \
	"$(sqlite3 "$tmp/a.db" "ATTACH '$tmp/b.db' AS b; SELECT COUNT(*), COUNT(*) FROM (SELECT key FROM main.rx_report UNION SELECT key FROM b.rx_report)")"
is "messages of reports, rows and days are the same" "$(sums | tr '|' '\n' | sort -u | wc -l)" 1
is "as in the hosts' own ledgers" "$(for host in a b; do
	sql $host "SELECT (SELECT SUM(messages) FROM rx_report WHERE kind = 'aggregate') - (SELECT SUM(messages) FROM rx_row), (SELECT SUM(messages) FROM rx_row) - (SELECT SUM(messages) FROM rx_day)"
done | xargs)" "0|0 0|0"
is "every report of the hundreds is there" "$(pg_ask "SELECT SUM(messages) FROM rx_report WHERE kind = 'aggregate'")" \
	"$(sqlite3 "$tmp/a.db" "ATTACH '$tmp/b.db' AS b; SELECT SUM(messages) FROM (SELECT key, messages FROM main.rx_report WHERE kind = 'aggregate' UNION SELECT key, messages FROM b.rx_report WHERE kind = 'aggregate')")"

done_testing
