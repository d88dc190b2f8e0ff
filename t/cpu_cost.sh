#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What one message can cost at most: CPU time of the worker for each MB that it receives, whatever it holds. The bound is 50 ms.
# A host that has other work makes the same work cost more (caches, clock, a core that two threads share), so the least of
# up to three runs counts; one below half the bound is enough.
#   t/cpu_cost.sh     prints a line for each kind of message
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need openssl
[ -r /proc/self/stat ] || skip_all "there is no /proc"
[ -z "$COUNTERSIGN_SANITIZER" ] || skip_all "a sanitizer has costs of its own"
! grep -q "^COVERAGE_CFLAGS = ." "$COUNTERSIGN_BUILD/Makefile" || skip_all "counting coverage has costs of its own"
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
BOUND=50 # ms for each MB

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$top/key" 2>/dev/null
key=$(openssl pkey -in "$top/key" -pubout -outform DER | base64 -w0)
cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=none"
sel._domainkey.sender.test 60 TXT "v=DKIM1; k=rsa; p=${key:0:200}" "${key:200}"
Z
start_lone_daemon "sqlite:$top/db"

cpu() { # ms of all the daemon's processes
	local pid sum=0
	for pid in $(cat /proc/$daemon/task/$daemon/children); do
		sum=$((sum + $(sed 's/^.*) //' /proc/$pid/stat | awk '{ print $12 + $13 }')))
	done
	echo $((sum * 1000 / $(getconf CLK_TCK)))
}
wait_for() { # a line of flood
	for _ in {1..600}; do grep -q "^$1" "$top/said" && return; kill -0 $flood 2>/dev/null || break; sleep 0.1; done
	fail "flood says $1: $(tail -n 2 "$top/said")"
}
repeat=4 # messages, for the clock's ticks
run_once() { # KIND AMOUNT: sets $used (ms)
	local before
	mkfifo "$top/go"
	before=$(cpu)
	"$BUILD/t/bin/flood" "$top/sock" $repeat "$1" "$2" <"$top/go" >"$top/said" 2>&1 &
	flood=$!
	exec 4>"$top/go"
	wait_for held
	echo >&4
	wait_for ended
	used=$(($(cpu) - before))
	echo >&4
	exec 4>&-
	wait $flood
	flood=''
	rm "$top/go"
}
cost() { # NAME KIND AMOUNT
	local mb least=
	mb=$(awk -v n=$(($3 + $(cat "$FLOOD_HEADER" 2>/dev/null | wc -c))) -v r=$repeat 'BEGIN { printf "%.2f", n * r / 1048576 }')
	for _ in 1 2 3; do
		run_once "$2" "$3"
		least=$((${least:-$used} < used ? least : used))
		took=$(awk -v ms=$least -v mb="$mb" 'BEGIN { printf "%.1f", ms / mb }')
		awk -v took="$took" -v bound=$BOUND 'BEGIN { exit !(took <= bound / 2) }' && break
	done
	ok "$1: $took ms for each MB ($mb MB, $least ms; $(grep -v '^held\|^ended' "$top/said" | tr '\t\n' ' ;'))" \
		awk -v took="$took" -v bound=$BOUND 'BEGIN { exit !(took <= bound) }'
}

signature() { # canonicalization, more tags
	echo "DKIM-Signature: v=1; a=rsa-sha256; c=$1; d=sender.test; s=sel; h=${3:-from:subject:date:to}; $2bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=$(head -c 256 /dev/urandom | base64 -w0)"
}
large=$((10 * 1048576))
export FLOOD_HEADER=
unset FLOOD_HEADER
cost "80,000 fields" fields 480000
cost "1 MB of fields" fields 1048576
cost "999 long fields" header 997000
for kind in lines blanks text; do
	cost "$kind, unsigned" $kind $large
done
for c in simple relaxed; do
	for i in {1..10}; do signature $c/$c "l=$((i * 1000000)); "; done
done | head -10 >"$top/ten"
signature relaxed/relaxed >>"$top/ten"
for i in {1..4}; do signature simple/simple "l=$((i * 2000000 + 1)); "; signature relaxed/relaxed "l=$((i * 2000000 + 7)); "; done >"$top/both"
for header in ten both; do
	export FLOOD_HEADER=$top/$header
	for kind in lines blanks short words text base64; do
		cost "$kind, signatures ($header)" $kind $large
	done
done
for i in {1..10}; do signature relaxed/relaxed '' "$(yes from:x | head -n 5000 | tr '\n' ':')from"; done >"$top/names"
FLOOD_HEADER=$top/names
cost "ten signatures with 10,000 names each, 900 fields" fields 5400
for i in {1..900}; do echo "Authentication-Results: mx.example.net; $(yes 'dkim=pass header.d=a.example;' | head -n 30 | tr '\n' ' ')"; done >"$top/results"
FLOOD_HEADER=$top/results
cost "900 Authentication-Results" fields 6
{
	printf 'From: '
	yes 'a@b.example,' | head -n 70000 | tr '\n' ' '
	echo 'c@d.example'
} >"$top/authors"
FLOOD_HEADER=$top/authors
cost "70,000 authors" fields 6
done_testing
