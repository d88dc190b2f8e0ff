-- SPDX-License-Identifier: BSD-2-Clause
-- submission_services and inbound_services: the MTA's own names for its services.
-- conf: authserv_id = "mx.example.com"; submission_services = [ "users", "vpn-*" ]; inbound_services = [ "filter" ];
-- key: example.com s1 ed25519
dofile(dir .. "/lib.lua")

local function kind(service, m)
	local conn = connect{ ip = m.ip or "203.0.113.66", macros = { "j", "mx.example.com", "{daemon_name}", service } }
	local r = transact(conn, { from = "<alice@example.com>", headers = { { "From", "alice@example.com" } }, macros = m.macros })
	local what = r.added("DKIM-Signature") ~= nil and "signed" or r.ar ~= nil and "judged" or "neither"
	mt.disconnect(conn)
	return what
end

is(kind("users", {}), "signed", "a submission service by its own name")
is(kind("VPN-berlin", {}), "signed", "or by a pattern")
is(kind("vpn", {}), "judged", "which is matched as a whole")
is(kind("ORIGINATING", {}), "judged", "the usual names are no longer any")
is(kind("smtpd", { ip = "127.0.0.1" }), "signed", "loopback is trusted")
is(kind("filter", { ip = "127.0.0.1" }), "judged", "but not through an inbound service")
is(kind("filter", { ip = "127.0.0.1", macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", "alice@example.com" } }), "signed",
	"a login is one there, too")
done()
