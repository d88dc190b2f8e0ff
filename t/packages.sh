#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The packages that building needs are listed once, in contrib/packages.sh. README, INSTALL, the Containerfile,
# debian/control and configure.ac name the same ones.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/packages.sh"
cd "$COUNTERSIGN_SRC" || exit 99

words() { tr -s ' \t\n' '\n\n\n' | grep . | sort; }
libraries() { grep -E '^(lib.*|zlib1g)-dev$'; }
differences() { # two sorted lists, as files
	comm -3 "$1" "$2" | sed "s/^\t/only in the second: /; s/^\([^o]\)/only in contrib\/packages.sh: \1/"
}

# The packages of the commands "apt-get install build-essential ..." in a file, which may go on over several lines.
installed() { # file
	sed -e ':join' -e '/\\$/{N;s/\\\n//;b join' -e '}' "$1" |
		grep -oE 'apt-get install [-a-z ]*build-essential[-a-z0-9. 	]*' | sed 's/^apt-get install//' | words |
		grep -vE '^-|^(debhelper|dh-apparmor|git)$'
}

# The README names what contrib/quickstart and contrib/test install in addition.
is "README names the packages of the lab and of the tests" "$(words <README | sort -u |
	comm -13 - <(words <<<"$packages_test" | sort -u))" ""

for file in README INSTALL contrib/container/Containerfile; do
	is "$file names the packages of contrib/packages.sh" \
		"$(differences <(words <<<"$packages_build") <(installed "$file"))" ""
done
is "debian/control names its libraries" "$(differences <(words <<<"$packages_build" | libraries) \
	<(sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \([a-z0-9.+-]*\).*/\1/p' debian/control | libraries | sort))" ""
is "configure.ac names its libraries" "$(differences <(words <<<"$packages_build" | libraries) \
	<(grep -oE '\[(lib[a-z0-9.+-]*|zlib1g)-dev\]' configure.ac | tr -d '[]' | sort -u))" ""
is "no package is listed twice" "$(words <<<"$packages_build $packages_test" | uniq -d)" ""
if command -v apt-cache >/dev/null && [ -n "$(apt-cache search --names-only '^libmilter-dev$' 2>/dev/null)" ]; then
	all=$(words <<<"$packages_build $packages_test $packages_fuzz" | uniq)
	is "each is a package of this Debian" "$(differences <(echo "$all") \
		<(xargs apt-cache show <<<"$all" 2>/dev/null | sed -n 's/^Package: //p' | sort -u))" ""
else
	skip "each is a package of this Debian" "apt has no lists of packages here"
fi
done_testing
