#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Hundreds of SVG files made from a table of SVG Tiny PS (t/tools/svg_files.py): countersign bimi check finds in each what the
# table says, and nothing else. With SVG_SCHEMA, a RELAX NG schema such as that of the draft, xmllint has to agree on each but
# those where the program differs on purpose.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need python3
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
printf 'store: { url = ""; };\n' >conf
python3 "$COUNTERSIGN_SRC/t/tools/svg_files.py" . >table || exit 99
ok "there are at least 60 files" test "$(wc -l <table)" -ge 60
while read -r file rule _; do
	rules=$("$COUNTERSIGN_BUILD/admin/countersign" -c conf bimi check --json "$file" 2>/dev/null | grep -o '"rule": *"[^"]*"' | cut -d'"' -f4)
	[ "$rule" != - ] || rule=
	[ "$rules" = "$rule" ] || printf '%s: have "%s", want "%s"\n' "$file" "$(xargs <<<"$rules")" "$rule"
done <table >wrong
is "$(wc -l <table) files have the faults that the table says" "$(cat wrong)" ""
if [ -n "${SVG_SCHEMA:-}" ] && command -v xmllint >/dev/null; then
	while read -r file rule differs; do
		[ "$differs" != '!' ] || continue
		timeout 5 xmllint --noout --nonet --relaxng "$SVG_SCHEMA" "$file" 2>/dev/null
		case $? in 0) valid=yes ;; 124) continue ;; *) valid=no ;; esac # xmllint takes for ever for many attributes
		[ "$valid" = "$([ "$rule" = - ] && echo yes || echo no)" ] || echo "$file: $rule, valid by the schema: $valid"
	done <table >wrong
	is "as the schema says" "$(cat wrong)" ""
else
	skip "as the schema says" "SVG_SCHEMA names none, or xmllint is not installed"
fi
done_testing
