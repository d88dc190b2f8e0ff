#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/bare.sh [--quickstart | --test] [--once] [--root NAME] [DIR]
#
# The README's two commands on a bare Debian 12: contrib/quickstart and contrib/test, each run twice, in a clone below
# /root (mode 0700) and in one below the home directory of a user (mode 0700, made with umask 077), each in a minimal root
# of its own made by debootstrap. Prints a line with the seconds for each run; the exit status is 0 if all of them passed.
#
# As root; needs debootstrap and a Debian mirror. It is not part of the suite: it takes more than an hour.
# DIR keeps the roots (default: a temporary directory, removed at the end); a root that is there is used again.
#   --quickstart      only contrib/quickstart, some minutes
#   --test            only contrib/test
#   --once            each command once
#   --root NAME       only one of the clones: root (below /root) or user (below a user's home directory)
# COUNTERSIGN_DATA, if set, is copied into the roots for contrib/test.
set -u
. "$(dirname "$0")/lib/help.sh"
src=$(CDPATH= cd "$(dirname "$0")/.." && pwd)
. "$src/t/lib/root.sh"
commands=(contrib/quickstart contrib/test) times=(1 2) roots=(root user)
while [ $# -gt 0 ]; do
	case $1 in
	--quickstart) commands=(contrib/quickstart) ;;
	--test) commands=(contrib/test) ;;
	--once) times=(1) ;;
	--root)
		case ${2:-} in
		root | user) roots=("$2") ;;
		*) echo "t/bare.sh: --root needs a value: root or user" >&2; exit 64 ;;
		esac
		shift
		;;
	-*) echo "t/bare.sh: unknown option $1; see t/bare.sh --help" >&2; exit 64 ;;
	*) break ;;
	esac
	shift
done
root_needs t/bare.sh || exit 1
if [ $# -gt 0 ]; then
	dir=$1
	mkdir -p "$dir"
else
	dir=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-bare.XXXXXX")
	trap 'rm -rf --one-file-system "$dir"' EXIT
fi

failed=0
# Runs one of the commands in a clone; prints the result, and when it failed the end of what it printed.
run_command() { # root, clone, command, which time
	local start=$SECONDS log=$1-${3##*/}-$4.log last status
	root_run "$1" "umask ${5:-022}; cd $2 && COUNTERSIGN_DATA=/srv/data $3" >"$log" 2>&1
	status=$?
	last=$(tail -n 1 "$log")
	[[ $last =~ passed,.*skipped$ ]] || last=
	if [ $status = 0 ]; then
		echo "ok      $3, run $4, in $2: $((SECONDS - start)) s${last:+, $last}"
	else
		failed=1
		echo "FAILED  $3, run $4, in $2: exit status $status"
		tail -n 30 "$log" | sed 's/^/    /'
	fi
}

# Puts a clone of HEAD into a root, where only its owner can reach it, and runs the commands there.
try_clone() { # root, directory, owner, umask
	local root=$1 home=$2 owner=$3 command time
	root_run "$root" "[ $owner = root ] || id $owner >/dev/null 2>&1 || useradd -m $owner; chmod 700 $home" || exit 1
	rm -rf --one-file-system "$root$home/countersign" "$root/srv/data"
	(umask "$4" && git clone -q "$src" "$root$home/countersign") || exit 1
	root_run "$root" "chown -R $owner: $home/countersign" || exit 1
	mkdir -p "$root/srv/data"
	[ -z "${COUNTERSIGN_DATA:-}" ] || cp -r "$COUNTERSIGN_DATA/." "$root/srv/data/"
	for command in "${commands[@]}"; do
		for time in "${times[@]}"; do run_command "$root" "$home/countersign" "$command" $time "$4"; done
	done
}

root_make "$dir/base" || exit 1
for name in "${roots[@]}"; do
	[ -d "$dir/$name" ] || cp -a "$dir/base" "$dir/$name"
	case $name in
	root) try_clone "$dir/root" /root root 022 ;;
	user) try_clone "$dir/user" /home/bob bob 077 ;;
	esac
done
exit $failed
