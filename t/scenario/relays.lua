-- SPDX-License-Identifier: BSD-2-Clause
-- relays: mail of a backup MX or a gateway is judged by the client that its own Received field names, and never signed.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8", "192.0.2.0/24" ]; dmarc: { enforce = "strict"; };
-- conf: relays = ( { from = [ "192.0.2.53", "2001:db8::53" ]; }, { from = [ "192.0.2.54" ]; results_of = "gw.example.com"; }, { from = [ "192.0.2.55" ]; client = "skip"; } );
-- key: example.com s1 ed25519
-- zone: example.com 60 TXT "v=spf1 ip4:192.0.2.0/24 -all"
-- zone: _dmarc.example.com 60 TXT "v=DMARC1; p=reject"
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: mail.sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
dofile(dir .. "/lib.lua")

local function line(ip, by, helo)
	return { "Received", "from " .. (helo or "mail.sender.test") .. " (mail.sender.test [" .. ip .. "]) by " .. (by or "gw.example.com") ..
		" (Postfix) with ESMTP id 4F5A; now" }
end
local real, evil = line("198.51.100.25"), line("203.0.113.66")
local amavis = { "Received", "from gw.example.com ([127.0.0.1]) by localhost (gw.example.com [127.0.0.1]) (amavisd-new, port 10024); now" }
local back = { "Received", "from localhost (localhost [127.0.0.1]) by gw.example.com (Postfix) with ESMTP id 4F5B; now" }
local begun = { "Received", "by gw.example.com (Postfix, from userid 0) id 4F5A; now" }
local author = { "From", "Bob <bob@sender.test>" }

local function pass(fields, m)
	m = m or {}
	local headers = {}
	for _, f in ipairs(fields) do headers[#headers + 1] = f end
	headers[#headers + 1] = m.author or author
	return send{ ip = m.ip or "192.0.2.53", helo = "gw.example.com", from = m.from or "<bob@sender.test>", headers = headers, macros = m.macros }
end
local function refused(r) return r.refused_for("sender.test") end

-- the client that the relay names
local r = pass{ real }
like(r.ar, "iprev=pass[^;]*policy.iprev=198.51.100.25", "iprev is about the relay's client")
like(r.ar, "spf=pass[^;]*smtp.mailfrom=sender.test", "so is SPF")
like(r.ar, "dmarc=pass", "and so DMARC")
ok(r.added("DKIM-Signature") == nil, "nothing is signed")
ok(refused(pass{ evil }), "a stranger who comes by the relay is judged as one")
like(pass({ real }, { ip = "2001:db8::53" }).ar, "dmarc=pass", "a relay may have several addresses")
like(pass{ back, amavis, real }.ar, "dmarc=pass", "a filter on the relay is passed over")
ok(refused(pass{ back, amavis, evil }), "for strangers, too")
like(pass{ line("192.0.2.54"), real }.ar, "dmarc=pass", "and another relay")
like(pass({ real }, { from = "<>" }).ar, "spf=pass[^;]*smtp.helo=mail.sender.test", "the null sender's HELO is what the relay says")

-- attacks: what a stranger writes himself
ok(refused(pass{ evil, real }), "a Received field that a stranger wrote does not count")
ok(refused(pass{ evil, amavis, real }), "nor one that looks like a filter's")
ok(refused(pass{ line("203.0.113.66", nil, "[198.51.100.25]"), real }), "nor does his HELO")
ok(pass{ line("192.0.2.54"), { "Received", "from x (y) by z" }, real }.deferred_for("sender.test"), "a line that cannot be read ends the search")
ok(pass{}.deferred_for("sender.test"), "so does a message without any")
ok(pass{ real, { "Authentication-Results", "mx.example.com; dmarc=pass" } }.deletes("Authentication-Results"), "forged results go")

-- never signed
local ours = { "From", "ceo@example.com" }
for name, m in pairs{ ["from a trusted network"] = {}, ["with a login"] = { macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", "ceo@example.com" } } } do
	m.author, m.from = ours, "<ceo@example.com>"
	r = pass({ evil }, m)
	ok(r.refused_for("example.com") and r.added("DKIM-Signature") == nil, "a spoof of our domain through a relay is refused, " .. name)
	r = pass({ begun }, m)
	ok(r.added("DKIM-Signature") == nil, "and not signed where it began there, " .. name)
	like(r.ar, "dmarc=pass", "but judged by the relay's own address")
end

-- results of a gateway
local function results(text) return { "Authentication-Results", "gw.example.com; " .. text } end
local gw = { ip = "192.0.2.54" }
r = pass({ results("spf=pass smtp.mailfrom=bob@sender.test"), evil }, gw)
like(r.ar, "spf=pass", "the gateway's SPF result counts")
like(r.ar, "policy.iprev=203.0.113.66", "the address is that of the client all the same")
ok(refused(pass({ results("spf=fail smtp.mailfrom=sender.test"), real }, gw)), "also where it is fail")
ok(refused(pass({ evil, results("spf=pass smtp.mailfrom=sender.test") }, gw)), "a stranger's does not")
ok(refused(pass({ results("spf=pass smtp.mailfrom=evil.test"), evil }, gw)), "nor one for another domain")
ok(refused(pass({ results("dkim=pass header.d=sender.test; dmarc=pass header.from=sender.test"), evil }, gw)), "DKIM and DMARC are not taken")
ok(refused(pass({ { "Authentication-Results", "other.example; spf=pass smtp.mailfrom=sender.test" }, evil }, gw)), "nor those of another name")
ok(refused(pass({ results("spf=pass smtp.mailfrom=sender.test"), evil })), "nor those of a relay without results_of")
ok(refused(pass({ results("spf=pass smtp.mailfrom=sender.test"), evil }, { ip = "203.0.113.66" })), "nor of a stranger")
like(pass({ results("spf=temperror smtp.mailfrom=sender.test"), real }, gw).ar, "spf=pass", "after its temperror SPF is evaluated here")

-- skipped
r = pass({ evil, { "Authentication-Results", "mx.example.com; dmarc=pass" }, { "X-Countersign-Quarantine", "no" } }, { ip = "192.0.2.55" })
ok(r.reply == "accept" and r.ar == nil, "a relay that is skipped is not judged")
ok(r.deletes("Authentication-Results") and r.deletes("X-Countersign-Quarantine"), "forged fields go")
r = pass({ evil }, { ip = "192.0.2.55", from = "<ceo@example.com>", author = ours, macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", "ceo@example.com" } })
ok(r.added("DKIM-Signature") == nil, "nor signed")

local log = output("cat " .. tmp .. "/log")
like(log, "origin=relay relay=192%.0%.2%.53 ip=198%.51%.100%.25 helo=mail%.sender%.test", "the log has both addresses")
like(log, 'relay=192%.0%.2%.55 .*action=accept reason="mail of this relay is neither judged nor signed %(relays%)"', "and says what is skipped")
local report = output(countersign .. " report show sender.test --day " .. os.date("!%Y-%m-%d") .. " --json")
like(report, '"198%.51%.100%.25"', "the report has the client's address")
unlike(report, '"192%.0%.2%.5', "and not the relay's")
done()
