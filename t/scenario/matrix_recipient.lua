-- SPDX-License-Identifier: BSD-2-Clause
-- The action matrix by recipient: a line counts when all recipients of a message fit.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; actions = ( { domain = "*"; recipient = "*.lenient.test"; action = "accept"; }, { domain = "sender.test"; recipient = "desk.test"; policy = "reject"; action = "quarantine"; } ); };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: _dmarc.other.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@other.test"
dofile(dir .. "/lib.lua")

local function to(list, author)
	return send{ ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", rcpt = list,
		headers = { { "From", "x@" .. (author or "sender.test") }, { "Subject", "x" } } }
end
local r = to{ "<a@example.com>" }
ok(r.refused_for("sender.test"), "to others it is refused")
r = to{ "<a@lenient.test>", "<b@sub.LENIENT.test>" }
is(r.reply, "accept", "to recipients who all fit it is accepted")
like(r.ar, "override=local_policy", "as a matter of local policy")
r = to{ "<a@lenient.test>", "<b@example.com>" }
ok(r.refused_for("sender.test"), "one who does not fit is enough")
r = to{ "<b@example.com>", "<b@example.org>", "<a@lenient.test>" }
ok(r.refused_for("sender.test"), "in any order")
r = to{ "<a@lenient.test>", "<postmaster>" }
ok(r.refused_for("sender.test"), "and so is one without a domain")
r = to{ "<a@desk.test>" }
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "both author and recipient can be asked for")
r = to({ "<a@desk.test>" }, "other.test")
ok(r.refused_for("other.test"), "and both must fit")
local many = {}
for i = 1, 100 do many[i] = "<a@d" .. i .. ".lenient.test>" end
r = to(many)
ok(r.refused_for("sender.test"), "too many domains to remember fit nothing")
local report = output(countersign .. " report show sender.test --day " .. os.date("!%Y-%m-%d") .. " --json")
like(report, '"local_policy".-"local rule for %* to %*%.lenient%.test"', "the ledger names the line")
like(report, '"local rule for sender%.test to desk%.test"', "each")
logged('override=local_policy action=accept reason="local rule for %* to %*.lenient.test"',
	"so does the log")

local f = assert(io.open(tmp .. "/message", "wb"))
f:write("From: bob@sender.test\r\n\r\nhello\r\n")
f:close()
local verify = countersign .. " verify -v --ip 203.0.113.66 "
like(output(verify .. "--to a@lenient.test " .. tmp .. "/message"), "local rule for %* to %*.lenient.test", "verify takes recipients")
like(output(verify .. "--to a@lenient.test --to b@example.com " .. tmp .. "/message"), "action  reject", "all of them")
done()
