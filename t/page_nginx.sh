#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The lines for nginx in doc/page.md, with a real nginx: nobody sees the page without a login, and nothing else is served. Then
# those for the pages that the daemon serves.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need nginx openssl curl
dir=$(mktemp -d) || exit 99
nginx= pid=
trap 'kill $pid 2>/dev/null; [ -z "$nginx" ] || { kill "$nginx"; wait "$nginx"; } 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
chmod 755 .
mkdir www
cat >conf <<-C
	store: { url = "sqlite:$dir/ledger.db"; };
C
"$COUNTERSIGN_BUILD/admin/countersign" -c conf store migrate >/dev/null 2>&1
"$COUNTERSIGN_BUILD/admin/countersign" -c conf page -o www/index.html 2>/dev/null
chmod 644 www/index.html # the web server is another user
echo secret >www/other.txt
chmod 644 www/other.txt
openssl req -x509 -newkey rsa:2048 -nodes -keyout web.key -out web.pem -days 2 -subj /CN=mail-report.example.com \
	-addext subjectAltName=DNS:mail-report.example.com 2>/dev/null
echo "bob:$(openssl passwd -apr1 right)" >users
chmod 644 users
blocks() { sed -n '/^```nginx$/,/^```$/p' "$COUNTERSIGN_SRC/doc/page.md"; }
here() {
	sed -E "s|listen 443 ssl|listen unix:$dir/$1.sock ssl|; s|(ssl_certificate) .*|\\1 $dir/web.pem;|
		s|(ssl_certificate_key) .*|\\1 $dir/web.key;|; s|root .*|root $dir/www;|; s|/etc/nginx/countersign.users|$dir/users|
		s|unix:/run/countersign/page.sock|unix:$dir/page.sock|"
}
first=$(blocks | sed '/^```$/q' | sed '/^```/d')
second=$(blocks | sed '1,/^```$/d; /^```/d')
here web <<<"$first" >site
{ sed '/location/,$d' <<<"$first"; echo "$second"; echo "}"; } | here daemon >>site
cat >nginx.conf <<-N
	daemon off;
	pid $dir/pid;
	error_log $dir/error.log;
	events { }
	http {
	    access_log off;
	    types { text/html html; }
	    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $dir/$kind;"; done)
	    include $dir/site;
	}
N
nginx -e "$dir/error.log" -c "$dir/nginx.conf" &
nginx=$!
ok "nginx takes the lines" eventually test -S web.sock
ask() { # path, further options of curl; prints the status
	local path=$1
	shift
	curl -s --unix-socket web.sock --cacert web.pem -D headers -o body -w '%{http_code}' "$@" "https://mail-report.example.com$path"
}
is "without a login" "$(ask /)" 401
is "with a wrong one" "$(ask / -u bob:wrong)" 401
is "with the right one" "$(ask / -u bob:right)" 200
is "it is the page" "$(cmp body www/index.html && echo same)" same
like "its type" "$(cat headers)" '^Content-Type: text/html'
like "nothing may be loaded" "$(cat headers)" "^Content-Security-Policy: default-src 'none'"
is "other files are not served" "$(ask /other.txt -u bob:right)" 404
is "nor is the page by the name of its file" "$(ask /index.html)" 404

# ---- before the daemon ----
is "without the daemon" "$(ask / -u bob:right --unix-socket daemon.sock)" 502
cat >>conf <<-C
	listen = [ "local:$dir/a.sock" ];
	log: { target = "stderr"; };
	dns: { servers = [ "127.0.0.1@1" ]; };
	control: { socket = ""; };
	page: { listen = [ "unix:$dir/page.sock" ]; };
C
root=
[ "$(id -u)" = 0 ] && root=--allow-root
"$COUNTERSIGN_BUILD/daemon/countersignd" $root -f -c conf 2>log &
pid=$!
eventually eval 'grep -q "pages on\|built without HTTP" log'
if grep -q "built without HTTP" log; then
	skip "pages behind nginx" "built without libmicrohttpd"
else
	chmod 666 page.sock # the web server is another user, of no group here
	is "no page of the daemon without a login" "$(ask /messages --unix-socket daemon.sock)" 401
	is "nor with a wrong one" "$(ask /messages -u bob:wrong --unix-socket daemon.sock)" 401
	is "with the right one" "$(ask / -u bob:right --unix-socket daemon.sock) $(grep -c 'id="verdicts"' body)" "200 1"
	is "a path with an encoded slash reaches the daemon as it is" "$(ask /domain/a.example/source/1.2.3.0%2F24 -u bob:right --unix-socket daemon.sock)" 404
	is "and one that leads out does not" "$(ask /../../etc/passwd --path-as-is -u bob:right --unix-socket daemon.sock)" 400
	like "nothing may be loaded" "$(cat headers)" "^Content-Security-Policy: default-src 'none'"
fi
done_testing
