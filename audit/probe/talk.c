/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/probe/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

static const int64_t connect_timeout = 10 * CLOCK_SECOND;

/* ---- the connection ---- */

static bool wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd wait = {.fd = fd, .events = events};
	int64_t left = (deadline - clock_mono()) / CLOCK_MS;
	int got;

	do
		got = left >= 0 ? poll(&wait, 1, (int)(left < 60000 ? left : 60000)) : 0;
	while (got < 0 && errno == EINTR);
	return got > 0;
}

static socklen_t fill_address(struct sockaddr_storage *address, const struct ip *ip, unsigned port)
{
	memset(address, 0, sizeof *address);
	if (ip->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)address;

		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		memcpy(&in->sin_addr, ip->bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)address;

	in->sin6_family = AF_INET6;
	in->sin6_port = htons((uint16_t)port);
	memcpy(&in->sin6_addr, ip->bytes, 16);
	return sizeof *in;
}

/* 0, or errno. */
static int connect_socket(int fd, const struct sockaddr_storage *address, socklen_t length,
			  int64_t deadline)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (connect(fd, (const struct sockaddr *)address, length) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (!wait_for(fd, POLLOUT, deadline))
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

enum talk_way talk_open(struct talk *talk, const struct ip *ip, unsigned port, int64_t deadline,
			struct why *why)
{
	struct sockaddr_storage address;
	socklen_t length = fill_address(&address, ip, port);
	int64_t patience = clock_mono() + connect_timeout;
	int error;

	memset(talk, 0, sizeof *talk);
	talk->deadline = deadline;
	talk->fd = socket(ip->family == 4 ? AF_INET : AF_INET6,
			  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	error = talk->fd < 0 ? errno
			     : connect_socket(talk->fd, &address, length,
					      patience < deadline ? patience : deadline);
	if (error == 0)
		return TALK_OPEN;
	why_set(why, "%s", strerror(error));
	talk_close(talk);
	return error == ECONNREFUSED ? TALK_REFUSED : TALK_NO_WAY;
}

void talk_close(struct talk *talk)
{
	session_close(talk->session);
	talk->session = NULL;
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
}

/* ---- what is said ---- */

static bool send_plain(const struct talk *talk, struct span bytes)
{
	while (!span_empty(bytes)) {
		ssize_t n = send(talk->fd, bytes.p, span_len(bytes), MSG_NOSIGNAL);

		if (n > 0)
			bytes.p += n;
		else if (n < 0 && errno != EINTR &&
			 (errno != EAGAIN || !wait_for(talk->fd, POLLOUT, talk->deadline)))
			return false;
	}
	return true;
}

bool talk_say(struct talk *talk, struct span bytes)
{
	return talk->session != NULL ? session_write(talk->session, bytes, talk->deadline)
				     : send_plain(talk, bytes);
}

/* ---- what is heard ---- */

static ssize_t receive_plain(const struct talk *talk, void *data, size_t room)
{
	ssize_t n;

	do
		n = recv(talk->fd, data, room, 0);
	while (n < 0 &&
	       (errno == EINTR || (errno == EAGAIN && wait_for(talk->fd, POLLIN, talk->deadline))));
	return n;
}

static bool receive_more(struct talk *talk)
{
	size_t length = talk->end - talk->begin;
	ssize_t n;

	if (length == sizeof talk->buffer)
		return false;
	memmove(talk->buffer, talk->buffer + talk->begin, length);
	talk->begin = 0;
	talk->end = length;
	n = talk->session != NULL
		? session_read(talk->session, talk->buffer + length, sizeof talk->buffer - length,
			       talk->deadline)
		: receive_plain(talk, talk->buffer + length, sizeof talk->buffer - length);
	talk->end += n > 0 ? (size_t)n : 0;
	return n > 0;
}

bool talk_line(struct talk *talk, struct span *line)
{
	const char *end;

	do {
		struct span all = span_make(talk->buffer + talk->begin, talk->end - talk->begin);

		end = memchr(all.p, '\n', span_len(all));
		if (end == NULL)
			continue;
		*line = (struct span){all.p, end};
		talk->begin += (size_t)(end - all.p) + 1;
		if (!span_empty(*line) && line->end[-1] == '\r')
			line->end--;
		return true;
	} while (receive_more(talk));
	return false;
}

bool talk_bytes(struct talk *talk, size_t count, struct span *bytes)
{
	while (talk->end - talk->begin < count) {
		if (!receive_more(talk))
			return false;
	}
	*bytes = span_make(talk->buffer + talk->begin, talk->end - talk->begin);
	return true;
}

bool talk_hears(struct talk *talk, int64_t nanoseconds)
{
	int64_t deadline = talk->deadline, soon = clock_mono() + nanoseconds;
	bool hears;

	if (talk->begin < talk->end)
		return true;
	talk->deadline = soon < deadline ? soon : deadline;
	hears = receive_more(talk);
	talk->deadline = deadline;
	return hears;
}

int talk_secure(struct talk *talk, const struct session_settings *settings, struct why *why)
{
	talk->begin = talk->end = 0;
	talk->session = session_open(talk->fd, settings, talk->deadline, why);
	return talk->session == NULL ? -1 : 0;
}

unsigned talk_reply(struct talk *talk, void (*take)(void *arg, unsigned i, struct span text),
		    void *arg)
{
	struct reply_line reply = {.more = true};
	struct span line;
	unsigned code = 0;

	for (unsigned i = 0; reply.more; i++) {
		if (i == REPLY_LINES_MAX || !talk_line(talk, &line) || !reply_parse(line, &reply))
			return 0;
		if (i > 0 && reply.code != code)
			return 0;
		code = reply.code;
		if (take != NULL)
			take(arg, i, reply.text);
	}
	return code;
}
