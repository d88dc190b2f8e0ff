#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A name server with each fault that name servers have: rude_dns.py ADDRESS ZONE MAIL. Ends with its parent.

NAME.ZONE has an MX record, mx.NAME.ZONE, with the address MAIL. To what is asked about _mta-sts.NAME.ZONE, mta-sts.NAME.ZONE
or TLSA it answers by NAME: servfail, refused, formerr, notimp, silent, garbage, short, cut, otherid, otherzone, empty, loop;
aaaa has SERVFAIL for addresses of IPv6 only, upward a referral to the root. Any other name is simply not there."""
import os
import signal
import socket
import struct
import sys
import threading

address, zone, mail = sys.argv[1:]
A, NS, CNAME, SOA, MX, TXT, AAAA, TLSA = 1, 2, 5, 6, 15, 16, 28, 52
CODES = {'formerr': 1, 'servfail': 2, 'notimp': 4, 'refused': 5}


def name(text):
    return b''.join(bytes([len(p)]) + p.encode() for p in text.split('.') if p) + b'\0'


def record(owner, kind, data):
    return name(owner) + struct.pack('>HHIH', kind, 1, 5, len(data)) + data


def message(ident, question, answers=(), authority=(), code=0, cut=False):
    flags = 0x8400 | code | (0x200 if cut else 0)
    return struct.pack('>HHHHHH', ident, flags, 1, len(answers), len(authority), 0) + question + b''.join(answers) + b''.join(authority)


def answer(query):
    ident = struct.unpack('>H', query[:2])[0]
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode('latin-1').lower())
        at += 1 + query[at]
    kind = struct.unpack('>H', query[at + 1:at + 3])[0]
    question, owner = query[12:at + 5], '.'.join(labels)
    soa = record(zone, SOA, name('ns.' + zone) + name('h.' + zone) + struct.pack('>IIIII', 1, 3600, 600, 86400, 5))
    inner = labels[:-len(zone.split('.'))]
    fault = inner[-1] if inner else ''
    special = kind == TLSA or inner[:1] == ['_mta-sts'] or inner[:1] == ['mta-sts']
    if fault == 'aaaa' and kind == AAAA:
        return message(ident, question, code=2)
    if special and fault in CODES:
        return message(ident, question, code=CODES[fault])
    if special and fault == 'silent':
        return None
    if special and fault == 'garbage':
        return query[:2] + os.urandom(60)
    if special and fault == 'short':
        return query[:7]
    if special and fault == 'cut':
        return message(ident, question, cut=True)
    if special and fault == 'otherid':
        return message(ident ^ 1, question, authority=[soa])
    if special and fault == 'otherzone':
        return message(ident, question, [record('_mta-sts.good.open', TXT, b'\x0ev=STSv1; id=9;')])
    if special and fault == 'empty':
        return message(ident, question)
    if special and fault == 'upward':
        return message(ident, question, authority=[record('.', NS, name('ns.root'))])
    if special and fault == 'loop':
        return message(ident, question, [record(owner, CNAME, name(owner))])
    if len(inner) == 1 and kind == MX:
        return message(ident, question, [record(owner, MX, struct.pack('>H', 10) + name('mx.' + owner))])
    if inner[:1] == ['mx'] and len(inner) == 2 and kind == A:
        return message(ident, question, [record(owner, A, socket.inet_aton(mail))])
    if owner == zone and kind == NS:
        return message(ident, question, [record(zone, NS, name('ns.' + zone))])
    return message(ident, question, authority=[soa])


def serve_tcp(server):
    while True:
        server.accept()[0].close()


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((address, 53))
threading.Thread(target=serve_tcp, args=(socket.create_server((address, 53)),), daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
parent = os.getppid()
udp.settimeout(0.5)
while os.getppid() == parent:
    try:
        query, client = udp.recvfrom(4096)
        reply = answer(query)
        if reply is not None:
            udp.sendto(reply, client)
    except (socket.timeout, struct.error, IndexError):
        pass
