# SPDX-License-Identifier: BSD-2-Clause
# Debian roots made by debootstrap, for tests that want a bare machine. As root. To be sourced by bash.

root_needs() { # who asks
	[ "$(id -u)" = 0 ] || { echo "$1: run as root" >&2; return 1; }
	command -v debootstrap >/dev/null || { echo "$1: needs debootstrap" >&2; return 1; }
}

# A minimal Debian 12 in DIR, from the host's mirror; one that is there is taken as it is.
root_make() { # DIR
	local mirror
	if [ ! -x "$1/usr/bin/apt-get" ]; then
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | head -1)
		mkdir -p "$1"
		debootstrap --variant=minbase bookworm "$1" "${mirror:-http://deb.debian.org/debian}" \
			>"$1/debootstrap.out" 2>&1 || { tail -5 "$1/debootstrap.out" >&2; return 1; }
	fi
	# the way to the mirror is the host's
	rm -f "$1/etc/apt/sources.list"
	cp -r /etc/apt/. "$1/etc/apt/"
	cp /etc/resolv.conf /etc/hosts "$1/etc/"
	mkdir -p "$1/etc/ssl" && cp -r /etc/ssl/certs "$1/etc/ssl/"
}

# Runs a line of shell in DIR, in mount and process namespaces of its own, of which DIR is the root: in a mere chroot(2),
# tests could make no machines of their own, nor enter one.
root_run() { # DIR LINE
	unshare --mount --pid --fork --kill-child bash -c '
		mount --bind "$1" "$1" && cd "$1" && mkdir -p .host || exit 1
		mount -t proc proc proc
		mount --rbind /dev dev
		mount -t tmpfs tmpfs tmp
		pivot_root . .host && cd / && umount -l /.host && rmdir /.host || exit 1
		exec /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			TERM=dumb DEBIAN_FRONTEND=noninteractive bash -c "$2"' root "$1" "$2"
}
