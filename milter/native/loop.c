/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native engine: sockets and epoll. What the bytes mean is in wire.c, who waits for whom in
 * threads.c.
 *
 * Each socket is armed for one event (EPOLLONESHOT): the thread that gets it owns the connection
 * until it arms it again. Its lock says so to the compiler, and is only waited for by a thread that
 * gets the event before the call that armed it has returned. The owner reads what is there into a
 * buffer of its own, hands the whole packets to the wire, and writes all answers at once. Only an
 * incomplete packet, or answers that the MTA does not take, are kept with the connection: an idle
 * one has neither.
 *
 * The list of connections, under its lock, is for those who do not own them: the sweep for an MTA
 * that is silent in mid-packet, and the drain. They only shut a socket down, which is an event for
 * a thread that then closes it.
 */
#include "milter/engine.h"

#ifdef HAVE_EPOLL_CREATE1
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "milter/native/threads.h"
#include "milter/native/wire.h"

enum {
	READ_SIZE = 128 * 1024, /* a chunk of a body and what comes with it, at once */
	ACCEPTS = 64,           /* in one go */
	PENDING_COPIED = 4096,  /* a longer front of a packet is completed where it is */
	SWEEPS = 20,            /* in the time that an MTA may be silent */
	SAY_SECONDS = 60        /* that there are no descriptors */
};

static const int64_t retry_time = 500 * CLOCK_MS; /* to accept, when there are none */

/* What epoll knows. READY may free it. */
struct source {
	void (*ready)(struct source *source, void *buffers);
	int fd;
};

/* What a thread has for itself. */
struct buffers {
	struct buf in;
	struct buf out;
};

struct connection {
	struct source source; /* the first member */
	struct lock owner;    /* whose everything here is */
	struct wire *wire;
	struct buf pending; /* the front of a packet */
	struct buf unsent;  /* the rest of answers */
	bool ends;          /* once they are sent */
	atomic_bool in_message;
	_Atomic int64_t stuck_since; /* PENDING or UNSENT were touched; 0: there is none */
	struct connection *next, **link;
};

static struct {
	struct engine_start start;
	int epoll;
	struct source listener, timer;
	struct lock lock; /* of the list */
	struct connection *connections;
	atomic_uint busy;
	atomic_bool draining;
	atomic_bool starved;     /* accepting failed, for want of descriptors perhaps */
	_Atomic int64_t said_at; /* and it was logged */
} loop;

/* ---- epoll ---- */

static bool arm_source(struct source *source, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLONESHOT, .data.ptr = source};

	return epoll_ctl(loop.epoll, operation, source->fd, &event) == 0;
}

static void *wait_for_event(void)
{
	struct epoll_event event;

	return epoll_wait(loop.epoll, &event, 1, -1) == 1 ? event.data.ptr : NULL;
}

static void handle_source(void *task, void *buffers)
{
	struct source *source = task;

	source->ready(source, buffers);
}

/* ---- connections ---- */

static void enlist_connection(struct connection *connection)
{
	lock_take(&loop.lock);
	connection->link = &loop.connections;
	connection->next = loop.connections;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	loop.connections = connection;
	lock_drop(&loop.lock);
}

static void hang_up(struct connection *connection)
{
	lock_take(&loop.lock);
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	lock_drop(&loop.lock);
	lock_drop(&connection->owner);
	lock_done(&connection->owner);
	close(connection->source.fd);
	wire_free(connection->wire);
	buf_free(&connection->pending);
	buf_free(&connection->unsent);
	free(connection);
}

/* From now on another thread may own it, and free it. False: this one still does. */
static bool let_go(struct connection *connection, int operation)
{
	uint32_t events = connection->unsent.len > 0 ? EPOLLOUT : EPOLLIN;

	if (!arm_source(&connection->source, operation, events))
		return false;
	lock_drop(&connection->owner);
	return true;
}

/* What the MTA takes of DATA now, taken off it. False: it has gone. */
static bool put_out(int fd, struct span *data)
{
	while (!span_empty(*data)) {
		ssize_t n = send(fd, data->p, span_len(*data), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		data->p += n;
	}
	return true;
}

/* BUF holds REST, which may be a part of what it held. */
static void keep_rest(struct buf *buf, struct span rest)
{
	size_t len = span_len(rest);

	if (len == 0) {
		buf_free(buf);
	} else if (buf->len > 0 && rest.p >= buf->data && rest.p < buf->data + buf->cap) {
		memmove(buf->data, rest.p, len);
		buf->len = len;
	} else {
		buf_clear(buf);
		buf_span(buf, rest);
	}
}

/* The answers kept earlier. False: the connection is over. */
static bool send_kept(struct connection *connection)
{
	struct span rest = buf_view(&connection->unsent);

	if (connection->unsent.len == 0)
		return true;
	if (!put_out(connection->source.fd, &rest))
		return false;
	keep_rest(&connection->unsent, rest);
	return connection->unsent.len > 0 || !connection->ends;
}

/* The whole packets in IN, which keeps the rest. False: the connection is over. */
static bool take_packets(struct connection *connection, struct buf *in, struct buf *out)
{
	struct span input = buf_view(in), answers;
	enum wire_next next;
	struct why why;

	buf_clear(out);
	next = wire_take(connection->wire, &input, out, &why);
	answers = buf_view(out);
	atomic_store(&connection->in_message, wire_in_message(connection->wire));
	if (next == WIRE_CLOSE && why.text[0] != '\0')
		log_warning("%s: a connection is closed: %s", loop.start.listener->name, why.text);
	if (!put_out(connection->source.fd, &answers))
		return false;
	keep_rest(&connection->unsent, answers);
	connection->ends = next == WIRE_CLOSE;
	if (connection->ends)
		return connection->unsent.len > 0;
	memmove(in->data, input.p, span_len(input));
	in->len = span_len(input);
	return true;
}

/* Reads once, and appends to IN. 0: nothing is there now; -1: the connection is over. */
static int read_more(struct connection *connection, struct buf *in)
{
	char *place = buf_reserve(in, READ_SIZE - 1);
	ssize_t n;

	do
		n = recv(connection->source.fd, place, READ_SIZE - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		in->len += (size_t)n;
		return 1;
	}
	return n < 0 && errno == EAGAIN ? 0 : -1;
}

/* Reads and answers until all that was read is answered, or there is nothing more to read. False:
 * the connection is over. */
static bool serve_input(struct connection *connection, struct buffers *buffers)
{
	struct buf *in = &buffers->in;
	int got;

	buf_clear(in);
	if (connection->pending.len > PENDING_COPIED)
		in = &connection->pending;
	else
		buf_span(in, buf_view(&connection->pending));
	do {
		got = read_more(connection, in);
		if (got < 0 || (got > 0 && !take_packets(connection, in, &buffers->out)))
			return false;
	} while (got > 0 && in->len > 0 && connection->unsent.len == 0);
	keep_rest(&connection->pending, buf_view(in));
	return true;
}

/* An event for a connection: what can be done now, then it waits for the next, or is over. */
static void serve_connection(struct source *source, void *buffers)
{
	struct connection *connection = (struct connection *)(void *)source;
	bool goes_on, stuck;

	atomic_fetch_add(&loop.busy, 1);
	lock_take(&connection->owner);
	atomic_store(&connection->stuck_since, 0);
	goes_on = send_kept(connection);
	if (goes_on && connection->unsent.len == 0)
		goes_on = serve_input(connection, buffers);
	stuck = connection->unsent.len > 0 || connection->pending.len > 0;
	atomic_store(&connection->stuck_since, stuck ? clock_mono() : 0);
	if (atomic_load(&loop.draining) && !atomic_load(&connection->in_message) && !stuck)
		goes_on = false;
	if (!goes_on || !let_go(connection, EPOLL_CTL_MOD))
		hang_up(connection);
	atomic_fetch_sub(&loop.busy, 1);
}

/* ---- new connections ---- */

static void open_connection(int fd)
{
	struct connection *connection = heap_zero(sizeof *connection);
	int on = 1;

	if (loop.start.listener->family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	}
	connection->source = (struct source){.ready = serve_connection, .fd = fd};
	lock_init(&connection->owner);
	lock_take(&connection->owner);
	connection->wire = wire_new(loop.start.service);
	buf_init(&connection->pending, NULL, 0);
	buf_init(&connection->unsent, NULL, 0);
	enlist_connection(connection);
	if (!let_go(connection, EPOLL_CTL_ADD))
		hang_up(connection);
}

/* Logs it at most once in SAY_SECONDS. */
static void say_starved(int error)
{
	bool files = error == EMFILE || error == ENFILE;
	int64_t now = clock_mono(), said = atomic_load(&loop.said_at);

	if (said != 0 && now - said < SAY_SECONDS * CLOCK_SECOND)
		return;
	atomic_store(&loop.said_at, now);
	log_error("%s: no more connections can be accepted: %s%s", loop.start.listener->name,
		  strerror(error), files ? "; raise the limit of open files (LimitNOFILE)" : "");
}

static void set_timer(int64_t in)
{
	struct itimerspec when = {
	    .it_value = {.tv_sec = in / CLOCK_SECOND, .tv_nsec = in % CLOCK_SECOND}};

	timerfd_settime(loop.timer.fd, 0, &when, NULL);
}

/* 0: a connection was accepted; EAGAIN: there is none; else what keeps us from it. */
static int accept_one(int listener)
{
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return errno;
	open_connection(fd);
	return 0;
}

/* Should accepting fail it would fail again at once: the timer arms the listener then. */
static void accept_some(struct source *source, void *buffers)
{
	int error = 0;

	(void)buffers;
	for (int i = 0; i < ACCEPTS && error == 0 && !atomic_load(&loop.draining); i++)
		error = accept_one(source->fd);
	atomic_store(&loop.starved, error != 0 && error != EAGAIN);
	if (atomic_load(&loop.starved)) {
		say_starved(error);
		set_timer(retry_time);
	} else if (!atomic_load(&loop.draining)) {
		arm_source(source, EPOLL_CTL_MOD, EPOLLIN);
	}
}

/* ---- by threads that do not own the connection ---- */

static void shut_down(const struct connection *connection)
{
	shutdown(connection->source.fd, SHUT_RDWR);
}

static void close_silent(void)
{
	int64_t latest = clock_mono() - loop.start.mta_silence;

	lock_take(&loop.lock);
	for (struct connection *c = loop.connections; c != NULL; c = c->next) {
		int64_t since = atomic_load(&c->stuck_since);

		if (since == 0 || since > latest)
			continue;
		log_warning(
		    "%s: a connection is closed: "
		    "the MTA was silent for %.0f seconds in the middle of a packet or an answer",
		    loop.start.listener->name, (double)loop.start.mta_silence / CLOCK_SECOND);
		shut_down(c);
	}
	lock_drop(&loop.lock);
}

static void on_timer(struct source *source, void *buffers)
{
	uint64_t times;

	(void)buffers;
	if (read(source->fd, &times, sizeof times) == (ssize_t)sizeof times) {
		close_silent();
		set_timer(loop.start.mta_silence / SWEEPS);
	}
	if (atomic_load(&loop.starved) && !atomic_load(&loop.draining))
		arm_source(&loop.listener, EPOLL_CTL_MOD, EPOLLIN);
	arm_source(source, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- the engine ---- */

static void *open_buffers(void)
{
	struct buffers *buffers = heap_zero(sizeof *buffers);

	buf_init(&buffers->in, NULL, 0);
	buf_init(&buffers->out, NULL, 0);
	return buffers;
}

static void close_buffers(void *own)
{
	struct buffers *buffers = own;

	buf_free(&buffers->in);
	buf_free(&buffers->out);
	free(buffers);
}

static const struct threads_job job = {open_buffers, close_buffers, wait_for_event, handle_source};

static int start_loop(const struct engine_start *with, struct why *why)
{
	loop.start = *with;
	lock_init(&loop.lock);
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	loop.listener = (struct source){.ready = accept_some, .fd = with->listener->fd};
	loop.timer = (struct source){
	    .ready = on_timer,
	    .fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
	};
	if (loop.epoll < 0 || loop.timer.fd < 0 ||
	    !arm_source(&loop.listener, EPOLL_CTL_ADD, EPOLLIN) ||
	    !arm_source(&loop.timer, EPOLL_CTL_ADD, EPOLLIN))
		return why_set(why, "%s: epoll: %s", with->listener->name, strerror(errno));
	set_timer(loop.start.mta_silence / SWEEPS);
	return threads_start(&job, why);
}

static void drain_loop(void)
{
	atomic_store(&loop.draining, true);
	epoll_ctl(loop.epoll, EPOLL_CTL_DEL, loop.listener.fd, NULL);
	lock_take(&loop.lock);
	for (const struct connection *c = loop.connections; c != NULL; c = c->next) {
		if (!atomic_load(&c->in_message) && atomic_load(&c->stuck_since) == 0)
			shut_down(c);
	}
	lock_drop(&loop.lock);
}

static bool is_loop_busy(void)
{
	return atomic_load(&loop.busy) > 0;
}

const struct engine engine_native = {
    .start = start_loop,
    .drain = drain_loop,
    .busy = is_loop_busy,
    .waits_for_dns = threads_will_wait,
    .waits_for_ledger = threads_will_wait,
    .waits_for_keys = threads_will_wait,
};
#else
extern int loop_is_not_built; /* a file must not be empty */
#endif
