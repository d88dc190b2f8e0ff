-- SPDX-License-Identifier: BSD-2-Clause
-- dmarc.trusted_forwarders: what fails DMARC on its way through them is accepted, and reported as that.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dmarc: { enforce = "strict"; trusted_forwarders = [ "192.0.2.16/28", "fwd.test", "*.srs.test", "host:*.gateway.test" ]; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- zone: bounce.srs.test 60 TXT "v=spf1 ip4:203.0.113.7 -all"
-- zone: helo.srs.test 60 TXT "v=spf1 ip4:203.0.113.8 -all"
-- zone: 9.113.0.203.in-addr.arpa 60 PTR mx1.gateway.test
-- zone: mx1.gateway.test 60 A 203.0.113.9
-- zone: 10.113.0.203.in-addr.arpa 60 PTR mx2.gateway.test
-- zone: mx2.gateway.test 60 A 203.0.113.99
-- foreign: fwd.test f1
-- foreign: fwd.test lost nowhere
-- servfail: lost._domainkey.fwd.test
-- foreign: evil.test e1
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local function through(m)
	m.headers = m.headers or headers
	m.from = m.from or "<bob@sender.test>"
	m.helo = m.helo or "evil.test"
	return send(m)
end

local r = through{ ip = "203.0.113.66" }
ok(r.refused_for("sender.test"), "from elsewhere it is refused")
r = through{ ip = "192.0.2.17" }
is(r.reply, "accept", "from a network it is accepted")
like(r.ar, "dmarc=fail %(p=reject dis=none%s+override=trusted_forwarder%)", "the field says fail, and why it was accepted")
ok(r.added("X-Countersign-Quarantine") == nil, "without a mark")
r = through{ ip = "192.0.2.32" }
ok(r.refused_for("sender.test"), "beside the network it is refused")
local day = os.date("!%Y-%m-%d")
local report = output(countersign .. " report show sender.test --day " .. day .. " --json")
like(report, '"trusted_forwarder".-"trusted forwarder 192%.0%.2%.16/28"', "the ledger has the reason and the entry")
like(report, '"source_ip": ?"192%.0%.2%.17"', "of that client")

r = through{ ip = "203.0.113.66", headers = signed("fwd.test", "f1", headers, "hello\r\n") }
is(r.reply, "accept", "signed by a forwarder it is accepted")
like(r.ar, "dmarc=fail", "though it fails")
r = through{ ip = "203.0.113.66", headers = signed("fwd.test", "f1", headers, "hello\r\n"), body = "changed\r\n" }
ok(r.refused_for("sender.test"), "with a signature that fails it is refused")
r = through{ ip = "203.0.113.66", headers = signed("evil.test", "e1", headers, "hello\r\n") }
ok(r.refused_for("sender.test"), "with another's signature it is refused")
r = through{ ip = "203.0.113.66", headers = signed("fwd.test", "lost", headers, "hello\r\n") }
ok(r.deferred_for("sender.test", "TXT lost._domainkey.fwd.test"), "a forwarder's signature that cannot be checked: try again later")

r = through{ ip = "203.0.113.7", from = "<srs0=x=sender.test=bob@bounce.srs.test>" }
is(r.reply, "accept", "with SPF for a forwarder's MAIL FROM it is accepted")
r = through{ ip = "203.0.113.66", from = "<srs0=x=sender.test=bob@bounce.srs.test>" }
ok(r.refused_for("sender.test"), "with a forged one it is refused")
r = through{ ip = "203.0.113.8", helo = "helo.srs.test" }
is(r.reply, "accept", "with SPF for a forwarder's HELO it is accepted")
r = through{ ip = "203.0.113.66", helo = "helo.srs.test" }
ok(r.refused_for("sender.test"), "with a forged HELO it is refused")

r = through{ ip = "203.0.113.9" }
is(r.reply, "accept", "from a client with a forwarder's name it is accepted")
r = through{ ip = "203.0.113.10", name = "mx2.gateway.test" }
ok(r.refused_for("sender.test"), "with a name that has not its address it is refused")

local log = output("cat " .. tmp .. "/log")
like(log, 'override=trusted_forwarder action=accept reason="trusted forwarder fwd.test %(DKIM d=fwd.test%)"', "the log says by which entry")
like(log, "trusted forwarder host:%*.gateway.test %(iprev of mx1.gateway.test%)", "and on what it rests")

local f = assert(io.open(tmp .. "/message", "wb"))
f:write("From: bob@sender.test\r\nSubject: x\r\n\r\nhello\r\n")
f:close()
local shown = output(countersign .. " verify -v --ip 192.0.2.17 " .. tmp .. "/message")
like(shown, "action  accept    trusted forwarder 192.0.2.16/28 %(its address%)", "verify comes to the same")
like(shown, "reported as none with reason trusted_forwarder: trusted forwarder 192.0.2.16/28", "and shows the reason")
shown = output(countersign .. " verify --json --ip 192.0.2.17 " .. tmp .. "/message")
like(shown, '"type": ?"trusted_forwarder"', "to programs too")
done()
