#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A list manager: takes a message on standard input and sends it on as a list does, with a tag in the subject, a footer,
a List-Id and VERP. Usage: list.py PORT LIST@DOMAIN RECIPIENT [munge|strip]; munge puts the list's address into From,
strip removes Authentication-Results."""
import email, email.policy, smtplib, sys
from email.utils import formataddr, parseaddr

port, address, recipient = int(sys.argv[1]), sys.argv[2], sys.argv[3]
name, domain = address.split("@")
mode = sys.argv[4] if len(sys.argv) > 4 else ""
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.compat32)
subject = message["Subject"]
del message["Subject"]
message["Subject"] = "[%s] %s" % (name, subject)
if mode == "munge":
    author = parseaddr(message["From"])
    del message["From"]
    message["From"] = formataddr(("%s via %s" % (author[0] or author[1], name), address))
if mode == "strip":
    del message["Authentication-Results"]
message["List-Id"] = "<%s.%s>" % (name, domain)
message["Precedence"] = "list"
message.set_payload(message.get_payload() + "-- \nhttps://%s/%s\n" % (domain, name))
with smtplib.SMTP("127.0.0.1", port) as smtp:
    verp = "%s-bounces+%s@%s" % (name, recipient.replace("@", "="), domain)
    smtp.sendmail(verp, [recipient], message.as_bytes(policy=email.policy.SMTP.clone(max_line_length=0)))
