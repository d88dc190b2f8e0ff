#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/host_life.sh [PACKAGE]: a host's life with countersign, while mail comes all the time: a real Postfix that asks a real
# OpenDKIM on a TCP socket, the package installed, set up and migrated to, removed, purged, installed again and purged at
# once. No message may be refused or deferred at any moment, and Postfix's files must end byte for byte as they began.
# As root; not part of the suite: without PACKAGE it is built from a clone of HEAD, which takes some minutes. There is no
# systemd in a namespace: a few words of systemctl stand for it, and start the daemon as its unit does.
. "$(dirname "$0")/lib/help.sh"
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$src/build}
export COUNTERSIGN_SRC=$src COUNTERSIGN_BUILD=$build LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/machine.sh"
need unshare postconf opendkim openssl perl dpkg-buildpackage dh
[ -x "$build/t/bin/dnsd" ] || skip_all "there is no $build/t/bin/dnsd: contrib/test builds it"

build_package() { # prints its path
	git clone -q "$src" "$1/countersign" &&
		(cd "$1/countersign" && DEB_BUILD_OPTIONS='nocheck parallel=2' dpkg-buildpackage -us -uc -b >"$1/build.log" 2>&1) &&
		ls "$1"/countersign_*.deb
}
if [ -z "${MACHINE:-}" ]; then
	work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-life.XXXXXX") || exit 99
	trap 'rm -rf "$work"' EXIT
	if [ $# -gt 0 ]; then cp "$1" "$work/countersign.deb"; else
		mv "$(build_package "$work")" "$work/countersign.deb" || { tail -5 "$work/build.log"; exit 1; }
	fi
	export PACKAGE=$work/countersign.deb
	(machine "$0")
	exit $?
fi
machine "$0"

# ---- a host as it was before: Postfix, OpenDKIM, DNS ----
lab=/root/life
mkdir -p $lab/bin /run/systemd/system
rm -rf /etc/postfix/*.cf /etc/countersign /var/lib/countersign /usr/sbin/policy-rc.d /etc/default/opendkim
cat >$lab/bin/systemctl <<'S'
#!/bin/bash
words=() lab=/root/life
for word; do case $word in -*) ;; *) words+=("$word") ;; esac; done
alive() { [ -s $lab/pid ] && kill -0 "$(cat $lab/pid)" 2>/dev/null; }
start() {
	alive && return
	install -d -o countersign -g countersign -m 750 /var/lib/countersign
	install -d -o countersign -m 755 /run/countersign
	countersign setup socket-dir
	before=$(grep -sc ' ready: ' $lab/daemon.log)
	mkdir -p /etc/countersign/conf.d
	echo 'log: { target = "stderr"; };' >/etc/countersign/conf.d/10-log.conf # as under systemd
	setsid countersignd -f -u countersign -c /etc/countersign/countersign.conf >>$lab/daemon.log 2>&1 </dev/null &
	echo $! >$lab/pid
	for _ in $(seq 200); do [ "$(grep -c ' ready: ' $lab/daemon.log)" -gt "${before:-0}" ] && return; sleep 0.05; done
	return 1
}
stop() { alive || return 0; kill "$(cat $lab/pid)"; while alive; do sleep 0.05; done; }
case " ${words[*]} " in *" countersignd"*) ;; *) exit 0 ;; esac
case ${words[0]} in
start | enable) start ;;
stop | disable) stop ;;
restart) stop && start ;;
reload) kill -HUP "$(cat $lab/pid)" ;;
is-active) alive ;;
is-enabled) echo enabled ;;
esac
S
chmod 755 $lab/bin/systemctl
export PATH=$lab/bin:$PATH
printf '%s\n' 'example.com 0 MX "10 mx.example.com"' 'example.com 0 TXT "v=spf1 -all"' >$lab/zone
sed -i 1d $lab/zone
"$build/t/bin/dnsd" --port 53 --port-file $lab/port $lab/zone >$lab/dnsd 2>&1 &
dns=$!
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
mkdir -p /etc/dkimkeys
openssl genrsa -out /etc/dkimkeys/example.key 2048 2>/dev/null
chmod 600 /etc/dkimkeys/example.key
printf '%s\n' 'Domain example.com' 'Selector s2024' 'KeyFile /etc/dkimkeys/example.key' 'Socket inet:8891@127.0.0.1' 'Mode sv' \
	'RequireSafeKeys no' 'Syslog no' >/etc/opendkim.conf
opendkim -f -x /etc/opendkim.conf >$lab/opendkim 2>&1 &
dkim=$!
rm -f /etc/opendmarc.conf /etc/default/opendmarc /etc/postfix-policyd-spf-python/policyd-spf.conf
machine_postfix 'mydestination =' 'relay_domains = example.com' 'relay_transport = discard' 'default_transport = discard' \
	'mynetworks = 127.0.0.0/8' '# a comment, and a value of two lines' 'smtpd_milters =' '    inet:127.0.0.1:8891' \
	'non_smtpd_milters = $smtpd_milters'
cp -p /etc/postfix/main.cf /etc/postfix/master.cf $lab/
files=$(ls -A /etc/postfix)
for _ in $(seq 100); do (: </dev/tcp/127.0.0.1/8891) 2>/dev/null && break; sleep 0.05; done
postfix start >$lab/postfix 2>&1 || sed "s/^/# /" $lab/postfix

# ---- mail, all the time: short sessions, and long ones that outlive a reload ----
cat >$lab/mail.pl <<'P'
use strict; use IO::Socket::INET; use Time::HiRes 'sleep';
my ($count, $pause) = @ARGV; $| = 1; my $n = 0;
sub reply { my $s = shift; my $l = ''; do { $l = <$s> // return '000 the connection is gone' } while ($l =~ /^\d{3}-/); $l =~ s/\s+$//; $l }
sub say_line { my ($s, $line) = @_; print $s "$line\r\n"; reply($s) }
for (;;) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:25', Timeout => 30) or do { print "000 connect: $!\n"; sleep 0.2; next };
	my $r = reply($s);
	$r = say_line($s, 'EHLO mx.example.com') if $r =~ /^2/;
	for (1 .. $count) {
		last if $r !~ /^2/;
		$n++;
		for my $line ('MAIL FROM:<alice@example.com>', 'RCPT TO:<bob@example.com>', 'DATA') { $r = say_line($s, $line); last if $r !~ /^[23]/ }
		$r = say_line($s, "From: alice\@example.com\r\nTo: bob\@example.com\r\nSubject: $n\r\nMessage-ID: <$$.$n\@example.com>\r\n\r\nhello\r\n.") if $r =~ /^3/;
		print "$r\n";
		sleep $pause;
	}
	print "$r\n" if $r !~ /^2/;
	say_line($s, 'QUIT');
	sleep 0.05;
}
P
perl $lab/mail.pl 2 0.05 >$lab/short 2>&1 &
short=$!
perl $lab/mail.pl 20 0.25 >$lab/long 2>&1 &
long=$!
accepted() { cat $lab/short $lab/long | grep -c '^250'; }
phase() { # name: mail went on during it
	local before=$1 name=$2
	for _ in $(seq 100); do [ "$(accepted)" -gt $((before + 10)) ] && break; sleep 0.1; done
	ok "$name: mail is accepted" test "$(accepted)" -gt $((before + 10))
	is "$name: no message was refused or deferred" "$(cat $lab/short $lab/long | grep -v '^250' | sort | uniq -c | head -5)" ""
}
run() { # name, line of shell
	local before
	before=$(accepted)
	sh -c "$2" >$lab/out 2>&1 || { fail "$1: $2"; tail -15 $lab/out | sed 's/^/# /'; }
	phase "$before" "$1"
}
same() { cmp /etc/postfix/main.cf $lab/main.cf && cmp /etc/postfix/master.cf $lab/master.cf && [ "$(ls -A /etc/postfix)" = "$files" ]; }
signed() { grep -c 'sign=example.com/s2024' $lab/daemon.log; }


run "before" true
run "installed" "dpkg -i $PACKAGE"
ok "the daemon runs" systemctl is-active countersignd
run "keys imported" 'countersign key import --from-opendkim=/etc/opendkim.conf'
run "settings migrated" 'countersign migrate --output=/etc/countersign/conf.d/40-migrated.conf'
run "set up in place of OpenDKIM" 'countersign setup --apply --replace'
is "Postfix asks countersignd alone" "$(postconf -h smtpd_milters)" '{ unix:countersign/milter.sock, default_action=tempfail }'
for _ in $(seq 50); do [ "$(signed)" -gt 5 ] && break; sleep 0.2; done
ok "which signs with the key that was OpenDKIM's" test "$(signed)" -gt 5
run "removed" 'dpkg -r countersign'
ok "main.cf and master.cf are as they began, byte for byte" same
ok "the daemon is gone" test ! -e /usr/sbin/countersignd -a -z "$(pgrep -x countersignd)"
run "purged" 'dpkg -P countersign'
ok "the private keys are kept" test -s /etc/countersign/keys/example.com/s2024.key
is "and nothing else" "$(ls -A /etc/countersign | xargs) $(ls -d /var/lib/countersign /var/spool/postfix/countersign 2>/dev/null)" "keys "
run "installed again" "dpkg -i $PACKAGE"
run "set up again" 'countersign setup --apply --replace'
is "Postfix asks countersignd again" "$(postconf -h smtpd_milters)" '{ unix:countersign/milter.sock, default_action=tempfail }'
touch /etc/countersign/purge-keys
run "purged at once" 'dpkg -P countersign'
ok "main.cf and master.cf are as they began once more" same
ok "with the file that asks for it, the keys go too" test ! -e /etc/countersign
kill $short $long
postfix stop >/dev/null 2>&1
kill $dkim $dns 2>/dev/null
done_testing
