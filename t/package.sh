#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# t/package.sh [DIR]: the Debian package, from a clean clone of HEAD: built, looked at by lintian, installed, upgraded,
# removed and purged, in minimal roots made by debootstrap (in DIR, or a temporary directory). As root; not part of the
# suite (some minutes, and it wants a mirror). The build runs no tests, unless DEB_BUILD_OPTIONS says otherwise.
# There is no systemd in a chroot: what is checked are files, users, modes, links, and the daemon started by hand.
. "$(dirname "$0")/lib/help.sh"
src=$(cd "$(dirname "$0")/.." && pwd)
. "$src/t/lib/tap.sh"
. "$src/t/lib/root.sh"
root_needs t/package.sh || exit 1

if [ $# -gt 0 ]; then
	dir=$1
else
	dir=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-package.XXXXXX")
	trap 'rm -rf --one-file-system "$dir"' EXIT
fi
base=$dir/base build=$dir/build try=$dir/try log=$dir/log
mkdir -p "$log"
# a reused DIR keeps the base, and the build root with its packages
root_make "$base" || exit 1
rm -rf --one-file-system "$try"
cp -a "$base" "$try"
[ -d "$build" ] || cp -a "$base" "$build"
rm -rf "$build/srv" && mkdir -p "$build/srv"

in_build() { root_run "$build" "$1" >"$log/$2" 2>&1; }
in_try() { root_run "$try" "$1" >"$log/$2" 2>&1; }
show() { tail -15 "$log/$1" | sed 's/^/# /'; }

git clone -q "$src" "$build/srv/countersign"
ok "what the build needs is what debian/control says" in_build 'apt-get -qq update &&
	apt-get -qq install -y --no-install-recommends build-essential lintian &&
	cd /srv/countersign && apt-get -qq build-dep -y --no-install-recommends ./' needs
ok "dpkg-buildpackage builds it" in_build "export DEB_BUILD_OPTIONS='${DEB_BUILD_OPTIONS:-nocheck parallel=2}'
	cd /srv/countersign && dpkg-buildpackage -us -uc -b" build
deb=$(cd "$build/srv" && ls countersign_*.deb 2>/dev/null | head -1)
[ -n "$deb" ] || { show build; done_testing; }
is "the build leaves no file that git sees" "$(git -C "$build/srv/countersign" status --short)" ""
in_build 'cd /srv/countersign && dpkg-buildpackage -us -uc -T clean' clean
is "its clean leaves the clone as it was" "$(git -C "$build/srv/countersign" status --short)" ""
in_build 'cd /srv && lintian --fail-on error,warning countersign_*.changes' lintian
is "lintian finds nothing" "$(grep -E '^[EW]:' "$log/lintian")" ""

# ---- a later version: the same, with another number and another line in a conffile ----
root_run "$build" "cd /srv && rm -rf later && dpkg-deb -R $deb later &&
	sed -i 's/^Version: .*/&+later/' later/DEBIAN/control && echo '# a line of the later version' >>later/etc/countersign/countersign.conf &&
	dpkg-deb -b later later.deb" >"$log/later" 2>&1
cp "$build/srv/$deb" "$try/root/now.deb"
cp "$build/srv/later.deb" "$try/root/later.deb"

# what is there, with modes and owners, but for what apt, dpkg and others rewrite all the time
list() {
	root_run "$try" "find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path /var/cache -o -path /var/log -o -path /root -o -path /run/systemd -o -path /etc/ssl -o -path /usr/share \) -prune \
		-o -type f,d,l -printf '%M %u:%g %p\n' | sort"
}
stat_of() { root_run "$try" "stat -c '%A %U:%G' $1 2>&1"; }

# ---- install: the libraries first, so that what is listed as new is the package's ----
in_try 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; apt-get -qq update &&
	apt-get -qq install -y --no-install-recommends libmilter1.0.1 $(dpkg-deb -f /root/now.deb Depends |
	tr , "\n" | sed "s/|.*//; s/(.*//")' libraries
list >"$log/before"
ok "it installs" in_try 'apt-get -qq install -y --no-install-recommends /root/now.deb' install
[ -e "$try/usr/sbin/countersignd" ] || { show install; done_testing; }
like "without a complaint" "$(grep -iE 'error|fail|cannot|warning|no such' "$log/install")" '^$'
is "the user is there, without a shell" "$(root_run "$try" 'getent passwd countersign | cut -d: -f1,6,7')" \
	"countersign:/var/lib/countersign:/usr/sbin/nologin"
is "the directory of keys: root's, read by the user of the keys" "$(stat_of /etc/countersign/keys)" "drwxr-x--- root:countersign-keys"
is "conffiles" "$(root_run "$try" "dpkg-query -W -f '\${Conffiles}' countersign | awk '{print \$1}' | sort | xargs")" \
	"/etc/apparmor.d/usr.sbin.countersignd /etc/countersign/countersign.conf /etc/mail/m4/countersign.m4"
is "the daemon starts at boot" "$(root_run "$try" 'readlink /etc/systemd/system/multi-user.target.wants/countersignd.service')" \
	"/lib/systemd/system/countersignd.service"
for file in usr/bin/countersign usr/sbin/countersignd lib/systemd/system/countersignd.service usr/lib/sysusers.d/countersign.conf \
	usr/lib/tmpfiles.d/countersign-postfix.conf usr/share/man/man1/countersign.1.gz usr/share/man/man5/countersign.conf.5.gz \
	usr/share/man/man8/countersignd.8.gz usr/share/doc/countersign/examples/countersign.conf.sample; do
	ok "it has /$file" test -f "$try/$file"
done
ok "its settings are right" in_try 'countersignd -t' settings
is "and only look at first" "$(root_run "$try" 'countersign config show --changed | grep -c observe')" 1
ok "the daemon runs as its user, and its socket answers" in_try 'install -d -o countersign /run/countersign /var/lib/countersign
	countersignd -u countersign -p /run/countersign/pid && test -S /run/countersign/milter.sock &&
	kill $(cat /run/countersign/pid) && sleep 1' start
is "without a word" "$(cat "$log/start")" ""
is "no socket directory for a Postfix that is not there" "$(root_run "$try" 'ls -d /var/spool/postfix 2>/dev/null')" ""

# ---- an administrator's work, then the later version ----
ok "a key is made" in_try 'countersign key gen example.com --selector s1 --active' gen
is "which the user of the keys can read, and nobody else" "$(stat_of /etc/countersign/keys/example.com/s1.key)" "-rw-r----- root:countersign-keys"
root_run "$try" 'echo "log: { level = \"debug\"; };" >>/etc/countersign/countersign.conf
	echo ledger >/var/lib/countersign/kept; id -u countersign >/root/uid'
ok "it is upgraded" in_try 'apt-get -qq install -y --no-install-recommends -o Dpkg::Options::=--force-confold /root/later.deb' upgrade
is "to the later version" "$(root_run "$try" "dpkg-query -W -f '\${Version}' countersign")" \
	"$(dpkg-deb -f "$build/srv/$deb" Version)+later"
is "the administrator's settings are kept" "$(root_run "$try" 'countersign config show --changed | grep -c level')" 1
is "so are the key, the ledger and the user's number" "$(root_run "$try" \
	'ls /etc/countersign/keys/example.com/s1.key /var/lib/countersign/kept | wc -l; [ "$(id -u countersign)" = "$(cat /root/uid)" ] && echo same' | xargs)" "2 same"

# ---- Postfix comes later: its queue gets the directory of the socket ----
ok "Postfix is installed" in_try 'echo "postfix postfix/main_mailer_type select Local only" | debconf-set-selections
	apt-get -qq install -y --no-install-recommends postfix' postfix
is "and the directory of the socket is in its queue, with its group" "$(stat_of /var/spool/postfix/countersign)" \
	"drwxr-s--- countersign:postfix"
ok "countersign setup has it ask the filter" in_try 'countersign setup --apply --force --domain example.com' setup
is "as the README says" "$(root_run "$try" 'postconf -h smtpd_milters non_smtpd_milters' | xargs)" \
	'{ unix:countersign/milter.sock, default_action=tempfail } $smtpd_milters'
is "the socket is added to the package's settings, which still only look" "$(root_run "$try" \
	'countersign config check >/dev/null && countersign config show --changed | grep -cE "spool/postfix/countersign|observe"')" 2
ok "Postfix goes" in_try 'apt-get -qq purge -y --autoremove postfix' postfix-gone

# ---- remove, purge ----
ok "it is removed" in_try 'apt-get -qq remove -y countersign' remove
is "settings, keys and ledger stay" "$(root_run "$try" 'ls -d /etc/countersign/countersign.conf /etc/countersign/keys/example.com/s1.key \
	/var/lib/countersign/kept /usr/sbin/countersignd /lib/systemd/system/countersignd.service 2>/dev/null | wc -l')" 3
ok "a purge that may take the keys, too" in_try 'touch /etc/countersign/purge-keys' purge-keys
ok "it is purged" in_try 'apt-get -qq purge -y countersign' purge
list >"$log/after"
is "nothing of it is left" "$(grep -i countersign "$log/after")" ""
is "all else is as it was, but for the user's line (users are not deleted)" \
	"$(diff <(grep -vE '/etc/(passwd|group|g?shadow)-?$|postfix|/etc/aliases|/run/adduser' "$log/before") \
	<(grep -vE '/etc/(passwd|group|g?shadow)-?$|postfix|/etc/aliases|/run/adduser' "$log/after") | head -20)" ""
done_testing
