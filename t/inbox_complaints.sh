#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sign.cfbl_address: CFBL-Address and CFBL-Feedback-ID on signed mail (RFC 9477), both signed; a complaint about it finds its
# message, one with an invented id does not.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need sqlite3 python3
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
: >"$top/zone"
mkdir -m 750 "$top/d" "$top/keys"
cs() { "$BUILD/admin/countersign" -c "$top/conf" "$@"; }
printf 'sign: { keys = "%s/keys"; };\n' "$top" >"$top/conf"
for domain in example.com other.example; do cs -q key gen $domain --selector s1 --type ed25519 --active >/dev/null 2>&1; done
start_lone_daemon "sqlite:$top/d/ledger.db"
sed -i "s|sign: { enabled = false; };|sign: { keys = \"$top/keys\"; sender = \"any\"; cfbl_address = \"fbl@complaints.example.com\"; };|" "$top/conf"
stop_lone_daemon TERM
run_lone_daemon
send() { # author [header...]: the fields that are added
	local author=$1
	shift
	{
		printf 'macro\tM\t{auth_type}\tPLAIN\t{auth_authen}\tbob\nconnect\tx\t198.51.100.25\nhelo\tx\nmail\t<bob@%s>\nrcpt\t<a@one.example>\n' "$author"
		printf 'header\tFrom\t <bob@%s>\nheader\tMessage-ID\t <1@%s>\n' "$author" "$author"
		[ $# -eq 0 ] || printf '%s\n' "$@"
		printf 'eoh\nmacro\tE\ti\tQ%s\neom\n' "$author"
	} | timeout 20 "$BUILD/t/bin/milterc" "$top/sock" 2>/dev/null
}
wait_for_secret() { send example.com >"$top/out"; grep -q CFBL-Feedback-ID "$top/out"; }
ok "the id is there as soon as the host has its secret" eventually wait_for_secret
added=$(cat "$top/out")
like "the address is added" "$added" 'CFBL-Address.* fbl@complaints\.example\.com; report=arf'
signed=$(grep DKIM-Signature <<<"$added" | sed 's/%[0-9A-F][0-9A-F]//g; s/ //g' | grep -oE '\<h=[^;]*' | tr ':' '\n' | grep -ci '^cfbl-')
is "the signature has both, and no others can be added" "$signed" 4
id=$(grep -oE '[0-9]+:[0-9a-f]{32}' <<<"$added" | head -1)
ok "a day and a keyed hash" test -n "$id"
is "a domain that the address does not belong to has none" "$(send other.example | grep -c 'fbl@complaints')" 0
is "nor a message that has such a field" "$(send example.com "$(printf 'header\tCFBL-Address\t a@example.com')" | grep -c 'fbl@complaints')" 0

complaint() { # id, Message-ID
	cat <<-M
		Authentication-Results: mx.example.com; dmarc=pass header.from=receiver.example
		From: fbl@receiver.example
		Message-ID: <$RANDOM$RANDOM@receiver.example>
		MIME-Version: 1.0
		Content-Type: multipart/report; boundary=b; report-type=feedback-report

		--b

		x
		--b
		Content-Type: message/feedback-report

		Feedback-Type: abuse
		User-Agent: x
		Version: 1

		--b
		Content-Type: text/rfc822-headers

		From: <bob@example.com>
		Message-ID: <$2>
		CFBL-Feedback-ID: $1

		--b--
	M
}
complaint "$id" 1@example.com >"$top/1.eml"
complaint "$id" 2@example.com >"$top/2.eml"
complaint "${id%:*}:00112233445566778899aabbccddeeff" 1@example.com >"$top/3.eml"
cs inbox read --store "$top/1.eml" "$top/2.eml" "$top/3.eml" >/dev/null
found() { cs inbox complaints --json | python3 -c 'import json, sys
for r in sorted(json.load(sys.stdin)["reports"], key=lambda r: (not r["confirmed"], r["message_id"])): print(r["message_id"], r["confirmed"], r["queue_id"])'; }
is_logged() { found | grep -q Q; }
ok "the log of messages has it soon" eventually is_logged
is "the complaint finds its message; its id proves nothing about another one, an invented one proves nothing" "$(found)" \
	"1@example.com True Qexample.com
1@example.com False Qexample.com
2@example.com False None"
like "the table says so" "$(cs inbox complaints)" 'Qexample.com \(confirmed\)'
done_testing
