-- SPDX-License-Identifier: BSD-2-Clause
-- sign.sender = "envelope": the MTA binds MAIL FROM to the login; the login's own domain counts as well.
-- conf: trusted_networks = [ ]; sign: { sender = "envelope"; };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, from, author, m)
	m = m or {}
	m.from, m.headers = from, { { "From", author } }
	m.macros = login and { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login } or { "i", "S1" }
	return send(m).added("DKIM-Signature") ~= nil
end

ok(signs("alice@example.com", "<info@hosted.test>", "info@hosted.test"), "an alias of another domain that the MTA lets it use")
ok(signs("alice@example.com", "<bounce@esp.test>", "alice@example.com"), "the login's own domain, with any MAIL FROM")
ok(signs("alice", "<alice@example.com>", "alice@example.com"), "a login without a domain")
ok(signs("alice@example.com", "<>", "alice@example.com"), "the null sender: the login's domain")
-- the attack
ok(not signs("mallory@example.com", "<mallory@example.com>", "boss@hosted.test"), "not an author of neither")
ok(not signs("mallory@example.com", "<>", "boss@hosted.test"), "nor with the null sender, which no MTA binds")
ok(not signs("mallory", "<>", "boss@hosted.test"), "nor of a login without a domain")
ok(not signs("mallory@example.com", "<@hosted.test:mallory@example.com>", "boss@hosted.test"), "nor by a route")
ok(not signs(nil, "<boss@hosted.test>", "boss@hosted.test"), "a stranger is not a login")
done()
