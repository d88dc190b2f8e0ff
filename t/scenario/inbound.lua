-- SPDX-License-Identifier: BSD-2-Clause
-- A genuine message, a spoof, and what the mailbox is told.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ];
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
-- zone: helo.test 60 TXT "v=spf1 a -all"
-- zone: helo.test 60 A 198.51.100.25
dofile(dir .. "/lib.lua")

local headers = { { "From", "Bob <bob@sender.test>" }, { "To", "alice@example.com" }, { "Subject", "  two  blanks" } }
local good = { ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>" }

good.headers = signed("sender.test", "sel1", headers, "hello\r\n")
local r = send(good)
is(r.reply, "accept", "a genuine message is accepted")
like(r.ar, "^ ?mx%.example%.com;", "authserv-id first")
like(r.ar, "iprev=pass", "iprev=pass")
like(r.ar, "spf=pass", "spf=pass")
like(r.ar, "dkim=pass", "dkim=pass")
like(r.ar, "header%.d=sender%.test", "header.d")
like(r.ar, "header%.b=", "header.b")
like(r.ar, "arc=none smtp%.remote%-ip=198%.51%.100%.25", "arc=none (RFC 8617 section 5.2)")
like(r.ar, "dmarc=pass", "dmarc=pass")
unlike(r.ar, "\r", "our folds are LF alone")

r = send{ ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", headers = headers }
is(r.reply, "accept", "a spoof is marked, not refused (RFC 9989 section 7.4)")
like(r.ar, "dmarc=fail", "dmarc=fail")
like(r.ar, "dkim=none", "dkim=none")
like(r.added("X-Countersign-Quarantine"), "^ ?yes$", "the mark")

good.headers = signed("sender.test", "sel1", headers, "hello\r\n")
good.body = "hullo\r\n"
r = send(good)
like(r.ar, "dkim=fail", "a changed body fails")
like(r.ar, "dmarc=pass", "but SPF is aligned")
good.body = nil

r = send{ ip = "198.51.100.25", helo = "helo.test", from = "<>", headers = headers }
like(r.ar, "spf=pass", "null sender: postmaster@HELO is the identity")
like(r.ar, "smtp%.helo=helo%.test", "and the field says so")
like(r.ar, "dmarc=fail", "it is not aligned with From")

r = send{ ip = "198.51.100.25", helo = "helo.test", from = "<bob@other.test>", headers = headers }
like(r.ar, "dmarc=fail", "a HELO pass never counts beside a MAIL FROM")

r = send{ ip = "198.51.100.25", helo = "mail.sender.test", from = "<bob@sender.test>", headers = headers, body = "" }
is(r.reply, "accept", "a message without a body")
done()
