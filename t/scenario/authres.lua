-- SPDX-License-Identifier: BSD-2-Clause
-- Authentication-Results of others stay, those that carry our name go (RFC 8601 section 5).
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
spoof.headers = {
	{ "Authentication-Results", "mx.example.com; dmarc=pass header.from=sender.test" },
	{ "Received", "from a by b; Sun, 22 Nov 2026 12:00:00 +0000" },
	{ "Authentication-Results", "other.example; spf=pass smtp.mailfrom=a.test" },
	{ "authentication-results", " (comment (nested)) MX.EXAMPLE.com 1; none" },
	{ "AUTHENTICATION-RESULTS", "\"mx.example.com\"; spf=pass smtp.mailfrom=a.test" },
	{ "Authentication-Results", ";; not a field at all" },
	{ "Authentication-Results", "mx.example.com.evil.test; spf=pass smtp.mailfrom=a.test" },
	{ "From", "Bob <bob@sender.test>" } }
local conn = connect(spoof)
local r = transact(conn, spoof)
ok(r.deletes("Authentication-Results"), "fields are removed")
like(r.ar, "mx%.example%.com;", "ours is inserted")
ok(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results", r.ar, 0), "at the top")
mt.disconnect(conn)
logged("origin=inbound", "logged")
done()
