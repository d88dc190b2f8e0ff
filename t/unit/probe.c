/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/probe: replies of mail servers, and the first record of a TLS server. */
#include <string.h>

#include "audit/probe/hello.h"
#include "audit/probe/reply.h"
#include "t/lib/tap.h"

static void test_replies(void)
{
	static const struct {
		const char *line;
		unsigned code; /* 0: it is not one */
		bool more;
		const char *text;
	} rows[] = {
	    {"220 mail.example.test ESMTP", 220, false, "mail.example.test ESMTP"},
	    {"250-STARTTLS", 250, true, "STARTTLS"},
	    {"250 ", 250, false, ""},
	    {"250", 250, false, ""},
	    {"250-", 250, true, ""},
	    {"554 5.7.1 no", 554, false, "5.7.1 no"},
	    {"25", 0, false, ""},
	    {"", 0, false, ""},
	    {"150 no", 0, false, ""},
	    {"650 no", 0, false, ""},
	    {"2x0 no", 0, false, ""},
	    {"250+no", 0, false, ""},
	    {"2500", 0, false, ""},
	    {" 250 no", 0, false, ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reply_line reply = {.code = 0};
		bool parsed = reply_parse(span_of(rows[i].line), &reply);

		ok(parsed == (rows[i].code != 0), "\"%s\"", rows[i].line);
		if (!parsed)
			continue;
		is_int(reply.code, rows[i].code, "its code");
		ok(reply.more == rows[i].more && span_eq(reply.text, rows[i].text), "and the rest");
	}
}

static void test_words(void)
{
	struct arena *arena = arena_new(0);

	ok(reply_offers(span_of("STARTTLS"), "STARTTLS"), "an extension");
	ok(reply_offers(span_of("starttls x"), "STARTTLS"), "in the other case, with a parameter");
	ok(!reply_offers(span_of("STARTTLSX"), "STARTTLS"), "the whole word");
	ok(!reply_offers(span_of("X STARTTLS"), "STARTTLS"), "the first one");
	ok(span_eq(reply_name(span_of("mail.example.test Hello")), "mail.example.test"), "a name");
	ok(span_eq(reply_name(span_of("[192.0.2.1]")), "[192.0.2.1]"), "an address");
	ok(span_empty(reply_name(span_of("<b>"))), "no name");
	ok(reply_is_ok(span_of("a OK done"), "a"), "IMAP: OK");
	ok(!reply_is_ok(span_of("a NO"), "a") && !reply_is_ok(span_of("b OK"), "a"),
	   "IMAP: no, or another one's");
	ok(reply_is_ok(span_of("+OK ready"), NULL) && !reply_is_ok(span_of("-ERR"), NULL), "POP3");
	ok(reply_has_word(span_of("* CAPABILITY IMAP4rev1 StartTLS"), "STARTTLS"), "a capability");
	ok(!reply_has_word(span_of("* CAPABILITY XSTARTTLS"), "STARTTLS"), "not a part of one");
	is_text(reply_clean(arena, span_make("a\033[1m\0\xff", 7)), "a?[1m??", "to be shown");
	arena_free(arena);
}

/* ---- TLS ---- */

#define MARK                                                                                       \
	"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb" \
	"\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

/* A HelloRetryRequest with the extensions supported_versions and key_share. */
#define RETRY(group)                                                                               \
	"\x16\3\3\0\x38\2\0\0\x34\3\3" MARK "\0\x13\1\0\0\x0c\0\x2b\0\2\3\4\0\x33\0\2" group

static void test_hello(void)
{
	static const struct {
		const char *name, *bytes;
		size_t length;
		enum probe_answer answer;
	} rows[] = {
	    {"the group is asked for", RETRY("\x11\xec"), 61, PROBE_YES},
	    {"another group is asked for", RETRY("\0\x1d"), 61, PROBE_NO},
	    {"handshake_failure", "\x15\3\3\0\2\2\x28", 7, PROBE_NO},
	    {"protocol_version", "\x15\3\1\0\2\2\x46", 7, PROBE_NO},
	    {"internal_error", "\x15\3\3\0\2\2\x50", 7, PROBE_UNKNOWN},
	    {"a warning", "\x15\3\3\0\2\1\x28", 7, PROBE_UNKNOWN},
	    {"cut", RETRY("\x11\xec"), 60, PROBE_UNKNOWN},
	    {"nothing", "", 0, PROBE_UNKNOWN},
	    {"text", "220 hello", 9, PROBE_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is_int(hello_read(span_make(rows[i].bytes, rows[i].length)), rows[i].answer, "%s",
		       rows[i].name);
	is_int((long)hello_length(span_make(RETRY("\0\0"), 61)), 61, "the length of a record");
	is_int((long)hello_length(span_make("\x16\3\3\0", 4)), 0, "not known yet");
}

int main(void)
{
	test_replies();
	test_words();
	test_hello();
	return tap_done();
}
