#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every fuzz driver over its corpus (t/fuzz/corpus/X for t/bin/fuzz-X). With --enable-fuzzers each
# goes on to look for new inputs for FUZZ_SECONDS (10); an input that fails is kept beside it.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$PWD}
drivers=${COUNTERSIGN_FUZZ:-$(cd "$build" && echo t/bin/fuzz-*)}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# As many at once as there are cores: each is one process that computes.
try() { # driver
	local name=${1##*/fuzz-} status
	mkdir "$work/$name"
	"$build/$1" -max_total_time="${FUZZ_SECONDS:-10}" -timeout=10 -artifact_prefix="$build/$1." \
		"$work/$name" "$src/t/fuzz/corpus/$name" >"$work/$name.out" 2>&1
	status=$?
	rm -rf "${work:?}/$name"
	echo $status >"$work/$name.status"
}
running=0
for driver in $drivers; do
	[ $running -lt "$(nproc)" ] || { wait -n; running=$((running - 1)); }
	try "$driver" &
	running=$((running + 1))
done
wait

n=0 failed=0
for driver in $drivers; do
	n=$((n + 1))
	name=${driver##*/fuzz-}
	if [ "$(cat "$work/$name.status" 2>/dev/null)" = 0 ]; then
		echo "ok $n - $name: $(grep -aE '^[0-9]+ inputs|^Done ' "$work/$name.out" | tail -n 1)"
	else
		failed=1
		echo "not ok $n - $name"
		tail -n 40 "$work/$name.out" | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $failed
