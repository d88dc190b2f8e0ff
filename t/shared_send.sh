#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Reports from a store that several hosts share: each goes out once, under one id, whichever host sends it;
# one that is killed or cut off at any packet is followed by another; what comes late gets a report of its
# own; a day waits for the hosts that have not shipped it. A mail that the server has taken is not sent again, though
# the store never heard of it.
#   shared_send.sh [STRIDE]   each STRIDE-th packet only (12; 1 for all of them)
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 perl gzip
clear_of_midnight 120
stride=${1:-12}
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
cutter= sink=
trap 'kill $cutter $sink 2>/dev/null; pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
# two days ago: settled at any time of the day, and within a grace of two days
day=$(date -u -d '2 days ago' +%F 2>/dev/null || date -u -v-2d +%F)

fill() { "$build/t/bin/ledgerfill" "$tmp/$1.db" asked "$2" $day "$3" "mailto:dmarc@$2" >/dev/null 2>&1; }
ship() { "$build/t/bin/shipper" "$tmp/$1.db" "$pg_url" "$1" >"$tmp/out" 2>&1; }
conf() { # host, URL, settings of the store
	cat >"$tmp/$1.conf" <<-END
		sign: { keys = "$tmp/keys"; };
		store: { url = "sqlite:$tmp/$1.db"; shared = "$2"; $3 };
		reports: { org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:$port"; };
	END
}
run() { # name, host, exit code, pattern, arguments
	local name=$1 host=$2 code=$3 pattern=$4 status
	shift 4
	"$build/admin/countersign" -c "$tmp/$host.conf" report "$@" >"$tmp/out" 2>&1
	status=$?
	if [ $status = "$code" ] && grep -qE -- "$pattern" "$tmp/out"; then
		pass "$name"
	else
		fail "$name"
		echo "# exit $status, wanted $code and /$pattern/"
		sed 's/^/# /' "$tmp/out"
	fi
}
mails() { ls "$tmp/sink" | grep -c mail; }
# ID FILE_NAME MESSAGES of each mail
reports() { # of a domain
	for mail in $(grep -l "^X-Rcpt: dmarc@$1" "$tmp"/sink/*.mail); do
		perl -MMIME::Base64 -0777 -ne 's/\r//g; my ($name) = /filename="([^"]*)"/;
			my ($gz) = m{application/gzip.*?\n\n(.*?)\n--}s; open my $out, "|-", "gzip -dc >'"$tmp"'/xml"; print $out decode_base64($gz);
			close $out; open my $in, "<", "'"$tmp"'/xml"; local $/; my $xml = <$in>; my ($id) = $xml =~ m{<report_id>(.*?)</report_id>};
			my $sum = 0; $sum += $1 while $xml =~ m{<count>(\d+)</count>}g; print "$id $name $sum\n"' "$mail"
	done
}
reported() { # messages in the reports, each counted once
	reports "$1" | sort -u | awk '{ s += $3 } END { print s + 0 }'
}
mails_of() { grep -l "^X-Rcpt: dmarc@$1" "$tmp"/sink/*.mail 2>/dev/null | wc -l | tr -d ' '; }
ids() { reports "$1" | cut -d' ' -f1,2 | sort -u | wc -l | tr -d ' '; }
counted() { # domain: messages at all hosts
	for host in a b; do
		sqlite3 "$tmp/$host.db" "SELECT COALESCE(SUM(messages), 0) FROM tally WHERE domain = '$1'"
	done | awk '{ s += $1 } END { print s }'
}
new_sink() {
	rm -rf "$tmp/sink"
	mkdir "$tmp/sink"
	perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
	sink=$!
	eventually test -s "$tmp/sink/port"
	port=$(cat "$tmp/sink/port")
}

mkdir "$tmp/keys"
new_sink
fill a one.example 3
fill b one.example 5
fill b two.example 2
conf a "$pg_url" 'grace = "2d";'
conf b "$pg_url" 'grace = "2d";'
run "nobody has shipped yet" a 69 'tables do not exist yet' list
ship a
run "what this host counted can be seen" b 0 'two.example .* collected' list --since 3d --local
run "and what all did" a 0 'one.example .* 3 .* collected' list --since 3d

# ---- complete days ----
ship b
pg_ask "UPDATE host SET through = 0 WHERE name = 'b'"
run "a day waits for a host that has not shipped it" a 75 'reports wait for what other hosts have not shipped yet: b' send
is "nothing is sent" "$(mails)" 0
run "nor in a dry run" a 75 'reports wait' send --dry-run
pg_ask "UPDATE host SET seen = 0 WHERE name = 'b'"
run "a host that is gone is not waited for" a 0 'one.example +to send' send --dry-run
ship b
run "then it goes out" a 0 '2 built, 2 sent' send
is "all that two hosts counted" "$(reported one.example) $(reported two.example)" "8 2"
run "not from the other host again" b 0 'nothing is to be sent' send
is "no mail more" "$(mails)" 2
run "each host sees it" b 0 'one.example .* 8 .* sent: 250' list --since 3d

# ---- late rows ----
fill b one.example 4
fill b two.example 1
pg_ask "UPDATE host SET through = 0 WHERE name = 'b'"
ship b
run "what comes late" b 0 '2 built, 2 sent' send
is "is in a report of its own" "$(ids one.example)" 2
is "nothing is in two" "$(reported one.example)" "$(counted one.example)"

# ---- one host at a time ----
pg_ask "UPDATE lease SET holder = 'other', term = term + 1, until = extract(epoch from now()) + 100"
run "another host is at it" a 75 'another process is sending reports .other, for at least (99|100) seconds' send
run "one may look meanwhile" a 0 'nothing is to be sent' send --dry-run
pg_ask "UPDATE lease SET until = extract(epoch from now()) - 1"
run "its time is over" a 0 'nothing is to be sent' send
is "the term tells them apart" "$(pg_ask "SELECT term > 3, until FROM lease")" "t|0"

# ---- killed, or cut off, at each packet; the other host goes on ----
attempt() { # packet [pid file]: host a sends, and something happens to it
	"$build/t/bin/cutter" "$tmp" 1 "$tmp/pg/run/.s.PGSQL.5432" "$@" &
	cutter=$!
	eventually test -S "$tmp/.s.PGSQL.1"
	(
		echo $BASHPID >"$tmp/pid"
		exec "$build/admin/countersign" -c "$tmp/a.conf" report send "$domain"
	) >"$tmp/out" 2>&1
	kill $cutter
	wait $cutter
	cutter=
	rm -f "$tmp/.s.PGSQL.1"
	packets=$(cat "$tmp/packets")
}
conf a "$pg_url" 'grace = "2d";'
mv "$tmp/a.conf" "$tmp/again.conf"
conf a "postgresql://countersign@/countersign?host=$tmp&port=1" 'grace = "2d";'
send_now() { # configuration: it sends all that is due, or says why not
	pg_ask "UPDATE lease SET until = 0" # the other's time is over
	"$build/admin/countersign" -c "$tmp/$1.conf" report send "$domain" >"$tmp/out" 2>&1 || bad="$bad $n:$1:$?"
}
# killed: by turns the same host sends again, which knows what the mail server said last, or another one, which has to
# leave a mail that is under way alone for an hour, and may then send it twice
for way in kill cut; do
	n=1 bad= turn=again
	while :; do
		domain=$way$n.example
		fill a $domain 3
		fill b $domain 4
		ship a
		ship b
		attempt $n $([ $way = kill ] && echo "$tmp/pid")
		before=$(mails_of $domain) under_way=$(pg_ask "SELECT COUNT(*) FROM delivery WHERE domain = '$domain' AND state = 'sending'")
		[ $way = cut ] || [ $turn = b ] || send_now again
		send_now b
		if [ "$under_way" = 1 ] && [ $way$turn = killb ]; then
			[ "$(mails_of $domain)" = "$before" ] || bad="$bad $n:early"
			pg_ask "UPDATE delivery SET next = next - 3600 WHERE state = 'sending'"
			send_now b
		elif [ "$(mails_of $domain)" != 1 ]; then
			bad="$bad $n:$(mails_of $domain)mails"
		fi
		[ "$(pg_ask "SELECT DISTINCT state FROM delivery WHERE domain = '$domain'")" = sent ] || bad="$bad $n:unsent"
		[ "$(ids $domain)" = 1 ] || bad="$bad $n:$(ids $domain)ids"
		[ "$(reported $domain)" = 7 ] || bad="$bad $n:$(reported $domain)"
		[ "$packets" -ge "$n" ] || break
		n=$((n + stride))
		[ $turn = b ] && turn=again || turn=b
	done 2>/dev/null
	is "$way at one of $n packets (stride $stride): each report once, under one id, with all that was counted" "$bad" ""
	ok "every step was hit" test $n -gt 40
done
is "no report has other rows than those it was made of" "$(pg_ask "SELECT COUNT(*) FROM report AS r WHERE r.messages <>
	(SELECT SUM(t.messages) FROM tally AS t WHERE t.domain = r.domain AND t.day = r.day AND t.config = r.config)")" 0
is "every row is in one" "$(pg_ask "SELECT SUM(messages) FROM report")" "$(pg_ask "SELECT SUM(messages) FROM tally")"
done_testing
