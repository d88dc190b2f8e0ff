# SPDX-License-Identifier: BSD-2-Clause
# Other domains to which mail is sent over TLS: a signed root, an unsigned zone "open.", a bogus zone "bad.", mail servers and
# a web server (t/tools/tls_site.py; none with TLS_LAB_WEB=). The signed zone has the lines of TLS_LAB_RECORDS, too. To be
# sourced by bash after contrib/lab.sh, in namespaces of its own (lab_alone).
#
# A script may add to it by functions: tls_lab_more_servers makes certificates and prints lines of DIR/smtp of tls_site.py,
# tls_lab_more_signed and tls_lab_more_open print records of the two zones, tls_lab_spoil changes $LAB/dns/signed.zone.

TLS_GOOD=11.0.0.1    # a mail server with the right certificate
TLS_NONE=11.0.0.2    # one without STARTTLS
TLS_WRONG=11.0.0.3   # one with a certificate for another name
TLS_UNKNOWN=11.0.0.4 # one whose certificate nobody trusts
TLS_WEB=11.0.0.10

tls_lab_hook() { # function [argument...]: runs it if there is one
	! declare -F "$1" >/dev/null || "$@"
}

tls_lab_ca() { # name; a root certificate
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-addext basicConstraints=critical,CA:TRUE -keyout "$LAB/site/$1.key" -out "$LAB/site/$1.pem" 2>"$LAB/log/openssl"
}

# tls_lab_certificate FILE CA SUBJECT [SAN [openssl option...]]: key and certificate in one file
tls_lab_certificate() {
	local file=$1 ca=$2 subject=$3 san=${4:-}
	shift 3
	[ $# -eq 0 ] || shift
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" -keyout "$file.key" -out "$file.csr" 2>"$LAB/log/openssl" &&
		openssl x509 -req -in "$file.csr" -CA "$LAB/site/$ca.pem" -CAkey "$LAB/site/$ca.key" -CAcreateserial -days 30 "$@" \
			-extfile <([ -z "$san" ] || echo "subjectAltName=$san") -out "$file.crt" 2>>"$LAB/log/openssl" &&
		cat "$file.key" "$file.crt" >"$file"
}

tls_lab_certificates() {
	local site=$LAB/site
	tls_lab_ca ca && tls_lab_ca stranger || return 1
	tls_lab_certificate "$site/good.pem" ca /CN=mail \
		DNS:mxdane.test,DNS:mxplain.test,DNS:mx.good.open,DNS:mx.wild.open,DNS:mx.none.open,DNS:mx.down.open,DNS:mx.own.open,DNS:mxfull.test || return 1
	tls_lab_certificate "$site/wrong.pem" ca /CN=mx.wrong.open DNS:another.example || return 1
	tls_lab_certificate "$site/unknown.pem" stranger /CN=mx DNS:mx.untrusted.open || return 1
	tls_lab_certificate "$site/cert/web.pem" ca /CN=web "DNS:*.open,DNS:mta-sts.fetch.open$(printf ',DNS:mta-sts.%s.open' \
		good wild testing none unlisted private slow wrong notls untrusted own),DNS:mta-sts.both.test" || return 1
	tls_lab_certificate "$site/cert/self.pem.kept" stranger /CN=x DNS:mta-sts.fetch.open || return 1
	tls_lab_certificate "$site/cert/wrong.pem.kept" ca /CN=x DNS:fetch.open,DNS:*.mta-sts.fetch.open || return 1
	tls_lab_certificate "$site/cert/cn.pem.kept" ca /CN=mta-sts.fetch.open || return 1
	tls_lab_certificate "$site/cert/expired.pem.kept" ca /CN=x DNS:mta-sts.fetch.open -days -1
}

tls_lab_policy() { # domain mode [mx...]
	local domain=$1 mode=$2
	shift 2
	{
		printf 'version: STSv1\r\nmode: %s\r\n' "$mode"
		[ $# -eq 0 ] || printf 'mx: %s\r\n' "$@"
		printf 'max_age: 86400\r\n'
	} >"$LAB/site/policy/$domain"
}

tls_lab_policies() {
	local domain
	tls_lab_policy good.open enforce mx.good.open
	tls_lab_policy wild.open enforce '*.wild.open'
	tls_lab_policy testing.open testing mx.testing.open
	tls_lab_policy none.open none
	tls_lab_policy unlisted.open enforce mx.elsewhere.open
	tls_lab_policy both.test enforce mxother.test
	for domain in wrong notls untrusted slow private; do
		tls_lab_policy "$domain.open" enforce "mx.$domain.open"
	done
}

# ---- DNS ----

tls_lab_digest() { # of the key of a certificate, as TLSA 3 1 1
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1
}

tls_lab_sts() { # domain address-of-web: its records
	echo "_mta-sts.$1. IN TXT \"v=STSv1; id=1;\""
	echo "mta-sts.$1. IN A $2"
}

tls_lab_root() { # the signed zone
	local good bad=0000000000000000000000000000000000000000000000000000000000000000
	good=$(tls_lab_digest "$LAB/site/good.pem")
	cat <<-Z
		\$ORIGIN .
		\$TTL 60
		. IN SOA ns.root. hostmaster.root. 1 3600 600 86400 5
		. IN NS ns.root.
		ns.root. IN A 127.0.0.1
		open. IN NS ns.root.
		bad. IN NS ns.root.
		bad. IN DS 12345 13 2 $bad
		dane.test. IN MX 10 mxdane.test.
		mxdane.test. IN A $TLS_GOOD
		_25._tcp.mxdane.test. IN TLSA 3 1 1 $good
		danebad.test. IN MX 10 mxbad.test.
		mxbad.test. IN A $TLS_GOOD
		_25._tcp.mxbad.test. IN TLSA 3 1 1 $bad
		mixed.test. IN MX 10 mxplain.test.
		mixed.test. IN MX 20 mxdane.test.
		plain.test. IN MX 10 mxplain.test.
		mxplain.test. IN A $TLS_GOOD
		null.test. IN MX 0 .
		implicit.test. IN A $TLS_GOOD
		_25._tcp.implicit.test. IN TLSA 3 1 1 $good
		_smtp._tls.danebad.test. IN TXT "v=TLSRPTv1; rua=mailto:tls@danebad.test"
		lame.test. IN MX 10 mxlame.test.
		mxlame.test. IN A $TLS_GOOD
		_tcp.mxlame.test. IN NS ns.dead.test.
		mta-sts.lame.test. IN NS ns.dead.test.
		ns.dead.test. IN A 11.0.0.99
		both.test. IN MX 10 mxdane.test.
		full.test. IN MX 10 mxfull.test.
		mxfull.test. IN A $TLS_GOOD
		_25._tcp.mxfull.test. IN TLSA 3 0 2 $(openssl x509 -in "$LAB/site/good.pem" -outform DER | openssl dgst -sha512 -r | cut -d' ' -f1)
		aliased.test. IN MX 10 mxalias.test.
		mxalias.test. IN CNAME mxdane.test.
	Z
	tls_lab_sts both.test $TLS_WEB
	echo "${TLS_LAB_RECORDS:-}"
	tls_lab_hook tls_lab_more_signed
}

tls_lab_open() { # the unsigned zone
	local domain
	cat <<-Z
		\$ORIGIN open.
		\$TTL 60
		@ IN SOA ns.root. hostmaster.root. 1 3600 600 86400 5
		@ IN NS ns.root.
	Z
	for domain in good:$TLS_GOOD wild:$TLS_GOOD none:$TLS_GOOD down:$TLS_GOOD testing:$TLS_WRONG wrong:$TLS_WRONG \
		notls:$TLS_NONE untrusted:$TLS_UNKNOWN unlisted:$TLS_GOOD private:$TLS_GOOD slow:$TLS_GOOD fetch:$TLS_GOOD \
		own:$TLS_GOOD dead:11.0.0.99; do
		echo "${domain%:*} IN MX 10 mx.${domain%:*}"
		echo "mx.${domain%:*} IN A ${domain#*:}"
		case ${domain%:*} in
		down) tls_lab_sts down.open 11.0.0.11 ;;
		own) echo "mta-sts.own IN A $TLS_WEB" ;;
		dead) ;;
		wrong)
			tls_lab_sts wrong.open $TLS_WEB
			echo '_smtp._tls.wrong IN TXT "v=TLSRPTv1; rua=mailto:tls@wrong.open,https://reports.open/v1"'
			echo "reports IN A $TLS_WEB"
			;;
		good | notls | untrusted | fetch)
			tls_lab_sts "${domain%:*}.open" $TLS_WEB
			echo "_smtp._tls.${domain%:*} IN TXT \"v=TLSRPTv1; rua=mailto:tls@${domain%:*}.open\""
			;;
		private) tls_lab_sts private.open 192.168.1.1 ;;
		*) tls_lab_sts "${domain%:*}.open" $TLS_WEB ;;
		esac
	done
	tls_lab_hook tls_lab_more_open
}

tls_lab_dns() {
	local dns=$LAB/dns key
	mkdir -p "$dns"
	tls_lab_root >"$dns/root.zone"
	tls_lab_open >"$dns/open.zone"
	printf '%s\n' '$ORIGIN bad.' '$TTL 60' '@ IN SOA ns.root. h.root. 1 3600 600 86400 5' '@ IN NS ns.root.' 'x IN MX 10 mx.x' \
		"mx.x IN A $TLS_GOOD" >"$dns/bad.zone"
	(cd "$dns" && key=$(ldns-keygen -k -a ECDSAP256SHA256 .) && cp "$key.key" anchor &&
		ldns-signzone -o . -f signed.zone root.zone "$key") >"$LAB/log/sign" 2>&1 || { cat "$LAB/log/sign" >&2; return 1; }
	chmod 644 "$dns/anchor"
	tls_lab_hook tls_lab_spoil
	{
		printf '%s\n' server: ' ip-address: 127.0.0.1' ' port: 5353' ' username: ""' ' chroot: ""' " zonesdir: \"$dns\"" \
			' database: ""' ' server-count: 1' " pidfile: \"$dns/nsd.pid\"" " xfrdfile: \"$dns/xfrd\"" \
			" zonelistfile: \"$dns/list\"" " logfile: \"$LAB/log/nsd.log\"" remote-control: ' control-enable: no'
		printf 'zone:\n name: "%s"\n zonefile: "%s"\n' . signed.zone open open.zone bad bad.zone
	} >"$dns/nsd.conf"
	nsd -c "$dns/nsd.conf" || return 1
	{
		printf '%s\n' server: ' interface: 127.0.0.1' ' port: 53' ' do-daemonize: no' ' chroot: ""' ' username: ""' \
			' pidfile: ""' ' use-syslog: no' " logfile: \"$LAB/log/unbound.log\"" " trust-anchor-file: \"$dns/anchor\"" \
			' do-not-query-localhost: no' ' local-zone: "test." nodefault' ' do-ip6: no' ' module-config: "validator iterator"' \
			' auto-trust-anchor-file: ""' remote-control: ' control-enable: no'
		printf 'stub-zone:\n name: "%s"\n stub-addr: 127.0.0.1@5353\n' . open bad
	} >"$dns/unbound.conf"
	sed -i '/auto-trust-anchor-file/d' "$dns/unbound.conf"
	unbound -c "$dns/unbound.conf" >"$LAB/log/unbound.out" 2>&1 &
	TLS_RESOLVER=$!
	LAB_PIDS+=($TLS_RESOLVER)
	echo "options trust-ad" >>"$LAB/resolv.conf"
	eventually test -f "$dns/nsd.pid"
}

# ---- all of it ----

tls_lab_begin() {
	local ip
	for ip in $TLS_GOOD $TLS_NONE $TLS_WRONG $TLS_UNKNOWN $TLS_WEB; do ip addr add "$ip/32" dev lo || return 1; done
	mkdir -p "$LAB"/site/{cert,policy,fault}
	tls_lab_certificates || { cat "$LAB/log/openssl" >&2; return 1; }
	tls_lab_policies
	: >"$LAB/site/asked"
	: >"$LAB/site/mail"
	tls_lab_hook tls_lab_more_servers >"$LAB/site/more" || { cat "$LAB/log/openssl" >&2; return 1; }
	printf '%s\n' "$TLS_GOOD $LAB/site/good.pem" "$TLS_NONE $LAB/site/good.pem notls" "$TLS_WRONG $LAB/site/wrong.pem" \
		"$TLS_UNKNOWN $LAB/site/unknown.pem" "$(cat "$LAB/site/more")" >"$LAB/site/smtp"
	echo "${TLS_LAB_WEB-$TLS_WEB}" >"$LAB/site/web"
	python3 "$LAB_SRC/t/tools/tls_site.py" "$LAB/site" 2>"$LAB/log/site" &
	LAB_PIDS+=($!)
	tls_lab_dns || return 1
	eventually test -e "$LAB/site/ready" || { cat "$LAB/log/site" >&2; return 1; }
	LAB_DNS=53
	lab_conf "dns: { trust_anchor = \"$LAB/dns/anchor\"; };" \
		"tls: { listen = [ \"unix:$LAB/run/tls.sock\" ]; ca_file = \"$LAB/site/ca.pem\"; };" "sign: { enabled = false; };"
	chmod 644 "$LAB/site/ca.pem"
}

tls_lab_postfix() { # [setting...]
	lab_postfix relayhost= smtp_dns_support_level=dnssec smtp_tls_security_level=may smtp_tls_loglevel=1 \
		"smtp_tls_CAfile=$LAB/site/ca.pem" "smtp_tls_policy_maps=socketmap:unix:$LAB/run/tls.sock:policy" \
		smtpd_milters= non_smtpd_milters= smtp_host_lookup=dns "$@"
}
