#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The resolver through libunbound, against our own server on a free port: what each kind of answer
# becomes, names that libunbound would answer itself, TCP, faults, time, a server that goes away, and
# the random case of questions.
build=${COUNTERSIGN_BUILD:-$PWD}
work=$(mktemp -d) || exit 99
server='' patient=''
stop() { [ -z "$server" ] || { kill "$server" && wait "$server"; server=; } 2>/dev/null; }
trap 'stop; kill $patient 2>/dev/null; wait; rm -rf "$work"' EXIT

n=0 failed=0
check() { # name, good (0 or 1)...
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		failed=1
		echo "not ok $n - $1"
		sed 's/^/# /' "$work/out"
	fi
}
has() { # name, line that must be in the output; ms=N in it stands for any time
	sed -E 's/ ms=[0-9]+//' "$work/out" | grep -qxF -- "${2:-$1}"
	check "$1" $?
}
ms() { # the time of the lookup of NAME, or a large number
	sed -nE "s/^$1 .* ms=([0-9]+).*/\1/p" "$work/out" | head -n 1 | grep . || echo 999999
}
serve() { # options
	rm -f "$work/port"
	"$build/t/bin/dnsd" --port-file "$work/port" --log "$work/log" "$@" "$work/zone" \
		>/dev/null 2>>"$work/all" &
	server=$!
	for _ in $(seq 200); do
		[ -s "$work/port" ] && break
		sleep 0.05
	done
	port=$(cat "$work/port")
}
ask() {
	"$build/t/bin/dnsq" "$@" >"$work/out" 2>&1
	cat "$work/out" >>"$work/all"
}

cat >"$work/zone" <<'END'
# names that libunbound has a word on, and others
a.test              300 TXT   "v=spf1 " "-all"
a.test              300 MX    10 mx.a.test
a.test              300 MX    20 MX2.a.test.
mx.a.test           300 A     192.0.2.1
mx.a.test           300 A     192.0.2.2
mx.a.test           300 AAAA  2001:db8::1
odd.test            300 TXT   "\195\188 \"x\" \\"
1.0.168.192.in-addr.arpa 300 PTR private.test
1.2.0.10.in-addr.arpa    300 PTR ten.test
1.0.0.127.in-addr.arpa   300 PTR loopback.test
1.2.0.192.in-addr.arpa   300 PTR documentation.test
1.0.254.169.in-addr.arpa 300 PTR linklocal.test
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 300 PTR six.test
host.localhost      300 A     192.0.2.7
host.invalid        300 A     192.0.2.7
host.onion          300 A     192.0.2.7
host.home.arpa      300 A     192.0.2.7
alias.test          20  CNAME a.test
alias2.test         20  CNAME alias.test
dangling.test       20  CNAME none.test
loop1.test          20  CNAME loop2.test
loop2.test          20  CNAME loop1.test
*.wild.test         60  TXT   wild
deep.empty.test     60  TXT   deep
c0.test 60 TXT c1.test
c1.test 60 TXT c2.test
c2.test 60 TXT c3.test
c3.test 60 TXT c4.test
short.test          60  SOA   2
kept.test           60  TXT   kept
END
printf 'big.test 300 TXT "%s"\n' "$(printf 'x%.0s' $(seq 3000))" >>"$work/zone"

# until libunbound gives up: some seconds, meanwhile the rest is tried
"$build/t/bin/dnsq" wait=25000 "192.0.2.1" n0.test/TXT >"$work/given-up" 2>&1 &
patient=$!
serve --servfail broken.test --refuse refused.test --drop silent.test --truncate cut.test
ask "127.0.0.1@$port" a.test/TXT a.test/MX mx.a.test/A mx.a.test/AAAA a.test/A odd.test/TXT \
	none.test/TXT foo.bar.wild.test/TXT wild.test/TXT empty.test/TXT x.empty.test/TXT
has 'a.test TXT data ttl=300 "v=spf1 -all"'
has 'a.test MX data ttl=300 10 "mx.a.test" 20 "mx2.a.test"'
has 'mx.a.test A data ttl=300 192.0.2.1 192.0.2.2'
has 'mx.a.test AAAA data ttl=300 2001:db8::1'
has 'a.test A no data ttl=60'
has 'odd.test TXT data ttl=300 "\195\188 \034x\034 \092"'
has 'none.test TXT no name ttl=60'
has 'foo.bar.wild.test TXT data ttl=60 "wild"'
has 'wild.test TXT no data ttl=60'
has 'empty.test TXT no data ttl=60'
has 'x.empty.test TXT no name ttl=60'

ask "127.0.0.1@$port" 1.0.168.192.in-addr.arpa/PTR 1.2.0.10.in-addr.arpa/PTR \
	1.0.0.127.in-addr.arpa/PTR 1.2.0.192.in-addr.arpa/PTR 1.0.254.169.in-addr.arpa/PTR \
	1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa/PTR \
	host.localhost/A host.invalid/A host.onion/A host.home.arpa/A
has '1.0.168.192.in-addr.arpa PTR data ttl=300 "private.test"'
has '1.2.0.10.in-addr.arpa PTR data ttl=300 "ten.test"'
has '1.0.0.127.in-addr.arpa PTR data ttl=300 "loopback.test"'
has '1.2.0.192.in-addr.arpa PTR data ttl=300 "documentation.test"'
has '1.0.254.169.in-addr.arpa PTR data ttl=300 "linklocal.test"'
has '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR data ttl=300 "six.test"'
has 'host.localhost A data ttl=300 192.0.2.7'
has 'host.invalid A data ttl=300 192.0.2.7'
has 'host.onion A data ttl=300 192.0.2.7'
has 'host.home.arpa A data ttl=300 192.0.2.7'

ask "127.0.0.1@$port" alias.test/TXT alias2.test/TXT alias.test/A dangling.test/TXT loop1.test/TXT
has 'alias.test TXT data ttl=20 "v=spf1 -all"'
has 'alias2.test TXT data ttl=20 "v=spf1 -all"'
has 'alias.test A no data ttl=20'
has 'dangling.test TXT no name ttl=20'
has 'loop1.test TXT temporary failure ttl=1 reason="SERVFAIL"'

ask "127.0.0.1@$port" big.test/TXT cut.test/TXT
grep -q "^big.test TXT data ttl=300 ms=[0-9]* \"x\{3000\}\"" "$work/out"
check "an answer that does not fit in a datagram" $?
has 'cut.test TXT no name ttl=60'
grep -q 'tcp big.test TXT' "$work/log" && grep -q 'tcp cut.test TXT' "$work/log"
check "both came over TCP" $?

ask wait=300 "127.0.0.1@$port" broken.test/TXT refused.test/TXT silent.test/TXT a.test/TXT
has 'broken.test TXT temporary failure ttl=1 reason="SERVFAIL"'
has 'refused.test TXT temporary failure ttl=1 reason="SERVFAIL"'
has "silent.test TXT temporary failure ttl=0 reason=\"no answer in time from 127.0.0.1@$port\""
[ "$(ms silent.test)" -ge 300 ] && [ "$(ms silent.test)" -lt 4000 ]
check "a wait ends at its deadline" $?
has 'beside it others are answered' 'a.test TXT data ttl=300 "v=spf1 -all"'

ask "127.0.0.1@$port" none.short.test/TXT + none.short.test/TXT + sleep=2100 none.short.test/TXT
has 'none.short.test TXT no name ttl=2'
has 'none.short.test TXT no name ttl=2 cached'
grep -q '^stats lookups=3 hits=1 shared=0 queries=2 ' "$work/out"
check "the negative TTL is that of the nearest SOA, and ends" $?

# the zone changes; a flush must reach libunbound's memory too
(
	sleep 1
	sed -i 's/TXT   kept/TXT   changed/' "$work/zone"
	kill -HUP "$server"
) &
change=$!
ask "127.0.0.1@$port" kept.test/TXT + sleep=2000 kept.test/TXT + flush kept.test/TXT
has 'kept.test TXT data ttl=60 "kept"'
has 'kept.test TXT data ttl=60 cached "kept"'
has 'after a flush the server is asked' 'kept.test TXT data ttl=60 "changed"'
wait "$change"
stop

# a server 20 ms away: a chain costs its depth, what is independent costs nothing more
serve --delay 20
ask "127.0.0.1@$port" chain/c0.test a.test/MX mx.a.test/A mx.a.test/AAAA none.test/A
has 'c4.test TXT no name ttl=60'
first=$(awk '$3 == "c0.test" { print $1 }' "$work/log" | tail -n 1)
last=$(awk '$3 == "c4.test" { print $1 }' "$work/log" | tail -n 1)
span=$(awk -v a="$first" -v b="$last" 'BEGIN { printf "%d", (b - a) * 1000 }')
[ "$span" -ge 80 ] && [ "$span" -lt 1000 ]
check "four links of a chain take four times 20 ms (measured: $span ms)" $?
questions=
for i in $(seq 300); do questions="$questions n$i.wild.test/TXT"; done
# shellcheck disable=SC2086
ask "127.0.0.1@$port" $questions
[ "$(grep -c 'TXT data ttl=60 .*"wild"' "$work/out")" -eq 300 ]
check "300 at once are all answered" $?
slowest=$(sed -nE 's/.* ms=([0-9]+).*/\1/p' "$work/out" | sort -n | tail -n 1)
[ "$slowest" -lt 3000 ]
check "and not one after the other (the slowest: $slowest ms)" $?
stop

# a server that does not know, one that is slow and one that is not there are not the same
serve --drop silent.test
ask wait=2500 "127.0.0.1@$port" silent.test/TXT
has 'one name without an answer' "silent.test TXT temporary failure ttl=0 reason=\"no answer in time from 127.0.0.1@$port\""
stop
ask wait=2500 "127.0.0.1@$port" n0.test/TXT
has 'no server' "n0.test TXT temporary failure ttl=0 reason=\"unreachable: no answer from 127.0.0.1@$port\""
wait "$patient"
cp "$work/given-up" "$work/out"
has 'nor when libunbound calls that SERVFAIL' 'n0.test TXT temporary failure ttl=1 reason="unreachable: no answer from 192.0.2.1"'
ask wait=3500 "192.0.2.1,127.0.0.1@$port" n0.test/TXT
has 'several that say nothing are all named' "n0.test TXT temporary failure ttl=0 reason=\"unreachable: no answer from 192.0.2.1, 127.0.0.1@$port\""

# a server that is gone, and back
serve
old=$port
questions=
for i in $(seq 40); do questions="$questions + n$i.wild.test/TXT sleep=200"; done
(
	sleep 1.5
	exec "$build/t/bin/dnsd" --port "$old" --address 127.0.0.1 "$work/zone" >"$work/again" 2>&1
) &
back=$!
stop
# shellcheck disable=SC2086
ask wait=400 "127.0.0.1@$old" n0.wild.test/TXT $questions
kill "$back" 2>/dev/null
wait "$back" 2>/dev/null
grep -q '^n0.wild.test TXT temporary failure' "$work/out"
check "a dead server is a temporary failure within the deadline" $?
recovered=$(grep -n 'data' "$work/out" | head -n 1 | cut -d: -f1)
[ "${recovered:-99}" -le 16 ]
check "when it is back its answers are soon there (lookup ${recovered:-none} of one each 0.2 to 0.6 s)" $?

# random case: on unless a server changes it, and then for nobody; answers are the same either way
ask_cased() { # name, what the questions must have (mixed or lower), argument of dnsq...
	local name=$1 want=$2 have=lower
	shift 2
	: >"$work/raw"
	ask "$@" a.test/TXT kept.test/TXT x.wild.test/TXT deep.empty.test/TXT none.test/TXT mx.a.test/A
	grep -vi 'countersign' "$work/raw" | grep -q '[A-Z]' && have=mixed
	[ $have = $want ]
	check "$name: questions in $want case" $?
	[ "$(grep -c ' data ' "$work/out")" -eq 5 ] && grep -q '^none.test TXT no name' "$work/out"
	check "$name: the answers are right" $?
}
serve --raw-log "$work/raw"
ask_cased "a server that keeps the case" mixed "127.0.0.1@$port"
grep -qi '^case.countersign.invalid$' "$work/raw"
check "it was asked for that at the start" $?
ask_cased "caps=off" lower caps=off "127.0.0.1@$port"
! grep -qi countersign "$work/raw"
check "nobody is asked for it then" $?
"$build/t/bin/dnsd" --port-file "$work/port2" --lower '*' --raw-log "$work/raw" "$work/zone" >/dev/null &
second=$!
for _ in $(seq 200); do [ -s "$work/port2" ] && break; sleep 0.05; done
ask_cased "one of two that changes it" lower "127.0.0.1@$port,127.0.0.1@$(cat "$work/port2")"
kill $second && wait $second 2>/dev/null
stop
serve --lower '*' --raw-log "$work/raw"
ask_cased "a server that changes the case" lower "127.0.0.1@$port"
ask_cased "caps=on where it is changed" mixed caps=on "127.0.0.1@$port"
stop
serve --lower kept.test --lower none.test --raw-log "$work/raw"
ask_cased "a server that changes it for some names" mixed "127.0.0.1@$port"
stop
serve --drop case.countersign.invalid --raw-log "$work/raw"
ask_cased "a server that does not answer at the start" mixed "127.0.0.1@$port"
stop

# validation: nothing below an anchor that nobody serves is believed
echo '. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D' >"$work/anchor"
serve
ask anchor="$work/anchor" "127.0.0.1@$port" a.test/TXT
grep -q '^a.test TXT temporary failure .* reason="bogus, or its key was lost: ' "$work/out"
check "an answer that cannot be validated is a temporary failure with its reason" $?
ask anchor="$work/none" "127.0.0.1@$port" a.test/TXT
grep -q "trust anchor $work/none: No such file" "$work/out"
check "a missing anchor is said at the start" $?
stop

grep -aE 'Sanitizer|runtime error' "$work/all" >"$work/out"
check "no sanitizer has a complaint" $((1 - $?))

echo "1..$n"
exit $failed
