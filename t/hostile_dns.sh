#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# DNS that means harm, against the running daemon: no answer of it makes a pass that is none, turns into a fact what
# is not known, holds a message past its deadline, or makes it ask for more than its budget.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
BUILD=$COUNTERSIGN_BUILD
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-hostile.XXXXXX") || exit 99
daemon='' dns='' budget=100
trap 'kill $daemon $dns 2>/dev/null; wait $daemon $dns 2>/dev/null; rm -rf "$top"' EXIT

nothing="v=spf1 -all"
record() { echo "$1 60 $2 $3"; }
text() { echo "$1 60 TXT \"$2\""; }
several() { # prefix, domain, how many: "prefix:m0.domain prefix:m1.domain ..."
	local i
	for ((i = 0; i < $3; i++)); do printf '%s:m%d.%s ' "$1" "$i" "$2"; done
}
mx_flood() { # domain: ten mx of ten hosts each, none of which exists for long
	local i j
	text "$1" "v=spf1 $(several mx "$1" 10)-all"
	for i in {0..9}; do
		for j in {0..9}; do
			record "m$i.$1" MX "10 h$j.m$i.$1"
			record "h$j.m$i.$1" A 192.0.2.1
		done
	done
}
tree() { # domain, depth: ten includes, each of which has ten
	text "$1" "v=spf1 $(several include "$1" 10)-all"
	[ "$2" -eq 0 ] && return
	local i
	for i in {0..9}; do tree "m$i.$1" $(($2 - 1)); done
}
zone() {
	local i
	text reject.test "$nothing"
	text _dmarc.reject.test "v=DMARC1; p=reject"
	# a record of 60 kB in strings of 255; the client is the last of its networks
	text huge.test "v=spf1 $(for ((i = 0; i < 3700; i++)); do printf 'ip4:10.%d.%d.0 ' $((i / 250)) $((i % 250)); done)ip4:203.0.113.66 -all"
	# 500 strings that make one record, and 500 records of which one would pass
	echo "strings.test 60 TXT \"v=spf1 \" $(for i in {1..500}; do printf '"ip4:10.1.2.3 " '; done) \"ip4:203.0.113.66 -all\""
	for i in {1..499}; do text records.test "nonsense $i"; done
	text records.test "v=spf1 +all"
	record loop.test CNAME loop2.test
	record loop2.test CNAME loop.test
	record self.test CNAME self.test
	record short.test CNAME c5.short.test
	for i in {5..1}; do record c$i.short.test CNAME c$((i - 1)).short.test; done
	text c0.short.test "v=spf1 +all"
	record long.test CNAME c60.long.test
	for i in {60..1}; do record c$i.long.test CNAME c$((i - 1)).long.test; done
	text c0.long.test "v=spf1 +all"
	text '*.wild.test' "v=spf1 +all"
	record wrong.test A 203.0.113.66
	record wrong.test MX '10 wrong.test'
	echo 'wrong.test 0 FAULT wrong TXT'
	text mixed.test 'v=spf1 a -all'
	record mixed.test MX '10 mixed.test'
	echo 'mixed.test 0 FAULT wrong'
	text nxdata.test 'v=spf1 +all'
	echo 'nxdata.test 0 FAULT nxdata'
	text tcp.test 'v=spf1 +all'
	echo 'tcp.test 0 FAULT truncate'
	text notcp.test 'v=spf1 +all'
	echo 'notcp.test 0 FAULT notcp'
	text late.test 'v=spf1 +all'
	echo 'late.test 0 FAULT late 9000'
	text later.test 'v=spf1 -all'
	text _dmarc.later.test 'v=DMARC1; p=reject'
	echo '_dmarc.later.test 0 FAULT late 9000'
	text explain.test 'v=spf1 -all exp=e.explain.test'
	text e.explain.test 'see \"here\"; dmarc=pass (really)'
	tree tree.test 1
	mx_flood flood.test
	mx_flood helo.test
	for i in {0..99}; do
		record 66.113.0.203.in-addr.arpa PTR "p$i.ptr.test"
		record "p$i.ptr.test" A 192.0.2.1
	done
	text all.test "v=spf1 $(several mx helo.test 5)$(several include all.test 5)-all"
	for i in {0..4}; do text m$i.all.test "v=spf1 $(several mx flood.test 10)-all"; done
}

zone >"$top/zone"
"$BUILD/t/bin/dnsd" --port-file "$top/port" --log "$top/queries" "$top/zone" 2>"$top/dnsd.log" &
dns=$!
eventually test -s "$top/port"
cat >"$top/conf" <<C
authserv_id = "mx.example.com";
listen = [ "local:$top/sock" ];
trusted_networks = [ ];
dns: { servers = [ "127.0.0.1@$(cat "$top/port")" ]; timeout = "2s"; budget = $budget; };
dkim: { max_signatures = 50; engine = "both"; };
spf: { engine = "both"; };
sign: { enabled = false; };
store: { url = ""; };
log: { target = "stderr"; };
C
root=
[ "$(id -u)" = 0 ] && root=--allow-root
"$BUILD/daemon/countersignd" $root -f -c "$top/conf" 2>"$top/log" &
daemon=$!
eventually grep -q ready: "$top/log"

# One message: sets $ar (our field), $asked (distinct questions), $queries (packets), $ms.
send() { # HELO, envelope sender, author, [more header lines for milterc]
	local before start
	sleep 0.1
	before=$(wc -l <"$top/queries")
	start=$(date +%s%N)
	{
		printf 'connect\tunknown\t203.0.113.66\nhelo\t%s\nmail\t<%s>\nrcpt\t<a@example.com>\n' "$1" "$2"
		printf '%s' "${4:-}"
		printf 'header\tFrom\t %s\neoh\nbody\thello%%0D%%0A\neom\n' "$3"
	} | timeout 30 "$BUILD/t/bin/milterc" "$top/sock" >"$top/out" 2>&1
	ms=$((($(date +%s%N) - start) / 1000000))
	ar=$(sed -n 's/^insert\t[0-9]*\tAuthentication-Results\t//p' "$top/out" | sed 's/%0A%09/ /g')
	tail -n "+$((before + 1))" "$top/queries" >"$top/new"
	asked=$(awk '{print $3, $4}' "$top/new" | sort -u | wc -l)
	queries=$(wc -l <"$top/new")
}
spf() { # domain: one plain message from it
	send client.invalid "x@$1" "x@$1"
}
at_most() { # name, number, limit
	ok "$1: $2 of at most $3" [ "$2" -le "$3" ]
}

spf huge.test
like "a record of 60 kB is evaluated to its end" "$ar" 'spf=pass'
spf strings.test
like "so are 500 strings of one record" "$ar" 'spf=pass'
spf records.test
like "500 records are more than is read: not a fact" "$ar" 'spf=temperror'
for name in loop self; do
	spf $name.test
	like "$name: an alias that ends nowhere is not a fact" "$ar" 'spf=(temperror|none)'
done
spf short.test
like "a short chain of aliases is followed" "$ar" 'spf=pass'
spf long.test
like "one of sixty is not" "$ar" 'spf=(temperror|none)'
at_most "a chain of sixty aliases costs packets" "$queries" 100
send client.invalid x@a.wild.test x@a.wild.test $'header\tDKIM-Signature\t v=1; a=rsa-sha256; d=a.wild.test; s=x; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YQ==\n'
like "a wildcard's record is not a key" "$ar" 'dkim=permerror'
like "and no policy" "$ar" 'dmarc=none'
spf wrong.test
like "records of other types are not a record" "$ar" 'spf=(none|temperror)'
spf mixed.test
like "nor beside one are they anything" "$ar" 'spf=(fail|temperror)'
spf nxdata.test
like "data of a name that does not exist is none" "$ar" 'spf=(none|temperror)'
spf tcp.test
like "a truncated answer is asked for again over TCP" "$ar" 'spf=pass'
spf notcp.test
like "without TCP it is not known" "$ar" 'spf=temperror'
at_most "and the message is answered in time (ms)" "$ms" 3500
spf late.test
like "an answer past the deadline is not known" "$ar" 'spf=temperror'
at_most "and the message is answered in time (ms)" "$ms" 3500
spf later.test
like "nor is a policy" "$(cat "$top/out")$ar" '^eom.reply.451|dmarc=temperror'
at_most "and the message is answered in time (ms)" "$ms" 3500
spf explain.test
like "what a domain explains is in the log" "$(tail -1 "$top/log")" 'spf=fail mech=-all spf_exp="see \\"here\\"; dmarc=pass \(really\)"'
unlike=$(grep -c 'dmarc=pass' <<<"$ar")
is "and nowhere a result" "$unlike" 0

spf tree.test
like "ten includes with ten each: too many" "$ar" 'spf=permerror'
at_most "a tree of includes: questions" "$asked" 40
echo "# tree of includes: $asked questions, $queries packets"

spf flood.test
like "ten mx of ten hosts are within the rules" "$ar" 'spf=(fail|temperror)'
at_most "ten mx of ten hosts: questions" "$asked" $budget
echo "# ten mx of ten hosts: $asked questions, $queries packets"
send helo.test x@helo.test x@reject.test
like "they do not starve the lookups of a spoofed author" "$ar" 'dmarc=fail .p=reject.*header.from=reject.test'

# All at once: HELO and MAIL FROM that ask for the most, a hundred names for the client, fifty signatures, many authors.
signatures=$(for i in {0..59}; do
	printf 'header\tDKIM-Signature\t v=1; a=rsa-sha256; d=a.b.c.d.e.f.g.s%d.test; s=x; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YQ==\n' "$i"
done)
authors=$(for i in {0..19}; do printf 'x@a.b.c.d.e.f.g.h.s%d.test, ' "$i"; done)x@reject.test
send flood.test x@all.test "$authors" "$signatures"$'\n'
at_most "the worst message: questions" "$asked" $budget
at_most "it is answered in time (ms)" "$ms" 3500
echo "# the worst message: $asked questions, $queries packets, $ms ms"
ok "the daemon is still there" kill -0 "$daemon"
is "the second engines agree with all of it" "$(grep -c 'engines disagree' "$top/log")" 0
is "no sanitizer finding" "$(grep -cE 'Sanitizer|runtime error' "$top/log")" 0
done_testing
