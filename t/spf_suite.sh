#!/bin/bash
# The openspf test suite for RFC 7208, where it is at hand: COUNTERSIGN_DATA names the directory that
# holds rfc7208-tests.yml.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$PWD}
suite=${COUNTERSIGN_DATA:-/nonexistent}/rfc7208-tests.yml

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}
[ -r "$suite" ] || skip "no rfc7208-tests.yml in COUNTERSIGN_DATA"
python3 -c 'import yaml' 2>/dev/null || skip "no python3 with yaml (Debian python3-yaml)"

set -o pipefail
python3 "$src/t/conformance/spf_suite.py" "$suite" | "$build/t/bin/spf_suite" 203
