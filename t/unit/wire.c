/* SPDX-License-Identifier: BSD-2-Clause */
/* milter/protocol/packet.c and milter/native/wire.c: the protocol as bytes in and bytes out, with a
 * scribe for session. */
#include "milter/native/wire.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "milter/protocol/packet.h"
#include "milter/protocol/protocol.h"
#include "t/lib/scribe.h"
#include "t/lib/tap.h"

static struct buf in, out, said, text;

/* ---- packets ---- */

static void test_take(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		int result;
		size_t data;
	} rows[] = {
	    {"", 0, 0, 0},
	    {"\0\0\0", 3, 0, 0},
	    {"\0\0\0\0", 4, -1, 0},
	    {"\0\0\0\1", 4, 0, 0},
	    {"\0\0\0\1Q", 5, 1, 0},
	    {"\0\0\0\1QQ", 6, 1, 0},
	    {"\0\0\0\3Hab", 7, 1, 2},
	    {"\0\0\0\4Hab", 7, 0, 0},
	    {"\0\x10\0\0", 4, 0, 0}, /* just as long as one may be */
	    {"\0\x10\0\1H", 5, -1, 0},
	    {"\xff\xff\xff\xffH", 5, -1, 0},
	    {"GET / HTTP/1.1\r\n", 16, -1, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span input = span_make(rows[i].bytes, rows[i].len);
		struct packet packet = {0};

		is_int(packet_take(&input, &packet), rows[i].result, "take %zu", i);
		is_int(span_len(packet.data), rows[i].data, "its data");
		is_int(span_len(input), rows[i].len - (rows[i].result > 0 ? 5 + rows[i].data : 0),
		       "what is left");
	}
}

static void test_parts(void)
{
	struct span data = span_make("\0\0\1\2ab\0c", 8);
	const char *words;
	uint32_t number;

	ok(packet_number(&data, &number) && number == 258, "a number");
	ok(packet_text(&data, &words), "a text");
	is_text(words, "ab", "as it is");
	ok(!packet_text(&data, &words), "one without its NUL");
	ok(!packet_number(&data, &number), "less than a number");
	is_int(span_len(data), 1, "takes nothing");
}

#define BYTES(text) text, sizeof text - 1

static void test_address(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool good, known;
		int family;
	} rows[] = {
	    {BYTES("U"), true, false, 0},
	    {BYTES("U\0\0"), true, false, 0},
	    {BYTES("4\0\31"
		   "192.0.2.1\0"),
	     true, true, AF_INET},
	    {BYTES("4\0\31"
		   "192.0.2.1"),
	     false, false, 0},
	    {BYTES("4\0\31"
		   "192.0.2.\0"),
	     false, true, 0},
	    {BYTES("6\0\31"
		   "2001:db8::1\0"),
	     true, true, AF_INET6},
	    {BYTES("6\0\31"
		   "IPv6:2001:db8::1\0"),
	     true, true, AF_INET6},
	    {BYTES("6\0\31"
		   "192.0.2.1\0"),
	     false, true, 0},
	    {BYTES("L\0\0/run/x\0"), true, true, AF_UNIX},
	    {BYTES("L\0"), false, false, 0},
	    {BYTES("X\0\0x\0"), false, true, 0},
	    {BYTES(""), false, false, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sockaddr_storage address;
		bool known;

		is_int(packet_address(span_make(rows[i].bytes, rows[i].len), &address, &known),
		       rows[i].good, "address %zu", i);
		if (rows[i].good) {
			is_int(known, rows[i].known, "known");
			is_int(address.ss_family, rows[i].family, "family");
		}
	}
}

/* ---- a conversation ---- */

static void put_packet(char kind, const char *data, size_t len)
{
	size_t begun = packet_begin(&in, kind);

	buf_add(&in, data, len);
	packet_end(&in, begun);
}
#define PUT(kind, data) put_packet(kind, BYTES(data))

static void put_offer(uint32_t version, uint32_t actions, uint32_t steps)
{
	size_t begun = packet_begin(&in, 'O');

	packet_add_number(&in, version);
	packet_add_number(&in, actions);
	packet_add_number(&in, steps);
	packet_end(&in, begun);
}

/* What was put out: a packet a word, data with NUL as "|". */
static const char *list_answers(void)
{
	struct span rest = buf_view(&out);
	struct packet packet;

	buf_clear(&text);
	while (packet_take(&rest, &packet) > 0) {
		buf_printf(&text, "%s%c", text.len > 0 ? " " : "", packet.kind);
		for (const char *p = packet.data.p; p < packet.data.end && packet.kind != 'O'; p++)
			buf_char(&text, *p == '\0' ? '|' : *p);
	}
	ok(span_empty(rest), "only whole packets are put out");
	return buf_text(&text);
}

/* Gives what was put to a new connection, PIECE bytes at a time. */
static enum wire_next play_input(size_t piece, struct why *why)
{
	struct wire *wire = wire_new(NULL);
	enum wire_next next = WIRE_MORE;
	struct span rest = buf_view(&in);

	buf_clear(&out);
	buf_clear(&said);
	for (const char *end = rest.p; end < rest.end && next == WIRE_MORE;) {
		struct span input = {rest.p, end};

		end += (size_t)(rest.end - end) < piece ? (size_t)(rest.end - end) : piece;
		input.end = end;
		next = wire_take(wire, &input, &out, why);
		rest.p = input.p;
	}
	wire_free(wire);
	buf_clear(&in);
	return next;
}

static const char *list_calls(void)
{
	return buf_text(&said);
}

static void put_client(void)
{
	PUT('D', "Cj\0mx.example\0{daemon_name}\0smtpd\0");
	PUT('C', "host.example\0"
		 "4\0\31"
		 "192.0.2.1\0");
	PUT('D', "H");
	PUT('H', "host.example\0");
}

static void put_message(void)
{
	PUT('D', "M{auth_type}\0PLAIN\0{auth_authen}\0alice\0");
	PUT('M', "<a@x.example>\0SIZE=100\0");
	PUT('R', "<b@y.example>\0");
	PUT('L', "Subject\0 one\n two\0");
	PUT('N', "");
	PUT('B', "body\r\n");
	PUT('D', "Ei\0Q1\0");
	PUT('E', "");
}

static const char client_told[] = "connect host.example 192.0.2.1 j=mx.example daemon=smtpd\n"
				  "helo host.example\n";
static const char message_told[] = "mail <a@x.example> j=mx.example daemon=smtpd auth=PLAIN alice\n"
				   "rcpt <b@y.example>\n"
				   "header Subject: one\r\n two\n"
				   "eoh\nbody 6\neom i=Q1\nforget\n";

static void test_conversation(void)
{
	struct buf want;
	struct why why;

	buf_init(&want, NULL, 0);
	buf_printf(&want, "%s%s%smail <> j=mx.example daemon=smtpd auth=- -\nforget\nend\n",
		   client_told, message_told, message_told);
	for (size_t piece = 1; piece < 2000; piece += 7) {
		put_offer(6, 0x1ff, 0x1fffff);
		put_client();
		put_message();
		put_message();
		PUT('M', "<>\0");
		PUT('A', "");
		PUT('Q', "");
		if (play_input(piece, &why) != WIRE_CLOSE ||
		    strcmp(list_calls(), buf_text(&want)) != 0 ||
		    strcmp(list_answers(), "O c c c c c c c") != 0)
			break;
	}
	is_text(why.text, "", "the MTA took its leave");
	is_text(list_calls(), buf_text(&want), "what the session was told");
	is_text(list_answers(), "O c c c c c c c", "MAIL, body and end are answered");
	buf_free(&want);
}

static void test_negotiation(void)
{
	static const struct {
		uint32_t version, actions, steps;
		uint32_t agreed_version, agreed_actions, agreed_steps;
	} rows[] = {
	    {6, 0x1ff, 0x1fffff, 6, 0x131, 0x14b780},   {6, 0x1ff, 0x301fffff, 6, 0x131, 0x14b780},
	    {7, 0x1ff, 0xffffffff, 6, 0x131, 0x14b780}, {2, 0x3f, 0x7f, 2, 0x31, 0},
	    {3, 0x3f, 0x1ff, 3, 0x31, 0x180},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t version, actions, steps;
		struct packet packet = {0};
		struct span rest;
		struct why why;

		put_offer(rows[i].version, rows[i].actions, rows[i].steps);
		play_input(1000, &why);
		rest = buf_view(&out);
		ok(packet_take(&rest, &packet) == 1 && packet.kind == 'O', "offer %zu", i);
		packet_number(&packet.data, &version);
		packet_number(&packet.data, &actions);
		packet_number(&packet.data, &steps);
		is_int(version, rows[i].agreed_version, "version");
		is_int(actions, rows[i].agreed_actions, "actions");
		is_int(steps, rows[i].agreed_steps, "steps");
		is_int(span_len(packet.data), rows[i].actions == 0x1ff ? 58 : 0,
		       "macros asked for");
	}
}

static void test_old_mta(void)
{
	struct why why;

	put_offer(2, 0x3f, 0x7f);
	put_client();
	put_message();
	play_input(1000, &why);
	is_text(list_answers(), "O c c c c c c c c", "an old MTA gets an answer to each step");
	ok(strstr(list_calls(), "header Subject:  one\r\n two\n") != NULL,
	   "a value gets its first blank");
	scribe.enough = true;
	put_offer(2, 0x3f, 0x7f);
	put_message();
	play_input(1000, &why);
	is_text(list_answers(), "O c c c c c c", "and is not told to skip");
	put_offer(6, 0x1ff, 0x1fffff);
	put_message();
	play_input(1000, &why);
	is_text(list_answers(), "O c s c", "another is");
	scribe.enough = false;
}

static void test_next_client(void)
{
	struct why why;

	put_offer(6, 0x1ff, 0x1fffff);
	put_client();
	PUT('M', "<a@x.example>\0");
	PUT('K', "");
	PUT('M', "<b@x.example>\0");
	is_int(play_input(1000, &why), WIRE_MORE, "QUIT_NC goes on");
	ok(strstr(list_calls(), "forget\nend\nmail <b@x.example> j=- daemon=- auth=- -\n") != NULL,
	   "with nothing of the client before");
}

static void test_answers(void)
{
	static const struct header_change changes[] = {
	    {"Authentication-Results", 2, NULL},
	    {"Authentication-Results", 0, " mx; none\n\tx"},
	};
	static const struct {
		struct answer answer;
		uint32_t actions, steps;
		const char *heard;
	} rows[] = {
	    {{.action = ACTION_ACCEPT, .changes = changes, .change_count = 2},
	     0x1ff,
	     0x1fffff,
	     "O c m|||\2Authentication-Results|| i||||Authentication-Results| mx; none\n\tx| c"},
	    {{.action = ACTION_ACCEPT, .changes = changes + 1, .change_count = 1},
	     0x3f,
	     0x7f,
	     "O c i||||Authentication-Results|mx; none\n\tx| c"},
	    {{.action = ACTION_QUARANTINE, .hold = "why"}, 0x1ff, 0x1fffff, "O c qwhy| c"},
	    {{.action = ACTION_QUARANTINE, .hold = "why"}, 0x1f, 0x1fffff, "O c t"},
	    {{.action = ACTION_REJECT}, 0x1ff, 0x1fffff, "O c r"},
	    {{.action = ACTION_TEMPFAIL}, 0x1ff, 0x1fffff, "O c t"},
	    {{.action = ACTION_REJECT, .reply = {"550", "5.7.1", "100% bad\r\nnews"}},
	     0x1ff,
	     0x1fffff,
	     "O c y550 5.7.1 100%% bad??news|"},
	    {{.action = ACTION_TEMPFAIL, .reply = {"451", "4.7.0", "later"}},
	     0x1ff,
	     0x1fffff,
	     "O c y451 4.7.0 later|"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct why why;

		scribe.answer = rows[i].answer;
		put_offer(6, rows[i].actions, rows[i].steps);
		PUT('M', "<a@x.example>\0");
		PUT('E', "");
		play_input(1000, &why);
		is_text(list_answers(), rows[i].heard, "answer %zu", i);
	}
	scribe.answer = (struct answer){.action = ACTION_ACCEPT};
	put_offer(6, 0x1ff, 0x1fffff);
	PUT('E', "last");
	play_input(1000, &(struct why){""});
	is_text(list_calls(), "body 4\neom i=-\nend\n", "the end may bring a piece of the body");
}

static void test_wrong(void)
{
	static const struct {
		bool negotiates;
		char kind;
		const char *bytes;
		size_t len;
		const char *why;
	} rows[] = {
	    {false, 'M', BYTES("<>\0"), "before it negotiated"},
	    {false, 'O', BYTES("\0\0\0\6"), "too short"},
	    {false, 'O', BYTES("\0\0\0\1\0\0\1\xff\0\0\0\0"), "version 1"},
	    {false, 'O', BYTES("\0\0\0\6\0\0\0\x0f\0\0\0\0"), "change header fields"},
	    {true, 'O', BYTES("\0\0\0\6\0\0\1\xff\0\0\0\0"), "kind 0x4f"},
	    {true, 'z', BYTES(""), "kind 0x7a"},
	    {true, 'M', BYTES(""), "MAIL"},
	    {true, 'M', BYTES("<a@b>"), "malformed"},
	    {true, 'R', BYTES("<a@b>"), "RCPT"},
	    {true, 'H', BYTES("x"), "HELO"},
	    {true, 'L', BYTES("Name\0"), "header field"},
	    {true, 'L', BYTES("Name\0value"), "header field"},
	    {true, 'C', BYTES("host\0"), "connection"},
	    {true, 'C',
	     BYTES("host\0"
		   "4\0\0nonsense\0"),
	     "connection"},
	    {true, 'D', BYTES(""), "macros"},
	    {true, 'D', BYTES("Mi\0"), "macros"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct why why;

		if (rows[i].negotiates)
			put_offer(6, 0x1ff, 0x1fffff);
		put_packet(rows[i].kind, rows[i].bytes, rows[i].len);
		PUT('M', "<after@x.example>\0");
		is_int(play_input(1000, &why), WIRE_CLOSE, "wrong %zu", i);
		ok(strstr(why.text, rows[i].why) != NULL, "says so: %s", why.text);
		ok(strstr(list_calls(), "after@") == NULL, "nothing more is taken");
	}
	put_offer(6, 0x1ff, 0x1fffff);
	buf_add(&in, "\x7f\xff\xff\xff", 4);
	is_int(play_input(1000, &(struct why){""}), WIRE_CLOSE, "too long a packet");
}

static void test_macro_names(void)
{
	struct why why;

	put_offer(6, 0x1ff, 0x1fffff);
	PUT('D', "C{j}\0mx.example\0daemon_name\0mta\0x\0y\0{i}x\0y\0");
	PUT('C', "host.example\0U");
	play_input(1000, &why);
	is_text(list_calls(), "connect host.example - j=mx.example daemon=mta\nend\n",
		"braces make no difference");
}

int main(void)
{
	buf_init(&in, NULL, 0);
	buf_init(&out, NULL, 0);
	buf_init(&said, NULL, 0);
	buf_init(&text, NULL, 0);
	scribe.said = &said;
	test_take();
	test_parts();
	test_address();
	test_conversation();
	test_negotiation();
	test_old_mta();
	test_next_client();
	test_answers();
	test_wrong();
	test_macro_names();
	buf_free(&in);
	buf_free(&out);
	buf_free(&said);
	buf_free(&text);
	return tap_done();
}
