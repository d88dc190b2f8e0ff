# SPDX-License-Identifier: BSD-2-Clause
# usage: page_column.py JSON LIST MEMBER HTML: prints what differs between the numbers MEMBER of LIST and the column of the first
# table that is about them: that with the heading Messages.
import json
import sys
from html.parser import HTMLParser


class Tables(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.cell = [], False

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.cell = True

    def handle_data(self, data):
        if self.cell:
            self.tables[-1][-1][-1] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = False


with open(sys.argv[1], encoding="utf-8") as file:
    wanted = [item[sys.argv[3]] for item in json.load(file)[sys.argv[2]]]
page = Tables()
with open(sys.argv[4], encoding="utf-8") as file:
    page.feed(file.read())
for table in page.tables:
    if table and "Messages" in table[0] and "Day" not in table[0]:
        column = table[0].index("Messages")
        shown = [int(row[column]) for row in table[1:] if len(row) == len(table[0])]
        if shown != wanted or not wanted:
            print(shown, "not", wanted)
        break
else:
    print("no such table in", [table[0] for table in page.tables])
