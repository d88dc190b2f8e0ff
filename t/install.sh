#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What is installed: make install and uninstall; the unit as systemd reads it, and how exposed that leaves the daemon;
# the users' and directories' files, the AppArmor profile, the script for FreeBSD; and the Debian package's files, as
# far as they can be looked at without building it (t/package.sh does that).
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$PWD}
. "$src/t/lib/tap.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-install.XXXXXX")
trap 'rm -rf "$work"' EXIT

have() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }
PATH=$PATH:/usr/sbin:/sbin

# ---- make install ----
ok "make install" make -s -C "$build" install DESTDIR="$work/root"
installed=$(cd "$work/root" && find . -type f -o -type l)
for file in sbin/countersignd bin/countersign man1/countersign.1 man5/countersign.conf.5 man8/countersignd.8 \
	man1/countersign-key.1 completions/countersign site-functions/_countersign vendor_completions.d/countersign.fish \
	countersign/countersign.conf.sample share/countersign/countersign.m4; do
	like "it installs $file" "$installed" "/$file\$"
done
is "the settings of an administrator are nobody's to install" "$(grep -c 'countersign/countersign\.conf$' <<<"$installed")" 0
unit=$(grep '/countersignd\.service$' <<<"$installed")
if [ -n "$unit" ]; then
	for program in $(sed -n 's/^Exec[A-Za-z]*=[-+]*\([^ ]*countersignd*\) .*/\1/p' "$work/root/$unit"); do
		ok "the unit's $program is what was installed" test -x "$work/root$program"
	done
fi
if have man && have script; then
	pages=$(cd "$work/root" && find "$PWD" -type d -name man)
	like "countersign help key, at a terminal, opens the manual" "$(MANPATH=$pages MANPAGER=cat TERM=dumb script -qec \
		"$build/admin/countersign help key" /dev/null 2>&1 </dev/null)" 'COUNTERSIGN-KEY\(1\)'
	like "countersign help key gen explains the options" "$(MANPATH=$pages script -qec \
		"$build/admin/countersign help key gen" /dev/null 2>&1 </dev/null)" 'usage: countersign key gen'
	like "countersign help key, without the manual, lists the verbs" "$(MANPATH=$work/none script -qec \
		"$build/admin/countersign help key" /dev/null 2>&1 </dev/null)" 'Commands:'
else
	skip "countersign help key opens the manual" "there is no man or no script"
fi
ok "make uninstall" make -s -C "$build" uninstall DESTDIR="$work/root"
is "leaves nothing" "$(cd "$work/root" && find . -type f -o -type l)" ""

# ---- systemd ----
cp "$src"/contrib/systemd/*.service "$src"/contrib/systemd/*.timer "$src"/contrib/systemd/*.socket "$work/" 2>/dev/null
sed -i -e "s,/usr/sbin/countersignd,$build/daemon/countersignd,; s,/usr/bin/countersign ,$build/admin/countersign ," "$work"/*.service
if have systemd-analyze; then
	for file in "$work"/*.service "$work"/*.timer "$work"/*.socket; do
		[ -f "$file" ] || continue
		is "systemd takes ${file##*/}" "$(systemd-analyze verify --man=no "$file" 2>&1 | grep -F "$work")" ""
	done
	exposure=$(systemd-analyze security --offline=true --no-pager "$work/countersignd.service" 2>/dev/null |
		sed -n 's/.*Overall exposure level.*: \([0-9.]*\).*/\1/p')
	ok "the daemon's exposure, $exposure, is at most 1.4" \
		awk -v level="$exposure" 'BEGIN { exit !(level != "" && level + 0 <= 1.4) }'
else
	skip "systemd takes the unit" "there is no systemd-analyze"
fi
for word in Type=notify 'ExecReload=/bin/kill -HUP' WatchdogSec= NoNewPrivileges=yes ProtectSystem=strict LimitCORE=0; do
	ok "the unit has $word" grep -qF "$word" "$src/contrib/systemd/countersignd.service"
done
mkdir -p "$work/sys/etc" "$work/sys/var/spool/postfix"
if have systemd-sysusers && have systemd-tmpfiles && [ "$(id -u)" = 0 ]; then
	files=$src/contrib/systemd
	ok "systemd-sysusers makes the user" systemd-sysusers --root="$work/sys" "$files/countersign-sysusers.conf"
	like "and that of the keys" "$(cat "$work/sys/etc/passwd")" '^countersign-keys:.*:/:/usr/sbin/nologin$'
	like "who is in the daemon's group, for keys of before" "$(cat "$work/sys/etc/group")" '^countersign:.*:countersign-keys$'
	like "without a shell" "$(cat "$work/sys/etc/passwd")" '^countersign:.*:/var/lib/countersign:/usr/sbin/nologin$'
	ok "systemd-tmpfiles makes the directory of keys" systemd-tmpfiles --create --root="$work/sys" "$files/countersign-tmpfiles.conf"
	is "for root, and the group of the keys' user" "$(stat -c '%A %u' "$work/sys/etc/countersign/keys")" "drwxr-x--- 0"
	is "whose number it has" "$(stat -c %g "$work/sys/etc/countersign/keys")" \
		"$(awk -F: '$1 == "countersign-keys" { print $3 }' "$work/sys/etc/group")"
	systemd-tmpfiles --create --root="$work/sys" "$files/countersign-postfix.conf" >/dev/null 2>&1
	ok "without Postfix there is no directory in its queue" test ! -e "$work/sys/var/spool/postfix/countersign"
	echo 'g postfix 4711' >"$work/postfix.conf"
	systemd-sysusers --root="$work/sys" "$work/postfix.conf" >/dev/null 2>&1
	ok "with Postfix, systemd-tmpfiles makes it" systemd-tmpfiles --create --root="$work/sys" "$files/countersign-postfix.conf"
	is "with the setgid bit and Postfix's group" "$(stat -c '%A %g' "$work/sys/var/spool/postfix/countersign")" "drwxr-s--- 4711"
else
	skip "users and directories" "there is no systemd-sysusers and systemd-tmpfiles, or this is not root"
fi

# ---- AppArmor, FreeBSD, scripts ----
profile=$src/contrib/apparmor/usr.sbin.countersignd
if have apparmor_parser && [ -d /etc/apparmor.d/abstractions ]; then
	is "AppArmor takes the profile" "$(apparmor_parser -QTK "$profile" 2>&1 | grep -v 'Cache read/write disabled')" ""
else
	skip "AppArmor takes the profile" "there is no apparmor_parser"
fi
for script in contrib/freebsd/countersignd debian/countersign.postinst debian/countersign.prerm debian/countersign.postrm; do
	ok "$script is right shell" sh -n "$src/$script"
done
if have shellcheck; then
	# rc.subr reads the variables that the script sets
	is "shellcheck finds nothing in them" "$(cd "$src" && shellcheck -e SC1091,SC2034 contrib/freebsd/countersignd \
		debian/countersign.postinst debian/countersign.prerm debian/countersign.postrm 2>&1 | head -20)" ""
else
	skip "shellcheck finds nothing in them" "there is no shellcheck"
fi
options=$("$build/daemon/countersignd" --help)
for option in $(grep -oE 'command_args=.*' "$src/contrib/freebsd/countersignd" | grep -oE ' -[a-zA-Z]|"-[a-zA-Z]' | grep -oE -- '-[a-zA-Z]') -t; do
	like "countersignd has the option $option of contrib/freebsd/countersignd" "$options" "$option, --"
done

# ---- the Debian package's files ----
version=$(sed -n 's/^AC_INIT(\[countersign\], \[\(.*\)\])/\1/p' "$src/configure.ac")
is "debian/changelog has the version of configure.ac" "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$src/debian/changelog")" "$version"
. "$src/contrib/packages.sh"
is "debian/control builds with the libraries that the README's command installs" \
	"$(sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \(lib[^,]*-dev\|zlib[^,]*\),*.*/\1/p' "$src/debian/control" | sort)" \
	"$(printf '%s\n' $packages_build | grep -E '^(lib.*-dev|zlib)' | sort)"
is "and so does contrib/container/Containerfile" "$(sed -n '/^FROM/,/^COPY/p' "$src/contrib/container/Containerfile" | sed '/^COPY/q' |
	grep -oE '(lib[a-z0-9.-]*-dev|zlib1g-dev)' | sort)" "$(printf '%s\n' $packages_build | grep -E '^(lib.*-dev|zlib)' | sort)"
ok "the container's settings are right" "$build/admin/countersign" config check "$src/contrib/container/countersign.conf"
ok "the package's settings are right" "$build/admin/countersign" config check "$src/debian/countersign.conf"
is "and change no default but for dmarc.enforce" "$("$build/admin/countersign" -c "$src/debian/countersign.conf" config show --changed |
	sed 's/ *#.*//' | grep . | xargs)" "dmarc: { enforce = observe; };"
listen=$(sed -n 's/^#\(listen = .*\)/\1/p' "$build/countersign.conf.sample") # where this build has its sockets
grep -vE '^# ' "$src/debian/countersign.conf" | sed -e 's/^#//' -e "s|^listen = .*|$listen|" >"$work/all.conf"
is "nor do they with every # removed" "$("$build/admin/countersign" -c "$work/all.conf" config show --changed 2>&1 |
	sed 's/ *#.*//' | grep . | xargs)" "dmarc: { enforce = observe; };"
done_testing
