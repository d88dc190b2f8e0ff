#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign audit: zones that a real nsd serves, signed, one for each rule: the rule fires there, and nothing is found in
# twenty domains that are in order (t/tools/audit_zones.py). Facts are the same bytes each time; what is not known is told
# as that; name servers that do not agree; silence, exit status, the budget, and the time that a domain takes with a DNS 20 ms
# away.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need nsd ldns-signzone openssl python3 unshare ip
# Name servers have port 53 and the addresses that the zones say: a network of its own has them.
if [ -z "${AUDIT_MACHINE:-}" ]; then
	map=
	[ "$(id -u)" = 0 ] || map=--map-root-user
	unshare $map --net true 2>/dev/null || skip_all "a network of its own is not permitted here"
	AUDIT_MACHINE=1 exec unshare $map --net bash "$0"
fi
ip link set lo up
for n in 1 2 3; do ip address add 45.30.0.$n/32 dev lo; done
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-audit.XXXXXX") || exit 99
nsd= elsewhere= dns=
trap 'for p in $nsd $elsewhere $dns; do kill $p; wait $p; done 2>/dev/null; rm -rf "$dir"' EXIT
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

# ---- each rule fires on its fault ----
is "each rule has its fault here" "$(cut -f1 zones/faults | sort)" \
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
look_at_clean() { # until every answer has come: a busy machine loses some
	cs -c conf --json audit --name-servers --parallel=4 --file zones/clean >clean.json
	status=$?
	! grep -q '"level": "skip"' clean.json
}
eventually -t 60 look_at_clean
is "twenty domains that are in order" $status 0
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

# ---- what people read ----
like "the finding, what it means, and the record to publish" "$(cs -c conf audit f-dmarc-none.test)" \
	'publish: _dmarc\.f-dmarc-none\.test\. IN TXT "v=DMARC1; p=none; rua='
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
"$build/t/bin/dnsd" --port-file port --delay 20 zone >/dev/null 2>&1 &
dns=$!
eventually test -s port
sed "s/@$(sed -n 's/.*@\([0-9]*\)".*/\1/p' conf)/@$(cat port)/; s/trust_anchor = [^;]*; //" conf >conf.late
out=$(cs -c conf.late --json audit late.test)
is "a domain that cannot be looked at: exit status 75" $? 75
is "it is not known, and no error" "$(python3 -c 'import json, sys; d = json.load(sys.stdin)["domains"][0]; print(d["errors"], d["unknown"] > 2)' <<<"$out")" "0 True"
sed 's/audit: {/audit: { budget = 100;/' conf.late >conf.small
is "nothing asks more than its budget" "$(cs -c conf.small audit d1.test | grep -oE '[0-9]+ lookups' | awk '{ print $1 <= 100 }')" 1
begin=$(date +%s%N)
cs -c conf.late audit d0.test >/dev/null
ms=$((($(date +%s%N) - begin) / 1000000))
echo "# a domain with a DNS 20 ms away: $ms ms"
ok "a domain with a DNS 20 ms away takes less than 3 s" [ $ms -lt 3000 ]
begin=$(date +%s%N)
seq -f 'd%g.test' 0 39 | cs -c conf.late audit --file - >/dev/null
ms=$((($(date +%s%N) - begin) / 1000000))
echo "# forty domains: $ms ms"
ok "forty domains take less than 12 s, as 1,000 in 5 minutes" [ $ms -lt 12000 ]
done_testing
