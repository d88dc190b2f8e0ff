/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet is a length of four bytes (of what follows), a kind of one, and data. Which steps are
 * sent and which are answered follows from two bits for each in what was negotiated: a table.
 */
#include "milter/protocol/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROTOCOL = 6, PACKET_MAX = 2 << 20, READ_SIZE = 65536 };

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

	if (strlen(path) >= sizeof address.sun_path) {
		close(fd);
		return why_set(why, "%s: too long", path);
	}
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

/* PORT@HOST, PORT */
static int open_inet(const char *text, struct why *why)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	const char *at = strchr(text, '@');
	char port[16] = "";
	int code, fd;

	memcpy(port, text, strspn(text, "0123456789") % sizeof port);
	code = getaddrinfo(at == NULL ? NULL : at + 1, port, &wanted, &found);
	if (code != 0)
		return why_set(why, "%s: %s", text, gai_strerror(code));
	fd = connect_any(found, text, why);
	freeaddrinfo(found);
	return fd;
}

int milter_client_open(struct milter_client *m, const char *address, struct why *why)
{
	const char *rest = strchr(address, ':');

	memset(m, 0, sizeof *m);
	m->fd = -1;
	buf_init(&m->out, NULL, 0);
	buf_init(&m->in, NULL, 0);
	if (rest == NULL)
		return why_set(why, "%s: expected unix:PATH or inet:PORT@IP", address);
	m->fd = address[0] == 'i' ? open_inet(rest + 1, why) : open_local(rest + 1, why);
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

static void put_number(struct buf *out, uint32_t number)
{
	uint32_t wire = htonl(number);

	buf_add(out, &wire, sizeof wire);
}

static uint32_t get_number(const char *p)
{
	uint32_t wire;

	memcpy(&wire, p, sizeof wire);
	return ntohl(wire);
}

void milter_client_put(struct milter_client *m, char kind, struct span data)
{
	put_number(&m->out, (uint32_t)span_len(data) + 1);
	buf_char(&m->out, kind);
	buf_span(&m->out, data);
}

void milter_client_macros(struct milter_client *m, char stage, const char *const *pairs)
{
	struct buf data;

	buf_init(&data, NULL, 0);
	buf_char(&data, stage);
	for (; pairs[0] != NULL; pairs += 2) {
		if (pairs[1] == NULL)
			continue;
		buf_add(&data, pairs[0], strlen(pairs[0]) + 1);
		buf_add(&data, pairs[1], strlen(pairs[1]) + 1);
	}
	milter_client_put(m, 'D', buf_view(&data));
	buf_free(&data);
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

int milter_client_read(struct milter_client *m, struct milter_client_reply *reply, struct why *why)
{
	if (milter_client_flush(m, why) != 0)
		return -1;
	for (;;) {
		size_t have = m->in.len - m->taken, length;

		if (have >= 5) {
			const char *p = m->in.data + m->taken;

			length = get_number(p);
			if (length == 0 || length > PACKET_MAX)
				return why_set(why, "the filter sent a packet of %zu bytes",
					       length);
			if (have >= 4 + length) {
				reply->kind = p[4];
				reply->data = span_make(p + 5, length - 1);
				m->taken += 4 + length;
				return 0;
			}
		}
		if (fill_input(m, why) != 0)
			return -1;
	}
}

/* ---- steps ---- */

int milter_client_negotiate(struct milter_client *m, uint32_t actions, uint32_t steps,
			    struct why *why)
{
	struct milter_client_reply reply;
	struct buf data;

	buf_init(&data, NULL, 0);
	put_number(&data, PROTOCOL);
	put_number(&data, actions);
	put_number(&data, steps);
	milter_client_put(m, 'O', buf_view(&data));
	buf_free(&data);
	if (milter_client_read(m, &reply, why) != 0)
		return -1;
	if (reply.kind != 'O' || span_len(reply.data) < 12)
		return why_set(why, "negotiation with the filter failed (answer '%c')", reply.kind);
	m->actions = get_number(reply.data.p + 4);
	m->steps = get_number(reply.data.p + 8);
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

int milter_client_step(struct milter_client *m, char kind, struct span data,
		       struct milter_client_reply *reply, struct why *why)
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
