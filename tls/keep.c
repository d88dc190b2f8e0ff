/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/keep.h"

#include <assert.h>
#include <sys/socket.h>

#include "lib/system/fdpass.h"

static_assert((int)KEEP_BATCH <= (int)FDPASS_MAX, "a batch is one message");

int keep_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

unsigned keep_put(const int ends[2], const int *fds, unsigned count)
{
	assert(count <= KEEP_BATCH);
	return count > 0 && fdpass_send(ends[KEEP_WRITE], span_of("k"), fds, count, 0) == 1;
}

int keep_take(const int ends[2], int *fds)
{
	char octet;
	unsigned count;

	return fdpass_receive(ends[KEEP_READ], &octet, 1, fds, KEEP_BATCH, &count, 0) == 1
		   ? (int)count
		   : -1;
}
