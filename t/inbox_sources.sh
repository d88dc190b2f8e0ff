#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign inbox sources, decide, advice: who sent mail in a domain's name, by received reports, the keyring, and a DNS of
# the test's own; advice goes from "not enough data" to "not yet" to "ready".
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/inbox_site.sh"
need sqlite3 python3
clear_of_midnight 60
inbox_site
member() { python3 -c "import json, sys; found = json.load(sys.stdin); print($1)"; }

# A mail with a report: day before today, reporter, and rows "ip messages dkim spf d/s=result,... spfdomain=result reason from".
report() { # DAYS REPORTER TRUST ROW...
	python3 - "$@" <<'P'
import sys, time
days, who, trust, *rows = sys.argv[1:]
begin = int(time.time()) // 86400 * 86400 - int(days) * 86400
out = "Authentication-Results: mx.example.com; dmarc=%s header.from=%s\nFrom: dmarc@%s\nMessage-ID: <%s.%s@%s>\nContent-Type: text/xml\n\n" % (trust, who, who, days, trust, who)
out += "<feedback><report_metadata><org_name>%s</org_name><report_id>%s.%s</report_id><date_range><begin>%d</begin><end>%d</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p></policy_published>" % (who, days, trust, begin, begin + 86399)
for row in rows:
    ip, n, dkim, spf, sigs, envelope, reason, author = row.split()
    results = "".join("<dkim><domain>%s</domain><selector>%s</selector><result>%s</result></dkim>" % (s.split("=")[0].split("/")[0], s.split("=")[0].split("/")[1], s.split("=")[1]) for s in sigs.split(",") if s != "-")
    if envelope != "-":
        results += "<spf><domain>%s</domain><scope>mfrom</scope><result>%s</result></spf>" % tuple(envelope.split("="))
    why = "" if reason == "-" else "<reason><type>%s</type><comment>x</comment></reason>" % reason
    out += "<record><row><source_ip>%s</source_ip><count>%s</count><policy_evaluated><disposition>none</disposition><dkim>%s</dkim><spf>%s</spf>%s</policy_evaluated></row><identifiers><header_from>%s</header_from></identifiers><auth_results>%s</auth_results></record>" % (ip, n, dkim, spf, why, author, results)
print(out + "</feedback>")
P
}
good='192.0.2.25 100 pass pass example.com/s1=pass example.com=pass - example.com'
report 1 a.example pass "$good" \
	'203.0.113.1 11 pass fail example.com/s1=pass forward.example=pass - example.com' \
	'203.0.113.2 12 fail fail example.com/s1=fail,lists.example/l=pass lists.example=pass - example.com' \
	'203.0.113.3 13 pass fail example.com/part=pass esp.example=pass - example.com' \
	'198.51.100.7 14 fail fail - other.example=none - example.com' \
	'203.0.113.5 15 fail fail example.com/gone=fail - - example.com' \
	'203.0.113.66 16 fail fail - spoof.example=fail - example.com' \
	'203.0.113.7 17 fail fail - - trusted_forwarder example.com' >1.eml
cs inbox read 1.eml >/dev/null
sources() { cs inbox sources "$@" --json | member '"\n".join("%s %s %d %d" % (s["flow"], s["class"], s["messages"], s["passed"]) for s in found["sources"])'; }
is "each source is what it is" "$(sources)" "own ours 100 100
203.0.113.0/24 modified 17 0
203.0.113.0/24 unknown 16 0
example.com/gone old-key 15 0
198.51.100.0/24 spf-only 14 0
example.com/part partner 13 13
lists.example modified 12 0
forward.example forwarded 11 11"
is "only those that fail" "$(sources --failing | wc -l)" 5
like "the table says who is what" "$(cs inbox sources example.com)" '^example.com +lists.example +modified +12 +0.0'
like "a key of somebody else is a finding" "$(cs inbox sources)" 'finding: example.com: somebody signs with example.com/part'
like "so is one that is revoked" "$(cs inbox sources)" 'finding: example.com: example.com/gone is no longer published'
like "and a host without a signature" "$(cs inbox sources)" 'finding: example.com: 14 messages of a host that your SPF record names'
is "another domain has none" "$(sources other.example)" ""

# ---- decisions ----
is "a network is decided about" "$(cs inbox decide 203.0.113.66/32 ours --note 'the shop'; echo $?)" 0
like "and old rows follow" "$(cs inbox sources)" '203.0.113.0/24 +unknown, decided: ours +16'
is "with the note" "$(cs inbox sources --json | member '[s["note"] for s in found["sources"] if s["decision"]]')" "['the shop']"
is "it can be taken back" "$(cs inbox decide 203.0.113.66/32 nothing; sqlite3 ledger.db 'SELECT COUNT(*) FROM flow_decision')" 0
like "but only once" "$(cs inbox decide 203.0.113.66/32 nothing 2>&1; echo $?)" '^1$'
like "other words are refused" "$(cs inbox decide lists.example friend 2>&1)" 'not a decision'

# ---- advice ----
verdict() { cs inbox advice example.com --json "$@" | member '{a["advice"]: a["verdict"] for a in found["advices"]}["'"$what"'"]'; }
what=p=reject
is "one report of one day is not enough" "$(verdict)" "not enough data"

# ---- strangers: anybody can have three domains, and send authenticated reports ----
sent() { # DOMAIN MESSAGES: to recipients there, today
	sqlite3 ledger.db "INSERT INTO sent (day, header_from, domain, selector, mail_from, rcpt_domain, messages, signatures) VALUES ($(date +%s) / 86400, 'example.com', 'example.com', 's1', 'example.com', '$1', $2, $2)"
}
evidence() { cs inbox advice example.com --json | member '[found[k] for k in ("reporters", "strangers", "days", "messages")]'; }
key_advice() { what=revoke\ example.com/s1 verdict; }
mkdir strangers
for day in {1..20}; do
	for who in one.bad two.bad three.bad; do
		report $day $who pass '192.0.2.25 1000 pass pass example.com/s1=pass example.com=pass - example.com' >strangers/$day.$who.eml
	done
done
cs inbox read strangers >/dev/null
is "three domains of a stranger, to which nothing was sent, do not count" "$(evidence)" "[0, 4, 0, 0]"
is "their reports move nothing" "$(verdict) $(what=p=quarantine verdict) $(what=adkim=s\ aspf=s verdict) $(key_advice)" "not enough data not enough data not enough data not enough data"
like "that is said" "$(cs inbox advice example.com)" '^4 other senders of reports do not count: nothing was sent'
sent a.example 6000
is "who got our mail counts" "$(evidence)" "[1, 3, 1, 198]"
for who in one.bad two.bad three.bad; do sent $who 1; done
is "a single message gives a stranger the weight of two" "$(evidence)" "[4, 0, $(cs inbox advice example.com --json | member 'found["days"]'), 204]"
is "which is not enough for anything" "$(verdict) $(verdict --days 1)" "not enough data not enough data"
is "not even with few days and reporters" "$(cs inbox advice example.com --days 1 --json | member 'found["coverage"] < 10')" True
sqlite3 ledger.db "DELETE FROM sent WHERE rcpt_domain LIKE '%.bad'"
report 2 gmail.com pass "$good" >strangers/mailbox.eml
cs inbox read strangers/mailbox.eml >/dev/null
sent gmail.com 6000
is "a mailbox at a provider makes nobody a reporter" "$(evidence)" "[1, 4, 1, 198]"
report 3 dmarc.yahoo.com pass "$good" >strangers/known.eml
cs inbox read strangers/known.eml >/dev/null
is "a large receiver is known by its domain" "$(evidence)" "[2, 4, 2, 298]"
sqlite3 ledger.db "DELETE FROM rx_row WHERE key IN (SELECT key FROM rx_report WHERE mail_from IN ('gmail.com', 'dmarc.yahoo.com'));
	DELETE FROM rx_report WHERE mail_from IN ('gmail.com', 'dmarc.yahoo.com'); DELETE FROM sent WHERE rcpt_domain = 'gmail.com'"
sed -i 's/own_hosts/reporters = [ "one.bad" ]; &/' conf
is "the settings may name others" "$(evidence)" "[2, 2, 20, 20198]"
sed -i 's/reporters = [^;]*; //' conf
sent b.example 6000
sent c.example 6000

for day in {1..14}; do
	for who in a b c; do
		report $day $who.example pass "$good" '198.51.100.7 14 fail fail - other.example=none - example.com' >$day.$who.eml
	done
done
for day in {1..20}; do
	report $day forged.example fail '192.0.2.25 100000 pass pass example.com/s1=pass example.com=pass - example.com' >$day.forged.eml
done
cs inbox read ./*.eml >/dev/null
is "mail that would be lost: not yet" "$(verdict)" "not yet"
like "the rows against it are named" "$(cs inbox advice example.com)" '^  198.51.100.0/24: spf-only, 602 of 602 messages'
is "forged reports, which would make it harmless, do not count" "$(cs inbox advice example.com --json | member 'found["reporters"]')" 3
is "a key in use is not to be revoked" "$(what=revoke\ example.com/s1 verdict)" "not yet"
cs inbox advice example.com >/dev/null
is "the exit status says that something is not ready" "$?" 1
cs inbox decide 198.51.100.0/24 ignore
cs inbox decide lists.example ignore
cs inbox decide 203.0.113.0/24 ignore
is "when the cause is removed: ready" "$(verdict)" "ready"
is "for quarantine, too" "$(what=p=quarantine verdict)" "ready"
is "more may be asked for" "$(verdict --reporters 5)" "not enough data"
is "or a larger share of what was sent" "$(verdict --share 90)" "not enough data"
is "without TLS reports nothing is said about MTA-STS" "$(what=MTA-STS\ enforce verdict)" "not enough data"
done_testing
