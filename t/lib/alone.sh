# SPDX-License-Identifier: BSD-2-Clause
# A script that runs again in namespaces of its own. To be sourced by bash behind tap.sh.

# enter_lab "$0" "$@": in those of contrib/lab.sh, which is sourced before: network, mounts and processes.
enter_lab() {
	[ -z "${LAB_ALONE:-}" ] || return 0
	[ "$(id -u)" = 0 ] || skip_all "needs root, for namespaces of its own"
	lab_alone_possible || skip_all "network, mount and process namespaces of its own are not permitted here"
	(lab_alone "$@")
	exit
}

# enter_network "$0": in a network of its own, where it has every address and port.
enter_network() {
	local map=
	if [ -z "${ALONE_NETWORK:-}" ]; then
		[ "$(id -u)" = 0 ] || map=--map-root-user
		unshare $map --net true 2>/dev/null || skip_all "a network of its own is not permitted here"
		ALONE_NETWORK=1 exec unshare $map --net bash "$1"
	fi
	ip link set lo up
}
