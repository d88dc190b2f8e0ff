#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Private keys are in the memory of the key process and of no other: a daemon with every kind of process, while it signs and
# receives mail. All that a core image has is searched (t/tools/memscan.c) for the numbers, seeds and files of its keys. Processes
# that live for a moment only, the readers of reports and logos among them, are held when they are about to end (t/tools/holder.c).
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "only root can look into the memory of the daemon's processes"
need pgrep
. "$COUNTERSIGN_SRC/t/lib/bimi_web.sh"
bimi_web_alone "$0"
BUILD=$COUNTERSIGN_BUILD
cs=$BUILD/admin/countersign
daemon='' load=''

# ---- a domain with BIMI that sends reports, and our own keys ----
mkdir www store keys
chmod 750 keys
logo Example '<path d="M0 0L9 9"/>' >www/logo.svg
openssl genpkey -algorithm ed25519 -out dkim.pem 2>/dev/null
cat >zone <<Z
web.test 60 A 45.30.0.1
good.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
default._bimi.good.test 60 TXT "v=BIMI1; l=https://web.test/logo.svg; a="
_dmarc.good.test 60 TXT "v=DMARC1; p=reject; rua=mailto:dmarc@good.test"
s._domainkey.good.test 60 TXT "v=DKIM1; k=ed25519; p=$(openssl pkey -in dkim.pem -pubout -outform DER | tail -c 32 | base64 -w0)"
Z
bimi_web_begin
echo "island.test. IN DS 1 8 2 $(printf %064d 0)" >anchor
cat >conf <<C
authserv_id = "mx.example.com";
listen = [ "local:$dir/sock" ];
control: { socket = "$dir/control"; };
dns: { servers = [ "127.0.0.1" ]; timeout = "2s"; trust_anchor = "$dir/anchor"; };
sign: { keys = "$dir/keys"; };
store: { url = "sqlite:$dir/store/ledger.db"; shared = "postgresql://127.0.0.1:1/none?connect_timeout=1"; };
tls: { listen = [ "unix:$dir/tls.sock" ]; ca_file = "$dir/web_root.crt"; reports = true; report_socket = "unix:$dir/tlsrpt.sock"; };
bimi: { mode = "on"; require = "record"; };
inbox: { addresses = [ "dmarc@example.com" ]; post_listen = [ "127.0.0.1:0" ]; };
reports: { send = true; start = "0s"; org = "Example"; from = "dmarc@example.com"; via = "smtp://127.0.0.1:1"; };
http: { listen = [ "127.0.0.1:0" ]; };
page: { listen = [ "127.0.0.1:0" ]; };
second_opinion: { sample = 1; };
log: { target = "stderr"; };
C
"$cs" -q -c conf key gen example.com --selector r1 --active >said 2>&1
"$cs" -q -c conf key gen example.com --selector e1 --type ed25519 --active >said 2>&1
for selector in r1 e1; do "$cs" -q -c conf key show example.com $selector --format line; done >records 2>said
is "there are two keys" "$(wc -l <records)" 2

# ---- the daemon, which signs and receives ----
head -c 4096 /dev/zero >held
grep -q __asan_init "$BUILD/daemon/countersignd" && export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0"
HELD=$dir/held LD_PRELOAD=$BUILD/t/bin/holder.so "$BUILD/daemon/countersignd" --allow-root -f -c conf 2>log </dev/null &
daemon=$!
BIMI_PIDS+=($daemon)
ended() { od -An -v -t d4 -w4 held | sed 1,2d | awk '$1 > 0 { print $1 }'; } # processes that are held
release() { printf '\1' | dd of=held bs=1 seek=4 conv=notrunc status=none; }
has_memory() { grep -q . "/proc/$1/maps"; } 2>/dev/null
places() { "$BUILD/t/bin/memscan" "$1" keys/example.com/*.key 2>>said || echo "?"; }
ok "the check of the ledger is held" eventually eval '[ -n "$(ended)" ]'
check=$(ended)
is "the check of the ledger, at the start, has none of the keys" "$(places "$check")" 0
release
ok "the daemon is ready" eventually grep -q ready: log
head -c 4096 /dev/zero | dd of=held conv=notrunc status=none
"$BUILD/t/bin/signload" -c 4 stop "local:$dir/sock" records >load 2>&1 &
load=$!
BIMI_PIDS+=($load)


# ---- mail with a logo, and a report ----
send() { # recipient, message
	printf 'connect\tx\t198.51.100.25\nhelo\tgood.test\nmail\t<bob@good.test>\nrcpt\t<%s>\nfile\t%s\n' "$1" "$2" |
		timeout 60 "$BUILD/t/bin/milterc" "$dir/sock" >answer 2>&1
}
printf 'From: <bob@good.test>\nSubject: x\n\nx\n' | "$BUILD/t/bin/signmsg" dkim.pem good.test s >mail.eml
{
	printf 'From: <bob@good.test>\nSubject: Report Domain: example.com\nMIME-Version: 1.0\nContent-Type: text/xml\n\n'
	printf '<feedback><report_metadata><org_name>good.test</org_name><report_id>1</report_id><date_range><begin>1764201600</begin>'
	printf '<end>1764287999</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p>'
	printf '</policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none'
	printf '</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com'
	printf '</header_from></identifiers></record></feedback>\n'
} >report.eml

# ---- which processes there are ----
parent() { sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$1/stat" 2>/dev/null; }
descendants() { # of a process, itself included
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do descendants "$child"; done
}
kinds() { # of process that have told what they are confined to
	"$cs" -c conf --json status 2>/dev/null | python3 -c 'import json, sys
print(*sorted(process["process"] for process in json.load(sys.stdin).get("confined", [])))'
}
all_kinds=$(sed -n '/kind_names\[\] = {/,/^};/p' "$COUNTERSIGN_SRC/daemon/rights/confined.c" | grep -oE '"[a-z-]+"' | tr -d '"' |
	grep -vx key-copier | sort | xargs) # t/shared_keys.sh has that one
metric() { "$cs" -c conf status --prometheus 2>/dev/null | sed -n "s/^countersign_$1 //p"; }

# Looks at each process that is held, once: a line with its parent, its parent's parent, its number, and the places.
look_at_ended() {
	local process
	for process in $(ended); do
		grep -q " $process " looked && continue
		has_memory "$process" && echo "$(parent "$process") $(parent "$(parent "$process")") $process $(places "$process")"
	done >>looked
}
seen() { awk "$1 { n++ } END { print n + 0 }" looked; }
have_seen_all() { # a report sender; a report parser and a BIMI job, which are children of two helpers; a child of that job
	look_at_ended
	[ "$(seen "\$1 == $daemon")" -ge 1 ] && [ "$(awk "\$2 == $daemon { print \$1 }" looked | sort -u | wc -l)" -ge 2 ] &&
		[ "$(seen "\$1 != $daemon && \$2 != $daemon")" -ge 1 ]
}

: >looked
send a@example.com mail.eml
send dmarc@example.com report.eml
ok "report sender, report parser, BIMI job and logo reader are held as they end" eventually -t 120 have_seen_all
is "none of them has any of the keys" "$(awk '$4 != "0"' looked)" ""
ok "messages are signed" eventually eval '[ "$(metric "dkim_signed_total{.*rsa.*}")" -gt 50 ]'
ok "messages have second opinions" eventually eval '[ "$(metric "second_opinions_total{outcome=\"agreed\"}")" -ge 2 ]'
is "there is each kind of process" "$(kinds)" "$all_kinds"

# ---- whose memory has the keys ----
current=$("$cs" -c conf --json status 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["key_processes"][0]["pid"])')
ok "the key process has them, in $(places "$current") places" [ "$(places "$current")" -ge 4 ]
for process in $(descendants $daemon); do
	[ "$process" = "$current" ] && continue
	count=$(places "$process")
	has_memory "$process" || continue # it has ended
	echo "$process $count"
done >counts
is "no other one has any of them" "$(awk '$2 != 0' counts)" ""
ok "those were all but the key process ($(wc -l <counts))" [ "$(wc -l <counts)" -ge "$(($(wc -w <<<"$all_kinds") - 2))" ]

# ---- a key process that is replaced wipes them ----
"$cs" -q -c conf reload
ok "after a reload the key process ends" eventually eval 'ended | grep -qx "$current"'
is "with none of the keys left in its memory" "$(places "$current")" 0
release
: >stop
wait $load
like "mail was signed meanwhile" "$(cat load)" 'unsigned=0 bad=0'
kill -TERM $daemon
wait $daemon
is "the daemon ends" $? 0
done_testing
