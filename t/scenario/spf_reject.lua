-- SPDX-License-Identifier: BSD-2-Clause
-- spf.reject, spf.helo_reject: SPF fail of a domain that has no DMARC record; where there is one, that decides.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; spf: { reject = "no-dmarc"; helo_reject = "nomail"; };
-- conf: dmarc: { reject_text = "DMARC fails for %{domain}: see https://help.example/%{client}"; trusted_forwarders = [ "203.0.113.99" ]; enforce = "strict"; };
-- zone: plain.test 60 TXT "v=spf1 ip4:198.51.100.25 -all exp=why.plain.test"
-- zone: why.plain.test 60 TXT "use our servers"
-- zone: soft.test 60 TXT "v=spf1 ~all"
-- zone: strict.test 60 TXT "v=spf1 -all"
-- zone: _dmarc.strict.test 60 TXT "v=DMARC1; p=none"
-- zone: refuse.test 60 TXT "v=spf1 -all"
-- zone: _dmarc.refuse.test 60 TXT "v=DMARC1; p=reject"
-- zone: nomail.test 60 TXT "v=spf1  -ALL"
-- zone: some.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- foreign: other.test o1
-- foreign: slow.test s1 unpublished
-- servfail: s1._domainkey.slow.test
dofile(dir .. "/lib.lua")

local function mail(domain, m)
	m = m or {}
	m.from = m.from or "<a@" .. domain .. ">"
	m.headers = m.headers or { { "From", m.author or "a@" .. domain } }
	return send(m)
end
local function refused(r, text) return r.reply_is("550", "5.7.23", text) end

ok(refused(mail("plain.test"), "SPF check of MAIL FROM failed for plain.test; plain.test explains: use our servers"), "no DMARC record: SPF fail refuses")
is(mail("plain.test", { ip = "198.51.100.25" }).reply, "accept", "a client that SPF permits is accepted")
is(mail("soft.test").reply, "accept", "softfail is not a fail")
is(mail("strict.test").reply, "accept", "a DMARC record decides: p=none")
ok(mail("refuse.test").reply_is("550", "5.7.1", "DMARC fails for refuse.test: see https://help.example/203.0.113.66"), "p=reject, in the operator's words")
local signed_mail = { headers = signed("other.test", "o1", { { "From", "a@plain.test" } }, "hello\r\n") }
is(mail("plain.test", signed_mail).reply, "accept", "a signature that passes saves the message")
is(mail("plain.test", { ip = "203.0.113.99" }).reply, "accept", "and a trusted forwarder does")
local unsure = { headers = signed("slow.test", "s1", { { "From", "a@plain.test" } }, "hello\r\n") }
is(mail("plain.test", unsure).reply, "replycode", "a signature that could pass defers it")
logged("spf=fail [^\n]*action=tempfail reason=\"could be a case of a signature that passes, but DNS did not answer", "since DNS did not answer")
is(mail("plain.test", { author = "a@elsewhere.test" }).reply, "replycode", "the domain of MAIL FROM counts")
ok(refused(mail("elsewhere.test", { helo = "nomail.test" }), "SPF check of HELO failed for nomail.test"), "HELO of a domain that sends no mail")
is(mail("elsewhere.test", { helo = "some.test" }).reply, "accept", "not of one that does")
logged('action=reject reason="SPF fails for MAIL FROM plain.test, which has no DMARC record %(spf.reject%)"', "the log says why")
done()
