/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread, one poll loop. A client has one question open at a time, as Postfix does; what it
 * sends meanwhile waits in its socket. A client that says what is not a request is cut off.
 *
 * Connections are kept for the next process (tls/keep.h). A request is left in the socket until it
 * can be answered, so that a process that is killed before leaves it to the next one.
 */
#include "tls/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/heap.h"
#include "lib/lock.h"
#include "tls/keep.h"

enum {
	IN_MAX = SOCKETMAP_REQUEST_MAX + 64,
	MAP_REFRESH = ANSWER_MAPS,
	TICK_MS = 500,
	RELEASED_MAX = 64
};

static const int64_t answer_patience = SOLVE_PATIENCE + 700 * CLOCK_MS;
static const int64_t idle_patience = 300 * CLOCK_SECOND;
static const int64_t stats_every = 5 * CLOCK_SECOND;

struct client {
	int fd;
	int map;
	char *domain; /* that it waits for, or NULL */
	int64_t asked, active;
	size_t peeked; /* bytes at the end of IN that are still in the socket */
	struct buf in, out;
};

struct solved {
	struct solved *next;
	char domain[];
};

struct serve {
	const struct serve_settings *settings;
	struct solve_settings solve;
	struct known *cache;
	struct solver *solver;
	int wake[2];
	struct client clients[SERVE_CLIENTS_MAX];
	unsigned client_count;
	unsigned kept;       /* messages in tls/keep.h */
	unsigned released;   /* clients that are kept although they are gone */
	struct arena *arena; /* of a question */
	int64_t stats_at;
	struct lock lock; /* for the next one */
	struct solved *solved;
};

/* ---- from the solver's threads ---- */

static void note_solved(void *arg, const char *domain)
{
	struct serve *serve = arg;
	size_t length = strlen(domain);
	struct solved *solved = heap_alloc(sizeof *solved + length + 1);
	ssize_t written;

	memcpy(solved->domain, domain, length + 1);
	lock_take(&serve->lock);
	solved->next = serve->solved;
	serve->solved = solved;
	lock_drop(&serve->lock);
	do
		written = write(serve->wake[1], "", 1);
	while (written < 0 && errno == EINTR);
}

/* ---- clients ---- */

static void add_client(struct serve *serve, int fd)
{
	struct client *client = &serve->clients[serve->client_count++];

	memset(client, 0, sizeof *client);
	client->fd = fd;
	client->active = clock_mono();
	buf_init(&client->in, NULL, IN_MAX);
	buf_init(&client->out, NULL, 0);
}

static void drop_client(struct serve *serve, unsigned i)
{
	struct client *client = &serve->clients[i];

	shutdown(client->fd, SHUT_RDWR); /* there is a copy */
	close(client->fd);
	serve->released++;
	free(client->domain);
	buf_free(&client->in);
	buf_free(&client->out);
	*client = serve->clients[--serve->client_count];
}

static void accept_clients(struct serve *serve, int listener)
{
	while (serve->client_count < SERVE_CLIENTS_MAX) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		serve->kept += keep_put(serve->settings->keep, &fd, 1);
		add_client(serve, fd);
	}
}

/* ---- clients that are kept ---- */

static void keep_clients(struct serve *serve)
{
	int fds[KEEP_BATCH];
	unsigned count = 0;

	for (unsigned i = 0; i < serve->client_count; i++) {
		fds[count++] = serve->clients[i].fd;
		if (count < KEEP_BATCH && i + 1 < serve->client_count)
			continue;
		serve->kept += keep_put(serve->settings->keep, fds, count);
		count = 0;
	}
	serve->released = 0;
}

/* In place of what is kept, those that are there. A process that is killed in between leaves both:
 * adopt_client() sees that. */
static void renew_kept(struct serve *serve)
{
	unsigned old = serve->kept;
	int fds[KEEP_BATCH];

	serve->kept = 0;
	keep_clients(serve);
	for (; old > 0; old--) {
		int count = keep_take(serve->settings->keep, fds);

		for (int i = 0; i < count; i++)
			close(fds[i]);
	}
}

/* Two copies of one connection have the same inode. */
static void adopt_client(struct serve *serve, ino_t *inodes, int fd)
{
	struct stat facts;
	bool known = serve->client_count == SERVE_CLIENTS_MAX || fstat(fd, &facts) != 0;

	for (unsigned i = 0; !known && i < serve->client_count; i++)
		known = inodes[i] == facts.st_ino;
	if (known) {
		close(fd);
		return;
	}
	inodes[serve->client_count] = facts.st_ino;
	add_client(serve, fd);
}

/* From the process before. */
static void adopt_clients(struct serve *serve)
{
	static ino_t inodes[SERVE_CLIENTS_MAX];
	int fds[KEEP_BATCH], count;

	while ((count = keep_take(serve->settings->keep, fds)) >= 0) {
		for (int i = 0; i < count; i++)
			adopt_client(serve, inodes, fds[i]);
	}
	keep_clients(serve);
}

/* ---- answers ---- */

static void put_answer(struct client *client, struct span answer)
{
	socketmap_write(&client->out, answer);
	free(client->domain);
	client->domain = NULL;
}

/* True: the cache had the answer. */
static bool answer_from_cache(struct serve *serve, struct client *client, struct span domain)
{
	enum answer_map map =
	    client->map == MAP_REFRESH ? ANSWER_POLICY : (enum answer_map)client->map;
	enum level_kind kind = LEVEL_DEFAULT;
	struct buf answer;
	bool found, ages = false;

	buf_init(&answer, serve->arena, 0);
	found = known_answer(serve->cache, domain, map, &answer, &kind, &ages);
	if (!found)
		return false;
	if (ages)
		solver_add(serve->solver, arena_span(serve->arena, domain), false);
	put_answer(client, buf_view(&answer));
	serve->settings->on_answer(kind);
	return true;
}

static void begin_waiting(struct serve *serve, struct client *client, const char *domain)
{
	client->domain = heap_strdup(domain);
	client->asked = clock_mono();
	serve->settings->on_miss();
	solver_add(serve->solver, domain, client->map == MAP_REFRESH);
}

static void answer_request(struct serve *serve, struct client *client,
			   const struct socketmap_request *request)
{
	const char *domain, *reason;

	client->map = span_eq(request->map, "refresh")
			  ? MAP_REFRESH
			  : name_code(answer_map_names, request->map, -1);
	if (client->map == -1) {
		put_answer(client, span_of("PERM the maps are policy (Postfix before 3.10) and "
					   "policy310"));
		return;
	}
	if (client->map != MAP_REFRESH && answer_from_cache(serve, client, request->key))
		return;
	domain = level_domain(serve->arena, request->key, &reason);
	if (domain == NULL) {
		put_answer(client, span_of("NOTFOUND "));
		serve->settings->on_answer(LEVEL_DEFAULT);
		return;
	}
	if (client->map == MAP_REFRESH || !answer_from_cache(serve, client, span_of(domain)))
		begin_waiting(serve, client, domain);
}

/* Answers what is complete in the client's buffer, one at a time. False: it is cut off. */
static bool answer_requests(struct serve *serve, struct client *client)
{
	struct socketmap_request request;
	enum socketmap_state state = SOCKETMAP_COMPLETE;
	struct span rest = buf_view(&client->in);

	while (client->domain == NULL && !span_empty(rest)) {
		state = socketmap_parse(rest, &request);
		if (state != SOCKETMAP_COMPLETE)
			break;
		answer_request(serve, client, &request);
		rest.p += request.length;
	}
	memmove(client->in.data, rest.p, span_len(rest));
	client->in.len = span_len(rest);
	arena_reset(serve->arena);
	return state != SOCKETMAP_BAD;
}

/* ---- reading and writing ---- */

static bool flush_client(struct client *client)
{
	size_t done = 0;

	while (done < client->out.len) {
		ssize_t sent =
		    send(client->fd, client->out.data + done, client->out.len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent < 0)
			break;
		done += (size_t)sent;
	}
	memmove(client->out.data, client->out.data + done, client->out.len - done);
	client->out.len -= done;
	return true;
}

/* Takes what was only looked at out of the socket. */
static void take_peeked(struct client *client)
{
	char bytes[4096];

	while (client->peeked > 0) {
		size_t wanted = client->peeked < sizeof bytes ? client->peeked : sizeof bytes;
		ssize_t got = recv(client->fd, bytes, wanted, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		client->peeked -= (size_t)got;
	}
	client->peeked = 0;
}

/* Nothing is sent before all requests that were looked at have an answer: the next process would
 * answer them again. False: the client is cut off. */
static bool serve_client(struct serve *serve, struct client *client)
{
	if (!answer_requests(serve, client))
		return false;
	if (client->domain != NULL)
		return true;
	take_peeked(client);
	return flush_client(client);
}

/* False: the client is gone, or says nonsense. */
static bool read_client(struct serve *serve, struct client *client)
{
	char bytes[4096];
	size_t room = IN_MAX - client->in.len;
	ssize_t got = recv(client->fd, bytes, room < sizeof bytes ? room : sizeof bytes, MSG_PEEK);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	buf_add(&client->in, bytes, (size_t)got);
	client->peeked = (size_t)got;
	client->active = clock_mono();
	return serve_client(serve, client);
}

/* ---- what was solved, what is late ---- */

static bool serve_solved(struct serve *serve, struct client *client)
{
	if (!answer_from_cache(serve, client, span_of(client->domain)))
		solver_add(serve->solver, client->domain, false); /* it is outdated already */
	arena_reset(serve->arena);
	return client->domain != NULL || serve_client(serve, client);
}

static void take_solved(struct serve *serve)
{
	struct solved *solved, *next;
	char bytes[256];

	while (read(serve->wake[0], bytes, sizeof bytes) > 0)
		continue;
	lock_take(&serve->lock);
	solved = serve->solved;
	serve->solved = NULL;
	lock_drop(&serve->lock);
	for (; solved != NULL; solved = next) {
		next = solved->next;
		for (unsigned i = serve->client_count; i-- > 0;) {
			struct client *client = &serve->clients[i];

			if (client->domain != NULL && strcmp(client->domain, solved->domain) == 0 &&
			    !serve_solved(serve, client))
				drop_client(serve, i);
		}
		free(solved);
	}
}

static void end_waiting(struct serve *serve)
{
	int64_t now = clock_mono();

	for (unsigned i = serve->client_count; i-- > 0;) {
		struct client *client = &serve->clients[i];

		if (client->domain == NULL) {
			if (now - client->active > idle_patience)
				drop_client(serve, i);
			continue;
		}
		if (now - client->asked < answer_patience)
			continue;
		put_answer(client, span_of("TEMP the policy of this domain is not known yet"));
		serve->settings->on_answer(LEVEL_DEFER);
		if (!serve_client(serve, client))
			drop_client(serve, i);
	}
}

/* ---- the loop ---- */

static unsigned fill_polls(const struct serve *serve, struct pollfd *polls, bool accepts)
{
	unsigned count = 0;

	polls[count++] = (struct pollfd){.fd = serve->wake[0], .events = POLLIN};
	for (unsigned i = 0; i < serve->settings->count; i++)
		polls[count++] = (struct pollfd){.fd = accepts ? serve->settings->listeners[i] : -1,
						 .events = POLLIN};
	for (unsigned i = 0; i < serve->client_count; i++) {
		const struct client *client = &serve->clients[i];
		bool waits = client->domain != NULL;
		short in = !waits && client->in.len < IN_MAX ? POLLIN : 0;
		short out = !waits && client->out.len > 0 ? POLLOUT : 0;

		polls[count++] = (struct pollfd){.fd = client->fd, .events = (short)(in | out)};
	}
	return count;
}

/* From the last one on, since one that is dropped is replaced by the last. */
static void serve_clients(struct serve *serve, const struct pollfd *polls, unsigned count)
{
	for (unsigned i = count; i-- > 0;) {
		struct client *client = &serve->clients[i];
		bool good = true;

		if (client->domain != NULL)
			good = (polls[i].revents & (POLLHUP | POLLERR)) == 0;
		else if ((polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			good = read_client(serve, client);
		if (good && client->domain == NULL && (polls[i].revents & POLLOUT) != 0)
			good = flush_client(client);
		if (!good)
			drop_client(serve, i);
	}
}

static bool is_waited_for(const struct serve *serve)
{
	for (unsigned i = 0; i < serve->client_count; i++) {
		if (serve->clients[i].domain != NULL || serve->clients[i].out.len > 0)
			return true;
	}
	return false;
}

static void serve_once(struct serve *serve, bool accepts)
{
	static struct pollfd polls[1 + SERVE_LISTENERS_MAX + SERVE_CLIENTS_MAX];
	unsigned listeners = serve->settings->count, clients = serve->client_count;
	bool room = accepts && clients < SERVE_CLIENTS_MAX;
	unsigned count = fill_polls(serve, polls, room);

	if (poll(polls, count, accepts || is_waited_for(serve) ? TICK_MS : 0) > 0) {
		serve_clients(serve, polls + 1 + listeners, clients);
		if (polls[0].revents != 0)
			take_solved(serve);
		for (unsigned i = 0; i < listeners; i++) {
			if (polls[1 + i].revents != 0)
				accept_clients(serve, serve->settings->listeners[i]);
		}
	}
	end_waiting(serve);
	if (serve->released >= RELEASED_MAX)
		renew_kept(serve);
}

static void tell_stats(struct serve *serve)
{
	struct known_stats stats;

	if (clock_mono() < serve->stats_at)
		return;
	serve->stats_at = clock_mono() + stats_every;
	known_stats(serve->cache, &stats);
	serve->settings->on_stats(&stats);
}

int serve_run(const struct serve_settings *settings, struct why *why)
{
	static struct serve serve; /* its threads use it until the process ends */
	int64_t until;

	serve.settings = settings;
	serve.solve = settings->solve;
	serve.solve.on_solved = note_solved;
	serve.solve.arg = &serve;
	if (pipe2(serve.wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return why_set(why, "pipe: %s", strerror(errno));
	lock_init(&serve.lock);
	serve.arena = arena_new(0);
	serve.cache = known_new(settings->shared);
	serve.solver = solver_new(&serve.solve, serve.cache);
	adopt_clients(&serve);
	while (settings->go_on()) {
		serve_once(&serve, true);
		tell_stats(&serve);
	}
	/* what has been sent already is answered */
	serve_once(&serve, false);
	until = clock_mono() + answer_patience;
	while (is_waited_for(&serve) && clock_mono() < until)
		serve_once(&serve, false);
	return 0;
}
