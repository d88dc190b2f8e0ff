# SPDX-License-Identifier: BSD-2-Clause
# A machine of its own for a test: the host's files as they are, with all changes kept in memory; a network, host name
# and processes of its own. To be sourced behind tap.sh; then `machine "$0"` runs the script again in there. The directory
# MACHINE_SHARE, if it is set, is the same inside and outside.
machine() { # script
	local dir status reason
	[ -z "${MACHINE:-}" ] || { machine_begin; return; }
	[ "$(id -u)" = 0 ] || skip_all "needs root, for a machine of its own"
	unshare --net --uts --mount --pid --fork true 2>/dev/null || # as in a chroot
		skip_all "network, mount and process namespaces of its own are not permitted here"
	dir=$(mktemp -d "${TMPDIR:-/tmp}/machine.XXXXXX") || exit 99
	export -f machine_show machine_share
	MACHINE=$dir unshare --net --uts --mount --pid --fork --kill-child bash -c '
		mount -t tmpfs machine "$MACHINE" && mkdir "$MACHINE"/{upper,work,root} &&
			mount -t overlay -o "lowerdir=/,upperdir=$MACHINE/upper,workdir=$MACHINE/work" machine "$MACHINE/root" &&
			machine_share "${FOUND:-}" && # what sanitizers find is to be seen
			machine_share "${MACHINE_SHARE:-}" &&
			{ machine_show "$COUNTERSIGN_SRC" configure.ac && machine_show "${COUNTERSIGN_BUILD:-$COUNTERSIGN_SRC/build}" Makefile; } &&
			mount -t proc proc "$MACHINE/root/proc" && mount --rbind /dev "$MACHINE/root/dev" || exit 90
		cd / && exec chroot "$MACHINE/root" bash "$0"' "$(realpath "$1")" 2>"$dir.err"
	status=$?
	[ $status = 90 ] || cat "$dir.err" >&2
	reason=$(grep -v 'dmesg(1)' "$dir.err" | tail -n 1) # mount(8) says behind the reason where to look for more
	rm -f "$dir.err"
	rmdir "$dir"
	[ $status != 90 ] || skip_all "no machine of its own can be made here: $reason"
	exit $status
}

# The same directory inside and outside; it may be on a filesystem that the machine does not see, as a /tmp in memory is.
machine_share() { # directory, or none
	[ -z "$1" ] || { mkdir -p "$MACHINE/root$1" && mount --bind "$1" "$MACHINE/root$1"; }
}

# The root of the machine is that of the host without what is mounted below it: a clone that is on another filesystem is
# mounted there, too, read-only.
machine_show() { # directory, a file that it has
	[ -n "$1" ] && [ -e "$1/$2" ] && [ ! -e "$MACHINE/root$1/$2" ] || return 0
	mkdir -p "$MACHINE/root$1" && mount --bind "$1" "$MACHINE/root$1" && mount -o remount,ro,bind "$MACHINE/root$1"
}

machine_begin() {
	PATH=$PATH:/usr/sbin:/sbin
	ip link set lo up && hostname mx.example.com
	[ -z "${TMPDIR:-}" ] || mkdir -p "$TMPDIR"
}

# A Postfix as Debian has it: its processes chrooted in the queue directory.
machine_postfix() { # more lines of main.cf
	mkdir -p /etc/postfix /var/spool/postfix
	cat >/etc/postfix/main.cf <<-P
		compatibility_level = 3.6
		myhostname = mx.example.com
		mydomain = example.com
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		alias_maps =
		alias_database =
		local_recipient_maps =
		maillog_file = /var/log/postfix.log
	P
	printf '%s\n' "$@" >>/etc/postfix/main.cf
	cat >/etc/postfix/master.cf <<-P
		smtp      inet  n - y - - smtpd
		submission inet n - y - - smtpd
		  -o syslog_name=postfix/submission
		pickup    unix  n - y 1 1 pickup
		cleanup   unix  n - y - 0 cleanup
		qmgr      unix  n - n 300 1 qmgr
		rewrite   unix  - - y - - trivial-rewrite
		bounce    unix  - - y - 0 bounce
		defer     unix  - - y - 0 bounce
		trace     unix  - - y - 0 bounce
		verify    unix  - - y - 1 verify
		proxymap  unix  - - n - - proxymap
		smtp      unix  - - y - - smtp
		relay     unix  - - y - - smtp
		showq     unix  n - y - - showq
		error     unix  - - y - - error
		retry     unix  - - y - - error
		discard   unix  - - y - - discard
		local     unix  - n n - - local
		anvil     unix  - - y - 1 anvil
		scache    unix  - - y - 1 scache
		postlog   unix-dgram n - n - 1 postlogd
	P
}
