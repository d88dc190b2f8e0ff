-- SPDX-License-Identifier: BSD-2-Clause
-- A submission service whose clients have no login: MAIL FROM decides, and From with the null sender.
-- conf: trusted_networks = [ ];
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
dofile(dir .. "/lib.lua")

local function signs(from, author, service)
	local conn = connect{ macros = { "j", "mx.example.com", "{daemon_name}", service or "ORIGINATING" } }
	local r = transact(conn, { from = from, headers = { { "From", author } } })
	local signed = r.added("DKIM-Signature") ~= nil
	mt.disconnect(conn)
	return signed
end

ok(signs("<alice@example.com>", "alice@example.com"), "MAIL FROM of the author's domain")
ok(signs("<>", "alice@example.com"), "the null sender: a bounce or an automatic reply")
ok(not signs("<alice@example.com>", "boss@hosted.test"), "another domain's author is not signed")
ok(not signs("<@hosted.test:>", "boss@hosted.test") , "nor by a route")
ok(not signs("<>", "alice@example.com", "smtpd"), "nor outside of the service")
done()
