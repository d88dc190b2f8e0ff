-- SPDX-License-Identifier: BSD-2-Clause
-- sign.also and sign.fallback: a provider's key beside the author's, and in its place where there is none.
-- conf: authserv_id = "mx.example.com"; sign: { also = "also.test"; fallback = "fallback.test"; };
-- key: example.com s1 ed25519
-- key: also.test a1 ed25519
-- key: fallback.test f1 ed25519
-- key: waits.test w1 ed25519 pending
dofile(dir .. "/lib.lua")

local function login(name) return { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", name } end
local function signers(author, from, macros, ip)
	local r = send{ ip = ip or "203.0.113.66", from = from or "<" .. author .. ">", headers = { { "From", author } },
		macros = macros or login(author) }
	local all = {}
	for i = 0, 3 do
		local field = r.added("DKIM-Signature", i)
		if field then all[#all + 1] = field:match("d=([^;]*);") end
	end
	table.sort(all)
	return table.concat(all, " ")
end

is(signers("alice@example.com"), "also.test example.com", "the provider signs, too")
is(signers("alice@nokey.test"), "also.test fallback.test", "and alone where the author's domain has no key")
is(signers("alice@waits.test"), "", "not where the key waits for its record")
is(signers("bob@nokey.test", nil, login("alice@example.com")), "", "a login of another domain gets neither")
is(signers("bob@example.com", nil, login("alice@nokey.test")), "", "nor by a key of the author's")
is(signers("alice@fallback.test"), "also.test fallback.test", "the provider's own mail")
is(signers("alice@also.test"), "also.test", "is not signed twice by one key")
is(signers("x@nokey.test", "<x@evil.test>", { "i", "S2" }), "", "a stranger's is not signed at all")
done()
