-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.actions with `aligned`: every author's domain must have signed the message, whether it publishes DMARC or not. A
-- signature or an SPF pass of somebody else's proves nothing, and what DNS did not say is asked for again.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dns: { timeout = "1s"; };
-- conf: dmarc: { trusted_forwarders = [ "198.51.100.77" ]; actions = ( { domain = "old.test"; action = "accept"; }, { domain = "old.test"; policy = "absent"; action = "accept"; }, { domain = "*"; policy = "absent"; aligned = "none"; action = "reject"; }, { domain = "*"; policy = "absent"; aligned = "spf"; action = "quarantine"; }, { domain = "*"; policy = "reject"; aligned = "spf"; action = "reject"; } ); };
-- zone: plain.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: old.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: evil.test 60 TXT "v=spf1 ip4:203.0.113.66 -all"
-- zone: strict.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.strict.test 60 TXT "v=DMARC1; p=reject"
-- zone: mild.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.mild.test 60 TXT "v=DMARC1; p=none"
-- foreign: plain.test p1
-- foreign: strict.test s1
-- foreign: evil.test e1
-- servfail: k1._domainkey.plain.test
dofile(dir .. "/lib.lua")

local function mail(author, m)
	m = m or {}
	m.ip = m.ip or "198.51.100.25"
	m.from = m.from or "<a@" .. author .. ">"
	m.headers = m.headers or { { "From", "a@" .. author } }
	return send(m)
end
local function with(author, signer, selector)
	return signed(signer, selector, { { "From", "a@" .. author } }, "hello\r\n")
end
local function nothing(domain) return "Email rejected: no authentication for " .. domain .. ", which has no DMARC policy" end
local function unsigned(domain) return "Email rejected: no valid DKIM signature for " .. domain .. " (author domain)" end

is(mail("plain.test", { headers = with("plain.test", "plain.test", "p1") }).reply, "accept", "no record, signed by the author's domain")
ok(mail("plain.test").added("X-Countersign-Quarantine") ~= nil, "no record, only SPF passes for it")
ok(mail("plain.test", { ip = "203.0.113.66" }).reply_is("550", "5.7.26", nothing("plain.test")), "no record, nothing passes")
ok(mail("plain.test", { ip = "203.0.113.66", from = "<a@evil.test>", headers = with("plain.test", "evil.test", "e1") })
	.reply_is("550", "5.7.26", nothing("plain.test")), "a forger's own signature and SPF are not for the author's domain")
logged('local rule for %* with aligned=none without a DMARC record', "the log says why")
ok(mail("sub.plain.test", { headers = with("sub.plain.test", "plain.test", "p1") }).reply_is("550", "5.7.26", nothing("sub.plain.test")),
	"by the tree walk a domain without a record is one of its own")
is(mail("old.test", { ip = "203.0.113.66" }).reply, "accept", "the first line that fits counts")
is(mail("plain.test", { ip = "198.51.100.77" }).reply, "accept", "trusted forwarders go first")

is(mail("strict.test", { headers = with("strict.test", "strict.test", "s1") }).reply, "accept", "a record, signed")
ok(mail("strict.test").reply_is("550", "5.7.22", unsigned("strict.test")), "DMARC passes by SPF alone")
logged("dmarc=pass policy=reject aligned=spf override=local_policy action=reject ", "and the log says both")
is(mail("mild.test").reply, "accept", "a line for another policy")
is(mail("strict.test", { ip = "198.51.100.77" }).reply, "accept", "a forwarder's")

local function with_lost_key(author)
	local list = with(author, "plain.test", "p1")
	list[1][2] = string.gsub(list[1][2], "s=p1", "s=k1")
	return list
end
ok(mail("plain.test", { ip = "203.0.113.66", headers = with_lost_key("plain.test") })
	.deferred_for("plain.test", "TXT k1._domainkey.plain.test"), "the author's key is not known for now: try again later")
ok(mail("evil.test", { ip = "198.51.100.25", headers = with_lost_key("evil.test") }).reply_is("550", "5.7.26", nothing("evil.test")),
	"a key that could not help is not waited for")
done()
