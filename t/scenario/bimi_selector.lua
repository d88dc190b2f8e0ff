-- SPDX-License-Identifier: BSD-2-Clause
-- bimi.selectors: which logo our own mail shows is added, and signed with it.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8" ];
-- conf: bimi: { selectors = ( { domains = [ "example.com" ]; selector = "Winter"; }, { domains = [ "*.example.com", "hosted.test" ]; selector = "other"; } ); };
-- key: example.com s1 ed25519
-- zone: example.com 60 TXT "v=spf1 -all"
dofile(dir .. "/lib.lua")

local function submit(author, headers)
	local all = { { "From", author }, { "Subject", "x" } }
	for _, h in ipairs(headers or {}) do table.insert(all, h) end
	return send{ ip = "203.0.113.66", from = "<alice@example.com>", headers = all,
		macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", "alice@example.com" } }
end

local r = submit("Alice <alice@example.com>")
is(r.added("BIMI-Selector"), " v=BIMI1; s=winter;", "the selector of the domain")
like(r.added("DKIM-Signature"), "BIMI%-Selector:%s*BIMI%-Selector", "signed, and no other may be added")
r = submit("Alice <alice@sub.example.com>")
is(r.added("BIMI-Selector"), " v=BIMI1; s=other;", "the selector of a subdomain")
r = submit("Alice <alice@example.com>", { { "BIMI-Selector", "v=BIMI1; s=mine" } })
ok(r.added("BIMI-Selector") == nil, "the sender's own choice stays")
like(r.added("DKIM-Signature"), "BIMI%-Selector", "and is signed")
r = submit("Boss <boss@hosted.test>")
ok(r.added("BIMI-Selector") == nil, "none without a signature")
r = send{ ip = "203.0.113.66", from = "<bob@sender.test>", headers = { { "From", "Alice <alice@example.com>" }, { "Subject", "x" } } }
ok(r.added("BIMI-Selector") == nil, "none for strangers")
done()
