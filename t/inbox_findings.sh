#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign inbox findings: each kind from reports that show it, none from forged reports, and none where all is well.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/inbox_site.sh"
need sqlite3 python3
clear_of_midnight 60
inbox_site
number=0
today=$(($(date -u +%s) / 86400))

head_of() { # TRUST: of a mail with a report
	printf 'Authentication-Results: mx.example.com; dmarc=%s header.from=receiver.example\nFrom: dmarc@receiver.example\nMessage-ID: <%s@receiver.example>\n' "$1" $number
}
aggregate() { # TRUST ADDRESS MESSAGES RESULT SIGNATURE: a report about yesterday
	head_of "$1"
	printf 'Content-Type: text/xml\n\n<feedback><report_metadata><org_name>receiver.example</org_name><report_id>%s</report_id><date_range><begin>%s</begin><end>%s</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p></policy_published><record><row><source_ip>%s</source_ip><count>%s</count><policy_evaluated><disposition>none</disposition><dkim>%s</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers><auth_results>' \
		$number $(((today - 1) * 86400)) $((today * 86400 - 1)) "$2" "$3" "$4"
	[ "$5" = - ] || printf '<dkim><domain>example.com</domain><selector>%s</selector><result>%s</result></dkim>' "$5" "$4"
	printf '<spf><domain>other.example</domain><result>none</result></spf></auth_results></record></feedback>\n'
}
complaint() { # TRUST TYPE
	head_of "$1"
	printf 'MIME-Version: 1.0\nContent-Type: multipart/report; boundary=b; report-type=feedback-report\n\n--b\n\nx\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: %s\nUser-Agent: x\nVersion: 1\nSource-IP: 192.0.2.25\n\n--b\nContent-Type: message/rfc822\n\nDKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=x; b=y\nFrom: <bob@example.com>\nMessage-ID: <c%s@example.com>\n\nx\n--b--\n' "$2" $number
}
tls() { # TRUST
	head_of "$1"
	printf 'Content-Type: application/tlsrpt+json\n\n{"organization-name":"receiver.example","date-range":{"start-datetime":"%s","end-datetime":"%s"},"report-id":"%s","policies":[{"policy":{"policy-type":"sts","policy-domain":"example.com","mx-host":["mx.example.com"]},"summary":{"total-successful-session-count":%s,"total-failure-session-count":2},"failure-details":[{"result-type":"certificate-expired","receiving-mx-hostname":"mx.example.com","failed-session-count":2}]}]}\n' \
		"$(date -u -d yesterday +%FT00:00:00Z)" "$(date -u -d yesterday +%FT23:59:59Z)" $number $number
}
take() { # what makes a mail
	number=$((number + 1))
	"$@" >mail
	cs inbox read --store mail >/dev/null 2>&1
}
findings() { cs inbox findings --json "$@" 2>/dev/null | python3 -c 'import json, sys
for f in json.load(sys.stdin)["findings"]: print(f["finding"], f["domain"], f["subject"], f["messages"])'; }
sent() { # DAY MESSAGES: signed with s1
	sqlite3 ledger.db "INSERT INTO sent (day, header_from, domain, selector, mail_from, rcpt_domain, messages, signatures) VALUES ($1, 'example.com', 'example.com', 's1', 'example.com', 'receiver.example', $2, $2)"
}

take aggregate pass 192.0.2.25 100 pass s1
like "where all is well there is none" "$(cs inbox findings 2>&1; echo $?)" 'nothing that needs action.*
0'
take aggregate pass 192.0.2.25 21 fail -
take aggregate pass 203.0.113.3 22 pass part
take aggregate pass 198.51.100.7 23 fail -
take aggregate pass 203.0.113.5 24 fail gone
take aggregate pass 203.0.113.66 25 fail -
take tls fail
is "an own host, a key elsewhere, a host of SPF, an old key; not a spoofer" "$(findings | sort)" "foreign-key example.com example.com/part 0
old-key example.com example.com/gone 24
spf-only example.com 198.51.100.0/24 23
unsigned-host example.com own 21"
cs inbox findings >text
is "the exit status says that there are some" "$?" 1
like "the text says what to do" "$(cat text)" '^unsigned-host: example.com: 21 messages of your own hosts failed'
is "of another domain there are none" "$(findings other.example)" ""
cs inbox decide 198.51.100.0/24 partner
like "a partner whose mail fails is one" "$(findings)" '^partner-unaligned example.com 198.51.100.0/24 23$'
cs inbox decide 198.51.100.0/24 ignore
cs inbox decide example.com/part partner
is "a decision ends those that it explains" "$(findings | grep -c 'foreign-key\|partner\|spf-only')" 0

# ---- replay ----
sent $((today - 2)) 50
sent $((today - 1)) 950
is "fewer passes than signatures are not suspicious" "$(findings | grep replay)" ""
take aggregate fail 192.0.2.25 5000 pass s1
is "forged reports do not count" "$(findings | grep replay)" ""
take aggregate pass 203.0.113.77 1101 pass s1
is "more passes than signatures are" "$(findings | grep replay)" "replay example.com example.com/s1 1201"
like "it says what it can be" "$(cs inbox findings)" '^replay: .*counted 1201 passes of example.com/s1, but your hosts signed 1000 '
# ---- TLS ----
take tls pass
is "failed TLS sessions are found by MX" "$(findings | grep '^tls')" "tls example.com mx.example.com 2"

# ---- complaints ----
take complaint fail abuse
is "a forged complaint does not count" "$(findings | grep complaints)" ""
take complaint pass not-spam
is "not-spam is not one" "$(findings | grep complaints)" ""
take complaint pass abuse
is "from 0.1 % on they are found" "$(findings | grep complaints)" "complaints example.com example.com/s1 1"
take complaint pass abuse
take complaint pass fraud
is "from 0.3 % on as high" "$(findings | grep complaints)" "complaints-high example.com example.com/s1 3"
like "with the share" "$(cs inbox findings)" '^complaints-high: .*3 complaints about 1000 messages of the stream example.com/s1: 0.30 %'

# ---- destinations ----
sed -i 's/inbox: { /&addresses = [ "dmarc@example.com", "reports@hosting.example" ]; /' conf
cat >>zone <<'Z'
_dmarc.example.com 60 TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.com,mailto:reports@hosting.example"
hosting.example 60 A 192.0.2.80
Z
kill -HUP $dns
eventually eval 'findings | grep -q not-authorized'
is "an address in a domain that has not agreed" "$(findings | grep not-)" "not-authorized example.com hosting.example $(sqlite3 ledger.db "SELECT SUM(messages) FROM rx_report WHERE kind = 'aggregate'")"
like "it says what to publish" "$(cs inbox findings)" '^not-authorized: .*publish example.com._report._dmarc.hosting.example TXT "v=DMARC1;"'
sed -i 's/rua=[^"]*/rua=mailto:dmarc@other.example/' zone
kill -HUP $dns
eventually eval 'findings | grep -q not-asked'
like "reports that its record sends elsewhere" "$(cs inbox findings)" '^not-asked: example.com: reports about example.com come here, but its DMARC record names none'

# ---- the note for the metrics ----
is "--note is about all domains" "$(cs inbox findings --note example.com >/dev/null 2>&1; echo $?)" 64
cs inbox findings --note >/dev/null
is "it has the findings by kind, and the rows by class" "$(sed 's/^at [0-9]*/at/' ledger.db-findings | xargs)" \
	"at findings $(findings >all; for kind in unsigned-host foreign-key partner-unaligned spf-only old-key replay tls complaints complaints-high not-authorized not-asked; do grep -c "^$kind " all; done | xargs) rows $(cs inbox sources --json | python3 -c '
import json, sys
sources = json.load(sys.stdin)["sources"]
names = ["ours", "forwarded", "modified", "partner", "spf-only", "old-key", "unknown"]
of = lambda what: " ".join(str(sum(what(s) for s in sources if s["class"] == name)) for name in names)
print(of(lambda s: s["rows"]), "passed", of(lambda s: s["passed"]), "failed", of(lambda s: s["messages"] - s["passed"]))')"
done_testing
