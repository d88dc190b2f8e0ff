#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The policy service with a private Postfix, nsd with a signed root, unbound, and mail and web servers of other domains, in
# namespaces of their own: what is delivered and what is deferred, and each fault of a policy's web server.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd unbound ldns-keygen ldns-signzone swaks openssl ip unshare python3
enter_lab "$0" "$@"
. "$COUNTERSIGN_SRC/t/e2e/tls_lab.sh"

lab_begin || exit 99
tls_lab_begin || exit 99
lab_daemon || exit 99
tls_lab_postfix || exit 99

# ---- what is answered ----

answers() { # domain, answer, name; ".": the answer begins so
	local have
	have=$(lab_cs --json tls policy "$1" 2>"$LAB/log/policy" | tr -d '\n' | sed -nE 's/.*"policy": *"([^"]*)", *"policy310".*/\1/p')
	case $2 in
	*.) is "$3" "${have:0:$((${#2} - 1))}" "${2%.}" ;;
	*) is "$3" "$have" "$2" ;;
	esac
}

answers dane.test "OK dane-only" "DANE"
answers mixed.test "OK dane" "some hosts with TLSA"
answers plain.test "NOTFOUND " "no TLSA and no MTA-STS"
answers null.test "NOTFOUND " "null MX"
answers implicit.test "OK dane-only" "no MX, TLSA for the domain itself"
answers lame.test "TEMP." "TLSA cannot be looked up in a signed zone"
answers x.bad "TEMP." "bogus MX"
answers both.test "OK dane-only" "DANE before MTA-STS"
answers aliased.test "OK dane-only" "TLSA where an alias leads to"
answers good.open "OK secure match=mx.good.open servername=hostname" "MTA-STS, enforce"
answers wild.open "OK secure match=mx.wild.open servername=hostname" "MTA-STS, a pattern"
answers testing.open "NOTFOUND " "MTA-STS, testing"
answers none.open "NOTFOUND " "MTA-STS, none"
answers unlisted.open "TEMP." "MTA-STS, no host is allowed"
answers down.open "NOTFOUND " "the web server is down"
answers private.open "NOTFOUND " "the web server has a private address"

# ---- each fault of a web server: RFC 8461 section 3.3 ----

fetches() { # fault, "ok" or part of the reason
	local said
	echo "$1" >"$LAB/site/fault/fetch.open"
	said=$("$LAB_BUILD/admin/countersign" -c "$LAB/etc/alone.conf" --json tls policy fetch.open 2>&1 | tr -d '\n')
	if [ "$2" = ok ]; then
		ok "fetched: $1" grep -q '"from": *"web server"' <<<"$said"
	else
		ok "refused: $1" grep -qi "\"fetch_error\": *\"[^\"]*$2" <<<"$said"
	fi
}

# without ledger and daemon, each command fetches
cat >"$LAB/etc/alone.conf" <<-C
	dns: { servers = [ "127.0.0.1" ]; trust_anchor = "$LAB/dns/anchor"; timeout = "3s"; };
	store: { url = ""; };
	tls: { ca_file = "$LAB/site/ca.pem"; };
C
tls_lab_policy fetch.open enforce mx.good.open
fetches none ok
https_proxy=http://127.0.0.1:9 ALL_PROXY=socks5://127.0.0.1:9 fetches none ok # no proxy, whatever the environment says
fetches charset ok
fetches 404 "status 404"
fetches 500 "status 500"
fetches 301 "status 301, and redirects"
fetches html "text/plain"
fetches notype "text/plain"
fetches big "longer than"
fetches endless "longer than"
fetches cut "closed\|remaining\|outstanding"
fetches tls11 "ssl\|tls\|protocol"
for fault in self expired wrong cn; do # certificates
	cp "$LAB/site/cert/$fault.pem.kept" "$LAB/site/cert/mta-sts.fetch.open.pem"
	fetches "$fault" "certificate\|subject"
done
rm "$LAB/site/cert/mta-sts.fetch.open.pem"
is "a redirect is not followed" "$(grep -c 'mta-sts.good.open' "$LAB/site/asked")" \
	"$(grep -c '^mta-sts.good.open GET' "$LAB/site/asked")"
for text in "version: STSv1" "<html>" ""; do
	printf '%s' "$text" >"$LAB/site/policy/fetch.open"
	fetches "none" "not valid"
done
ok "a private address is not connected to" grep -q 'cannot reach' <(lab_cs tls policy private.open 2>&1)

# ---- mail ----

send() { # domain
	lab_submit sender@example.com "user@$1" "$LAB/message" >/dev/null
}

printf 'From: sender@example.com\nSubject: x\n\nx\n' >"$LAB/message"
delivered=(dane.test mixed.test plain.test implicit.test both.test aliased.test good.open wild.open testing.open none.open down.open private.open
	slow.open)
deferred=(danebad.test lame.test x.bad wrong.open notls.open unlisted.open untrusted.open)
echo hang >"$LAB/site/fault/slow.open"
for domain in "${delivered[@]}" "${deferred[@]}"; do send "$domain"; done
status_of() { # domain
	grep -E "to=<user@$1>" "$LAB/log/mail.log" | tail -1 | sed -nE 's/.*status=([a-z]+).*/\1/p'
}
has_status() { [ -n "$(status_of "$1")" ]; }
for domain in "${delivered[@]}"; do
	eventually has_status "$domain"
	is "delivered: $domain" "$(status_of "$domain")" sent
done
for domain in "${deferred[@]}"; do
	eventually has_status "$domain"
	is "deferred: $domain" "$(status_of "$domain")" deferred
done
verified() { # host, Postfix's word for the connection
	grep -E "$2 TLS connection established to $1\[" "$LAB/log/mail.log"
}
ok "DANE is verified" verified mxdane.test Verified
ok "MTA-STS is verified" verified mx.good.open Verified
ok "an MX without STARTTLS is named" grep -q 'TLS is required, but was not offered by host mx.notls.open' "$LAB/log/mail.log"
is "nothing arrived that was deferred" "$(grep -cE '@(danebad.test|wrong.open|notls.open|unlisted.open|untrusted.open) ' "$LAB/site/mail")" 0
ok "Postfix refused none of our answers" eval '! grep -q "invalid attribute\|malformed\|unsupported" "$LAB/log/mail.log"'

# ---- what is held ----

ok "policies are in the ledger" grep -q '^good.open *enforce' <(lab_cs tls list 2>&1)
echo 404 >"$LAB/site/fault/good.open"
lab_daemon_stop
lab_daemon
is "a policy outlives a restart and its web server" "$(lab_cs --json tls policy good.open | tr -d '\n' | sed -nE 's/.*"daemon": *"([^"]*)".*/\1/p')" \
	"OK secure match=mx.good.open servername=hostname"
tls_lab_policy good.open none
rm "$LAB/site/fault/good.open"
is "a policy of mode none ends it" "$(lab_cs tls refresh good.open | head -1)" "good.open: NOTFOUND "
like "which is told" "$(lab_cs tls refresh good.open 2>&1)" 'policy +mode none, fetched 20'
like "or that there is none" "$(lab_cs tls refresh null.test 2>&1)" 'no MTA-STS policy is stored; for the reason type: countersign tls policy null.test'

# ---- processes ----

# A question that waits for DNS while the process that answers is killed twice; Postfix would ask again only once.
server() { ps -o pid=,nlwp= --ppid "$LAB_DAEMON_PID" | awk '$2 > 40 { print $1 }'; }
another_server() { [ -n "$(server)" ] && [ "$(server)" != "$1" ]; }
ask_patiently() { # prints "sent", then two answers over one connection
	python3 - "$LAB/run/tls.sock" <<-'P'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(30)
		s.connect(sys.argv[1])
		for text in ("refresh plain.test", "policy dane.test"):
		    s.sendall(b"%d:%s," % (len(text), text.encode()))
		    print("sent", flush=True)
		    print(s.recv(1000).decode(), flush=True)
	P
}
kill -STOP "$TLS_RESOLVER"
ask_patiently >"$LAB/log/patient" 2>&1 &
asker=$!
eventually grep -q sent "$LAB/log/patient"
for i in 1 2; do
	pid=$(server)
	sleep 0.3 # it has the question by now
	kill -9 "$pid"
	eventually another_server "$pid"
done
is "no answer before the second kill" "$(cat "$LAB/log/patient")" sent
kill -CONT "$TLS_RESOLVER"
wait $asker
ok "a question outlives two processes" grep -q '^9:NOTFOUND ,' "$LAB/log/patient"
is "the next answer is that to the next question" "$(tail -1 "$LAB/log/patient")" "12:OK dane-only,"

answered_by_daemon() { [ "$(lab_cs tls refresh dane.test 2>&1)" = "dane.test: OK dane-only" ]; }
kills=0
for pid in $(pgrep -P "$LAB_DAEMON_PID"); do
	kill -9 "$pid" 2>/dev/null && kills=$((kills + 1))
done
ok "all processes were killed ($kills), and it answers again" eventually answered_by_daemon
ok "a reload without the setting takes the socket away" eval 'lab_conf "sign: { enabled = false; };" && lab_reload && test ! -S "$LAB/run/tls.sock"'

# ---- a socket that the service manager holds, as systemd does: it is there when no daemon is ----

lab_daemon_stop
cat >"$LAB/activate" <<-P
	import os, socket, sys, time
	listener = socket.socket(socket.AF_UNIX)
	listener.bind("$LAB/run/tls.sock")
	os.chmod("$LAB/run/tls.sock", 0o666)
	listener.listen(128)
	for _ in range(2):
	    while not os.path.exists("$LAB/start"):
	        time.sleep(0.05)
	    os.unlink("$LAB/start")
	    pid = os.fork()
	    if pid == 0:
	        os.dup2(listener.fileno(), 3)
	        os.set_inheritable(3, True)
	        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
	        os.execv(sys.argv[1], sys.argv[1:])
	    open("$LAB/activated", "w").write(str(pid))
	    os.waitpid(pid, 0)
P
lab_conf "dns: { trust_anchor = \"$LAB/dns/anchor\"; };" "tls: { listen = [ \"unix:$LAB/run/tls.sock\" ]; };"
python3 "$LAB/activate" "$LAB_BUILD/daemon/countersignd" -f -u "$LAB_USER" -c "$LAB/etc/countersign.conf" >>"$LAB/log/countersignd.log" 2>&1 &
LAB_PIDS+=($!)
eventually test -S "$LAB/run/tls.sock"
for run in first next; do
	ask_patiently >"$LAB/log/patient" 2>&1 &
	asker=$!
	eventually grep -q sent "$LAB/log/patient"
	touch "$LAB/start"
	wait $asker
	is "systemd's socket, $run daemon: what was asked before it was there is answered" "$(tail -1 "$LAB/log/patient")" "12:OK dane-only,"
	kill "$(cat "$LAB/activated")"
	eventually eval '! kill -0 "$(cat "$LAB/activated")" 2>/dev/null'
	ok "and the socket stays" test -S "$LAB/run/tls.sock"
done
done_testing
