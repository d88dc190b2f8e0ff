#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Our SPF evaluator against pyspf (Debian python3-spf), over the zones that spf_differential.test --dump
writes to standard input. Differences are looked up in differences.txt ("pyspf"); TAP on standard output.

    spf_differential.test --dump COUNT SEED | spf_python.py DIFFERENCES"""
import collections
import re
import socket
import sys
from urllib.parse import unquote_to_bytes

import spf

zone, fails = {}, set()


def lookup(name, qtype, tcpfallback=True, timeout=30):
    name = name.rstrip(".").lower()
    if (name, qtype) in fails:
        raise spf.TempError("SERVFAIL")
    found = zone.get(name)
    if found is None:
        parts = name.split(".")
        for i in range(1, len(parts)):
            if any(n == ".".join(parts[i:]) or n.endswith("." + ".".join(parts[i:])) for n in zone):
                found = zone.get("*." + ".".join(parts[i:]))
                break
    return [((name, t), v) for t, v in found or [] if t == qtype]


def value(qtype, data):
    if qtype == "TXT":
        return [data]
    text = data.decode("ascii")
    if qtype == "AAAA":
        return socket.inet_pton(socket.AF_INET6, text)
    if qtype == "MX":
        preference, host = text.split(" ")
        return int(preference), host
    return text


def fields(line):
    return [unquote_to_bytes(f) for f in line.rstrip("\n").split("\t")]


def judge(client, helo, sender):
    query = spf.query(i=client, s=sender, h=helo, receiver="r.t", strict=True, timeout=20)
    query.set_default_explanation("")
    try:
        result, _, text = query.check()
    except UnicodeError:
        return "crash", ""
    return result.lower(), text if result in ("fail", "permerror", "temperror") else ""


def load_causes(path):
    for line in open(path, encoding="utf-8"):
        parts = line.rstrip("\n").split("\t")
        if len(parts) == 3 and parts[0] == "pyspf":
            yield re.compile(parts[1]), parts[1]


spf.DNSLookup = lookup
causes = list(load_causes(sys.argv[1]))
seen, unexplained, total, results = collections.Counter(), 0, 0, collections.Counter()
for line in sys.stdin:
    kind, *rest = fields(line)
    if kind == b"zone":
        zone, fails = {}, set()
    elif kind == b"rec":
        name, qtype = rest[0].decode("ascii").lower(), rest[1].decode("ascii")
        zone.setdefault(name, []).append((qtype, value(qtype, rest[2])))
    elif kind == b"fail":
        fails.add((rest[0].decode("ascii"), rest[1].decode("ascii")))
    elif kind == b"case":
        seed, client, helo, sender, ours, why, text = (f.decode("utf-8", "replace") for f in rest)
        total += 1
        result, explanation = judge(client, helo, sender)
        results[ours] += 1
        if result == ours and (ours != "fail" or explanation == text):
            continue
        what = "<%s> ours %s, pyspf %s: %s%s" % (sender, ours, result, why, " | %s or %s" % (text, explanation))
        for pattern, key in causes:
            if pattern.search(what):
                seen[key] += 1
                break
        else:
            unexplained += 1
            if unexplained <= 10:
                print("# seed %s client %s helo %s %s" % (seed, client, helo, what))
                for name, entries in sorted(zone.items()):
                    for qtype, data in entries:
                        if qtype in ("TXT", "MX", "PTR"):
                            print("#    %s %s %r" % (name, qtype, data))
print("# %d cases: %s" % (total, ", ".join("%s %d" % r for r in sorted(results.items()))))
for key, count in seen.most_common():
    print("# %6d  %s" % (count, key))
print("%s 1 - pyspf: no difference that is not explained" % ("ok" if unexplained == 0 else "not ok"))
print("%s 2 - pyspf: enough to compare" % ("ok" if total > 0 else "not ok"))
print("1..2")
sys.exit(unexplained != 0)
