/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that wants a signature takes a lane, sends its request there, and reads the reply: two
 * calls of the kernel, and no hand-over between threads. Lanes are made when they are needed, up to
 * one for each core, which is as many signatures as can be made at once.
 *
 * A thread is blocked for about as long as it would compute if it had the key itself, and the core
 * is the key process's meanwhile. So it only tells the engine that it waits when the reply takes
 * longer than signing does.
 */
#include "keys/client.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "keys/wire.h"
#include "lib/lock.h"

enum { LOOK_MS = 20 }; /* a thread in a call of the kernel looks at its deadline that often */

struct lane {
	struct lane *next;
	int fd;
	unsigned link; /* the number of the link that it belongs to */
	bool busy;     /* a thread uses it, without the lock */
};

struct keyclient {
	atomic_uint references;
	void (*waits)(void);
	unsigned lanes_max;
	struct lock lock; /* of all below */
	struct cond change;
	int fd;        /* the link; -1: there is no key process now */
	unsigned link; /* its number */
	bool superseded;
	struct lane *lanes;
	unsigned lane_count;
};

/* A request under way, in one thread. */
struct exchange {
	int64_t deadline;
	bool waits;    /* and the engine was told so */
	unsigned lost; /* lanes that ended meanwhile */
	size_t request_len;
	uint8_t request[KEYWIRE_REQUEST_MAX];
	uint8_t *reply; /* KEYWIRE_REPLY_MAX bytes */
};

static void tell_engine(const struct keyclient *client, struct exchange *exchange)
{
	if (!exchange->waits && client->waits != NULL)
		client->waits();
	exchange->waits = true;
}

/* ---- lanes; the caller holds the lock ---- */

static void end_lane(struct keyclient *client, struct lane *lane)
{
	struct lane **place = &client->lanes;

	while (*place != lane)
		place = &(*place)->next;
	*place = lane->next;
	client->lane_count--;
	close(lane->fd);
	free(lane);
}

/* The key process has ended, or another takes its place: who waits for a reply is to ask again. */
static void lose_link(struct keyclient *client)
{
	struct lane *next;

	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	for (struct lane *lane = client->lanes; lane != NULL; lane = next) {
		next = lane->next;
		if (lane->busy)
			shutdown(lane->fd, SHUT_RDWR);
		else
			end_lane(client, lane);
	}
}

/* Gives the key process the other end of a lane, FD. */
static int send_lane(const struct keyclient *client, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof fd)];
	} control = {.space = {0}};
	struct iovec data = {(void *)"", 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control.space};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	return sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -1;
}

static struct lane *add_lane(struct keyclient *client, int fd)
{
	static const struct timeval look = {.tv_usec = LOOK_MS * 1000};
	struct lane *lane = calloc(1, sizeof *lane);

	if (lane == NULL)
		abort();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look);
	lane->fd = fd;
	lane->link = client->link;
	lane->next = client->lanes;
	client->lanes = lane;
	client->lane_count++;
	return lane;
}

/* NULL: there cannot be one more now. */
static struct lane *open_lane(struct keyclient *client)
{
	int fds[2], bad;

	if (client->lane_count >= client->lanes_max ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return NULL;
	bad = send_lane(client, fds[1]);
	close(fds[1]);
	if (bad == 0)
		return add_lane(client, fds[0]);
	close(fds[0]);
	if (errno == EPIPE || errno == ECONNRESET)
		lose_link(client);
	return NULL;
}

static struct lane *find_idle(const struct keyclient *client)
{
	struct lane *lane = client->lanes;

	while (lane != NULL && lane->busy)
		lane = lane->next;
	return lane;
}

/* Waits for a lane. NULL: there will be none in time. */
static struct lane *take_lane(struct keyclient *client, struct exchange *exchange)
{
	for (;;) {
		int64_t now = clock_mono(), look = now + LOOK_MS * CLOCK_MS;
		struct lane *lane = client->fd < 0 ? NULL : find_idle(client);

		if (lane == NULL && client->fd >= 0 && exchange->lost <= client->lanes_max)
			lane = open_lane(client);
		if (lane != NULL) {
			lane->busy = true;
			return lane;
		}
		if (now >= exchange->deadline || (client->fd < 0 && client->superseded))
			return NULL;
		tell_engine(client, exchange);
		cond_wait_until(&client->change, &client->lock,
				look < exchange->deadline ? look : exchange->deadline);
		exchange->lost = 0;
	}
}

/* ---- requests ---- */

/* The length of the reply; 0: it does not come in time; -1: the lane has ended, with the key
 * process perhaps, which the next lane shows. */
static ssize_t ask_key_process(const struct keyclient *client, const struct lane *lane,
			       struct exchange *exchange)
{
	ssize_t n;

	if (send(lane->fd, exchange->request, exchange->request_len, MSG_NOSIGNAL) !=
	    (ssize_t)exchange->request_len)
		return -1;
	for (;;) {
		n = recv(lane->fd, exchange->reply, KEYWIRE_REPLY_MAX, 0);
		if (n > 0)
			return n;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -1;
		if (clock_mono() >= exchange->deadline)
			return 0;
		tell_engine(client, exchange);
	}
}

/* ANSWERED: another thread may use it. The caller holds the lock. */
static void release_lane(struct keyclient *client, struct lane *lane, bool answered)
{
	lane->busy = false;
	if (!answered || client->fd < 0 || lane->link != client->link)
		end_lane(client, lane);
	cond_wake_one(&client->change);
}

/* 0: there is no reply. */
static size_t exchange_packets(struct keyclient *client, struct exchange *exchange)
{
	ssize_t got = -1;

	exchange->deadline = clock_mono() + KEYCLIENT_PATIENCE;
	lock_take(&client->lock);
	while (got < 0) {
		struct lane *lane = take_lane(client, exchange);

		if (lane == NULL)
			break;
		lock_drop(&client->lock);
		got = ask_key_process(client, lane, exchange);
		lock_take(&client->lock);
		release_lane(client, lane, got > 0);
		exchange->lost += got < 0;
	}
	lock_drop(&client->lock);
	return got < 0 ? 0 : (size_t)got;
}

static void fail_tasks(struct key_task *tasks, unsigned count, const char *failure)
{
	for (unsigned i = 0; i < count; i++)
		tasks[i].failure = failure;
}

static void take_answer(struct key_task *task, const struct keywire_answer *answer,
			struct arena *arena)
{
	static const char *const failures[KEYWIRE_OUTCOMES] = {
	    [KEYWIRE_UNKNOWN] = "the key process no longer has this key",
	    [KEYWIRE_IDLE] = "the key process refuses: the key is retired",
	    [KEYWIRE_PURPOSE] =
		"the key process refuses: the settings do not let this key sign that",
	    [KEYWIRE_LIMITED] = "the key process refuses: over sign.max_rate",
	    [KEYWIRE_FAILED] = "the key process could not sign",
	};

	task->failure = failures[answer->outcome];
	if (task->failure == NULL)
		task->signature =
		    span_make(arena_copy(arena, answer->signature, answer->length), answer->length);
}

static void sign_batch(struct keyclient *client, struct key_task *tasks, unsigned count,
		       struct arena *arena)
{
	struct keywire_request request = {.count = count};
	uint8_t packet[KEYWIRE_REPLY_MAX];
	struct exchange exchange = {.reply = packet};
	struct keywire_reply reply;
	size_t len;

	for (unsigned i = 0; i < count; i++) {
		struct keywire_item *item = &request.items[i];

		item->number = signing_key_number(tasks[i].key);
		item->type = (uint8_t)signing_key_type(tasks[i].key);
		item->purpose = (uint8_t)tasks[i].purpose;
		memcpy(item->digest, tasks[i].digest, sizeof item->digest);
	}
	exchange.request_len = keywire_put_request(&request, exchange.request);
	len = exchange_packets(client, &exchange);
	if (len == 0) {
		fail_tasks(tasks, count, "the key process does not answer");
		return;
	}
	if (keywire_parse_reply(packet, packet + len, &reply) != 0 || reply.count != count) {
		fail_tasks(tasks, count, "the key process gave an answer that cannot be read");
		return;
	}
	for (unsigned i = 0; i < count; i++)
		take_answer(&tasks[i], &reply.answers[i], arena);
}

static void sign_tasks(void *arg, struct key_task *tasks, unsigned count, struct arena *arena)
{
	struct keyclient *client = arg;

	for (unsigned i = 0; i < count; i += KEYWIRE_TASKS)
		sign_batch(client, tasks + i, count - i < KEYWIRE_TASKS ? count - i : KEYWIRE_TASKS,
			   arena);
}

/* ---- the client ---- */

static unsigned count_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > KEYWIRE_LANES ? KEYWIRE_LANES : (unsigned)cores;
}

struct keyclient *keyclient_new(int fd, void (*waits)(void))
{
	struct keyclient *client = calloc(1, sizeof *client);

	if (client == NULL)
		abort();
	atomic_init(&client->references, 1);
	client->waits = waits;
	client->lanes_max = count_cores();
	lock_init(&client->lock);
	cond_init(&client->change);
	client->fd = fd;
	return client;
}

void keyclient_attach(struct keyclient *client, int fd)
{
	lock_take(&client->lock);
	lose_link(client);
	client->fd = fd;
	client->link++;
	cond_wake_all(&client->change);
	lock_drop(&client->lock);
}

void keyclient_supersede(struct keyclient *client)
{
	lock_take(&client->lock);
	client->superseded = true;
	cond_wake_all(&client->change);
	lock_drop(&client->lock);
}

struct keyclient *keyclient_take(struct keyclient *client)
{
	atomic_fetch_add(&client->references, 1);
	return client;
}

void keyclient_drop(struct keyclient *client)
{
	if (client == NULL)
		return;
	if (atomic_fetch_sub(&client->references, 1) > 1)
		return;
	lose_link(client);
	assert(client->lanes == NULL); /* nobody waits for a reply */
	cond_done(&client->change);
	lock_done(&client->lock);
	free(client);
}

static void release_client(void *arg)
{
	keyclient_drop(arg);
}

struct key_signer keyclient_signer(struct keyclient *client)
{
	return (struct key_signer){.sign = sign_tasks, .release = release_client, .arg = client};
}
