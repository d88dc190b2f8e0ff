/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which steps are sent and which are answered follows from two bits for each in what was
 * negotiated: a table.
 */
#include "milter/protocol/client.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/endpoint.h"
#include "milter/protocol/protocol.h"

enum { READ_SIZE = 65536, HOST_ROOM = 256 };

static const struct {
	char kind;
	uint32_t omit, silent;
} step_bits[] = {
    {'C', 0x1, 0x1000},   {'H', 0x2, 0x2000},    {'M', 0x4, 0x4000},
    {'R', 0x8, 0x8000},   {'T', 0x200, 0x10000}, {'L', 0x20, 0x80},
    {'N', 0x40, 0x40000}, {'B', 0x10, 0x80000},  {'U', 0x100, 0x20000},
};

/* ---- connecting ---- */

static int open_local(const char *path, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(strlen(path) < sizeof address.sun_path);
	memcpy(address.sun_path, path, strlen(path));
	while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		if (errno == EAGAIN) { /* the queue of the listener is full */
			usleep(1000);
			continue;
		}
		close(fd);
		return why_set(why, "%s: %s", path, strerror(errno));
	}
	return fd;
}

static int connect_any(const struct addrinfo *found, const char *text, struct why *why)
{
	int fd = -1;

	for (; found != NULL && fd == -1; found = found->ai_next) {
		fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd != -1 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
			why_set(why, "%s: %s", text, strerror(errno));
			close(fd);
			fd = -1;
		}
	}
	return fd;
}

static int open_inet(const struct endpoint *endpoint, const char *text, struct why *why)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char port[12], host[HOST_ROOM];
	int code, fd;

	snprintf(port, sizeof port, "%u", endpoint->port);
	snprintf(host, sizeof host, "%.*s", (int)span_len(endpoint->host), endpoint->host.p);
	code = getaddrinfo(host[0] == '\0' ? NULL : host, port, &wanted, &found);
	if (code != 0)
		return why_set(why, "%s: %s", text, gai_strerror(code));
	fd = connect_any(found, text, why);
	freeaddrinfo(found);
	return fd;
}

int milter_client_open(struct milter_client *m, const char *address, struct why *why)
{
	struct endpoint endpoint;

	memset(m, 0, sizeof *m);
	m->fd = -1;
	buf_init(&m->out, NULL, 0);
	buf_init(&m->in, NULL, 0);
	if (endpoint_parse(span_of(address), &endpoint, why) != 0)
		return why_prefix(why, "%s: ", address);
	m->fd = endpoint.family == AF_UNIX ? open_local(endpoint.path.p, why)
					   : open_inet(&endpoint, address, why);
	return m->fd < 0 ? -1 : 0;
}

void milter_client_close(struct milter_client *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	buf_free(&m->out);
	buf_free(&m->in);
}

/* ---- packets ---- */

void milter_client_put(struct milter_client *m, char kind, struct span data)
{
	size_t begun = packet_begin(&m->out, kind);

	buf_span(&m->out, data);
	packet_end(&m->out, begun);
}

void milter_client_macros(struct milter_client *m, char stage, const char *const *pairs)
{
	size_t begun = packet_begin(&m->out, 'D');

	buf_char(&m->out, stage);
	for (; pairs[0] != NULL; pairs += 2) {
		if (pairs[1] == NULL)
			continue;
		packet_add_text(&m->out, pairs[0]);
		packet_add_text(&m->out, pairs[1]);
	}
	packet_end(&m->out, begun);
}

int milter_client_flush(struct milter_client *m, struct why *why)
{
	size_t sent = 0;

	while (sent < m->out.len) {
		ssize_t n = send(m->fd, m->out.data + sent, m->out.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_set(why, "the filter closed the connection: %s",
				       strerror(errno));
		sent += (size_t)n;
	}
	buf_clear(&m->out);
	return 0;
}

static int fill_input(struct milter_client *m, struct why *why)
{
	char part[READ_SIZE];
	ssize_t n;

	do
		n = recv(m->fd, part, sizeof part, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return why_set(why, "the filter closed the connection: %s",
			       n == 0 ? "end of file" : strerror(errno));
	if (m->taken == m->in.len) {
		buf_clear(&m->in);
		m->taken = 0;
	}
	buf_add(&m->in, part, (size_t)n);
	return 0;
}

int milter_client_read(struct milter_client *m, struct packet *reply, struct why *why)
{
	if (milter_client_flush(m, why) != 0)
		return -1;
	for (;;) {
		struct span input = buf_view(&m->in);
		int taken;

		assert(m->taken <= m->in.len);
		input.p += m->taken;
		taken = packet_take(&input, reply);
		if (taken < 0)
			return why_set(why, "the filter sent what is not a milter packet");
		m->taken = m->in.len - span_len(input);
		if (taken > 0)
			return 0;
		if (fill_input(m, why) != 0)
			return -1;
	}
}

/* ---- steps ---- */

int milter_client_negotiate(struct milter_client *m, uint32_t actions, uint32_t steps,
			    struct why *why)
{
	size_t begun = packet_begin(&m->out, 'O');
	struct packet reply;
	uint32_t version;

	packet_add_number(&m->out, PROTOCOL_VERSION);
	packet_add_number(&m->out, actions);
	packet_add_number(&m->out, steps);
	packet_end(&m->out, begun);
	if (milter_client_read(m, &reply, why) != 0)
		return -1;
	if (reply.kind != 'O' || !packet_number(&reply.data, &version) ||
	    !packet_number(&reply.data, &m->actions) || !packet_number(&reply.data, &m->steps))
		return why_set(why, "negotiation with the filter failed (answer '%c')", reply.kind);
	return 0;
}

bool milter_client_wanted(const struct milter_client *m, char kind)
{
	for (size_t i = 0; i < sizeof step_bits / sizeof step_bits[0]; i++) {
		if (step_bits[i].kind == kind)
			return (m->steps & step_bits[i].omit) == 0;
	}
	return true;
}

static bool is_answered(const struct milter_client *m, char kind)
{
	for (size_t i = 0; i < sizeof step_bits / sizeof step_bits[0]; i++) {
		if (step_bits[i].kind == kind)
			return (m->steps & step_bits[i].silent) == 0;
	}
	return true;
}

int milter_client_step(struct milter_client *m, char kind, struct span data, struct packet *reply,
		       struct why *why)
{
	reply->kind = 'c';
	reply->data = span_of("");
	if (!milter_client_wanted(m, kind))
		return 0;
	milter_client_put(m, kind, data);
	if (!is_answered(m, kind))
		return 0;
	do {
		if (milter_client_read(m, reply, why) != 0)
			return -1;
	} while (reply->kind == 'p');
	return 0;
}
