#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""reports_data.py PROGRAM DIR: reads every file of the public reports in DIR; those that have another library's reading beside
them (mail-auth's, X.json for X.xml or X.eml) are compared with it. A line each, as reports_check.py."""
import datetime
import glob
import json
import os
import subprocess
import sys

KINDS = {"aggregate": "aggregate", "tlsrpt": "tls", "failure": "failure", "arf": "complaint"}
WORDS = {"Unspecified": None, "MailFrom": "mfrom", "Helo": "helo", "TrustedForwarder": "trusted_forwarder", "Relaxed": "r", "Strict": "s",
         "AuthFailure": "auth-failure", "BodyHash": "bodyhash"}


def word(text):
    return WORDS[text] if text in WORDS else text if text is None else text.lower()


def seconds(text):
    return None if text is None else int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def read(program, path):
    done = subprocess.run([program, "inbox", "read", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def theirs_aggregate(their):
    meta, policy = their["report_metadata"], their["policy_published"]
    return {"head": [meta["org_name"], meta["email"], meta["extra_contact_info"], meta["report_id"], meta["date_range"]["begin"],
                     meta["date_range"]["end"], policy["domain"], word(policy["adkim"]), word(policy["aspf"]), word(policy["p"]),
                     word(policy["sp"]), policy["fo"]],
            "rows": [[r["row"]["source_ip"], r["row"]["count"], word(r["row"]["policy_evaluated"]["disposition"]),
                      word(r["row"]["policy_evaluated"]["dkim"]), word(r["row"]["policy_evaluated"]["spf"]),
                      r["identifiers"]["envelope_from"] or None, r["identifiers"]["header_from"], r["identifiers"]["envelope_to"],
                      [[d["domain"], d["selector"], word(d["result"]), d["human_result"]] for d in r["auth_results"]["dkim"]],
                      [[s["domain"], word(s["scope"]), word(s["result"])] for s in r["auth_results"]["spf"]],
                      [["other" if q["type_"] == "Other" else word(q["type_"]), q["comment"]] for q in r["row"]["policy_evaluated"]["reason"]]]
                     for r in their["record"]]}


def ours_aggregate(our):
    def reason(one):  # that library has no word for sampled_out
        return ["other" if one["type"] == "sampled_out" else one["type"], one["comment"]]
    return {"head": [our["org_name"], our["email"], our["extra_contact_info"], our["report_id"], seconds(our["begin"]), seconds(our["end"]),
                     our["domain"], our["adkim"], our["aspf"], our["p"], our["sp"], our["fo"]],
            "rows": [[r["source_ip"], r["count"], r["disposition"], r["dkim_aligned"], r["spf_aligned"], r["envelope_from"], r["header_from"],
                      r["envelope_to"], [[d["domain"], d["selector"], d["result"], d["human_result"]] for d in r.get("dkim", [])],
                      [[s["domain"], s["scope"], s["result"]] for s in r.get("spf", [])], [reason(q) for q in r.get("reasons", [])]]
                     for r in our["records"]]}


def theirs_feedback(their):
    return [word(their["feedback_type"]), their["user_agent"], str(their["version"]), their["incidents"], their["arrival_date"],
            (their["original_mail_from"] or "").strip("<>") or None, (their["original_rcpt_to"] or "").strip("<>") or None, their["reporting_mta"],
            their["source_ip"], word(their["auth_failure"]), their["dkim_domain"], their["reported_domain"], their["reported_uri"],
            [" ".join(text.split()) for text in their["authentication_results"]]]


def ours_feedback(our, their):
    # what that library does not look for in the message itself is not compared
    return [our["feedback_type"], our["user_agent"], our["version"], our["incidents"],
            seconds(our["arrival_date"]) if their["arrival_date"] is not None else None, our["original_mail_from"], our["original_rcpt_to"],
            our["reporting_mta"], our["source_ip"] if their["source_ip"] is not None else None, our["auth_failure"], our["dkim_domain"],
            our.get("reported_domain", []), our.get("reported_uri", []), our.get("authentication_results", [])]


def faults(program, path):
    status, found = read(program, path)
    kind = KINDS[os.path.basename(os.path.dirname(path))]
    if status != 0 or len(found) != 1:
        yield "exit status %d: %.300r" % (status, found)
        return
    if found[0]["kind"] not in ((kind, "failure") if kind == "complaint" else (kind,)):
        yield "kind is %s" % found[0]["kind"]
    beside = os.path.splitext(path)[0] + ".json"
    if beside == path or not os.path.basename(path).startswith("mail-auth-"):
        return
    their = json.load(open(beside))
    pair = (ours_aggregate(found[0]), theirs_aggregate(their)) if kind == "aggregate" else (ours_feedback(found[0], their), theirs_feedback(their))
    if pair[0] != pair[1]:
        yield "ours %r, theirs %r" % pair


def main(program, directory):
    paths = sorted(path for path in glob.glob(os.path.join(glob.escape(directory), "*", "*"))
                   if not os.path.basename(path).startswith("mail-auth-") or not path.endswith(".json"))
    for path in paths:
        wrong = list(faults(program, path))
        print("%s %s" % ("not ok" if wrong else "ok", os.path.relpath(path, directory)))
        for one in wrong:
            print("# %s" % one)


main(*sys.argv[1:])
