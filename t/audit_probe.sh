#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign audit --probe: domains whose servers run here, in a network of its own (t/tools/audit_sites.py): nginx has their
# MTA-STS policies and BIMI files. Each rule fires on its fault, and nothing is said of twenty domains that are in order.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
. "$COUNTERSIGN_SRC/t/lib/audit_postfix.sh"
need nsd nginx postfix dovecot ldns-signzone openssl python3 unshare ip
enter_network "$0"
ip address add 45.0.0.0/8 dev lo
for n in 1 2; do ip address add 2a00:1::$n/128 dev lo 2>/dev/null || skip_all "there is no IPv6 here"; done
build=${COUNTERSIGN_BUILD:?}
tools=$COUNTERSIGN_SRC/t/tools
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-probe.XXXXXX") || exit 99
pids=
trap '{ postfix -c "$dir/postfix/etc" stop; for p in $pids; do kill $p; done; wait; } >/dev/null 2>&1; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99
cs() { "$build/admin/countersign" "$@"; }

# ---- keys, certificates, marks ----
mkdir keys made zones zones/web certs marks
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out made/rsa.pem 2>/dev/null
openssl genpkey -algorithm ed25519 -out made/ed25519.pem 2>/dev/null
value() { # key, k=, tail
	printf 'v=DKIM1; k=%s; p=%s\n' $2 "$(openssl pkey -in made/$1.pem -pubout -outform DER | tail -c "$3" | base64 -w0)"
}
value rsa rsa +1 >made/rsa.txt
cp made/rsa.txt made/other.txt
value ed25519 ed25519 32 >made/ed25519.txt
domains=$(for i in {1..20}; do echo clean$i.test; done; for i in {0..60}; do echo f$i.test; done)
names() { # prefix...
	local prefix domain
	for prefix; do
		for domain in $domains; do printf 'DNS:%s.%s,' $prefix $domain; done
	done
	echo DNS:a.test
}
make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out certs/$1.key 2>/dev/null; }
certificate() { # name, days, subjectAltName; signed by the authority, or by itself: -
	local by=(-CA certs/ca.pem -CAkey certs/ca.key -set_serial 0x$RANDOM)
	[ "${4:-}" != - ] || by=(-signkey certs/$1.key)
	make_key $1
	printf 'subjectAltName=%s\n' "$3" >certs/$1.ext
	openssl req -new -key certs/$1.key -subj /CN=server 2>/dev/null |
		openssl x509 -req -days $2 "${by[@]}" -extfile certs/$1.ext -out certs/$1.pem 2>/dev/null
}
make_key ca
openssl req -x509 -new -key certs/ca.key -subj /CN=ca -days 90 -addext basicConstraints=critical,CA:TRUE -out certs/ca.pem 2>/dev/null
certificate good 60 "$(names mta-sts autoconfig)"
certificate mail 60 "$(names mx1 mx2 mail imap sub)"
certificate mailsoon 10 "$(names mx1)"
certificate mailexpired -1 "$(names mx1)"
certificate mailself 60 "$(names mx1 sub)" -
openssl x509 -in certs/mail.pem -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1 >made/mail.tlsa
certificate elsewhere 60 DNS:other.test
certificate expired -1 "$(names mta-sts)"
certificate stranger 60 "$(names mta-sts)" -
cd marks || exit 99
. "$COUNTERSIGN_SRC/t/lib/marks.sh"
logo Example '<path d="M0 0L9 9"/>' >logo.svg
logo Example '<script/>' >bad.svg
gzip -9nc logo.svg >logo.svgz
key leaf
mark_lists=http://a.test
authority root
authority issuer root $purpose
authority stranger "" $purpose
standard() { extensions logo.svgz image/svg+xml+gzip logo.svg; }
mark_names=$(printf 'DNS:%s,' $domains)DNS:a.test
standard | mark_certificate good issuer "$mark"
standard | mark_certificate revoked issuer "$mark"
standard | mark_certificate unknown stranger "$mark"
standard | sed 's,/issuer.crl,/gone.crl,' | mark_certificate no_list issuer "$mark"
revocation_list root root.crl 5
revocation_list issuer issuer.crl 5 revoked.crt
mark_names=DNS:other.test
standard | mark_certificate other issuer "$mark"
cd ..
python3 "$tools/audit_sites.py" zones made || { echo 'Bail out! the zones cannot be made'; exit 1; }
for domain in $(cat zones/clean); do
	mkdir keys/$domain
	for key in rsa ed25519; do install -m 600 made/$key.pem keys/$domain/$key.key; done
done
chmod 700 keys keys/*

# ---- servers ----
# Postfix has the MX hosts without faults, and submission; Dovecot has IMAP.
start_postfix() {
	{
		printf '%s inet n - n - - smtpd\n' 45.10.0.1:25 45.10.0.2:25 '[2a00:1::1]:25' '[2a00:1::2]:25' 45.20.0.2:587 45.20.0.2:465
		echo '  -o smtpd_tls_wrappermode=yes'
	} | audit_postfix mail.clean1.test mail 'smtpd_tls_protocols = >=TLSv1.2' 'smtpd_client_connection_count_limit = 0' \
		'default_process_limit = 300'
}
start_dovecot() {
	mkdir -p dovecot
	cat >dovecot.conf <<-D
		base_dir = $dir/dovecot
		state_dir = $dir/dovecot
		log_path = $dir/dovecot.log
		protocols = imap
		listen = 45.20.0.2
		ssl = yes
		ssl_cert = <$dir/certs/mail.pem
		ssl_key = <$dir/certs/mail.key
		passdb {
		  driver = static
		  args = nopassword=y
		}
	D
	dovecot -F -c "$dir/dovecot.conf" >dovecot.out 2>&1 &
	pids="$pids $!"
}
cat >nginx.conf <<-N
	daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log; user root root;
	events { worker_connections 512; }
	http {
	access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u;
	scgi_temp_path $dir/s; server_names_hash_bucket_size 128; server_names_hash_max_size 4096;
	server { listen 45.20.0.1:443 ssl; server_name a.test; ssl_certificate certs/good.pem; ssl_certificate_key certs/good.key;
	  default_type image/svg+xml; types {} root $dir/marks; }
	server { listen 45.20.0.1:80; server_name a.test; types {} root $dir/marks; }
	$(sed "s| alias web/| alias $dir/zones/web/|" zones/sites.conf)
	}
N
nginx -p "$dir" -c "$dir/nginx.conf" >nginx.out 2>&1 &
pids="$pids $!"
python3 -W ignore "$tools/faulty_mail.py" zones/mail.servers mail.ready &
pids="$pids $!"
cat >nsd.conf <<-N
	server:
	  ip-address: 127.0.0.1@53
	  ip-address: 45.30.0.1@53
	  ip-address: 45.30.0.2@53
	  username: ""
	  chroot: ""
	  zonesdir: "$dir/zones"
	  pidfile: ""
	  xfrdir: "$dir"
	  xfrdfile: ""
	  zonelistfile: "$dir/nsd.list"
	  logfile: "$dir/nsd.log"
	  database: ""
	  server-count: 1
	  rrl-ratelimit: 0
	remote-control:
	  control-enable: no
N
cat zones/nsd.zones >>nsd.conf
nsd -d -c nsd.conf >/dev/null 2>&1 &
pids="$pids $!"
cat >conf <<-C
	dns: { servers = [ "127.0.0.1" ]; timeout = "5s"; trust_anchor = "$dir/zones/root.key"; };
	sign: { keys = "$dir/keys"; };
	tls: { ca_file = "$dir/certs/ca.pem"; };
	bimi: { roots = "$dir/marks/root.crt"; };
	store: { url = ""; };
C
start_postfix
start_dovecot
eventually test -e mail.ready || { echo 'Bail out! the mail servers with faults do not start'; exit 1; }
eventually test -s nginx.pid || { echo 'Bail out! nginx does not start'; cat nginx.out nginx.log; exit 1; }
eventually cs -c conf dmarc clean1.test >/dev/null 2>&1 || { echo 'Bail out! nsd does not start'; cat nsd.log; exit 1; }

# ---- each rule fires on its fault ----
# Most of the time the probe waits to see that nothing comes: many domains at a time.
cut -f2 zones/faults >faulty
awk -F'\t' '$4 == "True" { print $2 }' zones/faults >unknown
look() { python3 "$tools/audit_until.py" $1 $2 unknown "$build/admin/countersign" -c conf --json --timeout=60s audit --probe --parallel=32; }
echo "# faults: $(look faults.json faulty) runs"
while IFS=$'\t' read -r rule said fires; do
	is "$rule: $said" "$fires" True
done < <(python3 - <<-'P'
	import json, re
	found = {d["domain"]: d["findings"] for d in json.load(open("faults.json"))["domains"]}
	for line in open("zones/faults"):
	    rule, domain, said, skip = line.rstrip("\n").split("\t")
	    of_rule = [f for f in found[domain] if f["rule"] == rule and (f["level"] == "skip") == (skip == "True")]
	    print(rule, said, any(re.search(said, f["text"]) for f in of_rule) or [f["text"] for f in found[domain]][:6], sep="\t")
	P
)

# ---- and none on the domains that are in order ----
runs=$(look clean.json zones/clean)
is "twenty domains that are in order" $? 0
echo "# $runs runs"
# Debian 12's Postfix knows neither REQUIRETLS nor X25519MLKEM768, so these two are true.
is "of which nothing else is said" "$(python3 - <<-'P'
	import json
	domains = json.load(open("clean.json"))["domains"]
	print(len(domains), *[(d["domain"], f["rule"], f["text"]) for d in domains for f in d["findings"]
	                      if f["rule"] not in ("tls.requiretls", "tls.pq-kex")])
	P
)" 20
cs -c conf audit --facts --probe clean1.test >facts
is "facts have what came" "$(python3 -c 'import json; p = json.load(open("facts"))["domains"][0]["probe"]; print(p["policy"]["reached"], p["policy"]["text"].split("\n")[1], p["logo"]["faults"])')" \
	"True mode: enforce []"
grep -v '^bimi:' conf >plain
like "without mark roots: not known" "$(cs -c plain audit -v --probe clean1.test)" 'skip +bimi\.certificate .*not known: certificate\.no-roots: .*bimi\.roots'
is "without --probe nobody is connected to" "$(cs -c conf audit --facts clean1.test | grep -c '"probe"')" 0
done_testing
