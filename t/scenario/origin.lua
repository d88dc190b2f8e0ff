-- SPDX-License-Identifier: BSD-2-Clause
-- Whose message it is, is decided once: auth, submission, local, inbound. Only inbound is judged, only the others are
-- signed.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8", "::1", "192.0.2.0/24" ];
-- key: example.com s1 ed25519
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
dofile(dir .. "/lib.lua")

local ours = { { "From", "Alice <alice@example.com>" }, { "Subject", "out" } }

local function kind(r)
	if r.added("DKIM-Signature") ~= nil then return "signed" end
	if r.ar ~= nil then return "judged" end
	return "neither"
end

is(kind(send{ ip = "203.0.113.66", from = "<alice@example.com>", headers = ours }), "judged", "inbound")
is(kind(send{ ip = "203.0.113.66", from = "<alice@example.com>", headers = ours,
	macros = { "i", "A1", "{auth_type}", "PLAIN", "{auth_authen}", "alice@example.com" } }), "signed", "auth")
is(kind(send{ ip = "203.0.113.66", from = "<alice@example.com>", headers = ours,
	macros = { "i", "A2", "{auth_type}", "", "{auth_authen}", "" } }), "judged", "an empty {auth_type} is not a login")
local connect_macros = { "j", "mx.example.com", "{daemon_name}", "ORIGINATING" }
local conn = connect{ ip = "203.0.113.66", macros = connect_macros }
is(kind(transact(conn, { from = "<alice@example.com>", headers = ours })), "signed", "submission: ORIGINATING")
mt.disconnect(conn)
conn = connect{ ip = "203.0.113.66", macros = { "j", "mx.example.com", "{daemon_name}", "MSP-v4" } }
is(kind(transact(conn, { from = "<alice@example.com>", headers = ours })), "signed", "submission: MSP-v4")
mt.disconnect(conn)
is(kind(send{ ip = "127.0.0.1", from = "<alice@example.com>", headers = ours }), "signed", "local: loopback")
is(kind(send{ ip = "192.0.2.77", from = "<alice@example.com>", headers = ours }), "signed", "local: a trusted network")
local unknown = send{ ip = "unspec", from = "<bob@sender.test>" }
is(unknown.reply, "replycode", "a client whose address is unknown: what would fail is deferred")
ok(unknown.deferred_for("sender.test"), "since SPF could have passed; the reply says what is missing")
unknown = send{ ip = "unspec", from = "<x@nowhere.test>", headers = { { "From", "x@nowhere.test" } } }
like(unknown.ar, "spf=temperror", "what is accepted says spf=temperror")
is(kind(send{ ip = "unspec", from = "<alice@example.com>", headers = ours }), "judged", "and ours is not signed")
is(kind(send{ ip = "127.0.0.1", from = "<x@other.test>", headers = { { "From", "x@other.test" } } }), "neither",
	"local, but no key: neither judged nor signed")

local log = output("cat " .. tmp .. "/log")
like(log, "origin=inbound", "the log says inbound")
like(log, "origin=auth[^\n]*user=alice@example.com[^\n]*sign=example.com/s1/ed25519%-sha256", "auth, who, and with what")
like(log, "origin=unknown", "unknown")
like(log, "origin=submission", "submission")
like(log, 'origin=local[^\n]*sign=no reason="no key for other.test"', "and why something is not signed")
done()
