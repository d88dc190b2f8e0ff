#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whom From fields name: the table t/from/fields by policy/from alone, and as four widely used parsers read the same
# fields (Python's email, GMime, Dovecot's as Email::Address::XS, MailTools), which may see no domain that is not judged;
# and then thousands of fields that are put together from pieces.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
SRC=$COUNTERSIGN_SRC BIN=$COUNTERSIGN_BUILD/t/bin
table=$SRC/t/from/fields

while IFS=$'\t' read -r want value; do
	IFS=$'\t' read -r state domains why < <(printf '%s\n' "$value" | "$BIN/fromread" | sed 's/\t\t/\t-\t/')
	if [ "$state" = ok ]; then
		is "judged by $want: $value" "$domains" "$want"
	else
		is "not judged: $value" "-" "$want"
		ok "and it is said why ($why)" test -n "$why"
	fi
done < <(grep -v '^#' "$table")

if ! perl -MEmail::Address::XS -MMail::Address -e 1 2>/dev/null ||
	! /usr/bin/python3 -c 'import gi; gi.require_version("GMime", "3.0")' 2>/dev/null; then
	skip "other readers: needs gir1.2-gmime-3.0, python3-gi, libemail-address-xs-perl and libmailtools-perl"
else
	out=$(mktemp "${TMPDIR:-/tmp}/countersign-from.XXXXXX") || exit 99
	trap 'rm -f "$out"' EXIT
	/usr/bin/python3 "$SRC/t/tools/from_readers.py" "$BIN/fromread" "$table" 4000 >"$out" 2>&1
	status=$?
	ok "the other readers run" test $status -le 1
	while IFS= read -r line; do
		case $line in
		'ok '*) pass "four readers: ${line#* - }" ;;
		'not ok '*) fail "four readers: ${line#* - }" ;;
		'1..'*) ;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$out"
fi
done_testing
