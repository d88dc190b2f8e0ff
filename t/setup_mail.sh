#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign setup --apply where there is no systemd, while a real Postfix takes mail all the time: Postfix is connected
# when the daemon answers and not before, so that no message is deferred; with rc(8)'s script setup starts the daemon.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare postconf postfix perl
machine "$0"
export LC_ALL=C
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d)
mkdir "$work/bin"
ln -s "$cs" "$COUNTERSIGN_BUILD/daemon/countersignd" "$work/bin"
PATH=$work/bin:$PATH
rm -rf /run/systemd/system /usr/local/etc/rc.d/countersignd
etc=$("$cs" config explain sign.keys | grep -oE '"/[^"]*/keys"' | head -1 | tr -d '"')
etc=${etc%/keys}
db=$("$cs" config explain store.url | grep -oE 'sqlite:/[^"]*' | head -1)
rm -rf "$etc" "$(dirname "${db#sqlite:}")" /var/spool/postfix/countersign
echo 'nameserver 127.0.0.1' >/etc/resolv.conf

machine_postfix 'mydestination =' 'relay_domains = example.com' 'relay_transport = discard' 'mynetworks = 127.0.0.0/8'
postfix start >"$work/postfix" 2>&1
cat >"$work/mail.pl" <<'P'
use strict; use IO::Socket::INET; use Time::HiRes 'sleep';
$| = 1;
sub reply { my $s = shift; my $l; do { $l = <$s> // return '000 the connection is gone' } while ($l =~ /^\d{3}-/); $l =~ s/\s+$//; $l }
for (;;) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:25', Timeout => 30) or do { sleep 0.2; next };
	my $r = reply($s);
	for my $line ('EHLO mx.example.com', 'MAIL FROM:<alice@example.com>', 'RCPT TO:<bob@example.com>', 'DATA',
		"From: alice\@example.com\r\nSubject: x\r\n\r\nhello\r\n.") {
		last if $r !~ /^[23]/;
		print $s "$line\r\n";
		$r = reply($s);
	}
	print "$r\n";
	print $s "QUIT\r\n";
	sleep 0.05;
}
P
perl "$work/mail.pl" >"$work/mail" 2>&1 &
mail=$!
accepted() { grep -c '^250' "$work/mail"; }
more_than() { [ "$(accepted)" -gt "$1" ]; }
goes_on() { # name
	ok "$1: mail is accepted" eventually more_than $(($(accepted) + 10))
	is "$1: none was refused or deferred" "$(grep -v '^250' "$work/mail" | sort | uniq -c | head -5)" ""
}
setup() { # exit code
	"$cs" setup --apply >"$work/out" 2>&1
	is "setup --apply exits $1" $? "$1"
}
goes_on "before"

# ---- nothing that starts daemons ----
cp /etc/postfix/main.cf "$work/main.cf"
setup 69
goes_on "the daemon does not run"
ok "main.cf is as it was" cmp /etc/postfix/main.cf "$work/main.cf"
like "it is said, and what to type" "$(cat "$work/out")" \
	'the MTA was not connected: the daemon does not answer at local:.*milter\.sock.*start it: countersignd -u countersign -c .*; then again: countersign setup --apply'
ok "what is not the MTA's was done" test -s "$etc/countersign.conf" -a -d /var/spool/postfix/countersign
mkdir -p "$etc/conf.d"
echo 'log: { target = "stderr"; };' >"$etc/conf.d/10-log.conf"
countersignd -f -u countersign >"$work/log" 2>&1 &
daemon=$!
eventually grep -q ready: "$work/log"
setup 0
goes_on "the daemon runs"
is "Postfix asks it" "$(postconf -h smtpd_milters)" '{ unix:countersign/milter.sock, default_action=tempfail }'
ok "about each message" eventually grep -q 'action=accept' "$work/log"
# A process of Postfix that began before the reload may have yet to accept a session: it asks the filter then, too.
ok "Postfix has a process for sessions" eventually pgrep -x smtpd -P "$(tr -d ' ' </var/spool/postfix/pid/master.pid)"
smtpd=$(pgrep -x smtpd -P "$(tr -d ' ' </var/spool/postfix/pid/master.pid)" | head -n 1)
kill -STOP "$smtpd"
"$cs" setup --undo >"$work/out" 2>&1 &
undo=$!
ok "--undo waits for it" eventually grep -q 'waiting for Postfix' "$work/out"
ok "the daemon is not to be stopped yet" kill -0 $undo
kill -CONT "$smtpd"
ok "it ends when that has" wait $undo
ok "--undo: main.cf is as it was" cmp /etc/postfix/main.cf "$work/main.cf"
goes_on "undone"
kill $daemon
wait $daemon 2>/dev/null

# ---- rc(8): two programs stand for FreeBSD's ----
mkdir -p /usr/local/etc/rc.d
printf '#!/bin/sh\n' >/usr/local/etc/rc.d/countersignd
printf '#!/bin/sh\necho "$@" >>%s/rc\n' "$work" >"$work/bin/sysrc"
cat >"$work/bin/service" <<-S
	#!/bin/bash
	echo "service \$*" >>$work/rc
	[ "\$2" != status ] || exec pgrep -x countersignd >/dev/null
	[ "\$2" = start ] || exit 1
	$work/bin/countersignd -f -u countersign >$work/log2 2>&1 &
	for _ in {1..200}; do grep -q ready: $work/log2 && exit; sleep 0.05; done
S
chmod 755 /usr/local/etc/rc.d/countersignd "$work/bin/sysrc" "$work/bin/service"
setup 0
goes_on "started by rc(8)"
is "it was enabled, then started" "$(paste -sd, "$work/rc")" \
	'service countersignd status,countersignd_enable=YES,service countersignd start'
is "and Postfix asks it" "$(postconf -h smtpd_milters)" '{ unix:countersign/milter.sock, default_action=tempfail }'
ok "about each message" eventually grep -q 'action=accept' "$work/log2"
kill $mail
postfix stop >/dev/null 2>&1
done_testing
