#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# page.listen: the pages by HTTP, on a port and on a local socket. JSON is what the commands print; hostile targets, methods and
# names of hosts are refused; a stranger's text stays text; mail does not wait for a page.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need sqlite3 python3 curl
build=$COUNTERSIGN_BUILD
dir=$(mktemp -d) || exit 99
dns=
pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; kill $dns 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
root=
[ "$(id -u)" = 0 ] && root=--allow-root
. "$COUNTERSIGN_SRC/t/lib/page_data.sh"
cs() { "$build/admin/countersign" -c conf "$@"; }
logged() { grep -q -- "$1" log; }
urls() { sed -n 's|.*pages on http://\(.*\)/$|\1|p' log; }

page_settings
cat >>conf <<-C
	log: { target = "stderr"; };
	control: { socket = "$dir/control.sock"; };
C
cs store migrate >/dev/null 2>&1
page_fill
page_audit
cp conf base
echo "page: { listen = [ \"127.0.0.1:0\", \"unix:$dir/page.sock\" ]; };" >>conf
"$build/daemon/countersignd" $root -f -c conf 2>log &
pid=$!
eventually logged ready: || { cat log; echo "Bail out! the daemon does not start"; exit 1; }
ok "it says where" eventually eval 'logged "pages on unix:" || logged "built without HTTP"'
logged "built without HTTP" && skip_all "built without libmicrohttpd"
where=$(urls)
eventually test -S page.sock
message() { # queue ID: a message passes the milter
	printf '%s\n' 'connect	client.example	203.0.113.9' 'helo	client.example' 'mail	<bob@sender.example>' "macro	R	i	$1" \
		'rcpt	<alice@example.com>' 'header	From	 bob@sender.example' 'eoh' "macro	E	i	$1" 'eom' |
		timeout 20 "$build/t/bin/milterc" "$dir/a.sock" 2>&1
}
message Q1 >/dev/null
ask() { # target, further options of curl; prints the status; body and headers are left in files
	local target=$1
	shift
	curl -s --path-as-is --globoff -m 30 -D headers -o body -w '%{http_code}' "$@" "http://$where$target"
}
is "a page" "$(ask / -H 'Accept: text/html')" 200
like "of HTML" "$(cat headers)" '^Content-Type: text/html; charset=utf-8'
like "nothing may be loaded, and only its script run" "$(cat headers)" \
	"^Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
for field in 'X-Frame-Options: DENY' 'X-Content-Type-Options: nosniff' 'Referrer-Policy: no-referrer' 'Cache-Control: no-store'; do
	like "with $field" "$(cat headers)" "^$field"
done
is "the same by the local socket" "$(curl -s --unix-socket page.sock -o other -w '%{http_code}' http://localhost/)" 200
is "which others cannot reach" "$(stat -c %a page.sock)" 660

# ---- what the audit's watch found ----
ok "is in the metrics" eventually eval 'cs status --prometheus | grep -q "^countersign_audit_warnings 4"'
is "each number" "$(cs status --prometheus | sed -nE 's/^countersign_audit_([a-z_]+) ([0-9]{1,3})$/\1=\2/p' | tr '\n' ' ')" \
	"watch_changes=2 errors=1 warnings=4 hints=3 "

# ---- JSON ----
same() { # name, target, command...: without what differs by the moment
	local name=$1 target=$2
	shift 2
	cs "$@" --json >command.json 2>/dev/null
	ask "$target" >status
	is "$name" "$(cat status) $(python3 - <<-'P'
		import json
		one, two = (json.load(open(name)) for name in ("body", "command.json"))
		for found in (one, two):
		    for key in ("generated", "exit"):
		        found.pop(key, None)
		print("same" if one == two else [(k, one.get(k), two.get(k)) for k in set(one) | set(two) if one.get(k) != two.get(k)])
	P
	)" "200 same"
}
same "JSON of all domains" '/?format=json' page
same "of a domain, and of fewer days" '/domain/example.com?format=json&since=7d' page --domain example.com --since 6d
same "of the reports" '/reports?format=json&domain=other.example' inbox list other.example
report=$(cs inbox list --json | python3 -c 'import json, sys; print([r["id"] for r in json.load(sys.stdin)["reports"] if r["kind"] == "aggregate"][0])')
same "of a report" "/report/$report?format=json" inbox show "$report"
tls=$(cs inbox list --json | python3 -c 'import json, sys; print([r["id"] for r in json.load(sys.stdin)["reports"] if r["kind"] == "tls"][0])')
same "of a TLS report" "/report/$tls?format=json" inbox show "$tls"
eventually eval 'cs message find --json | grep -q Q1'
same "of messages" '/messages?format=json' message find
qid=$(cs message find --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["messages"][0]["qid"])')
same "of one message" "/messages?format=json&qid=$qid&action=" message find --qid "$qid"
is "or by Accept" "$(ask / -H 'Accept: application/json') $(head -c 1 body)" "200 {"
ask '/domain/example.com/source/lists.example?format=json' >/dev/null
is "a source is that of its domain" "$(python3 - <<-'P'
	import json
	one = json.load(open("body"))["sources"]
	print(len(one), one[0]["flow"], one[0]["decision"])
P
)" "1 lists.example forwarder"
cs page --json >page.json
ask / >/dev/null
is "the numbers of the page are those of --json" "$(python3 "$COUNTERSIGN_SRC/t/lib/page_numbers.py" page.json body '([./]|(domain/[^/"]+(/source/[^/"]+)?|reports|messages))*' 2>&1)" ""

# ---- pages ----
is "a domain" "$(ask /domain/example.com) $(grep -c '<title>Mail of example.com</title>' body)" "200 1"
like "leads to its sources" "$(cat body)" '<a href="../domain/example.com/source/lists.example">'
is "a source" "$(ask /domain/example.com/source/lists.example) $(grep -c '<title>lists.example as example.com</title>' body)" "200 1"
is "one with a slash in its name" "$(ask /domain/example.com/source/198.51.100.0%2F24)" 200
is "the first part of the reports" "$(ask /reports) $(grep -c 'rel="next"' body) $(grep -c '/report/\|"report/' body)" "200 1 50"
like "JSON tells of it, too" "$(ask '/reports?since=30d&format=json' >/dev/null; cat headers)" '^Link: <\?since=30d&format=json&page=2>; rel="next"'
is "the second" "$(ask '/reports?since=30d&page=2') $(grep -c '>Back<' body)" "200 1"
is "a report" "$(ask "/report/$report") $(grep -c '<caption>Rows' body)" "200 1"
is "a message" "$(ask "/messages?qid=$qid") $(grep -c '<th scope="row">qid</th>' body)" "200 1"
like "and the form to search for one" "$(cat body)" "<input type=\"text\" name=\"qid\" maxlength=\"512\" value=\"$qid\">"
is "each page is well-formed" "$(for target in / /domain/example.com /reports "/report/$report" "/report/$tls" /messages /domain/example.com/source/lists.example; do
	ask "$target" >/dev/null
	sed 's/<!DOCTYPE html>//; s,<script>.*</script>,,' body | sed -E 's,<(meta|input)([^>]*)>,<\1\2/>,g' | xmllint --noout - 2>&1 | head -2
done)" ""

# ---- what is refused ----
while read -r status target; do
	is "$status for $target" "$(ask "$target")" "$status"
done <<'T'
404 /nothing
404 /index.html
404 /domain/
404 /domain/-%40-
404 /domain/unknown.example
404 /domain/example.com/source/nobody.example
404 /report/zz
404 /report/0000000000000000000000000000000000000000000000000000000000000000
404 /report/00000000000000000000000000000000000000000000000000000000000000000000
404 /../../etc/passwd
404 /%2e%2e/%2e%2e/etc/passwd
404 /domain/example.com/source/x/y
400 /%00
400 /domain/%ff
400 /domain/%
400 /?since=401d
400 /?since=0d
400 /?since=1
400 /?since=1d&since=2d
400 /?unknown=1
400 /reports?page=0
400 /reports?page=99999
400 /reports?page=1%20OR%201
400 /messages?qid=a&qid=b
400 /messages?qid=%0d%0aX:y
T
is "a long target" "$(ask "/messages?qid=$(printf 'a%.0s' {1..3000})")" 400
is "a longer one" "$(ask "/messages?qid=$(printf 'a%.0s' {1..40000})" | grep -cE '400|414|431|000')" 1
for method in POST PUT DELETE OPTIONS TRACE; do is "$method" "$(ask / -X "$method")" 405; done
like "which is said" "$(cat headers)" '^Allow: GET, HEAD'
is "HEAD has no body" "$(curl -s -I -m 20 -o body -w '%{http_code} %{size_download}' "http://$where/")" "200 0"
is "a page of another site that has its name point here" "$(ask / -H 'Host: evil.example')" 421
is "the names of this host" "$(ask /messages -H 'Host: localhost:99') $(ask /messages -H 'Host: [::1]:1') $(ask /messages -H 'Host: 127.0.0.1')" "200 200 200"
is "JSON tells errors as JSON" "$(ask /report/00000000000000000000000000000000?format=json) $(python3 -c 'import json; print(json.load(open("body"))["schema"])')" "404 countersign.error/1"
python3 - "$where" <<'END'
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
for text in (b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"\x00\xff" * 5000, b"GET http://x/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
             b"GET /messages HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
             b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n"):
    s = socket.create_connection((host, int(port)), timeout=5)
    try:
        s.sendall(text)
        s.recv(1000)
    except OSError:
        pass
    s.close()
END
is "hostile requests do no harm" "$(ask /messages)" 200

# ---- strangers' text ----
ask '/messages?from=%3Cscript%3Ealert(1)%3C/script%3E%22onfocus=%22x' >/dev/null
is "what is searched for stays text" "$(grep -oiE '<script|" *onfocus=' body)" "<script"
ask '/messages?from=%E2%80%AEx' >/dev/null
like "a bidirectional character is shown" "$(cat body)" 'value="\[U\+202E\]x"'
hostile=$(for target in / /reports '/reports?since=30d&page=2' /domain/other.example; do ask "$target" >/dev/null; cat body; done)
is "nor is there a tag in what reports say" "$(grep -oiE '<(script|img|iframe|b onclick)' <<<"$hostile" | wc -l)" 4
is "no control or bidirectional character" "$(python3 -c '
import sys, unicodedata
print(sorted({hex(ord(c)) for c in sys.stdin.read() if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}))' <<<"$hostile")" "[]"

# ---- beside mail ----
for _ in 1 2 3 4; do ask / >/dev/null & done
like "mail goes on while pages are made" "$(message Q2)" '^eom	(accept|continue)'
wait $(jobs -p | grep -vxF -e "$pid" -e "$dns")
child=$(for c in $(pgrep -P "$pid"); do
	ls -l "/proc/$c/fd" 2>/dev/null |
		grep -q "socket:\[$(awk -v p="$(printf :%04X "${where##*:}")" '$2 ~ p && $4 == "0A" { print $10 }' /proc/net/tcp)\]" && echo "$c"
done)
is "one process serves them" "$(wc -w <<<"$child")" 1
is "which holds no socket of mail" \
	"$(ls -l "/proc/$child/fd" | grep -cFf <(awk -v s="$dir/.$pid" 'index($8, s) == 1 { print "socket:[" $7 "]" }' /proc/net/unix))" 0
kill -9 "$child"
ok "killed, it is replaced" eventually eval '[ "$(grep -c "pages on unix" log)" = 2 ]'
where=$(urls | tail -1)
ok "and serves again" eventually eval '[ "$(ask /messages)" = 200 ]'
cp base conf
ok "a reload without page.listen" cs reload
ok "ends it" eventually eval '! curl -s -m 2 "http://$where/" -o /dev/null'

# ---- settings ----
for address in 0.0.0.0:1 192.0.2.1:80 '[::]:9' localhost:9818 unix:relative local:/x; do
	{ cat base; echo "page: { listen = [ \"$address\" ]; };"; } >wrong
	is "$address is refused" "$("$build/admin/countersign" -c wrong config check >out 2>&1; echo $?)" 78
done
done_testing
