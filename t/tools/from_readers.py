#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""From fields as four widely used parsers read them, beside what policy/from makes of them.

    from_readers.py FROMREAD TABLE [RANDOM]

TABLE: a field a line, "WANT<TAB>VALUE"; WANT is the domains that are judged, with "," between, or "-"
for a field that is not judged. RANDOM more fields are put together from pieces. TAP on standard
output. The rule that is tried: a field is judged only where every reader that sees an author's domain
there sees one that is judged.
"""
import email.utils
import os
import random
import re
import subprocess
import sys
import warnings

import gi

gi.require_version("GMime", "3.0")
from gi.repository import GMime  # noqa: E402

GMime.init()
warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1") if "\\" in text else text.encode()


def escape(value):
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else "\\x%02x" % b for b in value)


def ascii_domain(address):
    """The domain of an address in its A-label form, as far as it can be one; None: it has none."""
    if "@" not in address:
        return None
    domain = address.rsplit("@", 1)[1].strip().lower()
    domain = re.split(r"[\x00-\x20\"(),:;<>\[\\\]]", domain)[0].rstrip(".")
    if not domain:
        return None
    try:
        return domain.encode("idna").decode().rsplit("@", 1)[-1] if not domain.isascii() else domain
    except UnicodeError:
        return domain


def walk(addresses):
    for i in range(addresses.length()):
        one = addresses.get_address(i)
        if isinstance(one, GMime.InternetAddressGroup):
            yield from walk(one.get_members())
        else:
            yield one.get_addr() or ""


def read_python(value):
    text = value.decode("utf-8", "surrogateescape")
    return [address for _, address in email.utils.getaddresses([text])]


def read_gmime(value):
    addresses = GMime.InternetAddressList.parse(None, value.split(b"\0")[0].decode("utf-8", "replace"))
    return list(walk(addresses)) if addresses is not None else []


class Perl:
    def __init__(self):
        self.process = subprocess.Popen(["perl", HERE + "/from_readers.pl"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def read(self, value):
        self.process.stdin.write(value.hex() + "\n")
        self.process.stdin.flush()
        for _ in range(2):
            name, addresses = self.process.stdout.readline().rstrip("\n").split("\t")
            yield name, [bytes.fromhex(a).decode("utf-8", "surrogateescape") for a in addresses.split()]


class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, value):
        self.process.stdin.write(escape(value) + "\n")
        self.process.stdin.flush()
        state, domains, why = self.process.stdout.readline().rstrip("\n").split("\t")
        return state == "ok", [d for d in domains.split(",") if d], why


def readings(value, perl):
    """reader -> the set of domains that it sees"""
    found = {"python": read_python(value), "gmime": read_gmime(value)}
    found.update(perl.read(value))
    return {name: {ascii_domain(a) for a in addresses} - {None} for name, addresses in found.items()}


def objections(value, ours, perl):
    """What speaks against judging VALUE as we do."""
    judged, domains, _ = ours.read(value)
    seen = readings(value, perl)
    if not judged:
        return []
    return ["%s sees %s" % (name, ",".join(sorted(found - set(domains))))
            for name, found in sorted(seen.items()) if found - set(domains)]


PIECES = ["a@one.test", "b@two.test", "<a@one.test>", "<b@two.test>", "<", ">", "@", ",", ";", ":", '"', "(", ")", "\\", " ",
          ".", "Bob", "two.test", "@two.test", "one.test", '"b@two.test"', "(b@two.test)", "<@two.test:a@one.test>", "\r\n ", "\t",
          "\0", "\r", "\n", "[", "]", "=?utf-8?q?b=40two.test?=", "=?utf-8?b?YkB0d28udGVzdA==?=", "\uff20two.test", "M\u00fcller",
          '\\"', "a@one", ".test", "via list", "Smith, John", "MAILER-DAEMON"]


def random_fields(count):
    generator = random.Random(5322)
    for _ in range(count):
        yield "".join(generator.choice(PIECES) for _ in range(generator.randint(1, 6))).encode()


def main():
    ours, perl = Ours(sys.argv[1]), Perl()
    rows = [line.rstrip("\n").split("\t", 1) for line in open(sys.argv[2]) if "\t" in line and line[0] != "#"]
    failed = number = 0
    for want, text in rows:
        value = unescape(text)
        judged, domains, why = ours.read(value)
        have = ",".join(domains) if judged else "-"
        against = objections(value, ours, perl)
        number += 1
        good = have == want and not against
        failed += not good
        print("%s %d - %s: %s" % ("ok" if good else "not ok", number, text.replace("#", "\\#"), want))
        if not good:
            print("# have: %s (%s); %s" % (have, why, "; ".join(against)))
            print("# read as: %s" % sorted((n, sorted(d)) for n, d in readings(value, perl).items()))
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    wrong = [(value, against) for value in random_fields(count) for against in [objections(value, ours, perl)] if against]
    number += 1
    print("%s %d - %d fields put together from pieces: none is judged by a domain that another reader does not see"
          % ("not ok" if wrong else "ok", number, count))
    for value, against in wrong[:20]:
        print("# %s: %s" % (escape(value), "; ".join(against)))
    number += 1
    print("%s %d - the table has at least 120 fields (%d)" % ("ok" if len(rows) >= 120 else "not ok", number, len(rows)))
    print("1..%d" % number)
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
