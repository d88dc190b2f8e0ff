#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes a manual for each noun of countersign.1, DIR/countersign-NOUN.1.  noun-pages.sh DOC DIR
# DOC/nouns has a line for what each is about.
rm -f "$2"/countersign-*.1
for noun in $(sed -n 's/^\.Ss \([a-z-]*\).*/\1/p' "$2/countersign.1" | sort -u); do
	what=$(sed -n "s/^$noun	//p" "$1/nouns")
	awk -v noun="$noun" -v what="${what:-commands of countersign(1)}" -f "$1/noun.awk" \
		"$2/countersign.1" "$2/countersign.1" >"$2/countersign-$noun.1" || exit 1
done
