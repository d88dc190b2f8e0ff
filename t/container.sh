#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/container.sh [DIR]: the steps of contrib/container/Containerfile, one after the other, each stage in a minimal root made
# by debootstrap (in DIR, or a temporary directory), as an engine would run them; then what it would start, as the user it
# says, and the health check. As root; not part of the suite (some minutes, and it wants a mirror). No engine is needed,
# and what only an engine does (layers, volumes, networks) is not tried.
. "$(dirname "$0")/lib/help.sh"
src=$(cd "$(dirname "$0")/.." && pwd)
. "$src/t/lib/tap.sh"
. "$src/t/lib/root.sh"
root_needs t/container.sh || exit 1
if [ $# -gt 0 ]; then
	dir=$1
else
	dir=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-container.XXXXXX")
	trap 'rm -rf --one-file-system "$dir"' EXIT
fi
mkdir -p "$dir"
root_make "$dir/base" || exit 1
rm -rf --one-file-system "$dir"/stage.* "$dir/context"
git clone -q "$src" "$dir/context"

stage= stages=0 workdir=/ user= entry= health=
declare -A named
step() { # instruction, rest
	local -a words
	case $1 in
	FROM)
		stages=$((stages + 1))
		stage=$dir/stage.$stages workdir=/
		cp -a "$dir/base" "$stage"
		[[ $2 == *" AS "* ]] && named[${2##* AS }]=$stage
		like "stage $stages is from Debian 12" "$2" '^debian:12-slim'
		;;
	RUN)
		root_run "$stage" "cd $workdir && $2" >"$dir/log" 2>&1
		is "RUN ${2:0:60}..." $? 0 || tail -15 "$dir/log" | sed 's/^/# /'
		;;
	COPY)
		read -ra words <<<"$2"
		if [[ ${words[0]} == --from=* ]]; then
			cp -a "${named[${words[0]#--from=}]}${words[1]}/." "$stage${words[2]}"
		elif [ "${words[0]}" = . ]; then
			mkdir -p "$stage${words[1]}" && cp -a "$dir/context/." "$stage${words[1]}"
		else
			cp "$dir/context/${words[0]}" "$stage${words[1]}"
		fi
		is "COPY $2" $? 0
		;;
	WORKDIR) workdir=$2 ;;
	USER) user=$2 ;;
	ENTRYPOINT) entry=$(python3 -c 'import json, shlex, sys; print(shlex.join(json.loads(sys.argv[1])))' "$2") ;;
	HEALTHCHECK) health=${2#* CMD } ;;
	VOLUME | EXPOSE | STOPSIGNAL) ;;
	*) fail "the instruction $1 is known" ;;
	esac
}
while read -r instruction rest; do
	[ -z "$instruction" ] || step "$instruction" "$rest"
done < <(grep -v '^#' "$src/contrib/container/Containerfile" | sed -e ':a' -e '/\\$/{N;s/\\\n[ \t]*//;ba' -e '}')

is "it ends as a user that is not root" "$(chroot "$stage" id -u "$user")" 891
# a network of its own: the port is the container's
unshare --net bash -c '
	ip link set lo up
	. "$1/t/lib/root.sh"
	root_run "$2" "cd /; install -d -o countersign -m 755 /run/countersign
		as() { setpriv --reuid=$3 --regid=$3 --init-groups \"\$@\"; }
		setpriv --reuid=$3 --regid=$3 --init-groups $4 2>/var/log/err & pid=\$!
		for i in \$(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/8891) 2>/dev/null && echo listening && break; sleep 0.1; done
		as sh -c \"$5\" && echo healthy
		countersign -q key gen example.com >/dev/null && echo key
		kill -HUP \$pid; sleep 1; kill -TERM \$pid; wait \$pid; echo ended \$?
		as sh -c \"$5\" 2>/dev/null || echo unhealthy; cat /var/log/err"' run "$src" "$stage" "$user" "$entry" "$health" >"$dir/ran" 2>&1
for word in listening healthy key 'ended 0' unhealthy; do
	like "what it starts: $word" "$(cat "$dir/ran")" "^$word\$"
done
like "it logs to standard error, as JSON" "$(cat "$dir/ran")" '^\{.*ready: countersignd'
like "and has read its settings again" "$(cat "$dir/ran")" 'reloaded:'
done_testing
