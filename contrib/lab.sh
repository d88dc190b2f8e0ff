# A private mail lab, for the demonstration and the end-to-end tests. To be sourced by bash.
#
# One directory holds everything: a DNS zone served by nsd, a Postfix with its own configuration,
# queue and high ports, mailboxes, a sink for what leaves, and countersignd. The host's own Postfix
# and DNS are never touched. Needs root, because Postfix's master does.
#
#   lab_begin                   makes $LAB and picks free ports; lab_end (run at exit) stops all of it
#   lab_zone RECORD...          (re)writes the zone (the root) and serves it on port $LAB_DNS
#   lab_key DOMAIN SELECTOR     a foreign signing key; prints its zone line
#   lab_conf SETTING...         writes countersign.conf (dns, listen, keys and store are filled in)
#   lab_daemon                  starts countersignd; lab_reload, lab_daemon_stop
#   lab_postfix [SETTING...]    starts Postfix, main.cf changed by these (name=value)
#   lab_send, lab_submit        mail in and out; lab_mail, lab_left find what arrived and what left

LAB_SRC=${COUNTERSIGN_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
LAB_BUILD=${COUNTERSIGN_BUILD:-$LAB_SRC/build}
LAB_USER=nobody
PATH=$PATH:/usr/sbin:/sbin

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

# Waits until a command succeeds, at most SECONDS.
lab_wait() {
	local seconds=$1 end
	shift
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -ge $end ] && return 1
		sleep 0.05
	done
}

lab_begin() {
	LAB=$(mktemp -d "${TMPDIR:-/tmp}/countersign-lab.XXXXXX") || return 1
	chmod 755 "$LAB"
	read -r LAB_DNS LAB_SMTP LAB_SUBMISSION LAB_SINK < <(lab_ports 4)
	mkdir -p "$LAB"/{dns,etc,spool,data,log,mail,sink,keys,run,store,foreign}
	chown "$LAB_USER" "$LAB"/{mail,run,store,sink}
	chown postfix "$LAB/data" 2>/dev/null
	chmod 700 "$LAB/data"
	LAB_PIDS=()
	trap lab_end EXIT
	trap 'exit 130' INT TERM
}

lab_end() {
	local pid
	[ -n "${LAB:-}" ] && [ -d "$LAB" ] || return 0
	lab_daemon_stop
	[ -f "$LAB/spool/pid/master.pid" ] && postfix -c "$LAB/etc" abort >/dev/null 2>&1
	[ -f "$LAB/dns/nsd.pid" ] && kill "$(cat "$LAB/dns/nsd.pid")" 2>/dev/null
	for pid in "${LAB_PIDS[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	if [ -n "${LAB_KEEP:-}" ]; then echo "lab kept in $LAB" >&2; else rm -rf "$LAB"; fi
	unset LAB
}

# ---- DNS: nsd serves the whole tree from one root zone ----

lab_zone() {
	printf '%s\n' '$ORIGIN .' '$TTL 60' '. IN SOA ns.root. hostmaster.root. 1 3600 600 86400 5' \
		'. IN NS ns.root.' 'ns.root. IN A 127.0.0.1' "$@" >"$LAB/dns/root.zone"
	cat >"$LAB/dns/nsd.conf" <<-N
		server:
		  ip-address: 127.0.0.1
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
		lab_wait 5 test ! -f "$LAB/dns/nsd.pid"
	fi
	nsd-checkzone . "$LAB/dns/root.zone" >"$LAB/log/checkzone" 2>&1 ||
		{ cat "$LAB/log/checkzone" >&2; lab_fail "the zone is not valid"; return 1; }
	nsd -c "$LAB/dns/nsd.conf" || lab_fail "nsd did not start: $(tail -3 "$LAB/log/nsd.log")"
	lab_wait 5 test -f "$LAB/dns/nsd.pid"
}

# A key of somebody else's domain, made with OpenSSL; prints the zone line of its record.
lab_key() {
	local domain=$1 selector=$2 file="$LAB/foreign/$1.$2.key" record
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$file" 2>/dev/null
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
	C
	printf '%s\n' "$@" >"$LAB/etc/conf.d/50-lab.conf"
}

lab_daemon() {
	"${LAB_DAEMON:-$LAB_BUILD/milter/countersignd}" -f -u "$LAB_USER" \
		-c "$LAB/etc/countersign.conf" >>"$LAB/log/countersignd.log" 2>&1 &
	LAB_DAEMON_PID=$!
	lab_wait 10 test -S "$LAB/run/milter.sock" ||
		{ tail -5 "$LAB/log/countersignd.log" >&2; lab_fail "countersignd did not start"; return 1; }
}

# Has the daemon read its settings again; false if it refused them.
lab_reload() {
	local before
	before=$(lab_reloads | wc -l)
	kill -HUP "$LAB_DAEMON_PID"
	lab_wait 5 lab_reloaded "$before" || return 1
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
		smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
		smtpd_sasl_auth_enable = yes
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
	smtp-sink -u "$LAB_USER" -d "$LAB/sink/m." "127.0.0.1:$LAB_SINK" 100 >"$LAB/log/sink.log" 2>&1 &
	LAB_PIDS+=($!)
	postfix -c "$LAB/etc" start >"$LAB/log/postfix.out" 2>&1 ||
		{ cat "$LAB/log/postfix.out" >&2; lab_fail "Postfix did not start"; return 1; }
	lab_wait 10 lab_answers "$LAB_SMTP" && lab_wait 10 lab_answers "$LAB_SUBMISSION" &&
		lab_wait 10 lab_answers "$LAB_SINK"
}

lab_answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# ---- mail ----

# lab_send IP HELO FROM TO FILE [swaks option...]: inbound, as if from that client. Prints what the
# server said to the message; the whole dialogue is in $LAB/log/swaks.
lab_send() {
	local ip=$1 helo=$2 from=$3 to=$4 file=$5
	shift 5
	swaks --server 127.0.0.1 --port "$LAB_SMTP" --xclient-addr "$ip" --xclient-name "$helo" \
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

lab_find() {
	local file _
	for _ in $(seq 200); do
		file=$(grep -rlE --exclude="*.msg" "^Subject: $1"$'\r?$' "$2" 2>/dev/null | head -1)
		[ -n "$file" ] && { echo "$file"; return 0; }
		sleep 0.05
	done
	return 1
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
