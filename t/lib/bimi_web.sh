# SPDX-License-Identifier: BSD-2-Clause
# Domains with BIMI, in a network of one's own: DNS (dnsd) on 127.0.0.1@53, their web server (t/tools/bimi_site.py) on
# 45.30.0.1. To be sourced by bash after tap.sh; runs the script again in that network and leaves it in a new directory.

bimi_web_alone() { # the script
	need openssl python3 unshare ip
	if [ -z "${BIMI_MACHINE:-}" ]; then
		local map=
		[ "$(id -u)" = 0 ] || map=--map-root-user
		unshare $map --net true 2>/dev/null || skip_all "a network of its own is not permitted here"
		BIMI_MACHINE=1 exec unshare $map --net bash "$@"
	fi
	ip link set lo up && ip address add 45.30.0.1/32 dev lo || exit 99
	dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-bimi.XXXXXX") || exit 99
	BIMI_PIDS=()
	trap 'for p in "${BIMI_PIDS[@]}"; do kill $p; wait $p; done 2>/dev/null; rm -rf "$dir"' EXIT
	cd "$dir" || exit 99
	. "$COUNTERSIGN_SRC/t/lib/marks.sh"
	. "$COUNTERSIGN_SRC/t/lib/eventually.sh"
}

bimi_web_begin() { # zone in ./zone; files in ./www
	authority web_root
	key web
	openssl req -new -key web.key -subj /CN=web 2>/dev/null | openssl x509 -req -days 3 -CA web_root.crt -CAkey web_root.key \
		-set_serial 1 -extfile <(echo 'subjectAltName=DNS:web.test,DNS:*.example.com') -out web.crt 2>/dev/null || exit 99
	cat web.key web.crt >web.pem
	: >asked
	python3 "$COUNTERSIGN_SRC/t/tools/bimi_site.py" "$dir" 45.30.0.1 2>site.log &
	BIMI_PIDS+=($!)
	"$COUNTERSIGN_BUILD/t/bin/dnsd" --negative-ttl 0 --port 53 --port-file port --servfail www.lost.test zone >dnsd.log 2>&1 &
	BIMI_DNSD=$!
	BIMI_PIDS+=($!)
	eventually test -s port && eventually test -e ready || { cat site.log dnsd.log >&2; exit 99; }
}
