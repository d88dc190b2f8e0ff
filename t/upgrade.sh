#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A host that was installed before the private keys had a process of their own: the daemon's group reads the key directory
# (0750) and the files (0640). The package's postinst, and countersign setup, give them to countersign-keys; mail is signed
# all the time, before the daemon is restarted and after it.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare perl python3 postconf systemd-sysusers systemd-tmpfiles
machine "$0"
export LC_ALL=C
etc=/etc/countersign state=/var/lib/countersign spool=/var/spool/postfix/countersign
cs() { "${COUNTERSIGN_BUILD:?}/admin/countersign" -c $etc/countersign.conf "$@"; }
work=$(mktemp -d)
chmod 755 "$work"
mkdir "$work/bin"
ln -s "$COUNTERSIGN_BUILD/admin/countersign" "$COUNTERSIGN_BUILD/daemon/countersignd" "$work/bin"
PATH=$work/bin:$PATH
files=$COUNTERSIGN_SRC/contrib/systemd
rm -rf $etc $state $spool /run/systemd/system /etc/postfix /usr/local/etc/rc.d/countersignd
mkdir -p $etc/conf.d $state /usr/lib/sysusers.d /usr/lib/tmpfiles.d
cp "$files/countersign-sysusers.conf" /usr/lib/sysusers.d/countersign.conf
cp "$files/countersign-tmpfiles.conf" /usr/lib/tmpfiles.d/countersign.conf
cp "$files/countersign-postfix.conf" /usr/lib/tmpfiles.d/countersign-postfix.conf

as_before() { # no user of the keys, and the modes of that time
	userdel countersign-keys 2>/dev/null
	id -u countersign >/dev/null 2>&1 || useradd --system --user-group --no-create-home countersign
	chown countersign $state
	install -d -m 2750 -o countersign -g postfix $spool
	chgrp -R countersign $etc/keys
	chmod 750 $etc/keys $etc/keys/*/
	chmod 640 $etc/keys/*/*
}
as() { perl -e '@p = getpwnam(shift); $( = $) = "$p[3] $p[3]"; ($<, $>) = ($p[2], $p[2]); exec @ARGV' "$@"; }
reads() { as "$1" cat $etc/keys/example.com/s1.key >/dev/null 2>&1; }
rights() { stat -c '%a %U:%G' $etc/keys $etc/keys/example.com $etc/keys/example.com/s1.key $etc/keys/example.com/s1.state | sort | uniq -c | xargs; }
start() {
	: >"$work/log"
	countersignd -f -u countersign -c $etc/countersign.conf >>"$work/log" 2>&1 </dev/null &
	daemon=$!
	eventually grep -q ready: "$work/log"
}
stop() {
	kill $daemon
	wait $daemon
}
user_of_keys() { # the user of the process that holds the keys
	cs --json status | python3 -c '
import json, sys
for process in json.load(sys.stdin)["key_processes"]:
    if process["state"] == "current":
        print(process["user"])'
}
traffic() {
	rm -f "$work/stop"
	"$COUNTERSIGN_BUILD/t/bin/signload" -c 1 "$work/stop" "local:$state/sock" "$work/records" >"$work/load" 2>&1 &
	load=$!
}
end_traffic() { # name
	local accepted=0 unsigned=? bad=? deferred=? line
	: >"$work/stop"
	wait $load
	line=$(grep ^sent= "$work/load")
	eval "$line"
	ok "$1: mail is accepted" [ "$accepted" -gt 0 ]
	is "$1: none of it unsigned, with a bad signature, or deferred" "$unsigned $bad $deferred" "0 0 0"
}

cat >$etc/countersign.conf <<-C
	listen = [ "local:$state/sock", "local:$spool/milter.sock" ];
	control: { socket = "$state/control"; };
	store: { url = "sqlite:$state/ledger.db"; };
	sign: { keys = "$etc/keys"; };
	dns: { servers = [ "127.0.0.1@1" ]; timeout = "1s"; };
	log: { target = "stderr"; };
C
mkdir -m 750 $etc/keys
cs key gen example.com --selector s1 --active >"$work/out" 2>&1
cs key show example.com s1 --format line >"$work/records" 2>"$work/err"
is "there is a key" "$(wc -l <"$work/records")" 1

# ---- the package ----
as_before
start
is "before: the daemon's own user holds the keys" "$(user_of_keys)" "countersign"
ok "and can read them" reads countersign
traffic
ok "postinst" sh "$COUNTERSIGN_SRC/debian/countersign.postinst" configure 0.0.9
systemd-tmpfiles --create countersign.conf # what debhelper adds to it
sleep 1
end_traffic "before the restart"
is "the modes are right" "$(rights)" "2 640 root:countersign-keys 2 750 root:countersign-keys"
ok "the user of the keys reads them" reads countersign-keys
ok "the daemon's does not" bash -c "$(declare -f as reads); etc=$etc; ! reads countersign"
before=$(rights)
ok "postinst once more" sh "$COUNTERSIGN_SRC/debian/countersign.postinst" configure 0.1.0
is "changes nothing" "$(rights)" "$before"
stop
start
is "after the restart: the user of the keys holds them" "$(user_of_keys)" "countersign-keys"
traffic
sleep 1
end_traffic "after the restart"
stop

# ---- keys that come with the old group, from a backup: they sign as before ----
chgrp -R countersign $etc/keys
start
traffic
cs -q reload
sleep 1
end_traffic "keys of the old group"
stop
chgrp root $etc/keys/example.com/s1.key
sh "$COUNTERSIGN_SRC/debian/countersign.postinst" configure 0.1.0
is "a group that somebody has chosen is left" "$(stat -c %G $etc/keys/example.com/s1.key)" root
chgrp countersign-keys $etc/keys/example.com/s1.key

# ---- countersign setup, on a host without the package ----
as_before
machine_postfix
start
traffic
ok "setup --apply" eval 'cs setup --apply --force >"$work/out" 2>&1'
like "it says that the daemon has to be restarted" "$(cat "$work/out")" 'restart the daemon, .*: .*countersignd'
end_traffic "setup"
is "the modes are right" "$(rights)" "$before"
ok "the daemon's user cannot read them" bash -c "$(declare -f as reads); etc=$etc; ! reads countersign"
stop
start
is "after the restart: the user of the keys holds them" "$(user_of_keys)" "countersign-keys"
traffic
cs setup --apply --force >"$work/out" 2>&1
like "a second run has nothing to do for them" "$(grep -c keys "$work/out")" '^0$'
end_traffic "after it"
stop
done_testing
