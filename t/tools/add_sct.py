#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""add_sct.py CERT ISSUER LOG... >OUT: CERT.crt of ISSUER (.crt, .key) with a proof of each log LOG (.key), for tests.

The certificate is written again with the extension of RFC 6962 section 3.3 at its end. A LOG "x:future" signs a time to
come, "x:broken" signs something else."""
import base64
import hashlib
import subprocess
import sys
import time


def header(der, at=0):
    """(length of the header, length of the content)"""
    length = der[at + 1]
    if length < 128:
        return 2, length
    size = length & 127
    return 2 + size, int.from_bytes(der[at + 2:at + 2 + size], 'big')


def wrap(tag, content):
    n = len(content)
    size = bytes([n]) if n < 128 else (lambda b: bytes([128 | len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, 'big'))
    return bytes([tag]) + size + content


def items(content):
    out = []
    while content:
        head, length = header(content)
        out.append(content[:head + length])
        content = content[head + length:]
    return out


def inside(der):
    return der[header(der)[0]:]


def openssl(*args, given=None):
    return subprocess.run(['openssl', *args], input=given, capture_output=True, check=True).stdout


def sign(key, text):
    return openssl('dgst', '-sha256', '-sign', key + '.key', given=text)


def vector(text, size=2):
    return len(text).to_bytes(size, 'big') + text


cert, issuer, logs = sys.argv[1], sys.argv[2], sys.argv[3:]
tbs, algorithm, _ = items(inside(openssl('x509', '-in', cert + '.crt', '-outform', 'DER')))
spki = openssl('pkey', '-pubin', '-outform', 'DER', given=openssl('x509', '-in', issuer + '.crt', '-noout', '-pubkey'))
scts = b''
for log in logs:
    name, _, fault = log.partition(':')
    when = int((time.time() + (86400 if fault == 'future' else -60)) * 1000).to_bytes(8, 'big')
    entry = b'\0\0' + when + b'\0\1' + hashlib.sha256(spki).digest() + vector(tbs, 3) + vector(b'')
    key = openssl('pkey', '-in', name + '.key', '-pubout', '-outform', 'DER')
    scts += vector(b'\0' + hashlib.sha256(key).digest() + when + vector(b'') + b'\4\3' +
                   vector(sign(name, entry + (b'x' if fault == 'broken' else b''))))
oid = bytes.fromhex('060a2b06010401d679020402')
extension = wrap(0x30, oid + wrap(4, wrap(4, vector(scts))))
parts = items(inside(tbs))
parts[-1] = wrap(0xa3, wrap(0x30, inside(inside(parts[-1])) + extension))
tbs = wrap(0x30, b''.join(parts))
der = wrap(0x30, tbs + algorithm + wrap(3, b'\0' + sign(issuer, tbs)))
print('-----BEGIN CERTIFICATE-----\n' + base64.encodebytes(der).decode() + '-----END CERTIFICATE-----')
