#!/bin/bash
# t/bare.sh [DIR]: the README's two commands on a bare Debian 12. Makes a minimal root with debootstrap (in DIR, or a
# temporary directory), puts a clean clone of HEAD into it and runs contrib/quickstart and contrib/test there, in mount
# and process namespaces of its own. As root; not part of the suite (a quarter of an hour, and it wants a mirror).
# COUNTERSIGN_DATA, if set, is laid beside the clone.
set -eu
src=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "t/bare.sh: run as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "t/bare.sh: needs debootstrap" >&2; exit 1; }

if [ $# -gt 0 ]; then
	root=$1
else
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-bare.XXXXXX")
	trap 'rm -rf --one-file-system "$root"' EXIT
fi
if [ ! -x "$root/usr/bin/apt-get" ]; then
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | head -1)
	mkdir -p "$root"
	debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$root/debootstrap.out" 2>&1 ||
		{ tail -5 "$root/debootstrap.out" >&2; exit 1; }
fi
# the way to the mirror is the host's
rm -f "$root/etc/apt/sources.list"
cp -r /etc/apt/. "$root/etc/apt/"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/etc/ssl" && cp -r /etc/ssl/certs "$root/etc/ssl/"
rm -rf "$root/srv/countersign" "$root/srv/conformance"
git clone -q "$src" "$root/srv/countersign"
if [ -n "${COUNTERSIGN_DATA:-}" ]; then
	mkdir -p "$root/srv/conformance" && cp -r "$COUNTERSIGN_DATA" "$root/srv/conformance/data"
fi
unshare --mount --pid --fork --kill-child bash -c '
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	mount -t tmpfs tmpfs "$1/tmp"
	exec chroot "$1" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
		bash -c "cd /srv/countersign && contrib/quickstart && .ci/run && git -c safe.directory=* status --short 2>/dev/null | head"
	' bare "$root"
