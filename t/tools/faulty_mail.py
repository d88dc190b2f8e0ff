#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mail servers with faults: faulty_mail.py FILE READY. Each line of FILE is ADDRESS PORT CERTIFICATE [flag...]: smtp unless
"imap" is among the flags. Others: implicit (TLS comes first), busy (554 at once), short (a name without a domain), notls, old (only
TLS 1.1), oldtoo (TLS 1.1, too), inject (what came before TLS counts within it), smuggle (LF . LF ends a message),
norcpt (no recipient is taken), broken (no TLS after STARTTLS). Makes READY when all listen; ends with its parent."""
import os
import socket
import ssl
import sys
import threading
import time


class Talk:
    def __init__(self, client, certificate, flags):
        self.client, self.flags, self.buffer = client, flags, b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if flags & {"old", "oldtoo"}:
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            self.context.minimum_version = ssl.TLSVersion.TLSv1
        if "old" in flags:
            self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.context.load_cert_chain(certificate, certificate.replace(".pem", ".key"))

    def say(self, *lines):
        self.client.sendall(b"".join(line.encode() + b"\r\n" for line in lines))

    def more(self):
        data = self.client.recv(4096)
        if not data:
            raise OSError
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def secure(self):
        if "broken" in self.flags:
            raise OSError
        if "inject" not in self.flags:
            self.buffer = b""
        self.client = self.context.wrap_socket(self.client, server_side=True)

    def message(self):
        self.say("354 go")
        ends = [b"\r\n.\r\n"] + ([b"\n.\n"] if "smuggle" in self.flags else [])
        while not any(end in self.buffer for end in ends):
            self.more()
        self.buffer = b""
        self.say("250 taken")

    def smtp(self):
        if "busy" in self.flags:
            return self.say("554 not now")
        self.say("220 " + ("mail" if "short" in self.flags else "mail.example.test") + " ESMTP")
        secure = "implicit" in self.flags
        while True:
            verb = self.line().split(" ")[0].upper()
            if verb == "EHLO":
                offers = [] if secure or "notls" in self.flags else ["250-STARTTLS"]
                self.say("250-" + ("mail" if "short" in self.flags else "mail.example.test"), *offers, "250-REQUIRETLS", "250 SIZE")
            elif verb == "STARTTLS":
                self.say("220 go")
                self.secure()
                secure = True
            elif verb == "DATA":
                self.message()
            elif verb == "RCPT" and "norcpt" in self.flags:
                self.say("450 later")
            elif verb == "QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")

    def imap(self):
        self.say("* OK here")
        while True:
            tag, verb = (self.line() + " ").split(" ")[:2]
            if verb.upper() == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1" + ("" if "notls" in self.flags else " STARTTLS"))
            self.say(tag + " OK done")
            if verb.upper() == "STARTTLS":
                self.secure()

    def run(self):
        self.client.settimeout(60)
        try:
            if "implicit" in self.flags:
                self.secure()
            self.imap() if "imap" in self.flags else self.smtp()
        except (OSError, ValueError):
            pass
        finally:
            self.client.close()


def accept(server, certificate, flags):
    while True:
        client = server.accept()[0]
        threading.Thread(target=Talk(client, certificate, flags).run, daemon=True).start()


for row in open(sys.argv[1]):
    address, port, certificate, *flags = row.split()
    server = socket.create_server((address, int(port)), backlog=64, family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    threading.Thread(target=accept, args=(server, certificate, set(flags)), daemon=True).start()
open(sys.argv[2], "w").close()
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.2)
