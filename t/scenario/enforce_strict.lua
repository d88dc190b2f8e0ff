-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.enforce = "strict": the published policy is carried out.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- zone: _dmarc.quarantine.test 60 TXT "v=DMARC1; p=quarantine"
-- zone: _dmarc.none.test 60 TXT "v=DMARC1; p=none"
-- zone: _dmarc.testing.test 60 TXT "v=DMARC1; p=reject; t=y"
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
local r = send(spoof)
ok(r.refused_for("sender.test"), "refused with 550 5.7.1")
ok(r.ar == nil, "nothing is added to what is refused")
r = send(genuine)
is(r.reply, "accept", "a genuine message is not")
spoof.headers = { { "From", "q@quarantine.test" } }
r = send(spoof)
is(r.reply, "accept", "p=quarantine is not refused")
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "but marked")
spoof.headers = { { "From", "n@none.test" } }
r = send(spoof)
is(r.reply, "accept", "p=none")
ok(r.added("X-Countersign-Quarantine") == nil, "changes nothing (RFC 9989 section 5.4)")
like(r.ar, "dmarc=fail", "but the result")
spoof.headers = { { "From", "t@testing.test" } }
r = send(spoof)
is(r.reply, "accept", "t=y: reject becomes quarantine")
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "and is marked")
done()
