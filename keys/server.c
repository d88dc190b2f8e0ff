/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread takes one packet, signs all that it asks for and answers with one packet; the threads of
 * a connection wait in the same recv(). What a worker sends is not trusted: a packet that is not
 * exactly a request ends its connection.
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

enum { THREADS_MAX = 64 };

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
	atomic_uint connections;
	atomic_uint outcomes[KEYWIRE_OUTCOMES];
};

struct connection {
	struct keyserver *server;
	int fd;
	atomic_uint threads;
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

static bool may_serve(const struct keyserver_rules *rules, const struct signing_key *key,
		      enum key_purpose purpose)
{
	if (purpose == KEY_FOR_DKIM)
		return rules->dkim;
	return rules->seal != NULL && domain_equal(rules->seal, signing_key_domain(key));
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

/* -1: the connection is over. */
static int answer_packet(struct connection *connection, const uint8_t *packet, size_t len,
			 struct arena *arena)
{
	struct keywire_request request;
	struct keywire_reply reply = {0};
	uint8_t out[KEYWIRE_REPLY_MAX];
	size_t size;
	ssize_t n;

	if (keywire_parse_request(packet, packet + len, &request) != 0)
		return -1;
	reply.id = request.id;
	reply.count = request.count;
	for (unsigned i = 0; i < request.count; i++)
		sign_item(connection->server, &request.items[i], arena, &reply.answers[i]);
	size = keywire_put_reply(&reply, out);
	do
		n = send(connection->fd, out, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static void end_thread(struct connection *connection)
{
	struct keyserver *server = connection->server;

	shutdown(connection->fd, SHUT_RDWR); /* the other threads end, too */
	if (atomic_fetch_sub(&connection->threads, 1) > 1)
		return;
	close(connection->fd);
	free(connection);
	if (atomic_fetch_sub(&server->connections, 1) == 1)
		server->rules->idle();
}

static void *serve_connection(void *arg)
{
	struct connection *connection = arg;
	struct arena *arena = arena_new(0);
	uint8_t packet[KEYWIRE_REQUEST_MAX + 1];
	ssize_t n;

	do {
		do
			n = recv(connection->fd, packet, sizeof packet, 0);
		while (n < 0 && errno == EINTR);
		if (n > 0 && answer_packet(connection, packet, (size_t)n, arena) != 0)
			n = 0;
		arena_reset(arena);
	} while (n > 0);
	arena_free(arena);
	end_thread(connection);
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

static unsigned count_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
}

int keyserver_serve(struct keyserver *server, int fd, struct why *why)
{
	struct connection *connection = calloc(1, sizeof *connection);
	unsigned threads = count_cores(), started = 0;
	pthread_t thread;

	if (connection == NULL)
		abort();
	connection->server = server;
	connection->fd = fd;
	atomic_init(&connection->threads, threads);
	atomic_fetch_add(&server->connections, 1);
	while (started < threads && thread_start(&thread, serve_connection, connection) == 0) {
		pthread_detach(thread);
		started++;
	}
	for (unsigned i = started; i < threads; i++) /* as if they had ended */
		end_thread(connection);
	return started == threads ? 0 : why_set(why, "cannot start threads that sign");
}

unsigned keyserver_connections(const struct keyserver *server)
{
	return atomic_load(&server->connections);
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
