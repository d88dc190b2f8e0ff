-- SPDX-License-Identifier: BSD-2-Clause
-- A record that is published while the daemon runs: the next message that would need the key makes it look.
-- conf: authserv_id = "mx.example.com"; dns: { timeout = "2s"; };
-- dnsd: --negative-ttl 1
-- key: later.test p1 ed25519 pending
-- key: other.test p2 ed25519 pending
dofile(dir .. "/lib.lua")

local function signed_now()
	local r = send{ ip = "203.0.113.66", from = "<alice@later.test>", headers = {
		{ "From", "Alice <alice@later.test>" }, { "Subject", "x" } },
		macros = { "i", "K1", "{auth_type}", "PLAIN", "{auth_authen}", "alice@later.test" } }
	return r.added("DKIM-Signature") ~= nil
end

ok(not signed_now(), "a pending key does not sign before its record is there")
local record = output(countersign .. " key show later.test --format line 2>/dev/null"):match("v=DKIM1[^\n]*")
ok(record ~= nil, "the record to publish")
local zone = assert(io.open(tmp .. "/zone", "a"))
zone:write("p1._domainkey.later.test 60 TXT \"" .. record .. "\"\n")
local others = output(countersign .. " key show other.test --format line 2>/dev/null"):match("v=DKIM1[^\n]*")
zone:write("p2._domainkey.other.test 60 TXT \"" .. others .. "\"\n")
zone:close()
os.execute("pkill -HUP -f -- '" .. tmp .. "/zone$'")
local signs = false
for _ = 1, 60 do -- the look comes at most every five seconds, and the daemon remembers for one that there was nothing
	if signed_now() then
		signs = true
		break
	end
	os.execute("sleep 0.25")
end
ok(signs, "after that it signs, without a reload")
local log = output("cat " .. tmp .. "/log")
like(log, "key p1 of later%.test: ", "the log says so")
unlike(log, "key p2 of other%.test: ", "a key that no message needs is not looked up for that")
done()
