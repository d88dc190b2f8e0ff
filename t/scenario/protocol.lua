-- SPDX-License-Identifier: BSD-2-Clause
-- What MTAs do: several messages on a connection, RSET, no message at all, odd negotiation, skipped bodies, huge headers.
-- conf: authserv_id = "auto"; trusted_networks = [ ]; max_header_bytes = "64KiB";
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" } }
local conn = connect{ ip = "198.51.100.25", helo = "mail.sender.test" }
local first = transact(conn, { headers = headers, id = "M1" })
local second = transact(conn, { headers = headers, id = "M2", from = "<x@evil.test>" })
like(first.ar, "spf=pass", "the first message of a connection")
like(second.ar, "mx%.example%.com;", "the second; our name is the MTA's ({j})")
unlike(second.ar, "dmarc=pass", "has its own verdict")
mt.disconnect(conn)

conn = connect{ ip = "198.51.100.25" }
mt.mailfrom(conn, "<a@sender.test>")
mt.rcptto(conn, "<b@example.com>")
mt.abort(conn)
is(transact(conn, { headers = headers }).reply, "accept", "a message after RSET")
mt.disconnect(conn)

conn = mt.connect(sock, 10, 0.1)
mt.disconnect(conn, false)
ok(true, "a probe that says nothing")
conn = connect{ ip = "198.51.100.25" }
mt.disconnect(conn, false)
ok(true, "a connection that breaks off")

local r = send{ ip = "198.51.100.25", headers = headers, body = { string.rep("a\r\n", 20000), string.rep("b\r\n", 20000) } }
ok(r.skipped, "without a signature the rest of the body is not asked for")

local big = { { "From", "Bob <bob@sender.test>" } }
for i = 1, 80 do big[#big + 1] = { "X-Big", string.rep("x", 900) } end
r = send{ ip = "198.51.100.25", headers = big }
ok(r.reply_is("552", "5.3.4", "message header too large"), "a header beyond max_header_bytes is refused with 552")

conn = mt.connect(sock, 10, 0.1)
ok(mt.negotiate(conn, nil, nil, nil) == nil, "negotiation")
for _, o in ipairs{ SMFIP_NR_HDR, SMFIP_HDR_LEADSPC } do
	ok(mt.test_option(conn, o), "the step flag is asked for: " .. tostring(o))
end
mt.disconnect(conn)

local long = string.rep("p%cent ", 30)
r = send{ ip = "198.51.100.25", helo = "p%s%n.test", from = "<%s%n%x@sender.test>", headers = headers }
is(r.reply, "accept", "percent signs from the network do no harm")
done()
