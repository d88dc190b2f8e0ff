/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter/native/loop.c and milter/native/threads.c: the native engine with real sockets, a scribe
 * for session. The MTA's side is in this process, too.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "milter/engine.h"
#include "milter/protocol/client.h"
#include "t/lib/scribe.h"
#include "t/lib/tap.h"

#ifdef HAVE_EPOLL_CREATE1
enum { SLOW = 20, STARVED = 8, MANY = 200000 };

static const int64_t slow_time = 700 * CLOCK_MS;
static int64_t silence = 400 * CLOCK_MS;
static struct socket_listener listener;
static char address[256];

static void pause_for(int64_t time)
{
	struct timespec t = {.tv_sec = time / CLOCK_SECOND, .tv_nsec = time % CLOCK_SECOND};

	nanosleep(&t, NULL);
}

static void unexpected_end(void)
{
	abort();
}

static void start_engine(void)
{
	struct engine_start with = {
	    .listener = &listener, .mta_silence = silence, .ended = unexpected_end};
	struct why why;

	snprintf(address, sizeof address, "unix:%s/s", tap_directory());
	if (socket_open(&listener, address, 0600, &why) != 0 ||
	    engine_native.start(&with, &why) != 0)
		tap_skip_all("%s", why.text);
}

static void open_client(struct milter_client *m)
{
	struct why why;

	if (milter_client_open(m, address, &why) != 0 ||
	    milter_client_negotiate(m, MILTER_CLIENT_ALL_ACTIONS, MILTER_CLIENT_ALL_STEPS, &why) !=
		0)
		ok(false, "a connection: %s", why.text);
}

static void put_text(struct milter_client *m, char kind, const char *text)
{
	milter_client_put(m, kind, span_make(text, strlen(text) + 1));
}

/* The next answer, or 0 when the connection was closed. */
static char read_kind(struct milter_client *m)
{
	struct packet reply;
	struct why why;

	return milter_client_read(m, &reply, &why) == 0 ? reply.kind : '\0';
}

static char say_mail(struct milter_client *m)
{
	put_text(m, 'M', "<a@x.example>");
	return read_kind(m);
}

static void put_end(struct milter_client *m)
{
	milter_client_put(m, 'E', span_of(""));
	milter_client_flush(m, NULL);
}

static bool closed_within(struct milter_client *m, int ms)
{
	struct pollfd fd = {.fd = m->fd, .events = POLLIN};

	return poll(&fd, 1, ms) > 0 && read_kind(m) == '\0';
}

/* ---- what comes in pieces, and in large ones ---- */

static void test_pieces(void)
{
	static const char end[] = {0, 0, 0, 1, 'E'};
	struct milter_client m;

	open_client(&m);
	is_int(say_mail(&m), 'c', "MAIL");
	for (size_t i = 0; i < sizeof end; i++) {
		if (send(m.fd, end + i, 1, MSG_NOSIGNAL) != 1)
			break;
		pause_for(10 * CLOCK_MS);
	}
	is_int(read_kind(&m), 'c', "a packet that comes byte by byte");
	milter_client_close(&m);
}

static void test_large(void)
{
	struct milter_client m;
	struct buf large;

	buf_init(&large, NULL, 0);
	buf_add(&large, "X-Large\0", 8);
	while (large.len < (1 << 20) - 2)
		buf_char(&large, 'x');
	buf_char(&large, '\0');
	open_client(&m);
	is_int(say_mail(&m), 'c', "MAIL");
	milter_client_put(&m, 'L', buf_view(&large));
	for (int i = 0; i < 3; i++) {
		milter_client_put(&m, 'B', span_make(large.data, MILTER_CLIENT_CHUNK));
		is_int(read_kind(&m), 'c', "a chunk of a body");
	}
	put_end(&m);
	is_int(read_kind(&m), 'c', "the end");
	buf_string(&large, "and more");
	milter_client_put(&m, 'L', buf_view(&large));
	ok(milter_client_flush(&m, NULL) != 0 || read_kind(&m) == '\0',
	   "a packet that is too large");
	milter_client_close(&m);
	buf_free(&large);
}

/* ---- slow messages ---- */

static void test_slow(void)
{
	struct milter_client slow[SLOW], other;
	int64_t began, mail, all;
	unsigned good = 0;

	scribe.wait = slow_time;
	scribe.before_wait = engine_native.waits_for_dns;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < SLOW; i++) {
			open_client(&slow[i]);
			good += say_mail(&slow[i]) == 'c';
		}
		began = clock_mono();
		for (unsigned i = 0; i < SLOW; i++)
			put_end(&slow[i]);
		open_client(&other);
		good += say_mail(&other) == 'c';
		mail = clock_mono() - began;
		for (unsigned i = 0; i < SLOW; i++)
			good += read_kind(&slow[i]) == 'c';
		all = clock_mono() - began;
		ok(!tap_hurried() || mail < slow_time / 2, "others are not held up: %lld ms",
		   (long long)(mail / CLOCK_MS));
		ok(!tap_hurried() || all < 2 * slow_time, "all slow ones together: %lld ms",
		   (long long)(all / CLOCK_MS));
		for (unsigned i = 0; i < SLOW; i++)
			milter_client_close(&slow[i]);
		milter_client_close(&other);
	}
	is_int(good, 2 * (2 * SLOW + 1), "each is answered");
	scribe.wait = 0;
}

/* ---- an MTA that does not read, or not write ---- */

static void *send_all(void *arg)
{
	milter_client_flush(arg, NULL);
	return NULL;
}

static void test_deaf(void)
{
	struct milter_client m;
	pthread_t sender;
	unsigned heard = 0;
	struct buf late;

	buf_init(&late, NULL, 0);
	open_client(&m);
	for (unsigned i = 0; i < MANY; i++)
		put_text(&m, 'M', "<>");
	if (thread_start(&sender, send_all, &m) != 0)
		abort();
	pause_for(300 * CLOCK_MS);
	for (size_t want = 5 * (size_t)MANY; late.len < want;) {
		char part[4096];
		ssize_t n = recv(m.fd, part, sizeof part, 0);

		if (n <= 0)
			break;
		buf_add(&late, part, (size_t)n);
	}
	pthread_join(sender, NULL);
	for (size_t i = 4; i < late.len; i += 5)
		heard += late.data[i] == 'c';
	is_int(heard, MANY, "answers that the MTA takes late");
	milter_client_close(&m);
	buf_free(&late);
}

static void test_silence(void)
{
	struct milter_client half, idle;

	open_client(&half);
	open_client(&idle);
	send(half.fd, "\0\0", 2, MSG_NOSIGNAL);
	ok(!closed_within(&half, (int)(silence / CLOCK_MS / 2)), "half a packet is waited for");
	ok(closed_within(&half, 20000), "but not for ever");
	is_int(say_mail(&idle), 'c', "silence between packets is not a fault");
	milter_client_close(&half);
	milter_client_close(&idle);
}

/* ---- no descriptors ---- */

static int64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

static void test_starved(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct milter_client waiting[STARVED];
	struct rlimit before, none;
	int64_t used;
	unsigned good = 0;

	memcpy(to.sun_path, address + 5, strlen(address + 5));
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	for (unsigned i = 0; i < STARVED; i++) {
		memset(&waiting[i], 0, sizeof waiting[i]);
		buf_init(&waiting[i].out, NULL, 0);
		buf_init(&waiting[i].in, NULL, 0);
		waiting[i].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		none.rlim_cur = (rlim_t)waiting[i].fd + 1;
	}
	setrlimit(RLIMIT_NOFILE, &none);
	for (unsigned i = 0; i < STARVED; i++)
		good += connect(waiting[i].fd, (struct sockaddr *)&to, sizeof to) == 0;
	is_int(good, STARVED, "connections wait when there are no descriptors");
	used = cpu_time();
	pause_for(600 * CLOCK_MS);
	used = cpu_time() - used;
	ok(used < 200 * CLOCK_MS, "at no cost: %lld ms", (long long)(used / CLOCK_MS));
	setrlimit(RLIMIT_NOFILE, &before);
	for (unsigned i = 0; i < STARVED; i++) {
		good -= milter_client_negotiate(&waiting[i], MILTER_CLIENT_ALL_ACTIONS,
						MILTER_CLIENT_ALL_STEPS, &(struct why){""}) == 0;
		milter_client_close(&waiting[i]);
	}
	is_int(good, 0, "and are served when there are some again");
}

/* ---- the end ---- */

static void test_drain(void)
{
	struct milter_client idle, under_way;

	open_client(&idle);
	open_client(&under_way);
	is_int(say_mail(&under_way), 'c', "a message");
	engine_native.drain();
	ok(closed_within(&idle, 5000), "the drain closes an idle connection");
	put_end(&under_way);
	is_int(read_kind(&under_way), 'c', "a message under way is answered");
	ok(closed_within(&under_way, 5000), "then its connection is closed");
	for (int i = 0; i < 500 && engine_native.busy(); i++)
		pause_for(10 * CLOCK_MS);
	ok(!engine_native.busy(), "nothing is left to do");
	milter_client_close(&idle);
	milter_client_close(&under_way);
}

int main(void)
{
	if (!tap_hurried())
		silence = 4 * CLOCK_SECOND; /* or the deaf MTA is a silent one */
	log_open("loop.test", LOG_TARGET_STDERR, LOG_FORMAT_TEXT, log_journal_socket);
	log_set_level(LOG_LEVEL_ERROR);
	start_engine();
	test_pieces();
	test_large();
	test_slow();
	test_deaf();
	test_silence();
	test_starved();
	test_drain();
	socket_remove(&listener);
	return tap_done();
}
#else
int main(void)
{
	tap_skip_all("the native engine is not built here");
}
#endif
