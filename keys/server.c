/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As many threads as there are cores take the requests of a link, one after the other: while there
 * are more of them none has to be woken. Each packet is answered with one. What a worker sends is
 * not trusted: a packet that is not exactly a request ends the link; a lane that takes no reply at
 * once, or is not a socket, is closed.
 *
 * Keys of the shared store come with a request, sealed, and the last used ones are held
 * (keys/held.h). A worker can bring any sealed key that it has, but only the key itself says whose
 * it is.
 *
 * Pending keys sign, since the worker that asks has seen their record in the DNS, where the key
 * process cannot look; keys that are retired or revoked do not, whoever asks.
 */
#include "keys/server.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keys/held.h"
#include "keys/sign.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/system/fdpass.h"
#include "mail/domain.h"

struct keyserver {
	const struct keyserver_rules *rules;
	struct served *keys; /* ordered by number */
	unsigned count;
	struct held *held; /* NULL: no sealed keys are taken */
	atomic_uint links;
	atomic_uint outcomes[KEYWIRE_OUTCOMES];
};

/* It is there until its last thread has ended. */
struct link {
	struct keyserver *server;
	int fd;
	atomic_uint threads;
	struct lock lock;
	int lanes[KEYWIRE_LANES]; /* -1: none */
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

/* ---- sealed keys ---- */

/* Opens the key of ITEM; NULL with the outcome. */
static struct served *open_sealed(const struct keyserver *server, const struct keywire_item *item,
				  struct span sealed, enum keywire_outcome *outcome)
{
	struct arena *arena = arena_new(0);
	enum sealing_outcome opened;
	const struct signing_key *key =
	    sealing_open(server->rules->sealing, sealed, arena, &opened, NULL);

	if (key != NULL && signing_key_number(key) == item->number)
		return held_add(server->held, key, arena);
	*outcome = opened == SEALING_FOREIGN ? KEYWIRE_FOREIGN : KEYWIRE_BAD;
	arena_free(arena);
	return NULL;
}

/* In use until it is returned. NULL with the outcome. */
static struct served *find_sealed(const struct keyserver *server, const struct keywire_item *item,
				  struct span sealed, enum keywire_outcome *outcome)
{
	struct served *served = NULL;

	if (server->held == NULL)
		return NULL;
	served = held_find(server->held, item->number);
	if (served == NULL && !span_empty(sealed))
		served = open_sealed(server, item, sealed, outcome);
	return served;
}

/* ---- requests ---- */

/* May SERVED sign ITEM now? */
static enum keywire_outcome check_item(const struct keyserver *server, struct served *served,
				       const struct keywire_item *item)
{
	if (signing_key_type(served->key) != (enum crypt_type)item->type)
		return KEYWIRE_UNKNOWN;
	if (signing_key_status(served->key).state > KEYSTATE_ACTIVE)
		return KEYWIRE_IDLE;
	if (!may_serve(server->rules, served->key, (enum key_purpose)item->purpose))
		return KEYWIRE_PURPOSE;
	if (is_within_rate(served, server->rules->max_rate))
		return KEYWIRE_SIGNED;
	atomic_store(&served->limited, true);
	return KEYWIRE_LIMITED;
}

static void sign_with(struct keyserver *server, struct served *served,
		      const struct keywire_item *item, struct arena *arena,
		      struct keywire_answer *answer)
{
	struct span signature = {NULL, NULL};

	answer->outcome = check_item(server, served, item);
	if (answer->outcome != KEYWIRE_SIGNED)
		return;
	if (signing_key_sign(served->key, item->digest, arena, &signature, NULL) != 0) {
		answer->outcome = KEYWIRE_FAILED;
		return;
	}
	answer->signature = (const uint8_t *)signature.p;
	answer->length = (uint16_t)span_len(signature);
}

static void sign_item(struct keyserver *server, const struct keywire_item *item, struct span sealed,
		      struct arena *arena, struct keywire_answer *answer)
{
	struct served *served = find_key(server, item->number), *held = NULL;

	answer->outcome = KEYWIRE_UNKNOWN;
	if (served == NULL)
		served = held = find_sealed(server, item, sealed, &answer->outcome);
	if (served != NULL)
		sign_with(server, served, item, arena, answer);
	if (held != NULL)
		held_return(server->held, held);
	if (answer->outcome != KEYWIRE_UNKNOWN || server->held == NULL || !span_empty(sealed))
		atomic_fetch_add_explicit(&server->outcomes[answer->outcome], 1,
					  memory_order_relaxed);
}

/* ---- lanes ---- */

static void close_lane(struct link *link, unsigned number)
{
	if (link->lanes[number] >= 0)
		close(link->lanes[number]);
	link->lanes[number] = -1;
}

/* Takes FD. */
static void set_lane(struct link *link, unsigned number, int fd)
{
	lock_take(&link->lock);
	close_lane(link, number);
	link->lanes[number] = fd;
	lock_drop(&link->lock);
}

/* A worker has room for the reply it waits for; it is not waited for. */
static void send_reply(struct link *link, unsigned number, const struct keywire_reply *reply)
{
	uint8_t packet[KEYWIRE_REPLY_MAX];
	size_t size = keywire_put_reply(reply, packet);
	ssize_t n;

	lock_take(&link->lock);
	do
		n = send(link->lanes[number], packet, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		close_lane(link, number);
	lock_drop(&link->lock);
}

/* ---- packets ---- */

/* The next packet, and the lane that it brings, or -1. */
static ssize_t receive_packet(int link, uint8_t *packet, size_t room, int *lane)
{
	unsigned count;
	ssize_t n = fdpass_receive(link, packet, room, lane, 1, &count, 0);

	if (count == 0)
		*lane = -1;
	return n;
}

/* False: the link is over. */
static bool answer_packet(struct link *link, struct arena *arena)
{
	uint8_t packet[KEYWIRE_REQUEST_MAX + 1];
	struct keywire_request request;
	struct keywire_reply reply = {0};
	int lane;
	ssize_t n = receive_packet(link->fd, packet, sizeof packet, &lane);

	if (n <= 0 || keywire_parse_request(packet, packet + n, &request) != 0) {
		if (lane >= 0)
			close(lane);
		return false;
	}
	if (lane >= 0)
		set_lane(link, request.lane, lane);
	reply.count = request.count;
	for (unsigned i = 0; i < request.count; i++)
		sign_item(link->server, &request.items[i], request.sealed, arena,
			  &reply.answers[i]);
	send_reply(link, request.lane, &reply);
	return true;
}

/* ---- links ---- */

static void leave_link(struct link *link)
{
	struct keyserver *server = link->server;

	if (atomic_fetch_sub(&link->threads, 1) > 1)
		return;
	for (unsigned i = 0; i < KEYWIRE_LANES; i++)
		close_lane(link, i);
	close(link->fd);
	lock_done(&link->lock);
	free(link);
	if (atomic_fetch_sub(&server->links, 1) == 1)
		server->rules->idle();
}

static void *serve_link(void *arg)
{
	struct link *link = arg;
	struct arena *arena = arena_new(0);

	while (answer_packet(link, arena))
		arena_reset(arena);
	arena_free(arena);
	shutdown(link->fd, SHUT_RDWR); /* for the other threads, and for the worker */
	leave_link(link);
	return NULL;
}

static unsigned count_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > KEYWIRE_LANES ? KEYWIRE_LANES : (unsigned)cores;
}

static struct link *new_link(struct keyserver *server, int fd)
{
	struct link *link = heap_zero(sizeof *link);

	link->server = server;
	link->fd = fd;
	lock_init(&link->lock);
	for (unsigned i = 0; i < KEYWIRE_LANES; i++)
		link->lanes[i] = -1;
	atomic_init(&link->threads, 1); /* who starts the others */
	atomic_fetch_add(&server->links, 1);
	return link;
}

/* ---- the server ---- */

struct keyserver *keyserver_new(const struct keyring *keyring, const struct keyserver_rules *rules)
{
	struct keyserver *server = heap_zero(sizeof *server);

	server->rules = rules;
	server->keys = heap_array(keyring_count(keyring) + 1u, sizeof *server->keys);
	keyring_each(keyring, add_key, server);
	qsort(server->keys, server->count, sizeof *server->keys, by_number);
	if (rules->sealing != NULL)
		server->held = held_new(rules->held);
	return server;
}

int keyserver_serve(struct keyserver *server, int fd, struct why *why)
{
	struct link *link = new_link(server, fd);
	unsigned wanted = count_cores(), started = 0;
	pthread_t thread;

	for (unsigned i = 0; i < wanted; i++) {
		atomic_fetch_add(&link->threads, 1);
		if (thread_start(&thread, serve_link, link) == 0) {
			pthread_detach(thread);
			started++;
		} else {
			atomic_fetch_sub(&link->threads, 1);
		}
	}
	leave_link(link);
	return started > 0 ? 0 : why_set(why, "cannot start a thread for a worker");
}

unsigned keyserver_links(const struct keyserver *server)
{
	return atomic_load(&server->links);
}

unsigned keyserver_count(struct keyserver *server, enum keywire_outcome outcome)
{
	return atomic_exchange(&server->outcomes[outcome], 0);
}

bool keyserver_find_limited(struct keyserver *server, char *line, size_t size)
{
	for (unsigned i = 0; i < server->count; i++) {
		const struct signing_key *key = server->keys[i].key;

		if (!atomic_exchange(&server->keys[i].limited, false))
			continue;
		snprintf(line, size, "key %s of %s", signing_key_selector(key),
			 signing_key_domain(key));
		return true;
	}
	return server->held != NULL && held_find_limited(server->held, line, size);
}
