/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps libmilter's pool of threads from standing still while messages wait: see wakeup.c.
 */
#ifndef MILTER_WAKEUP_H
#define MILTER_WAKEUP_H

#include "lib/why.h"
#include "milter/protocol/socket.h"

/* LISTENER: where this process accepts, FD its socket (listener->fd may be closed by now). To be
 * called once, before any wakeup_soon(). */
int wakeup_start(const struct socket_listener *listener, int fd, struct why *why);

/* A callback is about to wait for something outside this process. Never blocks; cheap. Without
 * wakeup_start() it does nothing. */
void wakeup_soon(void);

#endif
