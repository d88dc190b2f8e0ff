#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A second verifier that is not ours: dkimpy reads what t/tools/signmsg wrote.
build=${COUNTERSIGN_BUILD:-$PWD}
python=
for candidate in "${PYTHON:-python3}" /usr/bin/python3; do
	if "$candidate" -c 'import dkim' 2>/dev/null; then
		python=$candidate
		break
	fi
done
if [ -z "$python" ]; then
	echo "1..0 # SKIP python3-dkim is not installed"
	exit 77
fi
command -v openssl >/dev/null || { echo "1..0 # SKIP openssl is not installed"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
openssl genrsa -traditional -out "$work/rsa.key" 2048 2>/dev/null || openssl genrsa -out "$work/rsa.key" 2048 2>/dev/null
openssl genpkey -algorithm ed25519 -out "$work/ed.key" 2>/dev/null

"$python" - "$build/t/bin/signmsg" "$work" <<'END'
import random, subprocess, sys
import dkim
try:
    import nacl
    with_ed25519 = True
except ImportError:
    with_ed25519 = False

signmsg, work = sys.argv[1:]
keys = [f"{work}/rsa.key", "example.com", "s1"]
if with_ed25519:
    keys += [f"{work}/ed.key", "example.com", "e1"]
out = subprocess.run([signmsg, "-p"] + keys, capture_output=True, check=True).stdout
records = dict(line.split(b" ", 1) for line in out.splitlines())

def txt(name, timeout=5):
    return records.get((name if isinstance(name, bytes) else name.encode()).rstrip(b"."))

random.seed(6376)
words = [b"a", b"letter", b"caf\xc3\xa9", b"\xe9", b"b=;", b"x: y", b"=?utf-8?q?x?="]
blanks = [b" ", b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b" \r\n  \t"]
names = [b"To", b"to", b"Cc", b"SUBJECT", b"Date", b"Message-ID", b"X-Other", b"Received", b"List-Id"]
bodies = [b"", b"\r\n", b"text\r\n", b"text", b" \t\r\n", b"a  b\t\r\n\r\nc \r\n\r\n\r\n", b"\r\n\r\nx\r\n",
          b"caf\xc3\xa9 \xff\r\n", b"word " * 3000 + b"\r\n"]

def value():
    return b" " + b"".join(random.choice(words) + random.choice(blanks)
                           for _ in range(random.randrange(8))) + b"end"

def verifies(message, index):
    try:
        return dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=txt)
    except dkim.DKIMException as error:
        print("#", repr(error))
        return False

n = failed = 0
def ok(good, name, detail=b""):
    global n, failed
    n += 1
    failed += not good
    print(("ok" if good else "not ok"), n, "-", name)
    if not good:
        print("# " + repr(detail))

for i in range(40):
    canon = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"][i % 4]
    fields = [random.choice(names) + b":" + value() for _ in range(random.randrange(12))]
    fields.insert(random.randrange(len(fields) + 1), b"From: Alice <alice@example.com>")
    message = b"\r\n".join(fields) + b"\r\n\r\n" + bodies[i % len(bodies)]
    signed = subprocess.run([signmsg, "-c", canon] + keys, input=message, capture_output=True).stdout
    for index in range(len(keys) // 3):
        ok(verifies(signed, index), f"message {i}, {canon}, {'rsa' if index == 0 else 'ed25519'}", signed)
    if i == 0:
        ok(not verifies(signed + b"more\r\n", 0), "a changed body is noticed")
print(f"1..{n}")
sys.exit(failed > 0)
END
