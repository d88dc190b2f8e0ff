/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Public keys that were decoded before: a bounded table shared by all threads. Decoding a key costs
 * a third of what verifying with it costs, and most mail comes from a few signers.
 *
 * A key is found by the SHA-256 of its type and of what p= carries: the same record gives the same
 * key wherever it is published, and a changed record is another key.
 */
#ifndef POLICY_DKIM_KEYCACHE_H
#define POLICY_DKIM_KEYCACHE_H

#include "lib/crypto/public.h"

struct keycache;

/* KEYS: how many are kept (a little more, for even sets); some 3 KiB each. */
struct keycache *keycache_new(unsigned keys);
void keycache_free(struct keycache *cache); /* NULL is OK */

/*
 * As crypt_public_parse(), and as free of locks for its user: the key stays as long as ARENA,
 * whatever becomes of the cache's own copy. NULL with a reason; that is not remembered.
 */
const struct crypt_public *keycache_get(struct keycache *cache, enum crypt_type type,
					struct span data, struct arena *arena, struct why *why);

void keycache_flush(struct keycache *cache);

#endif
