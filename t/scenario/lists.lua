-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.mailing_lists: a List-Id together with a DKIM or SPF pass of the list's domain; never alone.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "rfc"; mailing_lists = [ "lists.club.test", "dev.groups.test" ]; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- zone: bounces.lists.club.test 60 TXT "v=spf1 ip4:203.0.113.7 -all"
-- foreign: lists.club.test l1
-- foreign: club.test c1
-- foreign: groups.test g1
-- foreign: evil.test e1
dofile(dir .. "/lib.lua")

local function fields(id)
	local list = { { "From", "Bob <bob@sender.test>" }, { "Subject", "[dev] x" } }
	if id ~= nil then list[#list + 1] = { "List-Id", id } end
	return list
end
local function post(headers, from, ip)
	return send{ ip = ip or "203.0.113.66", helo = "evil.test", from = from or "<x@evil.test>", headers = headers }
end
local function marked(r) return r.added("X-Countersign-Quarantine") ~= nil end

local r = post(fields("Dev <dev.lists.club.test>"))
ok(marked(r), "a List-Id alone changes nothing")
like(r.ar, "override=local_policy", "which is said")
r = post(signed("lists.club.test", "l1", fields("Dev <dev.lists.club.test>"), "hello\r\n"))
ok(r.reply == "accept" and not marked(r), "with the list's signature it is accepted")
like(r.ar, "dmarc=fail %(p=reject dis=none%s+override=mailing_list%)", "though it fails")
local report = output(countersign .. " report show sender.test --day " .. os.date("!%Y-%m-%d") .. " --json")
like(report, '"mailing_list".-"mailing list lists%.club%.test"', "the ledger has the reason and the entry")
r = post(signed("club.test", "c1", fields('"the <club>" <DEV.lists.club.test>'), "hello\r\n"))
ok(not marked(r), "or with that of the domain above")
r = post(signed("groups.test", "g1", fields("<dev.groups.test>"), "hello\r\n"))
ok(not marked(r), "an entry can be the id of one list")
r = post(signed("groups.test", "g1", fields("<ops.groups.test>"), "hello\r\n"))
ok(marked(r), "then no other")
r = post(signed("evil.test", "e1", fields("<dev.lists.club.test>"), "hello\r\n"))
ok(marked(r), "another's signature is none of the list")
r = post(signed("groups.test", "g1", fields("<dev.lists.club.test>"), "hello\r\n"))
ok(marked(r), "nor is that of another list")
r = post(signed("lists.club.test", "l1", fields(nil), "hello\r\n"))
ok(marked(r), "a signature without a List-Id is not a list's mail")
r = post(fields("<dev.lists.club.test>"), "<dev+bob@bounces.lists.club.test>", "203.0.113.7")
ok(not marked(r), "SPF for the list's MAIL FROM is as good")
r = post(fields("<dev.lists.club.test>"), "<dev+bob@bounces.lists.club.test>")
ok(marked(r), "a forged one is not")
local log = output("cat " .. tmp .. "/log")
like(log, 'override=mailing_list action=accept reason="mailing list lists.club.test %(DKIM d=club.test%)"', "the log says by which entry")

local f = assert(io.open(tmp .. "/message", "wb"))
f:write("From: bob@sender.test\r\nList-Id: <dev.lists.club.test>\r\n\r\nhello\r\n")
f:close()
local shown = output(countersign .. " verify -v --ip 203.0.113.7 --from x@bounces.lists.club.test " .. tmp .. "/message")
like(shown, "reported as none with reason mailing_list: mailing list lists.club.test", "verify shows the reason")
done()
