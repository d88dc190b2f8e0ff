#!/bin/bash
# The house's plan, checked: includes run downwards and spell their room; each third-party library is
# included in one or two named files.
cd "${COUNTERSIGN_SRC:-$(dirname "$0")/..}" || exit 99

n=0 failed=0
check() { # name, output that must be empty
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		failed=1
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# room: the rooms it may include besides itself
allowed() {
	case $1 in
	lib | lib/crypto) echo lib ;;
	conf) echo lib ;;
	dns | store) echo lib ;;
	policy) echo lib dns ;;
	report) echo lib dns store policy ;;
	milter) echo lib dns store policy report conf ;;
	admin) echo lib dns store policy report conf milter ;;
	esac
}

for room in lib lib/crypto conf dns store policy report milter admin; do
	may=" $room $(allowed $room) "
	bad=$(grep -HnE '^#include "' $room/*.[ch] 2>/dev/null | while IFS=: read -r file line text; do
		target=${text#*\"}
		case $may in
		*" ${target%%/*} "*) ;;
		*) echo "$file:$line: $text" ;;
		esac
	done)
	check "$room/ includes only:${may% }" "$bad"
done

# library: header pattern, then the files that may include it
one() {
	local name=$1 pattern=$2 bad
	shift 2
	bad=$(grep -lE "^#include <($pattern)" {lib,lib/crypto,conf,dns,store,policy,report,milter,admin}/*.[ch] 2>/dev/null |
		grep -vxF "$(printf '%s\n' "$@")")
	check "$name is included only in: $*" "$bad"
}
one libmilter 'libmilter/' milter/callbacks.c milter/libmilter.c
one libopendkim 'opendkim/|dkim\.h' policy/dkim/opendkim.c
one libspf2 'spf2/' policy/spf/libspf2.c
one libunbound 'unbound\.h' dns/unbound.c
one libconfig 'libconfig' conf/read.c
one sqlite3 'sqlite3\.h' store/sql/sqlite.h
one libpq 'libpq' store/sql/pg.c
one libidn2 'idn2\.h' mail/domain.c
one libpsl 'libpsl' mail/psl.c
one OpenSSL 'openssl/' lib/crypto/openssl.h
one libxml2 'libxml/' report/xml.c
one libmicrohttpd 'microhttpd' daemon/http/http.c
one libcurl 'curl/' report/send.c
one zlib 'zlib\.h' report/gzip.c
one jansson 'jansson' report/json.c admin/jsonout.c

check "admin/ takes of milter/ only context, sending and control_text" "$(grep -Hn '#include "milter/' admin/*.[ch] |
	grep -vE 'milter/(context|sending|control_text)\.h')"
check "every .c and .h of the rooms is in Makefile.am" "$(
	for f in {lib,lib/crypto,conf,dns,store,policy,report,milter,admin}/*.[ch]; do
		grep -qF " $f" Makefile.am || grep -qF "	$f" Makefile.am || echo "$f"
	done)"
check "so is what a package of the source must have" "$(
	for f in t/*.sh t/lib/*.sh t/scenario/*.lua t/e2e/*.sh doc/*.[0-9a-z]* contrib/*/* debian/*; do
		[ ! -f "$f" ] || git check-ignore -q "$f" 2>/dev/null || grep -qE "(^|[ 	])$f( |\$)" Makefile.am || echo "$f"
	done)"
check "no function of ours takes a library's name" "$(
	grep -nE '^[a-z].*[ *](dkim|SPF|smfi|mi)_[a-z_]+\(' {lib,lib/crypto,conf,dns,store,policy,report,milter,admin}/*.[ch] 2>/dev/null)"

echo "1..$n"
exit $failed
