#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""bimi_forged.py steps >STEPS: messages for milterc, each with one forged form of a field that shows a logo, and one with
all of them. bimi_forged.py count: how many forms. bimi_forged.py check <ANSWERS: does to each message what the filter
answered, as an MTA does, and prints the forms that are left. bimi_forged.py send PORT TAG: the same messages to an MTA
that allows XCLIENT, from a stranger. bimi_forged.py mailbox DIR TAG: waits for them in a maildir and prints what is left.

A field is left if a reader who drops blanks, controls and what is not ASCII takes its name for one of the three."""
import os
import re
import smtplib
import sys
import time

names = [b'BIMI-Location', b'BIMI-Indicator', b'BIMI-Logo-Preference']
location = b' v=BIMI1; l=https://evil.test/logo.svg; a='
indicator = b' PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4='
values = [location, indicator, b' avp=brand']


def variants():
    for name, value in zip(names, values):
        for changed in (name, name.lower(), name.upper(), name.swapcase(), name.title(), name.replace(b'BIMI', b'bImI')):
            yield [(changed, value)]
        for end in (b' ', b'\t', b'  \t ', b'\xc2\xa0', b'\xa0', b'\xe2\x80\x8b', b'\x0b', b'\x0c', b'\x7f', b'\x01', b'\x1b', b'\xe3\x80\x80'):
            yield [(name + end, value)]
        for begin in (b'\xef\xbb\xbf', b'\xc2\xa0', b'\x08', b'\xe2\x80\xae'):
            yield [(begin + name, value)]
        for inside in (b'\xc2\xad', b'\xe2\x80\x8d', b'\x01', b'\xff', b' '):
            yield [(name.replace(b'-', b'-' + inside), value)]
        yield [(name, value), (name, value)]
        yield [(name, value), (name.lower(), value), (name + b' ', value)]
        yield [(name + b'\xc2\xa0', value), (b'Subject', b' x'), (name.lower() + b'\xc2\xa0', value)]
        for odd in (b'', b' ', b'\r\n\t' + value, value.replace(b' ', b'\r\n '), value + b'\0evil', b'\xc2\xa0' + value,
                    b' =?utf-8?q?v=3DBIMI1?=', value * 20, b' (comment)' + value, b'\r\n \r\n' + value):
            yield [(name, odd)]


forms = list(variants())
forms.append([field for form in forms for field in form])


def quote(data):
    return ''.join(chr(b) if 33 <= b < 127 and b != 37 else '%%%02X' % b for b in data)


def unquote(text):
    out, parts = b'', text.split('%')
    out += parts[0].encode('latin-1')
    for part in parts[1:]:
        out += bytes([int(part[:2], 16)]) + part[2:].encode('latin-1')
    return out


def header_of(form):
    return [(b'From', b' Bob <bob@sender.test>')] + form + [(b'Subject', b' x'), (b'BIMI-Selector', b' v=BIMI1; s=brand')]


def bare(name):
    return bytes(b for b in name if 32 < b < 127).lower()


def same(a, b):
    """As MTAs compare: without case, and without blanks at the end."""
    return a.rstrip(b' \t').lower() == b.rstrip(b' \t').lower()


def show(form, left, kept):
    print('%r: left %r, kept %r' % (form[:3], left, kept))


def send(port, tag):
    server = smtplib.SMTP('127.0.0.1', port, 'tester.test', timeout=60)
    server.ehlo()
    for command in 'XCLIENT ADDR=198.51.100.25 NAME=mail.sender.test', 'EHLO mail.sender.test':
        if server.docmd(command)[0] >= 400:
            sys.exit('%s is refused' % command)
    for number, form in enumerate(forms):
        server.mail('bob@sender.test')
        server.rcpt('alice@example.com')
        header = header_of(form) + [(b'Message-ID', b' <%d.%s@sender.test>' % (number, tag))]
        reply = server.data(b''.join(name + b':' + value + b'\r\n' for name, value in header) + b'\r\nhello\r\n')
        if reply[0] >= 400:
            sys.exit('form %d is refused: %r' % (number, reply))
    server.quit()


def read_mailbox(folder, tag):
    """The messages by their number; one may arrive a moment after it was accepted."""
    found, seen, deadline = {}, set(), time.time() + 60
    while len(found) < len(forms) and time.time() < deadline:
        for file in set(os.listdir(folder)) - seen:
            seen.add(file)
            with open(os.path.join(folder, file), 'rb') as f:
                text = f.read().replace(b'\r\n', b'\n')
            number = re.search(rb'^Message-ID: <(\d+)\.%s@' % tag, text, re.M)
            if number:
                found[int(number[1])] = text
        time.sleep(0.1)
    return found


def check_mailbox(folder, tag):
    """What Postfix does not take for a field ends the header, and is not one for any reader either."""
    messages = read_mailbox(folder, tag)
    if len(messages) != len(forms):
        print('%d of %d messages came' % (len(messages), len(forms)))
    for number, text in messages.items():
        lines = text.split(b'\n\n', 1)[0].split(b'\n')
        left = [line for line in lines if bare(line.split(b':')[0]) in [n.lower() for n in names]]
        kept = [name for name in (b'From', b'Subject', b'BIMI-Selector') if re.search(b'^%s: ' % name, text, re.M)]
        if left or len(kept) < 3:
            show(forms[number], left, kept)


if sys.argv[1] == 'count':
    print(len(forms))
elif sys.argv[1] == 'send':
    send(int(sys.argv[2]), sys.argv[3].encode())
elif sys.argv[1] == 'mailbox':
    check_mailbox(sys.argv[2], sys.argv[3].encode())
elif sys.argv[1] == 'steps':
    for form in forms:
        print('connect\tx\t198.51.100.25\nhelo\tmail.test\nmail\t<bob@sender.test>\nrcpt\t<a@example.com>')
        for name, value in header_of(form):
            print('header\t%s\t%s' % (quote(name), quote(value.replace(b'\r\n', b'\n').split(b'\0')[0])))
        print('eoh\nbody\thello%0D%0A\neom\nagain\necho\tEND')
else:
    answers, changes, done = iter(forms), [], 0
    for line in sys.stdin:
        fields = line.rstrip('\n').split('\t')
        if fields[0] == 'change':
            changes.append((int(fields[1]), unquote(fields[2]), fields[3] if len(fields) > 3 else ''))
        elif 'END' in fields:
            form = next(answers)
            header = header_of(form)
            for index, name, value in changes:
                found = [i for i, field in enumerate(header) if same(field[0], name)]
                if value == '' and index <= len(found):
                    del header[found[index - 1]]
            left = [name for name, _ in header if bare(name) in [n.lower() for n in names]]
            kept = [name for name, _ in header if name in (b'From', b'Subject', b'BIMI-Selector')]
            if left or len(kept) < 3:
                show(form, left, kept)
            changes, done = [], done + 1
    if done != len(forms):
        print('%d of %d messages were answered' % (done, len(forms)))
