#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign setup: from a fresh machine to one whose Postfix asks countersignd, told before it is done, done once, undone.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare postconf perl
machine "$0"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
export LC_ALL=C
work=$(mktemp -d)
etc=$("$cs" config explain sign.keys | grep -oE '"/[^"]*/keys"' | head -1 | tr -d '"')
etc=${etc%/keys}
db=$("$cs" config explain store.url | grep -oE 'sqlite:/[^"]*' | head -1)
state=$(dirname "${db#sqlite:}")
spool=/var/spool/postfix

check() { # name, exit code
	if [ "$2" = 0 ]; then pass "$1"; else
		fail "$1"
		tail -20 "$work/out" "$work/err" 2>/dev/null | sed 's/^/# /'
	fi
}

setup() { # exit code, arguments
	local want=$1 status
	shift
	case " $* " in # no daemon runs here; t/setup_mail.sh is about that
	*" --apply "*) set -- "$@" --force ;;
	esac
	"$cs" setup "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" = "$want" ]
	check "setup $* exits $want ($status)" $?
}

has() { grep -qE -- "$1" "$work/out"; check "has: $1" $?; }
lacks() { ! grep -qE -- "$1" "$work/out"; check "has not: $1" $?; }
says() { grep -qE -- "$1" "$work/err"; check "says: $1" $?; }
mode() { is "$1 is $2" "$(stat -c '%04a %U:%G' "$1" 2>&1)" "$2"; }
conf() { postconf -h "$1"; }
everything() {
	{ find /etc "$etc" "$state" $spool -printf '%p %m %u %g %s %T@\n' 2>/dev/null; cat /etc/postfix/*.cf; } | sha256sum
}

# no MTA, mistakes
rm -rf /etc/postfix /usr/local/etc/postfix /etc/mail/sendmail.mc
setup 66
says 'no main\.cf of Postfix'
setup 64 sendmial
setup 64 --print --apply
setup 64 --print --domain 'a b'

# a machine with another filter in Postfix
machine_postfix 'smtpd_milters = unix:rspamd/milter.sock, { unix:opendkim/opendkim.sock, default_action=accept }'
before=$(everything)
setup 0 --print
is "--print changes nothing" "$(everything)" "$before"
says 'nothing was changed'
has '^# a copy of main\.cf'
has 'OpenDKIM \(unix:opendkim/opendkim\.sock\) is asked too'
has 'Rspamd \(unix:rspamd/milter\.sock\) is asked too, and stays'
cp "$work/out" "$work/printed"
reach=$(mktemp -d) && chmod 755 "$reach" && cp "$cs" "$reach/" # the clone may be where only root can read
perl -e '($<, $>) = (65534, 65534); exec @ARGV' "$reach/countersign" setup >"$work/out" 2>"$work/err"
is "without root nothing is done" $? 77
says 'only root can do it; --print'
rm -r "$reach"

if [ -e /usr/share/dns/root.key ]; then
	grep -qE '/usr/share/dns/root\.key is the key of the DNS root.*60-dnssec\.conf' "$work/printed"
	check "the trust anchor is offered" $?
fi

grep -qE '_dmarc\.example\.com TXT "v=DMARC1; p=none; rua=mailto:dmarc-reports@example\.com"' "$work/printed"
check "an address for reports and its records are proposed" $?
printf 'inbox: { addresses = [ "in@collector.test" ]; };\n' >"$work/reports.conf"
"$cs" -c "$work/reports.conf" setup --print --domain example.com >"$work/out" 2>"$work/err"
has '_smtp\._tls\.example\.com TXT "v=TLSRPTv1; rua=mailto:in@collector\.test", example\.com\._report\._dmarc\.collector\.test TXT "v=DMARC1;"'

# what is ours is done, the MTA is left alone
before=$(cat /etc/postfix/main.cf)
setup 0
is "main.cf is as it was" "$(cat /etc/postfix/main.cf)" "$before"
ok "the user is there" id -u countersign
ok "and that of the keys" id -u countersign-keys
mode "$etc/keys" "0750 root:countersign-keys"
mode "$state" "0750 countersign:countersign"
mode $spool/countersign "2750 countersign:postfix"
has 'name +[a-z0-9]+\._domainkey\.example\.com$'
ok "the settings are right" "$cs" config check
is "they say where the socket is" "$("$cs" config show | grep -oE "local:$spool/countersign/milter.sock")" \
	"local:$spool/countersign/milter.sock"
key=$(echo "$etc"/keys/example.com/*.key)
mode "$key" "0640 root:countersign-keys"
as() { perl -e '@p = getpwnam(shift); $( = $) = "$p[3] $p[3]"; ($<, $>) = ($p[2], $p[2]); exec @ARGV' "$@"; }
ok "the user of the keys reads the key" as countersign-keys cat "$key"
ok "the daemon's does not" bash -c "! $(declare -f as); ! as countersign cat '$key'"
ok "the MTA's does not" bash -c "! $(declare -f as); ! as postfix cat '$key'"
is "nor can that of the keys change it" "$(as countersign-keys sh -c "echo x >>'$key'" 2>&1 | grep -c 'denied\|cannot create')" 1
says "the MTA's settings were not changed"

# then the MTA's
setup 0 --apply
like "others stay in front, as they are written" "$(conf smtpd_milters)" \
	'^unix:rspamd/milter.sock, \{ unix:opendkim/opendkim.sock, default_action=accept \}, \{ unix:countersign/milter.sock, default_action=tempfail \}$'
is "and locally sent mail is asked about too" "$(conf non_smtpd_milters)" '$smtpd_milters'
is "the submission service is of own users" "$(postconf -P submission/inet/milter_macro_daemon_name)" \
	"submission/inet/milter_macro_daemon_name = ORIGINATING"
is "there is a copy of main.cf" "$(cat /etc/postfix/main.cf.2*Z)" "$before"
undo=$(grep -m1 -oE 'cp -p /etc/postfix/main.cf.2.*' "$work/out")
before=$(everything)
setup 0 --apply
says 'then: countersign doctor|nothing to do'
is "a second run changes nothing" "$(everything)" "$before"

# what we replace
setup 0 --apply --replace
is "--replace takes OpenDKIM out, and only that" "$(conf smtpd_milters)" \
	'unix:rspamd/milter.sock, { unix:countersign/milter.sock, default_action=tempfail }'
sh -c "${undo%% && *}"
is "the command that undoes it does" "$(conf smtpd_milters)" \
	'unix:rspamd/milter.sock, { unix:opendkim/opendkim.sock, default_action=accept }'

# filters on TCP are known by their own settings, whatever the name of this host in them
rm -f /etc/default/opendkim /etc/default/opendmarc
echo 'Socket inet:8891@localhost' >/etc/opendkim.conf
echo 'Socket inet:8893' >/etc/opendmarc.conf
postconf -e 'smtpd_milters = inet:127.0.0.1:8891, inet:localhost:8893, inet:127.0.0.1:11332, inet:192.0.2.1:8891' 'non_smtpd_milters = inet:127.0.0.1:8891'
setup 0 --print
has 'OpenDKIM \(inet:127\.0\.0\.1:8891, by /etc/opendkim\.conf\) is asked too'
has 'OpenDMARC \(inet:localhost:8893, by /etc/opendmarc\.conf\) is asked too'
has 'another filter \(inet:127\.0\.0\.1:11332\) is asked too, and stays'
setup 0 --apply --replace
is "--replace takes out those, and no other" "$(conf smtpd_milters)" \
	'inet:127.0.0.1:11332, inet:192.0.2.1:8891, { unix:countersign/milter.sock, default_action=tempfail }'
is "for mail of the sendmail command, too" "$(conf non_smtpd_milters)" '{ unix:countersign/milter.sock, default_action=tempfail }'

# ---- --undo ----
undo_from() { # main.cf's lines: a machine that setup has changed
	machine_postfix "$@"
	rm -f /etc/postfix/*Z "$etc/setup.record"
	sed -i 's/^submission/# a line that postconf would not write so\nsubmission/' /etc/postfix/master.cf
	cp -p /etc/postfix/main.cf "$work/main.before"
	cp -p /etc/postfix/master.cf "$work/master.before"
	setup 0 --apply
}
same() { cmp /etc/postfix/main.cf "$work/main.before" && cmp /etc/postfix/master.cf "$work/master.before"; }
undo_from '# theirs' 'smtpd_milters = ' '   unix:rspamd/milter.sock'
mode "$etc/setup.record" "0600 root:root"
setup 0 --undo --print
ok "--undo --print changes nothing" test -e "$etc/setup.record"
has '^cp -p /etc/postfix/main\.cf\.2.* /etc/postfix/main\.cf && rm -f'
setup 0 --undo
ok "--undo: both files are as they were, byte for byte" same
is "with their times" "$(stat -c %Y /etc/postfix/main.cf)" "$(stat -c %Y "$work/main.before")"
is "the copies and the record are gone" "$(ls /etc/postfix/*Z "$etc/setup.record" 2>/dev/null)" ""
setup 0 --undo
says 'nothing to undo'
setup 64 --undo --replace

undo_from 'smtpd_milters = inet:127.0.0.1:8891'
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8891", Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { close $c }' &
other=$!
sleep 1.1
setup 0 --apply --replace
is "two runs, two copies" "$(ls /etc/postfix/main.cf.2*Z | wc -l)" 2
setup 0 --undo
ok "--undo goes back behind both, OpenDKIM is asked again" same
is "no copy is left" "$(ls /etc/postfix/*Z 2>/dev/null)" ""
setup 0 --apply --replace
kill $other; wait $other 2>/dev/null
setup 0 --undo
has 'inet:127\.0\.0\.1:8891 was used before, but no longer answers'
is "a filter that is gone is not asked again" "$(conf smtpd_milters)" ""

undo_from
postconf -e 'message_size_limit = 1234567' "smtpd_milters = unix:mine/s, $(conf smtpd_milters)"
setup 0 --undo
has 'main\.cf was changed since: only what setup added is removed; the copy'
is "what came since stays, ours goes" "$(conf smtpd_milters) $(conf message_size_limit) $(conf non_smtpd_milters)" "unix:mine/s 1234567 "
ok "master.cf was not touched since" cmp /etc/postfix/master.cf "$work/master.before"

undo_from
rm "$etc/setup.record"
setup 1 --undo
says 'Postfix still uses countersignd, because of settings that setup did not make'
undo_from
chmod 666 "$etc/setup.record"
setup 78 --undo
says "not root's alone to write"
chmod 600 "$etc/setup.record"
setup 0 --undo
rm -f /etc/opendkim.conf /etc/opendmarc.conf

# ---- the policy service for TLS ----
mkdir -p "$etc/conf.d"
echo "anchor.test. IN DS 31406 13 2 $(printf '%064d' 7)" >"$etc/anchor"
cat >"$etc/conf.d/60-tls.conf" <<-C
	dns: { trust_anchor = "$etc/anchor"; };
	tls: { listen = [ "unix:$spool/countersign/tls.sock" ]; };
C
undo_from 'smtp_tls_policy_maps = hash:/etc/postfix/tls' 'smtp_tls_security_level = may'
has 'Postfix asks countersignd how mail to a domain must be'
is "the map of this version is added" "$(conf smtp_tls_policy_maps)" "hash:/etc/postfix/tls, socketmap:unix:countersign/tls.sock:policy"
is "with what it needs" "$(conf smtp_dns_support_level) $(conf smtp_tls_security_level) $(conf smtp_tls_CAfile)" \
	"dnssec dane /etc/ssl/certs/ca-certificates.crt"
before=$(everything)
setup 0 --apply
is "a second run changes nothing" "$(everything)" "$before"
setup 0 --undo
ok "--undo takes all of it out" same
undo_from 'smtp_tls_policy_maps = socketmap:unix:countersign/tls.sock:policy310' 'smtp_tls_security_level = encrypt' \
	'smtp_tls_CApath = /etc/ssl/certs'
is "the map of another version is replaced" "$(conf smtp_tls_policy_maps)" "socketmap:unix:countersign/tls.sock:policy"
is "a stronger level and other roots stay" "$(conf smtp_tls_security_level) $(conf smtp_tls_CAfile)" "encrypt "
is "which then needs its policy for unsigned MX records said" "$(conf smtp_tls_dane_insecure_mx_policy)" dane
postconf -e "smtp_tls_policy_maps = $(conf smtp_tls_policy_maps), hash:/etc/postfix/later"
setup 0 --undo
is "a map that came since stays" "$(conf smtp_tls_policy_maps)" "hash:/etc/postfix/later"

# reports about TLS sessions: from the log, or from Postfix 3.10 itself
tls_reports() { # where from
	cat >"$etc/conf.d/61-reports.conf" <<-C
		tls: { listen = [ "unix:$spool/countersign/tls.sock" ]; reports = true; $1 };
		reports: { send = true; org = "Example"; from = "dmarc@example.com"; };
	C
}
tls_reports ''
undo_from
has 'does not tell of its TLS sessions, so reports lack them: set tls.report_log'
is "without a log nothing is set for it" "$(conf smtp_tls_loglevel)" 0
setup 0 --undo
tls_reports 'report_log = "/var/log/mail.log";'
undo_from
is "the log has the sessions" "$(conf smtp_tls_loglevel)" 1
cp /etc/postfix/main.cf "$work/main.cf.with"
postconf -X smtp_tls_loglevel
touch -d '1 minute ago' /etc/postfix/main.cf
"$cs" doctor --only=tls.postfix >"$work/out" 2>"$work/err"
has 'warn .*smtp_tls_loglevel is 0'
cp "$work/main.cf.with" /etc/postfix/main.cf
setup 0 --undo
ok "--undo takes that out" same
tls_reports "report_socket = \"unix:$spool/countersign/tlsrpt.sock\";"
mkdir -p "$work/newer"
cat >"$work/newer/postconf" <<-P
	#!/bin/sh
	$(command -v postconf) "\$@" | sed 's/^mail_version = .*/mail_version = 3.10.4/'
	case "\$*" in *smtp_tlsrpt_enable*) sed -n '/^smtp_tlsrpt/p' /etc/postfix/main.cf ;; esac
P
chmod 755 "$work/newer/postconf"
old_path=$PATH
PATH=$work/newer:$PATH
undo_from
is "Postfix 3.10 is told where to tell of them" "$(sed -n 's/^smtp_tlsrpt[a-z_]* = //p' /etc/postfix/main.cf | sort -r | paste -sd' ')" \
	"yes countersign/tlsrpt.sock"
like "and asks the other map" "$(conf smtp_tls_policy_maps)" ':policy310$'
touch -d '1 minute ago' /etc/postfix/main.cf
"$cs" doctor --only=tls.postfix >"$work/out" 2>"$work/err"
has 'ERROR .*was built without TLSRPT'
setup 0 --undo
ok "--undo takes that out, too" same
PATH=$old_path
rm "$etc/conf.d/61-reports.conf"

undo_from
postconf -e smtp_tls_policy_maps=socketmap:unix:countersign/tls.sock:policy310 smtp_dns_support_level=enabled smtp_tls_CAfile=
touch -d '1 minute ago' /etc/postfix/main.cf
"$cs" doctor --only=tls.postfix >"$work/out" 2>"$work/err"
has 'ERROR .*names the map policy310, and Postfix 3\.[0-9.]+ needs policy'
has 'ERROR .*smtp_dns_support_level is not dnssec'
has 'ERROR .*smtp_tls_CAfile is not set'
postconf -X smtp_tls_policy_maps
touch -d '1 minute ago' /etc/postfix/main.cf
"$cs" doctor --only=tls.postfix >"$work/out" 2>"$work/err"
has 'warn .*smtp_tls_policy_maps does not name'
setup 0 --undo
rm -f "$etc/conf.d/60-tls.conf"

# the root step of the unit, and the socket that comes of it
rmdir $spool/countersign
setup 0 socket-dir
mode $spool/countersign "2750 countersign:postfix"
chmod 700 $spool/countersign
chgrp root $spool/countersign
setup 0 socket-dir
mode $spool/countersign "2750 countersign:postfix"
setup 0 socket-dir
is "it says nothing when all is right" "$(cat "$work/out" "$work/err")" ""
# links that the daemon's user has made are not followed, those of root are
mkdir -p "$etc/conf.d" /var/lib/victim /run/own
chown countersign /run/own
victim=$(stat -c '%a %u:%g' /var/lib/victim)
ln -s /var/lib/victim /run/own/sub
echo 'listen = [ "local:/run/own/sub/milter.sock" ];' >"$etc/conf.d/90-link.conf"
setup 0 socket-dir
is "a directory that is there is left alone" "$(stat -c '%a %u:%g' /var/lib/victim)" "$victim"
rm /run/own/sub
ln -s /var/lib/victim/deep /run/own/sub
setup 73 socket-dir
says '/run/own/sub is not made: /run/own belongs to user countersign'
is "nothing was given away" "$(stat -c '%u:%g' /var/lib/victim) $(ls /var/lib/victim)" "0:0 "
rm -r /run/own
ln -s /var/lib/victim /run/ours
echo 'listen = [ "local:/run/ours/sub/milter.sock" ];' >"$etc/conf.d/90-link.conf"
setup 0 socket-dir
mode /var/lib/victim/sub "0755 countersign:countersign"
rm -r "$etc/conf.d/90-link.conf" /var/lib/victim /run/ours
"$COUNTERSIGN_BUILD/daemon/countersignd" -f -u countersign >"$work/daemon" 2>&1 &
daemon=$!
eventually test -S $spool/countersign/milter.sock
mode $spool/countersign/milter.sock "0660 countersign:postfix"
connect='use Socket; chroot "/var/spool/postfix"; chdir "/"; @p = getpwnam("postfix") or die; '
connect='use Socket; @p = getpwnam(shift); chroot "/var/spool/postfix" or die; chdir "/"; $( = $) = "$p[3] $p[3]"; ($<, $>) = ($p[2], $p[2]);
	socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un("countersign/milter.sock")) or die "$!\n"'
ok "Postfix's user reaches it in its chroot" perl -e "$connect" postfix
ok "nobody else does" bash -c "! perl -e '$connect' nobody"
kill $daemon
wait $daemon 2>/dev/null

# what was printed is what is done: on a machine without sysusers, by a shell
userdel countersign-keys
userdel countersign
rm -rf "$etc" "$state" $spool/countersign /etc/postfix
machine_postfix
rm -f "$(command -v systemd-sysusers)"
setup 0 --print --domain xn--bcher-kva.example
has '^useradd --system'
has '_domainkey|key gen xn--bcher-kva\.example$'
sh -e "$work/out" >"$work/pasted" 2>&1
check "the printed commands run in a shell" $?
ok "they made the key" ls "$etc"/keys/xn--bcher-kva.example/
is "and changed main.cf" "$(conf smtpd_milters)" '{ unix:countersign/milter.sock, default_action=tempfail }'
setup 0 --apply --domain xn--bcher-kva.example
lacks '^# (done|a copy|the )'

# settings that are there, and a socket that a chrooted Postfix cannot reach
rm -rf "$etc" /etc/postfix
machine_postfix
mkdir -p "$etc"
echo 'listen = [ "inet:8891@127.0.0.1" ];' >"$etc/countersign.conf"
setup 0 --apply
is "TCP in the settings is used" "$(conf smtpd_milters)" '{ inet:127.0.0.1:8891, default_action=tempfail }'
echo 'listen = [ "local:/run/elsewhere.sock" ];' >"$etc/countersign.conf"
setup 0 --apply
ok "a file beside them adds a socket in the chroot" grep -q 'elsewhere.sock", "local:/var/spool' "$etc/conf.d/50-setup.conf"
ok "which is right" "$cs" config check
echo 'listen = "x' >"$etc/countersign.conf"
setup 78 --print
says 'countersign\.conf:1'

# Sendmail
rm -rf "$etc" /etc/postfix
mkdir -p /etc/mail
printf 'OSTYPE(`linux'"'"')dnl\nINPUT_MAIL_FILTER(`other'"'"', `S=local:/x'"'"')dnl\nMAILER(`local'"'"')dnl\nMAILER(`smtp'"'"')dnl\n' >/etc/mail/sendmail.mc
printf 'all:\n\ttouch made\n' >/etc/mail/Makefile
setup 0 --apply --domain example.com
is "our filter is after the others, before the mailers" "$(grep -nE '^(INPUT|MAILER)' /etc/mail/sendmail.mc | cut -d'(' -f1 | tr '\n' ' ')" \
	"2:INPUT_MAIL_FILTER 3:INPUT_MAIL_FILTER 4:MAILER 5:MAILER "
ok "it defers mail while the daemon is down" grep -q 'countersign.*F=T' /etc/mail/sendmail.mc
ok "sendmail.cf is made" test -e /etc/mail/made -o -n "$(command -v sendmailconfig)"
before=$(cat /etc/mail/sendmail.mc)
setup 0 --apply --domain example.com
is "and that only once" "$(cat /etc/mail/sendmail.mc)" "$before"
cp /etc/mail/sendmail.mc.2*Z "$work/mc.before"
setup 0 --undo
ok "--undo: sendmail.mc is as it was" cmp /etc/mail/sendmail.mc "$work/mc.before"
setup 0 --apply --domain example.com
echo 'dnl mine' >>/etc/mail/sendmail.mc
setup 0 --undo
is "or, where it was changed since, without our line" "$(cat /etc/mail/sendmail.mc)" "$(cat "$work/mc.before"; echo 'dnl mine')"
"$cs" --json setup --print >"$work/out" 2>"$work/err"
ok "it is told as JSON too" python3 -c 'import json, sys; json.load(sys.stdin)["steps"]' <"$work/out"
done_testing
