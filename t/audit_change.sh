#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign audit --with-certificate as certbot's deploy hook: a Postfix with TLSA 3 1 1, and nginx with an MTA-STS policy,
# before, during and after a change of the certificate; what else a certificate can break; --with-key; mark certificates.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
. "$COUNTERSIGN_SRC/t/lib/audit_postfix.sh"
need nsd nginx postfix ldns-signzone openssl python3 unshare ip
enter_network "$0"
ip address add 45.0.0.0/8 dev lo
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-change.XXXXXX") || exit 99
nginx= nsd=
trap '{ postfix -c "$dir/postfix/etc" stop; for p in $nginx $nsd; do kill $p; done; wait; } >/dev/null 2>&1; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99
cs() { "$build/admin/countersign" -c conf "$@"; }
mkdir keys made zones zones/web certs marks

# ---- certificates: the old one, the new one, and new ones with a fault each ----
make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out certs/$1.key 2>/dev/null; }
certificate() { # name, days, names, key; its issuer is the authority, or itself: -
	local by=(-CA certs/ca.pem -CAkey certs/ca.key -set_serial 0x$RANDOM) key=certs/${4:-$1}.key
	[ "${5:-}" != - ] || by=(-signkey $key)
	[ -e $key ] || make_key ${4:-$1}
	printf 'subjectAltName=%s\n' "$3" >certs/$1.ext
	openssl req -new -key $key -subj /CN=server 2>/dev/null |
		openssl x509 -req -days $2 "${by[@]}" -extfile certs/$1.ext -out certs/$1.pem 2>/dev/null
}
make_key ca
openssl req -x509 -new -key certs/ca.key -subj /CN=ca -days 90 -addext basicConstraints=critical,CA:TRUE -out certs/ca.pem 2>/dev/null
hosts=DNS:mx1.own.test,DNS:mx2.own.test,DNS:mail.own.test
certificate web 60 DNS:mta-sts.own.test
certificate old 60 $hosts
certificate new 60 $hosts
certificate self 60 $hosts new -
certificate expired -1 $hosts new
certificate other 60 DNS:www.own.test new
certificate policy 60 DNS:mta-sts.own.test new -
digest() { openssl x509 -in certs/$1.pem -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1; }
for key in rsa other; do openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out made/$key.pem 2>/dev/null; done
openssl genpkey -algorithm ed25519 -out made/ed25519.pem 2>/dev/null
value() { # key, k=, tail
	printf 'v=DKIM1; k=%s; p=%s\n' $2 "$(openssl pkey -in made/$1.pem -pubout -outform DER | tail -c "$3" | base64 -w0)"
}
value rsa rsa +1 >made/rsa.txt
value other rsa +1 >made/other.txt
value ed25519 ed25519 32 >made/ed25519.txt
cp made/rsa.pem made/rsa.key
(
	cd marks || exit
	. "$COUNTERSIGN_SRC/t/lib/marks.sh"
	logo Example '<path d="M0 0L9 9"/>' >logo.svg
	gzip -9nc logo.svg >logo.svgz
	key leaf
	authority root
	authority issuer root $purpose
	for name in own other; do
		mark_names=DNS:$name.test
		extensions logo.svgz image/svg+xml+gzip logo.svg | mark_certificate $name issuer "$mark"
	done
)

# ---- servers ----
nsd_conf() {
	cat <<-N
		server:
		  ip-address: 127.0.0.1@53
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
	cat zones/nsd.zones
}
publish() { # TLSA data of mx1...; TTL 1
	python3 - zones made "$@" <<-P
		import sys
		sys.path.insert(0, "$COUNTERSIGN_SRC/t/tools")
		tlsa, sys.argv[3:] = sys.argv[3:], []
		from zones import ROOT, Zone, publish
		zone = Zone("own", 0)
		for i in (1, 2):
		    zone.drop(f"_25._tcp.mx{i}", "TLSA")
		if tlsa:
		    zone.put("_25._tcp.mx1 1", "TLSA", *tlsa)
		publish([zone], ROOT)
	P
	[ -z "$nsd" ] || { kill $nsd; wait $nsd; } 2>/dev/null
	nsd_conf >nsd.conf
	nsd -d -c nsd.conf >/dev/null 2>&1 &
	nsd=$!
	eventually cs dmarc own.test
}
serve() { # certificate: Postfix has it
	printf '%s inet n - n - - smtpd\n' 45.10.0.1:25 45.10.0.2:25 | audit_postfix mx1.own.test "$1"
}
printf 'version: STSv1\nmode: enforce\nmax_age: 2419200\nmx: *.own.test\n' >zones/web/policy
cat >nginx.conf <<-N
	daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log; user root root;
	events { worker_connections 64; }
	http {
	access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u;
	scgi_temp_path $dir/s;
	server { listen 45.20.0.1:443 ssl; server_name mta-sts.own.test; ssl_certificate certs/web.pem; ssl_certificate_key certs/web.key;
	  location = /.well-known/mta-sts.txt { default_type text/plain; types {} alias $dir/zones/web/policy; } }
	}
N
nginx -p "$dir" -c "$dir/nginx.conf" >nginx.out 2>&1 &
nginx=$!
cat >conf <<-C
	dns: { servers = [ "127.0.0.1" ]; timeout = "5s"; trust_anchor = "$dir/zones/root.key"; };
	sign: { keys = "$dir/keys"; };
	tls: { ca_file = "$dir/certs/ca.pem"; };
	store: { url = ""; };
	audit: { state = "$dir/state"; };
C
publish "3 1 1 $(digest old)"
serve old
eventually test -s nginx.pid

# certbot calls it with the directory of the new certificate (doc/audit.md).
hook() { # certificate: as a hook has it; the output is in out, the status in status
	mkdir -p lineage
	cp certs/$1.pem lineage/fullchain.pem
	RENEWED_LINEAGE=$dir/lineage
	cs audit --with-certificate="$RENEWED_LINEAGE/fullchain.pem" "${@:2}" own.test >out 2>&1
	status=$?
}
sender() { # what the audit's own sender finds wrong with the MX host
	cs --json audit --probe own.test | python3 -c 'import json, sys
print(*sorted({f["rule"] for f in json.load(sys.stdin)["domains"][0]["findings"] if f["rule"].split(".")[0] in ("dane", "sts")
               and f["level"] == "error"}))' | tail -1
}

# ---- before the change ----
hook old
is "the certificate that is there goes on working, once caches are known to have its record" "$status $(grep -c change.wait out)" "1 1"
sleep 2.5
hook old
is "and then nothing is to be done" $status 0
hook new
is "a new key without its record: not yet" $status 1
like "what to publish, and for how long to wait" "$(cat out)" 'error change\.tlsa +mx1\.own\.test: no 3 1 1 record is of the new certificate; publish it beside the others and wait 2 s, two TTLs'
like "as a line of a zone file" "$(cat out)" "publish: _25\._tcp\.mx1\.own\.test\. IN TLSA 3 1 1 $(digest new)$"
serve new
is "a sender with DANE would not deliver, indeed" "$(sender)" dane.mismatch
serve old

# ---- during: both records ----
publish "3 1 1 $(digest old)" "3 1 1 $(digest new)"
hook new
is "its record has only just been published: not yet" $status 1
like "until when" "$(cat out)" 'change\.wait +mx1\.own\.test: the record of the new certificate is seen for the first time; wait until 20.*Z \(2 s\)'
hook new --waited
is "unless the user knows better" $status 0
is "what is there serves as before" "$(sender)" ""
sleep 2.5
hook new -v
is "after two TTLs: now" $status 0
like "the old record can go then" "$(cat out)" "change\.tlsa-old +mx1\.own\.test: after the change, remove .* 3 1 1 $(digest old)"
serve new
is "and senders deliver to the new certificate" "$(sender)" ""

# ---- after ----
publish "3 1 1 $(digest new)"
is "without the old record, too" "$(sender)" ""
hook new -v
is "nothing is left to be done" "$status $(grep -c change. out)" "0 0"

# ---- what else a certificate can break ----
hook self
is "MTA-STS: a certificate that nobody trusts" "$status $(grep -c 'error change.sts' out)" "1 2"
like "MTA-STS: why" "$(cat out)" 'mx2\.own\.test: the policy needs a certificate that senders accept: .*self-signed'
like "mail programs would refuse it" "$(cat out)" 'error change\.client +mail\.own\.test: mail programs do not accept it'
hook expired
like "one that has ended" "$(cat out)" 'error change\.dates +it ended at 20'
hook other
is "one that is for no server: a warning" "$status $(grep -c 'warn  change.host' out)" "0 1"
hook other --host=mx1.own.test
like "unless a host is to have it" "$status $(cat out)" '^1 .*'
like "whose name it then lacks" "$(cat out)" 'change\.sts +mx1\.own\.test: .*it has not the name mx1\.own\.test'
hook policy
like "the web server of the policy" "$(cat out)" 'error change\.sts +mta-sts\.own\.test: senders could not get the MTA-STS policy'
kill $nginx; wait $nginx 2>/dev/null; nginx=
hook new
is "a policy that cannot be fetched: not known" $status 75

# ---- other files ----
mark() {
	cs audit --with-certificate=marks/$1.pem own.test >out 2>&1
	status=$?
}
mark own
is "a mark certificate" "$status $(grep -c change.bimi out)" "0 0"
mark other
like "one for another domain" "$status $(cat out)" 'error change\.bimi +certificate\.name'
cs audit --with-key=made/rsa.key own.test >out
is "a key whose record is there" $? 0
cs audit --with-key=next=made/rsa.key own.test >out
is "one whose record is missing: not yet" $? 1
like "what to publish" "$(cat out)" 'publish: next\._domainkey\.own\.test\. IN TXT "v=DKIM1; k=rsa; p='
like "and how long to wait" "$(cat out)" 'change\.dkim +the record of the key is missing; publish it, and wait 300 s'
cs audit --with-key=ed25519=made/rsa.key own.test >out
like "a selector that has another key" "$? $(cat out)" '^1 '
cs audit --with-key=made/rsa.txt own.test >out
is "not a key" $? 1
cs audit --with-certificate=made/rsa.txt own.test >out 2>&1
is "not a certificate: exit status 65" $? 65
cs audit --with-certificate=gone.pem own.test >out 2>&1
is "a file that is not there: exit status 66" $? 66
done_testing
