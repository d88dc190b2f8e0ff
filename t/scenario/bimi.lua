-- SPDX-License-Identifier: BSD-2-Clause
-- BIMI as far as DNS goes: which messages may show a logo, and which record is for them.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; bimi: { mode = "report"; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
-- zone: default._bimi.sender.test 60 TXT "v=BIMI1; l=https://sender.test/logo.svg; a="
-- zone: brand._bimi.sender.test 60 TXT "v=BIMI1; l=; a="
-- zone: weak.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.weak.test 60 TXT "v=DMARC1; p=none"
-- zone: default._bimi.weak.test 60 TXT "v=BIMI1; l=https://weak.test/logo.svg; a="
-- foreign: sender.test sel1
-- foreign: weak.test sel1
-- servfail: lost._bimi.sender.test
dofile(dir .. "/lib.lua")

local body = "x\r\n"
local function bimi(domain, headers, options)
	table.insert(headers, 1, { "From", "Bob <bob@" .. domain .. ">" })
	if options ~= nil then headers = signed(domain:gsub("^news%.", ""), "sel1", headers, body, options) end
	local r = send{ ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@" .. domain .. ">", headers = headers, body = body }
	is(r.reply, "accept", "accepted")
	for _, name in ipairs{ "BIMI-Location", "BIMI-Indicator", "BIMI-Logo-Preference" } do
		ok(r.added(name) == nil, name .. " is not added")
	end
	return r.ar
end

local plain = "-c relaxed/relaxed"
like(bimi("sender.test", {}, plain), "bimi=skipped %(the indicator has not been%s+checked%)%s+header.d=sender.test%s+header.selector=default", "a record that has not been checked")
like(bimi("news.sender.test", {}, plain), "bimi=skipped.*header.d=sender.test", "the organizational domain's record")
like(bimi("sender.test", { { "BIMI-Selector", "v=BIMI1; s=brand" } }, plain), "bimi=declined.*header.selector=brand", "a signed selector chooses the record")
like(bimi("sender.test", { { "BIMI-Selector", "v=BIMI1; s=none" } }, plain), "bimi=none.*header.selector=none", "and there is no other for it")
like(bimi("sender.test", { { "BIMI-Selector", "v=BIMI1; s=lost" } }, plain), "bimi=temperror", "DNS does not answer")
like(bimi("sender.test", {}), "bimi=skipped %(no aligned DKIM", "SPF alone is not enough")
like(bimi("weak.test", {}, plain), "bimi=skipped %(the DMARC record of weak.test has p:none", "a domain that is not protected")
done()
