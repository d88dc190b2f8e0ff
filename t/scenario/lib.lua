-- SPDX-License-Identifier: BSD-2-Clause
-- Scenarios talk to the daemon as an MTA does, by miltertest, and check its answers. A scenario is a Lua file that
-- begins with its settings and its zone:
--
--   -- conf: dmarc: { enforce = "strict"; };
--   -- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
--   -- key: example.com s1 rsa2048           (a signing key of our own)
--   -- foreign: sender.test sel1             (somebody else's key, put into the zone)
--
-- then: dofile(dir .. "/lib.lua"), calls of send{}, ok(), is(), like(), and done().
-- Globals from the driver: sock (the milter socket), dir (of the scenarios), tmp (a private directory), bin (t/bin).

local n, failed = 0, 0

function ok(good, name)
	n = n + 1
	mt.echo((good and "ok " or "not ok ") .. n .. " - " .. name)
	if not good then failed = failed + 1 end
	return good
end

function is(have, want, name)
	if not ok(have == want, name) then
		mt.echo("# have: " .. tostring(have))
		mt.echo("# want: " .. tostring(want))
	end
end

function like(text, pattern, name)
	if not ok(text ~= nil and string.find(text, pattern) ~= nil, name) then
		mt.echo("# text: " .. string.gsub(tostring(text), "\n", "\n# "))
		mt.echo("# is not like: " .. pattern)
	end
end

function unlike(text, pattern, name)
	if not ok(text == nil or string.find(text, pattern) == nil, name) then
		mt.echo("# text: " .. string.gsub(tostring(text), "\n", "\n# "))
	end
end

-- A message can be asked about until the next one is sent.
local last

local function hang_up()
	if last ~= nil then mt.disconnect(last) end
	last = nil
end

function done()
	hang_up()
	mt.echo("1.." .. n)
end

local function must(err, what)
	if err ~= nil then error(what .. ": " .. tostring(err)) end
end

local function macro(conn, kind, pairs_list)
	if pairs_list ~= nil and #pairs_list > 0 then
		must(mt.macro(conn, kind, table.unpack(pairs_list)), "macro")
	end
end

local replies = { [SMFIR_ACCEPT] = "accept", [SMFIR_CONTINUE] = "accept", [SMFIR_REJECT] = "reject",
	[SMFIR_TEMPFAIL] = "tempfail", [SMFIR_DISCARD] = "discard" }

-- A connection: connect{ ip=, name=, helo=, macros={...} }
function connect(c)
	local conn = mt.connect(sock, 100, 0.05)
	if conn == nil then error("cannot connect to " .. sock) end
	macro(conn, SMFIC_CONNECT, c.macros or { "j", "mx.example.com", "{daemon_name}", "smtpd" })
	must(mt.conninfo(conn, c.name or "unknown", c.ip or "203.0.113.66"), "conninfo")
	if c.helo ~= false then must(mt.helo(conn, c.helo or "client.test"), "helo") end
	return conn
end

-- miltertest puts the blank behind the colon itself, and has room for 1024 bytes of a field.
-- A message on a connection. m: from= (envelope), rcpt= (list), headers= (list of {name, value}), body=, macros=
-- (for MAIL). Gives a table: reply, code/text checks by reply_is, added (function), deleted, held.
function transact(conn, m)
	local r = { conn = conn }
	macro(conn, SMFIC_MAIL, m.macros or { "i", m.id or "ABC123" })
	must(mt.mailfrom(conn, m.from or "<bob@sender.test>"), "mailfrom")
	for _, rcpt in ipairs(m.rcpt or { "<alice@example.com>" }) do must(mt.rcptto(conn, rcpt), "rcptto") end
	for _, h in ipairs(m.headers or { { "From", "Bob <bob@sender.test>" }, { "Subject", "hello" } }) do
		must(mt.header(conn, h[1], (string.gsub(h[2], "\r\n", "\n"))), "header")
	end
	must(mt.eoh(conn), "eoh")
	r.skipped = false
	for _, chunk in ipairs(type(m.body) == "table" and m.body or { m.body or "hello\r\n" }) do
		if chunk == "" then break end
		must(mt.bodystring(conn, chunk), "body")
		if mt.getreply(conn) == SMFIR_SKIP then
			r.skipped = true
			break
		end
	end
	must(mt.eom(conn), "eom")
	r.reply = replies[mt.getreply(conn)] or "replycode"
	function r.added(name, i)
		return mt.getheader(conn, name, i or 0)
	end
	-- miltertest compares a reply as a whole
	function r.reply_is(code, enhanced, text)
		return r.reply == "replycode" and mt.eom_check(conn, MT_SMTPREPLY, code, enhanced, text)
	end
	function r.refused_for(domain)
		return r.reply_is("550", "5.7.1", "Email rejected per DMARC policy for " .. domain)
	end
	function r.bad_from()
		return r.reply_is("550", "5.7.1", "Message rejected: it needs exactly one valid From header field (RFC 5322 section 3.6)")
	end
	-- QUESTION: the one that DNS did not answer ("TXT _dmarc.sender.test"); nil: the client's address was missing
	function r.deferred_for(domain, question)
		return r.reply_is("451", "4.7.1", "DMARC for " .. domain .. " could not be evaluated: " ..
			(question and "DNS did not answer: " .. question or "the address of the client is not known") ..
			"; try again later")
	end
	r.ar = r.added("Authentication-Results")
	r.held = mt.eom_check(conn, MT_QUARANTINE)
	r.deletes = function(name) return mt.eom_check(conn, MT_HDRDELETE, name) end
	return r
end

-- One message on a connection of its own.
function send(m)
	hang_up()
	last = connect(m)
	return transact(last, m)
end

-- HEADERS and BODY signed by a foreign key (see "foreign:"); gives the header list with the signature on top.
function signed(domain, selector, headers, body, options)
	local path = tmp .. "/unsigned." .. tostring(math.random(1, 1e9))
	local f = assert(io.open(path, "wb"))
	for _, h in ipairs(headers) do f:write(h[1] .. ": " .. h[2] .. "\r\n") end
	f:write("\r\n" .. body)
	f:close()
	local out = assert(io.popen(bin .. "/signmsg " .. (options or "") .. " " .. tmp .. "/" .. domain .. "." .. selector ..
		".key " .. domain .. " " .. selector .. " < " .. path, "r"))
	local text = out:read("*a")
	out:close()
	os.remove(path)
	local value = text:match("^DKIM%-Signature: (.-)\r?\n[^ \t]")
	if value == nil then error("signmsg gave no signature: " .. text) end
	local all = { { "DKIM-Signature", value } }
	for _, h in ipairs(headers) do all[#all + 1] = h end
	return all
end

-- The output of a program, for looking at the ledger and the log.
function output(command)
	local p = assert(io.popen(command, "r"))
	local text = p:read("*a")
	p:close()
	return text
end

-- The daemon's log has a line like this: not always the last one, since its other threads write there, too.
function logged(pattern, name)
	local text
	for _ = 1, 50 do
		text = output("cat " .. tmp .. "/log")
		if string.find(text, pattern) then break end
		mt.sleep(0.1)
	end
	like(text, pattern, name)
end
