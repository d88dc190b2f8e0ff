#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A web server of BIMI's files for tests: bimi_site.py DIR ADDRESS. Ends with its parent.

HTTPS on port 443 with DIR/web.pem, HTTP on port 80. Serves the files of DIR/www; /moved redirects to /logo.svg, /busy is
503, /endless never ends, /slow sends nothing. Each path that was asked for is appended to DIR/asked, with its scheme."""
import http.server
import os
import signal
import ssl
import sys
import threading
import time

folder, address = sys.argv[1:]
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=b'', location=None):
        self.send_response(status)
        if location:
            self.send_header('Location', location)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        scheme = 'https' if self.server.server_port == 443 else 'http'
        with lock, open(folder + '/asked', 'a') as log:
            log.write('%s://%s%s\n' % (scheme, self.headers['Host'], self.path))
        if self.path == '/moved':
            self.answer(301, location='/logo.svg')
        elif self.path == '/busy':
            self.answer(503)
        elif self.path == '/slow':
            time.sleep(60)
        elif self.path == '/endless':
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b'<g/>' * 4096)
        else:
            try:
                with open(folder + '/www/' + os.path.basename(self.path), 'rb') as f:
                    self.answer(200, f.read())
            except OSError:
                self.answer(404)


def serve(port):
    server = http.server.ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    if port == 443:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + '/web.pem')
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()


serve(443)
serve(80)
open(folder + '/ready', 'w').close()
parent = os.getppid()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while os.getppid() == parent:
    time.sleep(0.2)
