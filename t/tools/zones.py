#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""For audit_zones.py and audit_sites.py, which are called with DIR KEYS: a domain that is in order, what can be changed in
it, and zones for nsd from it, signed by ldns-signzone."""
import ipaddress
import os
import subprocess
import sys

top, keys = sys.argv[1:3]
RSA, ED, OTHER = (open(f"{keys}/{name}.txt").read().strip() for name in ("rsa", "ed25519", "other"))
DIGEST = "aa" * 32


def quoted(text):
    return " ".join('"%s"' % text[i:i + 200] for i in range(0, len(text), 200))


class Zone:
    """A domain in order; a fault then changes it."""

    def __init__(self, label, number):
        self.domain = f"{label}.test"
        self.v4 = [f"45.10.{number}.{i}" for i in (1, 2)]
        self.v6 = [f"2a00:1:0:{number}::{i}" for i in (1, 2)]
        self.records, self.reverse = {}, {}
        self.signed, self.wrong_ds, self.keyless, self.keys, self.arguments = True, False, False, "rsa ed25519", ""
        self.audited, self.elsewhere, self.times = self.domain, None, ()
        self.put("", "SOA", f"ns1.{self.domain}. root.{self.domain}. 1 3600 900 604800 300")
        self.put("", "NS", "ns1", "ns2")
        self.put("", "MX", "10 mx1", "20 mx2")
        self.txt("", "v=spf1 mx -all")
        self.txt("_dmarc", f"v=DMARC1; p=reject; np=reject; rua=mailto:d@{self.domain}")
        self.txt("_mta-sts", "v=STSv1; id=20260101;")
        self.put("mta-sts", "A", "45.20.0.1")
        self.txt("_smtp._tls", f"v=TLSRPTv1; rua=mailto:t@{self.domain}")
        self.txt("default._bimi", "v=BIMI1; l=https://a.test/l.svg; a=https://a.test/c.pem")
        self.txt("rsa._domainkey", RSA)
        self.txt("ed25519._domainkey", ED)
        for service, port in (("_submissions", 465), ("_submission", 587), ("_imaps", 993), ("_imap", 143)):
            self.put(f"{service}._tcp", "SRV", f"0 1 {port} mail")
        self.put("mail", "A", "45.20.0.2")
        self.txt("text", "only text")
        for i in (0, 1):
            self.put(f"ns{i + 1}", "A", f"45.30.0.{i + 1}")
            self.put(f"mx{i + 1}", "A", self.v4[i])
            self.put(f"mx{i + 1}", "AAAA", self.v6[i])
            self.put(f"_25._tcp.mx{i + 1}", "TLSA", f"3 1 1 {DIGEST}", f"3 1 1 {'bb' * 32}")
            self.name(self.v4[i], f"mx{i + 1}.{self.domain}.")
            self.name(self.v6[i], f"mx{i + 1}.{self.domain}.")

    def put(self, name, kind, *data):
        self.records[name, kind] = list(data)

    def txt(self, name, *texts):
        self.records[name, "TXT"] = [quoted(text) for text in texts]

    def drop(self, name, kind):
        del self.records[name, kind]

    def name(self, address, *names):
        self.reverse[address] = names

    def text(self):
        lines = [f"$ORIGIN {self.domain}.", "$TTL 300"]
        for (name, kind), data in self.records.items():
            lines += [f"{name or '@'} IN {kind} {item}" for item in data]
        return "\n".join(lines) + "\n"


def sequence(*calls):
    return lambda zone: [getattr(zone, call[0])(*call[1:]) for call in calls]


def txt(name, *texts):
    return lambda zone: zone.txt(name, *[text.replace("$D", zone.domain) for text in texts])


def put(*arguments):
    return lambda zone: zone.put(*[a.replace("$D", zone.domain) for a in arguments])


def drop(*arguments):
    return lambda zone: zone.drop(*arguments)


def attribute(**values):
    return lambda zone: [setattr(zone, key, value.replace("$D", zone.domain).replace("$1", zone.v4[0])
                                 if isinstance(value, str) else value) for key, value in values.items()]


def both(*changes):
    return lambda zone: [change(zone) for change in changes]


def command(*arguments):
    return subprocess.run(arguments, check=True, cwd=top, capture_output=True, text=True).stdout


def write(path, text):
    with open(os.path.join(top, path), "w") as file:
        file.write(text)


base = command("ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", "key.test").strip()
public, private = (open(os.path.join(top, base + end)).read() for end in (".key", ".private"))


def sign(name, text, *times):
    """The zone, signed with the one key under the zone's own name; its DS records."""
    write("this.key", public.replace("key.test.", name))
    write("this.private", private)
    write("this.zone", text)
    command("ldns-signzone", *times, "-o", name, "-f", "this.signed", "this.zone", "this")
    return open(os.path.join(top, "this.signed")).read(), command("ldns-key2ds", "-n", "-2", "this.key")


def publish(zones, root, elsewhere_conf=None):
    """Writes the files of ZONES and nsd.zones; ROOT: the records of the root, to which theirs are added."""
    conf = ['zone:\n  name: "."\n  zonefile: "root.zone"\n']
    for zone in zones:
        text, ds = zone.text(), ""
        if zone.signed:
            signed, ds = sign(zone.domain + ".", text, *zone.times)
            text = text if zone.keyless else signed
        if zone.wrong_ds:
            ds = ds.replace(ds.split()[-1], "00" * 32)
        write(zone.domain + ".zone", text)
        conf.append(f'zone:\n  name: "{zone.domain}"\n  zonefile: "{zone.domain}.zone"\n')
        root += [f"{zone.domain}. IN NS ns1.{zone.domain}."] + ds.strip().splitlines()
        if zone.elsewhere:
            zone.elsewhere(zone)
            write(zone.domain + ".elsewhere", zone.text())
            elsewhere_conf.append(f'zone:\n  name: "{zone.domain}"\n  zonefile: "{zone.domain}.elsewhere"\n')
        for address, names in zone.reverse.items():
            root += [f"{ipaddress.ip_address(address).reverse_pointer}. IN PTR {name}" for name in names]
    text, _ = sign(".", "\n".join(root) + "\n")
    write("root.zone", text)
    write("root.key", public.replace("key.test.", "."))
    write("nsd.zones", "".join(conf))


ROOT = ["$ORIGIN .", "$TTL 300", ". IN SOA ns.test. root.test. 1 3600 900 604800 300", ". IN NS ns.test.",
        "ns.test. IN A 45.30.0.9"]
