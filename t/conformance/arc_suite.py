#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The public ARC suite (YAML) against policy/arc and policy/arcseal, by t/bin/arcmsg. Usage: arc_suite.py DIRECTORY BIN.

Validation: the chain's state is the one that the suite names; an empty one is a chain that says itself that it is
broken (cv=fail). Signing: the order of tags and the fields that are signed are the sealer's own, so b= cannot be
compared. What can: the suite's set on top of the message validates as it must; ours has the same instance, cv=, body
hash and results, and validates as the suite's does."""
import os, re, subprocess, sys, tempfile
import yaml

# The suite differs from RFC 8617 here; for each the state that the RFC gives the chain, and why.
ARGUED = {
    "ams_fields_c_na": ("fail", "without c= the canonicalization is simple (RFC 6376 section 3.5): "
                                "the suite's signature was made with relaxed"),
    "ams_fields_h_empty": ("fail", "h= must not be empty and must hold From (RFC 6376 section 3.5)"),
    "ams_fields_h_mis_hdr": ("fail", "h= has an empty name, which its grammar forbids (RFC 6376 section 3.5)"),
}

data, bin = sys.argv[1:]
work = tempfile.TemporaryDirectory()
n = failed = 0


def ok(good, name, detail=""):
    global n, failed
    n += 1
    failed += not good
    print("ok" if good else "not ok", n, "-", name)
    if not good:
        print("# " + repr(detail))


def write(name, text):
    path = os.path.join(work.name, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def arcmsg(message, *args):
    run = subprocess.run([f"{bin}/arcmsg", *args], input=message.encode(), capture_output=True)
    return run.stderr.decode(errors="replace").strip(), run.stdout.decode(errors="replace")


def publish(group):
    return write("records", "".join(f"{name} {str(text).replace(chr(10), '')}\n"
                                    for name, text in group["txt-records"].items()))


def groups(name):
    return yaml.safe_load_all(open(os.path.join(data, f"arc-draft-{name}-tests.yml"), encoding="utf-8"))


def validation():
    count = 0
    for group in groups("validation"):
        records = publish(group)
        for name, test in group["tests"].items():
            want, why = ARGUED.get(name, (str(test["cv"]).lower() or "fail", ""))
            have, _ = arcmsg(test["message"] or "", records)
            ok(have.startswith(want + " "), f"{name}: {want}" + (f", unlike the suite: {why}" if why else ""), have)
            count += 1
    return count


def unfolded(text):
    """The suite signed its sets on one line and shows them folded: a fold within a value was never there."""
    return "; ".join(re.sub(r"\s", "", part) for part in text.split(";") if part.strip())


def folded(text):
    return "\n  ".join(line.strip() for line in text.strip().split("\n"))


def tag(field, name):
    found = re.search(r"(?:^|;)\s*%s\s*=\s*([^;]*)" % name, field)
    return re.sub(r"\s", "", found.group(1)) if found else None


def field(message, name):
    return re.search(r"^%s:((?:.*\r?\n)(?:[ \t].*\r?\n)*)" % name, message, re.M).group(1)


def words(text):
    return " ".join(text.split())


def signing_case(name, test, records, key, group):
    results = re.sub(r"^i=\d+;\s*", "", words(test["AAR"]))
    have, sealed = arcmsg(test["message"], records, key, group["domain"], group["sel"], results)
    if not test["AS"].strip():
        ok(not sealed and "cannot go on" in have, f"{name}: no set is added to a chain that is broken", have)
        return
    suite = (f"ARC-Seal: {unfolded(test['AS'])}\nARC-Message-Signature: {unfolded(test['AMS'])}\n"
             f"ARC-Authentication-Results: {folded(test['AAR'])}\n" + test["message"])
    want = "fail" if tag(test["AS"], "cv") == "fail" else "pass"
    state, _ = arcmsg(suite, records)
    good = state.startswith(want + " ") and (want == "pass" or "found the chain broken" in state)
    state_ours, _ = arcmsg(sealed, records)
    seal, message = field(sealed, "ARC-Seal"), field(sealed, "ARC-Message-Signature")
    good = good and state_ours.split(" (")[0] == state.split(" (")[0]
    good = good and all(tag(seal, t) == tag(test["AS"], t) for t in ("i", "cv", "d", "s", "a"))
    good = good and all(tag(message, t) == tag(test["AMS"], t) for t in ("i", "bh", "c", "d", "s", "a"))
    good = good and words(field(sealed, "ARC-Authentication-Results")) == words(test["AAR"])
    ok(good, f"{name}: both seals are good, ours says what the suite's says",
       [have, state, state_ours, seal, message, field(sealed, "ARC-Authentication-Results")])


def signing():
    count = 0
    for group in groups("sign"):
        records, key = publish(group), write("key", group["privatekey"])
        for name, test in group["tests"].items():
            signing_case(name, test, records, key, group)
            count += 1
    return count


ok(validation() == 171, "171 validations")
ok(signing() == 17, "17 signings")
print(f"1..{n}")
sys.exit(failed > 0)
