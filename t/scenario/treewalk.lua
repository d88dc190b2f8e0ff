-- SPDX-License-Identifier: BSD-2-Clause
-- The tree walk: np for a name that does not exist, sp for one that does; psd=y.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; 
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- zone: _dmarc.org.test 60 TXT "v=DMARC1; p=reject; sp=none; np=quarantine"
-- zone: exists.org.test 60 A 192.0.2.1
-- zone: _dmarc.registry.test 60 TXT "v=DMARC1; p=quarantine; psd=y"
-- zone: deep.company.registry.test 60 A 192.0.2.1
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
spoof.headers = { { "From", "x@exists.org.test" } }
local r = send(spoof)
ok(r.added("X-Countersign-Quarantine") == nil, "sp=none for a subdomain that exists")
spoof.headers = { { "From", "x@missing.org.test" } }
r = send(spoof)
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "np=quarantine for one that does not")
spoof.headers = { { "From", "x@deep.company.registry.test" } }
r = send(spoof)
like(r.ar, "dmarc=fail", "a public suffix domain policy")
like(r.ar, "policy%.dmarc=quarantine", "applies below it")
done()
