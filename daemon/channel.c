/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame is one byte of kind, the length of the text with its NUL as four bytes in the machine's
 * order (both ends are one program on one machine), and the text. The supervisor does not trust a
 * worker, which has seen hostile mail: a frame that is too long or not NUL-terminated closes the
 * channel, and a closed channel is handled like a dead worker.
 */
#include "daemon/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 1 + sizeof(uint32_t) };

int channel_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0 ||
		    fcntl(fds[i], F_SETFL, O_NONBLOCK) != 0) {
			close(fds[0]);
			close(fds[1]);
			return -1;
		}
	}
	return 0;
}

void channel_init(struct channel *channel, int fd, size_t limit)
{
	memset(channel, 0, sizeof *channel);
	channel->fd = fd;
	buf_init(&channel->in, NULL, HEAD + limit + 1);
	buf_init(&channel->out, NULL, 0);
}

/* What came before is still handed out. */
static void hang_up(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	channel->sent = 0;
	buf_free(&channel->out);
}

void channel_free(struct channel *channel)
{
	hang_up(channel);
	channel->taken = 0;
	buf_free(&channel->in);
}

void channel_send(struct channel *channel, enum channel_kind kind, const char *text)
{
	uint32_t len = (uint32_t)strlen(text) + 1;

	if (channel->fd < 0)
		return;
	buf_char(&channel->out, (char)kind);
	buf_add(&channel->out, &len, sizeof len);
	buf_add(&channel->out, text, len);
	channel_flush(channel);
}

void channel_flush(struct channel *channel)
{
	while (channel_waits(channel)) {
		ssize_t n = send(channel->fd, channel->out.data + channel->sent,
				 channel->out.len - channel->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			hang_up(channel);
			return;
		}
		channel->sent += (size_t)n;
	}
	channel->sent = 0;
	buf_clear(&channel->out);
}

bool channel_waits(const struct channel *channel)
{
	return channel->fd >= 0 && channel->sent < channel->out.len;
}

/* Frames that were handed out make room. */
static void forget_taken(struct channel *channel)
{
	size_t left = channel->in.len - channel->taken;

	if (channel->taken == 0)
		return;
	memmove(channel->in.data, channel->in.data + channel->taken, left);
	channel->in.len = left;
	channel->taken = 0;
}

void channel_fill(struct channel *channel)
{
	char piece[4096];

	forget_taken(channel);
	while (channel->fd >= 0 && channel->in.len < channel->in.max) {
		size_t room = channel->in.max - channel->in.len;
		ssize_t n = recv(channel->fd, piece, room < sizeof piece ? room : sizeof piece, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n > 0)
			buf_add(&channel->in, piece, (size_t)n);
		else
			hang_up(channel);
	}
}

bool channel_next(struct channel *channel, struct channel_frame *frame)
{
	size_t have = channel->in.len - channel->taken;
	const char *start;
	uint32_t len;

	assert(channel->taken <= channel->in.len);
	if (have < HEAD)
		return false;
	start = channel->in.data + channel->taken;
	memcpy(&len, start + 1, sizeof len);
	if (len > 0 && len <= channel->in.max - HEAD && have < HEAD + (size_t)len)
		return false;
	if (len == 0 || len > channel->in.max - HEAD || start[HEAD + len - 1] != '\0') {
		hang_up(channel);
		channel->taken = channel->in.len;
		return false;
	}
	channel->taken += HEAD + (size_t)len;
	frame->kind = start[0];
	frame->text = start + HEAD;
	return true;
}
