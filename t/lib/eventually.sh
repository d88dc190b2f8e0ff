# SPDX-License-Identifier: BSD-2-Clause
# Waiting for a condition. To be sourced by bash; t/lib/tap.sh does.

# eventually [-t SECONDS] COMMAND...: runs the command again and again until it succeeds. Fails after SECONDS (30: a test
# that waits for something that does come takes no longer for it, and a busy machine has its time). The output of the
# command is dropped.
eventually() {
	local limit=30 end
	[ "$1" != -t ] || { limit=$2; shift 2; }
	end=$((SECONDS + limit))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
