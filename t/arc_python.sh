#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ARC beside an implementation that is not ours: dkimpy and t/tools/arcmsg read each other's chains, and chains that
# RFC 8617 calls broken are broken for us.
build=${COUNTERSIGN_BUILD:-$PWD}
python=
for candidate in "${PYTHON:-python3}" /usr/bin/python3; do
	if "$candidate" -c 'import dkim, authres; dkim.ARC' 2>/dev/null; then
		python=$candidate
		break
	fi
done
if [ -z "$python" ]; then
	echo "1..0 # SKIP python3-dkim or python3-authres is not installed"
	exit 77
fi
command -v openssl >/dev/null || { echo "1..0 # SKIP openssl is not installed"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
openssl genrsa -traditional -out "$work/rsa.key" 2048 2>/dev/null || openssl genrsa -out "$work/rsa.key" 2048 2>/dev/null

"$python" - "$build/t/bin" "$work" <<'END_PYTHON'
import re, subprocess, sys
import dkim

bin, work = sys.argv[1:]
key_file = f"{work}/rsa.key"
key = open(key_file, "rb").read()
domains = ["one.example", "two.example", "three.example", "four.example"]
out = subprocess.run([f"{bin}/signmsg", "-p"] + sum([[key_file, d, "s"] for d in domains], []),
                     capture_output=True, check=True).stdout
records = dict(line.split(b" ", 1) for line in out.splitlines())
open(f"{work}/records", "wb").write(out)
open(f"{work}/dead", "wb").write(out.replace(b"s._domainkey.two.example " + records[b"s._domainkey.two.example"],
                                             b"s._domainkey.two.example -"))

def txt(name, timeout=5):
    return records.get((name if isinstance(name, bytes) else name.encode()).rstrip(b"."))

n = failed = 0
def ok(good, name, detail=""):
    global n, failed
    n += 1
    failed += not good
    print("ok" if good else "not ok", n, "-", name)
    if not good:
        print("# " + repr(detail))

def ours(message, *args, records="records"):
    run = subprocess.run([f"{bin}/arcmsg", f"{work}/{records}", *args], input=message, capture_output=True)
    lines = run.stderr.decode().splitlines()
    return (lines[0] if lines else "?"), run.stdout, lines[1:]

def theirs(message):
    cv, results, reason = dkim.arc_verify(message, dnsfunc=txt)
    return (cv or b"?").decode(), reason

RESULTS = "dmarc=pass header.from=author.example"

# The next set by dkimpy, with the chain's state that it finds itself.
def dkimpy_seal(message, domain):
    state = theirs(message)[0] if b"ARC-Seal" in message else None
    told = f"Authentication-Results: {domain}; {RESULTS}" + (f"; arc={state}" if state else "")
    fields = dkim.arc_sign(told.encode() + b"\r\n" + message, b"s", domain.encode(), key, domain.encode(),
                           include_headers=[b"from", b"subject", b"to"])
    return b"".join(fields) + message

def our_seal(message, domain, records="records"):
    verdict, sealed, errors = ours(message, key_file, domain, "s", f"{domain}; {RESULTS}", records=records)
    return sealed, verdict, errors

message = (b"DKIM-Signature: v=1; a=rsa-sha256; d=author.example; s=x; h=from; bh=; b=\r\n"
           b"From: Author <a@author.example>\r\nTo: list@one.example\r\nSubject:  a \t chain\r\n\ttold\r\n\r\n"
           b"Hello,\r\n  world \r\n\r\n\r\n")
ok(ours(message)[0].startswith("none "), "no set: none")

# Chains of one to four sets, made by both in every order.
for length in range(1, 5):
    for who in range(2 ** length):
        chain = message
        for hop in range(length):
            chain = (our_seal(chain, domains[hop])[0] if who >> hop & 1 else dkimpy_seal(chain, domains[hop]))
        name = "".join("o" if who >> hop & 1 else "d" for hop in range(length))
        ok(ours(chain)[0].startswith("pass "), f"chain {name}: ours says pass", ours(chain)[0])
        ok(theirs(chain)[0] == "pass", f"chain {name}: dkimpy says pass", theirs(chain))

two = our_seal(dkimpy_seal(message, domains[0]), domains[1])[0]
three = our_seal(two, domains[2])[0]

def fails(name, chain, why):
    verdict = ours(chain)[0]
    ok(verdict.startswith("fail ") and re.search(why, verdict), f"{name}: {verdict[:110]}", verdict)

def edit(chain, pattern, to, count=1):
    changed = re.sub(pattern, to, chain, count=count, flags=re.S)
    assert changed != chain, pattern
    return changed

def without(chain, field):
    return edit(chain, rb"(?:^|(?<=\n))" + field + rb": .*?\r\n(?![ \t])", b"")

seal2 = rb"ARC-Seal: i=2;"
fails("another body", three.replace(b"world", b"World"), "i=3: the body")
fails("another Subject", three.replace(b"told", b"tolD"), "ARC-Message-Signature i=3: the signature")
fails("other results in set 2", edit(three, rb"i=2; two.example; dmarc=pass", b"i=2; two.example; dmarc=fail"),
      "ARC-Seal i=3")
fails("other results in set 1", edit(three, rb"(i=1; one.example; *)dmarc=pass", rb"\1dmarc=fail"), "ARC-Seal i=3")
fails("the newest seal cut off", without(three, b"ARC-Seal"), "i=3 has no ARC-Seal")
fails("set 2 is not there", edit(edit(edit(three, rb"ARC-Seal: i=2;.*?\r\n(?![ \t])", b""), rb"ARC-Message-Signature: i=2;.*?\r\n(?![ \t])", b""),
      rb"ARC-Authentication-Results: i=2;.*?\r\n(?![ \t])", b""), "no set with i=2")
fails("an instance twice", edit(three, rb"^", b"ARC-Authentication-Results: i=3; x; none\r\n"), "two ARC-Authentication-Results")
fails("instance 0", edit(three, rb"^", b"ARC-Authentication-Results: i=0; x; none\r\n"), "without its instance")
fails("instance 51", edit(three, rb"^", b"ARC-Seal: i=51; cv=pass; a=rsa-sha256; d=a.example; s=s; b=YQ==\r\n"), "instance")
fails("no instance", edit(three, rb"^", b"ARC-Message-Signature: a=rsa-sha256\r\n"), "missing")
fails("cv=none in set 2", edit(three, rb"(i=2;[^;]*;[^;]*; )cv=pass", rb"\1cv=none"), "cv=pass")
fails("cv=fail in the newest", edit(three, rb"cv=pass", b"cv=fail"), "cv=fail .RFC 8617 section 5.2 step 2")
fails("cv=maybe", edit(three, rb"cv=pass", b"cv=maybe"), "cv= is not")
fails("h= in a seal", edit(three, seal2, b"ARC-Seal: i=2; h=from;"), "h= is not allowed")
fails("a seal's h= names ARC", edit(three, rb"h=From:", b"h=ARC-Seal:From:"), "includes ARC-Seal")
fails("a broken base64", edit(three, rb"b=[A-Za-z0-9]", b"b=*"), "base64")
fails("51 sets", b"".join(b"ARC-Authentication-Results: i=%d; x; none\r\n" % (1 + i % 50) for i in range(151)) + message, "two|more than 50")
run = subprocess.run([f"{bin}/arcmsg", "-o", f"{work}/records"], input=three, capture_output=True)
ok(run.stderr.startswith(b"pass "), "beside libopendkim's verifier a chain passes, too", run.stderr)
run = subprocess.run([f"{bin}/arcmsg", "-o", f"{work}/records"], input=three.replace(b"world", b"World"), capture_output=True)
ok(run.stderr.startswith(b"fail "), "and one that is broken fails", run.stderr)
verdict = ours(three, records="dead")[0]
ok(verdict.startswith("fail ") and "no answer for the key" in verdict, "a key that DNS does not give: fail", verdict)
sealed, verdict, errors = our_seal(three, domains[3], records="dead")
ok(sealed == b"" and "DNS did not answer" in " ".join(errors), "and no seal that would call it broken", errors)

# Section 5.1.2: what is broken is sealed as broken, alone, and then no more.
broken = three.replace(b"world", b"World")
sealed, verdict, errors = our_seal(broken, domains[3])
ok(re.search(rb"ARC-Seal: i=4;[^;]*;[^;]*; cv=fail", sealed), "a broken chain is sealed with cv=fail", sealed[:200])
fails("which everybody sees", sealed, "found the chain broken")
again, verdict, errors = our_seal(sealed, domains[0])
ok(again == b"" and "cannot go on" in " ".join(errors), "and nobody seals it again", errors)
print(f"1..{n}")
sys.exit(failed > 0)
END_PYTHON
