-- SPDX-License-Identifier: BSD-2-Clause
-- A temporary failure never becomes a fact; 451 only where the message would otherwise suffer.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; }; dns: { timeout = "1s"; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- servfail: _dmarc.dead.test
-- servfail: halfdead.test
-- zone: _dmarc.halfdead.test 60 TXT "v=DMARC1; p=reject"
-- servfail: mild.test
-- zone: _dmarc.mild.test 60 TXT "v=DMARC1; p=none"
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
spoof.headers = { { "From", "x@dead.test" } }
local r = send(spoof)
ok(r.deferred_for("dead.test", "TXT _dmarc.dead.test"), "the policy cannot be read: try again later")
logged(' dmarc=temperror dns_fault="TXT _dmarc%.dead%.test: SERVFAIL" action=tempfail ',
	"and the log names the question, too")
spoof.headers = { { "From", "Bob <bob@halfdead.test>" } }
spoof.from = "<bob@halfdead.test>"
r = send(spoof)
ok(r.deferred_for("halfdead.test", "TXT halfdead.test"), "SPF cannot be checked and the policy is reject")
spoof.headers = { { "From", "Bob <bob@mild.test>" } }
spoof.from = "<bob@mild.test>"
r = send(spoof)
is(r.reply, "accept", "SPF cannot be checked but the policy is none")
like(r.ar, "spf=temperror", "the field says temperror")
like(r.ar, "dmarc=temperror", "for DMARC as well")
done()
