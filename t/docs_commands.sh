#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/docs_commands.sh [DOCUMENT...]: each command and each fragment of settings in the documents, tried in their order, each
# document on a machine of its own (t/lib/docs_lab.sh). Marked  sh check  are those that want a package manager, a
# network or somebody else's program: of them only the words are checked.
. "$(dirname "$0")/lib/help.sh"
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
export COUNTERSIGN_SRC=$src COUNTERSIGN_BUILD=${COUNTERSIGN_BUILD:-$PWD}
. "$src/t/lib/tap.sh"
cd "$src" || exit 99
if [ $# -gt 0 ]; then
	documents=("$@")
else
	documents=(README INSTALL *.md doc/*.md doc/*.[178])
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT

try() { # document
	DOCUMENT=$1 timeout 120 bash t/lib/docs_lab.sh >"$work/${1//\//.}" 2>&1
}
pids=()
for document in "${documents[@]}"; do
	[ -f "$document" ] || continue
	try "$document" &
	pids+=($!)
	[ ${#pids[@]} -lt 3 ] || { wait "${pids[0]}"; pids=("${pids[@]:1}"); }
done
wait
for document in "${documents[@]}"; do
	[ -f "$document" ] || continue
	result=$work/${document//\//.}
	reason=$(sed -n 's/^1\.\.0 # SKIP //p' "$result")
	[ -z "$reason" ] || skip_all "$reason"
	while IFS= read -r line; do
		case $line in
		"ok "*) pass "${line#ok * - }" ;;
		"not ok "*) fail "${line#not ok * - }" ;;
		1..*) ;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$result"
	grep -q '^1\.\.' "$result" || fail "$document was gone through to its end"
done
done_testing
