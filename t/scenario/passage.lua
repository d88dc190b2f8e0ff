-- SPDX-License-Identifier: BSD-2-Clause
-- What comes over loopback and has been on another host is ours only if its envelope sender is; and not if it had that
-- envelope already when it was judged here.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8", "::1", "192.0.2.0/24" ];
-- key: example.com s1 ed25519
-- key: hosted.test h1 ed25519
dofile(dir .. "/lib.lua")

local from_evil = { "Received", "from evil.test (evil.test [203.0.113.66]) by mx.example.com (Postfix) with ESMTP id 4F5A; now" }
local from_filter = { "Received", "from mx.example.com ([127.0.0.1]) by localhost (mx.example.com [127.0.0.1]) (amavisd-new, port 10024); now" }
local from_pickup = { "Received", "by mx.example.com (Postfix, from userid 33) id 4F5A; now" }
local from_loopback = { "Received", "from localhost (localhost [127.0.0.1]) by mx.example.com (Postfix) with ESMTP id 4F5A; now" }
local spoofed = "CEO <ceo@example.com>"

-- MAIL FROM, From, other fields; more: ip
local function pass(from, author, fields, ip)
	local headers = {}
	for _, field in ipairs(fields) do headers[#headers + 1] = field end
	headers[#headers + 1] = { "From", author }
	headers[#headers + 1] = { "Subject", "x" }
	local r = send{ ip = ip or "127.0.0.1", from = from, headers = headers }
	if r.added("DKIM-Signature") ~= nil then return "signed" end
	return r.ar ~= nil and "judged" or "neither"
end

local function results(text) return { "Authentication-Results", "mx.example.com; " .. text } end

-- the attack: an inbound spoof that a content filter hands back
is(pass("<x@evil.test>", spoofed, { from_filter, from_evil }), "neither", "a spoof that a content filter hands back is not signed")
is(pass("<x@evil.test>", spoofed, { from_evil }), "neither", "nor one of a filter that adds no Received field")
is(pass("<>", spoofed, { from_filter, from_evil }), "neither", "nor with the null sender")
is(pass("<@example.com:x@evil.test>", spoofed, { from_evil }), "neither", "nor with a route")
is(pass("<@evil.test:ceo@example.com>", spoofed, { from_evil }), "neither", "whose end proves nothing either")
is(pass("<x@evil.test>", spoofed, { from_filter, from_evil }, "::1"), "neither", "nor over ::1")
is(pass("<x@evil.test>", spoofed, { { "Received", "from localhost (evil.test [203.0.113.66]) by mx.example.com (Postfix); now" } }),
	"neither", "whatever the client called itself")
is(pass("<x@evil.test>", spoofed, { from_evil, { "Received", "from localhost (localhost [127.0.0.1]) by mx.example.com; now" } }),
	"neither", "whatever else the stranger writes")
is(pass("<x@evil.test>", spoofed, { from_evil, { "Authentication-Results", "other.example; dmarc=pass header.from=example.com" } }),
	"neither", "with results of another name")
is(pass("<ceo@example.com>", spoofed, { from_evil, results("spf=fail smtp.mailfrom=example.com; dmarc=fail header.from=example.com") }),
	"neither", "with our own envelope, but it was judged with that")
is(pass("<ceo@example.com>", spoofed, { from_evil, results("spf=pass smtp.mailfrom=ceo@example.com; dmarc=pass header.from=example.com") }),
	"neither", "even if it passed")
is(pass("<list-bounces@example.com>", spoofed, { from_evil, results("spf=pass smtp.mailfrom=evil.test; dmarc=fail header.from=example.com") }),
	"neither", "a spoof of our own domain that a list sends on")

-- lists on this host: an envelope of our own
local list = "Bob via Dev <dev@example.com>"
is(pass("<dev-bounces+a=b.test@example.com>", list, { from_evil }), "signed", "a list's mail is signed")
is(pass("<dev-bounces@example.com>", list, { from_evil, results("spf=pass smtp.mailfrom=sender.test; dmarc=pass header.from=sender.test") }),
	"signed", "with our results kept, as Mailman 2.1 does")
is(pass("<dev-bounces@example.com>", list, { from_evil, results("spf=none smtp.helo=mx.sender.test; dmarc=none header.from=sender.test") }),
	"signed", "also of a bounce")
is(pass("<dev-bounces@example.com>", list, { from_evil, results("spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=sender.test") }),
	"signed", "with the list's own domain in MAIL FROM, where the list has replaced From")
is(pass("<dev-bounces@example.com>", list, { from_evil, results("spf=fail smtp.mailfrom=example.com; dmarc=none header.from=example.com") }),
	"neither", "not where From is as it came")
is(pass("<dev-bounces@lists.example.com>", list, { from_evil }), "signed", "with the envelope of a subdomain")
is(pass("<dev-bounces@hosted.test>", list, { from_evil }), "signed", "with that of another domain that has a key here")
is(pass("<dev-bounces@other.test>", list, { from_evil }), "neither", "but not with that of a domain without a key")

-- programs of this host: nothing that has travelled
is(pass("<www-data@host.invalid>", "shop@example.com", {}), "signed", "a program's mail over loopback")
is(pass("<>", "shop@example.com", { from_pickup }), "signed", "the sendmail command's, with the null sender")
is(pass("<>", "shop@example.com", { from_loopback, from_pickup }), "signed", "and through another hop on this host")

-- a trusted network hands over what it likes
is(pass("<x@elsewhere.test>", "a@example.com", { from_evil }, "192.0.2.9"), "signed", "mail that a trusted network hands over")
is(pass("<>", "MAILER-DAEMON <postmaster@example.com>", { from_evil }, "192.0.2.9"), "signed", "bounces with it")
is(pass("<x@elsewhere.test>", spoofed, { results("spf=pass smtp.mailfrom=elsewhere.test") }, "192.0.2.9"), "neither",
	"but not what was judged here before")

local log = output("cat " .. tmp .. "/log")
like(log, 'reason="it passes through this host: it has been on another host, and MAIL FROM <x@evil%.test> does not belong to this host"', "the log says why")
like(log, 'reason="it passes through this host: it was judged here with MAIL FROM <ceo@example%.com>"', "and why not with our envelope")
like(log, 'reason="it was judged here: dmarc=fail for example%.com"', "nor for an author that failed")
done()
