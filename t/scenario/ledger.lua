-- SPDX-License-Identifier: BSD-2-Clause
-- What is recorded: one row for messages that look alike, with a count, in RFC 9990's terms.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ];
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" } }
for i = 1, 3 do
	send{ ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
	send{ ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
end
send{ ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = { { "From", "x@nopolicy.test" } } }
local xml = output(countersign .. " report show sender.test --day " .. os.date("!%Y-%m-%d") .. " --xml")
like(xml, "<count>3</count>.*<count>3</count>", "two rows of three")
like(xml, "<source_ip>198%.51%.100%.25</source_ip>.-<disposition>pass</disposition>", "a pass under an enforcing policy")
like(xml, "<source_ip>203%.0%.113%.66</source_ip>.-<disposition>quarantine</disposition>", "what was done with the spoof")
like(xml, "<type>local_policy</type>", "and why it was not what is published")
like(xml, "<discovery_method>treewalk</discovery_method>", "how the policy was found")
unlike(output(countersign .. " report list --day " .. os.date("!%Y-%m-%d")), "nopolicy", "no policy, no report")
done()
