#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The second opinion that is always on: messages are judged again by libspf2 and libopendkim in a process of their own, after the
# answer. What is wrong there (t/tools/other_opinion.c) is seen, said and kept; a crash costs that process only.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need openssl python3
BUILD=$COUNTERSIGN_BUILD
cs=$BUILD/admin/countersign
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-opinion.XXXXXX") || exit 99
daemon='' dns='' stopped=''
trap 'kill -CONT $stopped 2>/dev/null; kill $daemon $dns 2>/dev/null; wait $daemon $dns 2>/dev/null; rm -rf "$top"' EXIT

# ---- a domain that signs, a daemon that takes a second opinion of all mail ----
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$top/key" 2>/dev/null
key=$(openssl pkey -in "$top/key" -pubout -outform DER | base64 -w0)
cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 include:more.sender.test exists:%{l}.%{ir}.sender.test -all"
more.sender.test 60 TXT "v=spf1 a:mail.sender.test ptr ?all"
mail.sender.test 60 A 198.51.100.25
25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
sel._domainkey.sender.test 60 TXT "v=DKIM1; k=rsa; p=${key:0:200}" "${key:200}"
Z
"$BUILD/t/bin/dnsd" --port-file "$top/port" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"
mkdir "$top/cases"
engine=${COUNTERSIGN_MILTER:+"milter: { engine = \"$COUNTERSIGN_MILTER\"; };"} # see t/libmilter.sh
settings() { # second_opinion, more
	cat >"$top/conf" <<-C
		authserv_id = "mx.example.com";
		listen = [ "local:$top/sock" ];
		trusted_networks = [ ];
		dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; };
		sign: { enabled = false; };
		store: { url = ""; };
		log: { target = "stderr"; };
		control: { socket = "$top/control"; };
		second_opinion: { $1 };
		$engine
		${2:-}
	C
}
settings "sample = 1; keep = \"$top/cases\";"
printf -- - >"$top/fault"
root=
[ "$(id -u)" = 0 ] && root=--allow-root
preload=$BUILD/t/bin/other_opinion.so
grep -q __asan_init "$BUILD/daemon/countersignd" && export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0"
OTHER_OPINION=$top/fault LD_PRELOAD=$preload "$BUILD/daemon/countersignd" $root -f -c "$top/conf" 2>"$top/log" &
daemon=$!
ok "the daemon is ready" eventually grep -q ready: "$top/log"

fault() { printf %s "$1" | dd of="$top/fault" conv=notrunc status=none; }
metric() { "$cs" -c "$top/conf" status --prometheus 2>/dev/null | sed -n "s/^countersign_$1 //p"; }
outcome() { metric "second_opinions_total{outcome=\"$1\"}"; }
sign() { "$BUILD/t/bin/signmsg" -c relaxed/relaxed "$top/key" sender.test sel; }
send() { # queue ID, client, message: sets $out
	out=$(printf 'connect\tunknown\t%s\nhelo\tmail.sender.test\nmail\t<bob@sender.test>\nrcpt\t<a@example.com>\nmacro\tE\ti\t%s\nfile\t%s\n' \
		"$2" "$1" "$3" | timeout 60 "$BUILD/t/bin/milterc" "$top/sock" 2>&1)
}
expect() { # name, outcome, how many
	ok "$1: $3 $2" eventually eval '[ "$(outcome '"$2"')" = '"$3"' ]'
}
printf 'From: Bob <bob@sender.test>\r\nSubject: hello\r\n\r\nline one\r\n\r\nline  two\r\n' | sign >"$top/good"
sed 's/^Subject: hello/Subject: others/' "$top/good" >"$top/changed"
{ printf 'From: Bob <bob@sender.test>\r\n\r\n'; head -c 1100000 /dev/zero | tr '\0' a | fold -w 70 | sed 's/$/\r/'; } | sign >"$top/large"

# ---- the libraries agree ----
send GOOD1 198.51.100.25 "$top/good"
like "a message that passes is answered" "$out" 'spf=pass.*dkim=pass|dkim=pass.*spf=pass'
expect "it has a second opinion" agreed 1
send GOOD2 203.0.113.66 "$top/changed"
like "one that fails" "$out" 'dkim=fail'
expect "has one, too" agreed 2
send LARGE 198.51.100.25 "$top/large"
expect "a body that is too large is skipped" too_large 1
is "nothing was said about it" "$(grep -c 'disagree\|second opinion' "$top/log")" 0
is "nothing was kept" "$(ls "$top/cases")" ""

# ---- they do not ----
fault f
send WRONG1 198.51.100.25 "$top/good"
like "our answer is ours" "$out" 'spf=pass'
expect "a wrong result of libspf2 is seen" differed 1
ok "the log has it" eventually grep -q 'WRONG1: SPF engines disagree: sender.test: native pass (.*), libspf2 fail (.*; kept as ' "$top/log"
is "it is counted as one of SPF" "$(metric 'engine_disagreements_total{engine="spf"}')" 1
fault b
send WRONG2 198.51.100.25 "$top/good"
expect "a wrong result of libopendkim, too" differed 2
ok "the log has it" eventually grep -q 'WRONG2: DKIM engines disagree: d=sender.test s=sel .*native pass (good: rsa-sha256.*), libopendkim fail (' "$top/log"
is "it is counted as one of DKIM" "$(metric 'engine_disagreements_total{engine="dkim"}')" 1
like "status shows it" "$("$cs" -c "$top/conf" status)" 'second opinion +.*differed 2'
is "both messages are kept" "$(ls "$top/cases" | wc -l)" 2
ok "as whole cases" "$BUILD/t/bin/fuzz-opinion" "$top/cases"
like "with both results" "$(cat "$top/cases/"*WRONG1.case)" '^native 14 spf-mfrom pass'
like "that of the library" "$(cat "$top/cases/"*WRONG1.case)" '^library 14 spf-mfrom fail'
is "and nobody else reads them" "$(stat -c %a "$top/cases/"*WRONG1.case)" 600

# ---- a crash ----
fault c
send CRASH 198.51.100.25 "$top/good"
like "a message at which a library crashes is answered" "$out" 'spf=pass'
expect "that is counted" crashed 1
ok "the log has its queue ID" eventually grep -q 'CRASH: the process of the second opinion ended while .*; kept as ' "$top/log"
ok "another process takes its place" eventually grep -q 'process of the second opinion ended (signal .*another takes its place' "$top/log"
is "that is counted, too" "$(metric second_opinion_deaths_total)" 1
fault -
send GOOD3 198.51.100.25 "$top/good"
expect "which goes on" agreed 3

# ---- nobody waits for it ----
worker=$("$cs" -c "$top/conf" --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["workers"][0]["pid"])')
stopped=$(pgrep -P $daemon | grep -vxF "$worker")
is "it is found: a process beside the worker" "$(wc -w <<<"$stopped")" 1
kill -STOP $stopped
for i in $(seq 40); do send "STOP$i" 198.51.100.25 "$top/good"; done
like "40 messages are answered while it is stopped" "$out" 'spf=pass'
is "those that find no place are skipped" "$(outcome busy)" 8
kill -KILL $stopped
stopped=
expect "when it is killed, those that wait go to the next one" agreed 35
is "none is lost" "$(outcome crashed)" 1
is "the log has no other fault" "$(grep -c 'second opinion' "$top/log")" 3

# ---- settings ----
settings "sample = 0;"
ok "a reload without it" "$cs" -c "$top/conf" reload
send NONE 198.51.100.25 "$top/good"
sleep 0.2
is "no message is sampled" "$(outcome agreed)" 35
settings "sample = 0;" 'spf: { engine = "both"; };'
ok "a reload with spf.engine = both" "$cs" -c "$top/conf" reload
send BOTH 198.51.100.25 "$top/good"
expect "each message is" agreed 36
settings "sample = 0;" 'spf: { engine = "libspf2"; }; dkim: { engine = "opendkim"; };'
ok "a reload with the libraries" "$cs" -c "$top/conf" reload
send LIBS 198.51.100.25 "$top/good"
like "they decide" "$out" 'spf=pass.*dkim=pass|dkim=pass.*spf=pass'
is "in that process" "$(outcome agreed)" 37
fault f
send LIBS2 198.51.100.25 "$top/good"
like "so that a wrong result is the answer" "$out" 'spf=fail'
like "where the other mechanism has none" "$out" 'dkim=pass'
expect "it is said, too" differed 3
fault c
send LIBS3 198.51.100.25 "$top/good"
like "when the library crashes, the native result stands" "$out" 'spf=pass'
expect "that is counted" crashed 2
fault -
ok "there is another process" eventually eval '[ "$(metric second_opinion_deaths_total)" = 3 ]'
settings "sample = 1.5;"
like "a share above 1 is refused" "$("$cs" -c "$top/conf" reload 2>&1)" "second_opinion.sample: is out of range"

confined=$("$cs" -c "$top/conf" --json status 2>/dev/null | python3 -c '
import json, sys
print([c["system_calls"] and c["files"] for c in json.load(sys.stdin).get("confined", []) if c["process"] == "second-opinion"])')
case $confined in
'[True]') pass "the process is confined: no other system calls, no files" ;;
*) skip "the process is confined" "nothing is here ($confined)" ;;
esac
kill -TERM $daemon
wait $daemon
is "the daemon ends" $? 0
daemon=
is "no sanitizer finding" "$(grep -cE 'Sanitizer|runtime error' "$top/log")" 0
done_testing
