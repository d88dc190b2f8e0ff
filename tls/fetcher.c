/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread for each request, at most THREADS: a server that is slow keeps nobody else waiting
 * before there are as many of them.
 */
#include "tls/fetcher.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "mail/domain.h"

enum { THREADS = 32, REQUEST_MAX = 1024 };

static const int64_t fetch_timeout = 30 * CLOCK_SECOND;

/* ---- packets ---- */

void fetcher_write_request(struct buf *out, const char *domain, const char *id,
			   const struct ip *addresses, unsigned count)
{
	char text[IP_TEXT_MAX];

	buf_printf(out, "%s\n%s\n", domain, id);
	for (unsigned i = 0; i < count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " ", ip_text(&addresses[i], text));
	buf_char(out, '\n');
}

/* The next line of *REST. */
static bool take_line(struct span *rest, struct span *line)
{
	const char *end = memchr(rest->p, '\n', span_len(*rest));

	if (end == NULL)
		return false;
	*line = (struct span){rest->p, end};
	rest->p = end + 1;
	return true;
}

static bool take_names(struct arena *arena, struct span *rest, const char **domain, const char **id)
{
	struct span line;

	if (!take_line(rest, &line) || !sts_is_host_name(line))
		return false;
	*domain = domain_to_ascii(arena, line);
	if (!take_line(rest, &line) || span_len(line) > STS_ID_MAX)
		return false;
	*id = arena_span(arena, line);
	return *domain != NULL;
}

int fetcher_parse_reply(struct arena *arena, struct span packet, struct fetcher_reply *reply)
{
	struct span line;
	int outcome;

	if (!take_names(arena, &packet, &reply->domain, &reply->id) || !take_line(&packet, &line))
		return -1;
	outcome = name_code(fetch_outcome_names, line, -1);
	if (outcome == -1 || memchr(packet.p, '\0', span_len(packet)) != NULL)
		return -1;
	reply->outcome = (enum fetch_outcome)outcome;
	reply->text = arena_span(arena, packet);
	return 0;
}

/* ---- the process ---- */

struct pool {
	int fd;
	const char *ca_file;
	struct lock lock;
	struct cond ended;
	unsigned running;
};

struct task {
	struct pool *pool;
	size_t length;
	char packet[REQUEST_MAX];
};

static unsigned read_addresses(struct span line, struct ip addresses[FETCH_ADDRESSES_MAX])
{
	struct span part;
	unsigned count = 0;
	bool more = true;

	while (count < FETCH_ADDRESSES_MAX && span_split(&line, &more, ' ', &part)) {
		if (ip_parse(part, &addresses[count]))
			count++;
	}
	return count;
}

static void answer_request(const struct pool *pool, struct arena *arena, struct span packet)
{
	struct ip addresses[FETCH_ADDRESSES_MAX];
	struct fetch_request request = {
	    .addresses = addresses, .ca_file = pool->ca_file, .timeout = fetch_timeout};
	const char *id, *text = NULL;
	enum fetch_outcome outcome;
	struct why why = {""};
	struct span line;
	struct buf reply;

	if (!take_names(arena, &packet, &request.domain, &id) || !take_line(&packet, &line))
		return;
	request.count = read_addresses(line, addresses);
	outcome = fetch_policy(&request, arena, &text, &why);
	buf_init(&reply, arena, FETCHER_PACKET_MAX);
	buf_printf(&reply, "%s\n%s\n%s\n%s", request.domain, id,
		   name_text(fetch_outcome_names, (int)outcome),
		   outcome == FETCH_DONE ? text : why.text);
	while (send(pool->fd, reply.data, reply.len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		continue;
}

static void *run_task(void *arg)
{
	struct task *task = arg;
	struct pool *pool = task->pool;
	struct arena *arena = arena_new(0);

	answer_request(pool, arena, span_make(task->packet, task->length));
	arena_free(arena);
	free(task);
	lock_take(&pool->lock);
	pool->running--;
	cond_wake_all(&pool->ended);
	lock_drop(&pool->lock);
	return NULL;
}

static void start_task(struct pool *pool, struct task *task)
{
	pthread_t thread;

	lock_take(&pool->lock);
	while (pool->running == THREADS)
		cond_wait(&pool->ended, &pool->lock);
	pool->running++;
	lock_drop(&pool->lock);
	if (thread_start(&thread, run_task, task) == 0)
		pthread_detach(thread);
	else
		run_task(task);
}

/* False: nothing came for a moment. */
static bool take_request(struct pool *pool, struct task *task)
{
	struct pollfd poll_fd = {.fd = pool->fd, .events = POLLIN};
	ssize_t got;

	if (poll(&poll_fd, 1, 500) <= 0)
		return false;
	got = recv(pool->fd, task->packet, sizeof task->packet, 0);
	if (got <= 0)
		return false;
	task->length = (size_t)got;
	task->pool = pool;
	return true;
}

void fetcher_run(int fd, const char *ca_file, bool (*go_on)(void))
{
	struct pool pool = {.fd = fd, .ca_file = ca_file};
	struct task *task = NULL;

	lock_init(&pool.lock);
	cond_init(&pool.ended);
	while (go_on()) {
		if (task == NULL)
			task = heap_alloc(sizeof *task);
		if (take_request(&pool, task)) {
			start_task(&pool, task);
			task = NULL;
		}
	}
	free(task);
}
