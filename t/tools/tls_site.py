#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mail and web servers of other domains, for tests of outbound TLS: tls_site.py DIR. Ends with its parent.

DIR/smtp has a line for each mail server: ADDRESS CERT [notls]; what is accepted is appended to DIR/mail as
"RECIPIENT tls|plain". DIR/web has the address of the web server, which takes its certificate from
DIR/cert/HOST.pem (or DIR/cert/web.pem), answers with DIR/policy/DOMAIN, and does what DIR/fault/DOMAIN says:
404, 500, 301, loop, html, notype, charset, big, endless, hang, drip, cut, tls11. The body of a POST is kept in DIR/posted."""
import os
import signal
import socket
import ssl
import sys
import threading
import time

folder = sys.argv[1]
lock = threading.Lock()


def listen(address, port, serve):
    server = socket.create_server((address, port), backlog=128)

    def accept():
        while True:
            client = server.accept()[0]
            threading.Thread(target=guard, args=(serve, client), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


def guard(serve, client):
    client.settimeout(60)
    try:
        serve(client)
    except (OSError, ValueError):
        pass
    finally:
        client.close()


# ---- mail ----

def smtp(certificate, tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(client):
        recipients, secure = [], False
        client.sendall(b'220 mail ESMTP\r\n')
        text = client.makefile('rb')
        while True:
            line = text.readline().decode('latin-1').rstrip('\r\n')
            verb = line.split(' ')[0].upper()
            if verb == 'EHLO':
                client.sendall(b'250-mail\r\n' + (b'250-STARTTLS\r\n' if tls and not secure else b'') + b'250 SIZE\r\n')
            elif verb == 'STARTTLS' and tls:
                client.sendall(b'220 go\r\n')
                client = context.wrap_socket(client, server_side=True)
                text, secure = client.makefile('rb'), True
            elif verb == 'RCPT':
                recipients.append(line.split('<')[1].split('>')[0])
                client.sendall(b'250 ok\r\n')
            elif verb == 'DATA':
                client.sendall(b'354 go\r\n')
                while text.readline() not in (b'.\r\n', b''):
                    pass
                with lock, open(folder + '/mail', 'a') as log:
                    log.write(''.join('%s %s\n' % (r, 'tls' if secure else 'plain') for r in recipients))
                recipients = []
                client.sendall(b'250 ok\r\n')
            elif verb == 'QUIT' or not line:
                client.sendall(b'221 bye\r\n')
                return
            else:
                client.sendall(b'250 ok\r\n')
    return serve


# ---- web ----

def read(path):
    try:
        with open(folder + path, 'rb') as f:
            return f.read()
    except OSError:
        return b''


def web_context(host):
    path = '%s/cert/%s.pem' % (folder, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path if os.path.exists(path) else folder + '/cert/web.pem')
    return context


def is_old(hello):
    """Whether the server that a ClientHello names has only TLS 1.1; later than that it cannot be decided."""
    return any(b'mta-sts.' + name.encode() in hello for name in os.listdir(folder + '/fault') if fault_of(name) == 'tls11')


def fault_of(host):
    return read('/fault/' + host.removeprefix('mta-sts.')).decode().strip()


def answer(client, host):
    fault, body = fault_of(host), read('/policy/' + host.removeprefix('mta-sts.'))
    status, kind, extra = '200 OK', 'Content-Type: text/plain\r\n', ''
    if fault in ('404', '500'):
        status = fault + ' no'
    elif fault == '301':
        status, extra = '301 Moved', 'Location: https://mta-sts.good.open/.well-known/mta-sts.txt\r\n'
    elif fault == 'loop':
        status, extra = '302 Found', 'Location: https://%s/.well-known/mta-sts.txt\r\n' % host
    elif fault == 'html':
        kind = 'Content-Type: text/html\r\n'
    elif fault == 'notype':
        kind = ''
    elif fault == 'charset':
        kind = 'Content-Type: Text/Plain; charset=utf-8\r\n'
    elif fault == 'big':
        body += b'x: ' + b'y' * 70000 + b'\n'
    elif fault == 'hang':
        time.sleep(50)
    length = 'Content-Length: %d\r\n' % (len(body) + (10 if fault == 'cut' else 0))
    if fault == 'endless':
        length = ''
    if fault == 'drip':
        for byte in ('HTTP/1.1 200 OK\r\n' + kind + '\r\n').encode() + body:
            client.sendall(bytes([byte]))
            time.sleep(0.5)
        return
    client.sendall(('HTTP/1.1 %s\r\n%s%s%sConnection: close\r\n\r\n' % (status, kind, extra, length)).encode() + body)
    while fault == 'endless':
        client.sendall(b'x: y\n' * 1000)


def web(client):
    names = []

    def choose(connection, host, _):
        names.append(host or '')
        connection.context = web_context(host or '')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + '/cert/web.pem')
    context.sni_callback = choose
    if is_old(client.recv(4096, socket.MSG_PEEK)):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('ALL:@SECLEVEL=0')
    client = context.wrap_socket(client, server_side=True)
    text = client.makefile('rb')
    line = text.readline().decode('latin-1')
    with lock, open(folder + '/asked', 'a') as log:
        log.write('%s %s' % (names[0], line))
    length = 0
    while (field := text.readline()) not in (b'\r\n', b''):
        if field.lower().startswith(b'content-length:'):
            length = int(field.split(b':')[1])
    if line.startswith('POST '):
        with open(folder + '/posted', 'wb') as file:
            file.write(text.read(length))
        client.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    if line.startswith('GET /.well-known/mta-sts.txt '):
        answer(client, names[0])


for line in filter(None, read('/smtp').decode().splitlines()):
    address, certificate, *flags = line.split()
    listen(address, 25, smtp(certificate, 'notls' not in flags))
for address in read('/web').decode().split():
    listen(address, 443, web)
open(folder + '/ready', 'w').close()
parent = os.getppid()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while os.getppid() == parent:
    time.sleep(0.2)
