# SPDX-License-Identifier: BSD-2-Clause
# Where temporary files go that other users must reach: the tests' daemons give up root, Postfix and PostgreSQL have
# users of their own. To be sourced by bash.

# Prints $TMPDIR if every user can enter it and its name is not longer than LENGTH (60: the path of a socket below it has
# at most 108 bytes), else /tmp, else /var/tmp. A TMPDIR below a home directory of mode 0700 is passed over.
tmpdir_public() { # [LENGTH]
	local dir longest=${1:-60}
	for dir in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
		[ ${#dir} -le "$longest" ] && [ -w "$dir" ] && tmpdir_entered_by_all "$dir" && echo "$dir" && return
	done
	echo "no directory for temporary files that every user can enter: neither ${TMPDIR:-/tmp}, /tmp nor /var/tmp" >&2
	return 1
}

# Whether DIR and every directory above it may be entered by everybody.
tmpdir_entered_by_all() { # DIR
	local dir mode
	dir=$(realpath -e "$1" 2>/dev/null) && [ -d "$dir" ] || return 1
	while :; do
		mode=$(stat -c %A "$dir") || return 1
		[[ $mode == *[xt] ]] || return 1
		[ "$dir" != / ] || return 0
		dir=$(dirname "$dir")
	done
}
