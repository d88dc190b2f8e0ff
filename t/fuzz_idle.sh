#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/fuzz_idle.sh [--minutes N | --merge DIR | --check] [DRIVER...]
#
# The fuzz drivers on CPU time that nothing else wants (SCHED_IDLE, nice 19), one at a time, and the sum of what each has
# done in the table of t/fuzz/README, so that runs add up over time.
#   t/fuzz_idle.sh [--minutes N] [DRIVER...]    run until N minutes are over (default 60)
#   t/fuzz_idle.sh --merge DIR [DRIVER...]      take over the table and the corpus of a copy of this checkout
#   t/fuzz_idle.sh --check                      fail if a driver is below the target
# The target of a driver is 300 CPU seconds and 1,000,000 executions since its sources changed (FUZZ_CPU, FUZZ_EXECUTIONS).
# First come those that lack executions, in turn; then of those that lack CPU time the one that lacks least; then the one that has
# run least. DRIVERs that are named come before the others. The corpus grows in build-fuzz/corpus/; what of it reaches code that
# t/fuzz/corpus/ does not is copied there, KEPT_FILES for each driver. An input that fails is kept as build-fuzz/t/bin/fuzz-X.*
. "$(dirname "$0")/lib/help.sh"
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$SRC/build-fuzz
TABLE=$SRC/t/fuzz/README
TARGET_CPU=${FUZZ_CPU:-300} TARGET_EXECUTIONS=${FUZZ_EXECUTIONS:-1000000}
SLICE=60 KEPT_FILES=24 KEPT_INPUT=1024
TIMEOUT=300 # seconds on the wall for an input: on a busy machine, idle time may not come for long; t/fuzz.sh allows 10
. "$SRC/contrib/packages.sh"
. "$SRC/contrib/build.sh"

usage() { # what is wrong
	echo "t/fuzz_idle.sh: $1; see t/fuzz_idle.sh --help" >&2
	exit 64
}

# list_sources DRIVER: the driver, and the modules whose headers it includes or that it names in its comment. Memory, text and
# clock do not count: they have drivers or tests of their own.
list_sources() {
	local module source
	echo "t/fuzz/$1.c"
	grep -oE '[a-z0-9_]+(/[a-z0-9_]+)+' "$SRC/t/fuzz/$1.c" | grep -vE '^t/|^lib/(arena|buf|clock|span)$' | sort -u |
		while read -r module; do
			for source in "$module.h" "$module.c"; do
				[ -f "$SRC/$source" ] && echo "$source"
			done
		done
}

# hash_sources DRIVER: of their code without comments, blanks, includes and their guards, so that a new wording or a new
# directory does not count as a change.
hash_sources() {
	local source
	list_sources "$1" | while read -r source; do
		cc -fpreprocessed -dD -E -P "$SRC/$source" 2>/dev/null |
			sed -E '/^ *# *(include|(ifndef|define) [A-Z0-9_]+_H *$)/d; s/\\$//' | tr -d '[:space:]' | sha256sum
	done | sort | sha256sum | cut -c 1-12
}

# read_row DRIVER HASH [TABLE]: its executions and CPU seconds with these sources.
read_row() {
	awk -v driver="$1" -v hash="$2" '$1 == driver && $2 == hash { n = $3; cpu = $4 } END { print n + 0, cpu + 0 }' "${3:-$TABLE}"
}

# write_row DRIVER HASH EXECUTIONS CPU: in its place, in order of names.
write_row() {
	local new=$TABLE.new
	{
		sed '/^driver  /q' "$TABLE"
		{
			sed '1,/^driver  /d' "$TABLE" | awk -v driver="$1" '$1 != driver'
			printf '%-14s %s %12d %8d\n' "$@"
		} | LC_ALL=C sort
	} >"$new" && mv "$new" "$TABLE"
}

# pick_driver: the name of the next (see the top).
pick_driver() {
	local driver n cpu rank=0
	for driver in "${drivers[@]}"; do
		read -r n cpu < <(read_row "$driver" "${hashes[$driver]}")
		rank=$((rank + 1))
		if [ "$n" -lt "$TARGET_EXECUTIONS" ]; then
			echo 0 "$cpu" $rank "$driver"
		elif [ "$cpu" -lt "$TARGET_CPU" ]; then
			echo 1 $((TARGET_CPU - cpu)) $rank "$driver"
		else
			echo 2 "$cpu" $rank "$driver"
		fi
	done | sort -k 1,1n -k 2,2n -k 3,3n | { read -r _ _ _ driver && echo "$driver"; }
}

# run_slice DRIVER SECONDS: one run, its figures into the table. Fails when an input does.
run_slice() {
	local driver=$1 log=$BUILD/fuzz-$1.log status n cpu user system before_n before_cpu
	mkdir -p "$BUILD/corpus/$driver"
	TIMEFORMAT='%U %S'
	{ time chrt -i 0 nice -n 19 "$BUILD/t/bin/fuzz-$driver" -max_total_time="$2" -timeout=$TIMEOUT -print_final_stats=1 \
		-artifact_prefix="$BUILD/t/bin/fuzz-$driver." "$BUILD/corpus/$driver" "$SRC/t/fuzz/corpus/$driver" \
		>"$log" 2>&1; } 2>"$log.time"
	status=$?
	read -r user system <"$log.time"
	n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	cpu=$(awk -v a="$user" -v b="$system" 'BEGIN { printf "%d", a + b + 0.5 }')
	read -r before_n before_cpu < <(read_row "$driver" "${hashes[$driver]}")
	write_row "$driver" "${hashes[$driver]}" $((before_n + ${n:-0})) $((before_cpu + cpu))
	if [ $status -ne 0 ] && [ -z "$stop" ]; then
		echo "$driver: an input fails; see $log" >&2
		return 1
	fi
}

# keep_corpus DRIVER: the inputs that reach what the kept ones do not, the largest first, since they reach most.
keep_corpus() {
	local driver=$1 kept=$SRC/t/fuzz/corpus/$1 more=$BUILD/more file count
	rm -rf "$more" && mkdir -p "$more" "$BUILD/corpus/$driver" "$kept"
	cp "$kept"/* "$more"
	chrt -i 0 nice -n 19 "$BUILD/t/bin/fuzz-$driver" -merge=1 "$more" "$BUILD/corpus/$driver" >"$BUILD/merge.log" 2>&1 || return 0
	count=$(ls "$kept" | wc -l)
	find "$more" -type f -size -"$KEPT_INPUT"c -printf '%s %f\n' | sort -rn | while read -r _ file; do
		[ -e "$kept/$file" ] && continue
		[ "$count" -lt $KEPT_FILES ] || break
		count=$((count + 1))
		cp "$more/$file" "$kept/$file"
	done
}

build_drivers() {
	PACKAGES_LOG=$BUILD/packages.log
	mkdir -p "$BUILD" &&
		step "install what the fuzz drivers need" packages_install $packages_build $packages_fuzz &&
		step "configure build-fuzz/" build_configure --enable-fuzzers CC=clang CFLAGS="-g -O1" &&
		step "build the fuzz drivers" build_make fuzzers
}

run_drivers() { # SECONDS
	local end=$((SECONDS + $1)) driver last= failed=0
	build_drivers || return 1
	trap 'stop=1' INT TERM # it ends with the slice
	while [ $SECONDS -lt $end ] && [ -z "$stop" ]; do
		driver=$(pick_driver)
		[ -n "$driver" ] || break
		if [ -n "$last" ] && [ "$last" != "$driver" ]; then keep_corpus "$last"; fi
		last=$driver
		if ! run_slice "$driver" $((end - SECONDS < SLICE ? end - SECONDS : SLICE)); then
			failed=$((failed + 1))
			for i in "${!drivers[@]}"; do [ "${drivers[i]}" = "$driver" ] && unset "drivers[i]"; done
		fi
	done
	if [ -n "$last" ]; then keep_corpus "$last"; fi
	return $((failed > 0))
}

# merge_runs DIR: for the same sources the larger figure holds, so that no run counts twice.
merge_runs() {
	local driver n cpu n2 cpu2
	[ -f "$1/t/fuzz/README" ] || { echo "$1: no table t/fuzz/README there" >&2; return 1; }
	for driver in "${drivers[@]}"; do
		read -r n cpu < <(read_row "$driver" "${hashes[$driver]}")
		read -r n2 cpu2 < <(read_row "$driver" "${hashes[$driver]}" "$1/t/fuzz/README")
		[ "$n2" -gt "$n" ] && write_row "$driver" "${hashes[$driver]}" "$n2" "$cpu2"
		[ -d "$1/t/fuzz/corpus/$driver" ] && cp -n "$1/t/fuzz/corpus/$driver"/* "$SRC/t/fuzz/corpus/$driver"
	done
}

check_targets() {
	local driver n cpu below=0
	for driver in "${drivers[@]}"; do
		read -r n cpu < <(read_row "$driver" "${hashes[$driver]}")
		[ "$cpu" -ge "$TARGET_CPU" ] && [ "$n" -ge "$TARGET_EXECUTIONS" ] && continue
		echo "$driver: $n executions, $cpu CPU seconds since its sources changed"
		below=$((below + 1))
	done
	echo "$below of ${#drivers[@]} drivers are below $TARGET_EXECUTIONS executions and $TARGET_CPU CPU seconds"
	return $((below > 0))
}

action=run minutes=60 other= stop=
while [ $# -gt 0 ]; do
	case $1 in
	--minutes) [[ ${2:-} =~ ^[0-9]+$ ]] || usage "--minutes needs a number"; minutes=$2; shift 2 ;;
	--merge) [ -n "${2:-}" ] || usage "--merge needs a directory"; action=merge other=$2; shift 2 ;;
	--check) action=check; shift ;;
	-*) usage "unknown option $1" ;;
	*) break ;;
	esac
done

drivers=("$@")
for source in "$SRC"/t/fuzz/*.c; do
	name=$(basename "$source" .c)
	[[ " ${drivers[*]} " == *" $name "* ]] || drivers+=("$name")
done
declare -A hashes
for driver in "${drivers[@]}"; do
	[ -f "$SRC/t/fuzz/$driver.c" ] || { echo "$driver: there is no fuzz driver of this name" >&2; exit 64; }
	hashes[$driver]=$(hash_sources "$driver")
done
case $action in
run) run_drivers $((minutes * 60)) ;;
merge) merge_runs "$other" ;;
check) check_targets ;;
esac
