#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: audit_zones.py DIR KEYS

For t/audit.sh: zones for nsd below DIR, signed by ldns-signzone: twenty domains that are in order, and one domain for
each fault. KEYS: a directory with rsa.txt, ed25519.txt and other.txt, the values of key records. Writes DIR/nsd.zones
(the zones of nsd.conf), DIR/elsewhere.zones (of another name server), DIR/root.key (the trust anchor), DIR/clean (domains) and DIR/faults: rule, domain, keys that
the domain has, further arguments; separated by tabs.
"""
import time

from zones import OTHER, ROOT, RSA, DIGEST, Zone, attribute, both, drop, publish, put, txt, write


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
    "mx.unresolvable-ns": put("", "MX", "10 mx1", "20 mx1.unresolvable.test."),
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
    "dkim.unknown-selector": attribute(arguments="-c conf.seen"),
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


clean = [Zone(f"clean{i}", i) for i in range(1, 21)]
faulty = {rule: Zone("f-" + rule.replace(".", "-"), 21 + i) for i, rule in enumerate(FAULTS)}
root = ROOT + ["2.0.0.127.list.test. IN A 127.0.0.2", "1.0.66.45.list.test. IN A 127.0.0.4",
               "1.0.66.45.in-addr.arpa. IN PTR out.clean1.test.",
               "2.0.0.127.broken.test. IN A 127.0.0.2", "1.0.0.127.broken.test. IN A 127.0.0.2"]
parked = Zone("parked", 200)
both(null, txt("", "v=spf1 -all"), txt("_dmarc", "v=DMARC1; p=reject"), txt("*._domainkey", "v=DKIM1; p="))(parked)
for kind in [key for key in parked.records if key[0] in ("rsa._domainkey", "ed25519._domainkey", "default._bimi")]:
    parked.drop(*kind)
for rule, zone in faulty.items():
    if not rule.startswith("dkim."):
        zone.keys = ""
    FAULTS[rule](zone)
unresolvable = Zone("unresolvable", 201)
put("", "NS", "ns1", "ns.gone-away.test.")(unresolvable)
keyless = Zone("f-dane-keyless", 202)
keyless.keyless = True
elsewhere_conf = []
publish(clean + [parked, unresolvable, keyless] + list(faulty.values()), root, elsewhere_conf)
write("elsewhere.zones", "".join(elsewhere_conf))
write("clean", "".join(zone.domain + "\n" for zone in clean))
write("faults", "".join(f"{rule}\t{zone.audited}\t{zone.domain}\t{zone.keys or '-'}\t{zone.arguments}\n"
                        for rule, zone in faulty.items()))
