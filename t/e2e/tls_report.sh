#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Reports about TLS sessions (RFC 8460) from a Postfix before 3.10: counted from its log, from datagrams as Postfix 3.10 sends
# them, and from what could not be fetched; sent by mail and HTTPS; read by our own inbox.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd unbound ldns-keygen ldns-signzone swaks openssl ip unshare python3 cc
enter_lab "$0" "$@"
. "$COUNTERSIGN_SRC/t/e2e/tls_lab.sh"
clear_of_midnight 120

lab_begin || exit 99
lab_conf
TLS_LAB_RECORDS=$(lab_cs -q key gen example.com --selector s1 --type rsa2048 --active --format zone) || exit 99
chown -R "$LAB_USER" "$LAB/keys"
tls_lab_begin || exit 99
: >"$LAB/log/mail.log"
chmod 644 "$LAB/log/mail.log"
settings() { # more for tls
	lab_conf "dns: { trust_anchor = \"$LAB/dns/anchor\"; };" \
		"tls: { listen = [ \"unix:$LAB/run/tls.sock\" ]; ca_file = \"$LAB/site/ca.pem\"; $1
			report_socket = \"unix:$LAB/run/tlsrpt.sock\"; report_log = \"$LAB/log/mail.log\"; };" \
		"reports: { send = true; org = \"Example\"; from = \"tls@example.com\"; via = \"smtp://127.0.0.1:$LAB_SUBMISSION\"; };"
}
settings "reports = true;"
lab_daemon || exit 99
# reports leave through Postfix, where they are signed, to the sink
echo "/^tls@/ smtp:[127.0.0.1]:$LAB_SINK" >"$LAB/etc/transport"
tls_lab_postfix "transport_maps=regexp:$LAB/etc/transport" "smtpd_milters=unix:$LAB/run/milter.sock" || exit 99
eventually test -S "$LAB/run/tlsrpt.sock"

# ---- from the log ----

printf 'From: sender@example.com\nSubject: x\n\nx\n' >"$LAB/message"
echo 404 >"$LAB/site/fault/fetch.open"
domains=(good.open wrong.open notls.open untrusted.open testing.open dane.test danebad.test plain.test fetch.open lame.test)
for domain in "${domains[@]}"; do lab_submit sender@example.com "user@$domain" "$LAB/message" >/dev/null; done
counted() { # domain, day
	lab_cs tls report show "$1" --day "${2:-today}" 2>&1
}
counts() { counted "$1" | grep -qE "$2"; }
shows() { # domain, pattern, name
	ok "$3" eventually counts "$1" "$2"
	counts "$1" "$2" || counted "$1" | sed 's/^/# /'
}
shows good.open '1 +successful +derived +\{"policy-type":"sts".*"mx-host":\["mx.good.open"\]' "MTA-STS, verified"
shows wrong.open '1 +detail +derived +\{"result-type":"certificate-host-mismatch","receiving-mx-hostname":"mx.wrong.open"' "a certificate for another name"
shows notls.open '1 +detail +derived +\{"result-type":"starttls-not-supported"' "no STARTTLS"
shows untrusted.open '1 +detail +derived +\{"result-type":"certificate-not-trusted"' "a certificate that nobody trusts"
shows dane.test '1 +successful +derived +\{"policy-type":"tlsa"' "DANE"
shows danebad.test '1 +failed +derived +\{"policy-type":"tlsa"' "TLSA that does not match"
shows danebad.test '1 +detail +derived +\{"result-type":"validation-failure"' "is a failure of DANE"
shows plain.test '1 +successful +derived +\{"policy-type":"no-policy-found"' "no policy"

# ---- what the policy service could not find out ----

shows fetch.open 'detail +own +\{"result-type":"sts-policy-fetch-error".*status 404' "a policy that cannot be fetched"
shows lame.test 'detail +own +\{"result-type":"dnssec-invalid","receiving-mx-hostname":"mxlame.test"' "TLSA that cannot be looked up"

# ---- datagrams ----

send_datagram() {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), sys.argv[1])' \
		"$LAB/run/tlsrpt.sock" "$1"
}
send_datagram '{"dpv":"1","d":"good.open","policies":[{"policy-type":2,"policy-domain":"good.open","failure-details":[{"c":204,"n":"mx2.good.open","r":"11.0.0.9"}],"t":1,"f":1}]}'
send_datagram 'nonsense'
shows good.open '1 +detail +tlsrpt +\{"result-type":"certificate-expired","receiving-mx-hostname":"mx2.good.open"' "a datagram of Postfix 3.10"
counter=$(pgrep -P "$LAB_DAEMON_PID" | while read -r pid; do ls -l "/proc/$pid/fd" 2>/dev/null | grep -q mail.log && echo "$pid"; done)
kill -STOP "$counter"
send_datagram '{"dpv":"1","d":"good.open","policies":[{"policy-type":2,"policy-domain":"good.open","f":0}]}'
kill -9 "$counter"
shows good.open '1 +successful +tlsrpt' "one that was sent while the process was dead"
lab_submit sender@example.com user@good.open "$LAB/message" >/dev/null
shows good.open '2 +successful +derived' "the log is read on by the next process, once"

# ---- reports ----

# The command's clock is a day ahead: for it, today is yesterday. The daemon, which signs, has the right one and waits.
cc -shared -fPIC -O1 -o "$LAB/clock.so" "$COUNTERSIGN_SRC/t/tools/clock_shift.c" || exit 99
echo 000000086400 >"$LAB/shift"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
tomorrow() {
	LD_PRELOAD=$LAB/clock.so CLOCK_SHIFT=$LAB/shift lab_cs "$@"
}
like "what would be built" "$(tomorrow tls report send --dry-run 2>&1)" 'good.open +to build'
said=$(tomorrow tls report send 2>&1)
like "one by mail" "$said" 'good.open +sent +tls@good.open +250'
like "one by mail" "$said" 'wrong.open +sent +tls@wrong.open +250'
like "one by HTTPS" "$said" 'wrong.open +sent +https://reports.open/v1 +HTTP status 201'
like "one to a domain with DANE" "$said" 'danebad.test +sent +tls@danebad.test'
ok "none to a domain that does not ask" eval '! grep -q plain.test <<<"$said"'
like "each once" "$(tomorrow tls report send 2>&1)" 'nothing is to be sent'
like "list has the states" "$(tomorrow tls report list wrong.open 2>&1)" 'wrong.open +0 +1 +https://reports.open/v1 +sent: HTTP status 201'
left=$(lab_left "Report Domain: good.open")
for field in "TLS-Report-Domain: good.open" "TLS-Report-Submitter: example.com" "TLS-Required: No"; do
	ok "$field" grep -q "^$field" "$left"
done
like "its type" "$(lab_field "$left" Content-Type)" 'multipart/report; report-type="tlsrpt"'

# ---- RFC 8460 section 3: signed, with a key that serves tlsrpt ----

signature=$(lab_field "$left" DKIM-Signature | tr -d ' \t')
like "it is signed by the domain of the reporter" "$signature" ';d=example.com;'
like "with its fields" "$signature" ';h=[^;]*TLS-Report-Domain:TLS-Report-Submitter[:;]'
ok "and all of its body" eval '! grep -q ";l=" <<<"$signature"'
verified() {
	lab_cs verify --ip=192.0.2.1 --helo=mx.example.com --from=tls@example.com "$left" 2>&1
}
like "the signature verifies" "$(verified)" 'dkim=pass.*header.d=example.com'
like "key check says what the record is for" "$(lab_cs key check example.com 2>&1)" 'example.com +s1 +active +[a-z]+ +ok'

# ---- and read ----

reads() { # file, pattern, name
	like "$3" "$(lab_cs --json inbox read --no-store "$1" 2>&1 | tr -d '\n ')" "$2"
}
reads "$left" '"policy_type":"sts"' "our own inbox reads the mail"
cp "$LAB/site/posted" "$LAB/posted.json.gz"
reads "$LAB/posted.json.gz" 'certificate-host-mismatch' "and what was posted"
done_testing
