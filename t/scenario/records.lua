-- SPDX-License-Identifier: BSD-2-Clause
-- DMARC records that readers understand differently: never half of one (RFC 9989 sections 4.7, 4.8 and 4.10.1).
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; };
-- zone: _dmarc.upper.test 60 TXT "V = DMARC1 ; P = Reject ; ADKIM = S"
-- zone: _dmarc.twice.test 60 TXT "v=DMARC1; p=reject; rua=mailto:a@twice.test; rua=mailto:b@twice.test"
-- zone: _dmarc.two.test 60 TXT "v=DMARC1; p=reject; p=none"
-- zone: _dmarc.nothing.test 60 TXT "v=DMARC1; sp=reject"
-- zone: _dmarc.rua.test 60 TXT "v=DMARC1; rua=mailto:a@rua.test"
-- zone: _dmarc.bogus.test 60 TXT "v=DMARC1; p=bogus"
-- foreign: sub.upper.test sel1

dofile(dir .. "/lib.lua")

local function spoof(domain)
	return { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = { { "From", "b@" .. domain } } }
end

ok(send(spoof("upper.test")).refused_for("upper.test"), "tag names in upper case: p=reject is not lost")
local subdomain = spoof("upper.test")
subdomain.headers = signed("sub.upper.test", "sel1", { { "From", "b@upper.test" } }, "hello\r\n")
ok(send(subdomain).refused_for("upper.test"), "and alignment is strict")
ok(send(spoof("twice.test")).refused_for("twice.test"), "rua= twice: p=reject is not lost")

local results = {
	{ "two.test", "dmarc=permerror", "two policies: none counts" },
	{ "nothing.test", "dmarc=none", "no p= and no rua=: no DMARC processing" },
	{ "rua.test", "dmarc=fail", "no p= but rua=: p=none" },
	{ "bogus.test", "dmarc=permerror", "an invalid p= and no rua=" },
}
for _, case in ipairs(results) do
	local r = send(spoof(case[1]))
	is(r.reply, "accept", case[3])
	like(r.ar, case[2], "and says so: " .. case[2])
end
done()
