/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/keep: connections, with what has not been read from them, outlive the process that has them.
 */
#include "tls/keep.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/lib/tap.h"

static int ends[2];

static void test_one(void)
{
	int client[2], fds[KEEP_BATCH];
	char text[8] = "";

	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, client) == 0, "a connection");
	is_int(write(client[0], "asked", 5), 5, "with something in it");
	is_int(keep_put(ends, &client[1], 1), 1, "it is kept");
	close(client[1]);
	is_int(keep_take(ends, fds), 1, "it is taken, although it was closed");
	is_int(read(fds[0], text, sizeof text), 5, "what was in it");
	is_text(text, "asked", "is in it");
	is_int(write(fds[0], "told", 4), 4, "and it is open:");
	is_int(read(client[0], text, sizeof text), 4, "its other end reads");
	close(fds[0]);
	is_int(read(client[0], text, sizeof text), 0, "until it is closed");
	close(client[0]);
}

static void test_batch(void)
{
	int fds[KEEP_BATCH], taken[KEEP_BATCH];

	for (unsigned i = 0; i < KEEP_BATCH; i++)
		fds[i] = STDOUT_FILENO;
	is_int(keep_put(ends, fds, 0), 0, "nothing to keep adds no message");
	is_int(keep_put(ends, fds, KEEP_BATCH), 1, "as many as a message has");
	is_int(keep_put(ends, fds, 2), 1, "and another message");
	is_int(keep_take(ends, taken), KEEP_BATCH, "the first comes first");
	for (unsigned i = 0; i < KEEP_BATCH; i++)
		close(taken[i]);
	is_int(keep_take(ends, taken), 2, "then the other");
	close(taken[0]);
	close(taken[1]);
	is_int(keep_take(ends, taken), -1, "then there is none");
}

/* A full pair refuses at once, and has all that it did not refuse. */
static void test_full(void)
{
	int fd = STDOUT_FILENO, taken[KEEP_BATCH];
	unsigned put = 0, got = 0;

	while (put < 100000 && keep_put(ends, &fd, 1) == 1)
		put++;
	ok(put > 100 && put < 100000, "it ends somewhere (%u)", put);
	while (keep_take(ends, taken) == 1) {
		close(taken[0]);
		got++;
	}
	is_int(got, put, "all are there");
}

int main(void)
{
	ok(keep_open(ends) == 0, "a pair");
	test_one();
	test_batch();
	test_full();
	return tap_done();
}
