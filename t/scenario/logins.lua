-- SPDX-License-Identifier: BSD-2-Clause
-- sign.logins: with a map, nothing else lets an authenticated sender sign.
-- conf: trusted_networks = [ ]; sign: { logins = ( { login = "carol"; domains = [ "example.com", "sub.hosted.test" ]; } ); };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, from, author)
	return send{ from = from, headers = { { "From", author } },
		macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login } }.added("DKIM-Signature") ~= nil
end

ok(signs("carol", "<x@elsewhere.test>", "carol@example.com"), "the map lets carol sign for example.com, whatever MAIL FROM is")
ok(signs("carol", "<x@elsewhere.test>", "carol@sub.hosted.test"), "and for sub.hosted.test")
ok(not signs("carol", "<c@hosted.test>", "carol@hosted.test"), "but not for hosted.test itself")
ok(not signs("alice@example.com", "<alice@example.com>", "alice@example.com"), "a login that is not in the map signs nothing")
done()
