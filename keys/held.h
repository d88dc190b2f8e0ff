/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that the key process has opened, the last used ones: with 100,000 domains few of them send
 * at a time. For any thread.
 */
#ifndef KEYS_HELD_H
#define KEYS_HELD_H

#include <stdatomic.h>

#include "keys/keyring.h"

/* A key and what it has done. */
struct served {
	const struct signing_key *key;
	_Atomic int64_t second; /* of RECENT */
	atomic_uint recent;
	atomic_bool limited;
};

struct held;

/* Keeps about MAX keys: those in use are not counted. For as long as the process. */
struct held *held_new(unsigned max);

/* The key with NUMBER, in use until held_return(); NULL: it is not there. */
struct served *held_find(struct held *held, uint64_t number);

/* Keeps KEY, which lives in ARENA, which it takes; in use, too. If another thread was faster, its
 * key. */
struct served *held_add(struct held *held, const struct signing_key *key, struct arena *arena);
void held_return(struct held *held, struct served *served);

/* A key that was refused for its rate since the last call: its names in LINE. */
bool held_find_limited(struct held *held, char *line, size_t size);

#endif
