-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.discovery = "psl": the organizational domain by the public suffix list.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { discovery = "psl"; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- zone: _dmarc.example.co.uk 60 TXT "v=DMARC1; p=none; sp=quarantine"
-- zone: a.b.example.co.uk 60 A 192.0.2.1
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
spoof.headers = { { "From", "x@a.b.example.co.uk" } }
local r = send(spoof)
like(r.ar, "dmarc=fail", "the record of the registered domain applies")
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "with its sp")
done()
