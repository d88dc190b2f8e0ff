#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A machine of its own (t/lib/machine.sh) has the clone also where that is on another filesystem than the root, as below a
# /home of its own; and what is done there does not change it.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare
if [ -z "${ELSEWHERE:-}" ]; then
	[ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip_all "needs root, and a mount namespace of its own"
	dir=$(mktemp -d) || exit 99
	trap 'rmdir "$dir"' EXIT
	ELSEWHERE=$dir unshare --mount bash -c 'mount --bind "$COUNTERSIGN_SRC" "$ELSEWHERE" &&
		COUNTERSIGN_SRC=$ELSEWHERE COUNTERSIGN_BUILD=$ELSEWHERE/build bash "$ELSEWHERE/t/machine.sh"'
	exit
fi
machine "$0"
ok "the source is there" test -f "$COUNTERSIGN_SRC/configure.ac"
ok "and cannot be changed" bash -c '! touch "$COUNTERSIGN_SRC/configure.ac"'
ok "the rest of the root can" touch /etc/hostname
done_testing
