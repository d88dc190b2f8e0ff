-- SPDX-License-Identifier: BSD-2-Clause
-- A malformed From that means one domain to everybody is judged by it; one in which two readers can see two domains is
-- refused, but for bounces and trusted forwarders, and never passes.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; trusted_forwarders = [ "192.0.2.9" ]; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
-- zone: evil.test 60 TXT "v=spf1 ip4:203.0.113.66 -all"
-- zone: mx.evil.test 60 TXT "v=spf1 ip4:203.0.113.66 -all"
-- zone: _dmarc.evil.test 60 TXT "v=DMARC1; p=reject"
-- zone: plain.test 60 TXT "v=spf1 ip4:203.0.113.66 -all"
dofile(dir .. "/lib.lua")

local function genuine(author, from)
	return send{ ip = "198.51.100.25", helo = "mail.sender.test", from = from or "<bob@sender.test>",
		headers = { { "From", author }, { "Subject", "x" } } }
end
local function stranger(author, from, ip)
	return send{ ip = ip or "203.0.113.66", helo = "mx.evil.test", from = from or "<x@evil.test>",
		headers = { { "From", author }, { "Subject", "x" } } }
end

for _, author in ipairs{ "Smith, John <a@sender.test>", "John <a@sender.test> via list", "<a@sender.test> John", "john.@sender.test",
	"a..b@sender.test", "<<a@sender.test>>", "a@sender.test <b@sender.test>", "Doe, J. <doe@sender.test>, Roe",
	"\"'x@y.test' via Dev\" <dev@sender.test>" } do
	local r = genuine(author)
	like(r.ar, "dmarc=pass[^;]*header%.from=sender%.test", "is judged: " .. author)
	ok(stranger(author).refused_for("sender.test"), "and refused by its domain's policy from elsewhere")
end

-- espoofer's: evil.test passes by SPF, a reader sees sender.test
for _, author in ipairs{ "\"<a@sender.test>\"@evil.test", "\"a@sender.test\"@evil.test", "(a@sender.test) x@evil.test",
	"A (<a@sender.test>) <x@evil.test>", "<@sender.test:x@evil.test>", "a＠sender.test <x@evil.test>", "a@sender.test＠evil.test",
	"<a@sender.test>,<x@evil.test> x", "a@sender.test <x@evil.test>", "<a@sender.test><x@evil.test>", "a@sender.test@evil.test",
	"=?utf-8?b?PGFAc2VuZGVyLnRlc3Q+?=,<x@evil.test>", "x@evil.test (x).sender.test" } do
	ok(stranger(author).bad_from(), "is refused: " .. author)
	ok(genuine(author).bad_from(), "and the other way round")
	local r = stranger(author, "<>")
	ok(r.ar == nil or string.find(r.ar, "dmarc=pass") == nil, "and never passes as a bounce")
	r = stranger(author, nil, "192.0.2.9")
	is(r.reply, "accept", "a trusted forwarder may hand it on")
	unlike(r.ar, "dmarc=pass", "which makes it no pass")
end
ok(stranger("\"a@sender.test\"@evil.test", "<>").refused_for("sender.test"), "a bounce that shows a domain is refused by its policy")

-- nobody
for _, author in ipairs{ "MAILER-DAEMON", "MAILER-DAEMON (Mail Delivery System)", "Mail Delivery System <MAILER-DAEMON>", "<>" } do
	local r = stranger(author, "<>")
	is(r.reply, "accept", "a bounce from " .. author)
	like(r.ar, "dmarc=permerror", "which is judged by nobody")
	ok(stranger(author).bad_from(), "other mail from it is refused")
	is(stranger(author, nil, "192.0.2.9").reply, "accept", "but not through a trusted forwarder")
end

-- a bounce hides no author
local r = send{ ip = "203.0.113.66", helo = "mx.evil.test", from = "<>",
	headers = { { "From", "x@evil.test" }, { "Subject", "x\rFrom: a@sender.test" } } }
ok(r.bad_from(), "a bounce with a From after a CR is refused")
r = send{ ip = "203.0.113.66", helo = "mx.evil.test", from = "<>", headers = { { "From", "x@evil.test" }, { "From", "a@sender.test" } } }
ok(r.bad_from(), "and one with two From fields")
r = stranger("a@1.test, a@2.test, a@3.test, a@4.test, a@sender.test", "<>")
ok(r.bad_from(), "and one with more domains than are evaluated")
done()
