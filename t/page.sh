#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign page: what it shows is what --json says, and a stranger's text stays text. t/page_browser.sh looks at it in a
# browser.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need sqlite3 python3 xmllint
clear_of_midnight 60
build=$COUNTERSIGN_BUILD
dir=$(mktemp -d) || exit 99
dns=
trap 'kill $dns 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 99
. "$COUNTERSIGN_SRC/t/lib/page_data.sh"
cs() { "$build/admin/countersign" -c conf "$@"; }
member() { python3 -c "import json, sys; found = json.load(sys.stdin); print($1)"; }

page_settings
is "without a ledger there is no page" "$(cs page >out 2>err; echo $?) $(wc -c <out)" "69 0"
cs store migrate >/dev/null 2>&1
is "an empty one is told so" "$(cs page -o empty.html >/dev/null 2>err; echo $?)" 0
like "nothing was received" "$(cat empty.html)" 'No report was received'
page_fill
page_audit
cs inbox sources --since 30d --json >sources.json
cs stats --since 29d --json >stats.json
is "the page is written" "$(cs page -o page.html >out 2>err; echo $?)" 0
like "and it is told how large it is" "$(cat out err)" 'page.html: [0-9]+ KB, 3 domains, 30 days'
is "others may not read it" "$(stat -c %a page.html)" 640
is "nothing is left beside it" "$(ls -a | grep -c part)" 0
cs page --json >page.json

# ---- the numbers ----
is "messages and passes as inbox sources has them" \
	"$(member '[[d["messages"], d["passed"]] for d in found["domains"] if d["domain"] == "example.com"][0]' <page.json)" \
	"$(member '[sum(s[k] for s in found["sources"] if s["domain"] == "example.com") for k in ("messages", "passed")]' <sources.json)"
is "each source, too" \
	"$(member 'sorted((d["domain"], s["flow"], s["class"], s["messages"]) for d in found["domains"] for s in d["sources"])' <page.json)" \
	"$(member 'sorted((s["domain"], s["flow"], s["class"], s["messages"]) for s in found["sources"])' <sources.json)"
is "the days of a domain add up to its messages" \
	"$(member '[sum(sum(v) for v in d["by_day"].values()) == d["messages"] for d in found["domains"]]' <page.json)" '[True, True, True]'
is "what was received is what stats counts" \
	"$(member 'sum(v["messages"] for v in found["received"].values() if isinstance(v, dict))' <page.json)" \
	"$(member 'found["messages"]' <stats.json)"
is "what strict would refuse, too" "$(member 'found["received"]["strict_would_refuse"]' <page.json)" \
	"$(member 'found["strict_would_reject"]' <stats.json)"
is "t=y is one step down" "$(member '[d for d in found["received"]["strict_by_domain"] if d["domain"] == "testing.test"]' <page.json)" \
	"[{'domain': 'testing.test', 'refused': 0, 'quarantined': 3}]"
is "TLS sessions from here, those that failed first" \
	"$(member '[(d["domain"], d["sessions"], d["failed"]) for d in found["tls_out"]["by_domain"]], found["tls_out"]["domains"]' <page.json)" \
	"[('remote.example', 15, 3), ('far.example', 7, 0)] 2"
python3 "$COUNTERSIGN_SRC/t/lib/page_numbers.py" page.json page.html >numbers 2>&1
is "the page says the same" "$(cat numbers)" ""
is "advice is the same as inbox advice" \
	"$(member '[a["verdict"] for d in found["domains"] if d["domain"] == "example.com" for a in d["advices"]]' <page.json)" \
	"$(cs inbox advice example.com --since 29d --json | member '[a["verdict"] for a in found["advices"][:4]]')"

# ---- only one domain, other days ----
is "only one domain" "$(cs page --domain other.example --json | member '[d["domain"] for d in found["domains"]]')" "['other.example']"
is "fewer days" "$(cs page --since today --json | member 'found["first_day"] == found["last_day"]')" True
is "not more than 400" "$(cs page --since 500d >/dev/null 2>err; echo $?)" 64
is "another file that cannot be written" "$(cs page -o no/such/place.html >/dev/null 2>err; echo $?)" 73
touch -d '3 days ago' page.html
cs page -o page.html 2>/dev/null
like "changes are told since the last page" "$(cat page.html)" "What changed since the last page, $(date -u -d '3 days ago' +%F)"

# ---- strangers' text ----
is "no tag of a stranger's" "$(grep -oiE '<(script|img|iframe|b onclick)' page.html)" "<script"
digest=$(python3 -c 'import base64, hashlib, re, sys
print(base64.b64encode(hashlib.sha256(re.search(rb"<script>(.*)</script></body>", open(sys.argv[1], "rb").read(), re.S).group(1)).digest()).decode())' page.html)
is "the script is the one that its policy names" "$(grep -c "script-src &#39;sha256-$digest&#39;\|script-src 'sha256-$digest'" page.html)" 1
is "the findings of the audit, with the record to publish" "$(member '[[f["rule"], f["remedy"]] for p in found["posture"] for f in p["findings"]][0]' <page.json)" \
	"['dmarc.none', '_dmarc.example.com. 3600 IN TXT \"v=DMARC1; p=none\"']"
like "markup is shown" "$(cat page.html)" '&lt;script&gt;alert\(1\)&lt;/script&gt;'
like "a long name is cut, and whole in a title" "$(cat page.html)" 'title="(long){40}[^"]*">'
is "no control or bidirectional character" "$(python3 - page.html <<'P'
import sys, unicodedata
text = open(sys.argv[1], encoding="utf-8").read()
print(sorted({hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}))
P
)" "[]"
is "it is well-formed" "$(sed 's/<!DOCTYPE html>//; s,<script>.*</script>,,' page.html | sed -E 's,<(meta)([^>]*)>,<\1\2/>,g' | xmllint --noout - 2>&1 | head -3)" ""
done_testing
