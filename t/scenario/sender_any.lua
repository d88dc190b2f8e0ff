-- SPDX-License-Identifier: BSD-2-Clause
-- sign.sender = "any": who may submit may write as every domain with a key, as with OpenDKIM; nobody else may.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8" ]; sign: { sender = "any"; };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, from, author, m)
	m = m or {}
	m.from, m.headers = from, { { "From", author } }
	m.macros = login and { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login } or { "i", "S1" }
	return send(m).added("DKIM-Signature") ~= nil
end

ok(signs("alice", "<x@verp.test>", "info@hosted.test"), "any login, any author with a key")
ok(signs("alice@example.com", "<>", "info@hosted.test"), "with the null sender")
ok(not signs("alice", "<alice@other.test>", "a@other.test"), "a domain without a key has no signature")
ok(not signs(nil, "<boss@hosted.test>", "boss@hosted.test"), "a stranger is not signed")
ok(signs(nil, "<x@esp.test>", "boss@hosted.test", { ip = "127.0.0.1" }), "a program of this host is")
local travelled = { { "Received", "from evil.test (evil.test [203.0.113.66]) by mx.example.com (Postfix) with ESMTP id 4F5A; now" },
	{ "From", "boss@hosted.test" } }
ok(send{ ip = "127.0.0.1", from = "<x@evil.test>", headers = travelled }.added("DKIM-Signature") == nil,
	"what a content filter hands back is not")
done()
