-- SPDX-License-Identifier: BSD-2-Clause
-- DKIM in its variety, through the daemon.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ]; dkim: { max_signatures = 3; };
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- foreign: sender.test nokey unpublished
-- foreign: sender.test dead unpublished
-- servfail: dead._domainkey.sender.test
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "Subject", "x" } }
local spoof = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
local genuine = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers }
local body = "one\r\ntwo  blanks \r\n\r\n\r\n"
for _, c in ipairs{ "simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed" } do
	genuine.headers = signed("sender.test", "sel1", { { "From", "Bob <bob@sender.test>" }, { "Subject", "\tfolded\r\n  twice\r\n\there" } }, body, "-c " .. c)
	genuine.body = body
	like(send(genuine).ar, "dkim=pass", c .. " verifies, folds and blanks as they were")
	genuine.body = { "one\r", "\ntw", "o  blanks \r\n\r", "\n\r\n" }
	like(send(genuine).ar, "dkim=pass", c .. " in chunks that break lines")
end
local above = { { "Subject", "buy" }, { "To", "all@example.com" }, { "Date", "Sun, 22 Nov 2026 12:00:00 +0000" }, { "Content-Type", "text/html" } }
for _, added in ipairs(above) do
	local what = { { "From", "Bob <bob@sender.test>" }, { added[1], "as it was signed" } }
	local replay = { ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", body = "x\r\n" }
	replay.headers = signed("sender.test", "sel1", what, "x\r\n")
	like(send(replay).ar, "dmarc=pass", added[1] .. ": sent again as it was: passes")
	table.insert(replay.headers, 1, added)
	local r = send(replay)
	like(r.ar, "dkim=policy", "with a second one above: the signature does not count (RFC 6376 section 8.15)")
	like(r.ar, "dmarc=fail", "and DMARC fails")
end
genuine.headers = signed("sender.test", "nokey", { { "From", "Bob <bob@sender.test>" } }, "x\r\n")
genuine.body = "x\r\n"
like(send(genuine).ar, "dkim=permerror", "no key in DNS: permerror")
genuine.headers = signed("sender.test", "dead", { { "From", "Bob <bob@sender.test>" } }, "x\r\n")
like(send(genuine).ar, "dkim=temperror", "DNS fails: temperror")
genuine.headers = signed("sender.test", "sel1", { { "From", "Bob <bob@sender.test>" } }, "x\r\n")
for i = 1, 30 do table.insert(genuine.headers, 1, { "DKIM-Signature", "v=1; a=rsa-sha256; d=s" .. i .. ".test; s=x; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YQ==" }) end
local r = send(genuine)
like(r.ar, "dkim=pass", "an aligned signature below thirty others is still looked at")
local _, count = string.gsub(r.ar, "header%.b=", "")
is(count, 3, "max_signatures are")
done()
