#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sends the messages of a table through a Postfix and looks at what became of each.

    spoofs.py PORT MAILDIR TABLE SIGNMSG KEYS

A line of TABLE is "KIND<TAB>WAYS<TAB>HEADER[<TAB>TOP[<TAB>BODY]]", with \\n for CRLF and \\xNN for a byte.
$V is an address of victim.test, $E one of evil.test. KIND: "spoof" must not pass as victim.test, "legit"
must pass as it, "own" may pass as evil.test. Each of WAYS makes one message, in the words below. TOP is put
above the header once that is signed, BODY takes the place of the body.

Whatever the kind: a message that says dmarc=pass shows no other domain in From to any of the four readers
of from_readers.py, and has one Authentication-Results field of this host. KEYS has a file for each signing
domain. TAP on standard output.
"""
import glob
import os
import re
import smtplib
import socket
import subprocess
import sys
import time

import from_readers

EVIL, VICTIM = "203.0.113.66", "198.51.100.25"
BODY = b"Hello,\r\n\r\nplease pay.\r\n"

# way -> client, HELO, MAIL FROM, who signs (domain of the key, domain of d=, options of signmsg)
WAYS = {
    "spf": (EVIL, "mx.evil.test", "<x@evil.test>", None),
    "dkim": (EVIL, "mx.evil.test", "<x@evil.test>", ("evil.test", "evil.test", [])),
    "bounce": (EVIL, "mx.evil.test", "<>", None),
    "claim": (EVIL, "mx.evil.test", "<x@evil.test>", ("evil.test", "victim.test", [])),
    "parent": (EVIL, "mx.evil.test", "<x@evil.test>", ("evil.test", "test", [])),
    "replay": (EVIL, "mx.evil.test", "<x@evil.test>", ("victim.test", "victim.test", [])),
    "envelope": (EVIL, "mx.evil.test", "<bob@victim.test>", None),
    "helo": (EVIL, "mail.victim.test", "<>", None),
    "helo-literal": (EVIL, "[198.51.100.25]", "<x@evil.test>", None),
    "route": (EVIL, "mx.evil.test", "<@victim.test:x@evil.test>", None),
    "route-back": (EVIL, "mx.evil.test", "<@evil.test:bob@victim.test>", None),
    "quoted": (EVIL, "mx.evil.test", "<\"bob@victim.test\"@evil.test>", None),
    "percent": (EVIL, "mx.evil.test", "<bob%victim.test@evil.test>", None),
    "below": (EVIL, "mx.evil.test", "<x@victim.test.evil.test>", None),
    "victim": (VICTIM, "mail.victim.test", "<bob@victim.test>", None),
    "victim-dkim": (VICTIM, "mail.victim.test", "<bob@victim.test>", ("victim.test", "victim.test", [])),
    "forwarded": (EVIL, "mx.evil.test", "<x@evil.test>", ("victim.test", "victim.test", [])),
}


def unescape(text):
    def one(match):
        return b"\r\n" if match.group(1) == b"n" else bytes([int(match.group(2), 16)])

    text = text.replace("$V", "bob@victim.test").replace("$E", "x@evil.test")
    return re.sub(rb"\\(?:(n)|x([0-9a-f]{2}))", one, text.encode())


def sign(message, program, keys, signer):
    """MESSAGE with a signature on top; as it is where the signer finds no From in it."""
    key, domain, options = signer
    done = subprocess.run([program] + options + [keys + "/" + key, domain, "sel1"], input=message, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    field = re.match(rb"DKIM-Signature:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*", done.stdout)
    return field.group(0) + message if field else message


def say(server, line):
    server.send(line + b"\r\n")
    return server.getreply()


def send(port, way, message):
    """The reply to the message, or to the command that was refused."""
    client, helo, sender, _ = WAYS[way]
    server = smtplib.SMTP("127.0.0.1", port, "tester.test", timeout=60)
    server.ehlo()
    say(server, b"XCLIENT ADDR=%s NAME=%s" % (client.encode(), b"[UNAVAILABLE]"))
    reply = None
    for line in (b"EHLO " + helo.encode(), b"MAIL FROM:" + sender.encode(), b"RCPT TO:<alice@example.com>", b"DATA"):
        reply = say(server, line)
        if reply[0] >= 400:
            server.close()
            return reply
    stuffed = re.sub(rb"(?m)^\.", b"..", message)
    server.send(stuffed + b".\r\n")
    reply = server.getreply()
    server.close()
    return reply


def fields_of(text):
    """(name, value) of a header as the loosest reader takes it: CR or LF alone end a line, too."""
    header = re.split(rb"\r?\n\r?\n", text, maxsplit=1)[0]
    lines = re.split(rb"\r\n|\r|\n", header)
    fields = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return [tuple(part for part in field.split(b":", 1)) for field in fields if b":" in field]


def named(fields, name):
    return [value for key, value in fields if key.strip(b" \t\0").lower() == name]


class Delivered:
    def __init__(self, maildir):
        self.maildir, self.files = maildir, {}

    def find(self, number):
        for _ in range(200):
            for path in set(glob.glob(self.maildir + "/new/*")) - set(self.files):
                text = open(path, "rb").read()
                mark = re.search(rb"case-(\d+)-end", text)
                self.files[path] = (int(mark.group(1)) if mark else 0, text)
            for case, text in self.files.values():
                if case == number:
                    return text
            time.sleep(0.05)
        return None


def objection(kind, reply, text, perl):
    """What is wrong with what became of a message, or None."""
    if reply[0] >= 400:
        return "refused: %d %s" % (reply[0], reply[1].decode()) if kind == "legit" else None
    if text is None:
        return "accepted and not delivered"
    fields = fields_of(text)
    results = [value for value in named(fields, b"authentication-results") if value.strip().startswith(b"mx.example.com")]
    if len(results) != 1:
        return "%d Authentication-Results fields of this host" % len(results)
    passed = re.search(rb"dmarc=pass[^;]*header\.from=([^\s;]+)", results[0])
    if passed is None:
        return "no dmarc=pass: " + results[0].decode(errors="replace") if kind == "legit" else None
    domain = passed.group(1).decode()
    if kind == "spoof" and (domain == "victim.test" or domain.endswith(".victim.test")):
        return "passes as " + domain
    if kind == "legit" and domain != "victim.test":
        return "passes as " + domain
    for value in named(fields, b"from"):
        for name, seen in from_readers.readings(value, perl).items():
            if seen - {domain}:
                return "passes as %s, and %s sees %s" % (domain, name, ",".join(sorted(seen)))
    return None


def messages(table, program, keys):
    number = 0
    for line in open(table):
        if line.startswith("#") or "\t" not in line:
            continue
        kind, ways, header, top, body = (line.rstrip("\n").split("\t") + ["", ""])[:5]
        for way in ways.split(","):
            number += 1
            mark = b"case-%d-end\r\n" % number
            message = unescape(header) + b"\r\nSubject: " + mark + b"\r\n" + BODY
            if WAYS[way][3] is not None:
                message = sign(message, program, keys, WAYS[way][3])
            if body:
                message = message.replace(BODY, unescape(body) + b"\r\n")
            if top:
                message = unescape(top) + b"\r\n" + message
            yield number, kind, way, line.split("\t")[2].rstrip("\n") + (" / " + top if top else ""), message


def main():
    port, maildir, table, program, keys = int(sys.argv[1]), *sys.argv[2:6]
    perl, delivered, failed, sent = from_readers.Perl(), Delivered(maildir), 0, []
    for number, kind, way, name, message in messages(table, program, keys):
        sent.append((number, kind, way, name, send(port, way, message)))
    for number, kind, way, name, reply in sent:
        text = delivered.find(number) if reply[0] < 400 else None
        wrong = objection(kind, reply, text, perl)
        failed += wrong is not None
        print("%s %d - %s by %s: %s" % ("ok" if wrong is None else "not ok", number, kind, way, name.replace("#", "\\#")))
        if wrong is not None:
            print("# " + wrong)
    count = len(sent)
    print("%s %d - %d messages were sent, at least 150" % ("ok" if count >= 150 else "not ok", count + 1, count))
    print("1..%d" % (count + 1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
