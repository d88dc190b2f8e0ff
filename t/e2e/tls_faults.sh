#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whatever is wrong with the other side's DNS or web server, mail that Postfix alone would deliver is delivered, except where
# DANE forbids it. Each fault is a domain; one message goes to two addresses of each, one of which Postfix sends without the
# policy service.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd unbound ldns-keygen ldns-signzone swaks openssl ip unshare python3
enter_lab "$0" "$@"
. "$COUNTERSIGN_SRC/t/e2e/tls_lab.sh"

RUDE=11.0.2.1   # t/tools/rude_dns.py
MUTE=11.0.2.2   # a web server that accepts connections and says nothing
CLOSED=11.0.2.3 # one that closes them at once
CLEAR=11.0.2.4  # one without TLS
NOBODY=11.0.0.99

# DOMAIN|what is wrong. Of the web server: what t/tools/tls_site.py does, or its address, certificate or policy.
web_faults=(404 500 301 loop html notype big endless hang drip cut tls11 self expired wrong cn)
web_texts=(nothing html half nomx addresses unknown sts2 json)
web_places=(refused mute closed clear private local noaddress deadname aliasloop)
record_faults=(twice twoids badid noid spf quoted binary long strings cnameloop cnamegone cnamedead dead)
rude_faults=(servfail refused formerr notimp silent garbage short cut otherid otherzone empty loop upward aaaa)

web_text() { # fault: the policy
	case $1 in
	nothing) ;;
	html) echo '<html>not found</html>' ;;
	half) printf 'version: STSv1\nmode: enf' ;;
	nomx) printf 'version: STSv1\nmode: enforce\nnmx: mx.example.com\nmax_age: 86400\n' ;;
	addresses) printf 'version: STSv1\nmode: enforce\nmx: 192.0.2.1\nmax_age: 86400\n' ;;
	unknown) printf 'version: STSv1\nmode: strict\nmx: mx.example.com\nmax_age: 86400\n' ;;
	sts2) printf 'version: STSv2\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n' ;;
	json) echo '{"version": "STSv1", "mode": "enforce", "mx": ["mx.example.com"], "max_age": 86400}' ;;
	esac
}

# Records that each domain NAME.f.open has, but for its web server and its announcement.
mail_records() { # name
	echo "$1.f IN MX 10 mx.$1.f"
	echo "mx.$1.f IN A $TLS_GOOD"
}

place_records() { # name
	case $1 in
	refused) echo "mta-sts.$1.f IN A 11.0.2.5" ;;
	mute) echo "mta-sts.$1.f IN A $MUTE" ;;
	closed) echo "mta-sts.$1.f IN A $CLOSED" ;;
	clear) echo "mta-sts.$1.f IN A $CLEAR" ;;
	private) echo "mta-sts.$1.f IN A 192.168.1.1" ;;
	local) echo "mta-sts.$1.f IN A 127.0.0.1" ;;
	noaddress) echo "mta-sts.$1.f IN TXT nothing" ;;
	deadname) echo "mta-sts.$1.f IN NS ns.dead.test." ;;
	aliasloop) printf '%s\n' "mta-sts.$1.f IN CNAME loop.$1.f" "loop.$1.f IN CNAME mta-sts.$1.f" ;;
	esac
}

record_records() { # name
	local good='"v=STSv1; id=1;"' long
	case $1 in
	twice) printf '_mta-sts.%s.f IN TXT %s\n' "$1" '"v=STSv1; id=1"' "$1" '"v=STSv1; id=1;"' ;;
	twoids) printf '_mta-sts.%s.f IN TXT %s\n' "$1" "$good" "$1" '"v=STSv1; id=2;"' ;;
	badid) echo "_mta-sts.$1.f IN TXT \"v=STSv1; id=2026-01-01;\"" ;;
	noid) echo "_mta-sts.$1.f IN TXT \"v=STSv1;\"" ;;
	spf) echo "_mta-sts.$1.f IN TXT \"v=spf1 -all\"" ;;
	quoted) echo "_mta-sts.$1.f IN TXT \"\\\"v=STSv1; id=1;\\\"\"" ;;
	binary) echo "_mta-sts.$1.f IN TXT \"v=STSv1; \\000\\255=\\001\"" ;;
	long)
		long=$(printf '%0200d' 0)
		echo "_mta-sts.$1.f IN TXT \"v=STSv1; id=1; $long\" $(for _ in {1..60}; do printf '"%s" ' "$long"; done)"
		;;
	strings) echo "_mta-sts.$1.f IN TXT \"v=STSv1\" \"; id=\" \"1;\"" ;; # that is valid; there is no web server
	cnameloop) printf '%s\n' "_mta-sts.$1.f IN CNAME a.$1.f" "a.$1.f IN CNAME _mta-sts.$1.f" ;;
	cnamegone) echo "_mta-sts.$1.f IN CNAME gone.$1.f" ;;
	cnamedead) echo "_mta-sts.$1.f IN CNAME x.gone.test." ;;
	dead) echo "_mta-sts.$1.f IN NS ns.dead.test." ;;
	esac
}

tlsa_less=(tlsadead hostdead) # in zones without signatures
tls_lab_more_open() {
	local name
	for name in "${web_faults[@]/#/w-}" "${web_texts[@]/#/t-}"; do
		mail_records "$name"
		echo "_mta-sts.$name.f IN TXT \"v=STSv1; id=1;\""
		echo "mta-sts.$name.f IN A $TLS_WEB"
	done
	for name in "${web_places[@]}"; do
		mail_records "p-$name"
		echo "_mta-sts.p-$name.f IN TXT \"v=STSv1; id=1;\""
		place_records "$name" | sed "s/$name\\.f/p-$name.f/g"
	done
	for name in "${record_faults[@]}"; do
		mail_records "r-$name"
		record_records "$name" | sed "s/$name\\.f/r-$name.f/g"
	done
	printf '%s\n' "rude IN NS ns.rude" "ns.rude IN A $RUDE"
	mail_records tlsadead
	echo "_tcp.mx.tlsadead.f IN NS ns.dead.test."
	mail_records hostdead
	printf '%s\n' "hostdead.f IN MX 5 mx5.hostdead.f" "mx5.hostdead.f IN NS ns.dead.test."
	printf '%s\n' "mxdead.f IN NS ns.dead.test." # of all of it
}

# DANE forbids these: TLSA that cannot be looked up, with and without a fault of MTA-STS, that does not match, or with a bad signature.
forbidden=(lame.test lamests.test danebad.test x.bad)
tls_lab_more_signed() {
	cat <<-Z
		gone.test. IN NS ns.dead.test.
		lamests.test. IN MX 10 mxlame.test.
		_mta-sts.lamests.test. IN NS ns.dead.test.
		signed.test. IN MX 10 mxplain.test.
		_mta-sts.signed.test. IN NS ns.dead.test.
		signedweb.test. IN MX 10 mxplain.test.
		_mta-sts.signedweb.test. IN TXT "v=STSv1; id=1;"
		mta-sts.signedweb.test. IN NS ns.dead.test.
		daneweb.test. IN MX 10 mxdane.test.
		_mta-sts.daneweb.test. IN NS ns.dead.test.
	Z
}

lab_begin || exit 99
for address in $RUDE $MUTE $CLOSED $CLEAR; do ip addr add "$address/32" dev lo; done
tls_lab_begin || exit 99
python3 "$LAB_SRC/t/tools/rude_dns.py" $RUDE rude.open $TLS_GOOD 2>"$LAB/log/rude" &
LAB_PIDS+=($!)
python3 - $MUTE $CLOSED $CLEAR <<-'P' &
	import socket, sys, threading, time
	kept = []
	def serve(address, what):
	    server = socket.create_server((address, 443), backlog=128)
	    while True:
	        client = server.accept()[0]
	        if what == 2:
	            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
	        if what:
	            client.close()
	        else:
	            kept.append(client)
	for what, address in enumerate(sys.argv[1:]):
	    threading.Thread(target=serve, args=(address, what), daemon=True).start()
	time.sleep(600)
P
LAB_PIDS+=($!)

# one certificate for all web servers but those whose certificate is the fault
sans=$(for name in "${web_faults[@]/#/w-}" "${web_texts[@]/#/t-}"; do printf ',DNS:mta-sts.%s.f.open' "$name"; done)
tls_lab_certificate "$LAB/site/fault.pem" ca /CN=web "${sans#,}" || exit 99
for name in "${web_faults[@]/#/w-}" "${web_texts[@]/#/t-}"; do cp "$LAB/site/fault.pem" "$LAB/site/cert/mta-sts.$name.f.open.pem"; done
for name in "${web_faults[@]}"; do
	tls_lab_policy "w-$name.f.open" enforce mx.elsewhere.open # nothing could be delivered by it
	echo "$name" >"$LAB/site/fault/w-$name.f.open"
done
for name in "${web_texts[@]}"; do web_text "$name" >"$LAB/site/policy/t-$name.f.open"; done
wrong() { # fault authority SAN [openssl option...]
	local san=$3
	tls_lab_certificate "$LAB/site/cert/mta-sts.w-$1.f.open.pem" "$2" "/CN=mta-sts.w-$1.f.open" "$san" "${@:4}"
}
wrong self stranger DNS:mta-sts.w-self.f.open
wrong expired ca DNS:mta-sts.w-expired.f.open -days -1
wrong wrong ca DNS:w-wrong.f.open
wrong cn ca ''

lab_daemon || exit 99
echo '/^plain@/ plain:' >"$LAB/etc/transport"
tls_lab_postfix "transport_maps=regexp:$LAB/etc/transport" || exit 99
printf '%s\n' 'plain unix - - n - - smtp' '  -o smtp_tls_policy_maps=' >>"$LAB/etc/master.cf"
postfix -c "$LAB/etc" reload 2>"$LAB/log/reload"

domains=("${web_faults[@]/#/w-}" "${web_texts[@]/#/t-}" "${web_places[@]/#/p-}" "${record_faults[@]/#/r-}" "${tlsa_less[@]}")
domains=("${domains[@]/%/.f.open}" "${rude_faults[@]/%/.rude.open}" signed.test signedweb.test daneweb.test)
printf 'From: sender@example.com\nSubject: x\n\nx\n' >"$LAB/message"
lab_submit sender@example.com "$(printf 'user@%s\nplain@%s\n' $(for domain in "${domains[@]}" "${forbidden[@]}" mxdead.f.open; do echo "$domain" "$domain"; done) |
	paste -sd,)" "$LAB/message" >"$LAB/log/submitted"
status_of() { # address
	grep -E "to=<$1>" "$LAB/log/mail.log" | tail -1 | sed -nE 's/.*status=([a-z]+).*/\1/p'
}
has_status() { [ -n "$(status_of "$1")" ]; }
delay_of() { # address: seconds
	grep -E "to=<$1>" "$LAB/log/mail.log" | tail -1 | sed -nE 's/.* delays=[^,]*\/([0-9.]+)\/[0-9.]+, .*/\1/p'
}

for domain in "${domains[@]}"; do
	eventually -t 60 has_status "user@$domain"
	eventually -t 60 has_status "plain@$domain"
	is "$domain: Postfix alone delivers" "$(status_of "plain@$domain")" sent
	is "$domain: and with the policy service" "$(status_of "user@$domain")" sent
done
eventually -t 60 has_status user@mxdead.f.open
is "no MX records can be looked up: Postfix alone waits" "$(status_of plain@mxdead.f.open)" deferred
is "and with the policy service" "$(status_of user@mxdead.f.open)" deferred
for domain in "${forbidden[@]}"; do
	eventually -t 60 has_status "user@$domain"
	is "$domain: DANE forbids it" "$(status_of "user@$domain")" deferred
done
is "nothing that DANE forbids was delivered" "$(grep -cE "^user@($(IFS='|' && echo "${forbidden[*]}")) " "$LAB/site/mail")" 0
is "a redirect is not followed" "$(grep -c '^mta-sts.good.open ' "$LAB/site/asked")" 0
ok "the web servers were asked ($(grep -c 'GET /.well-known/mta-sts.txt' "$LAB/site/asked") times)" grep -q '^mta-sts.w-404.f.open GET' "$LAB/site/asked"
ok "Postfix refused none of our answers" eval '! grep -q "invalid attribute\|malformed attribute" "$LAB/log/mail.log"'
echo "# ${#domains[@]} faults of DNS and web servers, ${#forbidden[@]} that DANE forbids"

# ---- an answer comes within five seconds: far from the 30 that a web server has, and the 50 that one of these takes ----

slowest=$(for domain in "${domains[@]}"; do delay_of "user@$domain"; done | sort -n | tail -1)
ok "no message waited for a web server: the slowest was connected after $slowest s" awk -v s="${slowest:-99}" 'BEGIN { exit !(s < 15) }'
done_testing
