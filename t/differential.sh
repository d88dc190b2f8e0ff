#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Our engines against others: with a COUNT the long run (30000 takes minutes), without one a short one of what is not a
# test of its own. t/differential/differences.txt lists every difference that is known, with its cause.
#   dkim_differential.test   messages, against libopendkim
#   spf_differential.test    zones of six clients each, against libspf2
#   spf_python.py            the same zones, against pyspf (Debian python3-spf)
. "$(dirname "$0")/lib/help.sh"
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
bin=$COUNTERSIGN_BUILD/t/bin
here=$COUNTERSIGN_SRC/t/differential
python=''
for each in python3 /usr/bin/python3; do
	"$each" -c 'import spf' 2>/dev/null && python=$each
done
[ -n "$python" ] || [ $# -gt 0 ] || skip_all "no pyspf (Debian python3-spf)"

run() { # name, command...
	local name=$1 out
	shift
	out=$("$@" 2>&1)
	ok "$name" [ $? -eq 0 ]
	grep '^#' <<<"$out"
}
python_run() { "$bin/spf_differential.test" --dump "$1" 1 | "$python" "$here/spf_python.py" "$here/differences.txt"; }

if [ $# -gt 0 ]; then
	run "DKIM, $1 messages" "$bin/dkim_differential.test" "$1"
	run "SPF, libspf2, $1 zones" "$bin/spf_differential.test" "$1"
fi
[ -z "$python" ] || run "SPF, pyspf, $((${1:-1800} / 6)) zones" python_run $((${1:-1800} / 6))
done_testing
