/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmilter is built with a pool of worker threads in most distributions (_FFR_WORKERS_POOL). Its
 * controller hands each session that has something to read to an idle worker, and starts a worker
 * where none is idle; but it counts a worker as idle until that has really woken up. Of several
 * sessions that become ready together, all are handed to the same one or two workers, one behind
 * the other, and a callback that waits for DNS makes the rest wait too: ten sessions that wait two
 * seconds each took ten seconds.
 *
 * A new connection is what makes the pool grow: with no worker idle it gets a new one, which then
 * also serves what is left behind. So after a callback began to wait, this thread connects to our
 * own socket, negotiates as an MTA does, and goes away. When the answer comes there is a worker
 * that waits for nothing; when it does not come soon, it tries again. Should what it then serves
 * begin to wait, that asks for the next wake-up.
 *
 * Measured (t/bench/run stall): of sessions that wait 2 s each, the last of three was done
 * after 4.1 s, of five after 6.1, of ten after 10.1; with wake-ups the last of twenty after 2.1.
 * Several processes would only divide that: each has such a pool. A session of our own that stays
 * open would cost less for a wake-up, but can be left behind itself.
 */
#include "milter/wakeup.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"

enum { TRIES = 50, ANSWER_MS = 10 };

/* Waits that begin within this time share one wake-up. */
static const struct timespec gather = {.tv_nsec = 5 * CLOCK_MS};

static struct {
	struct lock lock;
	struct cond asked_for;
	bool asked;
	struct socket_address address;
} wakeup;

static atomic_bool running;

/* A connection that offers version 6 of the protocol, all changes and all steps. -1: none. */
static int call_ourselves(void)
{
	static const unsigned char offer[] = {0, 0, 0, 13,   'O', 0,    0,    0,   6,
					      0, 0, 1, 0xff, 0,   0x1f, 0xff, 0xff};
	int fd = socket_call(&wakeup.address);

	if (fd < 0)
		return -1;
	if (send(fd, offer, sizeof offer, MSG_NOSIGNAL) == (ssize_t)sizeof offer)
		return fd;
	close(fd);
	return -1;
}

/* Connections that were not answered stay until one is: the pool still has to look at them. */
static void wake_pool(void)
{
	struct pollfd calls[TRIES];
	nfds_t count = 0;
	bool answered = false;

	while (count < TRIES && !answered) {
		int fd = call_ourselves();

		if (fd < 0)
			break; /* draining, or out of descriptors */
		calls[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
		answered = poll(calls, count, ANSWER_MS) > 0;
	}
	while (count > 0)
		close(calls[--count].fd);
}

static void *wake_on_request(void *arg)
{
	(void)arg;
	for (;;) {
		lock_take(&wakeup.lock);
		while (!wakeup.asked)
			cond_wait(&wakeup.asked_for, &wakeup.lock);
		lock_drop(&wakeup.lock);
		nanosleep(&gather, NULL);
		lock_take(&wakeup.lock);
		wakeup.asked = false;
		lock_drop(&wakeup.lock);
		wake_pool();
	}
	return NULL;
}

int wakeup_start(const struct socket_listener *listener, int fd, struct why *why)
{
	pthread_t thread;

	if (socket_address(listener, fd, &wakeup.address) != 0)
		return why_set(why, "%s: %s", listener->name, strerror(errno));
	lock_init(&wakeup.lock);
	cond_init(&wakeup.asked_for);
	if (thread_start(&thread, wake_on_request, NULL) != 0)
		return why_set(why, "cannot start the wake-up thread");
	pthread_detach(thread);
	atomic_store(&running, true);
	return 0;
}

void wakeup_soon(void)
{
	if (!atomic_load(&running))
		return;
	lock_take(&wakeup.lock);
	if (!wakeup.asked) {
		wakeup.asked = true;
		cond_wake_one(&wakeup.asked_for);
	}
	lock_drop(&wakeup.lock);
}
