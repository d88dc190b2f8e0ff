#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# /metrics and /healthz: well-formed, bounded, in a process of its own; the alert rules and the dashboard speak of
# metrics that exist.
. "$(dirname "$0")/lib/tap.sh"
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$PWD}
daemon=$build/daemon/countersignd poke=$build/t/bin/poke
need python3
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-metrics.XXXXXX") || exit 99
root=
[ "$(id -u)" = 0 ] && root=--allow-root
pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; rm -rf "$dir"' EXIT

settings() { # more settings on standard input
	{
		echo "listen = [ \"local:$dir/a.sock\" ];"
		echo "second_opinion: { sample = 0; }; store: { url = \"\"; }; sign: { enabled = false; }; dns: { servers = [ \"127.0.0.1@1\" ]; };"
		echo "log: { target = \"stderr\"; }; control: { socket = \"$dir/control.sock\"; };"
		cat
	} >"$dir/new"
	mv "$dir/new" "$dir/c.conf"
}
cs() { "$build/admin/countersign" -c "$dir/c.conf" "$@"; }
logged() { grep -q -- "$1" "$dir/log"; }
urls() { sed -n 's|.*metrics on http://\(.*\)/metrics$|\1|p' "$dir/log"; }
told() { [ "$(urls | wc -l)" -ge "$1" ]; }
get() { # address, path, more lines of the header: the status and the body
	python3 - "$@" <<-'END'
	import http.client, sys
	address, path, headers = sys.argv[1], sys.argv[2], dict(h.split(": ", 1) for h in sys.argv[3:])
	c = http.client.HTTPConnection(address, timeout=5)
	c.request(headers.pop("method", "GET"), path, headers=headers)
	r = c.getresponse()
	print(r.status, r.getheader("Content-Type"), r.getheader("Allow") or "")
	sys.stdout.write(r.read().decode())
	END
}

settings <<<'http: { listen = [ "127.0.0.1:0", "[::1]:0" ]; };'
if ! python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
	settings <<<'http: { listen = [ "127.0.0.1:0", "127.0.0.1:0" ]; };'
fi
"$daemon" $root -f -c "$dir/c.conf" 2>"$dir/log" &
pid=$!
eventually logged ready: || { echo "Bail out! the daemon does not start"; exit 1; }
eventually told 1
logged "built without HTTP" && skip_all "built without libmicrohttpd"
eventually told 2
ok "it says where" told 2
one=$(urls | head -1) two=$(urls | tail -1)
echo | "$poke" hold "$dir/a.sock" >/dev/null

# ---- what is served ----
get "$one" /metrics >"$dir/text"
is "Prometheus's text format" "$(head -1 "$dir/text")" "200 text/plain; version=0.0.4; charset=utf-8 "
sed -i 1d "$dir/text"
like "with what was counted" "$(grep -E '^countersign_messages_total.* 1$' "$dir/text")" .
if command -v promtool >/dev/null; then
	is "promtool finds nothing wrong with it" "$(promtool check metrics <"$dir/text" 2>&1)" ""
else
	skip "promtool finds nothing wrong with it" "promtool is not installed"
fi
get "$two" /metrics "Accept: application/openmetrics-text; version=1.0.0,text/plain;q=0.5" >"$dir/open"
is "OpenMetrics for who asks for it, at the other address" "$(head -1 "$dir/open")" \
	"200 application/openmetrics-text; version=1.0.0; charset=utf-8 "
sed -i 1d "$dir/open"
cat >"$dir/strict.py" <<'END'
# A strict reader of both formats: families whole and once, types known, samples of their family, histograms cumulative.
import re, sys
openmetrics = sys.argv[1] == "open"
text = sys.stdin.read()
assert text.endswith("\n"), "no line end"
lines = text[:-1].split("\n")
if openmetrics:
    assert lines.pop() == "# EOF", "no # EOF at the end"
families, family, seen, name = {}, None, set(), r"[a-zA-Z_:][a-zA-Z0-9_:]*"
sample = re.compile(r'^(%s)(?:\{((?:%s="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (-?[0-9.]+)$' % (name, name))
for number, line in enumerate(lines, 1):
    where = "line %d: %s" % (number, line)
    if m := re.match(r"^# HELP (%s) (.+)$" % name, line):
        assert m[1] not in families, "twice: " + where
        family, families[m[1]] = m[1], None
    elif m := re.match(r"^# TYPE (%s) (counter|gauge|histogram|unknown)$" % name, line):
        assert m[1] == family and families[family] is None, where
        families[family] = m[2]
        assert openmetrics or (m[2] == "counter") == family.endswith("_total"), where
        buckets = {}
    else:
        m = sample.match(line)
        assert m, where
        suffixes = {"gauge": [""], "unknown": [""] if openmetrics else [], "histogram": ["_bucket", "_sum", "_count"],
                    "counter": ["_total" if openmetrics else ""]}[families[family]]
        assert m[1] in [family + s for s in suffixes], where
        labels = dict(re.findall(r'(%s)="((?:[^"\\\n]|\\["\\n])*)"' % name, m[2] or ""))
        key = (m[1], tuple(sorted(labels.items())))
        assert key not in seen, "twice: " + where
        seen.add(key)
        assert families[family] == "gauge" or float(m[3]) >= 0, where
        if m[1].endswith("_bucket"):
            le = float(labels.pop("le").replace("+Inf", "inf"))
            before = buckets.get(tuple(labels.items()), (-1.0, -1.0))
            assert le > before[0] and float(m[3]) >= before[1], where
            buckets[tuple(labels.items())] = (le, float(m[3]))
        if m[1].endswith("_count") and families[family] == "histogram":
            assert buckets[tuple(labels.items())] == (float("inf"), float(m[3])), where
assert len(seen) > 200 and all(families.values())
END
is "the text is well-formed" "$(python3 "$dir/strict.py" text <"$dir/text" 2>&1)" ""
is "so is OpenMetrics" "$(python3 "$dir/strict.py" open <"$dir/open" 2>&1)" ""
is "healthy" "$(get "$one" /healthz)" "200 text/plain; charset=utf-8 
ok"
is "only these" "$(get "$one" /etc/passwd | head -1)" "404 text/plain; charset=utf-8 "
is "only read" "$(get "$one" /metrics "method: POST" | head -1)" "405 text/plain; charset=utf-8 GET, HEAD"
is "HEAD has no body" "$(get "$one" /metrics "method: HEAD" | wc -l)" 1

# ---- what is sent to it ----
python3 - "$one" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
def send(data):
    s = socket.create_connection((host, int(port)), timeout=5)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()
send(b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n")
send(b"\x00\xff" * 5000)
send(b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n")
send(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n")
send(b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n")
END
idle=()
for _ in {1..20}; do exec {fd}<>"/dev/tcp/${one%:*}/${one##*:}" && idle+=($fd); done
ok "hostile requests and idle connections do no harm" eventually eval '[ "$(get "$two" /healthz | tail -1)" = ok ]'
for fd in "${idle[@]}"; do exec {fd}>&-; done

# ---- its process ----
exporter() { # the child that holds the port
	local child
	for child in $(pgrep -P "$pid"); do
		grep -qs "$(printf %04X "${one##*:}")" "/proc/$child/net/tcp" && ls -l "/proc/$child/fd" 2>/dev/null |
			grep -q "socket:\[$(awk -v p="$(printf :%04X "${one##*:}")" '$2 ~ p && $4 == "0A" { print $10 }' /proc/net/tcp)\]" &&
			echo "$child" && return
	done
}
child=$(exporter)
if [ -n "$child" ]; then
	ok "a process of its own serves it" [ "$child" != "$pid" ]
	is "which holds no socket of mail" \
		"$(ls -l "/proc/$child/fd" | grep -cFf <(awk -v s="$dir/" 'index($8, s) == 1 { print "socket:[" $7 "]" }' /proc/net/unix))" 0
	kill -9 "$child"
	ok "killed, it is replaced" eventually told 4
	"$poke" once "$dir/a.sock" >/dev/null
	is "and mail went on" $? 0
fi
taken=$(urls | tail -1)
coproc other { exec python3 -c '
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
time.sleep(60)'; }
read -r port <&"${other[0]}"
settings <<<"http: { listen = [ \"127.0.0.1:$port\" ]; };"
ok "a port that is taken refuses no reload" cs reload
ok "is said in one line" eventually logged "http.listen: .*another daemon listens there.*mail is not affected"
kill "$other_PID"
wait "$other_PID" 2>/dev/null
"$poke" once "$dir/a.sock" >/dev/null
is "and holds no mail" $? 0
settings <<<'http: { listen = [ "localhost:9817" ]; };'
cs reload >"$dir/said" 2>&1
is "an address is needed" $? 78
like "says the error" "$(cat "$dir/said")" '"localhost:9817" is not an address with a port; use 127.0.0.1:9817'
settings </dev/null
cs -q reload
ok "no listener, no process" eventually eval '[ "$(pgrep -P "$pid" | wc -l)" = 1 ]'

# ---- what comes with it ----
names() { grep -oE '\b(countersign|process)_[a-z_]+' "$1" | sort -u; }
known() { sed -nE 's/^# TYPE ([^ ]+) histogram/\1_bucket\n\1_sum\n\1_count/p; s/^# TYPE ([^ ]+) (counter|gauge)/\1/p' "$dir/text" | sort -u; }
for file in contrib/prometheus/countersign.rules.yml contrib/grafana/countersign.json; do
	is "every metric of $file exists" "$(comm -23 <(names "$src/$file") <(known))" ""
done
ok "the dashboard is JSON" python3 -m json.tool "$src/contrib/grafana/countersign.json"
if command -v promtool >/dev/null; then
	ok "promtool takes the rules" promtool check rules "$src/contrib/prometheus/countersign.rules.yml"
	ok "and sees them fire when they should" promtool test rules "$src/t/prometheus/countersign.rules.test.yml"
else
	skip "promtool takes the rules" "promtool is not installed"
fi
kill $pid
wait $pid
is "it ends" $? 0
pid=
done_testing
