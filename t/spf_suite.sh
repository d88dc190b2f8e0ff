#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The openspf test suites, where they are at hand: COUNTERSIGN_DATA names the directory that holds rfc7208-tests.yml and,
# older, rfc4408-tests.yml. Of the older one every case agrees with RFC 7208 or lets its result stand beside another:
# txtonly, spfonly, spftimeout, txttimeout, nospftxttimeout, spfoverride, multitxt1, multispf2 (records of type SPF,
# which RFC 7208 section 3.1 ended), exists-dnserr, cidr6-0-ip4, cidr6-ip4, mx-limit.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
data=${COUNTERSIGN_DATA:-/nonexistent}
[ -r "$data/rfc7208-tests.yml" ] || skip_all "no rfc7208-tests.yml in COUNTERSIGN_DATA"
need python3
python3 -c 'import yaml' 2>/dev/null || skip_all "no python3 with yaml (Debian python3-yaml)"

set -o pipefail
suite() { # file, how many cases libspf2 must reach
	local line out status
	out=$(python3 "$COUNTERSIGN_SRC/t/conformance/spf_suite.py" "$data/$1" | "$COUNTERSIGN_BUILD/t/bin/spf_suite" "$2")
	status=$?
	while IFS= read -r line; do
		case $line in
		'ok '*) pass "$1: ${line#* - }" ;;
		'not ok '*) fail "$1: ${line#* - }" ;;
		'#'*) echo "$line" ;;
		esac
	done <<<"$out"
	is "$1: runs to its end" $status 0
}
suite rfc7208-tests.yml 203
[ ! -r "$data/rfc4408-tests.yml" ] || suite rfc4408-tests.yml 191
done_testing
