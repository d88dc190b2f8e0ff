/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lane's thread takes a packet, signs all that it asks for and answers with one packet. A link's
 * thread takes lanes. What a worker sends is not trusted: a packet that is not exactly a request
 * ends its lane, one without a lane the link; a file that is not a socket is an error of recv().
 *
 * Pending keys sign, since the worker that asks has seen their record in the DNS, where the key
 * process cannot look; keys that are retired or revoked do not, whoever asks.
 */
#include "keys/server.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keys/sign.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "mail/domain.h"

/* A key and what it has done. */
struct served {
	const struct signing_key *key;
	_Atomic int64_t second; /* of RECENT */
	atomic_uint recent;
	atomic_bool limited;
};

struct keyserver {
	const struct keyserver_rules *rules;
	struct served *keys; /* ordered by number */
	unsigned count;
	atomic_uint links;
	atomic_uint outcomes[KEYWIRE_OUTCOMES];
};

/* It is there until its last lane has ended. */
struct link {
	struct keyserver *server;
	int fd;
	atomic_uint threads; /* its own and its lanes' */
};

struct lane {
	struct link *link;
	int fd;
};

/* ---- keys ---- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = signing_key_number(((const struct served *)a)->key);
	uint64_t y = signing_key_number(((const struct served *)b)->key);

	return x < y ? -1 : x > y;
}

static void add_key(void *arg, const struct signing_key *key, const char *path)
{
	struct keyserver *server = arg;

	(void)path;
	server->keys[server->count++].key = key;
}

static struct served *find_key(const struct keyserver *server, uint64_t number)
{
	unsigned low = 0, high = server->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		uint64_t at = signing_key_number(server->keys[middle].key);

		if (at == number)
			return &server->keys[middle];
		if (at < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_within_rate(struct served *served, unsigned max_rate)
{
	int64_t now = clock_mono() / CLOCK_SECOND;

	if (max_rate == 0)
		return true;
	if (atomic_exchange(&served->second, now) != now)
		atomic_store(&served->recent, 0);
	return atomic_fetch_add(&served->recent, 1) < max_rate;
}

static bool is_listed(const char *domains, const char *domain)
{
	struct span rest = span_of(domains), one;
	bool more = true;

	while (span_split(&rest, &more, ' ', &one))
		if (span_ieq(one, domain))
			return true;
	return false;
}

static bool may_serve(const struct keyserver_rules *rules, const struct signing_key *key,
		      enum key_purpose purpose)
{
	if (purpose == KEY_FOR_DKIM)
		return rules->dkim;
	return is_listed(rules->seal, signing_key_domain(key));
}

/* The key that may sign ITEM now, or NULL with the outcome. */
static const struct signing_key *choose_key(const struct keyserver *server,
					    const struct keywire_item *item,
					    enum keywire_outcome *outcome)
{
	struct served *served = find_key(server, item->number);

	*outcome = KEYWIRE_UNKNOWN;
	if (served == NULL || signing_key_type(served->key) != (enum crypt_type)item->type)
		return NULL;
	*outcome = KEYWIRE_IDLE;
	if (signing_key_status(served->key).state > KEYSTATE_ACTIVE)
		return NULL;
	*outcome = KEYWIRE_PURPOSE;
	if (!may_serve(server->rules, served->key, (enum key_purpose)item->purpose))
		return NULL;
	*outcome = KEYWIRE_LIMITED;
	if (is_within_rate(served, server->rules->max_rate))
		return served->key;
	atomic_store(&served->limited, true);
	return NULL;
}

/* ---- requests ---- */

static void sign_item(struct keyserver *server, const struct keywire_item *item,
		      struct arena *arena, struct keywire_answer *answer)
{
	const struct signing_key *key = choose_key(server, item, &answer->outcome);
	struct span signature = {NULL, NULL};

	if (key != NULL)
		answer->outcome = signing_key_sign(key, item->digest, arena, &signature, NULL) == 0
				      ? KEYWIRE_SIGNED
				      : KEYWIRE_FAILED;
	if (answer->outcome == KEYWIRE_SIGNED) {
		answer->signature = (const uint8_t *)signature.p;
		answer->length = (uint16_t)span_len(signature);
	}
	atomic_fetch_add_explicit(&server->outcomes[answer->outcome], 1, memory_order_relaxed);
}

/* -1: the lane is over. */
static int answer_packet(const struct lane *lane, const uint8_t *packet, size_t len,
			 struct arena *arena)
{
	struct keywire_request request;
	struct keywire_reply reply = {0};
	uint8_t out[KEYWIRE_REPLY_MAX];
	size_t size;
	ssize_t n;

	if (keywire_parse_request(packet, packet + len, &request) != 0)
		return -1;
	reply.count = request.count;
	for (unsigned i = 0; i < request.count; i++)
		sign_item(lane->link->server, &request.items[i], arena, &reply.answers[i]);
	size = keywire_put_reply(&reply, out);
	do
		n = send(lane->fd, out, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static void leave_link(struct link *link)
{
	struct keyserver *server = link->server;

	if (atomic_fetch_sub(&link->threads, 1) > 1)
		return;
	free(link);
	if (atomic_fetch_sub(&server->links, 1) == 1)
		server->rules->idle();
}

static void end_lane(struct lane *lane)
{
	close(lane->fd);
	leave_link(lane->link);
	free(lane);
}

static void *serve_lane(void *arg)
{
	struct lane *lane = arg;
	struct arena *arena = arena_new(0);
	uint8_t packet[KEYWIRE_REQUEST_MAX + 1];
	ssize_t n;

	do {
		do
			n = recv(lane->fd, packet, sizeof packet, 0);
		while (n < 0 && errno == EINTR);
		if (n > 0 && answer_packet(lane, packet, (size_t)n, arena) != 0)
			n = 0;
		arena_reset(arena);
	} while (n > 0);
	arena_free(arena);
	end_lane(lane);
	return NULL;
}

/* ---- lanes ---- */

/* Takes FD. -1: too many, or no thread. */
static int start_lane(struct link *link, int fd)
{
	struct lane *lane;
	pthread_t thread;

	if (atomic_load(&link->threads) > KEYWIRE_LANES) {
		close(fd);
		return -1;
	}
	lane = calloc(1, sizeof *lane);
	if (lane == NULL)
		abort();
	*lane = (struct lane){link, fd};
	atomic_fetch_add(&link->threads, 1);
	if (thread_start(&thread, serve_lane, lane) != 0) {
		end_lane(lane);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

/* The next lane; -1: the link is over. */
static int receive_lane(int link)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char octet;
	struct iovec data = {&octet, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_LEN(sizeof(int))};
	const struct cmsghdr *head;
	ssize_t n;
	int fd;

	do
		n = recvmsg(link, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof fd))
		return -1;
	memcpy(&fd, CMSG_DATA(head), sizeof fd);
	return fd;
}

static void *serve_link(void *arg)
{
	struct link *link = arg;
	int fd;

	do
		fd = receive_lane(link->fd);
	while (fd >= 0 && start_lane(link, fd) == 0);
	close(link->fd);
	leave_link(link);
	return NULL;
}

/* ---- the server ---- */

struct keyserver *keyserver_new(const struct keyring *keyring, const struct keyserver_rules *rules)
{
	struct keyserver *server = calloc(1, sizeof *server);

	if (server == NULL)
		abort();
	server->rules = rules;
	server->keys = calloc(keyring_count(keyring) + 1u, sizeof *server->keys);
	if (server->keys == NULL)
		abort();
	keyring_each(keyring, add_key, server);
	qsort(server->keys, server->count, sizeof *server->keys, by_number);
	return server;
}

int keyserver_serve(struct keyserver *server, int fd, struct why *why)
{
	struct link *link = calloc(1, sizeof *link);
	pthread_t thread;

	if (link == NULL)
		abort();
	link->server = server;
	link->fd = fd;
	atomic_init(&link->threads, 1);
	atomic_fetch_add(&server->links, 1);
	if (thread_start(&thread, serve_link, link) == 0) {
		pthread_detach(thread);
		return 0;
	}
	close(fd);
	leave_link(link);
	return why_set(why, "cannot start a thread for a worker");
}

unsigned keyserver_links(const struct keyserver *server)
{
	return atomic_load(&server->links);
}

unsigned keyserver_count(struct keyserver *server, enum keywire_outcome outcome)
{
	return atomic_exchange(&server->outcomes[outcome], 0);
}

const struct signing_key *keyserver_find_limited(struct keyserver *server)
{
	for (unsigned i = 0; i < server->count; i++) {
		if (atomic_exchange(&server->keys[i].limited, false))
			return server->keys[i].key;
	}
	return NULL;
}
