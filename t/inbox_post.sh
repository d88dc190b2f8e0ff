#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# inbox.post_listen: TLS reports by HTTP POST, with the lines for nginx in doc/inbox.md before it where nginx is installed; what
# is answered with 201 is stored once, whatever is killed.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need sqlite3 python3 curl openssl
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
: >"$top/zone"
mkdir -m 750 "$top/d"
sql() { sqlite3 -cmd ".timeout 10000" "$top/d/ledger.db" "$1"; }
report() { # number
	printf '{"organization-name":"receiver.example","date-range":{"start-datetime":"2026-11-2%sT00:00:00Z","end-datetime":"2026-11-2%sT23:59:59Z"},"contact-info":"tls@receiver.example","report-id":"%s","policies":[{"policy":{"policy-type":"sts","policy-domain":"example.com","mx-host":["mx.example.com"]},"summary":{"total-successful-session-count":%s,"total-failure-session-count":0}}]}' \
		$(($1 % 10)) $(($1 % 10)) "$1" "$1"
}
is_stored() { [ "$(sql "SELECT COALESCE(SUM(successful), 0) FROM rx_tls")" = "$1" ]; }
metric() { "$BUILD/admin/countersign" -c "$top/conf" status --prometheus 2>/dev/null | sed -n "s/^countersign_inbox_posts_total{outcome=\"$1\"} //p"; }
start_lone_daemon "sqlite:$top/d/ledger.db" '}; inbox: { post_listen = [ "127.0.0.1:0" ]; max_message = "64KiB"; max_files = 40;'
find_port() { port=$(sed -n 's,.*TLS reports are taken at http://127.0.0.1:\([0-9]*\)/tlsrpt,\1,p' "$top/log" | tail -1); [ -n "$port" ]; }
if ! eventually find_port; then
	grep -q "built without HTTP" "$top/log" && skip_all "built without libmicrohttpd"
	cat "$top/log"
	exit 99
fi
post() { # file type [option...]: the status
	local file=$1 type=$2
	shift 2
	curl -s -o "$top/body" -D "$top/headers" -w '%{http_code}' -H "Content-Type: $type" --data-binary "@$file" "$@" "${url:-http://127.0.0.1:$port/tlsrpt}"
}

report 1 | gzip >"$top/1.gz"
report 2 >"$top/2.json"
is "gzip is taken" "$(post "$top/1.gz" application/tlsrpt+gzip)" 201
ok "and stored" eventually is_stored 1
is "nobody vouches for it" "$(sql "SELECT trust, mail_from IS NULL FROM rx_report")" 'unverified|1'
is "JSON, too" "$(post "$top/2.json" 'application/tlsrpt+json; charset=utf-8')" 201
ok "it is stored" eventually is_stored 3
is "the same again is taken" "$(post "$top/1.gz" application/tlsrpt+gzip)" 201
is "in pieces" "$(post "$top/2.json" application/json -H 'Transfer-Encoding: chunked')" 201
empty() { [ -z "$(find "$top/d/ledger.db-inbox" -type f)" ]; }
ok "both are read" eventually empty
ok "and counted once" is_stored 3

# ---- what is refused ----
head -c 100000 /dev/zero | sed 's/^/{/' >"$top/large"
printf 'hello' >"$top/text"
: >"$top/nothing"
is "another type" "$(post "$top/2.json" text/html)" 415
is "too large, by its length" "$(post "$top/large" application/tlsrpt+json -H 'Expect:')" 413
is "too large, without a length" "$(post "$top/large" application/tlsrpt+json -H 'Transfer-Encoding: chunked' -H 'Expect:')" 413
is "neither gzip nor JSON" "$(post "$top/text" application/tlsrpt+json)" 400
is "nothing" "$(post "$top/nothing" application/tlsrpt+json)" 400
is "GET" "$(curl -s -o "$top/body" -D "$top/headers" -w '%{http_code}' "http://127.0.0.1:$port/tlsrpt")" 405
like "says what is allowed" "$(cat "$top/headers")" '^Allow: POST'
is "another path" "$(url=http://127.0.0.1:$port/metrics post "$top/2.json" application/json)" 404
python3 - "$port" <<'P'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"POST /tlsrpt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
s.close()
P
ok "one that ends early leaves nothing" eventually empty
printf 'junk' | gzip >"$top/junk.gz"
is "what only its reader can judge is taken" "$(post "$top/junk.gz" application/tlsrpt+gzip)" 201
ok "and kept with its reason" eventually eval '[ "$(sqlite3 "$top/d/ledger.db-personal" "SELECT COUNT(*) FROM unreadable")" = 1 ]'
is "all are counted" "$(metric taken) $(metric refused)" "5 7"

# ---- killed ----
receiver() { # the child that holds the port
	local pid inode
	inode=$(awk -v p="$(printf '%04X' "$port")" 'split($2, a, ":") && a[2] == p && $4 == "0A" { print $10 }' /proc/net/tcp)
	for pid in $(pgrep -P "$daemon"); do ls -l "/proc/$pid/fd" 2>/dev/null | grep -q "socket:\[$inode\]" && echo "$pid"; done
}
sed -i "s/post_listen = .*\]; max_m/post_listen = [ \"127.0.0.1:$port\" ]; max_m/" "$top/conf"
stop_lone_daemon TERM
run_lone_daemon
eventually curl -s -o "$top/body" "http://127.0.0.1:$port/"
(
	sleep 0.3
	kill -9 "$(receiver)"
) &
flood=$!
taken=3
for n in {3..9}; do
	report $n >"$top/report"
	until [ "$(post "$top/report" application/json --max-time 5)" = 201 ]; do sleep 0.2; done
	taken=$((taken + n))
	sleep 0.1
done
wait $flood
flood=
ok "what was answered is stored once, although the process was killed" eventually is_stored $taken

# ---- nginx ----
if [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null; then
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$top/web.key" -out "$top/web.pem" -days 2 -subj /CN=tls-reports.example.com \
		-addext subjectAltName=DNS:tls-reports.example.com 2>/dev/null
	chmod 755 "$top"
	sed -n '/^```nginx$/,/^```$/{/^```/!p}' "$COUNTERSIGN_SRC/doc/inbox.md" |
		sed -E "s|listen 443 ssl|listen unix:$top/web.sock ssl|; s|(ssl_certificate) .*|\\1 $top/web.pem;|
			s|(ssl_certificate_key) .*|\\1 $top/web.key;|; s|127.0.0.1:9818|127.0.0.1:$port|" >"$top/site"
	cat >"$top/nginx.conf" <<-N
		daemon off;
		pid $top/pid;
		error_log $top/error.log;
		events { }
		http {
		    access_log off;
		    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $top/$kind;"; done)
		    include $top/site;
		}
	N
	PATH=$PATH:/usr/sbin nginx -e "$top/error.log" -c "$top/nginx.conf" &
	flood=$!
	ok "nginx takes the lines" eventually test -S "$top/web.sock"
	report 12 | gzip >"$top/12.gz"
	url=https://tls-reports.example.com/v1
	is "a report by HTTPS" "$(post "$top/12.gz" application/tlsrpt+gzip --unix-socket "$top/web.sock" --cacert "$top/web.pem")" 201
	ok "is stored" eventually is_stored $((taken + 12))
	is "GET is not passed on" "$(curl -s -o "$top/body" -w '%{http_code}' --unix-socket "$top/web.sock" --cacert "$top/web.pem" $url)" 403
	is "nor another path" "$(curl -s -o "$top/body" -w '%{http_code}' --unix-socket "$top/web.sock" --cacert "$top/web.pem" https://tls-reports.example.com/)" 404
	kill $flood
	wait $flood 2>/dev/null
	flood=
else
	skip "a report by HTTPS through nginx" "nginx is not installed"
fi
done_testing
