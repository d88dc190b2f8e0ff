-- SPDX-License-Identifier: BSD-2-Clause
-- sign.logins with the login "*": every login, and only logins.
-- conf: trusted_networks = [ ]; sign: { logins = ( { login = "*"; domains = [ "example.com" ]; }, { login = "root"; domains = [ "*" ]; }, { login = "m"; domains = [ "MÜNCHEN.test" ]; } ); };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
-- key: xn--mnchen-3ya.test u1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, author, auth_type)
	return send{ from = "<x@elsewhere.test>", headers = { { "From", author } },
		macros = { "i", "S1", "{auth_type}", auth_type or "PLAIN", "{auth_authen}", login } }.added("DKIM-Signature") ~= nil
end

ok(signs("anybody", "a@example.com"), "the login * is every login")
ok(signs("anybody@hosted.test", "a@example.com"), "whatever its domain")
ok(not signs("anybody@hosted.test", "a@hosted.test"), "for its domains alone")
ok(signs("root", "a@hosted.test"), "another entry adds to it")
ok(signs("root", "a@example.com"), "and takes nothing away")
ok(not signs("*", "a@hosted.test"), "a login that is called * is like others")
ok(signs("m", "a@münchen.test"), "a domain may be written in Unicode")
ok(not signs("", "a@example.com", ""), "a stranger is not a login")
done()
