#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two daemons as two hosts: what they count comes together in one PostgreSQL, which is stopped and started,
# cut off and killed meanwhile, as are their processes; each report is sent by one of them.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 perl gzip
clear_of_midnight 120
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
pid_a= pid_b= sink=
trap 'kill $sink $pid_a $pid_b 2>/dev/null; wait 2>/dev/null; pg_stop; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
day=$(date -u -d '2 days ago' +%F 2>/dev/null || date -u -v-2d +%F)
mkdir "$tmp/keys" "$tmp/sink"
perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
sink=$!
eventually test -s "$tmp/sink/port"

send=false
conf() { # host
	cat >"$tmp/$1.conf" <<-END
		listen = [ "local:$tmp/$1.sock" ];
		log: { target = "stderr"; level = "debug"; };
		sign: { keys = "$tmp/keys"; };
		store: { url = "sqlite:$tmp/$1.db"; shared = "$pg_url"; ship_every = "200ms"; grace = "2d"; lease = "3s"; };
		reports: { org = "Example"; from = "noreply@reports.example.net"; send = $send; start = "0s"; spread = "0s";
			via = "smtp://127.0.0.1:$(cat "$tmp/sink/port")"; };
	END
}
start() { # host
	local root='' ready
	[ "$(id -u)" != 0 ] || root=--allow-root
	conf "$1"
	: >>"$tmp/$1.log"
	ready=$(grep -c "ready: " "$tmp/$1.log")
	"$build/daemon/countersignd" $root -f -c "$tmp/$1.conf" 2>>"$tmp/$1.log" &
	eval "pid_$1=\$!"
	eventually eval "[ \$(grep -c 'ready: ' '$tmp/$1.log') -gt $ready ]"
}
fill() { "$build/t/bin/ledgerfill" "$tmp/$1.db" asked "$2" $day "$3" "mailto:dmarc@$2" >/dev/null 2>&1; }
counted() {
	for host in a b; do sqlite3 -cmd '.timeout 5000' "$tmp/$host.db" "SELECT COALESCE(SUM(messages), 0) FROM tally"; done |
		awk '{ s += $1 } END { print s }'
}
stored() { pg_ask "SELECT COALESCE(SUM(messages), 0) FROM tally" 2>/dev/null; }
all_there() { eventually eval '[ "$(stored)" = "$(counted)" ]'; }
logged() { # host, pattern
	eventually grep -qE "$2" "$tmp/$1.log"
}
# the child of a supervisor that is not a worker and keeps the lock of the shipper
shipper_of() { fuser "$tmp/$1.db-shipper" 2>/dev/null | tr -d ' '; }

fill a one.example 5
fill b one.example 6
start a
start b
ok "both daemons run" eval 'kill -0 $pid_a && kill -0 $pid_b'
ok "what two hosts counted is in one place" all_there
fill a two.example 7
fill b two.example 8
ok "and what they count now" all_there

# ---- the database goes and comes ----
pg_stop immediate
fill a away.example 9
fill b away.example 4
ok "the database is away: said once" logged a "shared store: .*stays in the ledger until"
pg_start
ok "nothing is lost" all_there
ok "said, too" logged a "the shared store is available again"
for mode in fast immediate fast; do
	fill a round.example 3 &
	fill b round.example 3 &
	pg_stop $mode
	wait $!
	pg_start
done
ok "stopped and started under load" all_there

# ---- processes are killed ----
if command -v fuser >/dev/null; then
	for i in 1 2 3 4 5 6; do
		fill a killed.example 4
		fill b killed.example 4
		kill -9 $(shipper_of a) $(shipper_of b) 2>/dev/null
		pg_ask "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'countersign'" >/dev/null
		sleep 0.2
	done
	ok "shippers killed, connections cut: another takes over" all_there
	ok "and it is said" logged a "the process that ships to the shared store ended .signal 9"
else
	skip "shippers killed, connections cut" "fuser is not installed"
fi

# ---- reports: the daemons send them by themselves, some seconds after the start. Not before: one whose connection was
# cut above would look again in half an hour ----
kill $pid_a $pid_b
wait $pid_a $pid_b
send=true
start a
start b
eventually eval '[ "$(ls "$tmp/sink" | grep -c mail)" -ge 2 ]'
ok "the daemons have sent reports" test "$(ls "$tmp/sink" | grep -c mail)" -ge 2
kill $pid_a $pid_b
wait $pid_a $pid_b
# what came after the first sending has reports of its own: they go out on the next occasion
"$build/admin/countersign" -c "$tmp/a.conf" report send >"$tmp/out" 2>&1
for mail in "$tmp"/sink/*.mail; do
	perl -MMIME::Base64 -0777 -ne 's/\r//g; my ($gz) = m{application/gzip.*?\n\n(.*?)\n--}s;
		open my $out, "|-", "gzip -dc >'"$tmp"'/xml"; print $out decode_base64($gz); close $out;
		open my $in, "<", "'"$tmp"'/xml"; local $/; my $xml = <$in>; my ($id) = $xml =~ m{<report_id>(.*?)</report_id>};
		my $sum = 0; $sum += $1 while $xml =~ m{<count>(\d+)</count>}g; print "$id $sum\n"' "$mail"
done >"$tmp/reports"
is "each report went out once" "$(cut -d' ' -f1 "$tmp/reports" | sort | uniq -d)" ""
is "all that was counted is in one report" "$(awk '{ s += $2 } END { print s }' "$tmp/reports")" "$(counted)"
is "the shared store holds together" "$("$build/admin/countersign" -c "$tmp/a.conf" -q store check 2>&1)" ""
"$build/admin/countersign" -c "$tmp/a.conf" store check --reconcile >"$tmp/out" 2>&1
is "no message is missing of either host" "$?" 0
awk -v day="$day" '$1 == day && $2 == "aggregate" && $3 == "all" { print "all", $4, $5, $6 }
	$1 == day && $2 == "aggregate" && $3 != "all" { hosts++; n += $4; shipped += $5; stored += $6 }
	END { print hosts, n, shipped, stored }' "$tmp/out" >"$tmp/sums"
n=$(counted)
is "the table has a line for each host" "$(tr '\n' ';' <"$tmp/sums")" "all $n $n $n;2 $n $n $n;"
done_testing
