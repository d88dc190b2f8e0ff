-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.reject_bad_from = false: out of scope, DMARC ends.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { reject_bad_from = false; };
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
spoof.headers = { { "Subject", "no From" } }
local r = send(spoof)
is(r.reply, "accept", "no From is accepted")
unlike(r.ar, "dmarc=pass", "but never passes")
spoof.headers = { { "From", "a@sender.test" }, { "From", "b@evil.test" } }
r = send(spoof)
is(r.reply, "accept", "two From fields are accepted")
unlike(r.ar, "dmarc=pass", "but never pass")
done()
