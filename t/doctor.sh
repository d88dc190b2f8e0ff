#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign doctor: on a machine where all is well, and then with one thing broken after the other: it must name the
# fault, and the command that corrects it.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare postconf perl sqlite3
clear_of_midnight 120
machine "$0"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
export LC_ALL=C
work=$(mktemp -d)
spool=/var/spool/postfix/countersign
main=/etc/postfix/main.cf
mkdir "$work/bin"
ln -s "$cs" "$COUNTERSIGN_BUILD/daemon/countersignd" "$work/bin"
PATH=$work/bin:$PATH
rm -rf /run/systemd/system
etc=$("$cs" config explain sign.keys | grep -oE '"/[^"]*/keys"' | head -1 | tr -d '"')
etc=${etc%/keys}
db=$("$cs" config explain store.url | grep -oE 'sqlite:/[^"]*' | head -1)
db=${db#sqlite:}

check() { # name, exit code
	if [ "$2" = 0 ]; then pass "$1"; else
		fail "$1"
		cat "$work/out" "$work/err" | sed 's/^/# /'
	fi
}
doctor() { # exit code, arguments
	local want=$1 status
	shift
	"$cs" doctor "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" = "$want" ]
	check "doctor $* exits $want ($status)" $?
}
finds() { # what, then its command (or nothing)
	grep -qE -- "(ERROR|warn|skip) +$1" "$work/out"
	check "finds: $1" $?
	[ $# -lt 2 ] || { grep -A1 -E -- "(ERROR|warn|skip) +$1" "$work/out" | grep -qE -- "fix: $2"; check "and says: $2" $?; }
}
mainly() { # lines of main.cf: the last one counts. Of a file that was just changed postconf waits for the end of it.
	printf '%s\n' "$@" >>$main
	touch -d '1 minute ago' $main
}
lacks_line() { ! grep -qE -- "$1" "$work/out"; check "has not: $1" $?; }
fine() { grep -qE -- "ok +$1" "$work/out"; check "fine: $1" $?; }

daemon_start() {
	"$COUNTERSIGN_BUILD/daemon/countersignd" -f -u countersign >>"$work/log" 2>&1 &
	daemon=$!
	eventually test -S $spool/milter.sock
}
daemon_stop() {
	kill "$daemon"
	wait "$daemon" 2>/dev/null
}
zone() { # the records of all keys, and more lines
	{
		printf '%s\n' "$@" 'example.com 0 TXT "v=spf1 mx -all"' '_dmarc.example.com 0 TXT "v=DMARC1; p=none"' "stamp.test 0 TXT \"$((++stamp))\""
		[ -n "${unpublished:-}" ] || "$cs" key show example.com --format line | while read -r name value; do
			echo "$name 0 TXT \"${value:0:200}\" \"${value:200}\""
		done
	} >"$work/zone"
	kill -HUP "$dns"
	for _ in $(seq 100); do
		"$COUNTERSIGN_BUILD/t/bin/dnsq" 127.0.0.1 stamp.test/TXT 2>/dev/null | grep -qw "$stamp" && return
		sleep 0.05
	done
}
rows() { sqlite3 "$db" 'select count(*) from sqlite_master; select sum(messages) from tally' 2>/dev/null; md5sum <"$db"; }

# ---- a machine that is not set up ----
machine_postfix
rm -rf "$etc" "$(dirname "$db")"
echo 'stamp.test 0 TXT "0"' >"$work/zone"
"$COUNTERSIGN_BUILD/t/bin/dnsd" --negative-ttl 0 --port 53 --port-file "$work/port" "$work/zone" >"$work/dnsd" 2>&1 &
dns=$!
eventually test -s "$work/port"
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
doctor 1
finds 'there is no .*countersign.conf' 'countersign setup'
finds 'there is no user countersign' 'countersign setup'
finds 'it is not running: .*milter.sock' 'countersignd -u countersign -c /'
is "which is told once" "$(grep -ciE 'not running|does not answer|nobody listens' "$work/out")" 1
like "with the number of what follows from it" "$(tail -1 "$work/out")" 'not looked at \([0-9]+ for what is reported above'
finds 'smtpd_milters does not name our socket: no mail is judged' 'countersign setup --apply'

# ---- one where all is well ----
"$cs" setup --apply --force >"$work/out" 2>&1
check "setup" $?
zone
"$cs" -q key activate example.com
mkdir "$etc/conf.d"
echo 'log: { target = "stderr"; };' >"$etc/conf.d/10-log.conf"
daemon_start
doctor 0
fine '127\.0\.0\.1 answers in '
fine '127\.0\.0\.1 answers over TCP'
fine 'names that do not exist'
fine '.*active: published record: matches'
fine 'signed with s[0-9]*a of example\.com, and it verifies'
fine 'mail of a stranger got its Authentication-Results'
fine 'user postfix, in its chroot /var/spool/postfix, reaches countersign/milter\.sock'
fine 'example\.com: v=spf1 mx -all'
fine 'example\.com: v=DMARC1; p=none'
fine 'its pages hang together'
before=$(rows) log=$(wc -l <"$work/log")
doctor 0 -q
is "with -q a healthy machine has few lines" "$(grep -c ' ok ' "$work/out")" 0
is "the probes are not counted" "$(rows)" "$before"
ok "the daemon does log" test "$log" -gt 0
is "nor logged" "$(wc -l <"$work/log")" "$log"
"$cs" --json doctor >"$work/out"
is "every check is in the JSON" "$(python3 -c 'import json, sys; d = json.load(sys.stdin); print(len({f["id"] for f in d["findings"]}) > 25, d["errors"])' <"$work/out")" "True 0"
as_nobody() { perl -e '$( = $) = "65534 65534"; ($<, $>) = (65534, 65534); exec @ARGV' "$@" >"$work/out" 2>&1; }
reach=$(mktemp -d) && chmod 755 "$reach" && cp "$cs" "$reach/" # the clone may be where only root can read
as_nobody "$reach/countersign" doctor
finds '.*only root'
finds '.*user nobody may not read it \(mode 0750.*run this as root'
like "another user is told to be root" "$(cat "$work/out")" 'run this as root\.$'
is "and nothing that gives the keys away" "$(grep -E 'chgrp|chown|chmod' "$work/out")" ""
as_nobody "$reach/countersign" key list
like "nor does a key command" "$(cat "$work/out")" 'may not read it .*: run this as root'
chmod 755 "$etc/keys"
as_nobody "$reach/countersign" key list
like "not for the directory of a domain either" "$(cat "$work/out")" 'example\.com: user nobody may not read it .*: run this as root'
rm -r "$reach"
chmod 750 "$etc/keys"
doctor 64 --only=nosuch
doctor 0 --only=clock

# ---- the probe is own mail, by whatever makes mail own ----
probe_with() { # settings: the daemon reads them
	echo "$1" >"$etc/conf.d/85-probe.conf"
	"$cs" reload >/dev/null 2>&1
	"$cs" doctor --only=probe.outbound >"$work/out" 2>"$work/err"
}
probe_with 'trusted_networks = [ ];'
fine 'signed with s[0-9]*a of example\.com, and it verifies'
for login in '"alice"; domains = [ "example.com" ]' '"*"; domains = [ "$login" ]' '"*@other.test"; domains = [ "*.example.org", "example.com" ]'; do
	probe_with "sign: { logins = ( { login = $login; } ); };"
	fine 'signed with s[0-9]*a of example\.com, and it verifies'
done
probe_with 'sign: { logins = ( { login = "alice"; domains = [ "other.test" ]; } ); };'
finds 'no login may sign for example\.com \(sign\.logins\)' 'countersign config explain sign\.logins'
is "which is not the fault of the key" "$(grep -c ERROR "$work/out")" 0
rm "$etc/conf.d/85-probe.conf"
"$cs" reload >/dev/null 2>&1

# ---- the socket: path, rights, nobody there ----
mainly 'smtpd_milters = { unix:/var/spool/postfix/countersign/milter.sock, default_action=tempfail }'
doctor 1 --only=socket
finds 'wrong path: user postfix, in its chroot /var/spool/postfix, finds no /var' 'countersign setup --apply'
mainly 'smtpd_milters = { unix:countersign/milter.sock, default_action=tempfail }'
chmod 2700 $spool
doctor 1 --only=socket
finds 'wrong group or mode: .*countersign, mode 2700, owner countersign, group postfix' 'countersign setup socket-dir'
"$cs" setup socket-dir >/dev/null
chgrp countersign $spool/milter.sock
doctor 1 --only=socket
finds 'wrong group or mode: .*milter\.sock, mode 0660, owner countersign, group countersign' 'countersign setup socket-dir'
chgrp postfix $spool/milter.sock
doctor 0 --only=socket
chmod 2753 $spool
doctor 1 --only=socket
finds '.*mode 2753: every user can put a socket' 'chmod o-w'
chmod 2750 $spool
kill -9 "$daemon" $(pgrep -P "$daemon")
wait "$daemon" 2>/dev/null
doctor 1
finds 'it is not running' 'countersignd -u'
is "a daemon that is down is one line" "$(sed -nE "/ (ERROR|warn|skip) /s/^  ([a-z._]*).*/\1/p" "$work/out" | grep -vE "^clock|^mta.bare_newline" | xargs)" "daemon.runs"
doctor 1 -v
finds 'nobody listens there'
finds 'the daemon does not answer here'
doctor 1 --only=socket
finds 'nobody listens: .*which a dead daemon left' 'countersignd -u'
mkdir -p /run/systemd/system
cp "$COUNTERSIGN_SRC/contrib/systemd/countersignd.service" /etc/systemd/system/
doctor 1 --only=socket
finds 'nobody listens: .*which a dead daemon left' 'systemctl start countersignd$'
rm -r /run/systemd/system /etc/systemd/system/countersignd.service
rm $spool/milter.sock
doctor 1 --only=socket
finds 'nobody listens: .*which the daemon makes' 'countersignd -u'
daemon_start

# ---- main.cf, master.cf ----
cp -p $main "$work/main.cf"
mainly 'smtpd_milters = unix:opendkim/opendkim.sock, { unix:countersign/milter.sock, default_action=accept }, unix:late/s' \
	'non_smtpd_milters = ' 'milter_protocol = 2' 'milter_macro_daemon_name = ORIGINATING' 'smtp_generic_maps = hash:/x'
postconf -PX submission/inet/milter_macro_daemon_name
touch -d '1 minute ago' /etc/postfix/*.cf
doctor 1 --only=mta
finds 'default_action=accept: while the daemon is down mail passes unjudged'
finds 'non_smtpd_milters does not name'
finds 'milter_protocol = 2' 'postconf -X milter_protocol'
finds 'milter_macro_daemon_name = ORIGINATING in main.cf: mail of strangers through smtp/inet' 'postconf -X'
finds 'OpenDKIM \(unix:opendkim/opendkim\.sock\) is asked too' 'countersign setup --apply --replace'
finds 'another filter \(unix:late/s\) is asked after countersignd'
finds 'smtp_generic_maps = hash:/x changes header fields' 'postconf -X smtp_generic_maps'
printf 'Socket\t inet:8891@localhost # on TCP\n' >/etc/opendkim.conf
echo 'SOCKET="inet:8893@127.0.0.1"' >/etc/default/opendmarc
rm -f /etc/default/opendkim /etc/opendmarc.conf
mainly 'smtpd_milters = inet:127.0.0.1:8891, inet:localhost:8893, inet:192.0.2.1:8891, { unix:countersign/milter.sock, default_action=tempfail }'
postconf -P 'submission/inet/smtpd_milters=inet:localhost:8891'
touch -d '1 minute ago' /etc/postfix/*.cf
doctor 1 --only=mta
finds 'OpenDKIM \(inet:127\.0\.0\.1:8891, by /etc/opendkim\.conf\) is asked too' 'countersign setup --apply --replace'
finds 'OpenDMARC \(inet:localhost:8893, by /etc/default/opendmarc\) is asked too'
fine 'another filter \(inet:192\.0\.2\.1:8891\) is asked before countersignd'
finds 'submission/inet has filters of its own in master\.cf \(smtpd_milters=inet:localhost:8891\)' 'postconf -PX submission/inet/smtpd_milters'
postconf -PX submission/inet/smtpd_milters

# ---- content filters, logins, line ends ----
cp -p "$work/main.cf" $main
postconf -P 'submission/inet/milter_macro_daemon_name=ORIGINATING'
touch -d '1 minute ago' /etc/postfix/*.cf
doctor 0 --only=mta
fine 'no content filter takes mail that countersignd has not seen'
finds 'smtpd_forbid_bare_newline = no, the default of Postfix 3' 'postconf -e smtpd_forbid_bare_newline=normalize'
fine 'one domain has keys'
mainly 'smtpd_forbid_bare_newline = normalize' 'content_filter = smtp:[127.0.0.1]:10024'
doctor 0 --only=mta
fine 'smtpd_forbid_bare_newline = normalize'
fine 'no content filter takes mail'
postconf -P 'smtp/inet/smtpd_milters='
touch -d '1 minute ago' /etc/postfix/*.cf
doctor 1 --only=mta.content_filter
finds 'mail through smtp/inet goes to content_filter = smtp:\[127\.0\.0\.1\]:10024 and countersignd is not asked about it first'
postconf -PX smtp/inet/smtpd_milters
mainly 'content_filter =' 'smtpd_proxy_filter = 127.0.0.1:10024'
doctor 1 --only=mta.content_filter
finds 'mail through submission/inet goes to smtpd_proxy_filter = .* before any filter has seen its header'
mainly 'smtpd_proxy_filter =' 'smtpd_sasl_auth_enable = yes'
"$cs" -q key gen example.org --selector other --active >/dev/null
doctor 0 --only=mta.logins
finds '2 domains have keys, and nothing binds the logins of submission/inet' 'countersign config explain sign\.logins'
mainly 'smtpd_sender_login_maps = static:x' 'smtpd_sender_restrictions = permit_mynetworks, reject_sender_login_mismatch'
doctor 0 --only=mta.logins
finds 'submission/inet checks the senders of its logins, and sign\.mta_checks_sender is false: mail of a login without a domain is not signed' 'countersign config explain sign\.mta_checks_sender'
echo 'sign: { mta_checks_sender = true; };' >"$etc/conf.d/30-logins.conf"
doctor 0 --only=mta.logins
fine 'logins are bound to their senders'
mainly 'own_restrictions = permit_mynetworks, reject_sender_login_mismatch' 'smtpd_sender_restrictions = $own_restrictions'
doctor 0 --only=mta.logins
fine 'logins are bound to their senders'
postconf -P 'submission/inet/own=reject_authenticated_sender_login_mismatch' 'submission/inet/smtpd_sender_restrictions=$own'
touch -d '1 minute ago' /etc/postfix/*.cf
mainly 'smtpd_sender_restrictions ='
doctor 0 --only=mta.logins
lacks_line 'submission/inet does not check it'
postconf -PX submission/inet/own submission/inet/smtpd_sender_restrictions
mainly 'smtpd_sender_restrictions = permit_sasl_authenticated, reject_sender_login_mismatch'
doctor 0 --only=mta.logins
finds 'sign\.mta_checks_sender = true, and submission/inet does not check it' 'countersign config explain sign\.mta_checks_sender'
mainly 'smtpd_sender_restrictions ='
doctor 0 --only=mta.logins
finds 'sign\.mta_checks_sender = true, and submission/inet does not check it' 'countersign config explain sign\.mta_checks_sender'
echo 'sign: { aliases = ( { domain = "example.com"; aliases = [ "example.org" ]; } ); };' >"$etc/conf.d/30-logins.conf"
doctor 0 --only=mta.logins
fine 'logins of submission/inet sign for their own domain and its aliases; one without a domain is not signed'
for rule in any envelope; do
	echo "sign: { sender = \"$rule\"; };" >"$etc/conf.d/30-logins.conf"
	doctor 0 --only=mta.logins
	finds "sign\.sender = \"$rule\", and .*every login can have mail signed for all 2 domains" 'countersign config explain sign\.sender'
	mainly 'smtpd_sender_restrictions = reject_sender_login_mismatch'
	doctor 0 --only=mta.logins
	fine "logins of submission/inet: sign\.sender = \"$rule\", and the MTA binds them to senders"
	mainly 'smtpd_sender_restrictions ='
done
echo 'sign: { logins = ( { login = "bob"; domains = [ "example.com" ]; } ); };' >"$etc/conf.d/30-logins.conf"
doctor 0 --only=mta.logins
fine 'logins are bound to their senders'
rm "$etc/conf.d/30-logins.conf"
rm -r "$etc/keys/example.org"
doctor 0 --only=mta.logins
fine 'logins of submission/inet sign for their own domain; one without a domain is not signed'
postconf -PX submission/inet/milter_macro_daemon_name
cp -p "$work/main.cf" $main
touch -d '1 minute ago' /etc/postfix/*.cf
doctor 0 --only=mta
finds 'submission/inet has no milter_macro_daemon_name' 'countersign setup --apply'
mainly 'smtpd_milters = { unix:countersign/milter.sock, default_action=reject }'
doctor 1 --only=mta
finds 'default_action=reject: each restart'
cp -p "$work/main.cf" $main

# ---- keys ----
key=$(ls "$etc"/keys/example.com/*.key)
chmod 0644 "$key"
doctor 1 --only=keys.files
finds ".*$(basename "$key"): mode 0644 lets every user read the key" "chmod 0640 $key"
chmod 0640 "$key"
chgrp root "$key"
doctor 1 --only=keys.files
finds '.*user countersign-keys may not read it \(mode 0640, owner root, group root\)' "chgrp countersign-keys $key && chmod 0640"
chgrp countersign-keys "$key"
chgrp root "$etc/keys"
doctor 1 --only=keys.files
finds '.*keys: user countersign-keys may not read it' 'countersign setup$'
"$cs" setup >/dev/null 2>&1
doctor 0 --only=keys.files
chgrp -R countersign "$etc/keys" # as before there was a process for the keys
doctor 0 --only=keys.files
finds '.*keys: user countersign can read the keys, too' 'countersign setup$'
"$cs" setup >/dev/null 2>&1
doctor 0 --only=keys.files
fine '1 in .*, of root, readable for countersign-keys'
chown countersign "$etc/keys"
doctor 1 --only=keys.files
finds '.*keys: owned by user countersign, who could replace it' 'chown root'
chown countersign-keys "$etc/keys"
doctor 0 --only=keys.files
finds '.*belongs to countersign-keys' 'chown -R root'
chown root "$etc/keys"
unpublished=1 zone
doctor 1 --only=keys
finds '.*active: published record: absent' 'countersign key show example\.com'
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null | openssl pkey -pubout -outform DER | base64 -w0 >"$work/other"
selector=$(basename "$key" .key)
unpublished=1 zone "$selector._domainkey.example.com 0 TXT \"v=DKIM1; p=$(head -c 200 "$work/other")\" \"$(tail -c +201 "$work/other")\""
doctor 1 --only=keys
finds '.*active: published record: differs' 'countersign key show example\.com'
zone
state=${key%.key}.state
cp "$state" "$work/state"
echo 'active 2020-01-01T00:00:00Z' >"$state"
doctor 0 --only=keys
finds ".*$selector of example.com signs since [0-9]+ days" 'countersign key rotate example\.com'
cp "$work/state" "$state"
for n in $(seq 120); do cp -a "$etc/keys/example.com" "$etc/keys/c$n.example.net"; done # as a hoster has them
doctor 1 --only=keys.published
finds '.*2[0-9] more keys were not looked at' 'countersign key check'
is "of many keys, a hundred are told" "$(grep -c 'active: published record: absent' "$work/out")" 100
rm -r "$etc"/keys/c*.example.net

# ---- a daemon that has not read its keys ----
"$cs" -q key gen example.com --selector late --active >/dev/null
doctor 1 --only=daemon
finds 'late of example.com is active, and the daemon does not sign with it' 'countersign reload'
kill -HUP "$daemon"
for _ in $(seq 50); do "$cs" -q doctor --only=daemon >"$work/out" && break; sleep 0.1; done
doctor 0 --only=daemon
fine 'signed with late of example\.com'
rm "$etc"/keys/example.com/late.*

# ---- where messages are kept on which the second opinion differs ----
echo "second_opinion: { keep = \"$work/cases\"; };" >"$etc/conf.d/40-opinion.conf"
doctor 1 --only=opinion
finds ".*$work/cases is not a directory" "install -d -m 700 -o countersign $work/cases"
chmod 755 "$work"
install -d -m 700 "$work/cases"
doctor 1 --only=opinion
finds ".*user countersign cannot keep messages there" "chown countersign $work/cases"
chown countersign "$work/cases"
chmod 777 "$work/cases"
doctor 0 --only=opinion
finds ".*every user can remove or add messages" "chmod 700 $work/cases"
chmod 700 "$work/cases"
: >"$work/cases/1.case"
doctor 0 --only=opinion
fine "1 messages of at most 100, 0 KiB of 65536, in $work/cases"
for n in $(seq 2 100); do : >"$work/cases/$n.case"; done
doctor 0 --only=opinion
finds ".*$work/cases is full \(100 messages" "rm $work/cases/\*.case"
rm "$etc/conf.d/40-opinion.conf"

# ---- the ledger: each cause has its fix, and what was counted is still there after it ----
printf '%s\n' 'connect	mail.test	192.0.2.7' 'helo	mail.test' 'mail	<a@example.com>' 'rcpt	<b@example.net>' \
	'header	From	 a@example.com' 'eoh' 'macro	E	i	Q1' 'eom' | "$COUNTERSIGN_BUILD/t/bin/milterc" $spool/milter.sock >"$work/out" 2>&1
counted() { sqlite3 "$1" 'select sum(messages) from tally' 2>&1; }
for _ in $(seq 100); do [ "$(counted "$db")" = 1 ] && break; sleep 0.1; done
is "a message is counted" "$(counted "$db")" 1
daemon_stop
mkdir "$work/db"
mv "$db"* "$work/db"
put_back() { rm -rf "$db"*; cp -p "$work/db"/* "$(dirname "$db")"; }
run_fix() { # as it is printed; then the daemon runs, and all is well
	fix=$(grep -A1 -E '^  ledger.whole +ERROR' "$work/out" | sed -n 's/^ *fix: //p')
	sh -c "$fix" >"$work/fix" 2>&1
	check "its fix runs: $fix" $?
	for _ in $(seq 100); do [ -S $spool/milter.sock ] && break; sleep 0.05; done
	doctor 0 --only=ledger
	daemon=$(pgrep -o -x countersignd)
}
stop_fixed() { kill "$daemon"; for _ in $(seq 200); do kill -0 "$daemon" 2>/dev/null || return; sleep 0.05; done; }

put_back
sqlite3 "$db" 'drop trigger rx_report_added; drop trigger rx_report_changed; drop trigger rx_report_deleted; drop table rx_unshipped; drop index sent_unshipped; alter table sent drop column shipped; pragma user_version = 18' # as it was before the last step of store/sql/sqlite.c
doctor 1 --only=ledger
finds '.*its schema is older than this program.*nothing is lost' 'countersignd -u countersign'
run_fix
is "an older schema: what was counted is there" "$(counted "$db")" 1
stop_fixed

rm -f "$db"*
install -o countersign -g countersign -m 640 /dev/null "$db"
doctor 1 --only=ledger
finds '.*its schema is older' 'countersignd -u countersign'
run_fix
stop_fixed

put_back
sqlite3 "$db" 'pragma user_version = 99'
doctor 1 --only=ledger
finds '.*written by a newer countersign' 'install the countersign that wrote it, or a later one'
is "nothing is moved for it" "$(counted "$db")" 1

put_back
sqlite3 "$db" 'pragma application_id = 1'
doctor 1 --only=ledger
finds '.*belongs to another program' 'countersign config explain store\.url'

put_back
size=$(stat -c %s "$db")
dd if=/dev/urandom of="$db" bs=1024 seek=1 count=15 conv=notrunc 2>/dev/null
cp "$db" "$work/damaged"
doctor 1 --only=ledger
finds '.*damaged' 'countersignd -u countersign'
run_fix
ok "a damaged file is kept as it was" cmp "$work/damaged" "$db-damaged"
ok "and another one is begun" test "$(counted "$db")" = ''
stop_fixed
rm -f "$db"-damaged*

rm -f "$db"*
head -c 8192 /dev/urandom >"$db"
chown countersign "$db"
cp "$db" "$work/damaged"
doctor 1 --only=ledger
finds '.*(damaged|not a database|not an SQLite)' 'pkill -o -x countersignd; mkdir'
run_fix
ok "so is one that is not a database" cmp "$work/damaged" "$db".damaged-*/"$(basename "$db")"
stop_fixed
rm -rf "$db".damaged-*
put_back
chown root:root "$(dirname "$db")" "$db"
chmod 700 "$(dirname "$db")"
doctor 1 --only=ledger
finds 'user countersign cannot write it' 'chown -R countersign'
chown countersign "$(dirname "$db")" "$db"*

# ---- DNS ----
doctor 0 --only=dns.dnssec
fine 'not validated here \(dns\.trust_anchor\); the resolver is on this host'
ip address add 192.0.2.53/32 dev lo
echo 'dns: { servers = [ "192.0.2.53" ]; };' >"$etc/conf.d/20-dns.conf"
doctor 0 --only=dns.dnssec
finds 'nothing is validated \(dns\.trust_anchor\), and the resolver 192\.0\.2\.53 is not on this host' '.*60-dnssec\.conf|apt-get install dns-root-data'
rm "$etc/conf.d/20-dns.conf"
kill "$dns"
wait "$dns" 2>/dev/null
echo 'dns: { timeout = "1s"; };' >>"$etc/countersign.conf"
doctor 1 --only=dns
finds '127\.0\.0\.1: TXT example\.com' 'countersign config explain dns\.servers'
doctor 1 --only=dns -v
finds 'no resolver answers'
printf '%s\n' '*.com 0 A 192.0.2.80' '*.invalid 0 A 192.0.2.80' >"$work/zone"
rm -f "$work/port"
"$COUNTERSIGN_BUILD/t/bin/dnsd" --port 53 --port-file "$work/port" --lower '*' "$work/zone" >"$work/dnsd" 2>&1 &
dns=$!
eventually test -s "$work/port"
doctor 1 --only=dns
finds 'it has an address for x.*, which does not exist' 'countersign config explain dns\.servers'
finds '127\.0\.0\.1 changes the case of questions' 'countersign config explain dns\.caps'

# ---- reports that nobody signs ----
mkdir -p "$etc/conf.d"
echo 'reports: { send = true; org = "Example"; from = "noreply@reports.test"; };' >"$etc/conf.d/80-reports.conf"
doctor 1 --only=reports
finds 'reports are sent: no key of reports\.test is active here' 'countersign key gen reports\.test, then key check'
rm "$etc/conf.d/80-reports.conf"

# ---- mail that is marked, and who sorts it ----
rm -rf /etc/dovecot /etc/procmailrc
mkdir -p "$etc/conf.d"
echo 'dmarc: { enforce = "observe"; };' >"$etc/conf.d/90-marks.conf"
doctor 0 --only=marks -v
fine 'none is .dmarc\.enforce'
echo "dmarc: { enforce = \"rfc\"; quarantine = \"hold\"; };" >"$etc/conf.d/90-marks.conf"
doctor 0 --only=marks -v
fine 'none is: the MTA holds it'
marks=$(dirname "$db")/marks.db
"$COUNTERSIGN_BUILD/t/bin/ledgerfill" "$marks" policies ex.test "$(date -u +%F)" >/dev/null
"$COUNTERSIGN_BUILD/t/bin/ledgerfill" "$marks" marked ex.test "$(date -u +%F)" >/dev/null
echo "dmarc: { enforce = \"rfc\"; }; store: { url = \"sqlite:$marks\"; };" >"$etc/conf.d/90-marks.conf"
doctor 0 --only=marks
finds '3 messages of the last 7 days were marked X-Countersign-Quarantine: yes, and no filter' 'in the mailboxes. filter, with Sieve: require'
"$cs" stats >"$work/out" 2>"$work/err"
grep -q 'warning: 3 messages were marked X-Countersign-Quarantine: yes, and no mailbox filter' "$work/err"
check "stats says so as well" $?
"$cs" setup --print >"$work/out" 2>"$work/err"
grep -q 'no mailbox filter on this host sorts it yet' "$work/err"
check "and setup" $?
mkdir -p /etc/dovecot/sieve
echo '# X-Countersign-Quarantine' >/etc/dovecot/sieve/comment.sieve
doctor 0 --only=marks
finds '3 messages'
sed -n '/^```sieve$/,/^```$/{/^```/!p}' "$COUNTERSIGN_SRC/doc/enforcement.md" >/etc/dovecot/sieve/before.sieve
doctor 0 --only=marks -v
fine '/etc/dovecot/sieve/before\.sieve looks for X-Countersign-Quarantine'
"$cs" stats >"$work/out" 2>"$work/err"
is "stats is content then" "$(grep -c marked "$work/err")" 0
rm "$etc/conf.d/90-marks.conf"

# ---- Sendmail ----
rm -rf /etc/postfix
mkdir -p /etc/mail
echo 'MAILER(`smtp'"'"')dnl' >/etc/mail/sendmail.mc
doctor 1 --only=mta
finds '/etc/mail/sendmail\.mc has no filter countersign' 'countersign setup sendmail --apply'
echo 'INPUT_MAIL_FILTER(`countersign'"'"', `S=local:/x'"'"')dnl' >>/etc/mail/sendmail.mc
touch -d yesterday /etc/mail/sendmail.cf
doctor 0 --only=mta
finds 'its filter line has no F=T'
finds 'sendmail\.cf is older than sendmail\.mc' 'make -C /etc/mail'
rm -r /etc/mail

# ---- settings ----
echo 'dmarc: { enforec = "strict"; };' >"$etc/countersign.conf"
doctor 1
finds '.*has errors: a daemon that runs keeps its old settings' 'countersign config check'
finds 'not looked at: the settings cannot be read'
done_testing
