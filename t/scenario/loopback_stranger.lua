-- SPDX-License-Identifier: BSD-2-Clause
-- trusted_networks = [ ] means nobody: behind a proxy or a port forward every client comes from 127.0.0.1.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; };
-- key: example.com s1 ed25519
-- zone: example.com 60 TXT "v=spf1 ip4:192.0.2.1 -all"
-- zone: _dmarc.example.com 60 TXT "v=DMARC1; p=reject"
-- zone: 1.0.0.127.in-addr.arpa 60 PTR localhost
-- zone: localhost 60 A 127.0.0.1
dofile(dir .. "/lib.lua")

local function spoof(ip)
	return send{ ip = ip, from = "<ceo@example.com>", headers = { { "From", "ceo@example.com" }, { "Subject", "x" } } }
end

for _, ip in ipairs{ "127.0.0.1", "127.3.2.1" } do
	local r = spoof(ip)
	ok(r.added("DKIM-Signature") == nil, ip .. ": a spoof of our domain is not signed")
	ok(r.refused_for("example.com"), ip .. ": but refused by our own policy")
end
local r = send{ ip = "127.0.0.1", from = "<ceo@example.com>", headers = { { "From", "ceo@example.com" } },
	macros = { "i", "A1", "{auth_type}", "PLAIN", "{auth_authen}", "ceo@example.com" } }
ok(r.added("DKIM-Signature") ~= nil, "a login is signed, wherever it comes from")
logged("origin=inbound ip=127%.0%.0%.1", "the log says inbound")
done()
