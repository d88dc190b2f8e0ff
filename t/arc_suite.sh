#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The public ARC suite, where it is at hand: COUNTERSIGN_DATA names the directory that holds it in arc/.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
data=${COUNTERSIGN_DATA:-/nonexistent}/arc
for part in validation sign; do
	[ -r "$data/arc-draft-$part-tests.yml" ] || skip_all "no arc/arc-draft-$part-tests.yml in COUNTERSIGN_DATA"
done
need python3
python3 -c 'import yaml' 2>/dev/null || skip_all "no python3 with yaml (Debian python3-yaml)"
exec python3 "$COUNTERSIGN_SRC/t/conformance/arc_suite.py" "$data" "$COUNTERSIGN_BUILD/t/bin"
