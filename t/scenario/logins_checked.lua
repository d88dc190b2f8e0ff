-- SPDX-License-Identifier: BSD-2-Clause
-- sign.mta_checks_sender: MAIL FROM binds a login that names no domain, and no other.
-- conf: trusted_networks = [ ]; sign: { mta_checks_sender = true; };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, from, author)
	return send{ from = from, headers = { { "From", author } },
		macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login } }.added("DKIM-Signature") ~= nil
end

ok(signs("alice", "<alice@example.com>", "alice@example.com"), "a login without a domain: MAIL FROM decides")
ok(signs("alice", "<alice@example.com>", "alice@sub.example.com"), "for a subdomain as well")
ok(not signs("alice", "<alice@example.com>", "boss@hosted.test"), "not for another domain")
ok(not signs("alice", "<@hosted.test:alice@example.com>", "boss@hosted.test"), "nor by a route")
ok(not signs("alice", "<@example.com:boss@hosted.test>", "boss@hosted.test"), "which MTAs read differently: it proves nothing")
ok(not signs("alice", "<>", "alice@example.com"), "nor does the null sender")
ok(not signs("alice@example.com", "<boss@hosted.test>", "boss@hosted.test"), "a login with a domain has that")
ok(signs("alice@example.com", "<x@esp.test>", "alice@example.com"), "whatever MAIL FROM is")
done()
