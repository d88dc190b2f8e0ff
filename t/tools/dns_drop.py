#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A resolver that loses questions: dns_drop.py UPSTREAM-PORT PORT-FILE TYPE NAME

Passes each datagram on to 127.0.0.1 and back, but for those that ask for TYPE (a number) of NAME (lower case, "." for the
root). Writes the port that it has to PORT-FILE; ends with its parent."""
import os
import select
import socket
import sys

upstream, port_file, lost_type, lost_name = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
with open(port_file + ".new", "w") as file:
    file.write(f"{server.getsockname()[1]}\n")
os.rename(port_file + ".new", port_file)


def question(data):
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1").lower())
        at += 1 + data[at]
    return ".".join(labels) or ".", data[at + 1] << 8 | data[at + 2]


parent, open_sockets = os.getppid(), {}
while os.getppid() == parent:
    for ready in select.select([server, *open_sockets], [], [], 0.2)[0]:
        if ready is server:
            data, client = server.recvfrom(4096)
            if question(data) == (lost_name, lost_type):
                continue
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.connect(("127.0.0.1", upstream))
            one.send(data)
            open_sockets[one] = client
        else:
            client = open_sockets.pop(ready)
            try:
                server.sendto(ready.recv(65535), client)
            except OSError:
                pass
            ready.close()
