-- SPDX-License-Identifier: BSD-2-Clause
-- Under dmarc.enforce = "observe" nothing is done with a spoof, but what strangers may not claim goes.
-- conf: dmarc: { enforce = "observe"; }; authserv_id = "mx.example.com"; trusted_networks = [ ];
-- zone: strict.test 60 TXT "v=spf1 -all"
-- zone: _dmarc.strict.test 60 TXT "v=DMARC1; p=reject"

dofile(dir .. "/lib.lua")

local fields = {
	{ "X-Countersign-Quarantine", "yes" },
	{ "Received-SPF", "pass receiver=mx.example.com" },
	{ "ARC-Authentication-Results", "i=1; mx.example.com; dmarc=pass header.from=strict.test" },
	{ "Authentication-Results", "\194\160mx.example.com; dmarc=pass header.from=strict.test" },
}
for _, f in ipairs(fields) do
	local r = send{ ip = "203.0.113.66", from = "<bob@strict.test>", headers = { f, { "From", "bob@strict.test" } } }
	is(r.reply, "accept", f[1] .. ": a spoof is accepted")
	ok(r.deletes(f[1]), "but the field is removed")
	ok(r.added("X-Countersign-Quarantine") == nil, "and it is not marked")
end
done()
