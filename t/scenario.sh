#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every behaviour of the daemon, as an MTA sees it: each file of t/scenario is its settings, its zone and a script for
# miltertest. No MTA and no root needed.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need miltertest openssl
only=${1:-}
SRC=$COUNTERSIGN_SRC BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-scenario.XXXXXX") || exit 99
daemon='' dns='' seen=-
engine=${COUNTERSIGN_MILTER:+"milter: { engine = \"$COUNTERSIGN_MILTER\"; };"} # see t/libmilter.sh

stop() {
	[ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
	[ -z "$dns" ] || { kill "$dns" 2>/dev/null; wait "$dns" 2>/dev/null; }
	daemon='' dns=''
}
trap 'stop; [ -n "${SCENARIO_KEEP:-}" ] || rm -rf "$top"' EXIT
trap 'exit 130' INT TERM

# The values of a scenario's comment lines: key, file.
lines() {
	sed -n "s/^-- $1: //p" "$2"
}

# The N-th key of each scenario is the same: making one takes longer than what it is used for.
foreign_keys() { # script
	local domain selector rest record n=0
	lines foreign "$1" | while read -r domain selector rest; do
		n=$((n + 1))
		[ -s "$top/$n.key" ] || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$top/$n.key" 2>/dev/null
		cp "$top/$n.key" "$tmp/$domain.$selector.key"
		[ -n "$rest" ] && continue
		record="v=DKIM1; k=rsa; p=$(openssl pkey -in "$tmp/$domain.$selector.key" -pubout -outform DER | base64 -w0)"
		echo "$selector._domainkey.$domain 60 TXT \"${record:0:200}\" \"${record:200}\""
	done
}

start() { # script
	tmp=$top/$(basename "$1" .lua)
	mkdir -p "$tmp/conf.d" "$tmp/keys"
	{ lines zone "$1"; foreign_keys "$1"; } >"$tmp/zone"
	"$BUILD/t/bin/dnsd" $(lines servfail "$1" | sed 's/^/--servfail /') $(lines drop "$1" | sed 's/^/--drop /') \
		$(lines dnsd "$1") --port-file "$tmp/port" "$tmp/zone" >"$tmp/dnsd.log" 2>&1 &
	dns=$!
	eventually test -s "$tmp/port"
	cat >"$tmp/countersign.conf" <<-C
		listen = [ "local:$tmp/milter.sock" ];
		dns: { servers = [ "127.0.0.1@$(cat "$tmp/port")" ]; };
		sign: { keys = "$tmp/keys"; };
		store: { url = "sqlite:$tmp/ledger.db"; };
		log: { target = "stderr"; };
		second_opinion: { sample = 1; };
		$engine
	C
	lines conf "$1" | sed "s|@TMP@|$tmp|g" >"$tmp/conf.d/scenario.conf"
	lines key "$1" | while read -r domain selector type state; do
		"$BUILD/admin/countersign" -q -c "$tmp/countersign.conf" key gen "$domain" --selector "$selector" --type "$type" \
			--active >/dev/null
		[ -z "$state" ] || echo "$state" >"$tmp/keys/$domain/$selector.state"
	done
	lines publish "$1" | while read -r domain selector name; do # the record of a key of our own, maybe under another name
		record=$("$BUILD/admin/countersign" -c "$tmp/countersign.conf" key show "$domain" "$selector" --format line)
		value=${record#* }
		echo "${name:-${record%% *}} 60 TXT \"${value:0:200}\" \"${value:200}\"" >>"$tmp/zone"
	done
	kill -HUP "$dns"
	"$BUILD/daemon/countersignd" -f --allow-root -c "$tmp/countersign.conf" >"$tmp/log" 2>&1 &
	daemon=$!
	eventually test -S "$tmp/milter.sock"
}

for script in "$SRC"/t/scenario/*.lua; do
	name=$(basename "$script" .lua)
	[ "$name" = lib ] && continue
	[ -z "$only" ] || [ "$only" = "$name" ] || continue
	clear_of_midnight 15
	if ! start "$script"; then
		fail "$name: the daemon starts"
		sed 's/^/# /' "$tmp/log" "$tmp/dnsd.log"
		stop
		continue
	fi
	timeout 60 miltertest -w -D sock="unix:$tmp/milter.sock" -D dir="$SRC/t/scenario" -D tmp="$tmp" -D bin="$BUILD/t/bin" \
		-D countersign="$BUILD/admin/countersign -c $tmp/countersign.conf" -s "$script" >"$tmp/out" 2>&1
	status=$?
	while IFS= read -r line; do # the script's checks, under its name
		case $line in
		'ok '*) pass "$name: ${line#* - }" ;;
		'not ok '*) fail "$name: ${line#* - }" ;;
		*) echo "$line" ;;
		esac
	done < <(grep -E '^(ok|not ok|#) ?' "$tmp/out")
	if ! grep -qE '^1\.\.[0-9]+$' "$tmp/out"; then
		fail "$name: runs to its end (exit $status)"
		tail -12 "$tmp/out" | sed 's/^/# /'
	fi
	kill -0 "$daemon" 2>/dev/null || { fail "$name: the daemon is still there"; tail -5 "$tmp/log" | sed 's/^/# /'; }
	stop
	if grep -qE 'engines disagree|the second opinion' "$tmp/log"; then
		fail "$name: the libraries agree"
		grep -hE 'engines disagree|the second opinion' "$tmp/log" | head -5 | sed 's/^/# /'
	fi
	found=$(grep -lE 'Sanitizer|runtime error' "$tmp/log" ${FOUND:+"$FOUND"/*} 2>/dev/null | grep -vxF "$seen" | head -1)
	if [ -n "$found" ]; then
		fail "$name: no sanitizer finding"
		grep -E -A12 'Sanitizer|runtime error' "$found" | head -40 | sed 's/^/# /'
		seen=$(ls ${FOUND:+"$FOUND"/*} 2>/dev/null)
	fi
done
done_testing
