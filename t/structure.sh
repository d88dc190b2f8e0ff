#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The rules of CONTRIBUTING.md that a machine can check: which directory may include which (its table is read from there), how
# large a directory and a function may be, and which file may know which library.
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

# "directory: those it may include", a line each.
table=$(sed -nE 's/^\| `([a-z_/]+)\/` *\|[^|]*\| *([^|]*[^| ]) *\|$/\1: \2/p' CONTRIBUTING.md | tr -d '`-' | tr ',' ' ')
directories=$(cut -d: -f1 <<<"$table")
tops=$(cut -d/ -f1 <<<"$directories" | sort -u)
mapfile -t sources < <(find $tops -name '*.[ch]' | sort)

check "CONTRIBUTING.md has the table of directories" "$([ "$(wc -l <<<"$table")" -ge 10 ] || echo "$table")"
check "every directory with sources is in it" "$(
	printf '%s\n' "${sources[@]}" | sed 's,/[^/]*$,,' | sort -u | grep -vxF "$directories")"
check "every directory in it has sources" "$(
	for directory in $directories; do ls "$directory"/*.[ch] >/dev/null 2>&1 || echo "$directory"; done)"
check "doc/architecture.md names each of them" "$(
	for directory in $directories; do
		# a row has the names of those below it in full, or without what all have in common
		grep -E "^\\| .*\`${directory%%/*}/\`" doc/architecture.md | grep -qE "\`($directory|${directory#*/})/\`" || echo "$directory"
	done)"
check "the files that it names exist" "$(
	grep -oE '`[a-z]+/[a-z_/]*[a-z_*]+\.[ch]`' doc/architecture.md | tr -d '`' | while read -r file; do
		compgen -G "$file" >/dev/null || echo "$file"
	done)"
check "includes run downwards, and spell the directory" "$(
	awk -v table="$table" '
	BEGIN {
		for (count = split(table, rows, "\n"); count > 0; count--) {
			split(rows[count], row, ": ")
			allowed[row[1]] = " " row[2] " "
		}
	}
	function may(from, to) {
		if (from == to || index(to, from "/") == 1) return 1
		if (allowed[from] ~ /^ as /) {
			sub(/^ as /, "", allowed[from])
			parent = allowed[from]; gsub(/ /, "", parent)
			allowed[from] = " " parent allowed[parent]
		}
		top = to; sub(/\/.*/, "", top)
		return index(allowed[from], " " to " ") || index(allowed[from], " " top " ")
	}
	/^#include "/ {
		split($0, part, "\"")
		from = FILENAME; sub(/\/[^\/]*$/, "", from)
		to = part[2]; if (!sub(/\/[^\/]*$/, "", to)) to = "?"
		if (!may(from, to)) print FILENAME ":" FNR ": " $0
	}' "${sources[@]}")"
check "no directory holds more than 16 modules" "$(
	printf '%s\n' "${sources[@]}" | grep '\.c$' | sed 's,/[^/]*$,,' | sort | uniq -c | awk '$1 > 16')"

# A function begins at the left margin with its name and ends with a brace there. "lines name file static".
functions=$(awk '
	FNR == 1 { open = 0; name = "" }
	/^[a-z].*[a-z_0-9]\(/ && !/;$/ {
		name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
		kind = /^static/ || before ~ /^static [^(]*$/ ? "static" : "extern"
	}
	{ before = $0 }
	/^{/ && name != "" { open = FNR }
	/^}/ && open { print FNR - open - 1, name, FILENAME, kind; open = 0; name = "" }' \
	$(printf '%s\n' "${sources[@]}" | grep '\.c$'))
check "no function is longer than 80 lines" "$(awk '$1 > 80' <<<"$functions")"
check "nine of ten functions are shorter than 40 lines" "$(
	sort -n <<<"$functions" | awk '{ l[NR] = $1 } END { p = l[int(NR * 0.9)]; if (p >= 40) print "the 90th percentile is " p }')"
check "at most one of twenty static functions has a name of one word" "$(
	awk '$4 == "static" { all++; if ($2 !~ /_/) { one++; list = list "\n" $3 ": " $2 "()" } }
		END { if (one * 20 > all) print one " of " all " have; give them a verb and a noun (read_settings):" list }' <<<"$functions")"
# A question (is_spf) may tell why not; what is done succeeds (0), fails (-1), finds something (NULL: not), or has an outcome.
check "a function that fails with a reason returns -1, NULL or an outcome, not false" "$(
	awk 'FNR == 1 { head = "" }
		/^[a-z].*\(/ { head = "" }
		/^(static )?bool [a-z_]*\(/ { head = $0; at = FNR }
		head != "" && at != FNR { head = head $0 }
		head ~ /[{;]/ { head = "" }
		head != "" && head ~ /\)$/ {
			name = head; sub(/\(.*/, "", name); sub(/.* /, "", name)
			if (head ~ /[(,][ \t]*struct why \*/ && name !~ /(^|_)(is|has|may|can|fits)(_|$)/) print FILENAME ": " name "()"
			head = ""
		}' $(printf '%s\n' "${sources[@]}" | grep '\.c$'))"
check "contracts are asserted: four times or more in 1,000 lines of lib, mail, dns, policy, store and report" "$(
	for directory in lib mail dns policy store report; do
		find $directory -name '*.c' -exec cat {} + | awk -v name=$directory '
			/(^|[^_A-Za-z])assert\(/ { asserts++ }
			END { if (asserts * 250 < NR) print name "/: " asserts + 0 " in " NR " lines; assert what callers promise and what loops keep" }'
	done)"
check "memory comes from lib/heap, which never gives NULL; OpenSSL's, which may be NULL, from lib/crypto/wipe" "$(
	grep -nE '\b(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf)\(' \
		$(printf '%s\n' "${sources[@]}" | grep '\.c$' | grep -vE '^lib/(heap|crypto/wipe)\.c$'))"
check "no function has the name of a library's" "$(
	awk '$2 ~ /^(dkim|SPF|smfi|mi)_/ && $4 == "extern"' <<<"$functions")"

# What one file exports another one uses: another source of the programs, or a driver that calls one layer on purpose
# (t/fuzz, t/differential, t/conformance, t/bench and the tests' own library). A unit test alone goes through what is public.
check "every exported function is used by another file" "$(
	awk -v functions="$(awk '$4 == "extern" && $2 != "main" { print $2, $3 }' <<<"$functions")" '
	BEGIN {
		for (count = split(functions, rows, "\n"); count > 0; count--) {
			split(rows[count], row, " ")
			home[row[1]] = row[2]
		}
	}
	/^ ?\*|^\/\*/ { next }
	{
		own = FILENAME
		if (!/^\t/) sub(/\.h$/, ".c", own) # an indented line of a header is in an inline function, which others call
		for (n = split($0, words, /[^A-Za-z0-9_]+/); n > 0; n--)
			if (words[n] in home && home[words[n]] != own) used[words[n]] = 1
	}
	END { for (name in home) if (!(name in used)) print home[name] ": " name "() is used by no other file: make it static, or remove it" }
	' "${sources[@]}" t/fuzz/*.c t/differential/*.c t/conformance/*.c t/bench/*.c t/lib/*.c | sort)"

# library: header pattern, then the files that may include it
one() {
	local name=$1 pattern=$2 bad
	shift 2
	bad=$(grep -lE "^#include <($pattern)" "${sources[@]}" | grep -vxF "$(printf '%s\n' "$@")")
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
one libxml2 'libxml/' report/xml.c lib/codec/markup.c
one libmicrohttpd 'microhttpd' daemon/http/listen.h
one libcurl 'curl/' lib/net/transfer.c lib/url.c
one zlib 'zlib\.h' lib/codec/gzip.c
one jansson 'jansson' report/json.c report/inbox/tlsrpt.c report/tls/datagram.c lib/jsonout.c
one GMime 'gmime/' report/inbox/mime.c
one libarchive 'archive' report/inbox/unpack.c

mapfile -t pure < <(printf '%s\n' "${sources[@]}" | grep '^policy/')
check "policy/ opens no file, logs nothing and has no clock" "$(
	grep -nE '\b(fopen|open|openat|stat|lstat|opendir|log_(error|warn|info|debug|line)|clock_(wall|mono)|time|gettimeofday|nanosleep|sleep)\(' "${pure[@]}" |
		grep -vE ':[0-9]+: ?(\*|/\*)')"
check "files are handed to other processes by lib/system/fdpass only" "$(
	grep -nE 'cmsg_type|CMSG_' "${sources[@]}" /dev/null | grep -v '^lib/system/fdpass\.c:')"
check "every source says its licence" "$(
	grep -L 'SPDX-License-Identifier: BSD-2-Clause' "${sources[@]}" t/*/*.[ch] t/*.sh t/*/*.sh contrib/*.sh contrib/test contrib/quickstart)"
check "every source is in Makefile.am" "$(
	for f in "${sources[@]}"; do grep -qE "(^|[ 	])$f( |\$)" Makefile.am || echo "$f"; done)"
# In a clone, with a build tree: all that git has, but .gitignore, is in the package, itself or in a directory that is.
check "a package of the source has what git has" "$(
	[ -e .git ] && [ -f "${COUNTERSIGN_BUILD:-build}/Makefile" ] || exit 0
	git -c safe.directory='*' ls-files >"${TMPDIR:-/tmp}/structure.$$"
	MAKEFLAGS= make -s --no-print-directory -C "${COUNTERSIGN_BUILD:-build}" list-dist | tr ' ' '\n' | sed "s,^$PWD/,," | sed 's,^\(\.\./\)*,,; s,^\./,,' |
		awk 'FILENAME == "-" { packed[$0] = 1; next }
			$0 == ".gitignore" { next }
			{
				for (path = $0; !(path in packed); )
					if (!sub(/\/[^\/]*$/, "", path)) { print; break }
			}' - "${TMPDIR:-/tmp}/structure.$$"
	rm -f "${TMPDIR:-/tmp}/structure.$$")"

# In automake's terms: 77 is a test that was not run. Another status after the plan of none would pass for one that was.
check "a test that cannot be run says SKIP and why, and exits with status 77" "$(
	for f in t/*.sh t/e2e/*.sh t/lib/*.sh; do
		awk -v f="$f" '/1\.\.0/ && !/^[ \t]*#/ && !/1\.\.0\*/ && !/sed -n/ {
				if (!/# SKIP [^"]/) print f ":" NR ": no reason: " $0
				open = NR; line = $0
			}
			open && /exit 77|skip_all/ { open = 0 }
			open && NR > open + 2 { print f ":" open ": no exit 77 after it: " line; open = 0 }
			END { if (open) print f ":" open ": no exit 77 after it: " line }' "$f"
		[ "$f" = t/structure.sh ] || grep -nHE "command -v .*\|\| *(exit 0|\{ *(echo|printf)[^;]*; *exit 0)|not installed.*exit 0" "$f"
	done)"

echo "1..$n"
exit $failed
