#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A mail server for tests, with STARTTLS and AUTH: smtp_tls.py DIR CERT KEY [starttls] [auth]. Takes a free
port of 127.0.0.1 and writes it to DIR/tls.port. AUTH PLAIN and LOGIN accept user "rep" with "s3cret". Each
message becomes DIR/N.tls with "TLS: yes|no" and "USER: name" in front. Ends with its parent."""
import base64
import os
import socketserver
import ssl
import sys
import threading

folder, cert, key, *flags = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
count = 0


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')
        self.wfile.flush()

    def line(self):
        return self.rfile.readline().decode('latin-1').rstrip('\r\n')

    def login(self, words):
        if words[1] == 'PLAIN':
            if len(words) < 3:
                self.say('334 ')
                words.append(self.line())
            user, password = base64.b64decode(words[2]).split(b'\0')[1:]
        else:
            if len(words) < 3:
                self.say('334 VXNlcm5hbWU6')
                words.append(self.line())
            user = base64.b64decode(words[2])
            self.say('334 UGFzc3dvcmQ6')
            password = base64.b64decode(self.line())
        if (user, password) != (b'rep', b's3cret'):
            return self.say('535 5.7.8 wrong')
        self.user = user.decode()
        self.say('235 2.7.0 welcome')

    def handle(self):
        global count
        self.user, secure = '', False
        self.say('220 here')
        while True:
            text = self.line()
            words = text.split()
            if not words:
                return
            verb = words[0].upper()
            if verb == 'EHLO':
                extras = ['STARTTLS'] if 'starttls' in flags and not secure else []
                extras += ['AUTH PLAIN LOGIN'] if 'auth' in flags else []
                for extra in extras:
                    self.say('250-' + extra)
                self.say('250 SIZE')
            elif verb == 'STARTTLS':
                self.say('220 go')
                self.connection = context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile('rb')
                self.wfile = self.connection.makefile('wb')
                secure = True
            elif verb == 'AUTH':
                self.login(words)
            elif verb == 'DATA':
                self.say('354 go')
                body = []
                while (row := self.line()) != '.':
                    body.append(row)
                count += 1
                with open(f'{folder}/{count}.tls.part', 'w', encoding='latin-1') as out:
                    out.write(f'TLS: {"yes" if secure else "no"}\nUSER: {self.user}\n' + '\n'.join(body))
                os.rename(f'{folder}/{count}.tls.part', f'{folder}/{count}.tls')
                self.say('250 2.0.0 taken')
            elif verb == 'QUIT':
                return self.say('221 bye')
            elif verb in ('MAIL', 'RCPT') and 'auth' in flags and not self.user:
                self.say('530 5.7.0 log in first')
            else:
                self.say('250 ok')


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(('127.0.0.1', 0), Session)
with open(f'{folder}/tls.port.new', 'w') as out:
    print(server.server_address[1], file=out)
os.rename(f'{folder}/tls.port.new', f'{folder}/tls.port')
threading.Thread(target=server.serve_forever, daemon=True).start()
parent = os.getppid()
while os.getppid() == parent:
    threading.Event().wait(0.5)
