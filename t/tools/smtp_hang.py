#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A mail server that falls silent: smtp_hang.py DIR STAGE. Takes a free port of 127.0.0.1 and writes it to
DIR/port. From STAGE on it says nothing: connect (the connection is not even made), greeting, ehlo, mail, rcpt, data, dot (all of
the message is here), quit. DIR/reached appears when somebody waits for it; DIR/N.mail is what it has taken. Ends with its parent."""
import os, socket, sys, threading, time

directory, stage = sys.argv[1:3]
parent = os.getppid()
taken = 0


def put(name, text):
    with open(f"{directory}/{name}.new", "w") as out:
        out.write(text)
    os.rename(f"{directory}/{name}.new", f"{directory}/{name}")


def is_connecting(port):
    """Is a connection to PORT being made? State 02 of Linux's table: SYN-SENT."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return any(int(row[2].split(":")[1], 16) == port and row[3] == "02" for row in rows)


def wait_for_ever(client):
    put("reached", stage)
    while client.recv(4096):
        pass
    sys.exit(0)


def serve(client):
    global taken
    lines = client.makefile("rb")

    def say(text, name):
        if name == stage:
            wait_for_ever(client)
        client.sendall(text.encode() + b"\r\n")

    say("220 hang", "greeting")
    for line in lines:
        verb = line[:4].upper().decode(errors="replace").lower()
        if verb == "data":
            say("354 go", "data")
            body = b""
            for line in lines:
                if line == b".\r\n":
                    break
                body += line
            say("250 2.0.0 taken", "dot")
            taken += 1
            put(f"{taken}.mail", body.decode())
        elif verb == "quit":
            say("221 bye", "quit")
            return
        else:
            say("250 ok", verb)


server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0 if stage == "connect" else 20)
port = server.getsockname()[1]
fillers = []
while stage == "connect" and len(fillers) < 8:  # until the queue is full
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex(("127.0.0.1", port))
    fillers.append(filler)
    time.sleep(0.02)
    if is_connecting(port):
        filler.close()
        break
put("port", f"{port}\n")
server.settimeout(0.2)
while os.getppid() == parent:
    if stage == "connect":
        time.sleep(0.1)
        if is_connecting(port):
            put("reached", stage)
        continue
    try:
        client = server.accept()[0]
    except TimeoutError:
        continue
    client.settimeout(None)
    threading.Thread(target=serve, args=(client,), daemon=True).start()
