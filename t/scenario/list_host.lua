-- SPDX-License-Identifier: BSD-2-Clause
-- lists: what a list manager of this host sends on is signed and sealed as the list's, by the results of its arrival, which
-- are bound to the message; nothing that a stranger, a content filter or another message brings is.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8", "192.0.2.9" ]; dmarc: { enforce = "observe"; };
-- conf: arc: { seal = "example.com"; };
-- conf: lists = ( { id = "lists.example.org"; from = [ "127.0.0.1" ]; sign = "lists.example.org"; seal = true; },
-- conf:   { id = "news.example.net"; from = [ "127.0.0.1" ]; sign = "example.com"; seal = true; } );
-- key: lists.example.org l1 rsa2048
-- key: example.com a1 rsa2048
-- publish: lists.example.org l1
-- publish: example.com a1
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
-- zone: _dmarc.example.org 60 TXT "v=DMARC1; p=none"
dofile(dir .. "/lib.lua")

local author = { "From", "Bob <bob@sender.test>" }
local id = { "Message-ID", "<1@sender.test>" }
local list_id = { "List-Id", "Dev <dev.lists.example.org>" }
local travelled = { "Received", "from x (x [198.51.100.25]) by mx.example.com (Postfix) with ESMTP id 4F5A; now" }
local bounces = "<dev-bounces+a=b.test@lists.example.org>"
local names = { "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results" }

-- The header of a message after its arrival: what we added, and FIELDS.
local function arrive(fields, m)
	local r = send{ ip = m and m.ip or "198.51.100.25", from = m and m.from or "<bob@sender.test>",
		rcpt = m and m.rcpt or { "<dev@lists.example.org>" }, headers = fields }
	local all = { { "Authentication-Results", r.ar } }
	for _, name in ipairs(names) do
		if r.added(name) then all[#all + 1] = { name, r.added(name) } end
	end
	for _, field in ipairs(fields) do all[#all + 1] = field end
	return all, r.ar
end

-- The same as its list manager sends it: FIELDS, another Subject, a footer.
local function leave(fields, m)
	m = m or {}
	local all = { m.list_id or list_id, travelled }
	for _, field in ipairs(fields) do all[#all + 1] = field end
	all[#all + 1] = { "Subject", "[dev] hello" }
	return send{ ip = m.ip or "127.0.0.1", from = m.from or bounces, rcpt = { "<a@b.test>" }, headers = all,
		body = "hello\r\n-- \r\nfooter\r\n", macros = m.macros }, all
end

local function sign_of(r)
	local field = r.added("DKIM-Signature")
	return field and field:match("d=([^;]*);") or "none"
end
local function seal_of(r)
	local field = r.added("ARC-Seal")
	return field and field:match("d=([^;]*);") .. " " .. field:match("i=%d+") .. " " .. field:match("cv=%a+") or "none"
end

local arrived, ar = arrive{ author, id }
like(ar, "dmarc=pass .*%s+policy%.binding=%d+%-%x+$", "results for a list are bound to the message")
local both, bound = arrive({ author, id }, { rcpt = { "<a@other.test>", "<dev@lists.example.org>" } })
like(bound, "policy%.binding=", "also if only one of the recipients is a list: all have the same header")
_, bound = arrive(both, { rcpt = { "<c@other.test>" } })
unlike(bound, "policy%.binding", "a copy that another recipient sends in again is not bound")
is(sign_of(leave(both, { ip = "192.0.2.9" })), "none", "and is not signed from another address than the list manager's")
local r, left = leave(arrived)
is(sign_of(r), "lists.example.org", "what the list sends on is signed as the list's")
is(seal_of(r), "lists.example.org i=2 cv=pass", "and sealed, on top of the seal of its arrival")
like(r.added("ARC-Authentication-Results"), "^%s*i=2; mx.example.com;.*spf=pass.*dmarc=pass", "with the results of its arrival")
unlike(r.added("ARC-Authentication-Results"), "policy.binding", "but not with what binds them")
ok(r.deletes("Authentication-Results"), "and the field that they are from is removed")

-- the chain holds for the next reader
local records = tmp .. "/records"
os.execute("sed -nE 's/^([^ ]*_domainkey[^ ]*) 60 TXT \"([^\"]*)\" ?\"?([^\"]*)\"?$/\\1 \\2\\3/p' " .. tmp .. "/zone >" .. records)
local f = assert(io.open(tmp .. "/left", "wb"))
for _, name in ipairs(names) do f:write(name .. ": " .. r.added(name):gsub("^ ", "") .. "\r\n") end
for _, h in ipairs(left) do
	if h[1] ~= "Authentication-Results" then f:write(h[1] .. ": " .. h[2]:gsub("^ ", "") .. "\r\n") end
end
f:write("\r\nhello\r\n-- \r\nfooter\r\n")
f:close()
like(output("sed 's/\\r*$/\\r/' " .. tmp .. "/left | " .. bin .. "/arcmsg " .. records .. " 2>&1"), "^pass 2 sets", "the chain holds at the next host")

-- The first arrival with another value in one field. Not another arrival: its seal may be of another second, and then the
-- results are bound to none of it.
local function changed(i, value)
	local all = {}
	for n, field in ipairs(arrived) do all[n] = n == i and { field[1], value } or field end
	return all
end

-- one message to two lists
local news = { list_id = { "List-Id", "News <a.news.example.net>" }, from = "<a-bounces@news.example.net>" }
local two, ar2 = arrive({ author, id }, { rcpt = { "<dev@lists.example.org>", "<a@news.example.net>", "<b@news.example.net>" } })
like(ar2, "policy%.binding=[^%s]+%s+policy%.binding=[^%s]+$", "results are bound to each of two lists, once")
unlike(ar2, "binding=.*binding=.*binding=", "not once for each recipient")
is(sign_of(leave(two)), "lists.example.org", "the first list's copy is signed as its")
local r2 = leave(two, news)
is(sign_of(r2), "example.com", "and the other's as the other's")
is(seal_of(r2), "example.com i=2 cv=pass", "and sealed")
unlike(r2.added("ARC-Authentication-Results"), "policy.binding", "without what binds the results")
is(sign_of(leave(arrived, news)), "none", "a message that went to one list is not signed as another's")

-- a list manager may fold the field otherwise
local folded = changed(1, " " .. ar:gsub("%s+", " "):gsub("^ ", ""))
is(sign_of(leave(folded)), "lists.example.org", "the field may be folded otherwise")

-- spoofs
local function none(r, name)
	is(sign_of(r) .. " " .. seal_of(r), "none none", name)
end
local bare = { author, id }
none(leave(bare), "a List-Id alone is nothing")
none(leave{ { "Authentication-Results", "mx.example.com; spf=pass smtp.mailfrom=sender.test; dmarc=pass header.from=sender.test" },
	author, id }, "nor are results without a binding")
none(leave(changed(1, (ar:gsub("dmarc=pass", "dmarc=none")))), "results that were changed")
none(leave(changed(1, (ar:gsub("(binding=%d+%-)(%x)", function(p, c) return p .. (c == "0" and "1" or "0") end)))), "a guessed HMAC")
none(leave(changed(1, (ar:gsub("binding=(%d+)", function(d) return "binding=" .. (tonumber(d) + 1) end)))), "another day")
local other = arrive{ author, id }
other[#other] = { "Message-ID", "<2@sender.test>" }
none(leave(other), "a binding on another message: its Message-ID")
other = arrive{ author, id }
other[#other - 1] = { "From", "Eve <eve@victim.test>" }
none(leave(other), "its author")
other = arrive{ author, id }
table.remove(other, 2) table.remove(other, 2) table.remove(other, 2)
none(leave(other), "its chain")
other = arrive{ author, id }
table.insert(other, 2, other[1])
none(leave(other), "two fields with our name")
none(leave(arrive({ author, id }, { rcpt = { "<alice@example.com>" } })), "results of mail that went to nobody's list")
none(leave(arrived, { from = "<bob@sender.test>" }), "the MAIL FROM with which it came")
none(leave(arrived, { from = "<>" }), "the null sender")
none(leave(arrived, { list_id = { "List-Id", "<dev.lists.other.test>" } }), "another list")
none(leave(arrived, { ip = "192.0.2.9" }), "a trusted network that is not the list manager's")
none(leave(arrived, { macros = { "i", "A1", "{auth_type}", "PLAIN", "{auth_authen}", "eve" } }), "a login on this host")
is(seal_of(leave(arrived, { ip = "203.0.113.66" })):match("^[^ ]+"), "example.com", "a stranger with all of that is judged")

-- a stranger who writes the list's MAIL FROM and List-Id, and whom a content filter hands back
local forged = arrive({ list_id, author, id }, { ip = "203.0.113.66", from = "<dev-bounces@lists.example.org>" })
none(leave(forged, { from = "<dev-bounces@lists.example.org>" }), "a stranger's message that a content filter hands back")

-- an author who failed: not for a domain beside the list's, which DMARC would take the signature for
local spoof = { { "From", "Ceo <ceo@example.org>" }, id }
none(leave(arrive(spoof, { ip = "203.0.113.66", from = "<x@evil.test>" })), "a spoof of the list's own organization")
local stranger = arrive({ author, id }, { ip = "203.0.113.66", from = "<bob@sender.test>" })
r = leave(stranger)
is(sign_of(r), "lists.example.org", "another author who failed is signed as the list's")
like(r.added("ARC-Authentication-Results"), "dmarc=fail", "and the seal says that it failed")

-- an own address in From: its own keys
r = leave(arrive({ { "From", "Dev <dev@lists.example.org>" }, id }, { from = "<x@sender.test>" }))
is(sign_of(r), "none", "the list's own address from outside is a spoof")
logged("sign=lists.example.org/l1/rsa%-sha256 seal=lists.example.org ", "the log says who sealed")
logged("reason=\"mail of the list dev.lists.example.org without results of its arrival", "and why not")
done()
