/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame is one byte of kind, the length of the text with its NUL as four bytes in the machine's
 * order (both ends are one program on one machine), and the text. The supervisor does not trust a
 * worker, which has seen hostile mail: a frame that is too long or not NUL-terminated closes the
 * channel, and a closed channel is handled like a dead worker.
 *
 * A frame with a file has WITH_FILE in its kind; the file comes with the frame's first byte
 * (SCM_RIGHTS), so that it is there when the frame is whole. From a side that is to send none, the
 * kernel drops them.
 */
#include "daemon/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/system/fdpass.h"

enum { HEAD = 1 + sizeof(uint32_t), WITH_FILE = 0x80, BUFFER_KEPT = 64 << 10 };

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

static void close_files(struct channel_files *files)
{
	for (unsigned i = 0; i < files->count; i++)
		close(files->items[i].fd);
	files->count = 0;
}

static int take_first(struct channel_files *files)
{
	int fd;

	if (files->count == 0)
		return -1;
	fd = files->items[0].fd;
	files->count--;
	memmove(files->items, files->items + 1, files->count * sizeof *files->items);
	return fd;
}

/* What came before is still handed out. */
static void hang_up(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	channel->sent = 0;
	buf_free(&channel->out);
	close_files(&channel->files_out);
}

void channel_free(struct channel *channel)
{
	hang_up(channel);
	channel->taken = 0;
	buf_free(&channel->in);
	close_files(&channel->files_in);
}

void channel_send(struct channel *channel, enum channel_kind kind, const char *text)
{
	channel_send_file(channel, kind, text, -1);
}

/* Who reads nothing while so many files come is hung up on. */
static void add_file(struct channel *channel, int fd)
{
	struct channel_files *files = &channel->files_out;

	if (files->count == CHANNEL_FILES) {
		close(fd);
		hang_up(channel);
		return;
	}
	files->items[files->count].at = channel->out.len;
	files->items[files->count++].fd = fd;
}

void channel_send_file(struct channel *channel, enum channel_kind kind, const char *text, int fd)
{
	uint32_t len = (uint32_t)strlen(text) + 1;

	if (channel->fd >= 0 && fd >= 0)
		add_file(channel, fd);
	else if (fd >= 0)
		close(fd);
	if (channel->fd < 0)
		return;
	buf_char(&channel->out, (char)((int)kind | (fd >= 0 ? WITH_FILE : 0)));
	buf_add(&channel->out, &len, sizeof len);
	buf_add(&channel->out, text, len);
	channel_flush(channel);
}

/* Sends up to the next file, or from a file with it. */
static ssize_t send_piece(struct channel *channel)
{
	const struct channel_files *files = &channel->files_out;
	bool with_file = files->count > 0 && files->items[0].at == channel->sent;
	size_t end = files->count > with_file ? files->items[with_file].at : channel->out.len;
	struct span piece = span_make(channel->out.data + channel->sent, end - channel->sent);

	return fdpass_send(channel->fd, piece, &files->items[0].fd, with_file, 0);
}

/* N bytes are gone, and the file that came with the first of them. */
static void note_sent(struct channel *channel, size_t n)
{
	struct channel_files *files = &channel->files_out;

	if (files->count > 0 && files->items[0].at == channel->sent)
		close(take_first(files));
	channel->sent += n;
}

/* A large frame, such as the list of many keys, is rare: its memory is given back. */
static void empty_buffer(struct buf *buf)
{
	if (buf->cap > BUFFER_KEPT)
		buf_free(buf);
	else
		buf_clear(buf);
}

void channel_flush(struct channel *channel)
{
	while (channel_waits(channel)) {
		ssize_t n = send_piece(channel);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			hang_up(channel);
			return;
		}
		note_sent(channel, (size_t)n);
	}
	channel->sent = 0;
	empty_buffer(&channel->out);
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
	if (left == 0) {
		empty_buffer(&channel->in);
		channel->taken = 0;
		return;
	}
	memmove(channel->in.data, channel->in.data + channel->taken, left);
	channel->in.len = left;
	channel->taken = 0;
}

static ssize_t receive_piece(struct channel *channel, void *piece, size_t size)
{
	struct channel_files *files = &channel->files_in;
	int fd;
	unsigned count;
	ssize_t n;

	if (!channel->takes_files)
		return recv(channel->fd, piece, size, 0);
	n = fdpass_receive(channel->fd, piece, size, &fd, 1, &count, 0);
	if (count > 0 && files->count == CHANNEL_FILES)
		close(fd);
	else if (count > 0)
		files->items[files->count++].fd = fd;
	return n;
}

void channel_fill(struct channel *channel)
{
	char piece[4096];

	forget_taken(channel);
	while (channel->fd >= 0 && channel->in.len < channel->in.max) {
		size_t room = channel->in.max - channel->in.len;
		ssize_t n =
		    receive_piece(channel, piece, room < sizeof piece ? room : sizeof piece);

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
	frame->kind = (char)(start[0] & ~WITH_FILE);
	frame->fd = (start[0] & WITH_FILE) != 0 ? take_first(&channel->files_in) : -1;
	frame->text = start + HEAD;
	return true;
}
