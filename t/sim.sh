#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/sim.sh [SEED]
#
# The deterministic simulation of what keeps the counts (t/sim/README): a run of new lives, those that once found something, and
# the faults that it must find. With SEED, that life is replayed and told.
. "$(dirname "$0")/lib/help.sh"
if [ -n "${1:-}" ]; then
	exec "${COUNTERSIGN_BUILD:-$(dirname "$0")/../build}/t/bin/sim" -v "$1"
fi
. "$(dirname "$0")/lib/tap.sh"
sim=$COUNTERSIGN_BUILD/t/bin/sim
kept=$COUNTERSIGN_SRC/t/sim/seeds
SEEDS=${SIM_SEEDS:-1000} FIRST=1 ENOUGH=400
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0${ASAN_OPTIONS:+:$ASAN_OPTIONS} # dead processes keep their memory

failing() { # the simulation's arguments; prints what it says of lives that failed
	"$sim" "$@" 2>&1 | grep -E '^seed|died' | head -5
}

is "$SEEDS lives without a bug" "$(failing $FIRST $SEEDS)" ""
is "lives that once found something" "$(sed 's/#.*//; /^ *$/d' "$kept" | while read -r seed; do failing "$seed"; done)" ""
digest() { "$sim" "$@" | sed -n 's/.*digest //p'; }
is "the same seed, the same life: alone and among others" \
	"$(for seed in 1 2 3 4 5 6; do digest $seed; done)" "$(for seed in 1 2 3 4 5 6; do digest $seed; done)"
is "so are many" "$(digest 7 60)" "$(digest 7 60)"
for seed in 0 1 2 3; do
	is "life $seed: calls for files that fail, one at a time" "$(failing --calls disk $seed 1 601)" ""
	is "life $seed: and for memory" "$(failing --calls memory $seed $((seed + 1)) 3001)" ""
done
while IFS='	' read -r fault text; do
	ok "found: $text ($fault)" eval '[ -n "$(failing --first --break $fault $FIRST $ENOUGH)" ]'
done < <("$sim" --break list)
done_testing
