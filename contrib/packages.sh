# SPDX-License-Identifier: BSD-2-Clause
# The packages that building and testing need on Debian and its relatives, and how contrib/quickstart and contrib/test
# install them. This is the one list: t/packages.sh compares README, INSTALL, debian/control, the Containerfile and
# configure.ac with it. To be sourced by bash.

packages_build="build-essential autoconf automake pkg-config libmilter-dev libopendkim-dev libspf2-dev libssl-dev
	libconfig-dev libunbound-dev libidn2-dev libpsl-dev libsqlite3-dev libxml2-dev libjansson-dev
	libcurl4-openssl-dev zlib1g-dev libpq-dev libmicrohttpd-dev libgmime-3.0-dev libarchive-dev"
packages_lab="postfix nsd swaks openssl python3-dkim python3-authres python3-nacl python3-dnspython"
packages_test="$packages_lab libsasl2-modules libxml2-utils miltertest sqlite3 valgrind mandoc python3-yaml python3-spf procps psmisc publicsuffix
	m4 iproute2 unbound postgresql opendkim opendmarc dbconfig-no-thanks postfix-policyd-spf-python dovecot-sieve dovecot-imapd dovecot-pop3d dovecot-lmtpd curl
	python3-gi gir1.2-gmime-3.0 libemail-address-xs-perl libmailtools-perl ldnsutils nginx-light pgbouncer"
packages_road="dovecot-sieve dovecot-imapd dovecot-pop3d dovecot-lmtpd unbound ldnsutils nginx-light curl sqlite3 iproute2 procps"
packages_browser="chromium sqlite3 python3 procps"
packages_peers="python3 openssl procps"
if ! command -v npm >/dev/null; then # it may come with another package
	packages_browser="$packages_browser nodejs npm"
	packages_peers="$packages_peers nodejs npm"
fi
packages_fuzz="clang libclang-rt-14-dev llvm"
packages_lint="clang-format clang-tidy cppcheck"

# Those of the list that are not installed.
packages_missing() {
	local package
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done
}

# Installs what is missing, nothing else, starts no service and leaves none enabled that was not there before. Two runs
# at once take turns: they would remove each other's policy-rc.d.
packages_install() {
	[ -n "$(packages_missing "$@")" ] || return 0
	if [ -d /var/lib/dpkg ] && command -v flock >/dev/null; then
		(flock 9 && packages_install_missing "$@") 9</var/lib/dpkg
	else
		packages_install_missing "$@"
	fi
}

packages_install_missing() {
	local missing policy=/usr/sbin/policy-rc.d made= status enabled
	local clusters=/etc/postgresql-common/createcluster.d
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		{ echo "these are needed, and this system has no apt-get to install them:" $missing >&2; return 1; }
	[ "$(id -u)" = 0 ] ||
		{ echo "these packages are missing; as root: apt-get install --no-install-recommends" $missing >&2; return 1; }
	enabled=$(packages_enabled)
	# without this, a new PostgreSQL would make a cluster for the host
	case $missing in
	*postgresql*)
		mkdir -p $clusters
		echo 'create_main_cluster = false' >$clusters/countersign-tests.conf
		;;
	esac
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		made=1
	fi
	export DEBIAN_FRONTEND=noninteractive
	# without this, a new Postfix would be set up as the host's mail system
	[ -e /etc/postfix/main.cf ] || ! command -v debconf-set-selections >/dev/null ||
		echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
	{
		packages_apt install $missing || { packages_apt update && packages_apt install $missing; }
	} >"$PACKAGES_LOG" 2>&1 </dev/null
	status=$?
	[ -z "$made" ] || rm -f $policy
	rm -f $clusters/countersign-tests.conf
	packages_disable $(comm -13 <(echo "$enabled") <(packages_enabled))
	if [ $status -ne 0 ]; then
		tail -5 "$PACKAGES_LOG" >&2
		echo "apt-get could not install:" $missing "(whole output: $PACKAGES_LOG)" >&2
	fi
	return $status
}

packages_apt() { # VERB [PACKAGE...]; waits for another apt-get on the host, and does not pass our locks on
	apt-get -qq -o DPkg::Lock::Timeout=300 "$1" -y --no-install-recommends "${@:2}" 9<&-
}

# The units that start with the host.
packages_enabled() {
	ls /etc/systemd/system/*.wants 2>/dev/null | grep -E '\.(service|socket|timer|path)$' | sort -u
}

packages_disable() { # [UNIT...]
	[ $# -eq 0 ] || ! command -v systemctl >/dev/null || systemctl -q disable "$@" >/dev/null 2>&1
}
