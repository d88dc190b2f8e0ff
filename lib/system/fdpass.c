/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/fdpass.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

ssize_t fdpass_send(int socket, struct span data, const int *fds, unsigned count, int flags)
{
	union control control;
	struct iovec piece = {(void *)(uintptr_t)data.p, span_len(data)};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	size_t bytes = count * sizeof *fds;
	ssize_t n;

	assert(!span_empty(data) && count <= FDPASS_MAX);
	if (count > 0) {
		memset(control.space, 0, CMSG_SPACE(bytes));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(bytes);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&control.head), fds, bytes);
	}
	do
		n = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n;
}

/* The space for one control message may hold one file more than was asked for, by its alignment. */
static void take_files(const struct cmsghdr *head, int *fds, unsigned max, unsigned *count)
{
	size_t came = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < came; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
		if (*count < max)
			fds[(*count)++] = fd;
		else
			close(fd);
	}
}

ssize_t fdpass_receive(int socket, void *data, size_t size, int *fds, unsigned max, unsigned *count,
		       int flags)
{
	union control control;
	struct iovec piece = {data, size};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(max * sizeof(int))};
	ssize_t n;

	assert(max > 0 && max <= FDPASS_MAX);
	*count = 0;
	do
		n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL;
	     head = CMSG_NXTHDR(&message, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
			take_files(head, fds, max, count);
	return n;
}
