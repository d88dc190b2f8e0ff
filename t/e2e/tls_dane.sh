#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# DANE (RFC 7672), case by case: a signed zone with each kind of TLSA records, mail servers whose certificates fit or do not, the
# policy service and a private Postfix in namespaces of their own. For each case: what Postfix is told, and what it does.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd unbound ldns-keygen ldns-signzone swaks openssl ip unshare python3
enter_lab "$0" "$@"
. "$COUNTERSIGN_SRC/t/e2e/tls_lab.sh"

CHAIN=11.0.1.1   # sends its certificate and the one that signed it, which nobody knows
LEAF=11.0.1.2    # sends its certificate alone
EXPIRED=11.0.1.3 # a chain whose first certificate has expired
NAMED=11.0.1.4   # a chain for another name
PLAIN=11.0.1.5   # no STARTTLS

tls_lab_more_servers() {
	local site=$LAB/site ip
	for ip in $CHAIN $LEAF $EXPIRED $NAMED $PLAIN; do ip addr add "$ip/32" dev lo || return 1; done
	tls_lab_ca ta || return 1
	tls_lab_certificate "$site/leaf.pem" ta /CN=leaf "DNS:*.ta.test" || return 1
	tls_lab_certificate "$site/old.pem" ta /CN=old "DNS:*.ta.test" -days -1 || return 1
	tls_lab_certificate "$site/other.pem" ta /CN=other DNS:another.example || return 1
	cat "$site/leaf.pem" "$site/ta.pem" >"$site/chain.pem"
	cat "$site/old.pem" "$site/ta.pem" >"$site/expired.pem"
	cat "$site/other.pem" "$site/ta.pem" >"$site/named.pem"
	printf '%s\n' "$CHAIN $site/chain.pem" "$LEAF $site/leaf.pem" "$EXPIRED $site/expired.pem" "$NAMED $site/named.pem" \
		"$PLAIN $site/leaf.pem notls"
}

tlsa() { # certificate usage selector matching-type: the data of a TLSA record
	local file=$LAB/site/$1 how=(cat)
	case $4 in
	1) how=(openssl dgst -sha256 -binary) ;;
	2) how=(openssl dgst -sha512 -binary) ;;
	esac
	echo -n "$2 $3 $4 "
	if [ "$3" = 1 ]; then
		openssl x509 -in "$file" -noout -pubkey | openssl pkey -pubin -outform DER
	else
		openssl x509 -in "$file" -outform DER
	fi | "${how[@]}" | od -An -v -t x1 | tr -d " \n"
}

# NAME|SERVER|TLSA;TLSA...|ANSWER|RESULT|what it is. Each is a domain NAME.test with the MX host NAME.ta.test. TLSA: certificate,
# usage, selector, matching type, or data with "=" before it. ANSWER "T": temporary failure, "-": none. RESULT: sent and deferred
# as in Postfix's log; verified: sent, and authenticated; arrived: by either host.
WRONG==3:1:1:0000000000000000000000000000000000000000000000000000000000000000
cases() {
	cat <<-C
		ee11|$CHAIN|leaf:3:1:1|dane-only|verified|the digest of the key
		ee12|$CHAIN|leaf:3:1:2|dane-only|verified|SHA-512
		ee10|$CHAIN|leaf:3:1:0|dane-only|verified|the key itself
		ee01|$CHAIN|leaf:3:0:1|dane-only|verified|the digest of the certificate
		ee02|$CHAIN|leaf:3:0:2|dane-only|verified|its SHA-512
		ee00|$CHAIN|leaf:3:0:0|dane-only|verified|the certificate itself
		eeleaf|$LEAF|leaf:3:1:1|dane-only|verified|without the certificate above it
		eeold|$EXPIRED|old:3:1:1|dane-only|verified|usage 3 and a certificate that has expired (3.1.1)
		eename|$NAMED|other:3:1:1|dane-only|verified|usage 3 and another name (3.1.1)
		eebad|$CHAIN|$WRONG|dane-only|deferred|a digest that does not match
		eeroll|$CHAIN|$WRONG;leaf:3:1:1|dane-only|verified|an old and a new key
		eeca|$CHAIN|ta:3:1:1|dane-only|deferred|usage 3 with the digest of the issuer
		eeplain|$PLAIN|leaf:3:1:1|dane-only|deferred|no STARTTLS
		ta01|$CHAIN|ta:2:0:1|dane-only|verified|usage 2, the digest of the issuer's certificate
		ta11|$CHAIN|ta:2:1:1|dane-only|verified|usage 2, the digest of its key
		ta12|$CHAIN|ta:2:1:2|dane-only|verified|usage 2, SHA-512
		ta00|$LEAF|ta:2:0:0|dane-only|verified|usage 2, the issuer's certificate itself, which the server does not send
		taleaf|$LEAF|ta:2:1:1|dane-only|deferred|usage 2, and the server does not send the issuer (3.1.2)
		taold|$EXPIRED|ta:2:1:1|dane-only|deferred|usage 2 and a certificate that has expired
		taname|$NAMED|ta:2:1:1|dane-only|deferred|usage 2 and another name (3.2.2)
		tabad|$CHAIN|good:2:1:1|dane-only|deferred|usage 2, another issuer
		taee|$CHAIN|good:2:1:1;leaf:3:1:1|dane-only|verified|usage 2 does not match, 3 does
		pkixta|$CHAIN|ta:0:0:1|dane|sent|usage 0 cannot be used: encrypted, not authenticated (3.1.3, 2.2)
		pkixee|$CHAIN|leaf:1:0:1|dane|sent|usage 1 cannot be used
		pkixboth|$CHAIN|ta:0:0:1;leaf:1:1:1|dane|sent|usages 0 and 1
		pkixplain|$PLAIN|leaf:1:1:1|dane|deferred|usage 1, and no STARTTLS: it must be encrypted
		pkixee3|$CHAIN|leaf:1:1:1;leaf:3:1:1|dane-only|verified|usages 1 and 3: 3 counts
		pkixbad|$CHAIN|leaf:1:1:1;$WRONG|dane-only|deferred|usage 1 would match, 3 does not: 3 counts
		pkixta2|$CHAIN|leaf:0:0:1;ta:2:1:1|dane-only|verified|usages 0 and 2: 2 counts
		private|$CHAIN|=255:1:1:0000000000000000000000000000000000000000000000000000000000000000|dane|sent|a private usage
		usage4|$CHAIN|=4:1:1:0000000000000000000000000000000000000000000000000000000000000000|dane|sent|a usage that is not assigned
		select2|$CHAIN|=3:2:1:0000000000000000000000000000000000000000000000000000000000000000|dane|sent|an unknown selector
		match3|$CHAIN|=3:1:3:0000000000000000000000000000000000000000000000000000000000000000|dane|sent|an unknown matching type
		short|$CHAIN|=3:1:1:0000|dane|sent|a digest of the wrong length
		long|$CHAIN|=3:1:1:000000000000000000000000000000000000000000000000000000000000000000|dane|sent|one that is too long
		badmix|$CHAIN|=3:1:1:0000;leaf:3:1:1|dane-only|verified|one that cannot be used, one that can
		none|$CHAIN||-|sent|no TLSA records
		noneplain|$PLAIN||-|sent|no TLSA records, no STARTTLS
		forged|$CHAIN|leaf:3:1:1|T|deferred|TLSA records with a wrong signature (2.1.1)
		forgedmx|$CHAIN|leaf:3:1:1|T|deferred|MX records with a wrong signature
		forgeda|$CHAIN|leaf:3:1:1|-|deferred|addresses with a wrong signature: no host can be found
	C
}

# The others: as the table, but their records are written out below.
odd_cases() {
	cat <<-C
		mixed|dane|arrived|the first host has TLSA, the second none
		mixedbad|dane|sent|the first one's does not match, the second has none
		mixedplain|dane|sent|the first host has none, and no STARTTLS
		second|dane-only|verified|the first host's TLSA does not match, the second one's does
		allbad|dane-only|deferred|neither matches
		halflame|dane-only|verified|TLSA of one host cannot be looked up, the other's match
		lameplain|dane|sent|TLSA of one host cannot be looked up, the other has none
		unusable2|dane|sent|one host with records that cannot be used, one with others
		target|dane-only|verified|the MX host is an alias: TLSA of what it leads to (2.2.3)
		alias|dane-only|verified|the MX host is an alias: TLSA at its own name
		astray|-|sent|an alias that leads to a zone without signatures
		tlsaalias|dane-only|verified|the name of the TLSA records is an alias
		wildtlsa|dane-only|verified|TLSA records of a wildcard
		wildmx|dane-only|verified|MX records of a wildcard
		outside|-|sent|a signed domain whose host is in a zone without signatures
		lame|T|deferred|TLSA cannot be looked up in a signed zone (2.1.2)
		implicit|dane-only|verified|no MX records: the domain's own name (2.1.3)
		null|-|bounced|null MX (RFC 7505)
	C
}
OPEN="insecure|-|sent|the domain has no signatures, its host has TLSA: Postfix decides (2.2.1)"

tls_lab_more_signed() {
	local name server records record rest
	while IFS='|' read -r name server records rest; do
		echo "$name.test. IN MX 10 $name.ta.test."
		echo "$name.ta.test. IN A $server"
		for record in ${records//;/ }; do
			case $record in
			=*) echo "_25._tcp.$name.ta.test. IN TLSA $(tr : ' ' <<<"${record#=}")" ;;
			*) echo "_25._tcp.$name.ta.test. IN TLSA $(IFS=: read -r a b c d <<<"$record" && tlsa "$a.pem" "$b" "$c" "$d")" ;;
			esac
		done
	done < <(cases)
	cat <<-Z
		mixed.test. IN MX 10 ee11.ta.test.
		mixed.test. IN MX 20 none.ta.test.
		mixedbad.test. IN MX 10 eebad.ta.test.
		mixedbad.test. IN MX 20 none.ta.test.
		mixedplain.test. IN MX 10 noneplain.ta.test.
		mixedplain.test. IN MX 20 ee11.ta.test.
		second.test. IN MX 10 eebad.ta.test.
		second.test. IN MX 20 ta11.ta.test.
		allbad.test. IN MX 10 eebad.ta.test.
		allbad.test. IN MX 20 tabad.ta.test.
		halflame.test. IN MX 10 mxlame.test.
		halflame.test. IN MX 20 ee11.ta.test.
		lameplain.test. IN MX 10 mxlame.test.
		lameplain.test. IN MX 20 none.ta.test.
		unusable2.test. IN MX 10 pkixee.ta.test.
		unusable2.test. IN MX 20 ta11.ta.test.
		target.test. IN MX 10 target.ta.test.
		target.ta.test. IN CNAME ee11.ta.test.
		alias.test. IN MX 10 alias.ta.test.
		alias.ta.test. IN CNAME none.ta.test.
		_25._tcp.alias.ta.test. IN TLSA $(tlsa leaf.pem 3 1 1)
		astray.test. IN MX 10 astray.ta.test.
		astray.ta.test. IN CNAME mx.good.open.
		tlsaalias.test. IN MX 10 tlsaalias.ta.test.
		tlsaalias.ta.test. IN A $CHAIN
		_25._tcp.tlsaalias.ta.test. IN CNAME _dane.ta.test.
		_dane.ta.test. IN TLSA $(tlsa ta.pem 2 1 1)
		wildtlsa.test. IN MX 10 wildtlsa.ta.test.
		wildtlsa.ta.test. IN A $CHAIN
		*._tcp.wildtlsa.ta.test. IN TLSA $(tlsa leaf.pem 3 1 1)
		*.wildmx.test. IN MX 10 ee11.ta.test.
		outside.test. IN MX 10 mx.good.open.
	Z
}
tls_lab_more_open() { echo "insecure IN MX 10 ee11.ta.test."; }

# A record of each is changed after it was signed.
tls_lab_spoil() {
	sed -i -E -e '/^_25\._tcp\.forged\.ta\.test\..*TLSA[[:space:]]+3/s/[0-9a-fA-F]{4}[[:space:]]*$/0000/' \
		-e '/^forgedmx\.test\..*[[:space:]]MX[[:space:]]+10/s/10/11/' -e "/^forgeda\\.ta\\.test\\..*[[:space:]]A[[:space:]]/s/$CHAIN/$LEAF/" \
		"$LAB/dns/signed.zone"
}

lab_begin || exit 99
tls_lab_begin || exit 99
lab_daemon || exit 99
tls_lab_postfix || exit 99

domain_of() {
	case $1 in
	insecure) echo insecure.open ;;
	wildmx) echo a.wildmx.test ;;
	*) echo "$1.test" ;;
	esac
}
all_cases() {
	cases | cut -d'|' -f1,4-
	odd_cases
	echo "$OPEN"
}
mapfile -t table < <(all_cases)
domains=()
for line in "${table[@]}"; do domains+=("$(domain_of "${line%%|*}")"); done

# ---- what Postfix is told: all questions by one connection ----

python3 - "$LAB/run/tls.sock" "${domains[@]}" >"$LAB/log/answers" <<-'P'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(60)
	s.connect(sys.argv[1])
	for domain in sys.argv[2:]:
	    text = ("policy " + domain).encode()
	    s.sendall(b"%d:%s," % (len(text), text))
	    answer = b""
	    while not answer.endswith(b","):
	        answer += s.recv(1000)
	    print(domain, answer.split(b":", 1)[1][:-1].decode())
P

# ---- what becomes of mail: one message to all ----

printf 'From: sender@example.com\nSubject: x\n\nx\n' >"$LAB/message"
lab_submit sender@example.com "$(printf 'user@%s\n' "${domains[@]}" | paste -sd,)" "$LAB/message" >"$LAB/log/submitted"
line_of() { # domain: the last line of the log about mail for it
	grep -E "to=<user@$1>" "$LAB/log/mail.log" | tail -1
}
result_of() { # domain: what the log says of the mail, and of the connection that the same process made before
	awk -v to="to=<user@$1>," '
		match($0, /smtp\[[0-9]+\]/) { process = substr($0, RSTART, RLENGTH) }
		/ TLS connection established to / { connection[process] = $0 }
		index($0, to) && match($0, /status=[a-z]+/) {
			result = substr($0, RSTART + 7, RLENGTH - 7)
			match($0, /relay=[^,]*/)
			relay = substr($0, RSTART + 6, RLENGTH - 6)
			if (result == "sent" && index(connection[process], ": Verified TLS connection established to " relay)) result = "verified"
		}
		END { print result }' "$LAB/log/mail.log"
}
has_result() { [ -n "$(line_of "$1")" ]; }

for line in "${table[@]}"; do
	IFS='|' read -r name answer result what <<<"$line"
	domain=$(domain_of "$name")
	have=$(sed -n "s/^$domain //p" "$LAB/log/answers")
	case $answer in
	T) is "$name: $what: is told to wait" "${have%% *}" TEMP ;;
	-) is "$name: $what: no answer" "$have" "NOTFOUND " ;;
	*) is "$name: $what: $answer" "$have" "OK $answer" ;;
	esac
	eventually has_result "$domain"
	became=$(result_of "$domain")
	case $result,$became in arrived,sent | arrived,verified) became=arrived ;; esac
	is "$name: $result" "$became" "$result"
done
is "nothing that was deferred arrived" \
	"$(for line in "${table[@]}"; do
		IFS='|' read -r name answer result what <<<"$line"
		[ "$result" != deferred ] || grep -F "@$(domain_of "$name") " "$LAB/site/mail"
	done)" ""
is "and where a record cannot be used, the connection was encrypted all the same" \
	"$(grep -cE '@(pkixta|pkixee|pkixboth|private|usage4|select2|match3|short|long|unusable2)\.test tls' "$LAB/site/mail")" 10
ok "Postfix refused none of our answers" eval '! grep -q "invalid attribute\|malformed attribute\|policy table.*unsupported\|dane-only configured with" "$LAB/log/mail.log"'
echo "# ${#table[@]} cases of DANE"
done_testing
