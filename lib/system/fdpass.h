/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files on their way from one process to another, over a socket between the two (SCM_RIGHTS).
 */
#ifndef LIB_SYSTEM_FDPASS_H
#define LIB_SYSTEM_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/span.h"

enum { FDPASS_MAX = 200 }; /* at once; Linux takes 253 */

/* As send(2), with copies of COUNT files, at most FDPASS_MAX, that belong to the first byte of
 * DATA. Never SIGPIPE. */
ssize_t fdpass_send(int socket, struct span data, const int *fds, unsigned count, int flags);

/* As recv(2), with the files that came with the data: *COUNT of them, at most MAX, close-on-exec
 * and the caller's. Those beyond MAX are closed. Fewer come than were sent when this process may
 * open no more. */
ssize_t fdpass_receive(int socket, void *data, size_t size, int *fds, unsigned max, unsigned *count,
		       int flags);

#endif
