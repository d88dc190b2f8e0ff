-- SPDX-License-Identifier: BSD-2-Clause
-- A key's life as the daemon sees it: an active key signs, a pending one, a retired one and a revoked one do not.
-- conf: authserv_id = "mx.example.com"; dns: { timeout = "2s"; };
-- key: example.com a1 ed25519
-- key: example.com p1 ed25519 pending
-- key: example.com r1 ed25519 retired 2026-11-01T00:00:00Z
-- key: example.com x1 ed25519 revoked
-- key: waiting.test p1 ed25519 pending 2026-11-22T12:00:00Z
-- key: old.test r1 ed25519 retired
-- key: seen.test p3 rsa2048 pending
-- key: wrong.test p4 ed25519 pending
-- publish: example.com a1
-- publish: example.com r1
-- publish: seen.test p3
-- publish: example.com p1 p4._domainkey.wrong.test
-- key: bare.test a2 ed25519
-- key: sub.example.com p2 ed25519 pending
dofile(dir .. "/lib.lua")

local function submit(domain)
	return send{ ip = "203.0.113.66", from = "<alice@" .. domain .. ">", headers = {
		{ "From", "Alice <alice@" .. domain .. ">" }, { "Subject", "x" } },
		macros = { "i", "K1", "{auth_type}", "PLAIN", "{auth_authen}", "alice@" .. domain } }
end

local function log()
	local file = io.open(tmp .. "/log")
	local text = file:read("*a")
	file:close()
	return text
end

local r = submit("example.com")
like(r.added("DKIM-Signature", 0), "s=a1", "the active key signs")
ok(r.added("DKIM-Signature", 1) == nil, "and no other")
r = submit("waiting.test")
ok(r.added("DKIM-Signature") == nil, "a pending key does not sign")
like(log(), "no active key for waiting%.test: p1 of waiting%.test is pending", "the log says why")
r = submit("old.test")
ok(r.added("DKIM-Signature") == nil, "a retired key does not sign")
like(log(), "r1 of old%.test is retired", "the log says why")
r = submit("sub.example.com")
like(r.added("DKIM-Signature", 0), "d=example%.com", "the parent's key signs until the subdomain's own is active")

-- keys are looked up beside the mail, from the start on
for _ = 1, 100 do
	if log():find("key p3 of seen.test") and log():find("key p4 of wrong.test") then break end
	os.execute("sleep 0.05")
end
like(log(), "key p3 of seen%.test: the DNS shows its record, so it signs; to keep that: countersign key activate seen%.test p3",
	"a pending key wakes when its record is seen")
r = submit("seen.test")
like(r.added("DKIM-Signature", 0), "s=p3", "and signs")
like(log(), "key p4 of wrong%.test waits, and its record in the DNS: differs, another key is published", "a wrong record is told")
r = submit("wrong.test")
ok(r.added("DKIM-Signature") == nil, "and its key does not sign")
like(log(), "key a2 of bare%.test signs, but its record in the DNS: absent; see: countersign key check bare%.test",
	"an active key without a record is told")
unlike(log(), "key a1 of", "one with its record is not")
unlike(log(), "key r1 of", "nor one that is retired")
done()
