# SPDX-License-Identifier: BSD-2-Clause
# Writes mails with reports about example.com, other.example and third.example into the directory ARGV[1]: of several reporters
# and days, of every class of source; with names that attack whoever shows them.
import html
import json
import os
import sys
import time

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
today = int(time.time()) // 86400 * 86400
HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "evil\u202egro.elpmaxe", "long" * 300,
           "' onmouseover='alert(1)", "&amp;<b>&#x3c;/title>", "zero\u200bwidth\u2066"]
GOOD = ("192.0.2.25", 100, "pass", "pass", "example.com/s1=pass", "example.com=pass", "none")
OTHERS = [
    ("203.0.113.1", 11, "pass", "fail", "example.com/s1=pass", "forward.example=pass", "none"),
    ("203.0.113.2", 12, "fail", "fail", "example.com/s1=fail,lists.example/l=pass", "lists.example=pass", "none"),
    ("203.0.113.3", 13, "pass", "fail", "example.com/part=pass", "esp.example=pass", "none"),
    ("198.51.100.7", 14, "fail", "fail", "", "other.example=none", "quarantine"),
    ("203.0.113.5", 15, "fail", "fail", "example.com/gone=fail", "", "none"),
    ("203.0.113.66", 16, "fail", "fail", "", "spoof.example=fail", "reject"),
]


def mail(name, who, trust, kind, body):
    head = ("Authentication-Results: mx.example.com; dmarc=%s header.from=%s\nFrom: reports@%s\n"
            "Message-ID: <%s@%s>\nMIME-Version: 1.0\nContent-Type: %s; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
            % (trust, who, who, name, who, kind))
    with open(os.path.join(out, name + ".eml"), "w", encoding="utf-8") as file:
        file.write(head + body + "\n")


def record(ip, count, dkim, spf, signatures, envelope, disposition, author):
    results = ""
    for signature in filter(None, signatures.split(",")):
        key, result = signature.split("=")
        results += "<dkim><domain>%s</domain><selector>%s</selector><result>%s</result></dkim>" % (*key.split("/"), result)
    if envelope:
        results += "<spf><domain>%s</domain><scope>mfrom</scope><result>%s</result></spf>" % tuple(envelope.split("="))
    return ("<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated><disposition>%s</disposition>"
            "<dkim>%s</dkim><spf>%s</spf></policy_evaluated></row><identifiers><header_from>%s</header_from></identifiers>"
            "<auth_results>%s</auth_results></record>" % (ip, count, disposition, dkim, spf, author, results))


def aggregate(name, who, trust, days, domain, org, rows):
    begin = today - days * 86400
    body = ("<feedback><report_metadata><org_name>%s</org_name><email>dmarc@%s</email><report_id>%s</report_id><date_range><begin>%d"
            "</begin><end>%d</end></date_range></report_metadata><policy_published><domain>%s</domain><p>none</p>"
            "</policy_published>" % (html.escape(org), who, name, begin, begin + 86399, domain))
    mail(name, who, trust, "text/xml", body + "".join(record(*row, domain) for row in rows) + "</feedback>")


def tls(name, who, days, domain, org):
    day = time.strftime("%Y-%m-%d", time.gmtime(today - days * 86400))
    report = {"organization-name": org, "date-range": {"start-datetime": day + "T00:00:00Z", "end-datetime": day + "T23:59:59Z"},
              "contact-info": "x@" + who, "report-id": name,
              "policies": [{"policy": {"policy-type": "sts", "policy-domain": domain, "mx-host": ["mx." + domain]},
                            "summary": {"total-successful-session-count": 40, "total-failure-session-count": 3},
                            "failure-details": [{"result-type": "certificate-expired", "receiving-mx-hostname": "mx." + domain,
                                                 "failed-session-count": 3}]}]}
    mail(name, who, "pass", "application/tlsrpt+json", json.dumps(report))


for day in range(1, 29):
    for n, who in enumerate(("a.example", "b.example", "c.example")):
        rows = [GOOD] + (OTHERS if day % 7 == 0 else [OTHERS[0], OTHERS[5]] if n == 0 else [])
        aggregate("agg-%d-%d" % (day, n), who, "pass", day, "example.com", "Reporter " + who, rows)
for n, org in enumerate(HOSTILE):
    aggregate("hostile-%d" % n, "h%d.example" % n, "fail", 2 + n, "other.example", org, [("203.0.113.9", 5 + n, "fail", "fail", "", "", "none")])
aggregate("new-1", "a.example", "pass", 1, "third.example", "Reporter a.example", [("203.0.113.77", 9, "fail", "fail", "", "", "none")])
tls("tls-1", "a.example", 1, "example.com", "Reporter a.example")
tls("tls-2", "b.example", 2, "example.com", "Reporter b.example")
mail("unreadable", "a.example", "pass", "text/xml", "<feedback><report_metadata>")
