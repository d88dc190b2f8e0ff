#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the other tests prove with the native engine, with libmilter: scenarios of each kind, the life of the
# processes, and the main job behind Postfix.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
export COUNTERSIGN_MILTER=libmilter

also() { # script, its arguments: its checks become ours
	local line
	while IFS= read -r line; do
		case $line in
		'ok '*) pass "${1##*/}: ${line#* - }" ;;
		'not ok '*) fail "${1##*/}: ${line#* - }" ;;
		'Bail out!'*) fail "${1##*/}: $line" ;;
		1..0*) skip "${1##*/}" "${line#*SKIP }" ;;
		'#'*) echo "$line" ;;
		esac
	done < <(bash "$COUNTERSIGN_SRC/$1" "${@:2}" 2>/dev/null)
}

for name in protocol inbound sign hold from; do also t/scenario.sh $name; done
also t/process.sh
also t/second_opinion.sh
also t/e2e/postfix.sh
done_testing
