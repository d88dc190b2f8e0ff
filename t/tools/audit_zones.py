#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: audit_zones.py DIR KEYS

For t/audit.sh: zones for nsd below DIR, signed by ldns-signzone: twenty domains that are in order, and one domain for
each fault. KEYS: a directory with rsa.txt, ed25519.txt and other.txt, the values of key records. Writes DIR/nsd.zones
(the zones of nsd.conf), DIR/elsewhere.zones (of another name server), DIR/root.key (the trust anchor), DIR/clean (domains) and DIR/faults: rule, domain, keys that
the domain has, further arguments; separated by tabs.
"""
import ipaddress
import os
import subprocess
import sys
import time

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
        self.signed, self.wrong_ds, self.keys, self.arguments = True, False, "rsa ed25519", ""
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


def day(days):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + days * 86400))


def elsewhere(change):
    """The second name server is another one, with other contents: those that CHANGE makes."""
    return both(put("ns2", "A", "45.30.0.3"), attribute(elsewhere=change, arguments="--name-servers"))


null = put("", "MX", "0 .")
FAULTS = {
    "mx.none": drop("", "MX"),
    "mx.implicit": both(drop("", "MX"), put("", "A", "45.20.0.9")),
    "mx.null-with-others": put("", "MX", "0 .", "10 mx1"),
    "mx.null-but-sends": null,
    "mx.cname": both(put("", "MX", "10 mxa", "20 mx2"), put("mxa", "CNAME", "mx1")),
    "mx.no-address": put("", "MX", "10 text", "20 mx2"),
    "mx.dangling": put("", "MX", "10 mx.gone-away.test.", "20 mx2"),
    "mx.private-address": put("mx1", "A", "10.0.0.1"),
    "mx.loopback": put("mx1", "A", "127.0.0.1"),
    "mx.same-host-twice": put("", "MX", "10 mx1", "20 mx1", "30 mx2"),
    "mx.one-only": put("", "MX", "10 mx1"),
    "mx.v6-missing": both(drop("mx1", "AAAA"), drop("mx2", "AAAA")),
    "ptr.none": lambda zone: zone.reverse.pop(zone.v4[0]),
    "ptr.not-forward-confirmed": lambda zone: zone.name(zone.v4[0], f"mx2.{zone.domain}."),
    "ptr.several": lambda zone: zone.name(zone.v4[0], f"mx1.{zone.domain}.", f"mx2.{zone.domain}."),
    "ptr.generic-looking": both(lambda zone: zone.name(zone.v4[0], zone.v4[0].replace(".", "-") + f".{zone.domain}."),
                                attribute(arguments="--address=$1")),
    "helo.not-fqdn": attribute(arguments="--helo=mail"),
    "helo.not-resolving": attribute(arguments="--helo=gone.$D"),
    "helo.differs-from-ptr": attribute(arguments="--helo=mx2.$D --address=$1"),
    "spf.helo-missing": attribute(arguments="--helo=mx1.$D"),
    "spf.none": drop("", "TXT"),
    "spf.several": txt("", "v=spf1 mx -all", "v=spf1 -all"),
    "spf.syntax": txt("", "v=spf1 ip4:1.2.3 -all"),
    "spf.string-split": lambda zone: zone.put("", "TXT", '"v=spf1 ip4:45.1.1.1" "include:clean1.test -all"'),
    "spf.leading-blank": txt("", " v=spf1 mx -all"),
    "spf.lookups": txt("", "v=spf1 " + "a:mx1.$D " * 11 + "-all"),
    "spf.void": txt("", "v=spf1 mx a:gone.$D -all"),
    "spf.plus-all": txt("", "v=spf1 mx +all"),
    "spf.neutral-all": txt("", "v=spf1 mx ?all"),
    "spf.no-all": txt("", "v=spf1 mx"),
    "spf.wide": txt("", "v=spf1 mx ip4:45.0.0.0/8 -all"),
    "spf.ptr-used": txt("", "v=spf1 mx ptr -all"),
    "spf.includes-nothing": txt("", "v=spf1 mx include:mx1.$D -all"),
    "spf.loop": txt("", "v=spf1 mx include:$D -all"),
    "spf.too-long": txt("", "v=spf1 " + " ".join(f"ip4:45.1.1.{i}" for i in range(100, 130)) + " mx -all"),
    "spf.type99": put("", "SPF", '"v=spf1 mx -all"'),
    "spf.not-null-for-non-sender": both(null, drop("", "TXT"), attribute(keys="")),
    "dkim.no-key": attribute(keys=""),
    "dkim.key-missing": drop("rsa._domainkey", "TXT"),
    "dkim.mismatch": txt("rsa._domainkey", OTHER),
    "dkim.revoked-in-use": txt("rsa._domainkey", "v=DKIM1; p="),
    "dkim.several-txt": txt("rsa._domainkey", RSA, OTHER),
    "dkim.v-wrong": txt("rsa._domainkey", RSA.replace("DKIM1", "DKIM2")),
    "dkim.short": attribute(keys="short ed25519"),
    "dkim.sha1-only": txt("rsa._domainkey", RSA.replace("k=rsa", "k=rsa; h=sha1")),
    "dkim.testing": txt("rsa._domainkey", RSA.replace("k=rsa", "k=rsa; t=y")),
    "dkim.not-tlsrpt-service": txt("rsa._domainkey", RSA.replace("k=rsa", "k=rsa; s=email")),
    "dkim.age": attribute(keys="rsa ed25519 old"),
    "dkim.only-one-algorithm": attribute(keys="rsa"),
    "dkim.wildcard": txt("*._domainkey", "anything"),
    "dmarc.none": drop("_dmarc", "TXT"),
    "dmarc.several": txt("_dmarc", "v=DMARC1; p=reject", "v=DMARC1; p=none"),
    "dmarc.syntax": txt("_dmarc", "v=DMARC1; p=reject; sp=never; rua=mailto:d@$D"),
    "dmarc.p-missing": txt("_dmarc", "v=DMARC1; rua=mailto:d@$D"),
    "dmarc.p-none": txt("_dmarc", "v=DMARC1; p=none; rua=mailto:d@$D"),
    "dmarc.sp-weaker": txt("_dmarc", "v=DMARC1; p=reject; sp=none; rua=mailto:d@$D"),
    "dmarc.np-missing": txt("_dmarc", "v=DMARC1; p=quarantine; rua=mailto:d@$D"),
    "dmarc.removed-tags": txt("_dmarc", "v=DMARC1; p=reject; pct=50; rua=mailto:d@$D"),
    "dmarc.size-suffix": txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:d@$D!10m"),
    "dmarc.t": txt("_dmarc", "v=DMARC1; p=reject; t=y; rua=mailto:d@$D"),
    "dmarc.psd": txt("_dmarc", "v=DMARC1; p=reject; psd=y; rua=mailto:d@$D"),
    "dmarc.rua-none": txt("_dmarc", "v=DMARC1; p=reject"),
    "dmarc.rua-invalid": txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:d@$D,d@$D"),
    "dmarc.rua-unreachable": txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:d@text.$D"),
    "dmarc.rua-external-not-authorized": txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:d@clean1.test"),
    "dmarc.ruf-set": txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:d@$D; ruf=mailto:d@$D"),
    "dmarc.wrong-place": txt("", "v=spf1 mx -all", "v=DMARC1; p=reject"),
    "dmarc.tree-walk": both(txt("a.b.c.d.e.f.g", "deep"), attribute(audited="a.b.c.d.e.f.g.$D")),
    "sts.none": drop("_mta-sts", "TXT"),
    "sts.several": txt("_mta-sts", "v=STSv1; id=1", "v=STSv1; id=2"),
    "sts.id-bad": txt("_mta-sts", "v=STSv1; id=2026-01-01"),
    "sts.no-host": drop("mta-sts", "A"),
    "tlsrpt.none": drop("_smtp._tls", "TXT"),
    "tlsrpt.several": txt("_smtp._tls", "v=TLSRPTv1; rua=mailto:a@$D", "v=TLSRPTv1; rua=mailto:b@$D"),
    "tlsrpt.syntax": txt("_smtp._tls", "v=TLSRPTv1; rua=a@$D"),
    "tlsrpt.rua-unreachable": txt("_smtp._tls", "v=TLSRPTv1; rua=mailto:a@text.$D"),
    "dane.zone-unsigned": both(attribute(signed=False), drop("_25._tcp.mx1", "TLSA"), drop("_25._tcp.mx2", "TLSA")),
    "dane.bogus": attribute(wrong_ds=True),
    "dane.none": both(drop("_25._tcp.mx1", "TLSA"), drop("_25._tcp.mx2", "TLSA")),
    "dane.mx-insecure": attribute(signed=False),
    "dane.unusable": put("_25._tcp.mx1", "TLSA", "3 1 1 " + DIGEST, "3 1 1 aabb"),
    "dane.usage": put("_25._tcp.mx1", "TLSA", "3 1 1 " + DIGEST, "0 1 1 " + DIGEST),
    "dane.mixed-mx": drop("_25._tcp.mx2", "TLSA"),
    "dane.no-next-record": put("_25._tcp.mx1", "TLSA", "3 1 1 " + DIGEST),
    "bimi.several": txt("default._bimi", "v=BIMI1; l=", "v=BIMI1; l=https://a.test/l.svg"),
    "bimi.syntax": txt("default._bimi", "v=BIMI1; l=http://a.test/l.svg"),
    "bimi.gate": txt("_dmarc", "v=DMARC1; p=none; rua=mailto:d@$D"),
    "bimi.no-certificate": txt("default._bimi", "v=BIMI1; l=https://a.test/l.svg"),
    "dnsbl.listed": attribute(arguments="--address=45.66.0.1"),
    "dnsbl.zone-unusable": attribute(arguments="-c conf.lists"),
    "ns.one-only": put("", "NS", "ns1"),
    "ns.no-address": put("", "NS", "ns1", "text"),
    "ns.cname": both(put("", "NS", "ns1", "nsa"), put("nsa", "CNAME", "ns2")),
    "mx.differs-between-ns": elsewhere(put("", "MX", "10 mx2")),
    "soa.differs": elsewhere(put("", "SOA", "ns1.$D. root.$D. 4294967290 3600 900 604800 300")),
    "ns.lame": elsewhere(False),
    "dnssec.expiring": attribute(times=("-i", day(-20), "-e", day(1)), arguments="--name-servers"),
    "parked.mx": attribute(arguments="--profile=parked"),
    "parked.spf": attribute(arguments="--profile=parked"),
    "parked.dmarc": both(txt("_dmarc", "v=DMARC1; p=quarantine"), attribute(arguments="--profile=parked")),
    "parked.dkim": attribute(arguments="--profile=parked"),
    "srv.cname": both(put("_imaps._tcp", "SRV", "0 1 993 alias"), put("alias", "CNAME", "mail")),
    "srv.no-address": put("_imaps._tcp", "SRV", "0 1 993 text"),
    "srv.implicit-tls-missing": drop("_submissions._tcp", "SRV"),
    "srv.port": put("_submission._tcp", "SRV", "0 1 25 mail"),
}


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


clean = [Zone(f"clean{i}", i) for i in range(1, 21)]
faulty = {rule: Zone("f-" + rule.replace(".", "-"), 21 + i) for i, rule in enumerate(FAULTS)}
root = ["$ORIGIN .", "$TTL 300", ". IN SOA ns.test. root.test. 1 3600 900 604800 300", ". IN NS ns.test.",
        "ns.test. IN A 45.30.0.9",
        "2.0.0.127.list.test. IN A 127.0.0.2", "1.0.66.45.list.test. IN A 127.0.0.4",
        "1.0.66.45.in-addr.arpa. IN PTR out.clean1.test.",
        "2.0.0.127.broken.test. IN A 127.0.0.2", "1.0.0.127.broken.test. IN A 127.0.0.2"]
elsewhere_conf = []
conf = ['zone:\n  name: "."\n  zonefile: "root.zone"\n']
parked = Zone("parked", 200)
both(null, txt("", "v=spf1 -all"), txt("_dmarc", "v=DMARC1; p=reject"), txt("*._domainkey", "v=DKIM1; p="))(parked)
for kind in [key for key in parked.records if key[0] in ("rsa._domainkey", "ed25519._domainkey", "default._bimi")]:
    parked.drop(*kind)
for rule, zone in faulty.items():
    if not rule.startswith("dkim."):
        zone.keys = ""
    FAULTS[rule](zone)
for zone in clean + [parked] + list(faulty.values()):
    text, ds = zone.text(), ""
    if zone.signed:
        text, ds = sign(zone.domain + ".", text, *zone.times)
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
write("elsewhere.zones", "".join(elsewhere_conf))
write("clean", "".join(zone.domain + "\n" for zone in clean))
write("faults", "".join(f"{rule}\t{zone.audited}\t{zone.domain}\t{zone.keys or '-'}\t{zone.arguments}\n"
                        for rule, zone in faulty.items()))
