#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns the openspf test suite (YAML) into lines for t/bin/spf_suite: tab-separated, each field
percent-encoded. group DESCRIPTION; rec NAME TYPE DATA; alias NAME TARGET; silent NAME TYPE;
servfail NAME TYPE; case NAME HELO MAILFROM HOST RESULTS EXPLANATION-or-nothing."""
import sys
from urllib.parse import quote_from_bytes

import yaml

from spf_entries import records

TYPES = ("A", "PTR", "MX", "TXT", "AAAA")


def line(*fields):
    print("\t".join(quote_from_bytes(str(f).encode("latin-1"), safe="") for f in fields))


def text(value):
    return "".join(value) if isinstance(value, list) else str(value)


def zone(data):
    for name, entries in data.items():
        found = list(records(entries, text))
        for type_, value in found:
            if type_ == "CNAME":
                line("alias", name, value)
            else:
                line("rec", name, type_, value)
        for word, mode in (("TIMEOUT", "silent"), ("SERVFAIL", "servfail")):
            if word in entries:
                for type_ in TYPES:
                    if type_ not in [t for t, _ in found]:
                        line(mode, name, type_)


for group in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")):
    line("group", group["description"])
    zone(group["zonedata"])
    for name, test in group["tests"].items():
        result = test["result"]
        fields = ["case", name, test["helo"], test["mailfrom"], test["host"],
                  ",".join(result) if isinstance(result, list) else result]
        if "explanation" in test:
            fields.append(test["explanation"])
        line(*fields)
