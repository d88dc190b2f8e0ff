#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The benchmark at its smallest: that it runs, and that no verdict is wrong under load. Its figures are for t/bench/run.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need openssl awk
case ${COUNTERSIGN_SANITIZER:-} in # libmilter's own end races with itself in the do-nothing filter, which nobody guards
*thread*) skip_all "figures of a build with ThreadSanitizer mean nothing" ;;
esac
out=$(cd "$COUNTERSIGN_BUILD" && bash "$COUNTERSIGN_SRC/t/bench/run" -qp verify large sign 2>&1)
is "every message of the benchmark has the right verdict" $? 0
# Some systems count CPU time in ticks of 10 ms, more than a short run may take: a figure may be 0.
for what in 'verify 4 KiB' 'verify 1m' 'sign RSA-2048' 'sign Ed25519'; do
	ok "there is a figure for: $what" grep -qE "^\| $what.* \| [0-9]+( |$)" <<<"$out"
done
[ "$tap_failed" = 0 ] || sed 's/^/# /' <<<"$out"
out=$(bash "$COUNTERSIGN_SRC/t/bench/rows" 100000 3 2>&1)
like "what a new row costs is printed" "$out" '100000 +[0-9]+ +[0-9.]+ +1\.00'
out=$(bash "$COUNTERSIGN_SRC/t/bench/store" 2000 2>&1)
status=$?
if [ $status = 77 ]; then
	skip "the stores" "$(sed -n 's/^1\.\.0 # SKIP //p' <<<"$out")"
else
	is "the stores are measured" "$status" 0
	like "every row was shipped" "$out" 'none is lost +2000\|2000'
fi
done_testing
