#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""reports_check.py PROGRAM DIR: reads every switch of reports.py as a file in DIR by `PROGRAM inbox read --json`, and compares
what it says with what is expected. A line each: "ok NAME", or "not ok NAME" and why after "#". """
import json
import os
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reports  # noqa: E402


def run(program, *words):
    return subprocess.run([program, "inbox", "read", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)


def read(program, directory):
    """What is said of each file; the object of the last one ends that of the command."""
    found = {}
    for line in run(program, "--json", directory).stdout.decode().splitlines():
        report = json.loads(line)
        found.setdefault(os.path.basename(report["file"]), []).append(report)
    return found


def texts(value):
    if isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def first(found, name):
    for record in found.get("records", []):
        for item in record.get(name, []):
            return item
    return {}


def differences(found, wanted):
    records = found.get("records", [{}])
    places = {"dkim": first(found, "dkim"), "spf": first(found, "spf"), "reason": first(found, "reasons")}
    for name, value in wanted.items():
        if name in ("reports", "clean"):
            continue
        if name == "remark":
            if not any(value in one for one in found.get("remarks", [])):
                yield "no remark with %r: %r" % (value, found.get("remarks"))
        elif name == "reason" and isinstance(value, str):
            if value not in (found.get("reason") or ""):
                yield "reason %r, wanted %r" % (found.get("reason"), value)
        elif name in places:
            for key, one in value.items():
                if places[name].get(key) != one:
                    yield "%s.%s is %r, wanted %r" % (name, key, places[name].get(key), one)
        elif name == "source":
            if records[0].get("source_ip") != value:
                yield "source_ip is %r" % records[0].get("source_ip")
        elif name == "report_id_starts":
            if not found.get("report_id", "").startswith(value):
                yield "report_id is %r" % found.get("report_id")
        elif name in ("header_from", "envelope_from") and "records" in found:
            if records[0].get(name) != value:
                yield "%s is %r" % (name, records[0].get(name))
        elif name in ("policy_string", "mx_host"):
            if found["policies"][0].get(name) != value:
                yield "%s is %r" % (name, found["policies"][0].get(name))
        elif found.get(name) != value:
            yield "%s is %r, wanted %r" % (name, found.get(name), value)


def faults(found, wanted):
    if len(found) != wanted.get("reports", 1):
        yield "%d reports: %.300r" % (len(found), found)
        return
    yield from differences(found[0], wanted)
    for text in texts(found):
        if any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in text):
            yield "not clean: %r" % text


def main(program, directory):
    found = read(program, directory)
    for name, (what, _, wanted) in reports.QUIRKS.items():
        wrong = list(faults(found.get(name, []), wanted))
        print("%s %s: %s" % ("not ok" if wrong else "ok", name, what))
        for one in wrong:
            print("# %s" % one)
    plain = run(program, directory).stdout
    bad = [line for line in plain.splitlines() if any(byte < 32 or byte == 127 for byte in line)]
    print("%s the same as text, without a control character" % ("not ok" if bad or not plain else "ok"))
    for line in bad:
        print("# %.200r" % line)


main(*sys.argv[1:])
