#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The openspf test suite for RFC 7208 through the daemon: milter socket in, DNS over the wire, the result in
# Authentication-Results. COUNTERSIGN_DATA names the directory that holds rfc7208-tests.yml.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
suite=${COUNTERSIGN_DATA:-/nonexistent}/rfc7208-tests.yml
[ -r "$suite" ] || skip_all "no rfc7208-tests.yml in COUNTERSIGN_DATA"
need python3
python3 -c 'import yaml' 2>/dev/null || skip_all "no python3 with yaml (Debian python3-yaml)"
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-conformance.XXXXXX") || exit 99
trap 'rm -rf "$top"' EXIT

run() { # engine
	mkdir "$top/$1"
	python3 "$COUNTERSIGN_SRC/t/conformance/spf_daemon.py" "$suite" "$COUNTERSIGN_BUILD" "$top/$1" "$1" >"$top/$1.out"
}
run native &
run libspf2 &
wait
for engine in native libspf2; do
	ended=
	while IFS= read -r line; do
		case $line in
		'ok '*) pass "${line#* - }" ;;
		'not ok '*) fail "${line#* - }" ;;
		'1..'*) ended=yes ;;
		*) echo "$line" ;;
		esac
	done <"$top/$engine.out"
	is "$engine: runs to its end" "$ended" yes
done
done_testing
