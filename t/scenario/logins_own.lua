-- SPDX-License-Identifier: BSD-2-Clause
-- Without sign.logins a login signs for its own domain and what is agreed to be its alias, whatever MAIL FROM says.
-- conf: trusted_networks = [ ]; sign: { aliases = ( { domain = "example.com"; aliases = [ "alias.test", "*.shops.test" ]; } ); };
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
-- key: alias.test a1 ed25519
-- key: shops.test p1 ed25519
-- key: other-shops.test o1 ed25519
-- key: sub.hosted.test n1 ed25519
dofile(dir .. "/lib.lua")

local function signs(login, from, author, macros)
	return send{ from = from, headers = { { "From", author } },
		macros = macros or { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login } }.added("DKIM-Signature") ~= nil
end

-- the attack
ok(not signs("mallory@example.com", "<boss@hosted.test>", "boss@hosted.test"), "a login does not sign as another domain by its MAIL FROM")
ok(not signs("mallory@example.com", "<@example.com:boss@hosted.test>", "boss@hosted.test"), "nor by a route")
ok(not signs("mallory@example.com", "<@hosted.test:mallory@example.com>", "boss@hosted.test"), "either way round")
ok(not signs("mallory@example.com", "<>", "boss@hosted.test"), "nor with the null sender")
ok(not signs("boss@hosted.test@example.com", "<boss@hosted.test>", "boss@hosted.test"), "the last @ counts")
ok(not signs("mallory", "<boss@hosted.test>", "boss@hosted.test"), "nor a login without a domain")
ok(not signs("mallory@", "<boss@hosted.test>", "boss@hosted.test"), "nor one with an empty domain")
ok(not signs(nil, "<boss@hosted.test>", "boss@hosted.test", { "i", "S2", "{auth_type}", "EXTERNAL" }), "nor one without a name")
ok(not signs("x@alias.test", "<a@example.com>", "a@example.com"), "an alias does not work backwards")
ok(not signs("x@hosted.test", "<a@alias.test>", "a@alias.test"), "nor for others")
ok(not signs("x@hosted.test", "<a@sub.hosted.test>", "a@sub.hosted.test"), "nor is a subdomain with a key of its own ours")
ok(not signs("x@sub.hosted.test", "<a@hosted.test>", "a@hosted.test"), "nor the domain above")
ok(not signs("x@shops.test", "<a@example.com>", "a@example.com"), "nor a domain for that of which it is an alias")

-- and what a login may
ok(signs("alice@example.com", "<alice@example.com>", "alice@example.com"), "its own domain")
ok(signs("alice@EXAMPLE.com", "<alice@example.com>", "alice@example.com"), "in either case")
ok(signs("alice@example.com", "<bounce@esp.test>", "alice@example.com"), "with any MAIL FROM")
ok(signs("alice@example.com", "<>", "news@sub.example.com"), "a subdomain without a key of its own")
ok(signs("alice@example.com", "<alice@alias.test>", "alice@alias.test"), "an alias")
ok(signs("alice@example.com", "<alice@a.shops.test>", "alice@a.shops.test"), "one by its pattern")
ok(signs("alice@example.com", "<alice@shops.test>", "alice@shops.test"), "which includes the domain itself")
ok(not signs("alice@example.com", "<alice@other-shops.test>", "alice@other-shops.test"), "but not one whose name merely ends like it")
ok(signs("a@sub.hosted.test", "<>", "a@sub.hosted.test"), "a subdomain's login for that")

local log = output("cat " .. tmp .. "/log")
like(log, 'reason="login mallory@example%.com may not sign for hosted%.test %(sign%.logins, sign%.aliases%)"', "the log says why")
like(log, 'reason="login mallory has no domain, and nothing binds it to hosted%.test %(sign%.logins, sign%.mta_checks_sender%)"',
	"and what binds a login without a domain")
done()
