# SPDX-License-Identifier: BSD-2-Clause
# A private mail lab, for the demonstration and the end-to-end tests. To be sourced by bash.
#
# One directory holds everything: a DNS zone served by nsd, a Postfix with its own configuration,
# queue and high ports, mailboxes, a sink for what leaves, and countersignd. The host's own Postfix
# and DNS are never touched. Needs root, because Postfix's master does.
#
#   lab_begin                   makes $LAB and picks free ports; lab_end (run at exit) stops all of it
#   lab_logs                    the end of each log
#   lab_zone RECORD...          (re)writes the zone (the root) and serves it on port $LAB_DNS
#   lab_key DOMAIN SELECTOR     a foreign signing key; prints its zone line
#   lab_conf SETTING...         writes countersign.conf (dns, listen, keys and store are filled in)
#   lab_daemon                  starts countersignd; lab_reload, lab_daemon_stop
#   lab_postfix [SETTING...]    starts Postfix, main.cf changed by these (name=value)
#   lab_sendmail [LINE...]      starts Sendmail instead, with these lines in its sendmail.mc; its packages
#                               are unpacked by lab_sendmail_get, and it wants lab_alone
#   lab_send, lab_submit        mail in and out; lab_mail, lab_left find what arrived and what left
#
# lab_alone SCRIPT runs a script again in namespaces (network, host name, mounts, processes) of its own. Sendmail has
# no XCLIENT: there the documentation addresses of lab_send's clients are addresses of lo.

LAB_SRC=${COUNTERSIGN_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
LAB_BUILD=${COUNTERSIGN_BUILD:-$LAB_SRC/build}
LAB_USER=nobody
LAB_CLIENTS="198.51.100.25 203.0.113.66"
LAB_MTA=
PATH=$PATH:/usr/sbin:/sbin
. "$LAB_SRC/contrib/tmpdir.sh"
. "$LAB_SRC/t/lib/eventually.sh"

lab_fail() {
	echo "lab: $*" >&2
	return 1
}

# N free TCP ports of 127.0.0.1, taken at the same time so that they differ.
lab_ports() {
	perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0) } 1 .. shift;
		print join(" ", map { $_->sockport } @s), "\n"' "$1"
}

# The rest of the script in namespaces of its own: all that it starts ends with it, no port is taken.
lab_alone() {
	[ -z "${LAB_ALONE:-}" ] || return 0
	LAB_ALONE=1 exec unshare --net --uts --mount --pid --fork --kill-child --mount-proc bash "$@"
}

lab_alone_possible() {
	unshare --net --uts --mount --pid --fork --kill-child --mount-proc ip link set lo up 2>/dev/null
}

# The addresses of the clients; the lab's DNS for the whole namespace; a path without directories that
# others may write to, which Sendmail would refuse.
lab_alone_begin() {
	local ip
	hostname mx.example.com || return 1
	ip link set lo up
	for ip in $LAB_CLIENTS; do ip addr add "$ip/32" dev lo; done
	LAB_DNS=53
	echo "nameserver 127.0.0.1" >"$LAB/resolv.conf"
	mount --bind "$LAB/resolv.conf" "$(realpath /etc/resolv.conf)" || return 1
	[ ! -S /dev/log ] || mount --bind /dev/null "$(realpath /dev/log)" || return 1
	mount --bind "$LAB" /mnt || return 1
	LAB_REAL=$LAB
	LAB=/mnt
}

lab_begin() {
	LAB=$(mktemp -d "$(tmpdir_public)/countersign-lab.XXXXXX") || return 1
	chmod 755 "$LAB"
	read -r LAB_DNS LAB_SMTP LAB_SUBMISSION LAB_SINK < <(lab_ports 4)
	[ -z "${LAB_ALONE:-}" ] || lab_alone_begin || return 1
	mkdir -p "$LAB"/{dns,etc,spool,data,log,mail,sink,keys,run,store,foreign}
	chown "$LAB_USER" "$LAB"/{mail,run,store,sink}
	chown postfix "$LAB/data" 2>/dev/null
	chmod 700 "$LAB/data"
	LAB_PIDS=()
	trap lab_end EXIT
	trap 'exit 130' INT TERM
}

# The end of each log of the lab, for whoever asks why something failed.
lab_logs() {
	local log
	for log in "$LAB"/log/*; do
		[ -s "$log" ] || continue
		echo "-- ${log##*/}:"
		tail -n 8 "$log"
	done
}

lab_end() {
	local pid
	[ -n "${LAB:-}" ] && [ -d "$LAB" ] || return 0
	lab_daemon_stop
	lab_sendmail_stop
	[ -f "$LAB/spool/pid/master.pid" ] && postfix -c "$LAB/etc" abort >/dev/null 2>&1
	[ -f "$LAB/dns/nsd.pid" ] && kill "$(cat "$LAB/dns/nsd.pid")" 2>/dev/null
	for pid in "${LAB_PIDS[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	if [ -n "${LAB_REAL:-}" ]; then
		umount -l /mnt "$(realpath /etc/resolv.conf)"
		LAB=$LAB_REAL
	fi
	if [ -n "${LAB_KEEP:-}" ]; then echo "lab kept in $LAB" >&2; else rm -rf "$LAB"; fi
	unset LAB
}

# ---- DNS: nsd serves the whole tree from one root zone ----

lab_zone() {
	printf '%s\n' '$ORIGIN .' '$TTL 60' '. IN SOA ns.root. hostmaster.root. 1 3600 600 86400 5' \
		'. IN NS ns.root.' 'ns.root. IN A 127.0.0.1' "$@" >"$LAB/dns/root.zone"
	cat >"$LAB/dns/nsd.conf" <<-N
		server:
		  ip-address: ${LAB_DNS_IP:-127.0.0.1}
		  port: $LAB_DNS
		  username: ""
		  chroot: ""
		  zonesdir: "$LAB/dns"
		  database: ""
		  server-count: 1
		  pidfile: "$LAB/dns/nsd.pid"
		  xfrdfile: "$LAB/dns/xfrd.state"
		  zonelistfile: "$LAB/dns/zone.list"
		  logfile: "$LAB/log/nsd.log"
		remote-control:
		  control-enable: no
		zone:
		  name: "."
		  zonefile: "root.zone"
	N
	if [ -f "$LAB/dns/nsd.pid" ]; then
		kill "$(cat "$LAB/dns/nsd.pid")" 2>/dev/null
		eventually test ! -f "$LAB/dns/nsd.pid"
	fi
	nsd-checkzone . "$LAB/dns/root.zone" >"$LAB/log/checkzone" 2>&1 ||
		{ cat "$LAB/log/checkzone" >&2; lab_fail "the zone is not valid"; return 1; }
	nsd -c "$LAB/dns/nsd.conf" || lab_fail "nsd did not start: $(tail -3 "$LAB/log/nsd.log")"
	eventually test -f "$LAB/dns/nsd.pid"
}

# A key of somebody else's domain, made with OpenSSL; prints the zone line of its record.
lab_key() {
	local domain=$1 selector=$2 file="$LAB/foreign/$1.$2.key" record
	openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$file" 2>"$LAB/log/openssl" ||
		{ cat "$LAB/log/openssl" >&2; return 1; }
	record="v=DKIM1; k=rsa; p=$(openssl pkey -in "$file" -pubout -outform DER | base64 -w0)"
	echo "$selector._domainkey.$domain. IN TXT \"${record:0:200}\" \"${record:200}\""
}

# ---- countersignd ----

# The settings of the lab, then those given (conf.d: a later file replaces what an earlier one set).
lab_conf() {
	mkdir -p "$LAB/etc/conf.d"
	cat >"$LAB/etc/countersign.conf" <<-C
		listen = [ "local:$LAB/run/milter.sock" ];
		socket_mode = "0666";
		dns: { servers = [ "127.0.0.1@$LAB_DNS" ]; timeout = "3s"; };
		sign: { keys = "$LAB/keys"; };
		store: { url = "sqlite:$LAB/store/countersign.db"; };
		log: { target = "stderr"; level = "info"; };
		${COUNTERSIGN_MILTER:+"milter: { engine = \"$COUNTERSIGN_MILTER\"; };"}
	C
	printf '%s\n' "$@" >"$LAB/etc/conf.d/50-lab.conf"
}

lab_daemon() {
	"${LAB_DAEMON:-$LAB_BUILD/daemon/countersignd}" -f -u "$LAB_USER" \
		-c "$LAB/etc/countersign.conf" >>"$LAB/log/countersignd.log" 2>&1 &
	LAB_DAEMON_PID=$!
	eventually test -S "$LAB/run/milter.sock" ||
		{ tail -5 "$LAB/log/countersignd.log" >&2; lab_fail "countersignd did not start"; return 1; }
}

# Has the daemon read its settings again; false if it refused them.
lab_reload() {
	local before
	before=$(lab_reloads | wc -l)
	kill -HUP "$LAB_DAEMON_PID"
	eventually lab_reloaded "$before" || return 1
	lab_reloads | tail -1 | grep -q 'reloaded:'
}

lab_reloads() {
	grep -E ': (reloaded:|reload refused)' "$LAB/log/countersignd.log"
}

lab_reloaded() {
	[ "$(lab_reloads | wc -l)" -gt "$1" ]
}

lab_daemon_stop() {
	local status
	[ -n "${LAB_DAEMON_PID:-}" ] || return 0
	kill "$LAB_DAEMON_PID" 2>/dev/null
	wait "$LAB_DAEMON_PID" 2>/dev/null
	status=$?
	LAB_DAEMON_PID=
	return $status
}

lab_cs() { # the administrator's command with the lab's settings
	"$LAB_BUILD/admin/countersign" -c "$LAB/etc/countersign.conf" "$@"
}

# ---- Postfix ----

lab_postfix() {
	cat >"$LAB/etc/main.cf" <<-P
		compatibility_level = 3.6
		config_directory = $LAB/etc
		queue_directory = $LAB/spool
		data_directory = $LAB/data
		myhostname = mx.example.com
		mydomain = example.com
		myorigin = example.com
		mydestination =
		local_recipient_maps =
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		mynetworks = 127.0.0.9/32
		virtual_mailbox_domains = example.com
		virtual_mailbox_maps = static:box/
		virtual_mailbox_base = $LAB/mail
		virtual_mailbox_limit = 0
		virtual_uid_maps = static:$(id -u "$LAB_USER")
		virtual_gid_maps = static:$(id -g "$LAB_USER")
		virtual_minimum_uid = 1
		relayhost = [127.0.0.1]:$LAB_SINK
		smtp_dns_support_level = disabled
		smtpd_authorized_xclient_hosts = 127.0.0.0/8
		smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
		message_size_limit = 102400000
		mailbox_size_limit = 0
		smtpd_milters = { unix:$LAB/run/milter.sock, default_action=tempfail }
		non_smtpd_milters = { unix:$LAB/run/milter.sock, default_action=tempfail }
		maillog_file = $LAB/log/mail.log
		maillog_file_prefixes = $LAB/log
		alias_maps =
		alias_database =
		smtpd_client_connection_count_limit = 0
		default_process_limit = 60
	P
	cat >"$LAB/etc/master.cf" <<-P
		127.0.0.1:$LAB_SMTP inet n - n - - smtpd
		127.0.0.1:$LAB_SUBMISSION inet n - n - - smtpd
		  -o syslog_name=postfix/submission
		  -o mynetworks=127.0.0.0/8
		  -o milter_macro_daemon_name=ORIGINATING
		  -o smtpd_relay_restrictions=permit_mynetworks,reject
		pickup    unix  n - n 1 1 pickup
		cleanup   unix  n - n - 0 cleanup
		qmgr      unix  n - n 300 1 qmgr
		rewrite   unix  - - n - - trivial-rewrite
		bounce    unix  - - n - 0 bounce
		defer     unix  - - n - 0 bounce
		trace     unix  - - n - 0 bounce
		verify    unix  - - n - 1 verify
		tlsmgr    unix  - - n 1000? 1 tlsmgr
		flush     unix  n - n 1000? 0 flush
		proxymap  unix  - - n - - proxymap
		smtp      unix  - - n - - smtp
		relay     unix  - - n - - smtp
		showq     unix  n - n - - showq
		error     unix  - - n - - error
		retry     unix  - - n - - error
		discard   unix  - - n - - discard
		virtual   unix  - n n - - virtual
		anvil     unix  - - n - 1 anvil
		scache    unix  - - n - 1 scache
		postlog   unix-dgram n - n - 1 postlogd
	P
	[ $# -eq 0 ] || postconf -c "$LAB/etc" -e "$@"
	LAB_MTA=postfix
	lab_sink
	postfix -c "$LAB/etc" start >"$LAB/log/postfix.out" 2>&1 ||
		{ cat "$LAB/log/postfix.out" >&2; lab_fail "Postfix did not start"; return 1; }
	eventually lab_answers "$LAB_SMTP" && eventually lab_answers "$LAB_SUBMISSION" &&
		eventually lab_answers "$LAB_SINK"
}

lab_sink() {
	smtp-sink -u "$LAB_USER" -d "$LAB/sink/m." "127.0.0.1:$LAB_SINK" 100 >"$LAB/log/sink.log" 2>&1 &
	LAB_PIDS+=($!)
}

lab_answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# ---- Sendmail ----

# Unpacks Debian's packages into DIR; they are not installed, because they conflict with Postfix.
# Fails if they cannot be had.
lab_sendmail_get() {
	local dir=$1 deb
	mkdir -p "$dir/deb" "$dir/root" || return 1
	(
		cd "$dir/deb" || exit 1
		get() { timeout 60 apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=10 download "$@"; }
		get sendmail-bin sendmail-cf || exit 1
		# libraries that it needs and the host has not
		get $(dpkg-deb -f sendmail-bin_*.deb Depends | grep -oE '\<lib[^ ,]+' |
			while read -r deb; do dpkg -s "$deb" >/dev/null 2>&1 || echo "$deb"; done) libwrap0
	) >"$dir/log" 2>&1 || return 1
	for deb in "$dir"/deb/*.deb; do dpkg -x "$deb" "$dir/root" || return 1; done
	chmod 755 "$dir/root/usr/libexec/sendmail/sendmail" # set-group-ID would drop LD_LIBRARY_PATH
}

# A command of the packages in $LAB_SENDMAIL (a directory that lab_sendmail_get filled).
lab_sm() {
	local command=$1 lib
	lib=$(printf '%s:' "$LAB_SENDMAIL"/root/{usr/,}lib/*-linux-gnu)
	shift
	LD_LIBRARY_PATH=${lib%:} "$LAB_SENDMAIL/root/usr/libexec/sendmail/$command" "$@"
}

lab_sendmail() {
	local cf=$LAB_SENDMAIL/root/usr/share/sendmail/cf
	mkdir -p "$LAB"/sm/mqueue "$LAB"/mail/box/{new,tmp}
	chmod 700 "$LAB/sm/mqueue"
	chown -R "$LAB_USER" "$LAB/mail"
	: >"$LAB/sm/aliases"
	: >"$LAB/sm/local-host-names"
	cat >"$LAB/sm/deliver" <<-D
		#!/bin/sh
		cat >$LAB/mail/box/tmp/\$\$ && mv $LAB/mail/box/tmp/\$\$ $LAB/mail/box/new/\$\$
	D
	chmod 755 "$LAB/sm/deliver"
	{
		cat <<-M
			divert(-1)dnl
			include(\`$cf/m4/cf.m4')dnl
			divert(0)dnl
			VERSIONID(\`lab')
			OSTYPE(\`linux')dnl
			define(\`confDOMAIN_NAME', \`mx.example.com')dnl
			define(\`QUEUE_DIR', \`$LAB/sm/mqueue')dnl
			define(\`ALIAS_FILE', \`$LAB/sm/aliases')dnl
			define(\`HELP_FILE', \`/dev/null')dnl
			undefine(\`STATUS_FILE')dnl
			define(\`confCW_FILE', \`$LAB/sm/local-host-names')dnl
			define(\`confPID_FILE', \`$LAB/sm/pid')dnl
			define(\`confDEF_USER_ID', \`$LAB_USER:$(id -gn "$LAB_USER")')dnl
			define(\`confDONT_PROBE_INTERFACES', \`true')dnl
			define(\`confTO_IDENT', \`0')dnl
			define(\`confCONNECTION_RATE_THROTTLE', \`0')dnl
			define(\`confQUEUE_LA', \`1000')dnl
			define(\`confREFUSE_LA', \`1000')dnl
			define(\`confDELAY_LA', \`1000')dnl
			define(\`SMART_HOST', \`relay:[127.0.0.1]')dnl
			define(\`RELAY_MAILER_ARGS', \`TCP \$h $LAB_SINK')dnl
			FEATURE(\`nocanonify')dnl
			FEATURE(\`promiscuous_relay')dnl
			FEATURE(\`accept_unresolvable_domains')dnl
			FEATURE(\`no_default_msa')dnl
			DAEMON_OPTIONS(\`Family=inet, Name=MTA-v4, Addr=127.0.0.1, Port=$LAB_SMTP')dnl
			DAEMON_OPTIONS(\`Family=inet, Name=MSP-v4, Addr=127.0.0.1, Port=$LAB_SUBMISSION, M=E')dnl
			define(\`COUNTERSIGN_SOCKET', \`local:$LAB/run/milter.sock')dnl
			include(\`$LAB_SRC/contrib/sendmail/countersign.m4')dnl
		M
		printf '%s\n' "$@"
		cat <<-M
			MAILER(\`smtp')dnl
			MAILER_DEFINITIONS
			Mbox, P=$LAB/sm/deliver, F=DFMnu8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, U=$LAB_USER, L=0, T=DNS/RFC822/X-Unix, A=deliver \$u
			LOCAL_RULE_0
			R\$* < @ example.com > \$*	\$#box \$@ box \$: \$1
			R\$* < @ example.com . > \$*	\$#box \$@ box \$: \$1
		M
	} >"$LAB/sm/sendmail.mc"
	m4 -D_CF_DIR_="$cf/" "$LAB/sm/sendmail.mc" >"$LAB/sm/sendmail.cf" 2>"$LAB/log/m4" ||
		{ cat "$LAB/log/m4" >&2; lab_fail "sendmail.mc is not valid"; return 1; }
	if [ -z "$LAB_MTA" ]; then lab_sink; fi
	LAB_MTA=sendmail
	lab_sm sendmail -bd -q30m -C "$LAB/sm/sendmail.cf" >"$LAB/log/sendmail.out" 2>&1 ||
		{ cat "$LAB/log/sendmail.out" >&2; lab_fail "Sendmail did not start"; return 1; }
	eventually lab_answers "$LAB_SMTP" && eventually lab_answers "$LAB_SUBMISSION" &&
		eventually lab_answers "$LAB_SINK"
}

lab_sendmail_stop() {
	local pid
	[ -f "$LAB/sm/pid" ] || return 0
	pid=$(head -1 "$LAB/sm/pid")
	kill "$pid" 2>/dev/null
	eventually test ! -d "/proc/$pid"
	rm -f "$LAB/sm/pid"
}

# ---- mail ----

# lab_send IP HELO FROM TO FILE [swaks option...]: inbound, as if from that client. Prints what the
# server said to the message; the whole dialogue is in $LAB/log/swaks.
lab_send() {
	local ip=$1 helo=$2 from=$3 to=$4 file=$5
	shift 5
	if [ "$LAB_MTA" = sendmail ]; then
		set -- --local-interface "$ip" "$@"
	else
		set -- --xclient-addr "$ip" --xclient-name "$helo" "$@"
	fi
	swaks --server 127.0.0.1 --port "$LAB_SMTP" \
		--helo "$helo" --from "$from" --to "$to" --data "@$file" --suppress-data "$@" \
		>"$LAB/log/swaks" 2>&1
	lab_reply
}

# lab_submit FROM TO FILE [swaks option...]: outbound, through the submission port.
lab_submit() {
	local from=$1 to=$2 file=$3
	shift 3
	swaks --server 127.0.0.1 --port "$LAB_SUBMISSION" --from "$from" --to "$to" \
		--data "@$file" --suppress-data "$@" >"$LAB/log/swaks" 2>&1
	lab_reply
}

# lab_talk IP PORT: says what is on standard input from that address, a command a line, and prints the
# answers. What follows DATA up to "." is sent as it is, with CRLF.
lab_talk() {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[1], LocalAddr => $ARGV[0]) or die;
		$s->autoflush(1);
		sub answer { my $l; do { $l = <$s> // exit; $l =~ s/\r//; print $l } until $l =~ /^\d\d\d / }
		answer();
		my $data = 0;
		while (my $line = <STDIN>) {
			$line =~ s/\r?\n$//;
			print $s "$line\r\n";
			$data = 0 if $line eq ".";
			answer() unless $data;
			$data = 1 if $line =~ /^DATA$/i;
		}' "$1" "$2"
}

# What the server said to the message itself, or to the command that it refused.
lab_reply() {
	grep -E '^<(-|\*\*) ' "$LAB/log/swaks" | grep -vE ' (221|220|354) ' | tail -1 |
		sed -E 's/^<(-|\*\*) *//'
}

# The message with this subject in the mailbox, once it is there; prints its path.
lab_mail() {
	lab_find "$1" "$LAB"/mail/box/new
}

# The same for what left through the sink, without the lines that the sink puts above it.
lab_left() {
	local file
	file=$(lab_find "$1" "$LAB/sink") || return 1
	awk 'done { print; next }
	     /^X-(Client|Helo|Mail|Rcpt)-/ { next }
	     /^Received: from/ && !seen { seen = 1; next }
	     seen && /^[ \t]/ { next }
	     { done = 1; print }' "$file" >"$file.msg"
	echo "$file.msg"
}

lab_find() { # subject, directory
	eventually lab_has "$@"
	lab_has "$@"
}

lab_has() {
	grep -rlE --exclude="*.msg" "^Subject: $1"$'\r?$' "$2" 2>/dev/null | head -1 | grep .
}

# A header field of a message with its folds undone.
lab_field() {
	awk -v name="$(echo "$2" | tr A-Z a-z):" '
		/^\r?$/ { exit }
		/^[ \t]/ { if (on) { sub(/^[ \t]+/, " "); sub(/\r$/, ""); text = text $0 } ; next }
		{ if (on) { print text; on = 0 } }
		index(tolower($0), name) == 1 { on = 1; text = $0; sub(/\r$/, "", text) }
		END { if (on) print text }' "$1"
}
