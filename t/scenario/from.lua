-- SPDX-License-Identifier: BSD-2-Clause
-- From fields that no two readers read alike (RFC 9989 section 5.3.1).
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; 
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
ok(send(spoof).bad_from(), "no From")
spoof.headers = { { "From", "a@sender.test" }, { "From", "b@sender.test" } }
ok(send(spoof).bad_from(), "two From fields, even of one domain")
spoof.headers = { { "From", "\"A <a@junk.test>\"@sender.test <" } }
ok(send(spoof).bad_from(), "a malformed From")
spoof.headers = { { "From", "a@other.test, b@sender.test" }, { "Sender", "a@other.test" } }
local r = send(spoof)
like(r.ar, "dmarc=fail", "several addresses: the strictest failing policy")
like(r.ar, "header%.from=sender%.test", "is the one reported")
spoof.headers = { { "From", "undisclosed:;" } }
ok(send(spoof).bad_from(), "a group without an address")
r = send(genuine)
is(r.reply, "accept", "a plain From is fine")
done()
