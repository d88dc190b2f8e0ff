#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign spf, dmarc, dkim and dns: checks without a message (or of its signatures alone) give the verdicts of the
# daemon's code, the same in text and JSON; and what `dns` prints is a zone that nsd serves and `dns --check` accepts.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need nsd nsd-checkzone python3 openssl
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-checks.XXXXXX") || exit 99
dns='' nsd='' gone=''
trap 'for p in $dns $nsd $gone; do kill $p; wait $p; done 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99

cat >zone <<'Z'
sender.test 60 TXT "v=spf1 ip4:192.0.2.0/24 include:other.test -all"
other.test 60 TXT "v=spf1 ip4:198.51.100.7 ~all"
mail.sender.test 60 TXT "v=spf1 a -all"
mail.sender.test 60 A 192.0.2.25
broken.test 60 TXT "v=spf1 ip4:1.2.3 -all"
_dmarc.xn--bcher-kva.test 60 TXT "v=DMARC1; p=none"
late.test 0 FAULT servfail
_dmarc.late.test 0 FAULT servfail
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@reports.test,mailto:e@sender.test"
news.sender.test 60 A 192.0.2.26
sender.test._report._dmarc.reports.test 60 TXT "v=DMARC1"
Z
"$build/t/bin/dnsd" --port-file port zone >/dev/null 2>&1 &
dns=$!
for _ in {1..100}; do [ -s port ] && break; sleep 0.05; done
settings() { # DNS port
	cat >conf <<-C
		authserv_id = "mx.example.com";
		dns: { servers = [ "127.0.0.1@$1" ]; timeout = "3s"; };
		sign: { keys = "$dir/keys"; };
		store: { url = ""; };
	C
}
settings "$(cat port)"
cs() { "$build/admin/countersign" -c conf "$@"; }

# name, exit status, pattern, arguments
run() {
	local name=$1 code=$2 pattern=$3 status
	shift 3
	cs "$@" >out 2>&1
	status=$?
	if [ $status = "$code" ] && grep -qE -- "$pattern" out; then
		pass "$name"
	else
		fail "$name"
		echo "# $*: exit $status, wanted $code and /$pattern/"
		sed 's/^/# /' out
	fi
}
field() { # expression of o, arguments: the object of --json
	local expression=$1
	shift
	cs --json "$@" 2>&1 | python3 -c "import json, sys; o = json.load(sys.stdin); print($expression)"
}

# a server that is not there is not one that fails
cat >gone.conf <<C
authserv_id = "mx.example.com";
dns: { servers = [ "127.0.0.1@1" ]; timeout = "3s"; };
sign: { keys = "$dir/keys"; };
store: { url = ""; };
C
for words in "spf 192.0.2.1 --from x@late.test" "dmarc late.test" "dns --check late.test"; do
	# shellcheck disable=SC2086
	"$build/admin/countersign" -c gone.conf $words >"gone.${words%% *}" 2>&1 &
	gone="$gone $!"
done

# ---- spf ----
run "a client that may send" 0 '^spf +pass .*sender\.test ' spf 192.0.2.1 --from bob@sender.test
run "a domain alone stands for its postmaster" 0 '^spf +pass' spf 192.0.2.1 --from sender.test
run "by another's record" 0 '^spf +pass' spf 198.51.100.7 --from '<bob@sender.test>'
run "one that may not" 1 '^spf +fail' spf 203.0.113.9 --from bob@sender.test
run "the steps" 1 '1 of 10 terms' -v spf 203.0.113.9 --from bob@sender.test
run "the lookups" 1 'TXT +other\.test: ' -v spf 203.0.113.9 --from bob@sender.test
run "the HELO name alone" 0 '^helo +pass .*mail\.sender\.test' spf 192.0.2.25 --helo mail.sender.test
run "both: MAIL FROM decides" 1 '^helo +pass' spf 192.0.2.25 --helo mail.sender.test --from x@broken.test
run "and says why" 1 '^spf +permerror +broken\.test +.*not an IPv4 address \(section 5\.6\)' spf 192.0.2.25 --helo mail.sender.test --from x@broken.test
run "the null sender is its HELO name" 0 '^spf +pass' spf 192.0.2.25 --helo mail.sender.test --from ''
run "no answer is not a no" 75 '^spf +temperror' spf 192.0.2.1 --from x@late.test
is "spf as JSON" "$(field 'o["spf"]["result"], o["spf"]["mechanism"], o["exit"], len(o["lookups"]) > 0' spf 192.0.2.1 --from bob@sender.test)" \
	"pass ip4:192.0.2.0/24 0 True"
run "whose?" 64 '--from=ADDRESS or --helo=NAME' spf 192.0.2.1
run "no address" 64 '"x" is not an IP address' spf x --from a@b.test
printf 'From: bob@sender.test\n\nhello\n' >plain.eml
is "verify says the same" "$(cs -v verify --ip 203.0.113.9 --from bob@sender.test plain.eml | sed -n '/^spf/,/^dkim/p' | grep -v ^dkim)" \
	"$(cs -v spf 203.0.113.9 --from bob@sender.test | sed '/^lookups/,$d')"

# ---- dmarc ----
run "a policy" 0 '^dmarc +reject +sender\.test ' dmarc sender.test
run "its record" 0 'record: _dmarc\.sender\.test: v=DMARC1; p=reject' dmarc sender.test
run "a subdomain's" 0 'policy: quarantine, by sp=' dmarc news.sender.test
run "none" 1 '^dmarc +no record +none\.test' dmarc none.test
run "not known" 75 '^dmarc +temperror +late\.test' dmarc late.test
run "the walk" 0 'TXT +_dmarc\.news\.sender\.test: ' -v dmarc news.sender.test
is "dmarc as JSON" "$(field 'o["dmarc"]["policy"], o["dmarc"]["policy_domain"], o["published"]["p"], o["exit"]' dmarc news.sender.test)" \
	"quarantine sender.test reject 0"
run "an organizational domain" 0 'organizational domain: xn--bcher-kva\.test$' -v dmarc shop.bücher.test
cp conf conf.saved
echo 'dmarc: { psd_domains = [ "bücher.test" ]; };' >>conf
run "a public suffix by the settings" 0 'organizational domain: shop\.xn--bcher-kva\.test$' -v dmarc shop.bücher.test
mv conf.saved conf
run "no domain" 64 '"a b" is not a domain name' dmarc "a b"

# shellcheck disable=SC2086
wait $gone
gone=
for verb in spf dmarc dns; do
	like "$verb: no server answers" "$(cat gone.$verb)" 'unreachable: no answer from 127\.0\.0\.1@1'
done
run "spf: one that answers, but does not know" 75 'late\.test.*SERVFAIL' spf 192.0.2.1 --from x@late.test
run "dmarc: likewise" 75 '_dmarc\.late\.test.*SERVFAIL' dmarc late.test

# ---- dkim ----
run "nothing to sign with" 1 'not signed: there are no keys' dkim sign plain.eml
mkdir keys
cs -q key gen sender.test --type=both --selector s1 >/dev/null
run "a key that waits" 1 'Try: countersign key activate sender\.test' dkim sign plain.eml
cs -q key activate --force sender.test
publish() { # file: what dnsd serves besides the zone
	{
		cat zone
		cs --json key show sender.test | python3 -c '
import json, sys
for key in json.load(sys.stdin)["keys"]:
    value = key["value"]
    print(key["name"], 60, "TXT", *("\"%s\"" % value[i:i + 200] for i in range(0, len(value), 200)))'
	} >zone.new
	cp zone.new zone
	kill -HUP $dns
}
publish
cs dkim sign plain.eml >signed.eml
is "a field for each key" "$(grep -c '^DKIM-Signature: ' signed.eml)" 2
is "above the message" "$(tail -n 3 signed.eml)" "$(cat plain.eml)"
is "with the line ends of the file" "$(grep -c $'\r' signed.eml)" 0
sed 's/$/\r/' plain.eml >crlf.eml
cs dkim sign crlf.eml >signed.crlf
is "or those" "$(grep -vc $'\r$' signed.crlf)" 0
is "the fields alone" "$(cs dkim sign --fields plain.eml | grep -c hello)" 0
for _ in {1..50}; do cs dkim verify signed.eml >/dev/null 2>&1 && break; sleep 0.1; done
run "they verify" 0 '^dkim +pass .*d=sender\.test s=s1 a=rsa-sha256' dkim verify signed.eml
run "both" 0 '^dkim +pass .*s=s1-ed25519 a=ed25519-sha256' dkim verify signed.crlf
run "from standard input" 0 '^dkim +pass' dkim verify - <signed.eml
python=
for candidate in python3 /usr/bin/python3; do
	$candidate -c 'import dkim' 2>/dev/null && python=$candidate && break
done
if [ -n "$python" ]; then
	is "another program agrees" "$($python - signed.crlf keys.txt <<-'P'
		import dkim, subprocess, sys
		zone = {}
		for line in open("zone"):
		    name, _, kind, value = line.split(None, 3)
		    if kind == "TXT":
		        zone[name] = "".join(value.strip().strip('"').split('" "')).encode()
		text = open(sys.argv[1], "rb").read()
		print(dkim.verify(text, dnsfunc=lambda name, timeout=5: zone.get(name.decode().rstrip("."))))
	P
	)" True
else
	pass "another program agrees # SKIP there is no python3-dkim"
fi
sed 's/hello/hallo/' signed.eml >changed.eml
run "a message that was changed" 1 '^dkim +fail' dkim verify changed.eml
run "its steps" 1 'TXT +s1\._domainkey\.sender\.test' -v dkim verify changed.eml
run "a message without a signature" 1 '^dkim +none' dkim verify plain.eml
is "dkim verify as JSON" "$(field '[d["result"] for d in o["dkim"]], o["exit"]' dkim verify signed.eml)" "['pass', 'pass'] 0"
is "dkim sign as JSON" "$(field '[s["domain"] for s in o["signatures"]], o["exit"]' dkim sign plain.eml)" "['sender.test', 'sender.test'] 0"
printf 'From: bob@nobody.test\n\nhello\n' >nobody.eml
run "no key for it" 1 'Try: countersign key gen nobody\.test' dkim sign nobody.eml
is "as JSON, an error with its hint" "$(field 'o["error"], o["hint"], o["exit"]' dkim sign nobody.eml)" \
	"not signed: no key for nobody.test countersign key gen nobody.test 1"
run "no file" 66 'nothing.eml' dkim verify nothing.eml

# ---- dns ----
cs -q key gen sender.test --type=rsa4096 --selector next >/dev/null
run "every record" 0 '^next\._domainkey\.sender\.test\. 3600 IN TXT \( "v=DKIM1' dns sender.test
run "what is published stays" 0 '^sender\.test\. 3600 IN TXT \( "v=spf1 ip4:192\.0\.2\.0/24 include:other\.test -all" \)' dns sender.test
run "who agrees to reports" 0 '^sender\.test\._report\._dmarc\.reports\.test\. ' dns sender.test
is "not to its own" "$(cs dns sender.test | grep -c '_report._dmarc.sender.test')" 0
run "the check: one is missing" 1 '^dkim +next\._domainkey\.sender\.test +missing' dns --check sender.test
run "the others are there" 1 '^dkim +s1\._domainkey\.sender\.test +ok' dns --check sender.test
run "a domain with nothing: proposals" 0 '^_dmarc\.new\.test\. 3600 IN TXT \( "v=DMARC1; p=none; rua=mailto:dmarc@new\.test" \)' dns new.test
run "and a warning" 0 'new\.test has no signing key: countersign key gen new\.test' dns new.test
run "a subdomain is covered" 0 '^; dmarc: published, and covers' dns news.sender.test
run "the DNS does not say" 1 '^spf +late\.test +not known' dns --check late.test
is "a record of several strings, none over 255" "$(cs dns sender.test | grep -oE '"[^"]*"' | awk 'length > 257' | wc -l)" 0
is "dns as JSON" "$(field 'sorted({r["kind"] for r in o["records"]}), {r["name"]: r["found"] for r in o["records"]}["next._domainkey.sender.test"], o["exit"]' dns --check sender.test)" \
	"['dkim', 'dmarc', 'report', 'spf'] missing 1"

# What it prints, served by nsd.
cs dns sender.test >records
{
	printf '$ORIGIN .\n. 3600 IN SOA ns.test. host.test. 1 3600 600 86400 60\n. 3600 IN NS ns.test.\nns.test. 3600 IN A 127.0.0.1\n'
	cat records
} >served.zone
ok "it is a zone" nsd-checkzone . "$dir/served.zone"
start_nsd() {
	local try free
	for try in {1..5}; do
		free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		cat >nsd.conf <<-N
			server:
			  ip-address: 127.0.0.1@$free
			  username: ""
			  chroot: ""
			  zonesdir: "$dir"
			  pidfile: ""
			  xfrdir: "$dir"
			  xfrdfile: ""
			  zonelistfile: "$dir/zone.list"
			  logfile: "$dir/nsd.log"
			  database: ""
			  server-count: 1
			remote-control:
			  control-enable: no
			zone:
			  name: "."
			  zonefile: "$dir/served.zone"
		N
		nsd -d -c "$dir/nsd.conf" >/dev/null 2>&1 &
		nsd=$!
		settings "$free"
		for _ in {1..40}; do
			cs dmarc sender.test >/dev/null 2>&1 && return
			kill -0 $nsd 2>/dev/null || break
			sleep 0.1
		done
		kill $nsd 2>/dev/null
		wait $nsd 2>/dev/null
	done
	return 1
}
start_nsd || { echo "Bail out! nsd does not start"; cat nsd.log; exit 1; }
run "and --check finds all of it" 0 '^dkim +next\._domainkey\.sender\.test +ok' dns --check sender.test
is "nothing else" "$(cs dns --check sender.test | awk '{ print $3 }' | sort -u | xargs)" "DNS ok"
is "and it is what was printed" "$(cs dns sender.test)" "$(cat records)"
done_testing
