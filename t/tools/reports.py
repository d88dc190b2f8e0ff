#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reports as other sites send them, made up, with every odd thing they do as a switch.

  reports.py quirks                    the switches, a line each: name, kind, what it does
  reports.py make NAME [FILE]          one report with that switch, to FILE or standard output
  reports.py expect NAME               what a reader should say of it, as JSON
  reports.py many COUNT DIR [SEED]     COUNT reports of all kinds and switches, and DIR/sum with their messages
  reports.py big ROWS BYTES FILE       one aggregate report of at least that size (gzip where FILE ends in .gz)
  reports.py all DIR | bombs DIR       every switch, or bomb, as a file
  reports.py bomb NAME FILE            something that costs a careless reader its memory: gzip, zip, entities, json, mime ...
"""
import base64
import gzip
import io
import json
import quopri
import random
import struct
import sys
import zipfile
import zlib

BEGIN, END = 1764201600, 1764287999  # 2025-11-27
NAME = "receiver.example!example.com!%d!%d" % (BEGIN, END)


def row(ip="192.0.2.1", count="3", disposition="none", dkim="pass", spf="fail", extra="", identifiers=None, results=None):
    if identifiers is None:
        identifiers = "<envelope_from>bounce.example.com</envelope_from><header_from>example.com</header_from>"
    if results is None:
        results = ("<dkim><domain>example.com</domain><selector>s1</selector><result>pass</result></dkim>"
                   "<spf><domain>bounce.example.com</domain><scope>mfrom</scope><result>fail</result></spf>")
    return """  <record>
    <row>
      <source_ip>%s</source_ip>
      <count>%s</count>
      <policy_evaluated><disposition>%s</disposition><dkim>%s</dkim><spf>%s</spf>%s</policy_evaluated>
    </row>
    <identifiers>%s</identifiers>
    <auth_results>%s</auth_results>
  </record>
""" % (ip, count, disposition, dkim, spf, extra, identifiers, results)


def metadata(org="receiver.example", email="dmarc@receiver.example", ident="2025.1", begin=BEGIN, end=END, extra=""):
    return """  <report_metadata>
    <org_name>%s</org_name>
    <email>%s</email>
    <report_id>%s</report_id>
    <date_range><begin>%s</begin><end>%s</end></date_range>%s
  </report_metadata>
""" % (org, email, ident, begin, end, extra)


POLICY = """  <policy_published>
    <domain>example.com</domain><adkim>r</adkim><aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct><fo>0</fo>
  </policy_published>
"""
ROWS = row() + row("2001:db8::1", "4", "none", "fail", "fail")
PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n'


def feedback(rows=ROWS, meta=None, policy=POLICY, version="  <version>1.0</version>\n", prolog=PROLOG, attributes=""):
    return "%s<feedback%s>\n%s%s%s%s</feedback>\n" % (prolog, attributes, version, metadata() if meta is None else meta, policy, rows)


def zipped(data, name=NAME + ".xml", method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr(name, data)
    return out.getvalue()


def part(data, kind, name=None, encoding="base64", disposition=True):
    if encoding == "base64":
        body = base64.encodebytes(data)
    elif encoding == "quoted-printable":
        body = quopri.encodestring(data)
    else:
        body = data
    head = "Content-Type: %s%s\n" % (kind, "" if name is None else '; name="%s"' % name)
    if name is not None and disposition:
        head += 'Content-Disposition: attachment; filename="%s"\n' % name
    return (head + "Content-Transfer-Encoding: %s\n\n" % encoding).encode() + body


def multipart(parts, kind="multipart/mixed", boundary="=_b", extra=""):
    out = ('Content-Type: %s; boundary="%s"%s\n\n' % (kind, boundary, extra)).encode()
    for one in parts:
        out += ("--%s\n" % boundary).encode() + one + b"\n"
    return out + ("--%s--\n" % boundary).encode()


def mail(content, subject="Report Domain: example.com Submitter: receiver.example Report-ID: <2025.1>", sender="dmarc@receiver.example"):
    return ("From: %s\nTo: reports@example.com\nDate: Fri, 28 Nov 2025 00:10:00 +0000\nSubject: %s\n"
            "Message-ID: <1@receiver.example>\nMIME-Version: 1.0\n" % (sender, subject)).encode() + content


TEXT = part(b"This is a report.\n", "text/plain; charset=us-ascii", encoding="7bit")


def attached(data, kind="application/gzip", name=NAME + ".xml.gz", **more):
    return mail(multipart([TEXT, part(data, kind, name)]), **more)


# ---- TLS ----

def tls(policies=None, **members):
    report = {"organization-name": "receiver.example",
              "date-range": {"start-datetime": "2025-11-27T00:00:00Z", "end-datetime": "2025-11-27T23:59:59Z"},
              "contact-info": "tls@receiver.example", "report-id": "2025-11-27_example.com",
              "policies": [{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"],
                                       "policy-domain": "example.com", "mx-host": ["mx.example.com"]},
                            "summary": {"total-successful-session-count": 5, "total-failure-session-count": 2},
                            "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.9",
                                                 "receiving-mx-hostname": "mx.example.com", "failed-session-count": 2}]}]}
    if policies is not None:
        report["policies"] = policies
    for name, value in members.items():
        report[name.replace("_", "-")] = value
    return report


def dumped(report):
    return json.dumps({k: v for k, v in report.items() if v != "absent"}).encode()


def tls_policy(**members):
    policy = tls()["policies"][0]
    for name, value in members.items():
        section, key = name.split("__")
        policy[section] = dict(policy[section])
        if value is None:
            del policy[section][key.replace("_", "-")]
        else:
            policy[section][key.replace("_", "-")] = value
    return policy


# ---- reports about one message ----

COPY = b"""Received: from out.example.com (out.example.com [192.0.2.7])
\tby mx.receiver.example with ESMTPS id 1; Thu, 27 Nov 2025 10:00:00 +0000
DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=x; b=y
From: Bob <bob@example.com>
To: alice@receiver.example
Subject: hello
Date: Thu, 27 Nov 2025 09:59:59 +0000
Message-ID: <orig@example.com>
CFBL-Feedback-ID: 20251127:abc

hello
"""


def arf(fields, copy=COPY, copy_type="message/rfc822", encoding="7bit", text=b"An abuse report.\n"):
    report = "".join("%s: %s\n" % field for field in fields).encode()
    parts = [part(text, "text/plain", encoding="7bit"), part(report, "message/feedback-report", encoding=encoding)]
    if copy is not None:
        parts.append(("Content-Type: %s\n\n" % copy_type).encode() + copy)
    return mail(multipart(parts, "multipart/report", extra="; report-type=feedback-report"), "FW: hello", "fbl@receiver.example")


ABUSE = [("Feedback-Type", "abuse"), ("User-Agent", "Gen/1.0"), ("Version", "1")]
FULL = ABUSE + [("Original-Mail-From", "<bounce@example.com>"), ("Original-Rcpt-To", "<alice@receiver.example>"),
                ("Arrival-Date", "Thu, 27 Nov 2025 10:00:00 +0000"), ("Source-IP", "192.0.2.7"), ("Reported-Domain", "example.com")]
AUTH = [("Feedback-Type", "auth-failure")] + FULL[1:] + [
    ("Auth-Failure", "dmarc"), ("Identity-Alignment", "dkim, spf"),
    ("Authentication-Results", "mx.receiver.example; dmarc=fail header.from=example.com"), ("Delivery-Result", "reject"),
    ("DKIM-Domain", "example.com"), ("DKIM-Selector", "s1")]
EXIM = b"""A message claiming to be from you has failed the published DMARC
policy for your domain.

  Sender Domain: example.com
  Sender IP Address: 192.0.2.66
  Received Date: Thu, 27 Nov 2025 10:00:00 +0000
  SPF Alignment: no
  DKIM Alignment: no
  DMARC Results: Reject

------ This is a copy of the headers that were received before the error
       was detected.

""" + COPY


def replaced(old, new):
    text = feedback()
    assert old in text, old
    return text.replace(old, new).encode()


def without_end(tag):
    """Every end tag of that name left out."""
    return feedback().replace("</%s>" % tag, "").encode()


REPORT_OK = {"kind": "aggregate", "rows": 2, "messages": 7}


def expect(**members):
    return dict(REPORT_OK, **members)


def repaired(remark, **members):
    return expect(repaired=True, remark=remark, **members)


def unreadable(reason):
    return {"kind": "unreadable", "reason": reason}


def tls_ok(**members):
    return dict({"kind": "tls", "successful_sessions": 5, "failed_sessions": 2}, **members)


def xml_bytes():
    return feedback().encode()


def one_row(remark=None, refused=0, messages=3, rows=1, **members):
    found = expect(rows=rows, messages=messages, rows_refused=refused, **members)
    if remark:
        found.update(remark=remark)
    return found


TRAILING = lambda: gzip.compress(xml_bytes()) + b"\0\0garbage"
SEVERAL = lambda: gzip.compress(xml_bytes()[:500]) + gzip.compress(xml_bytes()[500:])
CUT = lambda: gzip.compress(xml_bytes() + b"<!-- " + random.Random(1).randbytes(4000).hex().encode() + b" -->")[:-2000]

# name: (what it does, bytes, what is expected)
QUIRKS = {
    "plain": ("nothing odd", xml_bytes, expect(repaired=False)),
    "rfc9990": ("the form of RFC 9990", lambda: feedback(
        attributes=' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"',
        policy="<policy_published><domain>example.com</domain><discovery_method>treewalk</discovery_method><p>reject</p><np>reject</np>"
               "<testing>y</testing></policy_published>",
        rows=row(disposition="pass") + row("2001:db8::1", "4")).encode(),
        expect(repaired=False, np="reject", testing="y", discovery_method="treewalk")),
    "extensions": ("elements that nobody knows", lambda: replaced(
        "</identifiers>", '</identifiers><x:ext xmlns:x="urn:x"><row><count>9</count></row></x:ext>'), expect(repaired=False)),
    "whole-zip": ("the whole mail is a zip", lambda: mail(part(zipped(xml_bytes()), "application/zip", "google.com!example.com!1!2.zip")), expect()),
    "zip-octet-stream": ("zip as octet-stream", lambda: attached(zipped(xml_bytes()), "application/octet-stream", NAME + ".zip"), expect()),
    "zip-x-compressed": ("zip as x-zip-compressed", lambda: attached(zipped(xml_bytes()), "application/x-zip-compressed", NAME + ".zip"), expect()),
    "zip-called-gzip": ("zip as gzip (GMX)", lambda: attached(zipped(xml_bytes()), "application/gzip", NAME + ".xml.gz"), expect()),
    "gzip-called-zip": ("gzip as zip", lambda: attached(gzip.compress(xml_bytes()), "application/zip", NAME + ".zip"), expect()),
    "zip-stored": ("a zip without compression", lambda: zipped(xml_bytes(), method=zipfile.ZIP_STORED), expect()),
    "zip-directory": ("a zip with a directory before the file", lambda: zip_with_directory(), expect()),
    "text-xml": ("plain XML as text/xml", lambda: mail(multipart([TEXT, part(xml_bytes(), "text/xml", NAME + ".xml", "8bit")])), expect()),
    "text-plain-xml": ("plain XML as text/plain", lambda: mail(multipart([TEXT, part(xml_bytes(), "text/plain", NAME + ".xml", "quoted-printable")])), expect()),
    "quoted-printable": ("XML in quoted-printable", lambda: mail(part(xml_bytes(), "text/xml", NAME + ".xml", "quoted-printable")), expect()),
    "nested": ("mixed in related in alternative, the report last", lambda: mail(multipart(
        [multipart([multipart([TEXT, part(b"<html><body>Report</body></html>", "text/html", encoding="7bit")], "multipart/alternative", "=_c")],
                   "multipart/related", "=_d"), part(gzip.compress(xml_bytes()), "application/gzip", NAME + ".xml.gz")])), expect()),
    "gzip-trailing": ("bytes after gzip", TRAILING, repaired("bytes after the end of gzip")),
    "gzip-members": ("gzip with several members", SEVERAL, repaired("several members")),
    "gzip-truncated": ("gzip that ends early", CUT, repaired("ends early")),
    "subject-encoded": ("an encoded subject", lambda: attached(
        gzip.compress(xml_bytes()), subject="=?utf-8?B?UmVwb3J0?= =?utf-8?B?IERvbWFpbg==?="), expect()),
    "subject-braces": ("a subject with braces and ;", lambda: attached(
        gzip.compress(xml_bytes()), subject="Dmarc Aggregate Report Domain: {example.com}  Submitter: {x}; Report-ID: {1}"), expect()),
    "no-prolog": ("no XML declaration", lambda: feedback(prolog="").encode(), expect(repaired=False)),
    "bom": ("a byte order mark", lambda: b"\xef\xbb\xbf" + xml_bytes(), expect(repaired=False)),
    "blanks-first": ("blanks before the declaration", lambda: b"\n\n " + xml_bytes(), repaired("not well-formed")),
    "latin1-as-utf8": ("bytes that are not UTF-8", lambda: feedback(meta=metadata("Caf\xe9 M\xfcller")).encode("latin-1"), repaired("not UTF-8")),
    "declared-utf16": ("UTF-8 that is declared as UTF-16", lambda: feedback(prolog='<?xml version="1.0" encoding="utf-16"?>\n').encode(), expect()),
    "declared-odd": ("an encoding that nobody knows", lambda: feedback(prolog='<?xml version="1.0" encoding="x-none"?>\n').encode(), expect()),
    "utf16": ("UTF-16 with a byte order mark", lambda: feedback(prolog='<?xml version="1.0" encoding="utf-16"?>\n').encode("utf-16"), expect(repaired=False)),
    "stray-schema": ("an open xs:schema tag before the root (IKEA)", lambda: feedback(
        prolog='<?xml version="1.0"?> <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="x">\n').encode(), repaired("not well-formed")),
    "no-end-auth-results": ("no </auth_results>", lambda: without_end("auth_results"), repaired("not well-formed")),
    "no-end-record": ("no </record>", lambda: without_end("record"), repaired("not well-formed")),
    "no-end-feedback": ("no </feedback>", lambda: without_end("feedback"), repaired("not well-formed")),
    "bad-ampersand": ("a bare &", lambda: feedback(meta=metadata("AT&T Mail")).encode(), repaired("not well-formed")),
    "bad-email": ("an address in <> as a tag", lambda: feedback(meta=metadata(email="<bad@x.example>")).encode(), repaired("not well-formed")),
    "truncated": ("cut in the second record", lambda: xml_bytes()[:xml_bytes().rindex(b"4</count>")], repaired(
        "not well-formed", rows=1, messages=3, rows_refused=1)),
    "control-character": ("a control character", lambda: feedback(meta=metadata("evil\x1b[31mred")).encode(), repaired("replaced", clean=True)),
    "bidi": ("characters that turn the direction", lambda: feedback(meta=metadata("evil\u202egpj.exe\u0085\u2066")).encode(), expect(clean=True)),
    "default-namespace": ("a default namespace", lambda: feedback(attributes=' xmlns="http://dmarc.org/dmarc-xml/0.1"').encode(), expect(repaired=False)),
    "prefix": ("a prefix for every element", lambda: prefixed(), expect(repaired=False)),
    "namespace-of-parts": ("a namespace on parts, not on the root", lambda: feedback().replace("<record>", '<record xmlns="%s">' % SPACE).encode(), expect(repaired=False)),
    "extension-names": ("extensions whose elements have our names", lambda: spaced('<count>3', '<x:count>999</x:count><count>3').replace(
        b"</feedback>", b"<x:record><x:row><x:source_ip>1.2.3.4</x:source_ip><x:count>50</x:count></x:row></x:record></feedback>"), expect(repaired=False)),
    "extension-in-row": ("an extension within a record", lambda: spaced(
        "</record>", "<x:extension><x:count>999</x:count><x:source_ip>1.2.3.4</x:source_ip></x:extension></record>"), expect(repaired=False)),
    "schema-instance": ("attributes of XML Schema (Microsoft)", lambda: feedback(
        attributes=' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="x.xsd"').encode(),
        expect(repaired=False)),
    "cdata": ("texts as CDATA", lambda: feedback(meta=metadata("<![CDATA[comcast.net]]>")).encode(), expect(org_name="comcast.net", repaired=False)),
    "comments": ("comments and a style sheet", lambda: feedback(prolog='<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="x.xsl"?>').replace(
        "<count>3", "<!-- a --><count><!-- b -->3").encode(), expect(repaired=False)),
    "count-separator": ("a count with a separator", lambda: feedback(rows=row() + row(count="1,003")).encode(), one_row("invalid count", 1)),
    "name-in-pieces": ("a file name in pieces (RFC 2231)", lambda: mail(multipart([TEXT, (
        b'Content-Type: application/gzip\nContent-Disposition: attachment;\n filename*0="receiver.example!example.com!1764201600";\n'
        b' filename*1="!1764287999.xml.gz"\nContent-Transfer-Encoding: base64\n\n') + base64.encodebytes(gzip.compress(xml_bytes()))])), expect()),
    "list-footer": ("a footer after base64", lambda: mail(
        part(gzip.compress(xml_bytes()), "application/gzip", NAME + ".xml.gz") + b"\n-- \nthe list's footer\n"), expect()),
    "zip64": ("a zip64", lambda: zipped_large(xml_bytes()), expect()),
    "version-draft": ("version is draft", lambda: feedback(version="<version>draft</version>").encode(), expect(version="draft")),
    "version-2": ("version is 2.0", lambda: feedback(version="<version>2.0</version>").encode(), expect(version="2.0")),
    "version-absent": ("no version", lambda: feedback(version="").encode(), expect(version=None)),
    "order": ("policy and metadata after the records", lambda: ("<feedback>" + ROWS + POLICY + metadata() + "</feedback>").encode(), expect(repaired=False)),
    "identities": ("identities for identifiers", lambda: feedback().replace("identifiers>", "identities>").encode(), expect(repaired=False)),
    "policy-twice": ("policy_published twice", lambda: feedback(policy=POLICY + POLICY.replace("example.com", "other.example")).encode(), expect(domain="example.com")),
    "errors": ("several errors", lambda: feedback(meta=metadata(extra="<error>one</error><error>two</error>")).encode(), expect(errors=["one", "two"])),
    "attributes": ("attributes on text", lambda: replaced("<email>", '<email lang="en" type="x">'), expect(email="dmarc@receiver.example")),
    "org-empty": ("org_name is empty", lambda: feedback(meta=metadata("", "x@mail.receiver.example")).encode(), repaired("org_name is empty", org_name="mail.receiver.example")),
    "org-of-name": ("neither org_name nor email", lambda: attached(gzip.compress(feedback(meta=metadata("", "")).encode())), repaired(
        "org_name is empty", org_name="receiver.example")),
    "id-brackets": ("report_id in <>, with blanks", lambda: feedback(meta=metadata(ident=" &lt;a b@c&gt; ")).encode(), expect(report_id="a b@c")),
    "id-missing": ("no report_id", lambda: feedback(meta=metadata(ident="")).encode(), repaired("report_id is missing", report_id_starts="sha256:")),
    "time-decimals": ("times with decimals", lambda: feedback(meta=metadata(begin="%d.0" % BEGIN, end="%d.5" % END)).encode(), repaired("begin was written", begin="2025-11-27T00:00:00Z")),
    "time-ms": ("times in milliseconds", lambda: feedback(meta=metadata(begin=BEGIN * 1000, end=END * 1000)).encode(), repaired("begin was written", begin="2025-11-27T00:00:00Z")),
    "time-iso": ("times as RFC 3339", lambda: feedback(meta=metadata(begin="2025-11-27T01:00:00+01:00", end="2025-11-27 23:59:59")).encode(), repaired(
        "begin was written", begin="2025-11-27T00:00:00Z", end="2025-11-27T23:59:59Z")),
    "time-backwards": ("end before begin", lambda: feedback(meta=metadata(begin=END, end=BEGIN)).encode(), expect(remark="ends before it begins")),
    "time-empty": ("an empty range", lambda: feedback(meta=metadata(end=BEGIN)).encode(), expect(remark="range is empty")),
    "time-week": ("a week", lambda: feedback(meta=metadata(begin=END - 7 * 86400)).encode(), expect(remark="168 hours")),
    "time-long": ("two months", lambda: feedback(meta=metadata(begin=END - 60 * 86400)).encode(), expect(remark="over 32 days")),
    "time-old": ("before 2012", lambda: feedback(meta=metadata(begin=100, end=200)).encode(), expect(remark="before DMARC")),
    "time-future": ("in the future", lambda: feedback(meta=metadata(begin=4000000000, end=4000003600)).encode(), expect(remark="in the future")),
    "time-words": ("a time that is none", lambda: feedback(meta=metadata(begin="yesterday")).encode(), repaired("is not a time", begin=None)),
    "policy-upper": ("policy words in upper case", lambda: replaced("<p>none</p>", "<p>REJECT</p>"), expect(p="reject", repaired=False)),
    "policy-empty": ("an empty policy word", lambda: replaced("<p>none</p>", "<p></p>"), repaired('p "" is read as "none"', p="none")),
    "policy-unspecified": ("a policy word that nobody knows", lambda: replaced("<sp>none</sp>", "<sp>unspecified</sp>"), repaired('sp "unspecified"', sp="none")),
    "result-case": ("results in mixed case", lambda: feedback(rows=ROWS.replace("pass", "Pass").replace("fail", "FAIL")).encode(), expect(repaired=False)),
    "result-hardfail": ("hardfail", lambda: replaced("<result>fail</result>", "<result>hardfail</result>"), expect(spf={"result": "fail", "raw": "hardfail"})),
    "result-unknown": ("unknown", lambda: replaced("<result>pass</result>", "<result>unknown</result>"), expect(dkim={"result": "none", "raw": "unknown"})),
    "result-error": ("error", lambda: replaced("<result>fail</result>", "<result>error</result>"), expect(spf={"result": "temperror", "raw": "error"})),
    "aligned-softfail": ("softfail in policy_evaluated", lambda: feedback(rows=row(spf="softfail") + row("2001:db8::1", "4")).encode(), repaired('"softfail" is read as "fail"')),
    "reason-empty": ("a reason without type and comment", lambda: feedback(rows=row(extra="<reason><type></type><comment></comment></reason>") + row("2001:db8::1", "4")).encode(),
                     expect(reason={"type": "other", "comment": None})),
    "reason-arc": ("reasons with arc=pass", lambda: feedback(rows=row(
        extra="<reason><type>local_policy</type><comment>arc=pass as[1].d=x.example</comment></reason><reason><type>mailing_list</type></reason>")
        + row("2001:db8::1", "4")).encode(), expect(reason={"type": "local_policy", "arc": "pass"})),
    "reason-words": ("a reason of nobody's list", lambda: feedback(rows=row(extra="<reason><type>SPF/DKIM</type></reason>") + row("2001:db8::1", "4")).encode(),
                     expect(reason={"type": "other", "comment": "SPF/DKIM"})),
    "reason-old": ("reasons of RFC 7489", lambda: feedback(rows=row(extra="<reason><type>sampled_out</type></reason>") + row("2001:db8::1", "4")).encode(),
                   expect(reason={"type": "sampled_out"})),
    "null-report": ("count 0 and no address", lambda: feedback(rows=row("", "0")).encode(), expect(rows=1, messages=0, repaired=False)),
    "no-rows": ("no record at all", lambda: feedback(rows="").encode(), expect(rows=0, messages=0)),
    "count-huge": ("a huge count", lambda: feedback(rows=row() + row(count="99999999999999999999")).encode(), one_row("invalid count", 1)),
    "count-negative": ("a negative count", lambda: feedback(rows=row() + row(count="-4")).encode(), one_row("invalid count", 1)),
    "count-words": ("a count that is no number", lambda: feedback(rows=row() + row(count="many")).encode(), one_row("invalid count", 1)),
    "all-refused": ("no row can be used", lambda: feedback(rows=row(count="many")).encode(), unreadable("none of its 1 rows can be used")),
    "ip-slash": ("an address with /32", lambda: feedback(rows=row("192.0.2.1/32") + row("2001:db8::1/128", "4")).encode(), repaired("was written", source="192.0.2.1")),
    "ip-brackets": ("an address in brackets, with blanks", lambda: feedback(rows=row(" [192.0.2.1] ") + row("[IPv6:2001:DB8::1]", "4")).encode(), repaired("was written", source="192.0.2.1")),
    "ip-mapped": ("a mapped IPv4 address", lambda: feedback(rows=row("::ffff:192.0.2.1") + row("2001:db8:0:0::1", "4")).encode(), repaired("was written", source="192.0.2.1")),
    "ip-words": ("an address that is none", lambda: feedback(rows=row() + row("mail.example.com")).encode(), one_row("invalid source_ip", 1)),
    "results-empty": ("auth_results is empty", lambda: feedback(rows=row(results="") + row("2001:db8::1", "4", results="")).encode(), expect(repaired=False)),
    "dkim-empty": ("a DKIM result without domain and selector", lambda: replaced("<domain>example.com</domain><selector>s1</selector>", "<domain></domain>"),
                   expect(dkim={"domain": None, "selector": None}, remark="no selector")),
    "dkim-none": ("a DKIM domain with result none", lambda: replaced("<result>pass</result>", "<result>none</result>"), expect(dkim={"result": "none", "domain": "example.com"})),
    "spf-twice": ("SPF for helo and mfrom", lambda: replaced(
        "<spf><domain>bounce.example.com</domain>", "<spf><domain>mx.example.com</domain><scope>helo</scope><result>none</result></spf><spf><domain>bounce.example.com</domain>"),
        expect(spf={"scope": "mfrom"})),
    "envelope-missing": ("no envelope_from", lambda: replaced("<envelope_from>bounce.example.com</envelope_from>", ""), expect(envelope_from=None)),
    "envelope-empty": ("an empty envelope_from", lambda: replaced("<envelope_from>bounce.example.com</envelope_from>", "<envelope_from/>"), expect(envelope_from=None)),
    "domain-case": ("a domain in upper case with a dot", lambda: replaced("<domain>example.com</domain><adkim>", "<domain>EXAMPLE.Com.</domain><adkim>"), expect(domain="example.com")),
    "domain-unicode": ("a domain in Unicode", lambda: replaced("<header_from>example.com<", "<header_from>b\u00fccher.example<"), expect(header_from="xn--bcher-kva.example")),
    "unused": ("the word unused (Yahoo)", lambda: mail(b"Content-Type: text/plain\n\nunused\n"), unreadable('which begins "unused"')),
    "unused-attached": ("the word unused in gzip", lambda: attached(gzip.compress(b"unused")), unreadable("neither XML nor JSON")),
    "html": ("an HTML error page", lambda: attached(b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "application/xml", NAME + ".xml"), unreadable("HTML page")),
    "html-late": ("XHTML in place of a report", lambda: b'<?xml version="1.0"?><html><body>502</body></html>', unreadable('root element is "html"')),
    "empty": ("an empty file", lambda: b"", unreadable("it is empty")),
    "empty-attached": ("an empty attachment", lambda: attached(b""), unreadable("it is empty")),
    "no-domain": ("no policy domain", lambda: feedback(policy="").encode(), unreadable("does not name a policy domain")),
    "gzip-in-zip": ("gzip in zip", lambda: zipped(gzip.compress(xml_bytes()), NAME + ".xml.gz"), unreadable("compressed file within")),
    "doctype": ("a document type", lambda: feedback(prolog='<!DOCTYPE feedback SYSTEM "file:///etc/passwd">').encode(), unreadable("document type declaration")),
    "two-reports": ("two reports in one mail", lambda: mail(multipart([TEXT, part(gzip.compress(xml_bytes()), "application/gzip", NAME + ".xml.gz"), part(
        zipped(feedback(meta=metadata(ident="2")).encode()), "application/zip", NAME + ".zip")])), expect(reports=2)),
    "mailbox-line": ("a From line before the mail", lambda: b"From dmarc@receiver.example Fri Nov 28 00:10:00 2025\n" + attached(gzip.compress(xml_bytes())), expect()),
    "crlf": ("CRLF line ends", lambda: attached(gzip.compress(xml_bytes())).replace(b"\n", b"\r\n"), expect()),
    # TLS reports
    "tls": ("a TLS report", lambda: dumped(tls()), tls_ok(repaired=False)),
    "tls-mail": ("a TLS report as RFC 8460 has it mailed", lambda: mail(multipart([TEXT, part(
        gzip.compress(dumped(tls())), "application/tlsrpt+gzip", NAME + ".json.gz")], "multipart/report", extra="; report-type=tlsrpt")), tls_ok()),
    "tls-octet-stream": ("as octet-stream", lambda: attached(gzip.compress(dumped(tls())), "application/octet-stream", "x.bin"), tls_ok()),
    "tls-json-type": ("as application/json", lambda: attached(dumped(tls()), "application/json", NAME + ".json"), tls_ok()),
    "tls-bom": ("a byte order mark", lambda: b"\xef\xbb\xbf" + dumped(tls()), tls_ok()),
    "tls-no-zone": ("times without a zone (Microsoft)", lambda: dumped(tls(date_range={"start-datetime": "2025-11-27T00:00:00", "end-datetime": "2025-11-27T23:59:59"})), tls_ok(
        repaired=True, remark="UTC is assumed", begin="2025-11-27T00:00:00Z")),
    "tls-no-contact": ("contact-info is null", lambda: dumped(tls(contact_info=None)), tls_ok(repaired=True, remark="contact-info is missing")),
    "tls-no-hosts": ("no sending-mta-ip and receiving-mx-hostname", lambda: dumped(tls([dict(
        tls_policy(), **{"failure-details": [{"result-type": "sts-policy-fetch-error", "failed-session-count": 2}]})])), tls_ok()),
    "tls-sums": ("failure-details that do not add up (Mail.ru)", lambda: dumped(tls([tls_policy(summary__total_failure_session_count=1)])), tls_ok(
        failed_sessions=1, remark="add up to 2, the summary has 1")),
    "tls-no-domain": ("no policy-domain", lambda: dumped(tls([tls_policy(policy__policy_domain=None)])), tls_ok(repaired=True, remark="policy-domain is missing")),
    "tls-no-policies": ("policies is empty", lambda: dumped(tls([])), tls_ok(successful_sessions=0, failed_sessions=0, remark="names no policy")),
    "tls-string": ("policy-string as one text with line ends", lambda: dumped(tls([tls_policy(policy__policy_string="version: STSv1\nmode: enforce\n")])), tls_ok(
        policy_string="version: STSv1; mode: enforce")),
    "tls-mx-pattern": ("mx-host-pattern as a text", lambda: dumped(tls([tls_policy(policy__mx_host=None, policy__mx_host_pattern="*.example.com")])), tls_ok(mx_host="*.example.com")),
    "tls-id-colon": ("a report-id with colons", lambda: dumped(tls(report_id="2025-11-27T00:00:00Z_example.com")), tls_ok(report_id="2025-11-27T00:00:00Z_example.com")),
    "tls-unknown": ("unknown members", lambda: dumped(tls(x_extra={"a": [1, 2]})), tls_ok(repaired=False)),
    "tls-twice": ("a member twice", lambda: b'{"policies":[],"policies":[],"date-range":{}}', unreadable("duplicate")),
    "tls-other": ("JSON that is no report", lambda: b'{"hello":"world"}', unreadable("no policies and date-range")),
    "tls-controls": ("control characters", lambda: dumped(tls(organization_name="a\x1b[2Jb\u0000c\u202e")), {"kind": "unreadable"}),
    "tls-escapes": ("escapes for a terminal", lambda: dumped(tls(organization_name="a\x1b[2Jb\u202ec")), tls_ok(clean=True)),
    # reports about one message
    "abuse": ("a complaint", lambda: arf(FULL), {"kind": "complaint", "feedback_type": "abuse", "source_ip": "192.0.2.7", "message_id": "orig@example.com",
                                                "header_from": "example.com", "cfbl_feedback_id": "20251127:abc", "repaired": False}),
    "abuse-thin": ("three fields (Microsoft)", lambda: arf(ABUSE, COPY.replace(b"From: Bob", b"X-Originating-IP: [192.0.2.99]\nFrom: Bob")), {
        "kind": "complaint", "source_ip": "192.0.2.99", "remark": "X-Originating-IP", "arrival_date": "2025-11-27T10:00:00Z"}),
    "abuse-thin-received": ("three fields, the client in Received", lambda: arf(ABUSE, COPY.replace(b"[192.0.2.7]", b"[10.0.0.1] [198.51.100.7]")), {
        "kind": "complaint", "source_ip": "198.51.100.7", "remark": "from Received"}),
    "abuse-headers": ("text/rfc822-headers", lambda: arf(FULL, COPY.split(b"\n\n")[0] + b"\n", "text/rfc822-headers"), {"kind": "complaint", "message_id": "orig@example.com"}),
    "abuse-received-date": ("Received-Date for Arrival-Date", lambda: arf([(("Received-Date", v) if k == "Arrival-Date" else (k, v)) for k, v in FULL]), {
        "kind": "complaint", "arrival_date": "2025-11-27T10:00:00Z"}),
    "abuse-both-dates": ("both", lambda: arf(FULL + [("Received-Date", "Thu, 27 Nov 2025 10:00:00 +0000")]), unreadable("both Arrival-Date and Received-Date")),
    "abuse-type-twice": ("Feedback-Type twice", lambda: arf(FULL + [("Feedback-Type", "fraud")]), unreadable("Feedback-Type 2 times")),
    "abuse-no-type": ("no Feedback-Type", lambda: arf(FULL[1:]), unreadable("no Feedback-Type")),
    "abuse-no-copy": ("no third part", lambda: arf(FULL, None), {"kind": "complaint", "repaired": True, "remark": "no header of the message"}),
    "abuse-incidents": ("Incidents", lambda: arf(FULL + [("Incidents", "12 (since Monday)")]), {"kind": "complaint", "incidents": 12}),
    "not-spam": ("a message that is no spam", lambda: arf([("Feedback-Type", "not-spam")] + FULL[1:]), {"kind": "complaint", "feedback_type": "not-spam"}),
    "dmarc-failure": ("a failure report", lambda: arf(AUTH), {"kind": "failure", "auth_failure": "dmarc", "identity_alignment": "dkim, spf",
                                                            "delivery_result": "reject", "dkim_selector": "s1", "repaired": False}),
    "failure-base64": ("feedback-report in base64 (NetEase)", lambda: arf(AUTH, encoding="base64"), {"kind": "failure", "auth_failure": "dmarc"}),
    "failure-comment": ("Source-IP with a comment (OpenDMARC)", lambda: arf([(k, "192.0.2.7 (out.example.com)" if k == "Source-IP" else v) for k, v in AUTH]), {
        "kind": "failure", "source_ip": "192.0.2.7"}),
    "failure-no-date": ("no Arrival-Date", lambda: arf([f for f in AUTH if f[0] != "Arrival-Date"], COPY[COPY.index(b"DKIM-"):]), {
        "kind": "failure", "arrival_date": "2025-11-28T00:10:00Z", "remark": "Date of the report"}),
    "failure-no-alignment": ("no Identity-Alignment", lambda: arf([f for f in AUTH if f[0] != "Identity-Alignment"]), {"kind": "failure", "remark": "no Identity-Alignment"}),
    "failure-text": ("a text alone (Exim)", lambda: mail(b"Content-Type: text/plain\n\n" + EXIM, "DMARC Forensic Report for example.com"), {
        "kind": "failure", "repaired": True, "source_ip": "192.0.2.66", "identity_alignment": "dkim, spf", "message_id": "orig@example.com"}),
    "failure-crlf": ("CRLF line ends", lambda: arf(AUTH).replace(b"\n", b"\r\n"), {"kind": "failure", "dkim_domain": "example.com"}),
    "failure-controls": ("escapes for a terminal", lambda: arf([(k, "Gen\x1b]0;x\x07/1.0" if k == "User-Agent" else v) for k, v in AUTH]), {"kind": "failure", "clean": True}),
    "bounce": ("a bounce of a report", lambda: mail(multipart([TEXT, b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; "
                                                             b"x@y.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no such user\n",
                                                             b"Content-Type: message/rfc822\n\n" + attached(gzip.compress(xml_bytes()))],
                                                            "multipart/report", extra="; report-type=delivery-status"), "Undelivered"),
               {"kind": "bounce", "bounce": "permanent", "status": "5.1.1", "text": "550 no such user"}),
}


def zip_with_directory():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("reports/", b"")
        file.writestr("reports/" + NAME + ".xml", xml_bytes())
    return out.getvalue()


def prefixed():
    text = feedback(prolog="")
    return PROLOG.encode() + text.replace("</", "\0").replace("<", "<d:").replace("\0", "</d:").replace(
        "<d:feedback", '<d:feedback xmlns:d="urn:ietf:params:xml:ns:dmarc-2.0"').encode()


SPACE = "urn:ietf:params:xml:ns:dmarc-2.0"


def spaced(old, new):
    return feedback(attributes=' xmlns="%s" xmlns:x="urn:x"' % SPACE).replace(old, new, 1).encode()


def zipped_large(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file, file.open(NAME + ".xml", "w", force_zip64=True) as one:
        one.write(data)
    return out.getvalue()


# ---- much ----

def many(count, directory, seed):
    chance = random.Random(seed)
    names = sorted(QUIRKS)
    messages = read = 0
    for i in range(count):
        if chance.random() < 0.7:
            rows = [(chance.randrange(1, 50), chance.randrange(256), chance.choice(("pass", "fail"))) for _ in range(chance.choice((1, 1, 2, 3, 20)))]
            text = feedback("".join(row("192.0.2.%d" % ip, str(n), dkim=dkim) for n, ip, dkim in rows), metadata(ident="r%d" % i)).encode()
            data = chance.choice((lambda: attached(gzip.compress(text, 1)), lambda: mail(part(zipped(text), "application/zip", NAME + ".zip")), lambda: text))()
            messages += sum(n for n, _, _ in rows)
            read += 1
        else:
            name = chance.choice(names)
            data, found = QUIRKS[name][1](), QUIRKS[name][2]
            messages += found.get("messages", 0) * found.get("reports", 1)
            read += found["kind"] != "unreadable"
        with open("%s/%06d" % (directory, i), "wb") as file:
            file.write(data)
    with open(directory + ".sum", "w") as file:
        file.write("%d %d\n" % (messages, read))


def big(rows, size, path):
    text = feedback("".join(row("192.0.%d.%d" % (i >> 8 & 255, i & 255), str(i % 7 + 1)) for i in range(rows))).encode()
    missing = max(0, size - len(text)) // rows + 1
    text = text.replace(b"  </record>", b" " * missing + b"  </record>")
    with (gzip.open if path.endswith(".gz") else open)(path, "wb") as file:
        file.write(text)


# ---- bombs ----

def zeros(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(out) + packer.flush()


def zip_overlap():
    """Entries of the central directory that share one body."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = body.compress(bytes(10 << 20)) + body.flush()
    crc = zlib.crc32(bytes(10 << 20))
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(data), 10 << 20, 1, 0) + b"a" + data
    central = b"".join(struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(data), 10 << 20, 1, 0, 0, 0, 0, 0, 0) + b"a" for _ in range(5000))
    return local + central + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 5000, 5000, len(central), len(local), 0)


def entities():
    lines = ["<!ENTITY a0 'ha'>"] + ["<!ENTITY a%d '%s'>" % (i, ("&a%d;" % (i - 1)) * 10) for i in range(1, 12)]
    return "<?xml version='1.0'?><!DOCTYPE feedback [%s]><feedback><report_metadata><org_name>&a11;</org_name></report_metadata></feedback>" % "".join(lines)


def nested_mime(levels):
    head = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (i, i) for i in range(levels))
    return mail(head + b"Content-Type: text/plain\n\nhello\n")


BOMBS = {
    "gzip": lambda: zeros(160 << 20),
    "gzip-blanks": lambda: gzip.compress(b"<feedback>" + b" " * (100 << 20) + b"</feedback>", 1),
    "gzip-rows": lambda: gzip.compress(b"<feedback>" + b"<record>" * (4 << 20)),
    "zip": lambda: zipped(bytes(100 << 20)),
    "zip-overlap": zip_overlap,
    "entities": lambda: entities().encode(),
    "external": lambda: b'<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>',
    "xml-deep": lambda: b"<feedback>" + b"<a>" * 1000000,
    "json-deep": lambda: b'{"policies":' + b"[" * 1000000,
    "json-wide": lambda: b'{"policies":[' + b"[]," * 1300000 + b"[]]}",
    "mime-deep": lambda: nested_mime(5000),
    "mime-wide": lambda: mail(multipart([b"\nx"] * 50000)),
}


def main(words):
    if words[:1] == ["quirks"]:
        for name, (what, _, found) in QUIRKS.items():
            print("%s\t%s\t%s" % (name, found["kind"], what))
    elif words[:1] == ["make"]:
        data = QUIRKS[words[1]][1]()
        if len(words) > 2:
            with open(words[2], "wb") as file:
                file.write(data)
        else:
            sys.stdout.buffer.write(data)
    elif words[:1] == ["all"]:  # every switch as a file in a directory
        for name in QUIRKS:
            with open("%s/%s" % (words[1], name), "wb") as file:
                file.write(QUIRKS[name][1]())
    elif words[:1] == ["expect"]:
        print(json.dumps(QUIRKS[words[1]][2]))
    elif words[:1] == ["many"]:
        many(int(words[1]), words[2], int(words[3]) if len(words) > 3 else 1)
    elif words[:1] == ["big"]:
        big(int(words[1]), int(words[2]), words[3])
    elif words[:1] == ["bomb"]:
        with open(words[2], "wb") as file:
            file.write(BOMBS[words[1]]())
    elif words[:1] == ["bombs"]:  # each as a file in a directory
        for name in BOMBS:
            with open("%s/%s" % (words[1], name), "wb") as file:
                file.write(BOMBS[name]())
    else:
        print(__doc__)
        return 64 if words else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
