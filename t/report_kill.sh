#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `countersign report send`, killed with -9 before each of its calls that writes, syncs or sends, on a new
# ledger each time, then run to its end: every report arrives, each under one identifier and file name,
# and what came twice is the same: that happens at one call only. By default at every third call; "report_kill.sh all": at each.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
need perl python3
[ -r "$build/t/bin/killer.so" ] || skip_all "no t/bin/killer.so"
step=3
[ "${1:-}" != all ] || step=1
clear_of_midnight 60
tmp=$(mktemp -d) || exit 99
pids=
trap 'for p in $pids; do kill $p; done 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
wait_for() { # file
	eventually test -s "$1"
}
"$build/t/bin/dnsd" --port-file "$tmp/dns" /dev/null >/dev/null 2>&1 &
pids="$pids $!"
mkdir "$tmp/sink" "$tmp/keys"
perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
pids="$pids $!"
wait_for "$tmp/dns" && wait_for "$tmp/sink/port" || { echo "Bail out! no servers"; exit 1; }
cat >"$tmp/conf" <<END
dns: { servers = [ "127.0.0.1@$(cat "$tmp/dns")" ]; timeout = "2s"; };
sign: { keys = "$tmp/keys"; };
store: { url = "sqlite:$tmp/l.db"; };
reports: { org = "Example"; from = "noreply@reports.example.net"; envelope = "verp";
	via = "smtp://127.0.0.1:$(cat "$tmp/sink/port")"; };
END
# Under a sanitizer the library comes after its runtime.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
day=$(date -u -d yesterday +%F 2>/dev/null || date -u -v-1d +%F)
killed=0 states='' unknown=0 left=0 n=1
while [ $n -lt 2000 ]; do
	rm -f "$tmp"/l.db*
	for d in a b; do "$build/t/bin/ledgerfill" "$tmp/l.db" asked "$d$n.example" "$day" 2 "mailto:d@$d$n.example" >/dev/null 2>&1; done
	KILL_AT=$n LD_PRELOAD="$build/t/bin/killer.so" "$build/admin/countersign" -c "$tmp/conf" report send >/dev/null 2>&1 &
	wait $! 2>/dev/null
	status=$?
	[ $status = 137 ] && killed=$((killed + 1))
	states="$states $("$build/admin/countersign" -c "$tmp/conf" report list --day "$day" --json 2>/dev/null | sed -n 's/^ *"state": "\(.*\)",*/\1/p' | tr '\n' ' ')"
	"$build/admin/countersign" -c "$tmp/conf" report send >"$tmp/out" 2>&1 || unknown=$((unknown + 1))
	[ "$("$build/admin/countersign" -c "$tmp/conf" report list --day "$day" | grep -c ' sent: 250')" = 2 ] || left=$((left + 1))
	[ $status = 137 ] || break
	n=$((n + step))
done
ok "killed $killed times" test $killed -gt 10
is "then it came to its end" $status 0
for state in collected built sending sent; do
	like "once it was \"$state\"" "$states" "(^| )$state "
done
is "each was sent at the next run" "$unknown $left" "0 0"
/usr/bin/env python3 - "$tmp/sink" "$n" "$step" >"$tmp/checks" 2>&1 <<'END'
import email, glob, gzip, sys, xml.etree.ElementTree as tree
from collections import defaultdict
mails = defaultdict(list)
for path in glob.glob(sys.argv[1] + '/*.mail'):
    data = open(path, 'rb').read()
    head, body = data.split(b'\n', 2)[:2], data.split(b'\n', 2)[2]
    m = email.message_from_bytes(body)
    part = [p for p in m.walk() if p.get_content_type() == 'application/gzip'][0]
    xml = gzip.decompress(part.get_payload(decode=True))
    ns = '{urn:ietf:params:xml:ns:dmarc-2.0}'
    root = tree.fromstring(xml)
    count = sum(int(c.text) for c in root.iter(ns + 'count'))
    mails[head[1].split()[-1].decode()].append((m['Message-ID'], ' '.join(m['Subject'].split()), part.get_filename(),
        root.find(f'{ns}report_metadata/{ns}report_id').text, count, head[0], xml))
want = [f'd@{d}{n}.example' for n in range(1, int(sys.argv[2]) + 1, int(sys.argv[3])) for d in 'ab']
print('lost', sum(1 for w in want if w not in mails))
print('different', sum(1 for m in mails.values() if len(set(m)) > 1))
print('wrong', sum(1 for m in mails.values() if m[0][4] != 2 or m[0][3] not in m[0][1] or m[0][3] not in m[0][0] or '!' + m[0][3] + '.xml.gz' not in m[0][2]))
print('twice', sum(1 for m in mails.values() if len(m) > 1))
END
like "none is lost" "$(cat "$tmp/checks")" '^lost 0$'
# the last moment to be killed at is after the server's answer, before it is noted: one call for each report
ok "killed after the answer, but for the call before the note of it: it came once" test "$(sed -n 's/^twice //p' "$tmp/checks")" -le 2
like "what came twice is the same ($(sed -n 's/^twice //p' "$tmp/checks") did)" "$(cat "$tmp/checks")" '^different 0$'
like "all of the day is in each, under one identifier" "$(cat "$tmp/checks")" '^wrong 0$'
done_testing
