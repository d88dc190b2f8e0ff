-- SPDX-License-Identifier: BSD-2-Clause
-- The action matrix by result: what else was found out can decide whether p=reject is carried out.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "rfc"; actions = ( { domain = "*"; policy = "reject"; spf = "fail"; dkim = "none"; action = "published"; }, { domain = "sender.test"; dkim = "pass"; action = "accept"; } ); };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 TXT "v=spf1 ?all"
-- servfail: lost.test
-- foreign: other.test o1
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local function mail(from, list, body)
	return send{ ip = "203.0.113.66", helo = "client.test", from = from, headers = list or headers, body = body }
end
local r = mail("<bob@sender.test>")
ok(r.refused_for("sender.test"), "neither SPF nor a signature: refused")
r = mail("<x@evil.test>")
is(r.reply, "accept", "SPF of another domain: not refused")
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "but marked")
r = mail("<bob@sender.test>", signed("other.test", "o1", headers, "hello\r\n"), "changed\r\n")
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "a signature that fails: marked")
r = mail("<bob@sender.test>", signed("other.test", "o1", headers, "hello\r\n"))
ok(r.reply == "accept" and r.added("X-Countersign-Quarantine") == nil, "one that passes: accepted by the second line")
r = mail("<x@lost.test>")
ok(r.deferred_for("sender.test", "TXT lost.test"), "SPF not known: try again later")
logged('reason="could be a case of %* with spf=fail and dkim=none, but DNS did not answer"', "for which line the log says")
logged('override=local_policy action=accept reason="local rule for sender.test with dkim=pass"', "a line that was followed is named")
done()
