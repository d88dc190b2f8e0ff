#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: audit_sites.py DIR KEYS, or audit_sites.py --rules

For t/audit_probe.sh: zones for nsd below DIR, as audit_zones.py writes them, and sites.conf, the servers of an nginx that
has their policies, and mail.servers for faulty_mail.py: twenty domains that are in order, and one domain for each fault that only shows when servers are
connected to. Writes DIR/clean (domains) and DIR/faults: rule, domain, what the finding must say, as a regular
expression, and whether it only is that something is not known. --rules: the rules alone.
"""
import sys

if sys.argv[1] == "--rules":
    sys.argv[1:] = ["/nowhere", "/nowhere"]
    LIST = True
else:
    LIST = False
    MAIL = open(sys.argv[2] + "/mail.tlsa").read().strip()
    from zones import ROOT, Zone, publish, write

POLICY = "version: STSv1\nmode: enforce\nmax_age: 2419200\nmx: *.$D\n"


def site(**values):
    return lambda zone: [setattr(zone, key, value) for key, value in values.items()]


def policy(text):
    return site(policy=text)


def answer(text):
    """What nginx says in place of the policy."""
    return site(answer=text)


def mark(record):
    return lambda zone: zone.txt("default._bimi", record)


def server(*flags, certificate="mail", port=25, host="mx1"):
    """HOST is a server with faults, at an address of its own."""
    def change(zone):
        zone.drop(host, "AAAA") if (host, "AAAA") in zone.records else None
        zone.put(host, "A", zone.own)
        zone.servers.append(f"{zone.own} {port} certs/{certificate}.pem {' '.join(flags)}")
    return change


def silent(zone):
    """Nobody listens there."""
    zone.drop("mx1", "AAAA")
    zone.put("mx1", "A", zone.own)


def blocked(zone):
    """No address answers."""
    for i in (1, 2):
        zone.drop(f"mx{i}", "AAAA")
        zone.put(f"mx{i}", "A", f"93.184.216.{i}")


def without_dane(zone):
    for i in (1, 2):
        zone.drop(f"_25._tcp.mx{i}", "TLSA")


def both(*changes):
    return lambda zone: [change(zone) for change in changes]


def tlsa(*data):
    return lambda zone: zone.put("_25._tcp.mx1", "TLSA", *data)


def put(*arguments):
    return lambda zone: zone.put(*arguments)


def slow(zone):
    zone.drop("_25._tcp.mx1", "TLSA")
    zone.put("_25._tcp.mx1 172800", "TLSA", "3 1 1 $MAIL", "3 1 1 " + "bb" * 32)


def plain(*flags, **values):
    return both(without_dane, server(*flags, **values))


# (rule, what must be said, what is wrong)
FAULTS = [
    ("sts.policy-unfetchable", "HTTP status 404", answer("return 404;")),
    ("sts.policy-unfetchable", "HTTP status 301, and redirects must not be followed",
     answer("return 301 https://mta-sts.clean1.test/.well-known/mta-sts.txt;")),
    ("sts.policy-unfetchable", "media type is not text/plain but text/html", site(kind="text/html")),
    ("sts.policy-unfetchable", "longer than 65536 bytes", policy(POLICY + "x: y\n" * 20000)),
    ("sts.policy-unfetchable", "policy is not valid: mode is not", policy(POLICY.replace("enforce", "never"))),
    ("sts.policy-unfetchable", "certificate", site(certificate="stranger")),
    ("sts.policy-unfetchable", "certificate", site(certificate="elsewhere")),
    ("sts.policy-unfetchable", "certificate", site(certificate="expired")),
    ("sts.mode", "mode testing", policy(POLICY.replace("enforce", "testing"))),
    ("sts.max-age", "max_age 3600: .* 3600 seconds", policy(POLICY.replace("2419200", "3600"))),
    ("sts.max-age", "after 2 days", policy(POLICY.replace("2419200", "172800"))),
    ("sts.mx-not-covered", 'mx2.* add "mx: mx2', policy(POLICY.replace("*", "mx1"))),
    ("sts.cert-of-mx-fails", "mx1.*self-signed", plain(certificate="mailself")),
    ("sts.cert-of-mx-fails", "it has no STARTTLS", plain("notls")),
    ("sts.cert-of-mx-fails", "has not its name", plain(certificate="elsewhere")),
    ("sts.pattern-unused", 'no MX host matches "mx: mx9', policy(POLICY + "mx: mx9.$D\n")),
    ("bimi.unfetchable", "HTTP status 404", mark("v=BIMI1; l=https://a.test/gone.svg; a=https://a.test/good.pem")),
    ("bimi.unfetchable", "it is not a PEM file", mark("v=BIMI1; l=https://a.test/logo.svg; a=https://a.test/logo.svg")),
    ("bimi.logo", "logo.element: .*script", mark("v=BIMI1; l=https://a.test/bad.svg; a=https://a.test/good.pem")),
    ("bimi.certificate", "certificate.name", mark("v=BIMI1; l=https://a.test/logo.svg; a=https://a.test/other.pem")),
    ("bimi.certificate", "certificate.chain", mark("v=BIMI1; l=https://a.test/logo.svg; a=https://a.test/unknown.pem")),
    ("bimi.certificate", "certificate.revoked", mark("v=BIMI1; l=https://a.test/logo.svg; a=https://a.test/revoked.pem")),
    ("dane.ttl", "a day or longer", slow),
    ("dane.mismatch", "no 3 1 1 record is of its certificate", tlsa("3 1 1 " + "aa" * 32, "3 1 1 " + "bb" * 32)),
    ("dane.mismatch", "no 3 0 1 record is of its certificate", tlsa("3 1 1 $MAIL", "3 0 1 " + "bb" * 32)),
    ("dane.mismatch", "there are TLSA records, but the host has no STARTTLS", server("notls")),
    ("smtp.unreachable", "Connection refused", silent),
    ("smtp.unreachable", "it does not say 220", server("busy")),
    ("smtp.ehlo-name", 'calls itself "mail"', server("short")),
    ("smtp.starttls-injection", "answers within TLS to a command", server("inject")),
    ("smtp.smuggling", "takes LF . LF for the end", server("smuggle")),
    ("tls.no-starttls", "does not offer STARTTLS", server("notls")),
    ("tls.no-starttls", "the TLS handshake failed|ended in the TLS handshake", server("broken")),
    ("tls.old-version", "accepts TLS 1.1 or 1.0, too", server("oldtoo")),
    ("tls.old-version", "nothing newer than TLSv1.1", server("old")),
    ("tls.cert-expiring", "the certificate ends on 20", plain(certificate="mailsoon")),
    ("tls.cert-expiring", "the certificate ends on 20", plain(certificate="mailexpired")),
    ("tls.chain", "self-signed certificate", plain(certificate="mailself")),
    ("tls.name", "the certificate has not the name mx1", plain(certificate="elsewhere")),
    ("tls.pq-kex", "has no key exchange X25519MLKEM768", server()),
    ("tls.requiretls", "mx2.* does not offer REQUIRETLS", server()),
    ("client.unreachable", "port 993 for _imaps: Connection refused", both(put("imap", "A", "45.12.0.1"),
                                                                           put("_imaps._tcp", "SRV", "0 1 993 imap"))),
    ("client.no-tls", "port 143 for _imap: it offers no TLS", both(server("imap", "notls", port=143, host="imap"),
                                                                   put("_imap._tcp", "SRV", "0 1 143 imap"))),
    ("client.certificate", "certificate has not the name imap",
     both(server("imap", "implicit", certificate="elsewhere", port=993, host="imap"), put("_imaps._tcp", "SRV", "0 1 993 imap"))),
    ("client.certificate", "self-signed", both(server(certificate="mailself", port=587, host="sub"),
                                               put("_submission._tcp", "SRV", "0 1 587 sub"))),
    ("client.autoconfig", "config-v1.1.xml: HTTP status 404", put("autoconfig", "A", "45.20.0.1")),
]
SKIPS = [
    ("smtp.unreachable", "none of 2 addresses can be reached on port 25 .*probably blocked here", blocked),
    ("smtp.smuggling", "takes no mail from here for postmaster@", server("norcpt")),
    ("bimi.certificate", "not known: certificate.no-crl: .*/gone.crl: HTTP status 404",
     mark("v=BIMI1; l=https://a.test/logo.svg; a=https://a.test/no_list.pem")),
]
if LIST:
    print(*sorted({fault[0] for fault in FAULTS}), sep="\n")
    sys.exit()


class Site(Zone):
    def __init__(self, label, number):
        super().__init__(label, number)
        self.v4, self.v6 = [f"45.10.0.{i}" for i in (1, 2)], [f"2a00:1::{i}" for i in (1, 2)]
        self.reverse.clear()
        for i in (0, 1):
            self.put(f"mx{i + 1}", "A", self.v4[i])
            self.put(f"mx{i + 1}", "AAAA", self.v6[i])
            self.put(f"_25._tcp.mx{i + 1}", "TLSA", "3 1 1 $MAIL", f"3 1 1 {'bb' * 32}")
            if number == 1:
                self.name(self.v4[i], f"mx{i + 1}.{self.domain}.")
                self.name(self.v6[i], f"mx{i + 1}.{self.domain}.")
        self.own, self.servers = f"45.11.{number}.1", []
        self.policy, self.answer, self.kind, self.certificate = POLICY, "", "text/plain", "good"
        self.txt("default._bimi", "v=BIMI1; l=https://a.test/logo.svg; a=https://a.test/good.pem")

    def text(self):
        return super().text().replace("$MAIL", MAIL)

    def web(self):
        text = self.policy.replace("$D", self.domain)
        write(f"web/{self.domain}.txt", text)
        return f"""server {{
  listen 45.20.0.1:443 ssl; server_name mta-sts.{self.domain};
  ssl_certificate certs/{self.certificate}.pem; ssl_certificate_key certs/{self.certificate}.key;
  location = /.well-known/mta-sts.txt {{ {self.answer or f"default_type {self.kind}; types {{}} alias web/{self.domain}.txt;"} }}
}}
"""


clean = [Site(f"clean{i}", i) for i in range(1, 21)]
faulty = [Site(f"f{i}", 30 + i) for i in range(len(FAULTS + SKIPS))]
for zone, fault in zip(faulty, FAULTS + SKIPS):
    fault[2](zone)
publish(clean + faulty, ROOT + ["a.test. IN A 45.20.0.1"])
write("sites.conf", "".join(zone.web() for zone in clean + faulty))
write("clean", "".join(zone.domain + "\n" for zone in clean))
write("mail.servers", "".join(f"{line}\n" for zone in faulty for line in zone.servers))
write("faults", "".join(f"{fault[0]}\t{zone.domain}\t{fault[1]}\t{fault in SKIPS}\n" for zone, fault in zip(faulty, FAULTS + SKIPS)))
