#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: audit_until.py OUT DOMAINS UNKNOWN COMMAND...

Runs COMMAND --file on the domains of the file DOMAINS, again on those of which something was not known or came too late
(a busy machine), at most for 200 s, and writes what countersign --json audit says of all of them to OUT. UNKNOWN: a file of domains
of which something has to be unknown. A finding that is there stays: only what was too late is asked again. Prints how often
it ran. The exit status is that of the last run."""
import json
import re
import subprocess
import sys
import time

out, domains, unknown, *command = sys.argv[1:]
wanted, allowed = open(domains).read().split(), set(open(unknown).read().split())
end, found, runs, status = time.monotonic() + 200, {}, 0, 0
LATE = re.compile("was not had|SERVFAIL|in time|timed out|Connection reset")


def is_late(domain):
    return any(f["level"] == "skip" and domain not in allowed or LATE.search(f["text"]) for f in found[domain]["findings"])


left = wanted
while left and time.monotonic() < end:
    with open(out + ".domains", "w") as file:
        file.write("".join(f"{domain}\n" for domain in left))
    done = subprocess.run(command + ["--file", out + ".domains"], stdout=subprocess.PIPE, text=True)
    runs, status = runs + 1, done.returncode
    found.update((d["domain"], d) for d in json.loads(done.stdout)["domains"])
    left = [domain for domain in left if is_late(domain)]
with open(out, "w") as file:
    json.dump({"domains": [found[domain] for domain in wanted]}, file)
print(runs)
sys.exit(status)
