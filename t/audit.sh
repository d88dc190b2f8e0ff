#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign audit: zones that a real nsd serves, signed, one for each rule: the rule fires there, and nothing is found in
# twenty domains that are in order (t/tools/audit_zones.py). Facts are the same bytes each time; what is not known is told
# as that; name servers that do not agree; silence, exit status, the budget, and the time that a domain takes with a DNS 20 ms
# away.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd ldns-signzone openssl python3 unshare ip
# Name servers have port 53 and the addresses that the zones say: a network of its own has them.
enter_network "$0"
for n in 1 2 3; do ip address add 45.30.0.$n/32 dev lo; done
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-audit.XXXXXX") || exit 99
nsd= elsewhere= dns= lossy=
trap 'for p in $nsd $elsewhere $dns $lossy; do kill $p; wait $p; done 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99
cs() { "$build/admin/countersign" "$@"; }

# ---- keys: made once, each domain has a copy ----
mkdir keys made zones
for key in rsa other; do openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out made/$key.pem 2>/dev/null; done
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out made/short.pem 2>/dev/null
openssl genpkey -algorithm ed25519 -out made/ed25519.pem 2>/dev/null
cp made/rsa.pem made/old.pem
value() { # key, k=
	printf 'v=DKIM1; k=%s; p=%s\n' $2 "$(openssl pkey -in made/$1.pem -pubout -outform DER | tail -c "$3" | base64 -w0)"
}
value rsa rsa +1 >made/rsa.txt
value other rsa +1 >made/other.txt
value ed25519 ed25519 32 >made/ed25519.txt
give_keys() { # domain, keys
	local domain=$1 key
	shift
	mkdir -p keys/$domain
	for key; do
		[ $key != - ] || continue
		cp made/$key.pem keys/$domain/$key.key
		chmod 600 keys/$domain/$key.key
	done
	[ ! -e keys/$domain/old.key ] || echo 'active 2020-01-01T00:00:00Z' >keys/$domain/old.state
}
python3 "$COUNTERSIGN_SRC/t/tools/audit_zones.py" zones made || { echo 'Bail out! the zones cannot be made'; exit 1; }
while read -r domain; do give_keys $domain rsa ed25519; done <zones/clean
while IFS=$'\t' read -r _ _ domain keys _; do give_keys $domain $keys; done <zones/faults
chmod 700 keys keys/*

settings() { # file, DNS port, list, more
	cat >$1 <<-C
		dns: { servers = [ "127.0.0.1@$2" ]; timeout = "5s"; trust_anchor = "$dir/zones/root.key"; };
		sign: { keys = "$dir/keys"; };
		store: { url = ""; };
		audit: { block_lists = [ "$3" ]; $4 };
	C
}
nsd_conf() { # name, addresses
	cat <<-N
		server:
		$(printf '  ip-address: %s\n' "${@:2}")
		  username: ""
		  chroot: ""
		  zonesdir: "$dir/zones"
		  pidfile: ""
		  xfrdir: "$dir"
		  xfrdfile: ""
		  zonelistfile: "$dir/$1.list"
		  logfile: "$dir/$1.log"
		  database: ""
		  server-count: 1
		  rrl-ratelimit: 0
		remote-control:
		  control-enable: no
	N
	cat zones/$1.zones
}
start_nsd() {
	local free
	for _ in 1 2 3 4 5; do
		free=$((20000 + RANDOM % 20000))
		nsd_conf nsd 127.0.0.1@$free 45.30.0.1@53 45.30.0.2@53 >nsd.conf
		nsd -d -c nsd.conf >/dev/null 2>&1 &
		nsd=$!
		settings conf $free list.test
		settings conf.lists $free broken.test
		for _ in {1..50}; do
			cs -c conf dmarc clean1.test >/dev/null 2>&1 && return
			kill -0 $nsd 2>/dev/null || break
			sleep 0.1
		done
		kill $nsd 2>/dev/null
		wait $nsd 2>/dev/null
	done
	return 1
}
start_nsd || { echo "Bail out! nsd does not start"; cat nsd.log; exit 1; }

nsd_conf elsewhere 45.30.0.3@53 >elsewhere.conf
nsd -d -c elsewhere.conf >/dev/null 2>&1 &
elsewhere=$!

# A report that names a selector which nobody knows.
sed "s|store: { url = \"\"|authserv_id = \"mx.test\"; store: { url = \"sqlite:$dir/seen.db\"|" conf >conf.seen
cs -c conf.seen store migrate >/dev/null 2>&1
python3 - >seen.eml <<-'P'
	import time
	begin, domain = int(time.time()) // 86400 * 86400 - 86400, "f-dkim-unknown-selector.test"
	print(f"""Authentication-Results: mx.test; dmarc=pass header.from=a.test
	From: d@a.test
	Message-ID: <1@a.test>
	Content-Type: text/xml

	<feedback><report_metadata><org_name>a</org_name><report_id>1</report_id><date_range><begin>{begin}</begin><end>{begin + 86399}</end>
	</date_range></report_metadata><policy_published><domain>{domain}</domain><p>none</p></policy_published><record><row>
	<source_ip>203.0.113.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
	</policy_evaluated></row><identifiers><header_from>{domain}</header_from></identifiers><auth_results><dkim><domain>{domain}</domain>
	<selector>lost</selector><result>pass</result></dkim></auth_results></record></feedback>""".replace("\n\t", "\n"))
	P
cs -c conf.seen inbox read seen.eml >seen.out 2>&1 || sed 's/^/# /' seen.out

# ---- each rule fires on its fault ----
# Those that only show when servers are connected to are in t/audit_probe.sh.
is "each rule has its fault" "$({ cut -f1 zones/faults; python3 "$COUNTERSIGN_SRC/t/tools/audit_sites.py" --rules; 
	grep -ohE '(bulk|change|watch|sts.id)[\]?[.-][a-z][a-z-]*' "$COUNTERSIGN_SRC/"t/audit_{bulk,change,watch}.sh |  tr -d '\\' | sort -u; } | sort)" \
	"$(cs --json audit --rules | python3 -c 'import json, sys; print(*sorted(r["rule"] for r in json.load(sys.stdin)["rules"]), sep="\n")')"
# Those without arguments of their own in one run, as an administrator of many domains has it.
awk -F'\t' '$5 == "" { print $2 }' zones/faults >plain
cs -c conf --json audit --parallel=4 --file plain >plain.json 2>err
is "a run over all of them ends with errors" $? 2
while IFS=$'\t' read -r _ audited _ _ arguments; do
	case $arguments in
	'') ;;
	-c*) cs --json $arguments audit $audited >$audited.json 2>err ;;
	*) cs -c conf --json audit $arguments $audited >$audited.json 2>err ;;
	esac
done <zones/faults
while IFS=$'\t' read -r rule fires; do
	is "$rule fires" "$fires" True
done < <(python3 - <<-'P'
	import json, os
	plain = {d["domain"]: d["findings"] for d in json.load(open("plain.json"))["domains"]}
	for line in open("zones/faults"):
	    rule, domain = line.split("\t")[:2]
	    own = f"{domain}.json"
	    found = json.load(open(own))["domains"][0]["findings"] if os.path.exists(own) else plain.get(domain, [])
	    print(rule, any(f["rule"] == rule and f["level"] != "skip" for f in found), sep="\t")
	P
)

# ---- and none on the domains that are in order ----
# Each again until every answer has come: a busy machine loses some.
: >unknown
python3 "$COUNTERSIGN_SRC/t/tools/audit_until.py" clean.json zones/clean unknown \
	"$build/admin/countersign" -c conf --json audit --name-servers --parallel=4 >/dev/null
is "twenty domains that are in order" $? 0
is "of which nothing is said" "$(python3 - <<-'P'
	import json
	domains = json.load(open("clean.json"))["domains"]
	print(len(domains), *[(d["domain"], f["rule"], f["text"]) for d in domains for f in d["findings"]])
	P
)" 20

# ---- facts ----
look_for_facts() {
	cs -c conf audit --facts --parallel=$2 --file zones/clean >$1 && ! grep -q '"temporary failure"' $1
}
ok "facts: exit status" eventually -t 60 look_for_facts facts.1 4
ok "and again" eventually -t 60 look_for_facts facts.2 1
ok "the same facts are the same bytes" cmp facts.1 facts.2
is "facts have types" "$(python3 - <<-'P'
	import json
	d = json.load(open("facts.1"))["domains"][0]
	print(d["spf"]["lookups"], d["spf"]["voids"], d["spf"]["all"], d["dmarc"]["p"], len(d["mail"]["hosts"]), d["mail"]["mx"]["secure"])
	P
)" "1 0 - reject 2 True"

# ---- an answer that is lost ----
# To libunbound all below a key that it did not get is bogus; to us it is not known, unless the zone has no key.
drop() { # TYPE NAME: a resolver that loses this question
	rm -f lossy.port
	python3 "$COUNTERSIGN_SRC/t/tools/dns_drop.py" $(sed -n 's/.*@\([0-9]*\)".*/\1/p' conf) lossy.port $1 $2 &
	lossy=$!
	eventually test -s lossy.port
	sed "s/127.0.0.1@[0-9]*/127.0.0.1@$(cat lossy.port)/" conf >conf.lossy
}
end_drop() { kill $lossy; wait $lossy 2>/dev/null; lossy=; }
bogus() { # of clean1.test: level of each dane.bogus, and whether there are errors
	cs -c conf.lossy --json --timeout=60s audit ${1:-clean1.test} >lossy.json 2>err
	python3 -c 'import json; d = json.load(open("lossy.json"))["domains"][0]
print(*[f["level"] for f in d["findings"] if f["rule"] == "dane.bogus"], d["errors"])' | tail -1
}
for lost in "48 ." "48 clean1.test" "43 clean1.test"; do
	drop $lost
	is "type ${lost% *} of ${lost#* } is lost: nothing is bogus" "$(bogus)" "skip 0"
	end_drop
done
drop 48 f-dane-keyless.test
is "without an answer, a zone without a key is not known" "$(bogus f-dane-keyless.test)" "skip 0"
end_drop
sed -i "s/127.0.0.1@[0-9]*/127.0.0.1@$(sed -n 's/.*@\([0-9]*\)".*/\1/p' conf)/" conf.lossy
like "with one, it is bogus" "$(bogus f-dane-keyless.test)" '^error [1-9]'
like "and that is said" "$(cs -c conf audit f-dane-keyless.test)" 'f-dane-keyless\.test has a DS record, but no DNSKEY'

# ---- what people read ----
like "the finding, what it means, and the record to publish" "$(cs -c conf audit f-dmarc-none.test)" \
	'publish: _dmarc\.f-dmarc-none\.test\. IN TXT "v=DMARC1; p=none; rua='
like "-v says what SPF takes" "$(cs -c conf -v audit f-spf-void.test)" 'SPF: 2 of 10 lookups, 1 of 2 void lookups'
like "the term is named" "$(cs -c conf audit f-spf-void.test)" 'a:gone\.f-spf-void\.test in the record of f-spf-void\.test finds nothing'
like "the name server that refuses, and how to see it" "$(cs -c conf audit --name-servers f-ns-lame.test)" \
	'ns2\.f-ns-lame\.test \(45\.30\.0\.3\) has no zone f-ns-lame\.test; to see it: dig \+norecurse @45\.30\.0\.3 f-ns-lame\.test SOA'
differ=$(cs -c conf audit --name-servers f-mx-differs-between-ns.test)
like "the MX of each name server" "$differ" 'ns2\.\S+ \(45\.30\.0\.3\) has 10 mx2\.\S+\.; ns1\.\S+ has 10 mx1\.\S+, 20 mx2\.'
like "the later of two serials has the wrap between them" "$(cs -c conf audit --name-servers f-soa-differs.test)" \
	'ns2\.\S+ \(45\.30\.0\.3\) has serial 4294967290, ns1\.\S+ has 1;'
like "signatures that end tomorrow" "$(cs -c conf audit --name-servers f-dnssec-expiring.test)" \
	'a signature \(type [0-9]+\) ends at 20[0-9-]+T.*: rndc sign f-dnssec-expiring\.test,'
like "name servers are asked only when that is wished" "$(cs -c conf audit --facts f-ns-lame.test)" '"servers": \[ *\]'
sed 's/audit: { block_lists = \[/audit: { budget = 100; block_lists = [ "broken.test",/' conf >conf.direct
out=$(cs -c conf.direct -v audit --name-servers $(printf ' --address=45.66.1.%d' {1..16}) f-spf-lookups.test)
like "nor more often than the budget allows" "$out" '\((99|100) lookups\)'
like "and what it does not allow is not known" "$out" 'ns1\.f-spf-lookups\.test \(45\.30\.0\.1\): too many lookups'
like "so is the eleventh lookup" "$(cs -c conf audit f-spf-lookups.test)" '11 lookups of at most 10; a:mx1\.f-spf-lookups\.test .* is number 11'
cs -c conf audit f-spf-none.test >/dev/null
is "warnings alone: exit status 1" $? 1
cs -c conf audit >/dev/null 2>err
is "no domain: exit status 64" $? 64
cs -c conf audit 'a b' >/dev/null 2>err
is "not a domain: exit status 65" $? 65
is "all domains with a key" "$(cs -c conf --json audit --all | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["domains"]))')" \
	"$(ls -d keys/*/*.key | cut -d/ -f2 | sort -u | wc -l)"

# ---- a domain without mail ----
cs -c conf --json audit --profile=parked parked.test >out
is "its four records are there" "$? $(python3 -c 'import json; print(json.load(open("out"))["domains"][0]["findings"])')" "0 []"
cs -c conf audit --profile=parked parked.test | grep ' IN ' >four
is "four are printed" "$(wc -l <four)" 4
{ printf '$ORIGIN .\n$TTL 300\n. SOA ns. root. 1 1 1 1 1\n. NS ns.\n'; cat four; } >printed.zone
ok "they are a zone" nsd-checkzone . printed.zone
cs -c conf audit --profile=parked clean1.test >out
is "one with mail is not parked" $? 2
cs -c conf audit --profile=nothing clean1.test >out 2>&1
is "a profile that is not there" $? 64

# ---- countersign dns prints them, too ----
cs -c conf dns clean1.test >records
like "MX" "$(cat records)" '^clean1\.test\. 3600 IN MX 10 mx1\.clean1\.test\.'
like "TLSA" "$(cat records)" '^_25\._tcp\.mx2\.clean1\.test\. 3600 IN TLSA 3 1 1 aaaa'
like "MTA-STS" "$(cat records)" '^_mta-sts\.clean1\.test\. 3600 IN TXT \( "v=STSv1; id=20260101;"'
like "TLS-RPT" "$(cat records)" '^_smtp\._tls\.clean1\.test\. 3600 IN TXT \( "v=TLSRPTv1;'
like "BIMI" "$(cat records)" '^default\._bimi\.clean1\.test\. 3600 IN TXT \( "v=BIMI1;'
like "SRV" "$(cat records)" '^_imaps\._tcp\.clean1\.test\. 3600 IN SRV 0 1 993 mail\.clean1\.test\.'
{ printf '$ORIGIN .\n$TTL 300\n. SOA ns. root. 1 1 1 1 1\n. NS ns.\n'; cat records; } >printed.zone
ok "it is a zone" nsd-checkzone . printed.zone
cs -c conf dns --check clean1.test >out
is "and all of it is as it should be" $? 0
cs -c conf dns --check f-sts-id-bad.test >out
like "one that is not valid" "$(cat out)" '^mta-sts +_mta-sts\.f-sts-id-bad\.test +wrong'
like "a proposal is a comment" "$(cs -c conf dns f-tlsrpt-none.test)" '^; _smtp\._tls\.f-tlsrpt-none\.test\. 3600 IN TXT'

# ---- silence ----
port=$(sed -n 's/.*@\([0-9]*\)".*/\1/p' conf)
settings conf.quiet $port list.test 'silence = ( { rule = "spf.none"; reason = "on the way"; until = "2999-12-31"; } );'
cs -c conf.quiet audit f-spf-none.test >out
is "a silent finding does not count" $? 0
like "with -v it is shown with its reason" "$(cs -c conf.quiet -v audit f-spf-none.test)" 'silent until 2999-12-31: on the way'
settings conf.quiet $port list.test 'silence = ( { rule = "spf.none"; reason = "on the way"; until = "2020-12-31"; } );'
cs -c conf.quiet audit f-spf-none.test >out
is "after its day it counts again" $? 1
settings conf.quiet $port list.test 'silence = ( { rule = "spf.nothing"; reason = "x"; until = "2999-12-31"; } );'
like "a rule that is not there" "$(cs -c conf.quiet audit clean1.test 2>&1)" '"spf.nothing" is not a rule'
settings conf.quiet $port list.test 'silence = ( { rule = "spf.none"; reason = "x"; until = "tomorrow"; } );'
like "a day that is not one" "$(cs -c conf.quiet audit clean1.test 2>&1)" '"tomorrow" is not a day'

# ---- not known ----
kill $nsd; wait $nsd 2>/dev/null; nsd=
"$build/t/bin/dnsd" --port-file port --delay 20 /dev/null >/dev/null 2>&1 &
dns=$!
eventually test -s port
printf 'late.test 0 FAULT servfail\n_dmarc.late.test 0 FAULT servfail\n' >zone
kill $dns; wait $dns 2>/dev/null; rm -f port
python3 - >>zone <<-'P'
	import ipaddress
	for i in range(40):
	    d = f"d{i}.test"
	    print(f'{d} 60 MX 10 mx1.{d}\n{d} 60 MX 20 mx2.{d}\n{d} 60 TXT "v=spf1 mx include:spf.{d} -all"\nspf.{d} 60 TXT "v=spf1 a:mx1.{d} ip4:45.1.0.0/24 ~all"')
	    print(f'_dmarc.{d} 60 TXT "v=DMARC1; p=reject; rua=mailto:d@{d}"\n_mta-sts.{d} 60 TXT "v=STSv1; id=1"\nmta-sts.{d} 60 A 45.2.0.1')
	    for n in (1, 2):
	        a = f"45.40.{i}.{n}"
	        print(f"mx{n}.{d} 60 A {a}\n{ipaddress.ip_address(a).reverse_pointer} 60 PTR mx{n}.{d}")
	P
"$build/t/bin/dnsd" --port-file port --delay 20 --log dns.log zone >/dev/null 2>&1 &
dns=$!
eventually test -s port
sed "s/@$(sed -n 's/.*@\([0-9]*\)".*/\1/p' conf)/@$(cat port)/; s/trust_anchor = [^;]*; //" conf >conf.late
out=$(cs -c conf.late --json audit late.test)
is "a domain that cannot be looked at: exit status 75" $? 75
is "it is not known, and no error" "$(python3 -c 'import json, sys; d = json.load(sys.stdin)["domains"][0]; print(d["errors"], d["unknown"] > 2)' <<<"$out")" "0 True"
sed 's/audit: {/audit: { budget = 100;/' conf.late >conf.small
is "nothing asks more than its budget" "$(cs -c conf.small audit d1.test | grep -oE '[0-9]+ lookups' | awk '{ print $1 <= 100 }')" 1
# As the server counts them, each once: a busy machine asks again. The question for the case of names is the resolver's own.
before=$(wc -l <dns.log)
asked() { tail -n +$((before + 1)) dns.log | awk '$3 != "case.countersign.invalid" { print $3, $4 }' | sort -u | wc -l; }
cs -c conf.small audit --name-servers $(printf ' --address=45.66.1.%d' {1..16}) d2.test >/dev/null
ok "nor does the server get more questions: $(asked)" [ "$(asked)" -le 100 -a "$(asked)" -ge 50 ]
# How long it takes is measured by t/bench/audit.
is "forty domains at once, each with a DNS 20 ms away" \
	"$(seq -f 'd%g.test' 0 39 | cs -c conf.late audit --file - | grep -cE '^d[0-9]+\.test: .*\([0-9]+ lookups\)$')" 40
done_testing
