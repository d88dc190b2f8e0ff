#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign audit --watch: what has changed since the last run is told once, and by mail; what DNS does not answer, and what
# the mail server does not take, is not lost. --with-zone: what a zone file would make worse.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nginx openssl python3 perl unshare ip
enter_network "$0"
ip address add 45.0.0.0/8 dev lo
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-watch.XXXXXX") || exit 99
nginx= dns= sink= mail=
trap 'for p in $nginx $dns $sink $mail; do kill $p; done 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99
cs() { "$build/admin/countersign" -c conf "$@"; }
mkdir -p certs keys/own.test web sink
make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out certs/$1.key 2>/dev/null; }
certificate() { # name, days, names
	make_key $1
	printf 'subjectAltName=%s\n' "$3" >certs/$1.ext
	openssl req -new -key certs/$1.key -subj /CN=server 2>/dev/null |
		openssl x509 -req -days $2 -CA certs/ca.pem -CAkey certs/ca.key -set_serial 0x$RANDOM -extfile certs/$1.ext -out certs/$1.pem 2>/dev/null
}
make_key ca
openssl req -x509 -new -key certs/ca.key -subj /CN=ca -days 90 -addext basicConstraints=critical,CA:TRUE -out certs/ca.pem 2>/dev/null
certificate web 60 DNS:mta-sts.own.test
certificate mail 60 DNS:mx1.own.test
certificate soon 10 DNS:mx1.own.test
openssl genpkey -algorithm ed25519 -out keys/own.test/a.key 2>/dev/null
chmod 700 keys keys/own.test
chmod 600 keys/own.test/a.key
policy() { printf 'version: STSv1\nmode: %s\nmax_age: 2419200\nmx: *.own.test\n%s' $1 "${2:-}" >web/policy; }
policy enforce
cat >nginx.conf <<-N
	daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log; user root root;
	events { worker_connections 64; }
	http {
	access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u;
	scgi_temp_path $dir/s;
	server { listen 45.20.0.1:443 ssl; server_name mta-sts.own.test; ssl_certificate certs/web.pem; ssl_certificate_key certs/web.key;
	  location = /.well-known/mta-sts.txt { default_type text/plain; types {} alias $dir/web/policy; } }
	}
N
nginx -p "$dir" -c "$dir/nginx.conf" >nginx.out 2>&1 &
nginx=$!
serve_mail() { # certificate
	[ -z "$mail" ] || { kill $mail; wait $mail; } 2>/dev/null
	rm -f mail.ready
	echo "45.10.0.1 25 certs/$1.pem" >mail.servers
	python3 -W ignore "$COUNTERSIGN_SRC/t/tools/faulty_mail.py" mail.servers mail.ready &
	mail=$!
	eventually test -e mail.ready
}
settings() { # more of audit: {}
	cat >conf <<-C
		dns: { servers = [ "127.0.0.1@$(cat dns.port)" ]; timeout = "5s"; };
		sign: { keys = "$dir/keys"; };
		tls: { ca_file = "$dir/certs/ca.pem"; };
		store: { url = ""; };
		reports: { from = "audit@own.test"; org = "own"; contact = "a@own.test"; via = "smtp://127.0.0.1:$(cat sink/port)"; };
		audit: { state = "$dir/state"; block_lists = [ "list.test" ]; addresses = [ "45.10.0.1" ]; $1 };
	C
}
serve_dns() { # the zone is in zone
	[ -z "$dns" ] || { kill $dns; wait $dns; } 2>/dev/null
	rm -f dns.port
	"$build/t/bin/dnsd" --port-file dns.port zone >/dev/null 2>&1 &
	dns=$!
	eventually test -s dns.port
	settings
}
start_sink() {
	rm -f sink/port
	perl "$COUNTERSIGN_SRC/t/tools/smtp_sink.pl" sink &
	sink=$!
	eventually test -s sink/port
}
cat >zone <<-Z
	own.test 60 NS ns1.own.test
	own.test 60 NS ns2.own.test
	own.test 60 MX 10 mx1.own.test
	own.test 60 TXT "v=spf1 ip4:45.10.0.1 -all"
	_dmarc.own.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@own.test"
	_mta-sts.own.test 60 TXT "v=STSv1; id=1"
	mta-sts.own.test 60 A 45.20.0.1
	_smtp._tls.own.test 60 TXT "v=TLSRPTv1; rua=mailto:t@own.test"
	mx1.own.test 60 A 45.10.0.1
	ns1.own.test 60 A 45.30.0.1
	ns2.own.test 60 A 45.30.0.2
	2.0.0.127.list.test 60 A 127.0.0.2
Z
start_sink
serve_dns
serve_mail mail
eventually test -s nginx.pid
watch() {
	cs audit --watch --probe --mail=postmaster@own.test own.test >out 2>err
	status=$?
}
mails() { ls sink | grep -c '\.mail$'; }

# ---- nothing has changed ----
watch
is "the first time there is nothing to compare with" "$status $(cat out)" "0 "
watch
is "nothing has changed" "$status $(cat out)" "0 "
is "nothing is sent" "$(mails)" 0
like "the result is noted" "$(cat state/watched)" '^at [0-9]+ domains 1 changes 0 errors [0-9]+ warnings [0-9]+ hints [0-9]+$'
cp state/own.test.facts first

# ---- much has ----
sed -i -e 's/ip4:45.10.0.1 -all/ip4:45.10.0.0\/16 ~all/' -e 's/p=reject/p=none/' -e 's/NS ns2.own.test/NS ns3.own.test/' \
	-e 's/MX 10 mx1/MX 20 mx1/' -e /_smtp._tls/d zone
printf 'ns3.own.test 60 A 45.30.0.3\n1.0.10.45.list.test 60 A 127.0.0.4\n' >>zone
echo 'active 2020-01-01T00:00:00Z' >keys/own.test/a.state
policy testing
serve_dns
serve_mail soon
watch
is "much has changed" "$status $(wc -l <out)" "1 15"
like "a record is gone" "$(cat out)" '^own\.test: error watch\.record-gone: TLS-RPT of _smtp\._tls\.own\.test is gone: "v=TLSRPTv1; rua=mailto:t@own\.test"$'
like "a record is another one" "$(cat out)" 'info watch\.record-changed: MX of own\.test: 10 mx1\.own\.test\. before, now 20 mx1\.own\.test\.$'
like "SPF lets more addresses send" "$(cat out)" 'warn watch\.spf-wider: SPF of own\.test: 1 IPv4 addresses before, 65536 now$'
like "and says less of others" "$(cat out)" 'warn watch\.spf-wider: "all" of SPF of own\.test: - before, ~ now$'
like "DMARC asks for less" "$(cat out)" 'warn watch\.policy-weaker: p of own\.test: reject before, none now$'
like "so does MTA-STS" "$(cat out)" 'warn watch\.policy-weaker: the mode of the MTA-STS policy of own\.test: enforce before, testing now$'
like "whose id has not been changed" "$(cat out)" 'error sts\.id-not-changed: the policy has changed, but the id is still 1$'
like "other name servers" "$(cat out)" 'warn watch\.ns-changed: name servers of own\.test: ns1.*, ns2.* before, now ns1.*, ns3'
like "an address is in a block list" "$(cat out)" 'error watch\.listed: 45\.10\.0\.1 is in list\.test$'
like "a certificate ends soon" "$(cat out)" 'warn watch\.ends-soon: mx1\.own\.test: the certificate ends on 20'
like "a key is old" "$(cat out)" 'warn watch\.ends-soon: the DKIM key a has signed for long'
text() { # of the mail, after two lines with its envelope
	python3 -c 'import email, sys
mail = email.message_from_bytes(open(sys.argv[1], "rb").read().split(b"\n", 2)[2])
print(mail.get_payload(decode=True).decode())' "$1"
}
is "all of it in one mail" "$(mails) $(grep -c '^own.test: ' <<<"$(text sink/*.mail)")" "1 $(wc -l <out)"
like "to the address" "$(cat sink/*.mail)" '^X-Rcpt: .*postmaster@own\.test'
like "the note has it" "$(cat state/watched)" "domains 1 changes $(wc -l <out) errors"
is "what was found is kept for the page" "$(head -c 22 state/own.test.findings) $(stat -c %a state/own.test.findings)" "countersign findings 1 640"
like "with the record to publish" "$(cat state/own.test.findings)" $'^(warn|error)\t[a-z.0-9-]+\t[^\t]+\ta\\._domainkey\\.own\\.test\\. IN TXT '
watch
is "it is told once" "$status $(cat out) $(mails)" "0  1"
cp first state/own.test.facts
cs --json audit --watch own.test >json
is "as JSON" "$(python3 -c 'import json; print(sorted({f["rule"] for f in json.load(open("json"))["domains"][0]["findings"]})[:3])')" \
	"['sts.id-not-changed', 'watch.ends-soon', 'watch.listed']"

# ---- what is not known ----
watch
sed -i '/TXT "v=spf1/d' zone
kill $dns; wait $dns 2>/dev/null; dns=
watch
is "DNS is away: nothing has changed" "$status $(cat out)" "75 "
serve_dns
kill $sink; wait $sink 2>/dev/null; sink=
watch
is "the mail server is away: exit status 75" "$status" 75
like "what was not sent" "$(cat err)" 'the changes were not sent to postmaster@own\.test: .*; the next run does it'
start_sink
settings
rm -f sink/*.mail
watch
is "it is told again" "$status $(mails)" "1 1"
watch
is "and then no longer" "$status $(cat out)" "0 "
sed -i /_dmarc/d zone
serve_dns
settings 'silence = ( { rule = "watch.record-gone"; reason = "moved"; until = "2999-12-31"; }, { rule = "watch.policy-weaker"; reason = "moved"; until = "2999-12-31"; } );'
watch
is "what is silenced is not told" "$(grep -c 'gone\|weaker' out)" 0
echo junk >state/own.test.facts
watch
like "a file that is not ours is made again" "$status $(cat err)" 'own\.test\.facts: it does not begin with .*; it is made again'
watch
is "and then compared with" "$status" 0

# ---- a zone file ----
cat >now.zone <<-'Z'
	$TTL 60
	@ SOA ns1 root 1 2 3 4 5
	@ NS ns1
	@ NS ns3
	@ MX 20 mx1
	_mta-sts TXT "v=STSv1; id=1"
	mta-sts A 45.20.0.1
	mx1 A 45.10.0.1
	ns1 A 45.30.0.1
	ns3 A 45.30.0.3
	elsewhere CNAME mx1.other.test.
Z
cs audit --with-zone=now.zone own.test >out 2>err
is "a zone as it is now breaks nothing" "$? $(cat err)" "0 "
{ grep -v 'MX\|sts' now.zone; echo '@ MX 10 elsewhere'; echo '_mta-sts CNAME _mta-sts.other.test.'; } >next.zone
printf '_mta-sts.other.test 60 TXT "v=STSv1; id=1"\nmx1.other.test 60 A 45.10.0.1\n' >>zone
serve_dns
cs audit --with-zone=next.zone own.test >out 2>err
is "one with a fault: exit status 1" $? 1
like "the fault" "$(cat out)" 'error mx\.cname +elsewhere\.own\.test is an alias'
is "an alias out of the zone is followed" "$(grep -c 'MTA-STS of' out)" 0
like "a host that is gone" "$(cat out)" 'sts\.no-host'
cs audit --with-zone=conf own.test >out 2>err
is "not a zone file: exit status 65" $? 65
cs audit --with-zone=now.zone --watch own.test >out 2>err
is "two things at a time: exit status 64" $? 64
done_testing
