#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bimi.mode = "on" makes no message wait longer: with every DNS answer 250 ms late and nothing cached, the questions of a message
# come in as many rounds as with "off" where the record is at the author's domain, and in at most one more where it is at the
# organizational domain. The fetcher's own questions come after the message and do not count. Of several messages the one with
# the fewest rounds counts, since on a busy machine a round may seem to be two.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
need python3 openssl
mkdir "$top/store"
openssl genpkey -algorithm ed25519 -out "$top/dkim.pem" 2>/dev/null
public=$(openssl pkey -in "$top/dkim.pem" -pubout -outform DER | tail -c 32 | base64 -w0)
for n in 1 2 3 4 5 6; do
	for mode in off on; do
		d=$mode$n.test
		echo "$d 60 TXT \"v=spf1 -all\""
		echo "news.$d 60 TXT \"v=spf1 -all\""
		echo "_dmarc.$d 60 TXT \"v=DMARC1; p=reject\""
		echo "default._bimi.$d 60 TXT \"v=BIMI1; l=https://logos.test/$d.svg; a=\""
		for s in "$d" "news.$d"; do echo "s._domainkey.$s 60 TXT \"v=DKIM1; k=ed25519; p=$public\""; done
	done
done >"$top/zone"
"$BUILD/t/bin/dnsd" --delay 250 --log "$top/questions" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"
root=
[ "$(id -u)" != 0 ] || root=--allow-root
start() { # bimi.mode
	cat >"$top/conf" <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$top/sock" ];
		trusted_networks = [ ];
		dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "20s"; };
		sign: { enabled = false; };
		store: { url = "sqlite:$top/store/ledger.db"; };
		bimi: { mode = "$1"; require = "record"; };
		log: { target = "stderr"; };
		control: { socket = "$top/control"; };
	C
	: >"$top/log" # that of the daemon before says ready, too
	"$BUILD/daemon/countersignd" $root -f -c "$top/conf" 2>>"$top/log" &
	daemon=$!
	eventually grep -q ready: "$top/log"
}
rounds() { # domain: of one message
	: >"$top/questions"
	printf 'From: <bob@%s>\nSubject: x\n\nx\n' "$1" | "$BUILD/t/bin/signmsg" "$top/dkim.pem" "$1" s >"$top/mail.eml"
	local begin=$EPOCHREALTIME
	printf 'connect\tx\t198.51.100.25\nhelo\tmail.test\nmail\t<bob@%s>\nrcpt\t<a@example.com>\nfile\t%s\n' "$1" "$top/mail.eml" |
		timeout 60 "$BUILD/t/bin/milterc" "$top/sock" >"$top/sent" 2>&1
	python3 - "$top/questions" "$begin" "$EPOCHREALTIME" <<-'P'
		import sys
		took = float(sys.argv[3]) - float(sys.argv[2])
		times = sorted(float(line.split()[0]) for line in open(sys.argv[1]) if "logos.test" not in line and ".invalid" not in line)
		rounds, begin = 0, -1
		for t in times:
		    if t - begin >= 0.24:
		        rounds, begin = rounds + 1, t
		print(rounds, int(took * 1000))
	P
}
# Of six messages the fewest rounds, and the shortest time in ms: two numbers.
fewest() { # the domain's beginning, subdomain
	local n
	for n in 1 2 3 4 5 6; do rounds "$2$1$n.test"; done >"$top/rounds"
	echo "$(cut -d' ' -f1 "$top/rounds" | sort -n | head -1) $(cut -d' ' -f2 "$top/rounds" | sort -n | head -1)"
}
start off
read -r off off_ms < <(fewest off "")
read -r off_below off_below_ms < <(fewest off news.)
stop_lone_daemon TERM
start on
read -r on on_ms < <(fewest on "")
like "the record was found" "$(cat "$top/sent")" 'bimi=(skipped|fail)'
read -r on_below on_below_ms < <(fewest on news.)
like "that of the organizational domain, too" "$(sed 's/%0A//g; s/%09/ /g' "$top/sent")" 'bimi=.*header.d=on6.test'
ok "there were questions: $off, $off_below, $on, $on_below rounds" test "$off" -gt 0 -a "$on" -gt 0 -a "$on_below" -gt 0
is "the author's own record: no round more" "$on" "$off"
ok "that of the organizational domain: at most one round more ($off_below, $on_below)" test "$on_below" -le $((off_below + 1))
echo "# a message, all answers 250 ms late: off $off_ms ms, on $on_ms ms (ratio $(awk "BEGIN { printf \"%.3f\", $on_ms / $off_ms }")); from a" \
	"subdomain: off $off_below_ms ms, on $on_below_ms ms (ratio $(awk "BEGIN { printf \"%.3f\", $on_below_ms / $off_below_ms }"))"
done_testing
