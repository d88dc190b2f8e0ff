-- SPDX-License-Identifier: BSD-2-Clause
-- Signing: all keys of the domain, subdomains by the parent's, and nobody gets another domain's signature.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ "127.0.0.0/8" ];
-- key: example.com s1 rsa2048
-- key: example.com e1 ed25519
-- key: hosted.test h1 ed25519
-- zone: sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
-- zone: mail.sender.test 60 A 198.51.100.25
-- zone: 25.100.51.198.in-addr.arpa 60 PTR mail.sender.test
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=reject; rua=mailto:d@sender.test"
-- zone: evil.test 60 A 203.0.113.66
-- zone: 66.113.0.203.in-addr.arpa 60 PTR evil.test
-- foreign: sender.test sel1
dofile(dir .. "/lib.lua")

local function submit(from, author, login)
	return send{ ip = "203.0.113.66", from = from, headers = { { "From", author }, { "Subject", "x" } },
		macros = { "i", "S1", "{auth_type}", "PLAIN", "{auth_authen}", login or "alice@example.com" } }
end

local r = submit("<alice@example.com>", "Alice <alice@example.com>")
local both = (r.added("DKIM-Signature", 0) or "") .. (r.added("DKIM-Signature", 1) or "")
like(both, "a=rsa%-sha256", "an RSA signature")
like(both, "a=ed25519%-sha256", "and an Ed25519 signature")
like(both, "d=example%.com", "d=")
like(both, "[fF]rom:[%w:%-%s]*[fF]rom", "From is oversigned")
unlike(both, "l=", "never l=")
unlike(both, "\r", "folds are LF alone")
ok(r.ar == nil, "no Authentication-Results for our own mail")
r = submit("<alice@example.com>", "Alice <alice@sub.example.com>")
like(r.added("DKIM-Signature"), "d=example%.com", "a subdomain is signed by its parent's key")
r = submit("<alice@example.com>", "Boss <boss@hosted.test>")
ok(r.added("DKIM-Signature") == nil, "an authenticated sender cannot get another hosted domain's signature")
r = submit("<>", "Alice <alice@example.com>")
like(r.added("DKIM-Signature"), "d=example%.com", "null sender: the login's domain counts")
r = submit("<>", "Alice <alice@example.com>", "mallory@elsewhere.test")
ok(r.added("DKIM-Signature") == nil, "null sender, another login: no signature")
r = submit("<alice@example.com>", "alice@example.com, boss@hosted.test")
ok(r.added("DKIM-Signature") == nil, "authors of two domains: no signature")
r = send{ ip = "127.0.0.1", from = "<alice@example.com>", headers = {
	{ "Authentication-Results", "mx.example.com; dmarc=fail header.from=example.com" },
	{ "From", "Alice <alice@example.com>" } } }
ok(r.added("DKIM-Signature") == nil, "mail that was judged here and comes back is not signed")
ok(not r.deletes("Authentication-Results"), "and keeps its field")
r = send{ ip = "203.0.113.66", from = "<alice@example.com>", headers = {
	{ "Authentication-Results", "mx.example.com; dmarc=pass header.from=example.com" },
	{ "From", "Alice <alice@example.com>" } },
	macros = { "i", "S9", "{auth_type}", "PLAIN", "{auth_authen}", "alice@example.com" } }
ok(r.deletes("Authentication-Results"), "a login cannot forge our field either")
done()
