/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * There is no thread for the replies: of the threads that wait, one reads the socket for all. It
 * hands over what is another's, and when it has its own, that job goes to the next. So a request
 * that is alone costs two calls of the kernel and no hand-over between threads.
 *
 * A socket that ended is not used again; who still reads it holds a reference, so that its
 * descriptor does not become another file's meanwhile.
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

/* A thread in a call of the kernel looks at its deadline that often. */
static const struct timeval look = {.tv_usec = 500000};

struct link {
	int fd;
	unsigned users; /* of this struct, the client among them */
};

/* A request under way: a thread waits for its reply. */
struct waiter {
	struct waiter *next;
	uint64_t id;
	const struct link *link; /* it was sent there; NULL: it is to be sent (again) */
	bool done;
	struct cond wake;
	uint8_t *reply; /* KEYWIRE_REPLY_MAX bytes */
	size_t reply_len;
};

struct keyclient {
	atomic_uint references;
	void (*waits)(void);
	struct lock lock;  /* of all below */
	struct link *link; /* NULL: there is no key process now */
	bool superseded;
	bool reading; /* a thread reads LINK */
	struct waiter *waiters;
	uint64_t last_id;
};

/* ---- the link; the caller holds the lock ---- */

static void drop_link(struct link *link)
{
	assert(link->users > 0);
	if (--link->users > 0)
		return;
	close(link->fd);
	free(link);
}

static void wake_waiters(struct keyclient *client)
{
	for (struct waiter *waiter = client->waiters; waiter != NULL; waiter = waiter->next)
		cond_wake_one(&waiter->wake);
}

/* LINK has ended: what was sent there is to be sent again. */
static void lose_link(struct keyclient *client, struct link *link)
{
	for (struct waiter *waiter = client->waiters; waiter != NULL; waiter = waiter->next) {
		if (waiter->link == link)
			waiter->link = NULL;
	}
	if (client->link == link) {
		client->link = NULL;
		drop_link(link);
	}
	wake_waiters(client);
}

static struct link *new_link(int fd)
{
	struct link *link = calloc(1, sizeof *link);

	if (link == NULL)
		abort();
	link->fd = fd;
	link->users = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &look, sizeof look);
	return link;
}

/* ---- replies ---- */

static void hand_over(struct keyclient *client, const uint8_t *packet, size_t len)
{
	struct waiter *waiter = client->waiters;
	uint64_t id;

	if (len < sizeof id)
		return;
	memcpy(&id, packet, sizeof id);
	while (waiter != NULL && waiter->id != id)
		waiter = waiter->next;
	if (waiter == NULL || waiter->done)
		return; /* it came too late */
	memcpy(waiter->reply, packet, len);
	waiter->reply_len = len;
	waiter->done = true;
	cond_wake_one(&waiter->wake);
}

/* The caller holds the lock, which is free meanwhile. */
static void read_reply(struct keyclient *client, struct link *link)
{
	uint8_t packet[KEYWIRE_REPLY_MAX];
	ssize_t n;

	client->reading = true;
	lock_drop(&client->lock);
	n = recv(link->fd, packet, sizeof packet, 0);
	lock_take(&client->lock);
	client->reading = false;
	if (n > 0)
		hand_over(client, packet, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		lose_link(client, link);
}

/* Somebody else is to read what comes for the others. */
static void pass_on_reading(struct keyclient *client)
{
	struct waiter *waiter = client->waiters;

	while (waiter != NULL && (waiter->done || waiter->link != client->link))
		waiter = waiter->next;
	if (waiter != NULL && !client->reading)
		cond_wake_one(&waiter->wake);
}

/* ---- requests ---- */

/* The caller holds the lock, which is free meanwhile. */
static void send_request(struct keyclient *client, struct waiter *waiter, struct link *link,
			 const uint8_t *packet, size_t len)
{
	ssize_t n;

	waiter->link = link; /* the reply may come before we have the lock again */
	lock_drop(&client->lock);
	n = send(link->fd, packet, len, MSG_NOSIGNAL);
	lock_take(&client->lock);
	if (n == (ssize_t)len)
		return;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		waiter->link = NULL;
	else
		lose_link(client, link);
}

/* One step towards the reply. The caller holds the lock. */
static void wait_for_reply(struct keyclient *client, struct waiter *waiter, const uint8_t *packet,
			   size_t len, int64_t deadline)
{
	struct link *link = client->link;

	if (link == NULL) {
		cond_wait_until(&waiter->wake, &client->lock, deadline);
		return;
	}
	if (waiter->link == link && client->reading) {
		cond_wait_until(&waiter->wake, &client->lock, deadline);
		return;
	}
	link->users++;
	if (waiter->link != link)
		send_request(client, waiter, link, packet, len);
	else
		read_reply(client, link);
	drop_link(link);
}

static void add_waiter(struct keyclient *client, struct waiter *waiter)
{
	cond_init(&waiter->wake);
	waiter->id = ++client->last_id;
	waiter->next = client->waiters;
	client->waiters = waiter;
}

static void remove_waiter(struct keyclient *client, struct waiter *waiter)
{
	struct waiter **place = &client->waiters;

	while (*place != waiter)
		place = &(*place)->next;
	*place = waiter->next;
	cond_done(&waiter->wake);
}

/* Sends the request, which it numbers, and waits. REPLY has KEYWIRE_REPLY_MAX bytes; 0: there is no
 * reply. */
static size_t exchange_packets(struct keyclient *client, struct keywire_request *request,
			       uint8_t *reply)
{
	int64_t deadline = clock_mono() + KEYCLIENT_PATIENCE;
	struct waiter waiter = {.reply = reply};
	uint8_t packet[KEYWIRE_REQUEST_MAX];
	size_t len;

	lock_take(&client->lock);
	add_waiter(client, &waiter);
	request->id = waiter.id;
	len = keywire_put_request(request, packet);
	while (!waiter.done && !(client->link == NULL && client->superseded)) {
		wait_for_reply(client, &waiter, packet, len, deadline);
		if (!waiter.done && clock_mono() >= deadline)
			break;
	}
	remove_waiter(client, &waiter);
	pass_on_reading(client);
	lock_drop(&client->lock);
	return waiter.done ? waiter.reply_len : 0;
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
	    [KEYWIRE_UNKNOWN] = "the key process does not have this key any more",
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
	struct keywire_reply reply;
	size_t len;

	for (unsigned i = 0; i < count; i++) {
		struct keywire_item *item = &request.items[i];

		item->number = signing_key_number(tasks[i].key);
		item->type = (uint8_t)signing_key_type(tasks[i].key);
		item->purpose = (uint8_t)tasks[i].purpose;
		memcpy(item->digest, tasks[i].digest, sizeof item->digest);
	}
	len = exchange_packets(client, &request, packet);
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

	if (client->waits != NULL)
		client->waits();
	for (unsigned i = 0; i < count; i += KEYWIRE_TASKS)
		sign_batch(client, tasks + i, count - i < KEYWIRE_TASKS ? count - i : KEYWIRE_TASKS,
			   arena);
}

/* ---- the client ---- */

struct keyclient *keyclient_new(int fd, void (*waits)(void))
{
	struct keyclient *client = calloc(1, sizeof *client);

	if (client == NULL)
		abort();
	atomic_init(&client->references, 1);
	client->waits = waits;
	lock_init(&client->lock);
	if (fd >= 0)
		client->link = new_link(fd);
	return client;
}

void keyclient_attach(struct keyclient *client, int fd)
{
	struct link *old;

	lock_take(&client->lock);
	old = client->link;
	if (old != NULL) {
		shutdown(old->fd, SHUT_RDWR); /* who reads it goes on */
		lose_link(client, old);
	}
	client->link = new_link(fd);
	wake_waiters(client);
	lock_drop(&client->lock);
}

void keyclient_supersede(struct keyclient *client)
{
	lock_take(&client->lock);
	client->superseded = true;
	wake_waiters(client);
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
	assert(client->waiters == NULL);
	if (client->link != NULL)
		drop_link(client->link);
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
