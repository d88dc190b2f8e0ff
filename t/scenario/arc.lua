-- SPDX-License-Identifier: BSD-2-Clause
-- ARC: a chain is validated; trusted sealers are believed; what we accept is sealed for the next hop.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; };
-- conf: arc: { trusted_sealers = [ "lists.test", "*.relay.test" ]; seal = [ "example.com", "example.org" ]; };
-- key: example.com a1 rsa2048
-- key: example.com e1 ed25519
-- key: example.org o1 rsa2048
-- publish: example.com a1
-- publish: example.org o1
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- foreign: lists.test s1
-- foreign: deep.relay.test s1
-- foreign: evil.test s1
-- foreign: lost.relay.test s1 nowhere
-- servfail: s1._domainkey.lost.relay.test
dofile(dir .. "/lib.lua")

local plain = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local body = "hello\r\n"
local authentic = "dmarc=pass (p=reject) header.from=sender.test; arc=none smtp.remote-ip=198.51.100.25"

local function write(path, headers, text)
	local f = assert(io.open(path, "wb"))
	for _, h in ipairs(headers) do f:write(h[1] .. ": " .. h[2] .. "\r\n") end
	f:write("\r\n" .. text)
	f:close()
end

-- Every foreign key and ours, for arcmsg.
local records = tmp .. "/records"
os.execute("sed -nE 's/^([^ ]*_domainkey[^ ]*) 60 TXT \"([^\"]*)\" ?\"?([^\"]*)\"?$/\\1 \\2\\3/p' " .. tmp .. "/zone >" .. records)

-- HEADERS with one more ARC set by DOMAIN, which says RESULTS.
local function sealed(domain, headers, results)
	write(tmp .. "/unsealed", headers, body)
	local text = output(bin .. "/arcmsg " .. records .. " " .. tmp .. "/" .. domain .. ".s1.key " .. domain .. " s1 '" ..
		domain .. "; " .. (results or authentic) .. "' <" .. tmp .. "/unsealed 2>/dev/null")
	local all = {}
	for name, value in text:match("^(.-)\r\n\r\n"):gsub("\r\n([ \t])", "\n%1"):gmatch("([^:\r\n]+): ([^\r]*)\r?\n?") do
		all[#all + 1] = { name, value }
	end
	return all
end

local function through(headers, text)
	return send{ ip = "203.0.113.66", from = "<bob@sender.test>", headers = headers, body = text or body }
end

local r = through(plain)
ok(r.refused_for("sender.test"), "without a chain it is refused")
r = through(sealed("lists.test", plain))
is(r.reply, "accept", "sealed by a trusted sealer that found it authentic, it is accepted")
like(r.ar, "arc=pass %(1 set, the newest sealed by lists.test", "the field says arc=pass")
like(r.ar, "smtp.remote%-ip=203.0.113.66", "and where it came from")
like(r.ar, "dmarc=fail %(p=reject dis=none%s+override=local_policy%)", "and dmarc=fail, and why it was accepted")
local replay = sealed("lists.test", plain)
table.insert(replay, 1, { "Subject", "another one" })
ok(through(replay).refused_for("sender.test"), "with a second Subject above what the sealer signed it is refused")
local day = os.date("!%Y-%m-%d")
local report = output(countersign .. " report show sender.test --day " .. day .. " --json")
like(report, "arc=pass as%[1%]%.d=lists%.test as%[1%]%.s=s1 remote%-ip%[1%]=198%.51%.100%.25",
	"the report's comment has the chain (RFC 8617 section 7.2.2)")
logged(" arc=pass/lists%.test/1 ", "the log line has it")

ok(through(sealed("lists.test", plain), "changed\r\n").refused_for("sender.test"), "with a changed body it is refused")
ok(through(sealed("evil.test", plain)).refused_for("sender.test"), "with a stranger's seal it is refused")
ok(through(sealed("lists.test", plain, "dmarc=fail header.from=sender.test; spf=pass smtp.mailfrom=sender.test"))
	.refused_for("sender.test"), "a trusted sealer that found a forgery: refused")
ok(through(sealed("lists.test", plain, "dmarc=pass header.from=other.test")).refused_for("sender.test"),
	"one that speaks of another author: refused")
is(through(sealed("lists.test", plain, "spf=pass smtp.mailfrom=bob@sender.test; dkim=none")).reply, "accept",
	"one without DMARC that found aligned SPF: accepted")
ok(through(sealed("lists.test", plain, "spf=pass smtp.mailfrom=bob@other.test; dkim=pass header.d=other.test"))
	.refused_for("sender.test"), "without alignment: refused")
is(through(sealed("deep.relay.test", sealed("lists.test", plain), "dmarc=fail header.from=sender.test; arc=pass")).reply,
	"accept", "two trusted hops, of which the first found it authentic: accepted")
ok(through(sealed("lists.test", sealed("evil.test", plain), "dmarc=fail header.from=sender.test; arc=pass"))
	.refused_for("sender.test"), "a stranger's word behind a trusted hop does not count")
is(through(sealed("lists.test", sealed("evil.test", plain))).reply, "accept", "but the trusted hop's own does")
ok(through(sealed("evil.test", sealed("lists.test", plain))).refused_for("sender.test"),
	"what a stranger handed on last is refused, whatever is below")
ok(through(sealed("lost.relay.test", plain)).deferred_for("sender.test", "TXT s1._domainkey.lost.relay.test"), "a trusted sealer's key without an answer: try again later")

-- our own seal
r = send{ ip = "198.51.100.25", from = "<bob@sender.test>", headers = plain, body = body }
local seal, message, results = r.added("ARC-Seal"), r.added("ARC-Message-Signature"), r.added("ARC-Authentication-Results")
like(seal, "i=1; a=rsa%-sha256;.*cv=none;.*d=example.com;.*s=a1;", "accepted mail is sealed, by the RSA key")
like(results, "i=1; mx.example.com;.*dmarc=pass", "with what we found")
local again = { { "ARC-Seal", seal }, { "ARC-Message-Signature", message }, { "ARC-Authentication-Results", results },
	plain[1], plain[2] }
write(tmp .. "/ours", again, body)
like(output(bin .. "/arcmsg " .. records .. " <" .. tmp .. "/ours 2>&1"), "^pass 1 set", "the seal is right")
r = through(sealed("lists.test", plain))
like(r.added("ARC-Seal"), "i=2; .*cv=pass", "a chain that is good goes on")
r = send{ ip = "198.51.100.25", from = "<bob@sender.test>", headers = sealed("lists.test", plain), body = "changed\r\n" }
like(r.added("ARC-Seal"), "i=2; .*cv=fail", "one that is broken is sealed as broken")

-- With two domains the recipients decide which one seals.
local function sealer(...)
	r = send{ ip = "198.51.100.25", from = "<bob@sender.test>", rcpt = { ... }, headers = plain, body = body }
	return (r.added("ARC-Seal") or ""):match("d=([^;]*);")
end
is(sealer("<a@example.org>", "<b@example.org>"), "example.org", "the recipients' domain seals")
is(sealer("<a@sub.example.org>"), "example.org", "and seals for its subdomains")
is(sealer("<a@example.org>", "<b@example.com>"), "example.com", "recipients in both: the first domain seals")
is(sealer("<a@other.test>"), "example.com", "recipients in neither: the first domain seals")
done()
