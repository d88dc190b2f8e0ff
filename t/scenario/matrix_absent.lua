-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.actions with policy = "absent": mail of domains without a DMARC record, for which no other line is.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ];
-- conf: dmarc: { actions = ( { domain = "nospf.test"; policy = "absent"; action = "accept"; }, { domain = "*"; policy = "absent"; spf = "fail"; dkim = "none"; action = "reject"; }, { domain = "*"; policy = "absent"; spf = "softfail"; action = "quarantine"; }, { domain = "chat.test"; policy = "absent"; dkim = "none"; action = "reject"; }, { domain = "*"; spf = "none"; action = "reject"; } ); };
-- zone: plain.test 60 TXT "v=spf1 -all"
-- zone: nospf.test 60 TXT "v=spf1 -all"
-- zone: soft.test 60 TXT "v=spf1 ~all"
-- zone: strict.test 60 TXT "v=spf1 -all"
-- zone: _dmarc.strict.test 60 TXT "v=DMARC1; p=none"
-- foreign: other.test o1
dofile(dir .. "/lib.lua")

local function mail(domain, m)
	m = m or {}
	m.from = "<a@" .. domain .. ">"
	m.headers = m.headers or { { "From", "a@" .. domain } }
	return send(m)
end
local function text(domain) return "Email rejected: no authentication for " .. domain .. ", which has no DMARC policy" end

ok(mail("plain.test").reply_is("550", "5.7.26", text("plain.test")), "SPF fails and there is no signature")
is(mail("plain.test", { headers = signed("other.test", "o1", { { "From", "a@plain.test" } }, "hello\r\n") }).reply, "accept", "not with one")
is(mail("nospf.test").reply, "accept", "the first line that fits counts")
ok(mail("soft.test").added("X-Countersign-Quarantine") ~= nil, "quarantine")
ok(mail("chat.test").reply_is("550", "5.7.20", text("chat.test")), "no signature")
is(mail("strict.test").reply, "accept", "a domain with a record has another policy")
is(mail("elsewhere.test").reply, "accept", "a line for any policy is not for absent ones")
done()
