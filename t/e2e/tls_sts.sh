#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The MTA-STS of an own domain: tls sts make, its policy served by nginx with the lines that it prints, its record published
# in nsd, and tls sts check of all that, with mail servers that keep the policy and others that do not.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd unbound ldns-keygen ldns-signzone openssl ip unshare python3 nginx curl
enter_lab "$0" "$@"
. "$COUNTERSIGN_SRC/t/e2e/tls_lab.sh"

lab_begin || exit 99
TLS_LAB_WEB='' tls_lab_begin || exit 99
mkdir "$LAB/www"
cat >"$LAB/etc/own.conf" <<-C
	dns: { servers = [ "127.0.0.1" ]; trust_anchor = "$LAB/dns/anchor"; timeout = "3s"; };
	tls: { ca_file = "$LAB/site/ca.pem"; };
	store: { url = ""; };
C
file=$LAB/www/own.txt

sts() { # make|check argument...: the output is in $LAB/log/sts
	"$LAB_BUILD/admin/countersign" -c "$LAB/etc/own.conf" tls sts "$@" >"$LAB/log/sts" 2>&1
}
exits() { # status, name, make|check argument...
	local status=$1 name=$2
	shift 2
	sts "$@"
	is "$name" $? "$status"
}
says() { # pattern, name
	ok "$2" grep -qE "$1" "$LAB/log/sts"
}

# ---- make ----

exits 0 "a policy is made" make own.open --output="$file"
is "mode testing first, with the MX hosts of DNS" "$(xargs <"$file")" "version: STSv1 mode: testing mx: mx.own.open max_age: 86400"
is "the web server may read it" "$(stat -c %a "$file")" 644
sed -n '/^server {/,/^}/p' "$LAB/log/sts" >"$LAB/www/lines"
is "nginx's lines are those of doc/tls.md" "$(sed "s/own\.open/example.com/; s|$LAB/www/own|/var/www/mta-sts/example.com|" "$LAB/www/lines")" \
	"$(sed -n '/^server {/,/^}/{p;/^}/q}' "$COUNTERSIGN_SRC/doc/tls.md")"
record=$(grep '^_mta-sts.own.open. IN TXT "v=STSv1; id=[0-9A-Z]*;"$' "$LAB/log/sts")
is "one record" "$(wc -l <<<"$record")" 1

# ---- served by nginx: the lines as they are printed, with the certificate of this test ----

sed -E "s|(ssl_certificate(_key)?) .*|\\1 $LAB/site/cert/web.pem;|" "$LAB/www/lines" >"$LAB/www/site"
[ -e /proc/net/if_inet6 ] || sed -i '/listen \[::\]/d' "$LAB/www/site"
cat >"$LAB/www/nginx.conf" <<-N
	user $LAB_USER $(id -gn "$LAB_USER");
	daemon off;
	pid $LAB/www/pid;
	error_log $LAB/log/nginx;
	events { }
	http {
	    access_log off;
	    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $LAB/www/$kind;"; done)
	    include $LAB/www/site;
	}
N
nginx -e "$LAB/log/nginx" -c "$LAB/www/nginx.conf" &
LAB_PIDS+=($!)
listens() { (: </dev/tcp/$TLS_WEB/443) 2>/dev/null; }
ok "nginx takes the lines" eventually listens

exits 1 "without the record, nothing is announced" check own.open
says 'failed +record +_mta-sts.own.open has no MTA-STS record' "the record is missing"
says 'ok +policy +mta-sts.own.open serves a valid policy' "the policy is served"
says 'ok +certificate +mx.own.open' "the certificate of the MX host verifies"

echo "$record" >>"$LAB/dns/open.zone"
kill -HUP "$(cat "$LAB/dns/nsd.pid")"
ok "with the record, all is well" eventually sts check own.open
says 'ok +record .* id [0-9]{8}T[0-9]{6}Z$' "the id is in it"
"$LAB_BUILD/admin/countersign" -c "$LAB/etc/own.conf" --json tls sts check own.open >"$LAB/log/json"
is "as JSON" "$(python3 -c 'import json, sys; found = json.load(sys.stdin)
print(found["policy"] == open(sys.argv[1]).read(), {f["result"] for f in found["findings"]})' "$file" <"$LAB/log/json")" "True {'ok'}"

# ---- what a change may not do ----

exits 1 "a policy without an MX host is refused" make own.open --output="$file" --mode=enforce --mx=mx.elsewhere.open
says 'no policy is made: mx.own.open matches no mx line' "the host is named"
is "the file is as before" "$(grep -c 'mode: testing' "$file")" 1
exits 1 "a certificate for another name" make wrong.open
says 'no policy is made: mx.wrong.open: ' "is named"
exits 1 "an MX host without STARTTLS" make notls.open
says 'mx.notls.open: it does not offer STARTTLS' "is named"
exits 1 "a certificate that nobody trusts" make untrusted.open
exits 1 "a domain that accepts no mail" make null.test
exits 2 "a host that cannot be reached" make dead.open
exits 0 "unless nobody connects to it" make dead.open --no-connect
exits 0 "a TLSA record with the digest of the key" make dane.test
exits 0 "a TLSA record with the digest of the certificate" make full.test
exits 1 "TLSA records that do not match" make danebad.test
says 'no record at _25._tcp.mxbad.test matches the certificate' "are named"
exits 64 "no option of make for check" check own.open --mode=enforce
exits 64 "a path that nginx would read in another way" make own.open --output="$LAB/www/a\$b"
exits 65 "a line that is not a pattern" make own.open --mx='*.*.open'
exits 73 "a directory that does not exist" make own.open --output="$LAB/none/own.txt"

# ---- what check sees ----

exits 0 "enforce" make own.open --output="$file" --mode=enforce --mx='*.own.open' --mx=mx.old.open
says 'no MX host matches "mx: mx.old.open"' "a line that no host needs"
exits 0 "is served" check own.open
says 'ok +mode +mode enforce, max_age 1209600' "with its mode"
sed -i '/own.open/d' "$file"
exits 1 "an MX host that the policy forgot" check own.open
says 'failed +mx +mx.own.open matches no mx line' "is found"
rm "$file"
exits 1 "no file" check own.open
says 'failed +policy +mta-sts.own.open: HTTP status 404' "is found"
sts check lame.test
says 'unknown +policy +address of mta-sts.lame.test: ' "a web server that DNS does not tell is not known to be wrong"
exits 0 "the end: mode none" make own.open --output="$file" --mode=none
is "without hosts" "$(xargs <"$file")" "version: STSv1 mode: none max_age: 86400"
exits 0 "is served, too" check own.open

# ---- by the daemon, behind nginx ----

mkdir "$LAB/own"
port=$(lab_ports 1)
conf=$LAB/etc/countersign.conf
lab_conf "dns: { trust_anchor = \"$LAB/dns/anchor\"; };" "tls: { ca_file = \"$LAB/site/ca.pem\"; own_policies = \"$LAB/own\"; };" \
	"http: { listen = [ \"127.0.0.1:$port\" ]; };" "sign: { enabled = false; };"
sts() { "$LAB_BUILD/admin/countersign" -c "$conf" tls sts "$@" >"$LAB/log/sts" 2>&1; }
echo "no policy" >"$LAB/own/bad.example.txt"
lab_daemon || exit 99
ok "a file that is not a policy is named" eventually grep -q 'bad.example.txt: .*it is not served' "$LAB/log/countersignd.log"
get() { # host [path]: status, type and the body
	curl -s -H "Host: $1" -w '%{http_code} %{content_type}\n' "http://127.0.0.1:$port${2:-/.well-known/mta-sts.txt}"
}
eventually get any.example
is "nothing is served yet" "$(get mta-sts.own.open | tail -1)" "404 text/plain; charset=utf-8"
exits 0 "the policy goes into the directory" make own.open --output="$LAB/own/own.open.txt" --mode=enforce --mx=mx.own.open
says 'run "countersign reload"' "which a reload tells the daemon"
sed -n '/^server {/,/^}/p' "$LAB/log/sts" >"$LAB/www/lines"
is "nginx's lines are those of doc/tls.md" "$(sed "s/own\.open/example.com/; s/:$port/:9817/" "$LAB/www/lines")" \
	"$(sed -n '/^server {/,/^}/p' "$COUNTERSIGN_SRC/doc/tls.md" | sed -n '/^}/,$p' | tail -n +2)"
ok "it is reloaded" lab_reload
serves() { [ "$(get mta-sts.own.open | tail -1)" = "200 text/plain" ]; }
ok "and serves it" eventually serves
is "as it is in the file" "$(get mta-sts.own.open | sed '$d')" "$(cat "$LAB/own/own.open.txt")"
for host in MTA-STS.Own.OPEN mta-sts.own.open:443 mta-sts.own.open.; do is "for $host" "$(get "$host" | tail -1)" "200 text/plain"; done
for host in own.open mta-sts.other.open mta-sts.bad.example x.mta-sts.own.open '' mta-sts.; do
	is "not for \"$host\"" "$(get "$host" | tail -1 | cut -c1-3)" 404
done
is "nor at another path" "$(get mta-sts.own.open /.well-known/ | tail -1 | cut -c1-3)" 404
is "nor by another method" "$(curl -s -o "$LAB/log/post" -X POST -H 'Host: mta-sts.own.open' -w '%{http_code}' "http://127.0.0.1:$port/.well-known/mta-sts.txt")" 405
is "metrics are served as before" "$(get any.example /metrics | tail -1 | cut -c1-3)" 200
sed -E "s|(ssl_certificate(_key)?) .*|\\1 $LAB/site/cert/web.pem;|" "$LAB/www/lines" >"$LAB/www/site"
[ -e /proc/net/if_inet6 ] || sed -i '/listen \[::\]/d' "$LAB/www/site"
kill -HUP "$(cat "$LAB/www/pid")"
serves_enforce() { sts check own.open && grep -q 'mode enforce' "$LAB/log/sts"; }
ok "with nginx before it, all is well" eventually serves_enforce
done_testing
