#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The clock jumps by an hour, a day, 400 days, ahead and back, while a daemon counts a trickle of mail; the daemon is killed and
# started again while the clock is wrong, the clock is put right, and it is started once more: each message that was accepted is
# counted once, nothing is expired that is kept, the log names both jumps, and store check agrees. One daemon for each jump, all at
# once.
. "$(dirname "$0")/lib/tap.sh"
need sqlite3 cc
clear_of_midnight 60
BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-test.XXXXXX") || exit 99
root=
[ "$(id -u)" = 0 ] && root=--allow-root
dns=
trap 'kill $dns $(cat "$top"/*/pid) 2>/dev/null; wait; rm -rf "$top"' EXIT
cc -shared -fPIC -O1 -o "$top/clock.so" "$COUNTERSIGN_SRC/t/tools/clock_shift.c" || exit 99
cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
Z
"$BUILD/t/bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"

set_clock() { # seconds that it is off, for all that run
	printf '%012d' "$1" >"$dir/shift.new"
	cat "$dir/shift.new" 1<>"$dir/shift"
}
set_environment() { # $clock: what a command begins with that has this clock
	# A library for gcc's sanitizers must be loaded first, so that theirs come from the program.
	clock=(env ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS} LD_PRELOAD="$top/clock.so" CLOCK_SHIFT="$dir/shift")
}
run_daemon() {
	: >"$dir/log"
	"${clock[@]}" "$BUILD/daemon/countersignd" $root -f -c "$dir/conf" 2>>"$dir/log" &
	echo $! >"$dir/pid"
	eventually grep -q ready: "$dir/log"
}
stop_daemon() { # signal
	local pid workers=
	read -r pid <"$dir/pid"
	[ "$1" != KILL ] || workers=$(pgrep -P "$pid")
	kill -"$1" "$pid" $workers
	wait "$pid" 2>/dev/null
	cat "$dir/log" >>"$dir/logs"
}
messages() { # until $dir/mail is gone: each is a row of its own
	while [ -e "$dir/mail" ]; do
		sent=$((sent + 1))
		printf 'connect\tx\t198.51.100.25\nhelo\tx.test\nmail\t<bob@x%s.sender.test>\nrcpt\t<a@example.com>\n' "$BASHPID.$sent"
		printf 'header\tFrom\t Bob <bob@sender.test>\neoh\neom\nagain\n'
		sleep 0.03
	done
}
while_mail_comes() { # command...: in the midst of it
	: >"$dir/mail"
	messages | timeout 60 "$BUILD/t/bin/milterc" "$dir/sock" >>"$dir/answers" 2>&1 &
	sleep 0.4
	"$@"
	sleep 0.6
	rm "$dir/mail"
	wait $!
}
sql() { sqlite3 "$dir/ledger.db" "$1"; }
accepted() { grep -cE '^eom	(continue|accept)' "$dir/answers"; }
counted() { sql "SELECT COUNT(*) || ' ' || SUM(messages) || ' ' || COUNT(DISTINCT envelope_from) FROM tally WHERE domain = 'sender.test'"; }
check_store() { "${clock[@]}" "$BUILD/admin/countersign" -c "$dir/conf" store check 2>&1; }

fill() { "$BUILD/t/bin/ledgerfill" "$dir/ledger.db" rows "$1" "$(date -u -d "$2 days ago" +%F)" "$3" >/dev/null; } # domain, days, rows
left() { sql "SELECT COUNT(*) FROM tally WHERE domain = '$1'"; }

jump() { # seconds; leaves what it found in $dir
	dir=$top/$1
	mkdir -m 750 "$dir"
	set_environment
	printf '%012d' 0 >"$dir/shift"
	cat >"$dir/conf" <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$dir/sock" ];
		trusted_networks = [ ];
		dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; };
		sign: { enabled = false; };
		store: { url = "sqlite:$dir/ledger.db"; keep = "30d"; };
		log: { target = "stderr"; };
		control: { socket = "$dir/control"; };
	C
	fill kept.example 20 7
	fill kept.example 21 7 # a day that is a month after all others makes nothing old
	fill old.example 60 3
	run_daemon
	eventually eval '[ "$(left old.example)" = 0 ]'
	while_mail_comes set_clock "$1"
	check_store >"$dir/check.wrong"
	stop_daemon KILL
	run_daemon
	while_mail_comes set_clock 0
	eventually eval '[ "$(counted | cut -d" " -f2)" = "$(accepted)" ]'
	check_store >"$dir/check.right"
	stop_daemon TERM
	accepted >"$dir/accepted"
	counted >"$dir/counted"
	fill old.example 60 3
	run_daemon
	eventually eval '[ "$(left old.example)" = 0 ]'
	stop_daemon TERM
	echo "$(left old.example) $(left kept.example)" >"$dir/left"
	counted >"$dir/counted.later"
}
jumps=(3600 -3600 86400 -86400 34560000 -34560000)
for seconds in "${jumps[@]}"; do
	jump "$seconds" &
	jobs="$jobs $!"
done
wait $jobs
for seconds in "${jumps[@]}"; do
	dir=$top/$seconds
	case $seconds in
	*3600) far="60 minutes" ;;
	*86400) far="24 hours" ;;
	*) far="9600 hours" ;;
	esac
	first=ahead then=back
	[ "$seconds" -gt 0 ] || first=back then=ahead
	read -r n <"$dir/accepted"
	ok "$far $first: mail was accepted ($n)" [ "$n" -ge 6 ]
	is "$far $first: each is counted once, in a row of its own" "$(cat "$dir/counted")" "$n $n $n"
	is "$far $first: what is 60 days old is expired, what is 21 days old is not" "$(cat "$dir/left")" "0 14"
	[ "$seconds" = -34560000 ] || # those of that day are old
		is "$far $first: nor what was counted meanwhile" "$(cat "$dir/counted.later")" "$n $n $n"
	like "$far $first: the log says so" "$(cat "$dir/logs")" "the clock jumped $far $first: "
	like "$far $first: and when it is right again" "$(cat "$dir/logs")" "the clock jumped $far $then: "
	is "$far $first: store check agrees while it is wrong" "$(cat "$dir/check.wrong")" "countersign: all is well"
	is "$far $first: and when it is right" "$(cat "$dir/check.right")" "countersign: all is well"
done
done_testing
