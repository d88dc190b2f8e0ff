-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.enforce = "observe": nothing changes but headers.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "observe"; trusted_forwarders = [ "203.0.113.77" ]; actions = ( { domain = "*"; action = "reject"; } ); };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1

dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
local r = send(spoof)
is(r.reply, "accept", "accepted")
like(r.ar, "dmarc=fail", "with its result")
ok(r.added("X-Countersign-Quarantine") == nil, "and no mark")
spoof.ip = "203.0.113.77"
r = send(spoof)
like(r.ar, "dmarc=fail %(p=reject dis=none%s+override=local_policy%)", "no other rule is asked")
done()
