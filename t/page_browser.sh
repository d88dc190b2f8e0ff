#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/page_browser.sh [--screenshots DIR]
#
# countersign page, and the pages that the daemon serves, in a real Chromium without a network: light, dark, on a phone, printed;
# accessible and valid; the numbers in the document are those of --json; the script sorts and filters, and no other runs.
# contrib/test --browser installs what this needs; without it, it is skipped.
# --screenshots DIR: pictures of the pages for a person to look at, and doc.png, which is doc/page.png; needs COUNTERSIGN_SRC and
# COUNTERSIGN_BUILD as for any test.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
pictures=
[ "${1:-}" != --screenshots ] || pictures=$(realpath "${2:?--screenshots needs a directory}")
need chromium node sqlite3 python3 curl
build=$COUNTERSIGN_BUILD
modules=$build/browser
[ -d "$modules/node_modules/playwright-core" ] || skip_all "contrib/test --browser has not installed its programs"
dir=$(mktemp -d) || exit 99
dns= pid=
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; kill $dns 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
root=
[ "$(id -u)" = 0 ] && root=--allow-root
. "$COUNTERSIGN_SRC/t/lib/page_data.sh"
cs() { "$build/admin/countersign" -c conf "$@"; }
page_settings
cs store migrate >/dev/null 2>&1
page_fill
page_audit
cat >>conf <<-C
	log: { target = "stderr"; };
	control: { socket = "$dir/control.sock"; };
	page: { listen = [ "127.0.0.1:0" ]; };
C
"$build/daemon/countersignd" $root -f -c conf 2>log &
pid=$!
eventually grep -q ready: log
eventually eval 'grep -q "pages on\|built without HTTP" log'
where=$(sed -n 's|.*pages on \(http://.*\)/$|\1|p' log)
printf '%s\n' 'connect	client.example	203.0.113.9' 'helo	client.example' 'mail	<bob@sender.example>' 'macro	R	i	Q1' \
	'rcpt	<alice@example.com>' 'header	From	 bob@sender.example' 'eoh' 'macro	E	i	Q1' 'eom' |
	timeout 20 "$build/t/bin/milterc" "$dir/a.sock" >/dev/null 2>&1
cs page -o page.html 2>/dev/null
cs page --json >page.json 2>/dev/null
set -- "page=page.html" ${1:+--screenshots}
if [ -n "$where" ]; then
	id() { cs inbox list --json | python3 -c "import json, sys; print([r['id'] for r in json.load(sys.stdin)['reports'] if r['kind'] == '$1'][0])"; }
	eventually eval 'cs message find --json | grep -q Q1'
	set -- "$@" "home=$where/" "domain=$where/domain/example.com" "other=$where/domain/other.example" \
		"source=$where/domain/example.com/source/lists.example" "reports=$where/reports" "report=$where/report/$(id aggregate)" \
		"tls=$where/report/$(id tls)" "messages=$where/messages"
fi
mkdir -p "${pictures:=$dir/out}"
env HOME="$dir" node "$COUNTERSIGN_SRC/t/browser/page.mjs" "$modules" "$(command -v chromium)" "$pictures" "$@" >found 2>err
is "the browser was driven to the end" "$? $(head -c 600 err)" "0 "
while IFS=$'\t' read -r result name text; do
	if [ "$result" = ok ]; then
		pass "$name"
	else
		fail "$name"
		echo "# $text"
	fi
done <found
numbers() { python3 "$COUNTERSIGN_SRC/t/lib/page_numbers.py" "$@" 2>&1; }
links='([./]|(domain/[^/"]+(/source/[^/"]+)?|reports|messages))*'
is "the numbers in the document are those of --json" "$(numbers page.json "$pictures/page.html")" ""
if [ -n "$where" ]; then
	is "all pages were looked at" "$(cut -f2 found | sed 's/[,:].*//' | sort -u | tr '\n' ' ')" \
		"domain home messages other page report reports source tls "
	for name in "home /" "domain /domain/example.com" "other /domain/other.example"; do
		curl -s -m 20 "$where${name#* }?format=json" >json
		is "${name#* }: so are those by HTTP" "$(numbers json "$pictures/${name%% *}.html" "$links")" ""
	done
	for name in "source /domain/example.com/source/lists.example sources messages" "report /report/$(id aggregate) records count" \
		"reports /reports reports messages"; do
		read -r name path list member <<<"$name"
		curl -s -m 20 "$where$path?format=json" >json
		is "$path: each number of its JSON" "$(python3 "$COUNTERSIGN_SRC/t/lib/page_column.py" json "$list" "$member" "$pictures/$name.html" 2>&1)" ""
	done
else
	skip "pages by HTTP" "built without libmicrohttpd"
fi
rm -f "$pictures"/*.html
done_testing
