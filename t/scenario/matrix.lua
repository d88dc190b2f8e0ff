-- SPDX-License-Identifier: BSD-2-Clause
-- The action matrix: the first line that fits decides.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "rfc"; actions = ( { domain = "sender.test"; policy = "any"; action = "reject"; }, { domain = "*.lenient.test"; policy = "any"; action = "accept"; }, { domain = "*"; policy = "quarantine"; action = "reject"; } ); };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- zone: _dmarc.quarantine.test 60 TXT "v=DMARC1; p=quarantine"
-- zone: _dmarc.lenient.test 60 TXT "v=DMARC1; p=reject"
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
local r = send(spoof)
ok(r.refused_for("sender.test"), "one domain is refused")
spoof.headers = { { "From", "a@sub.lenient.test" } }
r = send(spoof)
is(r.reply, "accept", "below another everything is accepted")
ok(r.added("X-Countersign-Quarantine") == nil, "without a mark")
spoof.headers = { { "From", "q@quarantine.test" } }
r = send(spoof)
ok(r.refused_for("quarantine.test"), "and quarantine is mapped to reject for all")
r = send(genuine)
is(r.reply, "accept", "what passes is not touched by the matrix")
done()
