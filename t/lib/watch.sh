#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs one test and checks what it leaves: what a sanitizer found in any of its processes, how long it took, and the
# processes and files that remain. Any of these fails the test.  watch.sh COMMAND [ARGUMENT...]
#
# A test that cannot run prints its reason as TAP does ("1..0 # SKIP reason") and exits with automake's status for that,
# 77. The TAP driver goes by the plan and would take the status for an error, so it becomes 0 here.
# COUNTERSIGN_PROGRESS, if set, is a file to which the begin and the end of the test are written, for contrib/test.
# TMPDIR is the test's own. A process is the test's when it has that TMPDIR or works below it.
umask 022
export LC_ALL=C.UTF-8 # whatever the host speaks; a test may choose another
. "$COUNTERSIGN_SRC/contrib/tmpdir.sh"
top=$(mktemp -d "$(tmpdir_public 40)/cst.XXXXXX") || exit 99
note_progress() { # begin | end
	[ -z "${progress:-}" ] || echo "$1 $name $(date +%s)" >>"$progress"
}
progress=${COUNTERSIGN_PROGRESS:-} name=${!#}
name=${name#"$COUNTERSIGN_SRC"/} name=${name#./}
unset COUNTERSIGN_PROGRESS # a test may run others
note_progress begin
trap 'note_progress end' EXIT
mkdir "$top/t" "$top/found"
chmod 755 "$top"
chmod 1777 "$top/t" "$top/found" # the tests' daemons give up root
export TMPDIR=$top/t FOUND=$top/found
limit=${COUNTERSIGN_TEST_SECONDS:-900}

# Findings go to files: workers have no terminal, and some programs' output is read by the test.
into="log_path=$FOUND/in"
export ASAN_OPTIONS="detect_leaks=1:$into${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1:$into${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export LSAN_OPTIONS="print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
TSAN_OPTIONS="suppressions=$COUNTERSIGN_SRC/t/tsan.supp:print_suppressions=0:$into${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
export TSAN_OPTIONS="second_deadlock_stack=1:$TSAN_OPTIONS"

processes() {
	local dir
	for dir in /proc/[0-9]*; do
		[ "${dir##*/}" = $$ ] && continue
		case $(readlink "$dir/cwd" 2>/dev/null) in "$top"/*) echo "${dir##*/}" && continue ;; esac
		grep -qzxF "TMPDIR=$TMPDIR" "$dir/environ" 2>/dev/null && echo "${dir##*/}"
	done
}

# Those that are still there after a while, but for this one's own subshells.
stay() {
	local pid left
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		left=
		for pid in $(processes); do
			[ "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2>/dev/null)" = $$ ] || left="$left $pid"
		done
		[ -n "$left" ] || return 0
		sleep 0.5
	done
	echo $left
}

finish() { # reason, details
	[ -z "$2" ] || sed 's/^/# /' <<<"$2"
	echo "Bail out! $1"
	status=1
}

timeout --foreground -k 20 "$limit" "$@" &
trap 'kill $! 2>/dev/null' INT TERM
wait $!
status=$?
trap - INT TERM
[ $status -ne 77 ] || status=0
[ $status -ne 124 ] && [ $status -ne 137 ] || finish "it was not done after $limit seconds" ''
left=$(stay)
if [ -n "$left" ]; then
	finish "processes were left" "$(ps -o pid,ppid,args -p "${left// /,}")"
	kill -9 $left
fi
# a remark (that there is no symbolizer) is no finding
found=$(grep -lE 'ERROR: |SUMMARY: |WARNING: ThreadSanitizer|runtime error' "$FOUND"/* 2>/dev/null)
if [ -n "$found" ]; then
	first=$(ls -tr $found | head -1)
	finish "$(wc -l <<<"$found") processes have sanitizers' findings: $(grep -hE '^SUMMARY|runtime error' $found | sort | uniq -c | sort -rn | head -1)" \
		"$(head -60 "$first")"
	[ -z "${COUNTERSIGN_FINDINGS:-}" ] || cp $found "$COUNTERSIGN_FINDINGS"
fi
[ -n "${LAB_KEEP:-}${SCENARIO_KEEP:-}" ] && exit $status
if [ -n "$(ls -A "$TMPDIR")" ]; then
	finish "files were left" "$(cd "$TMPDIR" && find . -mindepth 1 | head -20)"
fi
rm -rf "$top"
exit $status
