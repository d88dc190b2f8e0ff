/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon/channel.c: frames whole, in order, and nothing else. */
#include "daemon/channel.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/lib/tap.h"

enum { LIMIT = 100000 };

static struct channel a, b;

static void open_both(size_t limit)
{
	int fds[2];

	if (channel_pair(fds) != 0)
		abort();
	channel_init(&a, fds[0], limit);
	channel_init(&b, fds[1], limit);
}

static void close_both(void)
{
	channel_free(&a);
	channel_free(&b);
}

static void test_order(void)
{
	struct channel_frame frame;

	open_both(LIMIT);
	channel_fill(&b);
	ok(!channel_next(&b, &frame), "nothing at first");
	channel_send(&a, CHANNEL_PING, "");
	channel_send(&a, CHANNEL_PREPARE, "first\nsecond");
	channel_send(&a, CHANNEL_COMMIT, "");
	channel_fill(&b);
	ok(channel_next(&b, &frame) && frame.kind == CHANNEL_PING, "the first");
	is_text(frame.text, "", "is empty");
	ok(channel_next(&b, &frame) && frame.kind == CHANNEL_PREPARE, "the second");
	is_text(frame.text, "first\nsecond", "has its text");
	ok(channel_next(&b, &frame) && frame.kind == CHANNEL_COMMIT, "the third");
	ok(!channel_next(&b, &frame), "and no more");
	channel_free(&a);
	channel_fill(&b);
	is_int(b.fd, -1, "the other side is gone");
	close_both();
}

/* More than the socket holds: it waits, and comes whole. */
static void test_long(void)
{
	enum { LEN = 3 << 20 };
	char *text = malloc(LEN + 1);
	struct channel_frame frame = {0};
	unsigned rounds = 0;

	memset(text, 'x', LEN);
	text[LEN] = '\0';
	open_both(LEN);
	channel_send(&a, CHANNEL_PREPARE, text);
	channel_send(&a, CHANNEL_PING, "");
	ok(channel_waits(&a), "it does not fit");
	while (rounds++ < 10000 && !channel_next(&b, &frame)) {
		channel_fill(&b);
		channel_flush(&a);
	}
	ok(frame.kind == CHANNEL_PREPARE && strcmp(frame.text, text) == 0, "it came whole");
	channel_flush(&a);
	channel_fill(&b);
	ok(channel_next(&b, &frame) && frame.kind == CHANNEL_PING, "with the next behind it");
	ok(!channel_waits(&a), "nothing waits");
	close_both();
	free(text);
}

static void test_last_words(void)
{
	struct channel_frame frame;

	open_both(LIMIT);
	channel_send(&a, CHANNEL_FAILED, "no key");
	channel_free(&a);
	channel_fill(&b);
	is_int(b.fd, -1, "closed");
	ok(channel_next(&b, &frame) && frame.kind == CHANNEL_FAILED, "what was said is there");
	is_text(frame.text, "no key", "with its text");
	channel_send(&b, CHANNEL_PING, "");
	ok(!channel_waits(&b), "nothing is sent to nobody");
	close_both();
}

static void test_hostile(void)
{
	static const struct {
		const char *name;
		uint32_t len;
		const char *text;
	} cases[] = {
	    {"length 0", 0, ""},
	    {"too long", 12, "0123456789\0"},
	    {"very long", UINT32_MAX, ""},
	    {"no end of text", 4, "abcd"},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char head[5] = {CHANNEL_NO};
		struct channel_frame frame;

		open_both(10);
		memcpy(head + 1, &cases[i].len, 4);
		send(a.fd, head, 5, MSG_NOSIGNAL);
		if (cases[i].text[0] != '\0')
			send(a.fd, cases[i].text, cases[i].len, MSG_NOSIGNAL);
		channel_fill(&b);
		ok(!channel_next(&b, &frame), "%s: no frame", cases[i].name);
		is_int(b.fd, -1, "%s: closed", cases[i].name);
		ok(!channel_next(&b, &frame), "%s: nothing more", cases[i].name);
		close_both();
	}
}

/* A flood of small frames is taken in pieces of bounded size. */
static void test_flood(void)
{
	struct channel_frame frame;
	unsigned sent = 0, seen = 0;

	open_both(100);
	for (; sent < 1000; sent++)
		channel_send(&a, CHANNEL_PONG, "0123456789");
	for (unsigned round = 0; round < 1000 && seen < sent; round++) {
		channel_fill(&b);
		if (b.in.len > 106)
			break;
		while (channel_next(&b, &frame))
			seen++;
		channel_flush(&a);
	}
	is_int(seen, sent, "all came");
	close_both();
}

int main(void)
{
	test_order();
	test_long();
	test_last_words();
	test_hostile();
	test_flood();
	return tap_done();
}
