-- SPDX-License-Identifier: BSD-2-Clause
-- Mail to those who get reports is counted, and does not cause a report.
-- conf: authserv_id = "mx.example.com"; trusted_networks = [ ];
-- conf: reports: { org = "Example"; from = "noreply@example.com"; quiet = [ "dmarc@example.com", "dmarc@bücher.example" ]; };
-- zone: _dmarc.sender.test 60 TXT "v=DMARC1; p=none; rua=mailto:d@sender.test"
dofile(dir .. "/lib.lua")

local function mail(...)
	send{ ip = "203.0.113.66", helo = "evil.test", from = "<x@evil.test>", rcpt = { ... },
		headers = { { "From", "bob@sender.test" } } }
end
local function counted(name, number)
	local json = output(countersign .. " --json report list --day " .. os.date("!%Y-%m-%d"))
	like(json, '"' .. name .. '": ' .. number .. '[,%s]', name .. " is " .. number)
end
mail("<dmarc@example.com>")
counted("messages", 1)
counted("quiet", 1)
mail("<noreply@example.com>", "<DMARC@Example.COM>")
mail("<noreply+d=sender.test@example.com>")
counted("messages", 3)
counted("quiet", 3)
mail("<dmarc@xn--bcher-kva.example>")
counted("messages", 4)
counted("quiet", 4)
mail("<alice@example.com>")
mail("<dmarc@example.com>", "<alice@example.com>")
mail("<dmarcx@example.com>")
mail("<noreply@other.test>")
mail("<dmarc>")
counted("messages", 9)
counted("quiet", 4)
done()
