#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/sim_idle.sh [--minutes N]
#
# The simulation (t/sim/README) on CPU time that nothing else wants (SCHED_IDLE, nice 19): new lives, each with a seed that no
# run has had, until N minutes are over (default 60). What was done is added up in the table of t/sim/README: lives, messages,
# faults of each kind. A life that fails is printed, and its seed is kept in build/sim-failed; the exit status is then 1.
. "$(dirname "$0")/lib/help.sh"
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${COUNTERSIGN_BUILD:-$SRC/build}
TABLE=${SIM_TABLE:-$SRC/t/sim/README}
MINUTES=60 SLICE=500 FIRST_SEED=1000001
usage() { # what is wrong
	echo "t/sim_idle.sh: $1; see t/sim_idle.sh --help" >&2
	exit 64
}
while [ $# -gt 0 ]; do
	case $1 in
	--minutes) [ $# -ge 2 ] || usage "$1 needs a value" && MINUTES=$2 && shift 2 ;;
	*) usage "unknown argument $1" ;;
	esac
done
[ -x "$BUILD/t/bin/sim" ] || usage "there is no $BUILD/t/bin/sim: make -C build t/bin/sim"

sum_of() { awk -v name="$1" 'BEGIN { FS = "  +" } $1 == name { n = $2 } END { print n + 0 }' "$TABLE"; }

# add_to_table NAME COUNT: to the line of that name, in the table after "what".
add_to_table() {
	local new
	new=$(($(sum_of "$1") + $2))
	if grep -qE "^$1  +[0-9]+$" "$TABLE"; then
		sed -i -E "s/^$1  +[0-9]+$/$(printf '%-16s %14d' "$1" "$new")/" "$TABLE"
	else
		printf '%-16s %14d\n' "$1" "$new" >>"$TABLE"
	fi
}

status=0 end=$((SECONDS + MINUTES * 60))
while [ $SECONDS -lt $end ]; do
	seed=$((FIRST_SEED + $(sum_of lives)))
	said=$(chrt -i 0 nice -n 19 "$BUILD/t/bin/sim" $seed $SLICE)
	grep -E '^seed' <<<"$said" | tee -a "$BUILD/sim-failed" | grep . && status=1
	add_to_table lives "$(sed -nE 's/^([0-9]+) seeds.*/\1/p' <<<"$said")"
	add_to_table "lives failed" "$(sed -nE 's/^[0-9]+ seeds, ([0-9]+) failed.*/\1/p' <<<"$said")"
	add_to_table messages "$(sed -nE 's/^[0-9]+ seeds.* ([0-9]+) messages.*/\1/p' <<<"$said")"
	while read -r count name; do
		add_to_table "$name" "$count"
	done < <(sed -nE 's/^faults: //p' <<<"$said" | tr ',' '\n' | sed -E 's/^ *(.*) ([0-9]+)$/\2 \1/')
done
exit $status
