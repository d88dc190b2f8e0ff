-- SPDX-License-Identifier: BSD-2-Clause
-- What strangers may not claim is removed, whatever is done with the message: the mark by which mailboxes sort, results
-- that carry our name, a chain's results outside a chain, Received-SPF that names us, and what shows a logo (BIMI).
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ];
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=none"
-- zone: strict.test 60 TXT "v=spf1 -all"
-- zone: _dmarc.strict.test 60 TXT "v=DMARC1; p=reject"

dofile(dir .. "/lib.lua")

local function with(name, value, from)
	from = from or "sender.test"
	return { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@" .. from .. ">",
		headers = { { name, value }, { "From", "Bob <bob@" .. from .. ">" }, { "Subject", "x" } } }
end

local gone = {
	{ "X-Countersign-Quarantine", "yes" },
	{ "x-countersign-quarantine", "no (whatever)", "X-Countersign-Quarantine" },
	{ "Received-SPF", "pass (mx.example.com: domain of a@b.test designates 192.0.2.1 as permitted sender)" },
	{ "Received-SPF", "pass receiver=mx.example.com; client-ip=192.0.2.1" },
	{ "Received-SPF", "pass" },
	{ "ARC-Authentication-Results", "i=1; mx.example.com; dmarc=pass header.from=sender.test" },
	{ "ARC-Authentication-Results", "mx.example.com; dmarc=pass header.from=sender.test" },
	{ "BIMI-Location", "v=BIMI1; l=https://evil.test/logo.svg; a=" },
	{ "bimi-location", "", "BIMI-Location" },
	{ "BIMI-Indicator", "PHN2Zy8+\n\tPHN2Zy8+" },
	{ "BIMI-LOGO-PREFERENCE", "avp=personal", "BIMI-Logo-Preference" },
	{ "Authentication-Results", "\194\160mx.example.com; dmarc=pass header.from=sender.test" },
	{ "Authentication-Results", "\160mx.example.com; dmarc=pass header.from=sender.test" },
	{ "Authentication-Results", "\255mx.example.com; dmarc=pass header.from=sender.test" },
}
for _, f in ipairs(gone) do
	local r = send(with(f[1], f[2]))
	is(r.reply, "accept", f[1] .. ": " .. f[2] .. ": accepted")
	ok(r.deletes(f[3] or f[1]), "and the field is removed")
	ok(r.added("X-Countersign-Quarantine") == nil, "without a mark")
end

local kept = {
	{ "Received-SPF", "pass (other.test: domain of a@b.test) receiver=other.test" },
	{ "ARC-Authentication-Results", "i=1; other.test; dmarc=pass header.from=sender.test" },
	{ "Authentication-Results", "other.test; dmarc=pass header.from=sender.test" },
	{ "X-Countersign-Quarantine-Of-Others", "yes" },
	{ "BIMI-Selector", "v=BIMI1; s=brand" },
}
for _, f in ipairs(kept) do
	ok(not send(with(f[1], f[2])).deletes(f[1]), f[1] .. ": " .. f[2] .. ": stays")
end

local r = send(with("X-Countersign-Quarantine", "no", "strict.test"))
ok(r.deletes("X-Countersign-Quarantine"), "the mark of a stranger is removed")
is(r.added("X-Countersign-Quarantine"), " yes", "and ours says yes, alone")
like(r.ar, "p=reject dis=quarantine", "the reason is in Authentication-Results")
done()
