#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Traffic for t/endure.sh: endure.py SOCKET THREADS STOPFILE. Each thread is an MTA with one message after the other; a
# message whose connection breaks is tried again until it is answered, as an MTA's queue does. At the end it prints
# "accepted N deferred N broken N": messages that were accepted, answers of 4xx, tries that broke.
import os, socket, struct, sys, threading, time

path, threads, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
lock, totals, wrong = threading.Lock(), {"accepted": 0, "deferred": 0, "broken": 0}, []


class Mta:
    def __init__(self):
        self.s = None

    def close(self):
        if self.s:
            self.s.close()
        self.s = None

    def packet(self, command, data=b""):
        self.s.sendall(struct.pack(">I", 1 + len(data)) + command + data)

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.s.recv(n - len(data))
            if not piece:
                raise OSError("closed")
            data += piece
        return data

    def answer(self):
        data = self.read(struct.unpack(">I", self.read(4))[0])
        return data[:1], data[1:]

    def step(self, command, data=b""):
        self.packet(command, data)
        while True:
            kind, rest = self.answer()
            if kind not in b"hmipql+-":  # changes and progress come before the answer
                return kind, rest

    def connect(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        self.s.connect(path)
        self.step(b"O", struct.pack(">III", 6, 0x1FF, 0))
        self.step(b"C", b"mx.sender.test\0" + b"4" + struct.pack(">H", 25) + b"198.51.100.25\0")
        self.step(b"H", b"mx.sender.test\0")

    def message(self, number):
        if self.s is None:
            self.connect()
        self.step(b"M", b"<bob@sender.test>\0")
        self.step(b"R", b"<a@example.com>\0")
        self.step(b"L", b"From\0 Bob <bob@sender.test>\0")
        self.step(b"L", b"Subject\0 %d\0" % number)
        self.step(b"N")
        self.step(b"B", b"hello\r\n" * 50)
        return self.step(b"E")


def run():
    mta, number, counts = Mta(), 0, {"accepted": 0, "deferred": 0, "broken": 0}
    while not os.path.exists(stop):
        number += 1
        while True:
            try:
                kind, text = mta.message(number)
            except OSError:
                counts["broken"] += 1
                mta.close()
                time.sleep(0.02)
                continue
            if kind in b"ac":
                counts["accepted"] += 1
                break
            mta.close()
            if kind == b"t" or text[:1] == b"4":
                counts["deferred"] += 1
                time.sleep(0.05)
                continue
            with lock:
                wrong.append((kind, text))
            break
        if number % 20 == 0:
            mta.close()
    with lock:
        for key in totals:
            totals[key] += counts[key]


all_of_them = [threading.Thread(target=run) for _ in range(threads)]
for t in all_of_them:
    t.start()
for t in all_of_them:
    t.join()
print(*("%s %d" % item for item in totals.items()))
for item in wrong[:5]:
    print("wrong answer:", item)
sys.exit(bool(wrong))
