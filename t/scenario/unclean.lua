-- SPDX-License-Identifier: BSD-2-Clause
-- Own mail that readers or verifiers would read differently is not signed.
-- conf: authserv_id = "mx.example.com";
-- key: example.com s1 ed25519
dofile(dir .. "/lib.lua")

local n = 0
local function signs(body, headers)
	n = n + 1
	return send{ ip = "127.0.0.1", from = "<a@example.com>", id = "U" .. n, body = body,
		headers = headers or { { "From", "a@example.com" }, { "Subject", "x" } } }.added("DKIM-Signature") ~= nil
end

ok(signs("hello\r\nworld\r\n"), "lines that end with CRLF")
ok(signs{ "hello\r", "\nworld", "\r\n" }, "in chunks that break lines")
ok(signs("no end"), "a last line without an end")
ok(signs(""), "no body")
for _, case in ipairs{
	{ "a CR alone", "hello\rworld\r\n" }, { "a LF alone", "hello\nworld\r\n" }, { "CR CR LF", "hello\r\r\nworld\r\n" },
	{ "a CR at the end", "hello\r\n\r" }, { "a LF at the beginning", "\nhello\r\n" }, { "LF LF", "hello\r\n\nworld\r\n" },
	{ "a CR at the end of a chunk", { "hello\r", "world\r\n" } }, { "a LF at the beginning of a chunk", { "hello", "\nworld\r\n" } },
	{ "a CR before a chunk that is CR LF", { "hello\r", "\r\n" } } } do
	ok(not signs(case[2]), case[1] .. ": is not signed")
end
local log = output("cat " .. tmp .. "/log")
like(log, 'U5: [^\n]*sign=no reason="the body has a CR without LF, which verifiers read differently', "the log says why")
like(log, 'U6: [^\n]*sign=no reason="the body has a LF without CR', "for a LF, too")

-- a From that only some readers see
ok(not signs("x\r\n", { { "From", "a@example.com" }, { "Subject", "x\rFrom: boss@hosted.test" } }), "a From after a CR in another field")
ok(not signs("x\r\n", { { "From", "a@example.com\rFrom: boss@hosted.test" } }), "a From after a CR in From")
ok(not signs("x\r\n", { { "From", "\"<b@hosted.test>\"@example.com" } }), "two domains that readers can see")
ok(not signs("x\r\n", { { "From", "a@example.com" }, { "From", "a@example.com" } }), "two From fields")
ok(signs("x\r\n", { { "From", "Smith, John <a@example.com>" } }), "a malformed From that means one domain is signed")
logged('sign=no reason="there is a From field after a CR or LF in another one"', "the log says so")
done()
