#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# One site of contrib/road ($SITE: north, south or hub), on a machine of its own: Postfix as Debian has it, Dovecot, nsd,
# unbound, nginx, and countersign, set up as doc/tutorial.md, doc/tls.md and doc/enforcement.md say. Ends with its
# processes when the machine does. $ROAD is the directory that it shares with the world.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
machine "$0"
export LC_ALL=C HOME=/root
build=${COUNTERSIGN_BUILD:?}
queue=/var/spool/postfix
domain=$SITE.example

fail_site() {
	echo "$SITE: $*" >&2
	touch "$ROAD/run/$SITE.failed"
	exit 1
}
begun() { touch "$ROAD/run/$SITE.$1"; }
await() { eventually -t 60 test -e "$ROAD/run/$1" || fail_site "$1 did not come"; }

case $SITE in
north) net=11.1.0 host=mx.north.example user=alice addresses="25 53 125" ;;
south) net=11.2.0 host=mx2.south.example user=bob addresses="25 24 53 80 125" ;;
hub) net=11.3.0 host=mx.hub.example user=carol addresses="25" ;;
esac

# ---- network and DNS ----

site_network() {
	local last
	hostname "$host"
	for last in $addresses; do ip addr add "$net.$last/24" dev eth0 || return 1; done
	ip link set eth0 up && ip route add default via "$net.1"
}

site_zone() { # the records of this site
	cat <<-Z
		\$ORIGIN $domain.
		\$TTL 1
		@ IN SOA ns hostmaster $(date +%s) 3600 600 86400 1
		@ IN NS ns
		ns IN A $net.53
		@ IN TXT "v=spf1 ip4:$net.25 -all"
		_dmarc IN TXT "v=DMARC1; p=reject"
		_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls-reports@$domain"
	Z
	case $SITE in
	north)
		echo "@ IN MX 10 mx"
		echo "mx IN A $net.25"
		echo "_25._tcp.mx IN TLSA 3 1 1 $(openssl x509 -in "$ROAD/cert/north.pem" -noout -pubkey |
			openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)"
		;;
	south)
		printf '%s\n' "@ IN MX 10 mx1" "@ IN MX 20 mx2" "mx1 IN A $net.24" "mx2 IN A $net.25" "mta-sts IN A $net.80"
		;;
	esac
	cat /root/keys.zone
}

# north's zone is signed, south's is not
site_make_zone() {
	local key
	mkdir -p /root/dns && cd /root/dns || return 1
	site_zone >zone
	if [ "$SITE" = north ]; then
		key=$(ldns-keygen -k -a ECDSAP256SHA256 "$domain") && ldns-signzone -o "$domain" -f zone.signed zone "$key" || return 1
		mv zone.signed zone
		cat "$key.ds" >"$ROAD/dns/$SITE.ds"
	fi
	cat >nsd.conf <<-N
		server:
		  ip-address: $net.53
		  username: ""
		  chroot: ""
		  zonesdir: "/root/dns"
		  database: ""
		  server-count: 1
		  pidfile: "/root/dns/nsd.pid"
		  xfrdfile: "/root/dns/xfrd"
		  zonelistfile: "/root/dns/list"
		  logfile: "/root/dns/log"
		remote-control:
		  control-enable: no
		zone:
		  name: "$domain"
		  zonefile: "zone"
	N
	nsd -c nsd.conf && cd /root
}

site_resolver() {
	mkdir -p /usr/share/dns
	cp "$ROAD/anchor" /usr/share/dns/root.key
	printf '. 60 IN NS ns.root.\nns.root. 60 IN A 11.0.0.53\n' >/root/hints
	cat >/root/unbound.conf <<-U
		server:
		  interface: 127.0.0.1
		  chroot: ""
		  username: ""
		  pidfile: "/root/unbound.pid"
		  use-syslog: no
		  logfile: "/root/unbound.log"
		  do-ip6: no
		  root-hints: "/root/hints"
		  trust-anchor-file: "/usr/share/dns/root.key"
		  module-config: "validator iterator"
		  infra-host-ttl: 1
		  val-bogus-ttl: 1
		remote-control:
		  control-enable: no
	U
	printf 'nameserver 127.0.0.1\noptions trust-ad edns0\n' >/etc/resolv.conf
	unbound -c /root/unbound.conf
}

# ---- countersign ----

# The programs, and their directories under the names that a package gives them.
site_programs() {
	local etc state run pair
	mkdir -p /usr/local/sbin
	ln -sf "$build/admin/countersign" "$build/daemon/countersignd" /usr/local/sbin/
	export PATH=/usr/local/sbin:$PATH
	etc=$(countersign config explain sign.keys | grep -oE '"/[^"]*/keys"' | head -1 | tr -d '"') etc=${etc%/keys}
	state=$(countersign config explain store.url | grep -oE 'sqlite:/[^"]*' | head -1) state=$(dirname "${state#sqlite:}")
	run=$(countersign config explain listen | grep -oE 'local:/[^"]*/milter.sock' | head -1) run=$(dirname "${run#local:}")
	for pair in "$etc:/etc/countersign" "$state:/var/lib/countersign" "$run:/run/countersign"; do
		rm -rf "${pair%%:*}" "${pair##*:}"
		mkdir -p "$(dirname "${pair%%:*}")"
		[ "${pair%%:*}" = "${pair##*:}" ] || ln -s "${pair%%:*}" "${pair##*:}"
	done
	mkdir -p "$run" "$etc/conf.d"
	rm -rf /run/systemd/system
}

site_settings() {
	: >/var/log/postfix.log
	chmod 644 /var/log/postfix.log
	cat >/etc/countersign/conf.d/10-road.conf <<-C
		log: { target = "stderr"; };
		authserv_id = "$host";
		dns: { trust_anchor = "/usr/share/dns/root.key"; timeout = "4s"; };
		dmarc: { enforce = "rfc"; };
		arc: { trusted_sealers = [ "hub.example" ]; };
	C
	case $SITE in
	hub) cat <<-C ;;
		lists = ( { id = "lists.hub.example"; from = [ "127.0.0.1" ]; sign = "hub.example"; seal = true; } );
	C
	*) cat <<-C ;;
		tls: { listen = [ "unix:$queue/countersign/tls.sock" ]; reports = true; report_log = "/var/log/postfix.log"; };
		reports: { send = true; org = "$SITE"; from = "postmaster@$domain"; via = "smtp://127.0.0.1:25"; };
		inbox: { addresses = [ "tls-reports@$domain" ]; };
	C
	esac >>/etc/countersign/conf.d/10-road.conf
}

# Users, directories and the first key; Postfix is not told of the daemon before it runs.
site_setup() {
	countersign setup --apply >/root/setup.1 2>&1
	[ $? = 69 ] || { cat /root/setup.1 >&2; return 1; }
	countersign key show "$domain" --format zone >/root/keys.zone || return 1
	[ "$SITE" != hub ] || cp /root/keys.zone "$ROAD/dns/hub.keys"
}

site_countersign() {
	eventually countersign key activate "$domain" || { countersign key activate "$domain"; return 1; }
	# as the unit does
	install -d -o countersign -g countersign -m 750 /var/lib/countersign/ && install -d -o countersign -m 755 /run/countersign/
	countersignd -f -u countersign -c /etc/countersign/countersign.conf >>/root/countersignd.log 2>&1 &
	eventually grep -q ' ready: ' /root/countersignd.log || { tail -5 /root/countersignd.log >&2; return 1; }
	countersign setup --apply >/root/setup.2 2>&1 || { cat /root/setup.2 >&2; return 1; }
}

# ---- Postfix and Dovecot ----

# .24 is the first MX of south; what a man in the middle passes on comes to .125
site_other_addresses() {
	case $SITE in
	north) echo " $net.125" ;;
	south) echo " $net.24 $net.125" ;;
	esac
}

site_postfix() {
	cp "$ROAD/cert/$SITE.pem" /etc/ssl/private/mail.pem
	cp "$ROAD/ca.pem" /etc/ssl/certs/ca-certificates.crt
	machine_postfix "virtual_mailbox_domains = $domain$([ "$SITE" != south ] || echo " plain.example")" "virtual_mailbox_maps = static:all" \
		"virtual_transport = lmtp:unix:private/dovecot-lmtp" "mydestination =" "recipient_delimiter = +" \
		"smtpd_sasl_type = dovecot" "smtpd_sasl_path = private/auth" "smtpd_tls_chain_files = /etc/ssl/private/mail.pem" \
		"smtpd_tls_security_level = may" "smtpd_tls_loglevel = 1" "smtp_connect_timeout = 5s" \
		"smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination" \
		"mynetworks = 127.0.0.0/8" "smtp_tls_security_level = may" "ignore_mx_lookup_error = no"
	postconf -e "myhostname = $host" "mydomain = $domain" 'myorigin = $mydomain' \
		"inet_interfaces = 127.0.0.1 $net.25$(site_other_addresses)" "smtp_bind_address = $net.25"
	postconf -M "lmtp/unix=lmtp unix - - y - - lmtp" "tlsmgr/unix=tlsmgr unix - - y 1000? 1 tlsmgr" \
		"flush/unix=flush unix n - y 1000? 0 flush" "submissions/inet=submissions inet n - y - - smtpd"
	postconf -P submission/inet/smtpd_tls_security_level=encrypt submissions/inet/smtpd_tls_wrappermode=yes \
		submissions/inet/syslog_name=postfix/submissions
	local service
	for service in submission submissions; do
		postconf -P "$service/inet/smtpd_sasl_auth_enable=yes" "$service/inet/smtpd_tls_auth_only=yes" \
			"$service/inet/smtpd_relay_restrictions=permit_sasl_authenticated,reject" \
			"$service/inet/milter_macro_daemon_name=ORIGINATING"
	done
}

# What its chrooted processes look for in the queue directory; Debian's unit does the same before each start.
site_start_postfix() {
	[ ! -x /usr/lib/postfix/configure-instance.sh ] || /usr/lib/postfix/configure-instance.sh - >/dev/null 2>&1
	mkdir -p $queue/etc && cp /etc/resolv.conf /etc/nsswitch.conf /etc/services $queue/etc/ || return 1
	postfix start >/root/postfix.out 2>&1 || { cat /root/postfix.out >&2; return 1; }
}

site_dovecot() {
	mkdir -p /var/vmail /etc/dovecot/sieve
	chown 5000:5000 /var/vmail
	printf '%s@%s:{PLAIN}secret-of-%s\n' $user $domain $user >/etc/dovecot/users
	# the rule as doc/enforcement.md prints it
	awk '/^```sieve/ { on = 1; next } /^```/ { on = 0 } on' "$COUNTERSIGN_SRC/doc/enforcement.md" | sed 's/"fileinto"/"fileinto", "mailbox"/; s/fileinto "Junk"/fileinto :create "Junk"/' >/etc/dovecot/sieve/junk.sieve
	sievec /etc/dovecot/sieve/junk.sieve || return 1
	cat >/etc/dovecot/dovecot.conf <<-D
		protocols = imap pop3 lmtp
		listen = $net.25
		log_path = /root/dovecot.log
		mail_location = maildir:/var/vmail/%d/%n
		mail_uid = 5000
		mail_gid = 5000
		first_valid_uid = 5000
		ssl = required
		ssl_cert = </etc/ssl/private/mail.pem
		ssl_key = </etc/ssl/private/mail.pem
		passdb {
		  driver = passwd-file
		  args = username_format=%u /etc/dovecot/users
		}
		userdb {
		  driver = static
		  args = uid=5000 gid=5000 home=/var/vmail/%d/%n allow_all_users=yes
		}
		protocol lmtp {
		  mail_plugins = \$mail_plugins sieve
		}
		plugin {
		  sieve_before = /etc/dovecot/sieve/junk.sieve
		}
		service auth {
		  unix_listener $queue/private/auth {
		    mode = 0660
		    user = postfix
		    group = postfix
		  }
		}
		service lmtp {
		  unix_listener $queue/private/dovecot-lmtp {
		    mode = 0600
		    user = postfix
		    group = postfix
		  }
		}
	D
	dovecot -c /etc/dovecot/dovecot.conf
}

# The hub's list manager, as in t/e2e/list.sh.
site_list() {
	install -m 644 "$COUNTERSIGN_SRC/t/tools/list.py" /usr/local/lib/
	printf '#!/bin/sh\nexec /usr/bin/python3 /usr/local/lib/list.py 10025 friends@lists.hub.example bob@south.example\n' >/usr/local/sbin/list
	chmod 755 /usr/local/sbin/list
	echo '/@lists\.hub\.example$/ list:' >/etc/postfix/transport
	postconf -e "relay_domains = lists.hub.example" "transport_maps = regexp:/etc/postfix/transport"
	postconf -M "list/unix=list unix - n n - - pipe flags=R user=nobody argv=/usr/local/sbin/list" \
		"127.0.0.1:10025/inet=127.0.0.1:10025 inet n - y - - smtpd"
}

# ---- all of it, in the order of doc/tutorial.md ----

[ ! -S /dev/log ] || mount --bind /dev/null "$(realpath /dev/log)"
begun begun
await "$SITE.wired"
site_network || fail_site "no network"
site_programs
mkdir -p /etc/ssl/private
site_postfix || fail_site "Postfix is not configured"
site_settings
site_setup || fail_site "setup"
[ "$SITE" = hub ] || site_make_zone || fail_site "no zone"
begun published
await root.served
site_resolver
[ "$SITE" != hub ] || site_list
site_countersign || fail_site "countersign"
[ "$SITE" = hub ] || site_dovecot || fail_site "Dovecot did not start"
site_start_postfix || fail_site "Postfix did not start"
begun ready
exec sleep infinity
