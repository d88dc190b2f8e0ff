-- SPDX-License-Identifier: BSD-2-Clause
-- sign.logins with patterns: *@DOMAIN for logins, $login for domains.
-- conf: trusted_networks = [ ]; sign: { logins = ( { login = "*"; domains = [ "$login" ]; }, { login = "*@example.com"; domains = [ "news.test", "*.shops.test" ]; } ); };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
-- key: news.test n1 ed25519
-- key: shops.test p1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, from, author, m)
	m = m or {}
	m.from, m.headers = from, { { "From", author } }
	m.macros = login and { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login } or { "i", "S1" }
	return send(m).added("DKIM-Signature") ~= nil
end

ok(signs("alice@example.com", "<bounce@verp.test>", "alice@example.com"), "$login is the login's own domain")
ok(signs("bob@hosted.test", "<bob@hosted.test>", "bob@hosted.test"), "of every login")
ok(not signs("bob@hosted.test", "<alice@example.com>", "alice@example.com"), "and no other")
ok(not signs("bob", "<bob@hosted.test>", "bob@hosted.test"), "a login without a domain has none")
ok(signs("alice@example.com", "<x@news.test>", "x@news.test"), "*@example.com are its logins")
ok(signs("alice@EXAMPLE.com", "<x@news.test>", "x@a.shops.test"), "in either case")
ok(signs("alice@example.com", "<x@news.test>", "x@shops.test"), "*.shops.test includes shops.test")
ok(not signs("bob@hosted.test", "<x@news.test>", "x@news.test"), "not those of another domain")
ok(not signs("alice@example.com@hosted.test", "<x@news.test>", "x@news.test"), "the last @ counts")
ok(not signs("alice@sub.example.com", "<x@news.test>", "x@news.test"), "nor those below it")
ok(not signs("example.com", "<x@news.test>", "x@news.test"), "nor one that is called so")
done()
