#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Wording that a reader stumbles over, found by its patterns: in what the programs say, in comments, in the documents and in
# the names of tests. Each pattern has what to write instead. A line that must have the words says so with "english: as it is".
cd "${COUNTERSIGN_SRC:-$(dirname "$0")/..}" || exit 99

n=0 failed=0
tops=$(sed -nE 's/^\| `([a-z_]+)\/.*/\1/p' CONTRIBUTING.md | sort -u)
mapfile -t files < <(find $tops contrib doc debian t \
	-type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.[1578]' -o -name '*.sh' -o -name '*.lua' -o -name '*.txt' -o -name '*.conf' \
	-o -name 'test' -o -name 'quickstart' -o -name 'road' -o -name README \) | grep -vE '^t/(english\.sh|fuzz/corpus|bench/corpus)' | sort
	ls README INSTALL NEWS SECURITY.md CONTRIBUTING.md 2>/dev/null)

avoid() { # pattern, what to write instead, lines that are right all the same
	local found
	n=$((n + 1))
	found=$(grep -nE -- "$1" "${files[@]}" | grep -vF 'english: as it is')
	[ -z "${3:-}" ] || found=$(grep -vE -- "$3" <<<"$found")
	if [ -z "$found" ]; then
		echo "ok $n - nothing to say $2"
	else
		failed=1
		echo "not ok $n - $2"
		sed 's/^/# /' <<<"$found"
	fi
}

avoid '\b(is|are|was|be) no [a-z]' '"is not a ..." instead of "is no ..."' \
	'([Tt]here|THERE) (is|are|was) no |(is|are|was) no (longer|larger|more than|harm|other)|(is|are) no problem'
avoid '\bmend(s|ed|ing)?\b' '"fix" or "correct" instead of "mend"'
avoid '\banew\b' '"again" instead of "anew"'
avoid '\b(is|are|was|stands|comes|follows) behind\b' '"after" instead of "behind"'
avoid '\bto be had\b' '"available" instead of "to be had"'
avoid '\bof ours\b' '"our own", or the name, instead of "of ours"'
avoid '\b[Hh]ave the (MTA|daemon|filter)\b' '"configure" or "make" instead of "have the MTA"' '(should|must|to|will) have the '
avoid '\bput off\b' '"deferred" instead of "put off"'
avoid 'what is wrong with (it|them)' '"the error" instead of "what is wrong with it"'
avoid '[a-z], that (is|are|was|were|has|have|does|can|will) ' 'no comma before "that"'
avoid '\b(NULL|it|that) is fine\b' '"is OK" or "is allowed" instead of "is fine"'
avoid '\bno more (with|than that) it\b|\bsigns no more\b|\bis no more\b' '"no longer" instead of "no more"'

avoid '\bbears? (our|your|its|their|the|a)\b' '"carry" instead of "bear"'
avoid '\bin the place of\b' '"in place of" or "instead of" instead of "in the place of"'
avoid '\bin vain\b' '"without effect", or what happens, instead of "in vain"'
avoid '\b([Tt]he|a|two) ([a-z]+ ){1,3}that there (is|are)\b' '"existing", or nothing, instead of "that there is"' 'says? that there'
avoid '\bany more\b' '"no longer" instead of "not any more"' 'any more, from'
avoid '\bwhose the [a-z]+ (is|are)\b' '"who owns" instead of "whose the ... are"'

echo "1..$n"
exit $failed
