#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign audit --profile=bulk and warm-up: a ledger with what was sent, complaints, a message of a list, Postfix's log.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need sqlite3 python3
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-bulk.XXXXXX") || exit 99
dns=
trap '[ -z "$dns" ] || { kill $dns; wait $dns; } 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99
clear_of_midnight 60
cs() { "$build/admin/countersign" -c conf "$@"; }
mkdir keys
cat >zone <<-Z
	good.test 60 MX 10 mx1.good.test
	good.test 60 TXT "v=spf1 ip4:45.10.0.1 -all"
	_dmarc.good.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@good.test"
	mx1.good.test 60 A 45.10.0.1
	1.0.10.45.in-addr.arpa 60 PTR mx1.good.test
	bad.test 60 MX 10 mx1.good.test
Z
"$build/t/bin/dnsd" --port-file port zone >/dev/null 2>&1 &
dns=$!
eventually test -s port
settings() { # sending address
	cat >conf <<-C
		authserv_id = "mx.test";
		dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "5s"; };
		sign: { keys = "$dir/keys"; };
		store: { url = "sqlite:$dir/ledger.db"; };
		audit: { state = ""; addresses = [ "$1" ]; };
	C
}
settings 45.10.0.1
cs store migrate >/dev/null 2>&1
today=$(($(date +%s) / 86400))
sent() { # DOMAIN RECEIVER DAYS-AGO MESSAGES signer envelope
	sqlite3 ledger.db "INSERT INTO sent (day, header_from, domain, selector, mail_from, rcpt_domain, messages, signatures)
		VALUES ($((today - $3)), '$1', '$5', '${5:+s1}', '$6', '$2', $4, $([ -n "$5" ] && echo $4 || echo 0))"
}
complain() { # DOMAIN N
	for ((i = 0; i < $2; i++)); do
		printf 'Authentication-Results: mx.test; dmarc=pass header.from=large.test\nFrom: f@large.test\nMessage-ID: <%s.%s@large.test>\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nspam\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nReported-Domain: %s\n\n--b\nContent-Type: text/rfc822-headers\n\nFrom: a@%s\nSubject: %s\nMessage-ID: <m%s@%s>\n\n--b--\n' $1 $i $1 $1 $i $i $1 >c.$1.$i.eml
		cs inbox read c.$1.$i.eml >>read.out 2>&1
	done
}
sent good.test large.test 2 400 good.test good.test
sent good.test large.test 1 6000 good.test good.test
sent good.test small.test 1 10 good.test good.test
sent bad.test large.test 1 300 '' elsewhere.test
sent bad.test small.test 1 200 provider.test bad.test
complain bad.test 2
sessions() { # RECEIVER KIND SESSIONS
	sqlite3 ledger.db "INSERT INTO tls_session (day, domain, key, policy, kind, detail, source, sessions) VALUES ($((today - 1)), '$1',
		x'$(printf %08x $RANDOM$RANDOM | tail -c 8)', '{}', '$2', '', 'tlsrpt', $3)"
}
message() { # h= of its signature, post
	cat <<-M
		DKIM-Signature: v=1; a=rsa-sha256; d=good.test; s=s1;
		 h=from:subject:$1; bh=aa; b=bb
		From: news@good.test
		List-Unsubscribe: <mailto:u@good.test>,
		 <https://good.test/u?1>
		$2
		Subject: news

		text
	M
}
message list-unsubscribe:list-unsubscribe-post 'List-Unsubscribe-Post: List-Unsubscribe=One-Click' >good.eml
message list-unsubscribe 'List-Unsubscribe-Post: List-Unsubscribe=One-Click' >unsigned.eml
message list-unsubscribe 'X-Post: no' >none.eml
rules() { # level: ids of bulk.* in out
	python3 -c 'import json, sys
d = json.load(open("out"))["domains"][0]
print(*sorted({f["rule"] for f in d["findings"] if f["rule"].startswith("bulk.") and f["level"] == sys.argv[1]}))' $1
}

# ---- bulk ----
cs --json audit --profile=bulk --message=good.eml good.test >out
is "a domain in order: no error" "$(rules error)" ""
is "nor a warning, and only TLS is unknown" "$(rules warn)$(rules skip)" "bulk.tls"
is "its volume is told" "$(rules info)" bulk.volume
is "what was sent, by receiver and day" "$(python3 -c 'import json
t = json.load(open("out"))["domains"][0]["traffic"]
print(t["messages"], t["unsigned"], t["unaligned"], [(d["receiver"], d["sent"]) for d in t["days"]])')" \
	"6410 0 0 [('large.test', 400), ('large.test', 6000), ('small.test', 10)]"
sessions large.test successful 995
sessions large.test failed 5
sessions elsewhere.test failed 9
cs --json audit --profile=bulk --message=good.eml good.test >out
is "a few sessions without TLS, and others' receivers: no warning" "$(rules warn)$(rules skip)" ""
sessions large.test failed 100
cs audit --profile=bulk --message=good.eml good.test >out
like "many of them" "$(cat out)" 'warn +bulk\.tls +large\.test: 105 of 1100 TLS sessions failed'
cs --json audit --profile=bulk good.test >out
is "as JSON" "$(python3 -c 'import json; print(json.load(open("out"))["domains"][0]["traffic"]["tls"])')" \
	"[{'receiver': 'large.test', 'sessions': 1100, 'failed': 105}]"
cs audit -v --profile=bulk good.test >out
like "without a message, one click is not known" "$(cat out)" 'skip +bulk\.unsubscribe'
like "5,000 messages a day" "$(cat out)" 'info +bulk\.volume +large\.test: 6000 messages on 20'
cs audit --profile=bulk --message=unsigned.eml good.test >out
like "a field that is not signed" "$(cat out)" 'error bulk\.unsubscribe +List-Unsubscribe and List-Unsubscribe-Post are not signed'
cs audit --profile=bulk --message=none.eml good.test >out
like "no one-click" "$(cat out)" 'error bulk\.unsubscribe +the message has no "List-Unsubscribe-Post'
settings 45.10.0.2
cs --json audit --profile=bulk --message=good.eml bad.test >out
is "a domain with every fault, and a message of another domain" "$(rules error)" "bulk.alignment bulk.complaints bulk.dmarc bulk.ptr bulk.spf bulk.unsigned bulk.unsubscribe"
cs audit --profile=bulk bad.test >out
like "unsigned mail" "$(cat out)" '300 of 500 messages in 30 days were not signed'
like "unaligned mail" "$(cat out)" '500 of 500 messages in 30 days had neither'
like "complaints" "$(cat out)" '2 complaints about 500 messages: 0\.40 %'

# ---- warm-up ----
day() { date -u -d "@$(((today - $1) * 86400))" +%F; }
cat >mail.log <<-L
	$(day 1)T10:00:00+00:00 mx postfix/smtp[1]: A: to=<a@large.test>, relay=mx.large.test[45.1.1.1]:25, delay=1, dsn=4.7.0, status=deferred (host said: 421)
	$(day 1)T10:00:01+00:00 mx postfix/smtp[1]: B: to=<b@large.test>, relay=mx.large.test[45.1.1.1]:25, delay=1, dsn=2.0.0, status=sent (250)
	$(LC_ALL=C date -u -d "@$(((today - 1) * 86400))" '+%b %e') 10:00:02 mx postfix/smtp[1]: C: to=<c@LARGE.test>, relay=none, delay=1, dsn=4.4.1, status=deferred (timed out)
	junk to=< status=deferred
L
cs audit --profile=warm-up --plan=300 --log=mail.log good.test >out
like "the first day, beside the plan" "$(cat out)" "^large\.test +$(day 2) +400 +300 +0\$"
like "the plan doubles; deferrals are counted" "$(cat out)" "^large\.test +$(day 1) +6000 +600 +2\$"
is "it promises nothing: no finding of its own" "$(grep -c bulk out)" 0
cs audit --profile=warm-up --plan=none good.test >out 2>&1
is "a plan that is not a number: exit status 64" $? 64
sed -i 's/^\tstore.*/store: { url = ""; };/; s/store: .*/store: { url = ""; };/' conf
cs audit --profile=warm-up good.test >out
like "without a ledger it is not known" "$(cat out)" 'nothing was sent, as far as is known'
done_testing
