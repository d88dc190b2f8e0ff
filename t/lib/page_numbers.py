# SPDX-License-Identifier: BSD-2-Clause
# Compares the numbers of a page with those of its JSON, and prints what differs; and attributes that lead out of the page.
# usage: page_numbers.py JSON HTML [LINKS]       LINKS: a regular expression that links may match
import json
import re
import sys
from html.parser import HTMLParser

LINKS = sys.argv[3] if len(sys.argv) > 3 else None


class Page(HTMLParser):
    """The tables of a page by their caption, as lists of rows of cells."""

    def __init__(self):
        super().__init__()
        self.tables, self.cell, self.rows, self.caption, self.target = {}, None, None, "", None
        self.charts, self.summary = {}, ""

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src", "style", "srcset", "action") and not (value or "").startswith("#") and not (
                    name == "href" and LINKS and re.fullmatch(LINKS, value or "")) or name.startswith("on"):
                print("%s has %s=%s" % (tag, name, value))
        if tag == "table":
            self.rows, self.caption = [], ""
        elif tag == "tr" and self.rows is not None:
            self.rows.append([])
        elif tag in ("td", "th", "caption", "summary"):
            self.target = tag
            if tag in ("td", "th"):
                self.rows[-1].append("")
            elif tag == "summary":
                self.summary = ""

    def handle_data(self, data):
        if self.target in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.target == "caption":
            self.caption += data
        elif self.target == "summary":
            self.summary += data

    def handle_endtag(self, tag):
        if tag in ("td", "th", "caption", "summary"):
            self.target = None
        elif tag == "table":
            self.tables[self.caption or self.summary] = self.rows[1:]


with open(sys.argv[1], encoding="utf-8") as file:
    facts = json.load(file)
page = Page()
with open(sys.argv[2], encoding="utf-8") as file:
    page.feed(file.read())


def compare(what, shown, wanted):
    if shown != wanted:
        print("%s: %s, not %s" % (what, shown, wanted))


def shown(caption, *columns):
    return [tuple(row[c] for c in columns) for row in page.tables.get(caption, []) if len(row) > 1]


for domain in facts["domains"]:
    name = domain["domain"]
    compare("sources of " + name, shown("Sources of mail in the name of " + name, 0, 2, 3, 4),
            [(s["flow"], str(s["messages"]), str(s["passed"]), str(s["withheld"])) for s in domain["sources"]][:25])
    days = list(zip(*domain["by_day"].values()))
    if domain["sources"]:
        compare("days of " + name, [row[1:] for row in shown("Numbers by day: Messages in the name of %s by day" % name, 0, 1, 2, 3)],
                [tuple(map(str, day)) for day in days if sum(day) > 0])
received = [value for value in facts["received"].values() if isinstance(value, dict)]
compare("days received", [row[1:] for row in shown("Numbers by day: Messages received here by day", 0, 1, 2, 3, 4)],
        [tuple(map(str, day)) for day in zip(*(value["by_day"] for value in received)) if sum(day) > 0])
compare("enforcement", shown("Messages that strict enforcement would not have let in", 0, 1, 2),
        [(d["domain"], str(d["refused"]), str(d["quarantined"])) for d in facts["received"]["strict_by_domain"]])
compare("TLS", shown("TLS sessions to your mail servers", 0, 1, 2),
        [(d["domain"], str(d["tls_sessions"]), str(d["tls_failed"])) for d in facts["domains"] if d["tls_sessions"]])
compare("TLS failures", shown("TLS failures", 0, 1, 3),
        [(f["domain"], f["result_type"], str(f["failed"])) for f in facts["tls_failures"]])
out = facts.get("tls_out", {"by_domain": [], "successful_by_day": [], "failed_by_day": []})
compare("TLS from here", shown("TLS sessions to other domains", 0, 1, 2),
        [(d["domain"], str(d["sessions"]), str(d["failed"])) for d in out["by_domain"]])
compare("days of TLS from here", [row[1:] for row in shown("Numbers by day: TLS sessions from here by day", 0, 1, 2)],
        [tuple(map(str, day)) for day in zip(out["successful_by_day"], out["failed_by_day"]) if sum(day) > 0])
compare("keys", shown("Keys and how long they have been in their state", 0, 1, 3),
        [(k["domain"], k["selector"], k["state"]) for k in facts["keys"]])
compare("findings", shown("Findings of the last audit", 0, 1, 2),
        [(p["domain"], f["level"], f["rule"]) for p in facts["posture"] for f in p["findings"]])
compare("records to publish", ["Publish: " + f["remedy"] in row[3] for p in facts["posture"] for f, row in
                               zip(p["findings"], page.tables.get("Findings of the last audit", [])) if f["remedy"]],
        [True for p in facts["posture"] for f in p["findings"] if f["remedy"]])
compare("reporters", shown("Reporters", 2, 3, 4),
        [(str(r["reports"]), str(r["unverified"]), str(r["messages"])) for r in facts["reporters"]])
