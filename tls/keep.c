/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/keep.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(KEEP_BATCH * sizeof(int))];
};

int keep_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

unsigned keep_put(const int ends[2], const int *fds, unsigned count)
{
	union control control = {.space = {0}};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control};
	size_t bytes = count * sizeof *fds;
	ssize_t sent;

	assert(count <= KEEP_BATCH);
	if (count == 0)
		return 0;
	message.msg_controllen = CMSG_SPACE(bytes);
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(&control.head), fds, bytes);
	do
		sent = sendmsg(ends[KEEP_WRITE], &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == 1;
}

int keep_take(const int ends[2], int *fds)
{
	union control control = {.space = {0}};
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	const struct cmsghdr *head;
	ssize_t got;

	do
		got = recvmsg(ends[KEEP_READ], &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (head == NULL || head->cmsg_type != SCM_RIGHTS)
		return 0;
	memcpy(fds, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
	return (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
}
