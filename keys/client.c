/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that wants a signature takes a lane, sends its request over the link, and reads the
 * reply from its lane: two calls of the kernel, and no hand-over between threads. Lanes are made
 * when they are needed, and used again, the last one first.
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

#include "keys/source.h"
#include "keys/wire.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/system/fdpass.h"

enum { LOOK_MS = 20 }; /* a thread in a call of the kernel looks at its deadline that often */

struct lane {
	int fd;        /* -1: there is none */
	int far_end;   /* what the next request brings to the key process; -1: it has it */
	unsigned link; /* the number of the link that it belongs to */
	bool busy;     /* a thread uses it, without the lock */
};

struct keyclient {
	atomic_uint references;
	void (*waits)(void);
	struct lock lock; /* of all below */
	struct cond change;
	int fd;        /* the link; -1: there is no key process now */
	unsigned link; /* its number */
	bool superseded;
	struct lane lanes[KEYWIRE_LANES];
};

/* A request under way, in one thread. */
struct exchange {
	int64_t deadline;
	bool waits; /* and the engine was told so */
	struct keywire_request *request;
	uint8_t *reply; /* KEYWIRE_REPLY_MAX bytes */
};

static void tell_engine(const struct keyclient *client, struct exchange *exchange)
{
	if (!exchange->waits && client->waits != NULL)
		client->waits();
	exchange->waits = true;
}

/* ---- lanes; the caller holds the lock ---- */

static void end_lane(struct lane *lane)
{
	if (lane->fd >= 0)
		close(lane->fd);
	if (lane->far_end >= 0)
		close(lane->far_end);
	lane->fd = lane->far_end = -1;
}

/* The key process has ended, or another takes its place: who waits for a reply is to ask again. */
static void lose_link(struct keyclient *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	for (unsigned i = 0; i < KEYWIRE_LANES; i++) {
		struct lane *lane = &client->lanes[i];

		if (lane->busy)
			shutdown(lane->fd, SHUT_RDWR);
		else
			end_lane(lane);
	}
}

static bool open_lane(const struct keyclient *client, struct lane *lane)
{
	static const struct timeval look = {.tv_usec = LOOK_MS * 1000};
	int fds[2];

	if (lane->fd >= 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look);
	lane->fd = fds[0];
	lane->far_end = fds[1];
	lane->link = client->link;
	return true;
}

/* NULL: there cannot be one now. */
static struct lane *find_lane(struct keyclient *client)
{
	for (unsigned i = 0; client->fd >= 0 && i < KEYWIRE_LANES; i++) {
		struct lane *lane = &client->lanes[i];

		if (!lane->busy)
			return open_lane(client, lane) ? lane : NULL;
	}
	return NULL;
}

/* -1, as errno says: EAGAIN: not now; else the link is over. */
static int send_request(const struct keyclient *client, struct lane *lane,
			struct keywire_request *request)
{
	uint8_t packet[KEYWIRE_REQUEST_MAX];
	struct span data;

	request->lane = (unsigned)(lane - client->lanes);
	data = span_make(packet, keywire_put_request(request, packet));
	if (fdpass_send(client->fd, data, &lane->far_end, lane->far_end >= 0, MSG_DONTWAIT) !=
	    (ssize_t)span_len(data))
		return -1;
	if (lane->far_end >= 0)
		close(lane->far_end);
	lane->far_end = -1;
	return 0;
}

/* Sends the request. The lane on which the reply comes; NULL: it cannot be sent in time. */
static struct lane *begin_exchange(struct keyclient *client, struct exchange *exchange)
{
	for (;;) {
		int64_t now = clock_mono(), look = now + LOOK_MS * CLOCK_MS;
		struct lane *lane = find_lane(client);

		if (lane != NULL && send_request(client, lane, exchange->request) == 0) {
			lane->busy = true;
			return lane;
		}
		if (lane != NULL && (errno == EPIPE || errno == ECONNRESET))
			lose_link(client);
		if (now >= exchange->deadline || (client->fd < 0 && client->superseded))
			return NULL;
		tell_engine(client, exchange);
		cond_wait_until(&client->change, &client->lock,
				look < exchange->deadline ? look : exchange->deadline);
	}
}

/* ---- requests ---- */

/* The length of the reply; 0: it does not come in time; -1: the lane has ended, with the key
 * process perhaps, which the next request shows. */
static ssize_t receive_reply(const struct keyclient *client, const struct lane *lane,
			     struct exchange *exchange)
{
	for (;;) {
		ssize_t n = recv(lane->fd, exchange->reply, KEYWIRE_REPLY_MAX, 0);

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
		end_lane(lane);
	cond_wake_one(&client->change);
}

/* 0: there is no reply. */
static size_t exchange_packets(struct keyclient *client, struct exchange *exchange)
{
	ssize_t got = -1;

	exchange->deadline = clock_mono() + KEYCLIENT_PATIENCE;
	lock_take(&client->lock);
	while (got < 0) {
		struct lane *lane = begin_exchange(client, exchange);

		if (lane == NULL)
			break;
		lock_drop(&client->lock);
		got = receive_reply(client, lane, exchange);
		lock_take(&client->lock);
		release_lane(client, lane, got > 0);
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
	    [KEYWIRE_FOREIGN] = "the key is sealed for hosts with another .sealing-key",
	    [KEYWIRE_BAD] = "the sealed key cannot be used: countersign key check",
	};

	task->lasting = answer->outcome == KEYWIRE_BAD;
	task->failure = failures[answer->outcome];
	if (task->failure == NULL)
		task->signature =
		    span_make(arena_copy(arena, answer->signature, answer->length), answer->length);
}

static void set_item(struct keywire_item *item, const struct key_task *task)
{
	item->number = signing_key_number(task->key);
	item->type = (uint8_t)signing_key_type(task->key);
	item->purpose = (uint8_t)task->purpose;
	memcpy(item->digest, task->digest, sizeof item->digest);
}

/* TASKS are those of REQUEST. */
static void ask_process(struct keyclient *client, struct keywire_request *request,
			struct key_task *tasks, struct arena *arena);

/* The key process does not know the key, or no longer: it is given it. */
static void sign_sealed(struct keyclient *client, struct key_task *task, struct arena *arena)
{
	struct keywire_request request = {.count = 1, .sealed = signing_key_sealed(task->key)};

	set_item(&request.items[0], task);
	ask_process(client, &request, task, arena);
}

static void take_answers(struct keyclient *client, const struct keywire_request *request,
			 const struct keywire_reply *reply, struct key_task *tasks,
			 struct arena *arena)
{
	for (unsigned i = 0; i < request->count; i++)
		take_answer(&tasks[i], &reply->answers[i], arena);
	for (unsigned i = 0; i < request->count; i++)
		if (reply->answers[i].outcome == KEYWIRE_UNKNOWN && span_empty(request->sealed) &&
		    !span_empty(signing_key_sealed(tasks[i].key)))
			sign_sealed(client, &tasks[i], arena);
}

static void ask_process(struct keyclient *client, struct keywire_request *request,
			struct key_task *tasks, struct arena *arena)
{
	uint8_t packet[KEYWIRE_REPLY_MAX];
	struct exchange exchange = {.request = request, .reply = packet};
	struct keywire_reply reply;
	size_t len = exchange_packets(client, &exchange);

	if (len == 0)
		fail_tasks(tasks, request->count, "the key process does not answer");
	else if (keywire_parse_reply(packet, packet + len, &reply) != 0 ||
		 reply.count != request->count)
		fail_tasks(tasks, request->count,
			   "the key process gave an answer that cannot be read");
	else
		take_answers(client, request, &reply, tasks, arena);
}

static void sign_batch(struct keyclient *client, struct key_task *tasks, unsigned count,
		       struct arena *arena)
{
	struct keywire_request request = {.count = count};

	for (unsigned i = 0; i < count; i++)
		set_item(&request.items[i], &tasks[i]);
	ask_process(client, &request, tasks, arena);
}

static void sign_tasks(void *arg, struct key_task *tasks, unsigned count, struct arena *arena)
{
	struct keyclient *client = arg;

	for (unsigned i = 0; i < count; i += KEYWIRE_TASKS)
		sign_batch(client, tasks + i, count - i < KEYWIRE_TASKS ? count - i : KEYWIRE_TASKS,
			   arena);
}

/* ---- the client ---- */

struct keyclient *keyclient_new(int fd, void (*waits)(void))
{
	struct keyclient *client = heap_zero(sizeof *client);

	atomic_init(&client->references, 1);
	client->waits = waits;
	lock_init(&client->lock);
	cond_init(&client->change);
	client->fd = fd;
	for (unsigned i = 0; i < KEYWIRE_LANES; i++)
		client->lanes[i].fd = client->lanes[i].far_end = -1;
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
	for (unsigned i = 0; i < KEYWIRE_LANES; i++)
		assert(client->lanes[i].fd < 0); /* nobody waits for a reply */
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
