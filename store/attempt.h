/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A note, on this host, of the mail that is under way: which delivery it is, and what the mail
 * server answered. It is needed where the store cannot be told the answer: the connection to a
 * shared store is lost, the disk is full, the process is killed. The next run finds it.
 *
 * One note in a file of fixed size: an answer is written over the note of its beginning, so it
 * needs no space.
 */
#ifndef STORE_ATTEMPT_H
#define STORE_ATTEMPT_H

#include "lib/arena.h"
#include "lib/why.h"
#include "store/outbox.h"

/* FD: open for reading and writing, and locked by the caller. Put: a note that holds in whole or
 * not at all, on the disk when 0 returns; a long reply is cut. Read: 1, texts in ARENA; 0: there
 * is none. */
int attempt_put(int fd, const struct outbox_attempt *attempt, struct why *why);
int attempt_clear(int fd, struct why *why);
int attempt_read(int fd, struct arena *arena, struct outbox_attempt *attempt, struct why *why);

#endif
