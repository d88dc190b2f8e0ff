/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access is checked twice: by the socket's mode (0660, with the group of the settings), and by the
 * user and groups of the peer as the kernel reports them, because the mode of a directory may be
 * wider than it should be.
 */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "lib/system/group.h"
#include "milter/protocol/socket.h"

static const int64_t patience = 10 * CLOCK_SECOND;      /* for a request, for reading an answer */
static const int64_t held_patience = 60 * CLOCK_SECOND; /* until an answer is known */

enum { GROUPS_MAX = 1024 };

struct control_client {
	int fd; /* -1: no client */
	char line[CONTROL_REQUEST_MAX];
	size_t len;
	unsigned ticket;   /* of a held client; 0: not held */
	struct buf answer; /* on the heap */
	size_t sent;
	int64_t deadline;
};

struct control {
	control_obey *obey;
	void *arg;
	struct socket_listener listener; /* fd -1: none */
	char *path, *group;
	gid_t gid; /* -1: none */
	struct control_client clients[CONTROL_CLIENTS];
};

struct control *control_new(control_obey *obey, void *arg)
{
	struct control *control = heap_zero(sizeof *control);

	control->obey = obey;
	control->arg = arg;
	control->listener.fd = -1;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	return control;
}

/* ---- the socket ---- */

static void stop_listening(struct control *control)
{
	if (control->listener.fd >= 0) {
		socket_remove(&control->listener);
		socket_close(&control->listener);
	}
	control->listener.fd = -1;
	free(control->path);
	free(control->group);
	control->path = control->group = NULL;
	control->gid = GROUP_NONE;
}

int control_listen(struct control *control, const char *path, const char *group, struct why *why)
{
	char address[256];

	if (control->path != NULL && strcmp(control->path, path) == 0 &&
	    strcmp(control->group, group) == 0)
		return 0;
	stop_listening(control);
	if (path[0] == '\0')
		return 0;
	snprintf(address, sizeof address, "local:%s", path);
	if (group_find(group, &control->gid, why) != 0)
		return why_prefix(why, "control.group: ");
	if (socket_open(&control->listener, address, 0660, why) != 0) {
		control->listener.fd = -1;
		return -1;
	}
	control->path = heap_strdup(path);
	control->group = heap_strdup(group);
	fcntl(control->listener.fd, F_SETFL, O_NONBLOCK);
	if (group_give(path, control->gid, group, why) == 0)
		return 0;
	stop_listening(control);
	return -1;
}

/* ---- access ---- */

#ifdef SO_PEERCRED
static bool is_member(int fd, gid_t wanted)
{
#ifdef SO_PEERGROUPS
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (unsigned i = 0; i < len / sizeof groups[0]; i++) {
		if (groups[i] == wanted)
			return true;
	}
#endif
	return false;
}

static bool is_permitted(int fd, gid_t group)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return group != GROUP_NONE && (peer.gid == group || is_member(fd, group));
}
#else
static bool is_permitted(int fd, gid_t group)
{
	uid_t uid;
	gid_t gid;

	if (getpeereid(fd, &uid, &gid) != 0)
		return false;
	return uid == 0 || uid == geteuid() || (group != GROUP_NONE && gid == group);
}
#endif

/* ---- one client ---- */

static void drop_client(struct control_client *client)
{
	close(client->fd);
	client->fd = -1;
	buf_free(&client->answer);
}

static bool is_answered(const struct control_client *client)
{
	return client->answer.len > 0;
}

void control_answer(struct control_client *client, enum control_code code, struct span body)
{
	client->ticket = 0;
	client->deadline = clock_mono() + patience;
	control_put_answer(&client->answer, code, body);
}

void control_hold(struct control_client *client, unsigned ticket)
{
	client->ticket = ticket;
	client->deadline = clock_mono() + held_patience;
}

void control_answer_held(struct control *control, unsigned ticket, enum control_code code,
			 struct span body)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd >= 0 && client->ticket != 0 && client->ticket <= ticket)
			control_answer(client, code, body);
	}
}

static void answer_text(struct control_client *client, enum control_code code, const char *text)
{
	control_answer(client, code, span_of(text));
}

static void run_request(struct control *control, struct control_client *client, size_t len)
{
	struct control_request request;
	struct why why;

	if (control_parse_request(span_make(client->line, len), &request, &why) != 0)
		answer_text(client, CONTROL_BAD, why.text);
	else
		control->obey(control->arg, client, &request);
}

/* Nothing may follow the request: more data, or end of file, drops a client that waits. */
static void read_request(struct control *control, struct control_client *client)
{
	ssize_t n = read(client->fd, client->line + client->len, sizeof client->line - client->len);
	const char *lf;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || client->ticket != 0) {
		drop_client(client);
		return;
	}
	client->len += (size_t)n;
	lf = memchr(client->line, '\n', client->len);
	if (lf != NULL)
		run_request(control, client, (size_t)(lf - client->line));
	else if (client->len == sizeof client->line)
		answer_text(client, CONTROL_BAD, "the request is too long");
}

static void write_answer(struct control_client *client)
{
	ssize_t n = send(client->fd, client->answer.data + client->sent,
			 client->answer.len - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		client->sent += (size_t)n;
	if (n < 0 || client->sent == client->answer.len)
		drop_client(client);
}

/* ---- all clients ---- */

static struct control_client *find_free_client(struct control *control)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	}
	return NULL;
}

static void accept_clients(struct control *control)
{
	struct control_client *client;
	int fd;

	while (control->listener.fd >= 0 && (client = find_free_client(control)) != NULL &&
	       (fd = accept(control->listener.fd, NULL, NULL)) >= 0) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		*client = (struct control_client){.fd = fd, .deadline = clock_mono() + patience};
		buf_init(&client->answer, NULL, CONTROL_ANSWER_MAX);
		if (!is_permitted(fd, control->gid))
			answer_text(client, CONTROL_DENIED,
				    "only for root, the daemon's user, and members of the group "
				    "named by control.group");
	}
}

unsigned control_polls(const struct control *control, struct pollfd *polls)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		const struct control_client *client = &control->clients[i];

		if (client->fd >= 0)
			polls[count++] = (struct pollfd){
			    .fd = client->fd, .events = is_answered(client) ? POLLOUT : POLLIN};
	}
	if (control->listener.fd >= 0 && count < CONTROL_CLIENTS)
		polls[count++] = (struct pollfd){.fd = control->listener.fd, .events = POLLIN};
	return count;
}

int64_t control_work(struct control *control)
{
	int64_t next = 0, now = clock_mono();

	accept_clients(control);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd >= 0 && !is_answered(client))
			read_request(control, client);
		if (client->fd >= 0 && is_answered(client))
			write_answer(client);
		if (client->fd >= 0 && client->deadline <= now)
			drop_client(client);
		if (client->fd >= 0 && (next == 0 || client->deadline < next))
			next = client->deadline;
	}
	return next;
}

void control_close_files(const struct control *control)
{
	if (control->listener.fd >= 0)
		close(control->listener.fd);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (control->clients[i].fd >= 0)
			close(control->clients[i].fd);
	}
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	stop_listening(control);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (control->clients[i].fd >= 0)
			drop_client(&control->clients[i]);
	}
	free(control);
}
