/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that outlive the process that serves them: a copy of each is in flight between the
 * two ends of a socket pair that the supervisor holds as well, so that the next process takes them
 * over with what has not been read from them.
 */
#ifndef TLS_KEEP_H
#define TLS_KEEP_H

enum { KEEP_WRITE, KEEP_READ, KEEP_BATCH = 200 };

/* The pair, which does not block. -1: errno says why. */
int keep_open(int ends[2]);

/* Keeps copies of COUNT connections, at most KEEP_BATCH. What does not fit is not kept. Returns the
 * number of messages that were added, 0 or 1. */
unsigned keep_put(const int ends[2], const int *fds, unsigned count);

/* Takes the oldest message out. Returns the number of connections, which the caller owns, at most
 * KEEP_BATCH; -1: there is none. */
int keep_take(const int ends[2], int *fds);

#endif
