#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The openspf suite (YAML) through a running countersignd: for each group a zone for t/bin/dnsd, a
daemon that asks it, and one t/bin/milterc that sends each case as a message. The result is read
from Authentication-Results, the explanation from the log.

    spf_daemon.py SUITE BUILD DIRECTORY ENGINE

TAP on standard output; the number of cases that came out right is in the last comment."""
import os
import re
import signal
import subprocess
import sys
import time
from urllib.parse import quote_from_bytes, unquote_to_bytes

import yaml

from spf_entries import records

TYPES = ("A", "PTR", "MX", "TXT", "AAAA")
suite, build, directory, engine = sys.argv[1:5]
path = {name: os.path.join(directory, name) for name in ("zone", "port", "conf", "socket", "log")}
number = 0


def check(good, name, *notes):
    global number
    number += 1
    print("%s %d - %s" % ("ok" if good else "not ok", number, name))
    if not good:
        for note in notes:
            print("# %s" % note)
    return good


# ---- the zone ----

def string(value):
    return '"%s"' % "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\%03d" % b
                            for b in value.encode("latin-1"))


def owner(name):
    return "".join(c if "!" <= c <= "~" and c != "\\" else "\\%03d" % ord(c) for c in name)


def strings(value):
    return " ".join(string(s) for s in (value if isinstance(value, list) else [str(value)]) or [""])


def write_zone(data):
    with open(path["zone"], "w", encoding="latin-1") as out:
        for name, entries in data.items():
            found = list(records(entries, strings))
            for type_, value in found:
                out.write("%s 60 %s %s\n" % (owner(name), type_, value))
            for word, kind in (("TIMEOUT", "drop"), ("SERVFAIL", "servfail")):
                if word in entries:
                    for type_ in TYPES:
                        if type_ not in [t for t, _ in found]:
                            out.write("%s 0 FAULT %s %s\n" % (owner(name), kind, type_))


# ---- the programs ----

def wait_for(condition, what):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    print("Bail out! %s" % what)
    sys.exit(1)


def start(name, *command):
    out = open(path["log"] if name == "daemon" else os.devnull, "wb")
    return subprocess.Popen(command, stdout=out, stderr=out)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_dns():
    if os.path.exists(path["port"]):
        os.unlink(path["port"])
    dns = start("dnsd", build + "/t/bin/dnsd", "--port-file", path["port"], path["zone"])
    wait_for(lambda: os.path.exists(path["port"]) or dns.poll() is not None, "dnsd does not start")
    if dns.poll() is not None:
        print("Bail out! dnsd does not take the zone")
        sys.exit(1)
    return dns


def start_daemon():
    with open(path["conf"], "w", encoding="ascii") as out:
        out.write("""authserv_id = "receiver.example";
listen = [ "local:%s" ];
trusted_networks = [ ];
dns: { servers = [ "127.0.0.1@%s" ]; timeout = "700ms"; };
sign: { enabled = false; };
store: { url = ""; };
log: { target = "stderr"; };
spf: { engine = "%s"; };
""" % (path["socket"], open(path["port"], encoding="ascii").read().strip(), engine))
    daemon = start("daemon", build + "/daemon/countersignd", "-f", *["--allow-root"] * (os.getuid() == 0),
                   "-c", path["conf"])
    wait_for(lambda: b"ready:" in read(path["log"]) or daemon.poll() is not None, "")
    return daemon


def read(name):
    with open(name, "rb") as file:
        return file.read()


# ---- the cases ----

def steps(index, test):
    def line(*fields):
        return "\t".join(quote_from_bytes(f.encode("utf-8"), safe="<>@ ,:;()") for f in fields)

    return "\n".join((
        line("macro", "C", "j", "receiver.example"),
        line("connect", "unknown", test["host"]),
        line("helo", test["helo"]),
        line("macro", "M", "i", "Q%d" % index),
        line("mail", "<%s>" % test["mailfrom"]),
        line("rcpt", "<someone@receiver.example>"),
        line("header", "From", " someone@nowhere.invalid"),
        line("eoh"), line("body", "hello\r\n"),
        line("macro", "E", "i", "Q%d" % index),
        line("eom"), line("echo", "end"), line("again"))) + "\n"


def run_cases(tests):
    """For each case, the lines that milterc printed."""
    script = "".join(steps(i, t) for i, t in enumerate(tests.values()))
    done = subprocess.run([build + "/t/bin/milterc", path["socket"]], input=script.encode("ascii"),
                          stdout=subprocess.PIPE, timeout=120, check=False)
    parts = done.stdout.decode("ascii").split("end\n")
    return parts + [""] * (len(tests) - len(parts))


def result_of(lines):
    """The first spf= of the field that was inserted: that of MAIL FROM, or of the null sender's HELO."""
    for line in lines.splitlines():
        fields = line.split("\t")
        if fields[0] == "insert" and fields[2] == "Authentication-Results":
            value = unquote_to_bytes(fields[3]).decode("utf-8", "replace")
            found = re.search(r";\s*spf=([a-z]+)", value)
            return found.group(1) if found else "no spf="
    return "no field"


def explanation_of(index, log):
    found = re.search(r'\bQ%d: origin=.*? spf_exp=("(?:[^"\\]|\\.)*"|[^ "]*)' % index, log)
    if not found:
        return None
    text = found.group(1)
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(x[0-9a-f]{2}|.)",
                  lambda m: chr(int(m.group(1)[1:], 16)) if len(m.group(1)) == 3 else m.group(1), text[1:-1])


def explained(test, have):
    """In what the address of an IPv6 client expands to, the suite has capitals; RFC 7208 section 7.4 not."""
    want = test.get("explanation")
    if want is None:
        return True
    if want == "DEFAULT" or have is None:
        return want == "DEFAULT" and have is None
    return have.lower() == want.lower() if ":" in test["host"] else have == want


def run_group(group):
    tests, right = group["tests"], 0
    write_zone(group["zonedata"])
    dns = start_dns()
    daemon = start_daemon()
    parts = run_cases(tests)
    stop(daemon)
    stop(dns)
    log = read(path["log"]).decode("utf-8", "replace")
    for index, (name, test) in enumerate(tests.items()):
        results = test["result"] if isinstance(test["result"], list) else [test["result"]]
        have, text = result_of(parts[index]), explanation_of(index, log)
        right += check(have in results and explained(test, text), "%s: %s: %s" % (engine, group["description"], name),
                       "want %s \"%s\"" % (",".join(results), test.get("explanation", "(any)")),
                       "have %s \"%s\"" % (have, text), *parts[index].splitlines(),
                       *[l for l in log.splitlines() if "Q%d:" % index in l])
    check(not re.search("Sanitizer|runtime error", log), "%s: %s: no sanitizer finding" % (engine, group["description"]),
          *log.splitlines()[:60])
    return right, len(tests)


total = [0, 0]
for one in yaml.safe_load_all(open(suite, encoding="utf-8")):
    for i, n in enumerate(run_group(one)):
        total[i] += n
print("# %s: %d of %d cases" % (engine, total[0], total[1]))
print("1..%d" % number)
