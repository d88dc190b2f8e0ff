/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/trace: which Received fields show that a message has been on another host. */
#include "policy/trace.h"
#include "t/lib/tap.h"

static const char *const local[] = {
    /* Postfix: pickup, smtpd from loopback */
    "by mx.example.com (Postfix, from userid 33)\r\n\tid 4F5A; Sat, 28 Nov 2026 18:00:00 +0000 "
    "(UTC)",
    "from localhost (localhost [127.0.0.1])\r\n\tby mx.example.com (Postfix) with ESMTP id 4F5A; "
    "now",
    "from localhost (localhost [IPv6:::1])\n\tby MX.example.com (Postfix) with ESMTP id 4F5A; now",
    "from whatever.example (localhost.localdomain [127.3.2.1]) by mx.example.com (Postfix)",
    /* Sendmail: its submission program, and what that hands over */
    "(from root@localhost)\r\n\tby mx.example.com (8.17.1.9/8.17.1.9/Submit) id 5AS; now",
    "from mx.example.com (localhost [127.0.0.1])\r\n\tby mx.example.com (8.17.1.9/8.17.1.9) with "
    "ESMTP id 5AS",
    "from mx.example.com (localhost [IPv6:0:0:0:0:0:0:0:1])\r\n\tby mx.example.com "
    "(8.17.1.9/8.17.1.9)",
    /* a content filter */
    "from mx.example.com ([127.0.0.1])\r\n\tby localhost (mx.example.com [127.0.0.1]) "
    "(amavisd-new, port 10024)",
};

static const char *const travelled[] = {
    "from evil.test (evil.test [203.0.113.66])\r\n\tby mx.example.com (Postfix) with ESMTP id "
    "4F5A; now",
    "from evil.test (unknown [IPv6:2001:db8::66])\r\n\tby mx.example.com (Postfix) with ESMTP id "
    "4F5A",
    "from evil.test (unknown [unknown])\r\n\tby mx.example.com (Postfix) with ESMTP id 4F5A",
    /* names that the client chose */
    "from localhost (evil.test [203.0.113.66])\r\n\tby mx.example.com (Postfix)",
    "from [127.0.0.1] (evil.test [203.0.113.66])\r\n\tby mx.example.com (Postfix)",
    "from localhost ([127.0.0.1]) (evil.test [203.0.113.66])\r\n\tby mx.example.com (Postfix)",
    "from [127.0.0.1] (HELO x) (203.0.113.66) by other.example with SMTP",
    "from by (evil.test [203.0.113.66])\r\n\tby mx.example.com (Postfix)",
    "from evil.test ([203.0.113.66] (may be forged))\r\n\tby mx.example.com (8.17.1.9/8.17.1.9)",
    "from localhost (localhost [127.0.0.1]); by mx.example.com",
    /* other hosts, and other programs' ways */
    "by other.example (Postfix, from userid 33)\r\n\tid 4F5A; now",
    "from localhost (localhost [127.0.0.1])\r\n\tby other.example (Postfix) with ESMTP id 4F5A; "
    "now",
    "by 2002:a05:6a20:3d8e:b0:1c4:a1f9 with SMTP id z14; now",
    "from pop.other.example [198.51.100.9]\r\n\tby mx.example.com with POP3 (fetchmail-6.4.37)",
    "from mx.example.com by mx.example.com with LMTP id 4F5A; now",
    "from [192.0.2.7] by mx.example.com with HTTP; now",
    "(from root@localhost) (evil.test [203.0.113.66]) by mx.example.com",
    /* nothing that can be read */
    "",
    ";",
    "by",
    "from",
    "from localhost",
    "[127.0.0.1]",
    "[127.0.0.1",
    "by [127.0.0.1]",
    "(by mx.example.com)",
    "localhost [127.0.0.1]",
    "from localhost ([127.0.0.1",
    "mx.example.com",
};

/* What a relay's own field says of its client. */
static const struct {
	const char *value;
	enum trace_client want;
	const char *ip, *helo;
} clients[] = {
    /* Postfix */
    {"from evil.test (mx.evil.test [203.0.113.66])\r\n\tby gw.example.com (Postfix) with ESMTP id "
     "4F",
     TRACE_CLIENT, "203.0.113.66", "evil.test"},
    {"from evil.test (unknown [IPv6:2001:db8::66])\n\t(using TLSv1.3 with cipher X (256/256 "
     "bits))\n"
     "\t(No client certificate requested)\n\tby gw.example.com (Postfix)",
     TRACE_CLIENT, "2001:db8::66", "evil.test"},
    {"from [192.0.2.1] (mx.evil.test [203.0.113.66]) by gw.example.com (Postfix)", TRACE_CLIENT,
     "203.0.113.66", "[192.0.2.1]"},
    {"from by (mx.evil.test [203.0.113.66]) by gw.example.com", TRACE_CLIENT, "203.0.113.66", "by"},
    {"by gw.example.com (Postfix, from userid 0) id 4F5A; now", TRACE_SUBMITTED, NULL, NULL},
    {"from evil.test (unknown [unknown]) by gw.example.com", TRACE_UNREADABLE, NULL, NULL},
    /* Sendmail */
    {"from evil.test (mx.evil.test [203.0.113.66] (may be forged)) by gw (8.17.1)", TRACE_CLIENT,
     "203.0.113.66", "evil.test"},
    {"from evil.test (IDENT:joe@mx.evil.test [203.0.113.66]) by gw (8.17.1)", TRACE_CLIENT,
     "203.0.113.66", "evil.test"},
    {"(from root@localhost) by gw.example.com (8.17.1/Submit) id 5AS", TRACE_SUBMITTED, NULL, NULL},
    /* amavis, Exim, Exchange */
    {"from gw ([127.0.0.1]) by localhost (gw [127.0.0.1]) (amavisd-new, port 10024)", TRACE_CLIENT,
     "127.0.0.1", "gw"},
    {"from mx.evil.test ([203.0.113.66] helo=evil.test)\n\tby gw with esmtp (Exim 4.96)",
     TRACE_CLIENT, "203.0.113.66", "evil.test"},
    {"from mx.evil.test ([203.0.113.66]:2525 helo=[192.0.2.1]) by gw", TRACE_CLIENT, "203.0.113.66",
     "[192.0.2.1]"},
    {"from [203.0.113.66] (helo=evil.test) by gw with esmtp (Exim 4.96)", TRACE_CLIENT,
     "203.0.113.66", "evil.test"},
    {"from evil.test (203.0.113.66) by gw.example.com (10.1.1.1) with Microsoft SMTP Server",
     TRACE_CLIENT, "203.0.113.66", "evil.test"},
    {"from evil.test (::ffff:203.0.113.66) by gw", TRACE_CLIENT, "203.0.113.66", "evil.test"},
    /* a client that chooses what stands before the address */
    {"from evil (192.0.2.1) (mx.evil.test [203.0.113.66]) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from evil ([192.0.2.1]) (203.0.113.66) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from evil (x[192.0.2.1] [203.0.113.66]) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from evil ([192.0.2.1][203.0.113.66]) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from [192.0.2.1] by gw with HTTP", TRACE_UNREADABLE, NULL, NULL},
    {"from [192.0.2.1] (helo=x [203.0.113.66]) (mx [203.0.113.66]) by gw", TRACE_UNREADABLE, NULL,
     NULL},
    {"from [192.0.2.1]x (helo=x) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from evil (\\) [192.0.2.1]) (mx [203.0.113.66]) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from evil (mx [203.0.113.66]) with SMTP by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from unknown (HELO evil) (203.0.113.66) by gw with SMTP", TRACE_UNREADABLE, NULL, NULL},
    {"(from root@localhost) (mx [192.0.2.1]) by gw", TRACE_UNREADABLE, NULL, NULL},
    /* nothing */
    {"", TRACE_UNREADABLE, NULL, NULL},
    {"from", TRACE_UNREADABLE, NULL, NULL},
    {"from ", TRACE_UNREADABLE, NULL, NULL},
    {"from x", TRACE_UNREADABLE, NULL, NULL},
    {"from x (", TRACE_UNREADABLE, NULL, NULL},
    {"from x (y [203.0.113.66", TRACE_UNREADABLE, NULL, NULL},
    {"from x (y [203.0.113.66])", TRACE_UNREADABLE, NULL, NULL},
    {"from (y [203.0.113.66]) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from x () by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from x (y) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"from x (y []) by gw", TRACE_UNREADABLE, NULL, NULL},
    {"(((((", TRACE_UNREADABLE, NULL, NULL},
};

static void test_clients(void)
{
	char text[IP_TEXT_MAX];

	for (unsigned i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		struct span helo = span_of("");
		struct ip ip = {.family = 0};
		enum trace_client have = trace_client(span_of(clients[i].value), &ip, &helo);

		is_int(have, clients[i].want, "%s", clients[i].value);
		if (have != TRACE_CLIENT || clients[i].ip == NULL)
			continue;
		is_text(ip_text(&ip, text), clients[i].ip, "its address");
		ok(span_eq(helo, clients[i].helo), "its HELO is %s", clients[i].helo);
	}
}

int main(void)
{
	test_clients();
	for (unsigned i = 0; i < sizeof local / sizeof local[0]; i++)
		ok(trace_is_local(span_of(local[i]), "mx.example.com"), "of this host: %s",
		   local[i]);
	for (unsigned i = 0; i < sizeof travelled / sizeof travelled[0]; i++)
		ok(!trace_is_local(span_of(travelled[i]), "mx.example.com"), "from elsewhere: %s",
		   travelled[i]);
	ok(!trace_is_local(span_of("(;) by"), ""), "no name is not the name of a host without one");
	return tap_done();
}
