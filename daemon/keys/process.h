/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key process: the only one that holds private keys. It is started by the launcher, loads the
 * keys once, and signs for the workers until it is retired and its last connection has ended; other
 * keys come with another key process. It speaks with the supervisor over a channel
 * (daemon/channel.h):
 *
 *     from it  READY    who it is: process id SP user SP "locked" or "swappable"
 *              LOADED   its public keys (keys/publickeys.h)
 *              FAILED   OPTION TAB REASON: these keys cannot be used; it ends
 *              CONFINED to what it has confined itself, once it has: enum confine_limit
 *              NOTE     a line for the log
 *              COUNTS   what became of the requests since the last: a number for each
 *                       enum keywire_outcome, with blanks between them
 *     to it    SERVE    a socket of a worker
 *              RETIRE   end when all connections have; so does the end of the channel
 *              QUIT     end now
 */
#ifndef DAEMON_KEYS_PROCESS_H
#define DAEMON_KEYS_PROCESS_H

#include <stdnoreturn.h>

#include "conf/conf.h"
#include "lib/buf.h"

/* What the launcher is told: which keys. */
void keyprocess_write_job(const struct conf *conf, struct buf *out);

/* In a process of its own, as the user who owns the keys. FD: the channel. */
noreturn void keyprocess_run(int fd, const char *job);

#endif
