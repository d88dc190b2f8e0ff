/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps libmilter's pool of threads from standing still while messages wait: see kick.c.
 */
#ifndef MILTER_WAKEUP_H
#define MILTER_WAKEUP_H

#include "lib/why.h"
#include "milter/protocol/socket.h"

/* LISTENER: where this process accepts, FD its socket (listener->fd may be closed by now). To be
 * called once, before any kick_soon(). */
int kick_start(const struct socket_listener *listener, int fd, struct why *why);

/* A callback is about to wait for something outside this process. Never blocks; cheap. Without
 * kick_start() it does nothing. */
void kick_soon(void);

#endif
