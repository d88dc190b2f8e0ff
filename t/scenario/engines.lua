-- SPDX-License-Identifier: BSD-2-Clause
-- Two engines for SPF and for DKIM at once: ours decides, the other one is a second opinion; IPv6 clients as well.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; spf: { engine = "both"; }; dkim: { engine = "both"; };
-- zone: sender.test 60 TXT "v=spf1 ip6:2001:db8::/32 include:more.sender.test -all"
-- zone: more.sender.test 60 TXT "v=spf1 a:mail.sender.test mx ?all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: mail.sender.test 60 AAAA 2001:db8::25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: 5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
-- foreign: sender.test sel1
dofile(dir .. "/lib.lua")

local headers = signed("sender.test", "sel1", { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }, "hello\r\n")
for _, client in ipairs{ { "198.51.100.25", "pass" }, { "2001:db8::25", "pass" }, { "203.0.113.66", "fail" } } do
	local r = send{ ip = client[1], helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
	like(r.ar, "spf=" .. (client[2] == "pass" and "pass" or "fail"), client[1] .. ": SPF")
	like(r.ar, "iprev=" .. (client[2] == "pass" and "pass" or "permerror"), client[1] .. ": iprev")
	like(r.ar, "dkim=pass", client[1] .. ": DKIM")
	like(r.ar, "dmarc=pass", client[1] .. ": DMARC")
end
headers[3][2] = "y"
local r = send{ ip = "203.0.113.66", helo = "x.test", from = "<bob@sender.test>", headers = headers }
like(r.ar, "dkim=fail", "a changed header fails with both")
unlike(output("cat " .. tmp .. "/log"), "libspf2 says", "the engines agree")
unlike(output("cat " .. tmp .. "/log"), "disagree", "all of them")
done()
