#!/bin/bash
# t/bare.sh [DIR]: the README's two commands on a bare Debian 12. Makes a minimal root with debootstrap (in DIR, or a
# temporary directory), puts a clean clone of HEAD into it and runs contrib/quickstart and contrib/test there, in mount
# and process namespaces of its own. As root; not part of the suite (a quarter of an hour, and it wants a mirror).
# COUNTERSIGN_DATA, if set, is laid beside the clone.
set -eu
src=$(cd "$(dirname "$0")/.." && pwd)
. "$src/t/lib/root.sh"
root_needs t/bare.sh

if [ $# -gt 0 ]; then
	root=$1
else
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-bare.XXXXXX")
	trap 'rm -rf --one-file-system "$root"' EXIT
fi
root_make "$root"
rm -rf "$root/srv/countersign" "$root/srv/conformance"
git clone -q "$src" "$root/srv/countersign"
if [ -n "${COUNTERSIGN_DATA:-}" ]; then
	mkdir -p "$root/srv/conformance" && cp -r "$COUNTERSIGN_DATA" "$root/srv/conformance/data"
fi
root_run "$root" 'cd /srv/countersign && contrib/quickstart && .ci/run &&
	git -c safe.directory=* status --short 2>/dev/null | head'
