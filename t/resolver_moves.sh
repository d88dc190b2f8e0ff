#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Other DNS servers without a restart: resolv.conf is read again when it changes and at a reload, dns.servers and
# dns.trust_anchor are taken at a reload, a message under way ends with the resolver that it began with, and no message is
# deferred meanwhile. The two servers give different answers, so that it shows who was asked.
. "$(dirname "$0")/lib/tap.sh"
build=${COUNTERSIGN_BUILD:-$PWD}
bin=$build/t/bin
need python3
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-resolver.XXXXXX") || exit 99
daemon='' dns1='' dns2=''
finish() {
	kill $daemon $dns1 $dns2 2>/dev/null
	wait $daemon $dns1 $dns2 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root
echo 'sender.test 1 TXT "v=spf1 ip4:198.51.100.25 -all"' >"$top/zone1"
echo 'sender.test 1 TXT "v=spf1 ?all"' >"$top/zone2"
"$bin/dnsd" --port-file "$top/port1" "$top/zone1" 2>"$top/dnsd1.log" &
dns1=$!
"$bin/dnsd" --port-file "$top/port2" "$top/zone2" 2>"$top/dnsd2.log" &
dns2=$!
eventually test -s "$top/port1"
eventually test -s "$top/port2"
one=127.0.0.1@$(cat "$top/port1") two=127.0.0.1@$(cat "$top/port2")

settings() { # more of dns
	cat >"$top/c.conf" <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$top/sock", "local:$top/sock2" ];
		trusted_networks = [ ];
		log: { target = "stderr"; };
		control: { socket = "$top/control"; };
		store: { url = ""; };
		sign: { enabled = false; };
		dns: { resolv_conf = "$top/resolv.conf"; timeout = "2s"; $1 };
	C
}
cs() { "$build/admin/countersign" -c "$top/c.conf" "$@"; }
steps() { printf 'connect\tmx.sender.test\t198.51.100.25\nhelo\tmx.sender.test\nmail\t<bob@sender.test>\nrcpt\t<a@example.com>\n'; }
ending() { printf 'header\tFrom\t Bob <bob@sender.test>\neoh\nbody\thello%%0D%%0A\nmacro\tE\ti\tQ\neom\n'; }
spf() { # [socket]: what SPF says now
	{ steps && ending; } | timeout 30 "$bin/milterc" "$top/${1:-sock}" 2>&1 | grep -oE 'spf=[a-z]+' | head -1
}
says() { [ "$(spf "${2:-sock}")" = "$1" ]; }
lines() { grep -c -- "$1" "$top/log"; }

echo "nameserver $one" >"$top/resolv.conf"
settings
"$build/daemon/countersignd" $root -f -c "$top/c.conf" 2>"$top/log" &
daemon=$!
eventually grep -q ready: "$top/log"
is "at first the one of resolv.conf is asked" "$(spf)" spf=pass

# ---- a file that changes ----
echo "nameserver $two" >"$top/resolv.new"
mv "$top/resolv.new" "$top/resolv.conf"
eventually says spf=neutral
is "the file names another: it is asked, without a reload" "$(spf)" spf=neutral
eventually says spf=neutral sock2
is "by the other worker, too" "$(spf sock2)" spf=neutral
is "the log says so once" "$(lines "DNS: $two is asked from now on")" 1
is "nothing was deferred" "$(lines temperror)" 0
: >"$top/resolv.conf"
sleep 1
echo "nameserver $two" >"$top/resolv.conf"
sleep 5
is "a file that is empty for a moment changes nothing" "$(lines 'is asked from now on')" 1
now() { cs status --prometheus | awk '/^process_threads[{ ]/ { sum += $NF } END { print sum + 0 }'; }
threads=$(now)
for _ in 1 2 3; do
	echo "nameserver $one" >"$top/resolv.conf"
	eventually says spf=pass
	echo "nameserver $two" >"$top/resolv.conf"
	eventually says spf=neutral
done
eventually eval '[ "$(now)" -le "$threads" ]'
is "those that were replaced are gone" "$([ "$threads" -gt 5 ] && [ "$(now)" -le "$threads" ] || echo "$(now) threads, $threads before")" ""
before=$(cs status --prometheus | awk '/^countersign_dns_lookups_total[{ ]/ { sum += $NF } END { print sum + 0 }')
is "and what they counted is kept" "$([ "$before" -ge 30 ] || echo "$before")" ""

# ---- a reload ----
echo "nameserver $one" >"$top/resolv.conf"
cs reload >/dev/null 2>&1
is "a reload reads the file at once" "$(spf)" spf=pass
mkfifo "$top/steps"
timeout 60 "$bin/milterc" "$top/sock" <"$top/steps" >"$top/answer" 2>&1 &
client=$!
exec 3>"$top/steps"
steps >&3
eventually eval '[ "$(cs status --prometheus | sed -n "s/^countersign_messages_under_way[^ ]* //p" | sort -n | tail -1)" = 1 ]'
settings "servers = [ \"$two\" ];"
cs reload >/dev/null 2>&1
is "dns.servers is taken at a reload" "$(spf)" spf=neutral
ending >&3
exec 3>&-
wait "$client"
like "a message under way ends with the resolver it began with" "$(cat "$top/answer")" 'spf=pass'
settings "servers = [ \"$one\" ]; trust_anchor = \"$top/nothing\";"
like "a trust anchor that is missing is refused" "$(cs reload 2>&1)" "$top/nothing"
is "and the resolver stays" "$(spf)" spf=neutral
is "until then no answer was missing" "$(lines temperror)" 0
# DNSSEC of the root: a key that signs nothing here makes every answer bogus
echo '. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D' >"$top/anchor"
settings "servers = [ \"$one\" ]; trust_anchor = \"$top/anchor\";"
cs reload >/dev/null 2>&1
is "a trust anchor is taken at a reload" "$(spf)$(grep -o ' spf=temperror' "$top/log" | tail -1)" " spf=temperror"
bogus=$(grep -F 'dns_fault=' "$top/log" | tail -1)
like "the log says that it is bogus, and of which question" "$bogus" ' dns_fault="TXT _dmarc\.sender\.test: bogus, or its key was lost: .*" action=tempfail '
like "so does the reply" "$({ steps && ending; } | timeout 30 "$bin/milterc" "$top/sock" 2>&1)" \
	'451 4\.7\.1 DMARC for sender\.test could not be evaluated: a DNS answer was bogus \(DNSSEC\): TXT _dmarc\.sender\.test; try again later'
settings "servers = [ \"$one\" ];"
cs reload >/dev/null 2>&1
is "and left at the next" "$(spf)" spf=pass
kill "$daemon"
wait "$daemon"
is "the daemon ends well" $? 0
daemon=
done_testing
