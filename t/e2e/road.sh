#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# contrib/road: two sites with a Postfix, Dovecot, nsd and countersign each, and a man in the middle between them; each
# station as it should be, within two minutes, and nothing is left.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/tmpdir.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for namespaces of its own"
need postfix dovecot nsd unbound nginx ldns-keygen ldns-signzone swaks curl openssl ip unshare nsenter python3 sqlite3 sievec
unshare --net --uts --mount --pid --fork --kill-child --mount-proc true 2>/dev/null ||
	skip_all "network, mount and process namespaces of its own are not permitted here"
clear_of_midnight 180

dir=$(mktemp -d "$(tmpdir_public 40)/road.XXXXXX") && chmod 755 "$dir" || exit 99
trap 'rmdir "$dir"' EXIT
left() { # what may be left of a run: files, processes (by what they inherit), addresses
	ls -A "$dir"
	grep -lazE "^ROAD=$dir/" /proc/[0-9]*/environ 2>/dev/null
	ip -o addr 2>/dev/null | grep -E ' 11\.(0|1|2|3|66)\.'
	ip -o link 2>/dev/null | grep -E ' w-(north|south|hub)'
}
before=$(left)
begun=$SECONDS
said=$(ROAD_READY=1 TMPDIR=$dir bash "$COUNTERSIGN_SRC/contrib/road" 2>&1)
status=$?
took=$((SECONDS - begun))
while IFS= read -r line; do
	case $line in
	"     |  ok      "*) pass "$(cut -c17-58 <<<"$line" | sed 's/ *$//')" ;;
	"     |  FAILED  "*) fail "$(cut -c17- <<<"$line")" ;;
	*) echo "# $line" ;;
	esac
done <<<"$said"
is "contrib/road succeeds" $status 0
ok "all of its parts were tried" [ "$tap_n" -gt 60 ]
echo "# $took seconds"
is "nothing is left" "$(left)" "$before"
done_testing
