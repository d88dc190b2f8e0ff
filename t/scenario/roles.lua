-- SPDX-License-Identifier: BSD-2-Clause
-- The role of a listen entry goes before names of services and trusted networks; IPv6 sockets in each spelling.
-- conf: listen = ( "local:@TMP@/milter.sock", { socket = "local:@TMP@/users.sock"; role = "submission"; },
-- conf: { socket = "unix:@TMP@/in.sock"; role = "inbound"; } );
-- conf: authserv_id = "mx.example.com";
-- key: example.com s1 ed25519
dofile(dir .. "/lib.lua")

local login = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", "alice@example.com" }
local main = sock

local function kind(path, ip, service, macros)
	sock = path == "milter" and main or "unix:" .. tmp .. "/" .. path .. ".sock"
	local conn = connect{ ip = ip, macros = { "j", "mx.example.com", "{daemon_name}", service } }
	local r = transact(conn, { from = "<alice@example.com>", headers = { { "From", "alice@example.com" } }, macros = macros })
	local what = r.added("DKIM-Signature") ~= nil and "signed" or r.ar ~= nil and "judged" or "neither"
	mt.disconnect(conn)
	return what
end

is(kind("milter", "203.0.113.66", "smtpd"), "judged", "auto: a stranger is judged")
is(kind("milter", "127.0.0.1", "smtpd"), "signed", "loopback is trusted")
is(kind("milter", "203.0.113.66", "ORIGINATING"), "signed", "a submission service is one")
is(kind("users", "203.0.113.66", "smtpd"), "signed", "submission: every client submits")
is(kind("in", "127.0.0.1", "smtpd"), "judged", "inbound: loopback is judged")
is(kind("in", "203.0.113.66", "ORIGINATING"), "judged", "whatever the service is called")
is(kind("in", "203.0.113.66", "smtpd", login), "signed", "but a login is one")
done()
